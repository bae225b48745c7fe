//! What the tests share: a folder to trade in, running programs, configurations, recorded markets, results.

pub mod broker;
pub mod config;
pub mod data;
pub mod desk;
pub mod gate;
#[path = "../../../actors/src/storage/pg_server.rs"]
#[expect(dead_code, reason = "the storage crate's own tests use more of it")]
pub mod pg_server;
pub mod process;
pub mod records;

pub use config::{Settings, Strategy};
pub use desk::Desk;
pub use process::{Finished, Process};
