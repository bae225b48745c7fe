//! Frames: a length of four bytes, big endian, then the body. In and out: bytes. Knows nothing of messages.

/// The longest body that the protocol allows.
pub const BODY_BYTES_MAX: usize = 0x00FF_FFFF;
const LENGTH_BYTES: usize = 4;

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a frame of {length} bytes was announced, expected 1 to {BODY_BYTES_MAX}")]
pub struct BadFrame {
    pub length: usize,
}

/// The first whole body in `bytes` and how many bytes it took; `None` until it is complete.
pub fn split(bytes: &[u8]) -> Result<Option<(&[u8], usize)>, BadFrame> {
    let Some((head, rest)) = bytes.split_first_chunk::<LENGTH_BYTES>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes(*head) as usize;
    if length == 0 || length > BODY_BYTES_MAX {
        return Err(BadFrame { length });
    }
    Ok(rest.get(..length).map(|body| (body, LENGTH_BYTES + length)))
}

/// Appends a frame whose body `write` appends.
pub fn put(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; LENGTH_BYTES]);
    write(out);
    let length = u32::try_from(out.len() - start - LENGTH_BYTES).expect("a message is far shorter than four gigabytes");
    out[start..start + LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
}
