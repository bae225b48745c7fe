//! Good requests are read, spoiled ones are errors that name what is wrong; neither makes a decoder panic.

use proptest::prelude::*;

use super::examples::{body, fields, protobuf_request, text_request};
use super::{VERSIONS, limit_order};
use crate::wire::Encoding;
use crate::wire::fields::{DecodeError, REQUEST_BYTES_MAX};
use crate::wire::request::Request;

/// Requests without any field that could be missing.
const BARE: [i32; 1] = [105];

fn text(version: i32, fields: &[String]) -> Result<Request, DecodeError> {
    let fields: Vec<Vec<u8>> = fields.iter().map(|field| field.clone().into_bytes()).collect();
    Request::decode(Encoding::Text { version }, &body(&fields))
}

#[test]
fn every_request_that_is_served_has_an_example_that_is_read_at_every_version() {
    for id in Request::IDS {
        for version in VERSIONS {
            let fields = fields(*id, version).unwrap_or_else(|| panic!("request {id} has no example: add one"));
            let read = text(version, &fields).unwrap_or_else(|bad| panic!("request {id} at {version}: {bad}"));
            assert!(!matches!(read, Request::NotServed { .. }), "request {id}");
        }
    }
}

#[test]
fn a_request_that_ends_early_is_an_error_and_fields_behind_its_end_are_passed_over() {
    for id in Request::IDS.iter().filter(|id| !BARE.contains(id)) {
        for version in VERSIONS {
            let fields = fields(*id, version).expect("there is an example of each");
            let whole = text(version, &fields).expect("it is good");
            let short = text(version, &fields[..1]);
            assert!(matches!(short, Err(DecodeError::Missing { .. })), "request {id} at {version}: {short:?}");
            let long = [fields, vec!["more".to_owned(), String::new()]].concat();
            assert_eq!(text(version, &long).as_ref(), Ok(&whole), "request {id} at {version}");
        }
    }
}

#[test]
fn an_error_shows_the_beginning_of_a_value_only() {
    let mut fields = limit_order(178, 1);
    fields[2] = "9".repeat(5000);
    let error = text(178, &fields).expect_err("it is no contract id").to_string();
    assert!(error.contains("placeOrder: field 2 (conId) is \"999") && error.contains("…\""), "{error}");
    assert!(error.len() < 200, "{error}");
    fields[2] = "ü".repeat(100);
    assert!(text(178, &fields).expect_err("it is no contract id").to_string().contains("üüü…\""));
}

#[test]
fn a_request_longer_than_any_that_makes_sense_is_not_read() {
    for encoding in [Encoding::Text { version: 178 }, Encoding::Protobuf { version: 225 }] {
        let mut bytes = match encoding {
            Encoding::Text { .. } => b"61\x001\x00".to_vec(),
            Encoding::Protobuf { .. } => 261_i32.to_be_bytes().to_vec(),
        };
        assert!(Request::decode(encoding, &bytes).is_ok());
        bytes.resize(REQUEST_BYTES_MAX + 1, 0);
        assert_eq!(Request::decode(encoding, &bytes), Err(DecodeError::TooLong { length: REQUEST_BYTES_MAX + 1 }));
    }
}

#[test]
fn wrong_protobuf_is_an_error_that_names_the_message() {
    let decode = |bytes: &[u8]| Request::decode(Encoding::Protobuf { version: 225 }, bytes);
    // A contract that says it is longer than the message; a name that is no UTF-8; a number where text is expected.
    for payload in [&[0x12, 0x7f, 0x08][..], &[0x12, 0x03, 0x12, 0x01, 0xff], &[0x12, 0x02, 0x10, 0x01]] {
        let bad = decode(&[&209_i32.to_be_bytes()[..], payload].concat()).expect_err("it is no contract request");
        assert!(bad.to_string().starts_with("reqContractDetails: not a valid protobuf message: "), "{bad}");
    }
    assert_eq!(decode(&[0, 0, 0]), Err(DecodeError::NoId { length: 3 }));
    let unknown = decode(&[0, 0, 3, 232, 0x08, 7]).expect("an id that nobody serves is still a request");
    assert_eq!(unknown, Request::NotServed { message_id: 800, req_id: Some(7) });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn no_spoiled_text_makes_a_decoder_panic(
        (version, bytes) in prop::sample::select(&VERSIONS).prop_flat_map(|v| (Just(v), text_request(v))),
    ) {
        if let Err(bad) = Request::decode(Encoding::Text { version }, &bytes) {
            prop_assert!(!bad.to_string().is_empty() && bad.to_string().len() < 1000);
        }
    }

    #[test]
    fn no_protobuf_makes_a_decoder_panic(bytes in protobuf_request()) {
        if let Err(bad) = Request::decode(Encoding::Protobuf { version: 225 }, &bytes) {
            prop_assert!(!bad.to_string().is_empty());
        }
    }
}
