//! A run out of the database. In: a session's row. Out: the run. Absent: positions from before the session, which the
//! tables do not tell; what closes them is counted.

use actors::storage::rows::{ExecutionRow, SessionRow};
use actors::storage::{BarQuery, Store, Ts};
use engine::analytics::collect::in_order;
use engine::analytics::run::{CostedFill, Run, StrategyFacts};
use engine::journal::{DATA_EVENT, INTEREST_EVENT, InterestRow, StrategyInfo};
use engine::market::{Bar, Instrument, Price};
use engine::time::Timestamp;
use engine::trade::{ClientOrderId, Fill, Leg, Money, Side};
use rust_decimal::Decimal;

use super::super::{Failure, recorded};

/// Bars that are read at once.
const BARS_A_READ: i64 = 100_000;
const LEGS: [Leg; 9] = [
    Leg::Entry,
    Leg::Stop,
    Leg::Target,
    Leg::Exit,
    Leg::Foreign,
    Leg::Manual,
    Leg::Liquidation,
    Leg::Accepted,
    Leg::Settlement,
];

pub async fn run(store: &dyn Store, session: &SessionRow, capital: Money) -> Result<Run, Failure> {
    let id = &session.session_id;
    let unreadable = |what: &str, reason: serde_json::Error| Failure::work(format!("{what} of {id}: {reason}"));
    let mut run = Run::empty(id.clone(), session.mode.clone(), session.started_at.into(), capital);
    run.account.clone_from(&session.account);
    run.end_cause.clone_from(&session.end_cause);
    run.instruments =
        serde_json::from_value(session.instruments.clone()).map_err(|reason| unreadable("the instruments", reason))?;
    let strategies: Vec<StrategyInfo> =
        serde_json::from_value(session.strategies.clone()).map_err(|reason| unreadable("the strategies", reason))?;
    run.strategies = strategies.iter().map(|s| StrategyFacts::of_kind(&s.name, &s.kind)).collect();
    let executions = store.executions(id).await.map_err(Failure::work)?;
    for row in &executions {
        let fill = fill(&mut run, row)
            .ok_or_else(|| Failure::work(format!("execution {} of {id} is not readable: {row:?}", row.exec_id)))?;
        // What the broker took back has no contracts.
        if fill.fill.quantity > 0 {
            run.fills.push(fill);
        }
    }
    let counts = store.counts(id).await.map_err(Failure::work)?;
    run.signals = counts.signals.unsigned_abs();
    run.signals_refused = counts.refused.unsigned_abs();
    run.bars = bars(store, id, &run.instruments).await?;
    run.interest = interest(store, id).await?;
    run.doubts = doubts(store, id).await?;
    Ok(run)
}

async fn doubts(store: &dyn Store, id: &str) -> Result<Vec<String>, Failure> {
    let events = store.events(id).await.map_err(Failure::work)?;
    Ok(events.into_iter().filter(|event| event.event == DATA_EVENT).map(|event| event.text).collect())
}

/// Told as events: the amount is the text.
async fn interest(store: &dyn Store, id: &str) -> Result<Vec<InterestRow>, Failure> {
    let events = store.events(id).await.map_err(Failure::work)?;
    let credited = events.iter().filter(|event| event.event == INTEREST_EVENT);
    credited
        .map(|event| {
            let amount = event.text.parse().ok().and_then(Money::from_decimal);
            let unreadable =
                || Failure::work(format!("the interest of {id} at {} is not readable: {:?}", event.ts, event.text));
            Ok(InterestRow { at: event.ts.into(), amount: amount.ok_or_else(unreadable)? })
        })
        .collect()
}

fn fill(run: &mut Run, row: &ExecutionRow) -> Option<CostedFill> {
    let strategy = run.place_of(&row.strategy)?;
    let instrument = run.instruments.iter().find(|i| i.name == row.symbol)?;
    let fill = Fill {
        exec_id: row.exec_id.clone(),
        order: ClientOrderId(row.client_id.unsigned_abs()),
        strategy,
        symbol: instrument.id,
        leg: LEGS.into_iter().find(|leg| leg.name() == row.leg)?,
        side: [Side::Buy, Side::Sell].into_iter().find(|side| side.name() == row.side)?,
        quantity: u32::try_from(row.quantity).ok()?,
        price: price(instrument, row.price.get())?,
        at: row.ts.into(),
    };
    let commission = match row.commission {
        Some(amount) => Some(Money::from_decimal(amount.get())?),
        None => None,
    };
    Some(CostedFill { fill, commission })
}

fn price(instrument: &Instrument, points: Decimal) -> Option<Price> {
    instrument.price_from_decimal(points).ok()
}

/// The shortest length of each instrument.
async fn bars(store: &dyn Store, session: &str, instruments: &[Instrument]) -> Result<Vec<Bar>, Failure> {
    let lengths = store.bar_qualities(session).await.map_err(Failure::work)?;
    let mut found = Vec::new();
    for instrument in instruments {
        let Some(length_s) = lengths.iter().filter(|l| l.symbol == instrument.name).map(|l| l.length_s).min() else {
            continue;
        };
        let mut from = Ts::from(Timestamp::MIN);
        loop {
            let query = BarQuery {
                session: session.to_owned(),
                symbol: instrument.name.clone(),
                length_s,
                from,
                to: Ts::from(Timestamp::MAX),
                rows_max: BARS_A_READ,
            };
            let rows = store.bars(query).await.map_err(Failure::work)?;
            for row in &rows {
                let bar = recorded::bar(instrument, row).ok_or_else(|| {
                    Failure::work(format!("the bar of {} at {} in {session} is not readable", row.symbol, row.ts))
                })?;
                from = Ts::from(bar.open_ts + std::time::Duration::from_micros(1));
                found.push(bar);
            }
            if (rows.len() as i64) < BARS_A_READ {
                break;
            }
        }
    }
    Ok(in_order(found))
}
