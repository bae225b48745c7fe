//! The first exchange of a connection, the same text at every version.
//! In: `API\0` and a frame `v<min>..<max>[ options]`. Out: the announced server version and the connection time.

use crate::wire::frame;

const PREFIX: &[u8; 4] = b"API\0";
/// Real offers have some twenty bytes; connection options are short.
const OFFER_BYTES_MAX: usize = 4096;

/// The range of server versions that a client understands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Offer {
    pub min: i32,
    pub max: i32,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadHello {
    #[error("the connection began with {found:?}, expected \"API\\0\"")]
    NotApi { found: String },
    #[error("the version offer is {length} bytes long, expected 1 to {OFFER_BYTES_MAX}")]
    Length { length: usize },
    #[error("the version offer is {found:?}, expected v<min>..<max>")]
    Offer { found: String },
}

/// The client's offer and how many bytes it took; `None` until it is complete.
pub fn read_offer(bytes: &[u8]) -> Result<Option<(Offer, usize)>, BadHello> {
    let seen = &bytes[..bytes.len().min(PREFIX.len())];
    if !PREFIX.starts_with(seen) {
        return Err(BadHello::NotApi { found: String::from_utf8_lossy(seen).into_owned() });
    }
    let rest = &bytes[seen.len()..];
    if let Some(head) = rest.first_chunk::<4>() {
        let length = u32::from_be_bytes(*head) as usize;
        if length == 0 || length > OFFER_BYTES_MAX {
            return Err(BadHello::Length { length });
        }
    }
    let split = frame::split(rest).map_err(|bad| BadHello::Length { length: bad.length })?;
    let Some((body, used)) = split else { return Ok(None) };
    let text = String::from_utf8_lossy(body);
    parse_offer(&text)
        .map(|offer| Some((offer, PREFIX.len() + used)))
        .ok_or(BadHello::Offer { found: text.into_owned() })
}

fn parse_offer(text: &str) -> Option<Offer> {
    let range = text.trim_end_matches('\0').split(' ').next()?.strip_prefix('v')?;
    let (min, max) = range.split_once("..").unwrap_or((range, range));
    Some(Offer { min: min.parse().ok()?, max: max.parse().ok()? })
}

/// The reply: `time` like `20260825 20:11:28 UTC`.
pub fn put_reply(out: &mut Vec<u8>, version: i32, time: &str) {
    frame::put(out, |out| out.extend_from_slice(format!("{version}\0{time}\0").as_bytes()));
}
