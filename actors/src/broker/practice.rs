//! A line to practise on: the crate's client at one end, a partner at the other, both on this thread, so that a rehearsal
//! walks the socket, the crate's reading and its writing too. In: a partner. Out: its trades, read as the broker's own;
//! orders that nobody fills. Absent: the connection that trades, of which this has neither address nor client.

use std::hint::black_box;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use engine::market::{Instrument, PriceGrid, SymbolId};
use futures::StreamExt;
use ibapi::contracts::{Contract, Currency, Exchange, SecurityType, Symbol};
use ibapi::orders::Order;
use ibapi::{Client, Error};
use tokio::time::sleep;

use super::gate::{Gate, Gated};
use super::ready::{Merged, Ready};
use super::session::{Tick, TickStream, tagged};
use super::{TICKS_AT_ONCE, convert};

/// While the two get to know each other.
const TURN_EVERY: Duration = Duration::from_millis(1);

/// A partner's turn: it does what it has been asked since the last one, without waiting, and with `true` then sends a
/// trade. Returns how many messages it got.
pub type Turn = Box<dyn FnMut(bool) -> io::Result<usize>>;

/// Who answers a [`Practice`]: something on this machine that speaks the protocol and trades nothing. Where it listens, and
/// its turn.
pub type Partner = (SocketAddr, Turn);

/// Brings a partner.
pub type FindPartner = fn() -> io::Result<Partner>;

#[derive(Debug, thiserror::Error)]
pub(super) enum PracticeError {
    #[error("the partner's end: {0}")]
    Partner(#[from] io::Error),
    #[error("our end: {0}")]
    Client(Box<Error>),
    #[error("the partner's trade did not come: {0}")]
    NoTrade(String),
}

impl From<Error> for PracticeError {
    fn from(reason: Error) -> Self {
        Self::Client(Box::new(reason))
    }
}

pub(super) struct Practice {
    turn: Turn,
    client: Client,
    contract: Contract,
    grid: PriceGrid,
    trades: Ready<Gated<Merged<TickStream>>>,
}

impl Practice {
    /// Connects to the partner and subscribes to its trades.
    pub async fn open((address, mut turn): Partner, instrument: &Instrument) -> Result<Self, PracticeError> {
        let address = address.to_string();
        let connecting = Client::builder().address(address.as_str()).client_id(0).max_reconnect_attempts(0).connect();
        let turning = async {
            loop {
                if let Err(reason) = turn(false) {
                    return reason;
                }
                sleep(TURN_EVERY).await;
            }
        };
        let client = tokio::select! {
            client = connecting => client?,
            reason = turning => return Err(reason.into()),
        };
        let contract = Contract {
            symbol: Symbol::from(instrument.root.as_str()),
            security_type: SecurityType::Future,
            exchange: Exchange::from(instrument.exchange.as_str()),
            currency: Currency::from(instrument.currency.as_str()),
            ..Contract::default()
        };
        let trades = tagged(SymbolId(0), client.tick_by_tick(&contract, 0).last().await?, Tick::Trade);
        // As the broker's own come to it.
        let trades = Ready::new(Gated::new(Rc::new(Gate::default()), Merged::new(vec![trades])), TICKS_AT_ONCE);
        Ok(Self { turn, client, contract, grid: PriceGrid::of(instrument), trades })
    }

    /// Has the partner send a trade, and waits for it.
    pub async fn trade(&mut self) -> Result<(), PracticeError> {
        (self.turn)(true)?;
        let ended = || PracticeError::NoTrade("the stream is over".to_owned());
        for (_, tick) in self.trades.next().await.ok_or_else(ended)? {
            match tick {
                Tick::Trade(trade) => drop(black_box(convert::trade(&self.grid, &trade))),
                Tick::Notice { text, .. } | Tick::Ended(text) => return Err(PracticeError::NoTrade(text)),
                Tick::Quote(_) => return Err(PracticeError::NoTrade("a quote came".to_owned())),
            }
        }
        Ok(())
    }

    pub async fn send(&self, order: &Order) -> Result<(), PracticeError> {
        Ok(self.client.submit_order(order.order_id, &self.contract, order).await?)
    }
}
