//! A started client: the first byte chooses its encoding, the rest are frames.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    gateway::fuzzing::session(bytes);
});
