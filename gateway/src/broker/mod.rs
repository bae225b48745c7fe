//! The broker behind the sockets: one account, one market, any number of clients.
//! In: clients that come and go, their typed requests, the moment to play a step. Out: frames in each client's outbox.
//! Absent: sockets, threads, sleeping.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use engine::market::FeedEvent;
use engine::time::Timestamp;
use engine::venue::play::{Player, Step};
use engine::venue::{Rules, Venue, VenueConfig};
use slog::{Logger, info};

use crate::broker::clients::{Client, ConnId};
use crate::broker::data::DataSubs;
use crate::broker::day::TradingDay;
use crate::broker::fanout::Fanout;
use crate::broker::interventions::Quirks;
use crate::broker::orders::Notes;
use crate::broker::session::SYSTEM;
use crate::catalog::Catalog;
use crate::faults::Faults;
use crate::history::Memory;
use crate::hours::Hours;
use crate::options::{Options, Pacing};
use crate::script::Event;
use crate::stats::{Counters, Truth};
use crate::wire::Encoding;
use crate::wire::request::Request;
use crate::wire::response::Response;

mod account;
mod account_values;
pub mod clients;
mod contracts;
mod data;
mod day;
mod executions;
mod fanout;
mod history;
pub mod interventions;
mod kept;
mod market_data;
mod order_reading;
mod order_times;
mod order_view;
mod orders;
mod past;
mod past_ticks;
mod pnl;
mod positions;
mod quote_ticks;
mod realtime_bars;
pub mod rehearse;
mod reports;
pub mod session;
mod ticks;
mod what_if;

type Source = Box<dyn Iterator<Item = FeedEvent> + Send>;

pub struct Broker {
    player: Player<Source>,
    pace: Pacing,
    /// Time of the next step's first event; `None` when the market is over.
    next: Option<Timestamp>,
    catalog: Catalog,
    account: String,
    clients: BTreeMap<ConnId, Client>,
    ticks: Fanout,
    data: DataSubs,
    memory: Memory,
    notes: Notes,
    quirks: Quirks,
    day: TradingDay,
    /// Steps are played: always, or since the first subscription.
    playing: bool,
    /// Until then market time stands still too.
    clock_waits: bool,
    /// By how much the clock was ahead of the time that a waiting client was told last, in nanoseconds.
    lead: Option<i64>,
    pub counters: Counters,
    pub faults: Faults,
    log: Logger,
}

impl Broker {
    pub fn new(options: Options, counters: Counters) -> Broker {
        let venue = Venue::new(VenueConfig {
            instruments: options.instruments.clone(),
            commission: options.commission,
            cash: options.cash,
            rules: Rules::of_broker(),
        });
        let mut player = Player::new(options.source, venue);
        let next = player.peek_ts();
        let hours: Vec<_> = options.instruments.iter().map(|i| (i.id, Hours::of(i))).collect();
        Broker {
            next,
            catalog: Catalog::new(options.instruments, next.unwrap_or_default()),
            data: DataSubs::default(),
            memory: Memory::new(hours.into_iter(), options.history, next.unwrap_or(Timestamp::MAX)),
            account: options.account,
            clients: BTreeMap::new(),
            ticks: Fanout::default(),
            notes: Notes::default(),
            quirks: Quirks::default(),
            day: TradingDay::new(next.unwrap_or_default(), options.cash),
            playing: !options.wait_for_client,
            clock_waits: false,
            lead: None,
            counters,
            faults: Faults::default(),
            log: options.log,
            pace: options.pace,
            player,
        }
    }

    /// A connection agreed on a version; it has yet to start.
    pub fn open(&mut self, conn: ConnId, encoding: Encoding) {
        self.clients.insert(conn, Client::new(encoding));
    }

    pub fn close(&mut self, conn: ConnId) {
        let Some(client) = self.clients.remove(&conn) else {
            return;
        };
        self.ticks.remove_client(conn);
        self.faults.limiter.forget(conn);
        self.data.remove_client(conn);
        if client.client_id == Some(0) {
            self.notes.auto_bind = false;
        }
        if let Some(client_id) = client.client_id {
            info!(self.log, "client {client_id} disconnected"; "event" => "gateway.client_left", "client" => client_id);
            self.happens(Event::Disconnect, Some(client_id), false);
        }
        self.count_clients();
        self.settle();
    }

    fn count_clients(&self) {
        self.counters.set_clients(self.clients.values().filter(|client| client.client_id.is_some()).count());
    }

    /// Puts into each outbox all that was said to its client: it is written next.
    pub fn gather(&mut self) {
        self.ticks.gather(&mut self.clients);
    }

    pub fn clients(&mut self) -> &mut BTreeMap<ConnId, Client> {
        &mut self.clients
    }

    /// Market time: of the last step, or of the clock as far as no unplayed event lies before it.
    pub fn now(&self) -> Timestamp {
        let played = self.player.venue().now();
        let next = self.next.unwrap_or(Timestamp::MAX);
        match &self.pace {
            Pacing::Clock(clock) => clock().min(next).max(played),
            Pacing::Answered | Pacing::Flood if played > Timestamp::MIN => played,
            Pacing::Answered | Pacing::Flood => self.next.unwrap_or_default(),
        }
    }

    /// Nothing is played yet, because nobody has subscribed.
    pub(crate) fn waits(&self) -> bool {
        !self.playing
    }

    /// The first subscription is there.
    fn begin_playing(&mut self) {
        if !std::mem::replace(&mut self.playing, true) && self.clock_waits {
            let lead = self.lead.take().or_else(|| self.clock_lead());
            self.faults.clock_offset.fetch_sub(lead.unwrap_or(0), Ordering::AcqRel);
        }
    }

    /// By how much the clock is ahead of a market that waits.
    fn clock_lead(&self) -> Option<i64> {
        let Pacing::Clock(clock) = &self.pace else { return None };
        Some(clock().nanos().saturating_sub(self.now().nanos()))
    }

    /// When the next step or timer is due, in market time; `None`: nothing to play, or not yet.
    pub fn due(&self) -> Option<Timestamp> {
        let next = self.next.filter(|_| self.playing)?;
        Some(self.next_timer().map_or(next, |timer| timer.min(next)))
    }

    /// Runs the timers up to the next step, then plays that unless it begins after `limit`, with no event after `limit`,
    /// and writes its frames; `false` when the market is over.
    pub fn play(&mut self, limit: Timestamp) -> bool {
        let Some(next) = self.next else { return false };
        self.run_timers(next.min(limit));
        if next > limit {
            return true;
        }
        self.settle_at(next);
        self.counters.step();
        if let Some(end) = self.day.ends_before(next) {
            self.begin_day(end);
        }
        let settled = self.player.venue().settled_at();
        if let Some((_, step)) = self.player.step_until(limit) {
            match &step {
                Step::Market(events) => {
                    self.show_market(events);
                    self.observe(events);
                }
                Step::Reports(reports) => self.publish(reports),
            }
            self.player.recycle(step);
        }
        if self.player.venue().settled_at() > settled {
            self.tell_settlement();
        }
        self.next = self.player.peek_ts();
        if self.next.is_none() {
            self.flush_markets();
            self.counters.finish();
            info!(self.log, "the market is over"; "event" => "gateway.market_over", "at" => %self.now());
        }
        self.update_pnl();
        self.settle();
        true
    }

    /// Settlement moved money, so those who follow the account hear of it though nothing traded.
    fn tell_settlement(&mut self) {
        let held: Vec<_> = self.open_positions().iter().map(|held| held.symbol).collect();
        if !held.is_empty() {
            self.update_accounts(&held);
        }
    }

    /// Orders changed what is due next.
    fn look_ahead(&mut self) {
        self.next = self.player.peek_ts();
    }

    /// A trading day ends, for which the player cancels day orders: daily profit starts again at zero.
    fn begin_day(&mut self, end: Timestamp) {
        let (equity, realised) = (self.equity(), self.realised_by_symbol());
        self.day.begin(end, equity, realised);
        self.update_pnl();
    }

    /// A copy of what the account is, whatever clients were told.
    pub fn truth(&self) -> Truth {
        let venue = self.player.venue();
        Truth {
            now: self.now(),
            positions: venue.positions().collect(),
            open_orders: venue.open_orders().cloned().collect(),
            completed_orders: venue.completed_orders().cloned().collect(),
            executions: venue.executions().to_vec(),
            cash: venue.cash(),
            unrealised: venue.unrealised(),
        }
    }

    fn send(&mut self, conn: ConnId, response: impl Into<Response>) {
        if self.faults.is_idle() {
            return self.put(conn, &response.into());
        }
        self.tell_client(conn, response.into());
    }

    /// As [`Broker::send`], past the faults in force.
    pub(crate) fn put(&mut self, conn: ConnId, response: &Response) {
        if let Some(client) = self.clients.get_mut(&conn) {
            self.ticks.say(conn, client, response);
            self.counters.frame_out();
        }
    }

    /// The client's own number, once it has started.
    fn client_id(&self, conn: ConnId) -> Option<i32> {
        self.clients.get(&conn)?.client_id
    }

    fn conn_of(&self, client_id: i32) -> Option<ConnId> {
        let mut all = self.clients.iter();
        all.find(|(_, client)| client.client_id == Some(client_id)).map(|(conn, _)| *conn)
    }

    /// Does what a client asks. Before START_API everything else is refused by closing the connection.
    pub fn handle(&mut self, conn: ConnId, request: Request) {
        let Some(client_id) = self.client_id(conn) else {
            return match request {
                Request::StartApi(start) => self.start_client(conn, &start),
                _ => self.hang_up(conn, "a request came before START_API"),
            };
        };
        let Some(request) = self.admit(conn, request) else { return };
        match request {
            Request::StartApi(_) => self.hang_up(conn, "START_API came twice"),
            Request::ManagedAccounts(_) => self.send_managed_accounts(conn),
            Request::Ids(_) => self.send_next_id(conn),
            Request::CurrentTime(_) => self.answer_time(conn, false),
            Request::CurrentTimeInMillis(_) => self.answer_time(conn, true),
            // The simulated gateway has one log.
            Request::SetServerLogLevel(_) => {}
            Request::MarketDataType(request) => {
                self.set_market_data_type(conn, request.market_data_type.unwrap_or(0));
            }
            Request::ContractData(request) => self.send_contracts(conn, &request),
            // Contract data is answered at once, so there is never anything left to cancel.
            Request::CancelContractData(_) => {}
            Request::MarketRule(request) => self.send_market_rule(conn, &request),
            Request::MatchingSymbols(request) => self.send_matching_symbols(conn, &request),
            Request::MarketData(request) => self.subscribe_market(conn, &request),
            Request::CancelMarketData(request) => self.cancel_market(conn, request.req_id.unwrap_or(SYSTEM)),
            Request::RealTimeBars(request) => self.subscribe_bars(conn, &request),
            Request::CancelRealTimeBars(request) => self.cancel_bars(conn, request.req_id.unwrap_or(SYSTEM)),
            Request::HistoricalData(request) => self.send_history(conn, &request),
            Request::CancelHistoricalData(request) => self.cancel_history(conn, request.req_id.unwrap_or(SYSTEM)),
            Request::HeadTimestamp(request) => self.send_head(conn, &request),
            Request::HistoricalTicks(request) => self.send_past_ticks(conn, &request),
            // Both are answered at once, so there is never anything left to cancel.
            Request::CancelHeadTimestamp(_) | Request::CancelHistoricalTicks(_) => {}
            Request::TickByTick(request) => self.subscribe_ticks(conn, &request),
            Request::CancelTickByTick(request) => self.cancel_ticks(conn, request.req_id.unwrap_or(0)),
            Request::PlaceOrder(request) => {
                self.place_order(conn, client_id, &request);
                self.look_ahead();
            }
            Request::CancelOrder(request) => self.cancel_order(conn, client_id, request.order_id.unwrap_or(0)),
            Request::GlobalCancel(_) => self.cancel_all_orders(),
            Request::OpenOrders(_) => self.send_own_orders(conn, client_id),
            Request::AllOpenOrders(_) => self.send_open_orders(conn, None),
            Request::AutoOpenOrders(request) => {
                self.bind_orders(conn, client_id, request.auto_bind.unwrap_or(false));
            }
            Request::CompletedOrders(request) => {
                self.send_completed_orders(conn, request.api_only.unwrap_or(false));
            }
            Request::Executions(request) => self.send_executions(conn, &request),
            Request::Positions(_) => self.subscribe_positions(conn),
            Request::CancelPositions(_) => self.edit(conn, |client| client.positions = false),
            Request::PositionsMulti(request) => self.subscribe_positions_multi(conn, &request),
            Request::CancelPositionsMulti(request) => {
                self.edit(conn, |client| client.positions_multi.remove(&request.req_id.unwrap_or(0)));
            }
            Request::AccountData(request) => self.subscribe_account(conn, &request),
            Request::AccountSummary(request) => self.subscribe_summary(conn, &request),
            Request::CancelAccountSummary(request) => {
                self.edit(conn, |client| client.summaries.remove(&request.req_id.unwrap_or(0)));
            }
            Request::AccountUpdatesMulti(request) => self.subscribe_account_multi(conn, &request),
            Request::CancelAccountUpdatesMulti(request) => {
                self.edit(conn, |client| client.account_multi.remove(&request.req_id.unwrap_or(0)));
            }
            Request::PnL(request) => self.subscribe_pnl(conn, &request),
            Request::CancelPnL(request) => {
                self.edit(conn, |client| client.pnl.remove(&request.req_id.unwrap_or(0)));
            }
            Request::PnLSingle(request) => self.subscribe_pnl_single(conn, &request),
            Request::CancelPnLSingle(request) => {
                self.edit(conn, |client| client.pnl_single.remove(&request.req_id.unwrap_or(0)));
            }
            Request::NotServed { message_id, req_id } => self.refuse_unserved(conn, message_id, req_id),
        }
    }

    fn edit<R>(&mut self, conn: ConnId, change: impl FnOnce(&mut Client) -> R) {
        if let Some(client) = self.clients.get_mut(&conn) {
            change(client);
        }
    }
}
