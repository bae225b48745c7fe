//! The wire protocol of TWS, in both of its encodings. In: bytes. Out: typed requests; and typed responses to bytes.
//! One message family a file: each file holds its messages, their protobuf tags and their text layouts.
//! Absent: sockets, accounts, what a request does.

use crate::wire::fields::DecodeError;

pub mod account;
pub mod bars;
pub mod contract;
pub mod execution;
pub mod fields;
pub mod frame;
pub mod handshake;
pub mod market_data;
pub mod order;
pub mod order_report;
pub mod order_request;
pub mod past;
pub mod past_ticks;
pub mod pnl;
pub mod position;
pub mod request;
pub mod response;
pub mod session;
pub mod symbols;
pub mod ticks;
pub mod writer;

#[cfg(test)]
pub mod tests;

/// Protobuf message ids on the wire are the text ids plus this.
pub const PROTOBUF_ID_OFFSET: i32 = 200;
/// The newest version with text only that this gateway announces.
pub const TEXT_VERSION_MAX: i32 = 178;
/// The oldest version whose text layouts are known here.
pub const TEXT_VERSION_MIN: i32 = 157;
/// From this version on everything is protobuf; below it, down to 201, encodings are mixed and never announced.
pub const PROTOBUF_VERSION_MIN: i32 = 213;
pub const PROTOBUF_VERSION_MAX: i32 = 225;
/// What "unset" is in a text field that holds a double, in Java's spelling.
pub const UNSET_DOUBLE: &str = "1.7976931348623157E308";

/// How one connection speaks, with the server version that was announced to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    Text { version: i32 },
    Protobuf { version: i32 },
}

impl Encoding {
    /// What to announce to a client that offers `min..max`; `None`: nothing in common, close.
    pub fn negotiate(min: i32, max: i32) -> Option<Encoding> {
        if max >= PROTOBUF_VERSION_MIN {
            let version = max.min(PROTOBUF_VERSION_MAX);
            return (version >= min).then_some(Encoding::Protobuf { version });
        }
        // The two families of Python clients disagree about one field at 158, so nobody is told 158.
        let version = match max.min(TEXT_VERSION_MAX) {
            158 => 157,
            version => version,
        };
        (version >= min && version >= TEXT_VERSION_MIN).then_some(Encoding::Text { version })
    }

    /// The number of the message that a frame's body holds; `None` if it holds none.
    pub fn message_id(self, body: &[u8]) -> Option<i32> {
        match self {
            Encoding::Text { .. } => std::str::from_utf8(body.split(|byte| *byte == 0).next()?).ok()?.parse().ok(),
            Encoding::Protobuf { .. } => Some(i32::from_be_bytes(*body.first_chunk()?) - PROTOBUF_ID_OFFSET),
        }
    }

    pub fn version(self) -> i32 {
        match self {
            Encoding::Text { version } | Encoding::Protobuf { version } => version,
        }
    }
}

/// A message that a client sends.
pub trait Ask: prost::Message + Default {
    const ID: i32;
    const NAME: &'static str;

    /// Reads the fields after the message id.
    fn from_text(fields: &mut fields::Fields<'_>) -> Result<Self, DecodeError>;
}

/// A message that the gateway sends.
pub trait Reply: prost::Message {
    const ID: i32;

    /// Writes the fields after the message id.
    fn to_text(&self, text: &mut writer::TextWriter<'_>);
}
