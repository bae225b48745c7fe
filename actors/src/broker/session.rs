//! One connection to TWS or IB Gateway: handshake, contracts, subscriptions, inventory. Every await has a bound.
//! In: configuration. Out: a [`Session`], streams, snapshots. Absent: retries; the actor decides about those.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use engine::config::BrokerConfig;
use engine::journal::Severity;
use engine::market::{Instrument, SymbolId};
use engine::time::Timestamp;
use engine::trade::{BrokerEvent, BrokerOrder, BrokerOrderId, BrokerPosition, BrokerSnapshot};
use futures::{Stream, StreamExt};
use ibapi::accounts::types::AccountId;
use ibapi::accounts::{PnL, PositionUpdate};
use ibapi::contracts::{Contract, Currency, Exchange, SecurityType, Symbol};
use ibapi::market_data::{IgnoreSize, realtime};
use ibapi::orders::{ExecutionFilter, Executions, OrderUpdate, Orders};
use ibapi::subscriptions::{NoticeStream, Subscription, SubscriptionItem};
use ibapi::{Client, Error, RateLimiter};
use slog::{Logger, warn};
use tokio::time::timeout;

use super::convert;

/// Market data frames that may wait in the crate before the oldest are lost.
const CHANNEL_FRAMES: usize = 16_384;
/// Executions are asked for this many days back, the most there are, so that no weekend between two sessions hides one.
/// Without it the gateway lists those since its own midnight.
const EXECUTION_DAYS: i32 = 7;

#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("no answer from {address} within {waited:?}")]
    Silent { address: String, waited: Duration },
    #[error("{address}: {source}")]
    Refused { address: String, source: Box<Error> },
    #[error("{what}: {source}")]
    Request { what: String, source: Box<Error> },
    #[error("the gateway names the accounts {found:?}; expected {expected}")]
    Account { found: Vec<String>, expected: String },
    #[error(
        "the gateway is logged in to {account}, which trades real money; set instance.live, or log in to a paper account"
    )]
    RealMoney { account: String },
    #[error("{name}: {found} contracts match root {root}, expiry {expiry:?} at {exchange}; expected exactly one")]
    Contract { name: String, root: String, expiry: Option<String>, exchange: String, found: usize },
}

impl ConnectError {
    /// How loudly a failure to connect is told, and under which name.
    pub fn alarm(&self) -> (Severity, &'static str) {
        match self {
            // The same id is tried again: with another one, this client's own orders would be out of its reach.
            Self::Refused { source, .. } if matches!(**source, Error::ClientIdInUse { .. }) => {
                (Severity::Error, "broker.client_id_in_use")
            }
            Self::Account { .. } | Self::RealMoney { .. } | Self::Contract { .. } => {
                (Severity::Error, "broker.connect_failed")
            }
            Self::Silent { .. } | Self::Refused { .. } | Self::Request { .. } => {
                (Severity::Warning, "broker.connect_failed")
            }
        }
    }
}

/// The time at the gateway, for whoever lets its own clock follow it: a simulated gateway that plays the past.
pub async fn gateway_time(config: &BrokerConfig) -> Result<Timestamp, ConnectError> {
    let address = config.address.to_string();
    let builder = Client::builder().address(address.as_str()).client_id(config.client_id).max_reconnect_attempts(0);
    let client = timeout(config.connect_timeout, builder.connect())
        .await
        .map_err(|_| ConnectError::Silent { address: address.clone(), waited: config.connect_timeout })?
        .map_err(|source| ConnectError::Refused { address, source: Box::new(source) })?;
    let at = bounded("the gateway's time", config.request_timeout, client.server_time_millis()).await;
    client.disconnect().await;
    at.map(convert::timestamp)
}

/// How a connection is to be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Manner {
    /// Keep to IB's messages a second.
    pub paced: bool,
    /// Real money was acknowledged.
    pub live: bool,
}

/// A live connection with what was learned at its start.
pub struct Session {
    pub client: Arc<Client>,
    pub account: String,
    /// By symbol: contract id and exchange, as orders and subscriptions name it.
    pub contracts: Vec<Contract>,
    instruments: Vec<Instrument>,
    by_contract_id: BTreeMap<i32, SymbolId>,
    request_timeout: Duration,
}

/// A session's ways of telling. All of them end when the connection is lost.
pub struct Streams {
    pub orders: Subscription<OrderUpdate>,
    pub notices: NoticeStream,
}

pub enum Tick {
    Trade(realtime::Trade),
    Quote(realtime::BidAsk),
    /// Frames were dropped, or another notice about the stream.
    Notice {
        code: i32,
        text: String,
    },
    /// The stream is over.
    Ended(String),
}

pub type TickStream = Pin<Box<dyn Stream<Item = (SymbolId, Tick)>>>;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TickKind {
    Trades,
    Quotes,
}

impl Session {
    /// Connects and qualifies every instrument.
    pub async fn open(
        config: &BrokerConfig,
        instruments: &[Instrument],
        manner: Manner,
    ) -> Result<(Session, Streams), ConnectError> {
        let address = config.address.to_string();
        let mut builder = Client::builder()
            .address(address.as_str())
            .client_id(config.client_id)
            .max_reconnect_attempts(0)
            .channel_capacity(CHANNEL_FRAMES)
            .one_shot_timeout(config.request_timeout);
        if manner.paced {
            builder = builder.rate_limiter(RateLimiter::per_second(config.messages_per_second_max));
        }
        let (client, notices) = timeout(config.connect_timeout, builder.connect_with_notice_stream())
            .await
            .map_err(|_| ConnectError::Silent { address: address.clone(), waited: config.connect_timeout })?
            .map_err(|source| ConnectError::Refused { address, source: Box::new(source) })?;
        let client = Arc::new(client);
        // Before anything trades: what happens from here on is heard.
        let orders = bounded("order updates", config.request_timeout, client.order_update_stream()).await?;
        let account = pick_account(client.handshake_managed_accounts(), config.account.as_deref())?;
        // Interactive Brokers' paper accounts begin with D.
        if !manner.live && !account.starts_with('D') {
            return Err(ConnectError::RealMoney { account });
        }
        let mut session = Session {
            client,
            account,
            contracts: Vec::new(),
            instruments: instruments.to_vec(),
            by_contract_id: BTreeMap::new(),
            request_timeout: config.request_timeout,
        };
        for instrument in instruments {
            let contract = session.qualify(instrument).await?;
            session.by_contract_id.insert(contract.contract_id, instrument.id);
            session.contracts.push(contract);
        }
        Ok((session, Streams { orders, notices }))
    }

    pub fn next_order_id(&self) -> BrokerOrderId {
        BrokerOrderId(self.client.next_order_id())
    }

    pub fn symbol_of(&self, contract: &Contract) -> Option<SymbolId> {
        self.by_contract_id.get(&contract.contract_id).copied()
    }

    /// The one contract that the instrument names, reduced to what the gateway needs to find it again: the long form of
    /// its expiry is not always accepted back.
    async fn qualify(&self, instrument: &Instrument) -> Result<Contract, ConnectError> {
        let wanted = Contract {
            symbol: Symbol::from(instrument.root.as_str()),
            security_type: SecurityType::Future,
            exchange: Exchange::from(instrument.exchange.as_str()),
            currency: Currency::from(instrument.currency.as_str()),
            last_trade_date_or_contract_month: instrument.expiry.clone().unwrap_or_default(),
            ..Contract::default()
        };
        let what = format!("contract details of {}", instrument.name);
        let mut details = bounded(&what, self.request_timeout, self.client.contract_details(&wanted)).await?;
        // Without an expiry the front month: the earliest that is still to come.
        details.sort_by(|a, b| a.real_expiration_date.cmp(&b.real_expiration_date));
        let found = details.len();
        let chosen = match instrument.expiry {
            Some(_) if found == 1 => details.pop(),
            Some(_) => None,
            None => details.into_iter().next(),
        };
        let chosen = chosen.ok_or_else(|| ConnectError::Contract {
            name: instrument.name.clone(),
            root: instrument.root.clone(),
            expiry: instrument.expiry.clone(),
            exchange: instrument.exchange.clone(),
            found,
        })?;
        Ok(Contract {
            contract_id: chosen.contract.contract_id,
            symbol: chosen.contract.symbol,
            security_type: SecurityType::Future,
            exchange: Exchange::from(instrument.exchange.as_str()),
            currency: chosen.contract.currency,
            ..Contract::default()
        })
    }

    /// Subscribes to one kind of tick of one symbol.
    pub async fn ticks(&self, symbol: SymbolId, kind: TickKind) -> Result<TickStream, Error> {
        let contract = &self.contracts[usize::from(symbol.0)];
        let request = self.client.tick_by_tick(contract, 0);
        Ok(match kind {
            TickKind::Trades => tagged(symbol, request.last().await?, Tick::Trade),
            TickKind::Quotes => tagged(symbol, request.bid_ask(IgnoreSize::No).await?, Tick::Quote),
        })
    }

    /// Open orders of all clients, completed orders, executions with their commissions, positions.
    pub async fn inventory(&self, log: &Logger) -> Result<BrokerSnapshot, ConnectError> {
        let wait = self.request_timeout;
        let open = self.orders("open orders", self.client.all_open_orders()).await?;
        // Some gateways never answer this one; what is not listed as completed is found by its executions.
        let completed = match self.orders("completed orders", self.client.completed_orders(false)).await {
            Ok(orders) => orders,
            Err(reason) => {
                warn!(log, "{reason}"; "event" => "broker.no_completed_orders");
                Vec::new()
            }
        };
        let filter = ExecutionFilter { last_n_days: EXECUTION_DAYS, ..ExecutionFilter::default() };
        let mut request = bounded("executions", wait, self.client.executions(filter)).await?;
        let rows = collected("executions", request.collect_to_end_within(wait).await)?;
        let mut snapshot =
            BrokerSnapshot { open_orders: open, completed_orders: completed, ..BrokerSnapshot::default() };
        for row in rows {
            self.add_execution(row, &mut snapshot, log);
        }
        snapshot.positions = self.positions().await?;
        Ok(snapshot)
    }

    async fn orders<F>(&self, what: &str, request: F) -> Result<Vec<BrokerOrder>, ConnectError>
    where
        F: Future<Output = Result<Subscription<Orders>, Error>>,
    {
        let mut request = bounded(what, self.request_timeout, request).await?;
        let rows = collected(what, request.collect_to_end_within(self.request_timeout).await)?;
        let ours = rows.iter().filter_map(|row| match row {
            Orders::OrderData(data) => {
                self.symbol_of(&data.contract).and_then(|symbol| convert::broker_order(symbol, data).ok())
            }
            Orders::OrderStatus(_) => None,
        });
        Ok(ours.collect())
    }

    fn add_execution(&self, row: Executions, snapshot: &mut BrokerSnapshot, log: &Logger) {
        match row {
            Executions::ExecutionData(data) => match self.execution(&data) {
                Some(Ok(BrokerEvent::Execution(execution))) => snapshot.executions.push(execution),
                Some(Ok(_)) | None => {}
                Some(Err(reason)) => {
                    warn!(log, "an execution cannot be read: {reason}"; "event" => "broker.unreadable")
                }
            },
            Executions::CommissionReport(report) => match convert::commission(&report) {
                Ok(BrokerEvent::Commission { exec_id, amount }) => snapshot.commissions.push((exec_id, amount)),
                Ok(_) => {}
                Err(reason) => warn!(log, "a commission cannot be read: {reason}"; "event" => "broker.unreadable"),
            },
        }
    }

    /// `None`: of a contract that is not configured, or of another account.
    pub fn execution(&self, data: &ibapi::orders::ExecutionData) -> Option<Result<BrokerEvent, convert::Unreadable>> {
        if data.execution.account_number != self.account {
            return None;
        }
        let symbol = self.symbol_of(&data.contract)?;
        let instrument = &self.instruments[usize::from(symbol.0)];
        Some(convert::execution(symbol, instrument, &data.execution).map(BrokerEvent::Execution))
    }

    /// Profit of the account's day, whenever it changes.
    pub async fn profit(&self) -> Result<Subscription<PnL>, ConnectError> {
        let account = AccountId(self.account.clone());
        bounded("profit of the day", self.request_timeout, self.client.pnl(&account, None)).await
    }

    /// Net positions of the configured instruments.
    pub async fn positions(&self) -> Result<Vec<BrokerPosition>, ConnectError> {
        let wait = self.request_timeout;
        let mut request = bounded("positions", wait, self.client.positions()).await?;
        let mut rows = Vec::new();
        let read = async {
            loop {
                match request.next().await {
                    Some(Ok(SubscriptionItem::Data(PositionUpdate::Position(position)))) => rows.push(position),
                    Some(Ok(SubscriptionItem::Data(PositionUpdate::PositionEnd))) => return Ok(()),
                    Some(Ok(SubscriptionItem::Notice(_))) => {}
                    Some(Err(source)) => return Err(source),
                    None => return Err(Error::EndOfStream),
                }
            }
        };
        let ended = timeout(wait, read).await.map_err(|_| Error::Timeout).and_then(|read| read);
        collected("positions", ended)?;
        request.cancel().await;
        let ours = rows.iter().filter(|row| row.account == self.account);
        let known = ours.filter_map(|row| {
            let symbol = self.symbol_of(&row.contract)?;
            Some(BrokerPosition { symbol, quantity: row.position.round() as i64 })
        });
        Ok(known.collect())
    }
}

pub(super) fn tagged<T, S, F>(symbol: SymbolId, stream: S, wrap: F) -> TickStream
where
    S: Stream<Item = Result<SubscriptionItem<T>, Error>> + 'static,
    F: Fn(T) -> Tick + 'static,
{
    let items = stream.map(move |item| match item {
        Ok(SubscriptionItem::Data(data)) => (symbol, wrap(data)),
        Ok(SubscriptionItem::Notice(notice)) => (symbol, Tick::Notice { code: notice.code, text: notice.message }),
        Err(reason) => (symbol, Tick::Ended(reason.to_string())),
    });
    Box::pin(items)
}

fn pick_account(found: &[String], wanted: Option<&str>) -> Result<String, ConnectError> {
    let problem = |expected: String| ConnectError::Account { found: found.to_vec(), expected };
    match (wanted, found) {
        (Some(wanted), _) if found.iter().any(|name| name == wanted) => Ok(wanted.to_owned()),
        (Some(wanted), _) => Err(problem(format!("{wanted} (broker.account)"))),
        (None, [only]) => Ok(only.clone()),
        (None, _) => Err(problem("exactly one, or broker.account to say which".to_owned())),
    }
}

async fn bounded<T, F>(what: &str, wait: Duration, request: F) -> Result<T, ConnectError>
where
    F: Future<Output = Result<T, Error>>,
{
    collected(what, timeout(wait, request).await.map_err(|_| Error::Timeout).and_then(|answer| answer))
}

fn collected<T>(what: &str, answer: Result<T, Error>) -> Result<T, ConnectError> {
    answer.map_err(|source| ConnectError::Request { what: what.to_owned(), source: Box::new(source) })
}
