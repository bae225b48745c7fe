//! What a gateway is told at its start, and why it may refuse to.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use engine::market::{FeedEvent, Instrument};
use engine::time::Timestamp;
use engine::trade::Money;
use slog::Logger;

use crate::history::History;

/// How market time passes.
#[derive(Clone)]
pub enum Pacing {
    /// A step is played when this clock, which shows market time, has reached it.
    Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>),
    /// Market time stands still until the first client that subscribed to ticks asks for the time; then exactly one
    /// step is played, and the answer follows the step's data. Deterministic, and as fast as the client answers.
    Answered,
    /// A step is played as soon as every client has taken nearly all that was sent before, whatever the time: as fast as
    /// the slowest client reads, and nothing is dropped. For measurements.
    Flood,
}

impl fmt::Debug for Pacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Pacing::Clock(_) => "Clock",
            Pacing::Answered => "Answered",
            Pacing::Flood => "Flood",
        })
    }
}

pub struct Options {
    /// Port 0 takes a free one; see [`crate::Gateway::local_addr`].
    pub listen: SocketAddr,
    /// At least one, each with its own id.
    pub instruments: Vec<Instrument>,
    /// Market events in the order of time.
    pub source: Box<dyn Iterator<Item = FeedEvent> + Send>,
    pub pace: Pacing,
    /// The days before the first event, and how much of the market is remembered.
    pub history: History,
    /// The account's name, e.g. `DU1234567`.
    pub account: String,
    pub cash: Money,
    /// Per contract and side.
    pub commission: Money,
    /// With a clock: nothing is played before the first subscription; then all that is due is played at once.
    pub wait_for_client: bool,
    /// Connections at once, at least one; one more is closed as soon as it is accepted.
    pub clients_max: usize,
    pub log: Logger,
}

/// As many clients as TWS serves.
pub const CLIENTS_MAX: usize = 32;

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot listen on {address}: {source}; is another gateway or TWS running there?")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("the gateway has no instruments, expected at least one")]
    NoInstruments,
    #[error("two instruments have the id {0}, expected a different id for each")]
    SameInstrumentId(u16),
    #[error("the account's name is {0:?}, expected letters and digits")]
    Account(String),
    #[error("the gateway is to serve no client, expected at least one")]
    NoClients,
    #[error("the control channel would listen on {0}, which other machines reach; expected a loopback address")]
    ControlOpen(SocketAddr),
    #[error("the control channel cannot listen on {address}: {source}")]
    Control { address: SocketAddr, source: std::io::Error },
    #[error("cannot start the gateway's thread: {0}")]
    Thread(std::io::Error),
}

impl Options {
    pub(crate) fn check(&self) -> Result<(), StartError> {
        if self.instruments.is_empty() {
            return Err(StartError::NoInstruments);
        }
        for (at, instrument) in self.instruments.iter().enumerate() {
            if self.instruments[..at].iter().any(|other| other.id == instrument.id) {
                return Err(StartError::SameInstrumentId(instrument.id.0));
            }
        }
        if self.clients_max == 0 {
            return Err(StartError::NoClients);
        }
        // Clients split the list of accounts at commas.
        if self.account.is_empty() || !self.account.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(StartError::Account(self.account.clone()));
        }
        Ok(())
    }
}
