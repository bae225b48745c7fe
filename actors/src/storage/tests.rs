//! The database as its users see it: what was journalled is in the tables, once, whatever happened on the way.
//! Here: a small trading day, its journal, and what a database holds. The tests are in the files below.

mod actor;
mod once;
mod opening;
mod round_trip;
mod timescale;
mod timescale_server;

use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use engine::books::BooksState;
use engine::journal::{
    Entry, Mode, OrderChange, Performance, PositionRow as Held, Record, SessionInfo, Severity, StrategyInfo, Verdict,
};
use engine::market::{Bar, Instrument, Price, Quality, SymbolId};
use engine::orders::machine::State;
use engine::time::Timestamp;
use engine::trade::{
    Bracket, BrokerOrderId, ClientOrderId, Fill, Intent, Leg, Money, OrderIntent, OrderKind, OrderTicket, PermId, Side,
    StrategyId, TimeInForce, Trading,
};
use tempfile::TempDir;

use super::rows::*;
use super::*;
use crate::journal::{JournalDir, Writer};

pub const OPTIONS: OpenOptions = OpenOptions { pool_size: 3, create: true };

/// On the executor that actors have.
pub fn run<T>(work: impl Future<Output = T>) -> T {
    actix_rt::System::new().block_on(work)
}

pub fn sqlite_url(dir: &Path) -> String {
    format!("sqlite:{}", dir.join("pit.db").display())
}

pub fn at(secs: i64) -> Timestamp {
    // 2023-12-25 23:00 UTC, and a fraction that no database may lose.
    Timestamp::from_micros(1_703_545_200_000_246 + secs * 1_000_000)
}

pub fn start(run: u32) -> Record {
    let es = Instrument {
        id: SymbolId(0),
        name: "ES".into(),
        root: "ES".into(),
        expiry: None,
        exchange: "CME".into(),
        currency: "USD".into(),
        tick_size: "0.25".parse().unwrap(),
        multiplier: "50".parse().unwrap(),
    };
    let zn = Instrument { id: SymbolId(1), name: "ZN".into(), tick_size: "0.015625".parse().unwrap(), ..es.clone() };
    let ma = StrategyInfo { id: StrategyId(0), name: "ma-es".into(), kind: "ma_crossover".into(), symbol: SymbolId(0) };
    let info = SessionInfo {
        id: format!("20231225T230000Z-{run:04}"),
        mode: Mode::Run,
        instance: "desk".into(),
        account: "DU1".into(),
        instruments: vec![es, zn],
        strategies: vec![ma],
    };
    Record::SessionStarted { info: Box::new(info), books: Box::new(BooksState::default()) }
}

pub fn bar(minute: i64, close: i32) -> Bar {
    Bar {
        symbol: SymbolId(0),
        open_ts: Timestamp::from_secs(1_703_545_200 + minute * 60),
        length_s: 60,
        open: Price(20_000),
        high: Price(20_010.max(close)),
        low: Price(19_990),
        close: Price(close),
        volume: 321,
        trades: 45,
        quality: Quality::Complete,
    }
}

pub fn ticket(id: u64, leg: Leg, kind: OrderKind) -> OrderTicket {
    OrderTicket {
        id: ClientOrderId(id),
        order_id: BrokerOrderId(100 + id as i32),
        strategy: StrategyId(0),
        symbol: SymbolId(0),
        leg,
        side: if leg == Leg::Entry { Side::Buy } else { Side::Sell },
        quantity: 2,
        kind,
        tif: TimeInForce::GoodTillCancelled,
        parent: (leg != Leg::Entry).then_some(BrokerOrderId(101)),
        oca_group: (leg != Leg::Entry).then(|| "desk-1".to_owned()),
        transmit: true,
        order_ref: format!("desk:{id}"),
    }
}

pub fn change(id: u64, state: State, filled: u32, note: &str) -> Record {
    Record::OrderChanged(OrderChange {
        id: ClientOrderId(id),
        order_id: BrokerOrderId(100 + id as i32),
        perm_id: (state != State::Sent).then_some(PermId(7_000_000_000 + id as i64)),
        state,
        filled,
        note: note.into(),
    })
}

pub fn fill(exec: u64, order: u64, price: i32) -> Record {
    Record::Fill(Fill {
        exec_id: format!("0000e0d5.{exec:08x}.01.01"),
        order: ClientOrderId(order),
        strategy: StrategyId(0),
        symbol: SymbolId(0),
        leg: Leg::Entry,
        side: Side::Buy,
        quantity: 1,
        price: Price(price),
        at: at(600),
    })
}

pub fn commission(exec: u64, micros: i64) -> Record {
    Record::Commission { exec_id: format!("0000e0d5.{exec:08x}.01.01"), amount: Money::from_micros(micros) }
}

pub fn signal(intent: Intent, verdict: Verdict) -> Record {
    let (strategy, symbol) = (StrategyId(0), SymbolId(0));
    let reason = "fast 5000.25 crossed above slow 4999.50".to_owned();
    Record::Signal { intent: OrderIntent { strategy, symbol, at: at(120), intent, reason }, verdict }
}

pub fn position(quantity: i64, cost_ticks: i64) -> Held {
    let cost = Money::from_micros(12_500_000) * cost_ticks;
    let (realised, commission) = (Money::from_micros(12_500_000), Money::from_micros(2_250_000));
    Held { strategy: None, symbol: SymbolId(0), quantity, cost, realised, commission }
}

pub fn performance(trades: u32, profit_micros: i64) -> Performance {
    let gross_profit = Money::from_micros(profit_micros);
    Performance { trades, wins: trades, gross_profit, realised: gross_profit, ..Performance::default() }
}

pub fn system(text: &str) -> Record {
    Record::System {
        severity: Severity::Info,
        event: "actor.restarted".into(),
        actor: "bars".into(),
        text: text.into(),
    }
}

/// At least one record of each kind, as a day would have them.
pub fn day() -> Vec<Record> {
    let bracket = Bracket { stop: Price(19_980), target: Some(Price(20_040)) };
    let enter = Intent::Enter { side: Side::Buy, quantity: 2, kind: OrderKind::Limit(Price(20_001)), bracket };
    let refused =
        Verdict::Refused { rule: "order_size".into(), value: "2 contracts".into(), limit: "1 contract".into() };
    vec![
        Record::Trading { trading: Trading::Allowed, cause: "reconciled".into() },
        Record::Bar(bar(0, 20_001)),
        Record::Bar(bar(1, 20_004)),
        Record::BarRevised(Bar { quality: Quality::Revised, ..bar(0, 20_002) }),
        signal(enter.clone(), refused),
        signal(enter, Verdict::Approved { order: Some(ClientOrderId(1)) }),
        Record::OrderPlaced(ticket(1, Leg::Entry, OrderKind::Limit(Price(20_001)))),
        Record::OrderPlaced(ticket(2, Leg::Stop, OrderKind::Stop(Price(19_980)))),
        change(1, State::Working, 0, ""),
        change(2, State::Held, 0, "399: queued"),
        fill(1, 1, 20_001),
        commission(1, 2_250_000),
        commission(2, 2_240_000),
        fill(2, 1, 20_000),
        fill(2, 1, 20_000),
        change(1, State::Filled, 2, ""),
        Record::Position(position(2, 40_001)),
        Record::Position(Held { strategy: Some(StrategyId(0)), ..position(2, 40_001) }),
        Record::Performance { strategy: None, trade_date: 20231226, totals: performance(1, 12_500_000) },
        Record::Performance { strategy: Some(StrategyId(0)), trade_date: 20231226, totals: performance(1, 12_500_000) },
        signal(Intent::Exit, Verdict::Approved { order: None }),
        system("panicked at 'index out of range', src/bars.rs:10"),
        Record::Trading { trading: Trading::Paused, cause: "1100".into() },
        Record::SessionEnded { cause: "asked to".into() },
    ]
}

/// A journal in a folder of its own.
pub struct Desk {
    pub dir: TempDir,
    pub journal: JournalDir,
    writer: Option<Writer>,
    runs: u32,
}

impl Desk {
    pub fn new() -> Desk {
        let dir = TempDir::new().unwrap();
        let journal = JournalDir::open(&dir.path().join("journal")).unwrap();
        Desk { dir, journal, writer: None, runs: 0 }
    }

    pub fn start(&mut self) -> &mut Desk {
        self.runs += 1;
        let seq = self.writer.as_ref().map_or(1, Writer::next_seq);
        let first = Entry { seq, at: at(i64::from(self.runs)), record: start(self.runs) };
        self.writer = Some(self.journal.create_segment(&first).unwrap());
        self
    }

    pub fn write(&mut self, records: impl IntoIterator<Item = Record>) -> &mut Desk {
        let writer = self.writer.as_mut().unwrap();
        for record in records {
            let secs = writer.next_seq() as i64 * 10;
            writer.append_now(at(secs), record).unwrap();
        }
        self
    }

    pub fn projector(&self, store: &Arc<dyn Store>, rows: usize) -> StorageProjector {
        StorageProjector::new(store.clone(), self.journal.path(), rows)
    }
}

/// Steps until nothing is left; gives the number of entries written.
pub async fn drain(projector: &mut StorageProjector) -> usize {
    let mut entries = 0;
    loop {
        let progress = projector.step().await.unwrap();
        entries += progress.entries;
        if progress.entries == 0 {
            assert_eq!(progress.behind_bytes, 0);
            return entries;
        }
    }
}

/// Everything that a database shows of one session.
#[derive(Clone, PartialEq, Debug)]
pub struct Shown {
    pub session: SessionRow,
    pub counts: Counts,
    pub bars: Vec<BarRow>,
    pub signals: Vec<SignalRow>,
    pub orders: Vec<OrderWithExecutions>,
    pub executions: Vec<ExecutionRow>,
    pub positions: Vec<PositionRow>,
    pub performance: Vec<PerformanceRow>,
    pub strategies: Vec<StrategyPerformanceRow>,
    pub events: Vec<EventRow>,
}

pub async fn show(store: &Arc<dyn Store>) -> Vec<Shown> {
    let mut shown = Vec::new();
    for session in store.sessions().await.unwrap() {
        let id = session.session_id.clone();
        let (from, to) = (Timestamp::MIN.into(), Timestamp::MAX.into());
        let bars = BarQuery { session: id.clone(), symbol: "ES".into(), length_s: 60, from, to, rows_max: 10_000 };
        shown.push(Shown {
            session,
            counts: store.counts(&id).await.unwrap(),
            bars: store.bars(bars).await.unwrap(),
            signals: store.signals(&id).await.unwrap(),
            orders: store.orders(&id).await.unwrap(),
            executions: store.executions(&id).await.unwrap(),
            positions: store.positions(&id).await.unwrap(),
            performance: store.performance(&id).await.unwrap(),
            strategies: store.strategy_performance(&id).await.unwrap(),
            events: store.events(&id).await.unwrap(),
        });
    }
    shown
}
