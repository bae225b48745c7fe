//! No input makes a decoder panic, and what is announced is what was offered.

use proptest::prelude::*;

use super::VERSIONS;
use crate::wire::request::Request;
use crate::wire::{Encoding, frame, handshake};

proptest! {
    #[test]
    fn no_body_makes_a_decoder_panic(body in prop::collection::vec(any::<u8>(), 0..400)) {
        for encoding in [Encoding::Text { version: 157 }, Encoding::Text { version: 178 }, Encoding::Protobuf { version: 225 }] {
            drop(Request::decode(encoding, &body));
        }
        drop(handshake::read_offer(&body));
        if let Ok(Some((inner, used))) = frame::split(&body) {
            prop_assert!(inner.len() + 4 == used && used <= body.len());
        }
    }

    #[test]
    fn no_fields_after_a_known_id_make_a_decoder_panic(
        id in 1i32..110,
        fields in prop::collection::vec("(|0|1|-1|[0-9]{1,11}|BAG|None|[ -~]{0,6})", 0..130),
        payload in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let text = format!("{id}\0{}\0", fields.join("\0"));
        for version in VERSIONS {
            drop(Request::decode(Encoding::Text { version }, text.as_bytes()));
        }
        let mut protobuf = (id + 200).to_be_bytes().to_vec();
        protobuf.extend(payload);
        drop(Request::decode(Encoding::Protobuf { version: 225 }, &protobuf));
    }

    #[test]
    fn whatever_is_announced_lies_in_the_offer_and_in_one_encoding(min in 0i32..300, max in 0i32..300) {
        match Encoding::negotiate(min, max) {
            None => {}
            Some(Encoding::Text { version }) => prop_assert!(min <= version && version <= max && version <= 178),
            Some(Encoding::Protobuf { version }) => prop_assert!(min <= version && version <= max && version >= 213),
        }
    }
}
