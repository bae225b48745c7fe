//! Tells a person what the system does: one line for each signal, order and fill, read back from the journal.
//! In: the journal's files. Out: log events. Absent: the hot thread, which formats and logs nothing for this.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, Supervised};
use engine::allocation::Shares;
use engine::journal::{OrderChange, Record, SessionInfo, Verdict};
use engine::market::{Price, SymbolId};
use engine::orders::machine::State;
use engine::trade::{ClientOrderId, Fill, Intent, OrderTicket, StrategyId};
use slog::{Logger, debug, error, info, warn};

use crate::journal::{Position, Tail};
use crate::logging;
use crate::supervisor::Stop;

const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Actors that decide and cannot log.
const CORES: [&str; 3] = ["books", "bars", "link"];
const ENTRIES_AT_ONCE: usize = 4_096;

pub struct Teller {
    tail: Tail,
    info: SessionInfo,
    /// What each live order is, for lines about its state.
    orders: BTreeMap<ClientOrderId, String>,
    log: Logger,
}

impl Teller {
    /// Tells what comes after the beginning of a segment.
    pub fn new(journal: &Path, segment: u32, info: SessionInfo, log: Logger) -> Self {
        Self { tail: Tail::new(journal, Position { segment, offset: 0 }), info, orders: BTreeMap::new(), log }
    }

    fn tell_new(&mut self) {
        loop {
            let chunk = match self.tail.read(ENTRIES_AT_ONCE) {
                Ok(chunk) => chunk,
                Err(reason) => {
                    warn!(self.log, "cannot read the journal: {reason}"; "event" => "teller.failed");
                    return;
                }
            };
            if chunk.entries.is_empty() {
                return;
            }
            chunk.entries.iter().for_each(|entry| self.tell(&entry.record));
        }
    }

    fn tell(&mut self, record: &Record) {
        match record {
            Record::Signal { intent, verdict } => self.tell_signal(intent, verdict),
            Record::OrderPlaced(ticket) => self.tell_order(ticket),
            Record::OrderChanged(change) => self.tell_change(change),
            Record::Fill(fill) => self.tell_fill(fill),
            Record::Trading { trading, cause } => {
                info!(self.log, "trading {}: {cause}", format!("{trading:?}").to_lowercase(); "event" => "trading.changed");
            }
            Record::Bar(bar) => {
                let points = |price| self.points(bar.symbol, price);
                debug!(self.log, "bar {} {} {} {} {} {} volume {}", self.symbol(bar.symbol), bar.open_ts,
                    points(bar.open), points(bar.high), points(bar.low), points(bar.close), bar.volume;
                    "event" => "bar.closed", "quality" => bar.quality.name());
            }
            Record::System { severity, event, actor, text } if CORES.contains(&actor.as_str()) => {
                logging::tell(&self.log, *severity, event, actor, text);
            }
            Record::Latched(latch) => {
                let told = latch.told(|id| self.strategy(id));
                error!(self.log, "entries stop: {told}"; "event" => "risk.latched", "rule" => &latch.rule);
            }
            Record::Released { rule, scope, who, why } => {
                let of = scope.told(|id| self.strategy(id));
                warn!(self.log, "{rule} of {of} released by {who}: {why}"; "event" => "risk.released", "rule" => rule);
            }
            Record::Operator { command, who, why } => {
                warn!(self.log, "{command} by {who}: {why}"; "event" => "operator.command");
            }
            Record::Allocation(shares) => self.tell_shares(shares),
            // The supervisor, the shell and the broker actor have logged their own.
            Record::System { .. } => {}
            Record::SessionStarted { .. }
            | Record::BarRevised(_)
            | Record::Commission { .. }
            | Record::Position(_)
            | Record::Performance { .. }
            | Record::RiskAccount(_)
            | Record::Baseline { .. }
            | Record::NextOrderId(_)
            // The books tell what a correction changes.
            | Record::Corrected { .. }
            | Record::TradeDate(_)
            | Record::SessionEnded { .. }
            | Record::Account(_)
            | Record::Interest(_)
            | Record::LastPrices(_) => {}
        }
    }

    fn tell_shares(&self, shares: &Shares) {
        for share in &shares.of {
            info!(self.log, "share  {}: {} of the risk budget, sizes x {} ({})", self.strategy(share.strategy),
                share.weight, share.share, share.why; "event" => "allocation.computed");
        }
        for note in &shares.notes {
            warn!(self.log, "shares of the risk budget: {note}"; "event" => "allocation.computed");
        }
    }

    fn tell_signal(&self, intent: &engine::trade::OrderIntent, verdict: &Verdict) {
        let strategy = self.strategy(intent.strategy);
        let wish = match &intent.intent {
            Intent::Enter { side, quantity, .. } | Intent::Order { side, quantity, .. } => {
                format!("{} {quantity} {}", side.name(), self.symbol(intent.symbol))
            }
            Intent::Exit => format!("exit {}", self.symbol(intent.symbol)),
            Intent::CancelEntries => "withdraw entries".to_owned(),
        };
        match verdict {
            Verdict::Approved { .. } => {
                info!(self.log, "signal {strategy}: {wish} ({})", intent.reason;
                    "event" => "signal.approved", "strategy" => &strategy);
            }
            Verdict::Refused { rule, value, limit } => {
                warn!(self.log, "signal {strategy}: {wish} refused by {rule}: {value}, limit {limit}";
                    "event" => "signal.refused", "strategy" => &strategy, "rule" => rule);
            }
        }
    }

    fn tell_order(&mut self, ticket: &OrderTicket) {
        let price = ticket.kind.limit_price().or(ticket.kind.stop_price());
        let price = price.map_or(String::new(), |price| format!(" {}", self.points(ticket.symbol, price)));
        let what =
            format!("{} {} {} {}{price}", ticket.leg.name(), ticket.side.name(), ticket.quantity, ticket.kind.name());
        info!(self.log, "order  {}: {what}", self.strategy(ticket.strategy);
            "event" => "order.placed", "order_id" => ticket.order_id.0, "order_ref" => &ticket.order_ref);
        self.orders.insert(ticket.id, what);
    }

    fn tell_change(&mut self, change: &OrderChange) {
        let what = self.orders.get(&change.id).map_or("order of an earlier session", String::as_str);
        match change.state {
            State::Rejected | State::Unknown => {
                warn!(self.log, "order  {what} is {}: {}", change.state.name(), change.note;
                    "event" => "order.changed", "order_id" => change.order_id.0);
            }
            state => {
                debug!(self.log, "order  {what} is {}", state.name();
                    "event" => "order.changed", "order_id" => change.order_id.0);
            }
        }
        if change.state.is_terminal() {
            self.orders.remove(&change.id);
        }
    }

    fn tell_fill(&self, fill: &Fill) {
        let price = self.points(fill.symbol, fill.price);
        info!(self.log, "fill   {}: {} {} {} {} at {price}", self.strategy(fill.strategy), fill.leg.name(),
            fill.side.name(), fill.quantity, self.symbol(fill.symbol);
            "event" => "order.filled", "exec_id" => &fill.exec_id);
    }

    fn strategy(&self, id: StrategyId) -> String {
        if id == StrategyId::FOREIGN {
            return StrategyId::FOREIGN_NAME.to_owned();
        }
        self.info.strategies.get(usize::from(id.0)).map_or_else(|| format!("strategy {}", id.0), |s| s.name.clone())
    }

    fn symbol(&self, id: SymbolId) -> &str {
        self.info.instruments.get(usize::from(id.0)).map_or("?", |i| i.name.as_str())
    }

    fn points(&self, symbol: SymbolId, price: Price) -> String {
        let instrument = self.info.instruments.get(usize::from(symbol.0));
        instrument.map_or_else(|| format!("{price:?}"), |i| i.points(price).to_string())
    }
}

impl Actor for Teller {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(LOOK_EVERY, |teller, _| teller.tell_new());
    }
}

impl Supervised for Teller {
    /// What it has told stays told; it goes on from there.
    fn restarting(&mut self, _: &mut Self::Context) {
        self.orders.clear();
    }
}

impl Handler<Stop> for Teller {
    type Result = ();

    fn handle(&mut self, _: Stop, _: &mut Self::Context) {
        self.tell_new();
    }
}
