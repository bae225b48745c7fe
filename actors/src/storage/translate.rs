//! Single records as single rows: plain translation, ids to names and ticks to points. In: a record and its session.
//! Out: a row, or why the record cannot be one. Absent: other records of the same thing; `batch` joins those.

use chrono::NaiveDate;
use engine::journal::{Performance, PositionRow as Held, SessionInfo, Verdict};
use engine::market::{Bar, Instrument, Price, SymbolId};
use engine::orders::machine::State;
use engine::trade::{Fill, Intent, OrderIntent, OrderTicket, StrategyId};
use rust_decimal::Decimal;

use super::rows::*;
use super::types::{Dec, Ts};

/// The session that entries belong to: its name in the database, and what its ids mean.
#[derive(Clone, Debug)]
pub struct Session {
    pub stored_id: String,
    pub info: SessionInfo,
}

/// An entry that cannot be a row. The journal or this program is wrong; the database is not.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadEntry {
    #[error("entry {seq} names symbol {id}, which session {session} does not have")]
    UnknownSymbol { seq: u64, id: u16, session: String },
    #[error("entry {seq} names strategy {id}, which session {session} does not have")]
    UnknownStrategy { seq: u64, id: u16, session: String },
    #[error("entry {seq} has trade date {found}; expected YYYYMMDD")]
    BadDate { seq: u64, found: u32 },
    #[error("entry {seq} has no session: its segment does not begin with a session's start")]
    NoSession { seq: u64 },
}

impl Session {
    pub(super) fn instrument(&self, seq: u64, id: SymbolId) -> Result<&Instrument, BadEntry> {
        let found = self.info.instruments.iter().find(|i| i.id == id);
        found.ok_or_else(|| BadEntry::UnknownSymbol { seq, id: id.0, session: self.info.id.clone() })
    }

    /// Its name; what belongs to no strategy of ours has a name of its own.
    pub(super) fn strategy(&self, seq: u64, id: StrategyId) -> Result<String, BadEntry> {
        if id == StrategyId::FOREIGN {
            return Ok(StrategyId::FOREIGN_NAME.to_owned());
        }
        let found = self.info.strategies.iter().find(|s| s.id == id);
        let unknown = || BadEntry::UnknownStrategy { seq, id: id.0, session: self.info.id.clone() };
        found.map(|s| s.name.clone()).ok_or_else(unknown)
    }
}

pub(super) fn big(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn points(instrument: &Instrument, price: Price) -> Dec {
    Dec::new(instrument.points(price))
}

pub(super) fn session_row(journal: &str, segment: u32, session: &Session, info: &SessionInfo, ts: Ts) -> SessionRow {
    let json = |value: serde_json::Result<_>| value.expect("names and numbers are always JSON");
    SessionRow {
        session_id: session.stored_id.clone(),
        journal_session: info.id.clone(),
        journal_id: journal.to_owned(),
        segment: i64::from(segment),
        mode: info.mode.name().to_owned(),
        instance: info.instance.clone(),
        account: info.account.clone(),
        started_at: ts,
        ended_at: None,
        end_cause: None,
        instruments: json(serde_json::to_value(&info.instruments)),
        strategies: json(serde_json::to_value(&info.strategies)),
    }
}

pub(super) fn bar_row(session: &Session, seq: u64, bar: &Bar) -> Result<BarRow, BadEntry> {
    let instrument = session.instrument(seq, bar.symbol)?;
    Ok(BarRow {
        session_id: session.stored_id.clone(),
        symbol: instrument.name.clone(),
        length_s: i64::from(bar.length_s),
        ts: bar.open_ts.into(),
        open: points(instrument, bar.open),
        high: points(instrument, bar.high),
        low: points(instrument, bar.low),
        close: points(instrument, bar.close),
        volume: big(bar.volume),
        trades: i64::from(bar.trades),
        quality: bar.quality.name().to_owned(),
    })
}

pub(super) fn signal_row(
    session: &Session,
    seq: u64,
    ts: Ts,
    intent: &OrderIntent,
    verdict: &Verdict,
) -> Result<SignalRow, BadEntry> {
    let instrument = session.instrument(seq, intent.symbol)?;
    let price = |price: Price| points(instrument, price);
    let mut row = SignalRow {
        session_id: session.stored_id.clone(),
        seq: big(seq),
        ts,
        strategy: session.strategy(seq, intent.strategy)?,
        symbol: instrument.name.clone(),
        action: "exit".to_owned(),
        side: None,
        quantity: None,
        kind: None,
        limit_price: None,
        stop_price: None,
        stop: None,
        target: None,
        reason: intent.reason.clone(),
        verdict: "approved".to_owned(),
        client_id: None,
        rule: None,
        value: None,
        rule_limit: None,
    };
    match &intent.intent {
        Intent::Enter { side, quantity, kind, bracket } => {
            row.action = "enter".to_owned();
            row.side = Some(side.name().to_owned());
            row.quantity = Some(i64::from(*quantity));
            row.kind = Some(kind.name().to_owned());
            row.limit_price = kind.limit_price().map(price);
            row.stop_price = kind.stop_price().map(price);
            row.stop = Some(price(bracket.stop));
            row.target = bracket.target.map(price);
        }
        Intent::Order { side, quantity, kind, bracket, .. } => {
            row.action = "order".to_owned();
            row.side = Some(side.name().to_owned());
            row.quantity = Some(i64::from(*quantity));
            row.kind = Some(kind.name().to_owned());
            row.limit_price = kind.limit_price().map(price);
            row.stop_price = kind.stop_price().map(price);
            row.stop = bracket.map(|bracket| price(bracket.stop));
            row.target = bracket.and_then(|bracket| bracket.target).map(price);
        }
        Intent::Exit => {}
        Intent::CancelEntries => row.action = "cancel_entries".to_owned(),
    }
    match verdict {
        Verdict::Approved { order } => row.client_id = order.map(|id| big(id.0)),
        Verdict::Refused { rule, value, limit } => {
            row.verdict = "refused".to_owned();
            row.rule = Some(rule.clone());
            row.value = Some(value.clone());
            row.rule_limit = Some(limit.clone());
        }
    }
    Ok(row)
}

pub(super) fn order_row(
    journal: &str,
    session: &Session,
    seq: u64,
    ts: Ts,
    ticket: &OrderTicket,
) -> Result<OrderRow, BadEntry> {
    let instrument = session.instrument(seq, ticket.symbol)?;
    Ok(OrderRow {
        journal_id: journal.to_owned(),
        client_id: big(ticket.id.0),
        session_id: session.stored_id.clone(),
        broker_order_id: i64::from(ticket.order_id.0),
        perm_id: None,
        strategy: session.strategy(seq, ticket.strategy)?,
        symbol: instrument.name.clone(),
        leg: ticket.leg.name().to_owned(),
        side: Some(ticket.side.name().to_owned()),
        quantity: i64::from(ticket.quantity),
        kind: ticket.kind.name().to_owned(),
        limit_price: ticket.kind.limit_price().map(|p| points(instrument, p)),
        stop_price: ticket.kind.stop_price().map(|p| points(instrument, p)),
        tif: ticket.tif.name().to_owned(),
        parent: ticket.parent.map(|id| i64::from(id.0)),
        oca_group: ticket.oca_group.clone(),
        order_ref: ticket.order_ref.clone(),
        state: State::Sent.name().to_owned(),
        filled: 0,
        placed_at: ts,
        updated_at: ts,
        note: String::new(),
    })
}

/// An order of which nothing but a change is known.
pub(super) fn unplaced_row(journal: &str, session: &Session, ts: Ts, client_id: i64) -> OrderRow {
    OrderRow {
        journal_id: journal.to_owned(),
        client_id,
        session_id: session.stored_id.clone(),
        broker_order_id: 0,
        perm_id: None,
        strategy: String::new(),
        symbol: String::new(),
        leg: String::new(),
        side: None,
        quantity: 0,
        kind: String::new(),
        limit_price: None,
        stop_price: None,
        tif: String::new(),
        parent: None,
        oca_group: None,
        order_ref: String::new(),
        state: String::new(),
        filled: 0,
        placed_at: ts,
        updated_at: ts,
        note: String::new(),
    }
}

pub(super) fn account_performance(
    session: &Session,
    ts: Ts,
    trade_date: NaiveDate,
    totals: &Performance,
) -> PerformanceRow {
    PerformanceRow {
        session_id: session.stored_id.clone(),
        trade_date,
        account: session.info.account.clone(),
        trades: i64::from(totals.trades),
        wins: i64::from(totals.wins),
        losses: i64::from(totals.losses),
        gross_profit: totals.gross_profit.into(),
        gross_loss: totals.gross_loss.into(),
        realised: totals.realised.into(),
        unrealised: totals.unrealised.into(),
        commission: totals.commission.into(),
        drawdown_max: totals.drawdown_max.into(),
        updated_at: ts,
    }
}

pub(super) fn of_strategy(strategy: String, row: PerformanceRow) -> StrategyPerformanceRow {
    StrategyPerformanceRow {
        session_id: row.session_id,
        strategy,
        trade_date: row.trade_date,
        trades: row.trades,
        wins: row.wins,
        losses: row.losses,
        gross_profit: row.gross_profit,
        gross_loss: row.gross_loss,
        realised: row.realised,
        unrealised: row.unrealised,
        commission: row.commission,
        drawdown_max: row.drawdown_max,
        updated_at: row.updated_at,
    }
}

pub(super) fn execution_row(journal: &str, session: &Session, seq: u64, fill: &Fill) -> Result<ExecutionRow, BadEntry> {
    let instrument = session.instrument(seq, fill.symbol)?;
    Ok(ExecutionRow {
        journal_id: journal.to_owned(),
        exec_id: fill.exec_id.clone(),
        session_id: session.stored_id.clone(),
        seq: big(seq),
        client_id: big(fill.order.0),
        strategy: session.strategy(seq, fill.strategy)?,
        symbol: instrument.name.clone(),
        leg: fill.leg.name().to_owned(),
        side: fill.side.name().to_owned(),
        quantity: i64::from(fill.quantity),
        price: points(instrument, fill.price),
        ts: fill.at.into(),
        commission: None,
    })
}

pub(super) fn position_row(session: &Session, seq: u64, ts: Ts, held: &Held) -> Result<PositionRow, BadEntry> {
    let instrument = session.instrument(seq, held.symbol)?;
    let cost = held.cost.to_decimal();
    let points = |contracts: i64| cost / (instrument.multiplier * Decimal::from(contracts));
    Ok(PositionRow {
        session_id: session.stored_id.clone(),
        strategy: held.strategy.map_or(Ok(String::new()), |id| session.strategy(seq, id))?,
        symbol: instrument.name.clone(),
        quantity: held.quantity,
        cost: Dec::new(cost),
        average_price: (held.quantity != 0).then(|| Dec::new(points(held.quantity))),
        realised: held.realised.into(),
        commission: held.commission.into(),
        updated_at: ts,
    })
}

/// `YYYYMMDD` to a date.
pub(super) fn trade_date(seq: u64, found: u32) -> Result<NaiveDate, BadEntry> {
    let year = i32::try_from(found / 10_000).unwrap_or(i32::MAX);
    NaiveDate::from_ymd_opt(year, found / 100 % 100, found % 100).ok_or(BadEntry::BadDate { seq, found })
}
