//! The codec alone: layouts of responses and requests by version, ticks, and input that nobody should send.

mod data;
mod layouts;
mod requests;
mod survive;
mod ticks;

pub use requests::limit_order;

/// What the text clients that matter are told.
const VERSIONS: [i32; 3] = [157, 176, 178];
