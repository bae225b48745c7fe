//! One good request of each kind in text, and strategies that spoil requests in both encodings.
//! In: chance. Out: bodies of frames. Absent: what becomes of them.

use proptest::prelude::*;

use super::limit_order;
use crate::wire::request::Request;

/// Contract fields of requests: twelve.
const ES: &str = "|ES|FUT|202612||||CME||USD||";

/// The fields after the message id, with `CONTRACT` for [`ES`]. An order depends on the version: see [`limit_order`].
const FIELDS: &[(i32, &str)] = &[
    (1, "11|7|CONTRACT|0|233|0|0|"),
    (2, "2|7"),
    (4, "1|1|"),
    (5, "1"),
    (6, "2|1|DU1234567"),
    (7, "3|7|0|DU1234567|20261123-15:00:00|ES|FUT|CME|BUY"),
    (8, "1|1"),
    (9, "8|7|CONTRACT|0||||"),
    (14, "1|3"),
    (15, "1|1"),
    (16, "1"),
    (17, "1"),
    (20, "7|CONTRACT|0|20261123 16:00:00 UTC|1 min|1 D|1|TRADES|1|1|"),
    (25, "1|7"),
    (49, "1"),
    (50, "3|7|CONTRACT|5|TRADES|1|"),
    (51, "1|7"),
    (58, "1"),
    (59, "1|1"),
    (61, "1"),
    (62, "1|7|All|NetLiquidation,TotalCashValue"),
    (63, "1|7"),
    (64, "1"),
    (71, "2|1|"),
    (74, "1|7|DU1234567|"),
    (75, "1|7"),
    (76, "1|7|DU1234567||0"),
    (77, "1|7"),
    (81, "7|ES"),
    (87, "7|CONTRACT|0|1|TRADES|1"),
    (90, "7"),
    (91, "67"),
    (92, "7|DU1234567|"),
    (93, "7"),
    (94, "7|DU1234567||1"),
    (95, "7"),
    (96, "7|CONTRACT|0|20261123 15:00:00 UTC||10|TRADES|1|0|"),
    (97, "7|CONTRACT|BidAsk|0|0"),
    (98, "7"),
    (99, "0"),
    (105, ""),
    (106, "7"),
    (107, "7"),
];

const PLACE_ORDER: i32 = 3;

/// The fields of a good request, the message id first.
pub fn fields(id: i32, version: i32) -> Option<Vec<String>> {
    if id == PLACE_ORDER {
        return Some(limit_order(version, 1));
    }
    let (_, rest) = FIELDS.iter().find(|(other, _)| *other == id)?;
    let all = format!("{id}|{}", rest.replace("CONTRACT", ES));
    Some(all.split('|').map(str::to_owned).collect())
}

/// A body in text: each field ends with NUL.
pub fn body(fields: &[Vec<u8>]) -> Vec<u8> {
    fields.iter().flat_map(|field| field.iter().copied().chain([0])).collect()
}

/// What people and broken programs write into fields.
fn value() -> impl Strategy<Value = Vec<u8>> {
    const WORDS: &[&[u8]] = &[
        b"",
        b"0",
        b"1",
        b"-1",
        b"2147483647",
        b"2147483648",
        b"-2147483648",
        b"99999999999999999999",
        b"2000000000",
        b"70000",
        b"1e400",
        b"-0.0",
        b"NaN",
        b"inf",
        b"1.7976931348623157E308",
        b"0.1",
        b"5000.25",
        b"BAG",
        b"None",
        b"MKT",
        b"LMT",
        b"STP",
        b"STP LMT",
        b"TRAIL",
        b"PEG BENCH",
        b"GTC",
        b"IOC",
        b"SELL",
        b"true",
        b"\xff\xfe",
        b"\xc3\x28",
        b"20261123 15:00:00 US/Central",
        b"20261399",
        b"65000",
        b"\x80",
        b"%s%n",
        b"'; --",
    ];
    prop_oneof![
        6 => prop::sample::select(WORDS).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..12),
        1 => any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        1 => (0usize..3000).prop_map(|length| vec![b'x'; length]),
    ]
}

#[derive(Clone, Debug)]
enum Spoil {
    Set(prop::sample::Index, Vec<u8>),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index),
    Cut(prop::sample::Index),
    Flip(prop::sample::Index, u8),
}

fn spoil() -> impl Strategy<Value = Spoil> {
    let place = any::<prop::sample::Index>;
    prop_oneof![
        6 => (place(), value()).prop_map(|(at, value)| Spoil::Set(at, value)),
        2 => (place(), value()).prop_map(|(at, value)| Spoil::Insert(at, value)),
        2 => place().prop_map(Spoil::Remove),
        1 => place().prop_map(Spoil::Cut),
        1 => (place(), any::<u8>()).prop_map(|(at, byte)| Spoil::Flip(at, byte)),
    ]
}

fn apply(mut fields: Vec<Vec<u8>>, spoils: &[Spoil]) -> Vec<u8> {
    for spoil in spoils {
        match spoil {
            Spoil::Set(at, value) if !fields.is_empty() => {
                let at = at.index(fields.len());
                fields[at].clone_from(value);
            }
            Spoil::Insert(at, value) => fields.insert(at.index(fields.len() + 1), value.clone()),
            Spoil::Remove(at) if !fields.is_empty() => drop(fields.remove(at.index(fields.len()))),
            _ => {}
        }
    }
    let mut bytes = body(&fields);
    for spoil in spoils {
        match spoil {
            Spoil::Cut(at) => bytes.truncate(at.index(bytes.len() + 1)),
            Spoil::Flip(at, byte) if !bytes.is_empty() => {
                let at = at.index(bytes.len());
                bytes[at] ^= byte;
            }
            _ => {}
        }
    }
    bytes
}

/// A request in text that may still be good.
pub fn text_request(version: i32) -> impl Strategy<Value = Vec<u8>> {
    let spoiled = (prop::sample::select(Request::IDS), prop::collection::vec(spoil(), 0..5));
    spoiled.prop_map(move |(id, spoils)| {
        let fields = fields(id, version).unwrap_or_else(|| vec![id.to_string(), "1".to_owned(), "7".to_owned()]);
        apply(fields.into_iter().map(String::into_bytes).collect(), &spoils)
    })
}

/// One field of any protobuf message: its number and a value of any kind.
fn protobuf_field(deeper: BoxedStrategy<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof![6 => 1u32..30, 2 => 30u32..150, 1 => any::<u32>().prop_map(|n| n >> 3)];
    let payload = prop_oneof![
        3 => any::<u64>().prop_map(|value| (0, varint(value))),
        3 => (0u64..10).prop_map(|value| (0, varint(value))),
        2 => any::<f64>().prop_map(|value| (1, value.to_le_bytes().to_vec())),
        4 => value().prop_map(|bytes| (2, delimited(&bytes))),
        3 => deeper.prop_map(|message| (2, delimited(&message))),
        1 => any::<[u8; 4]>().prop_map(|bytes| (5, bytes.to_vec())),
        1 => (3u8..8).prop_map(|kind| (kind, Vec::new())),
    ];
    (number, payload).prop_map(|(number, (kind, bytes))| {
        let mut field = varint(u64::from(number) << 3 | u64::from(kind));
        field.extend(bytes);
        field
    })
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn delimited(bytes: &[u8]) -> Vec<u8> {
    let mut all = varint(bytes.len() as u64);
    all.extend_from_slice(bytes);
    all
}

fn protobuf_message(depth: u32) -> BoxedStrategy<Vec<u8>> {
    let deeper = if depth == 0 { Just(Vec::new()).boxed() } else { protobuf_message(depth - 1) };
    prop::collection::vec(protobuf_field(deeper), 0..10).prop_map(|fields| fields.concat()).boxed()
}

/// A request in protobuf: any message under the id of a request, sometimes cut.
pub fn protobuf_request() -> impl Strategy<Value = Vec<u8>> {
    let cut = prop::option::weighted(0.1, any::<prop::sample::Index>());
    (prop::sample::select(Request::IDS), protobuf_message(2), cut).prop_map(|(id, message, cut)| {
        let mut bytes = (id + 200).to_be_bytes().to_vec();
        bytes.extend(message);
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len() + 1));
        }
        bytes
    })
}
