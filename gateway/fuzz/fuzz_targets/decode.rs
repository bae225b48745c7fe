//! Bytes as a hello, as a frame and as a request in every encoding.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gateway::fuzzing::decode(bytes));
