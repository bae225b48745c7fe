//! What is written, for either database: compiled once with each `be`. In: a batch. Out: rows, all or none.
//! Absent: how statements are sent; `be` knows.

use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::RunQueryDsl;

use super::be::{self, Conn, in_transaction, run_batch};
use crate::journal::Position;
use crate::storage::batch::{Batch, OrderUpdate, Projected};
use crate::storage::error::StoreError;
use crate::storage::rows::*;
use crate::storage::schema::*;
use crate::storage::types::Ts;

/// SQLite takes 32,766 values a statement, PostgreSQL 65,535; no table has more than 32 columns.
const ROWS_A_STATEMENT: usize = 1_000;

/// Inserts rows; where the key exists, replaces the columns named.
macro_rules! upsert {
    ($conn:expr, $rows:expr, $table:ident, ($($key:ident),+), ($($column:ident),+)) => {
        for rows in portions($rows) {
            run_batch!($conn, diesel::insert_into($table::table)
                .values(rows)
                .on_conflict(($($table::$key),+))
                .do_update()
                .set(($($table::$column.eq(excluded($table::$column))),+)))?;
        }
    };
}

/// Inserts rows whose key does not exist.
macro_rules! insert_new {
    ($conn:expr, $rows:expr, $table:ident) => {
        for rows in portions($rows) {
            run_batch!($conn, diesel::insert_into($table::table).values(rows).on_conflict_do_nothing())?;
        }
    };
}

fn portions<T>(rows: impl IntoIterator<Item = T>) -> impl Iterator<Item = Vec<T>> {
    let mut rows = rows.into_iter();
    std::iter::from_fn(move || {
        let portion: Vec<T> = rows.by_ref().take(ROWS_A_STATEMENT).collect();
        (!portion.is_empty()).then_some(portion)
    })
}

pub async fn write(conn: &mut Conn, batch: Batch) -> Result<(), StoreError> {
    in_transaction!(conn, async move |conn: &mut Conn| write_rows(conn, batch).await)
}

async fn write_rows(conn: &mut Conn, batch: Batch) -> Result<(), StoreError> {
    move_place(conn, &batch).await?;
    insert_new!(conn, batch.sessions, sessions);
    for (session, (at, cause)) in batch.session_ends {
        let row = sessions::table.filter(sessions::session_id.eq(session));
        diesel::update(row).set((sessions::ended_at.eq(at), sessions::end_cause.eq(cause))).execute(conn).await?;
    }
    write_bars(conn, batch.bars.into_values().collect()).await?;
    insert_new!(conn, batch.signals, trading_signals);
    insert_new!(conn, batch.events, system_events);
    upsert!(
        conn,
        batch.orders.into_values(),
        orders,
        (journal_id, client_id),
        (
            broker_order_id,
            strategy,
            symbol,
            leg,
            side,
            quantity,
            kind,
            limit_price,
            stop_price,
            tif,
            parent,
            oca_group,
            order_ref,
            updated_at
        )
    );
    for update in batch.order_updates.into_values() {
        update_order(conn, update).await?;
    }
    let exec_ids: Vec<String> =
        batch.executions.keys().chain(batch.corrections.keys()).chain(batch.commissions.keys()).cloned().collect();
    insert_new!(conn, batch.executions.into_values(), executions);
    upsert!(conn, batch.corrections.into_values(), executions, (journal_id, exec_id), (quantity, price));
    upsert!(conn, batch.commissions.into_values(), commissions, (journal_id, exec_id), (amount, ts));
    join_commissions(conn, &batch.journal_id, exec_ids).await?;
    upsert!(
        conn,
        batch.positions.into_values(),
        positions,
        (session_id, strategy, symbol),
        (quantity, cost, average_price, realised, commission, updated_at)
    );
    upsert!(
        conn,
        batch.performance.into_values(),
        performance_metrics,
        (session_id, trade_date),
        (trades, wins, losses, gross_profit, gross_loss, realised, unrealised, commission, drawdown_max, updated_at)
    );
    upsert!(
        conn,
        batch.strategy_performance.into_values(),
        strategy_performance,
        (session_id, strategy, trade_date),
        (trades, wins, losses, gross_profit, gross_loss, realised, unrealised, commission, drawdown_max, updated_at)
    );
    Ok(())
}

/// First in the transaction, so that of two writers one waits here and then finds that it came too late.
async fn move_place(conn: &mut Conn, batch: &Batch) -> Result<(), StoreError> {
    use journal_projection::dsl;
    let to = batch.to;
    let (segment, offset, seq) = place_columns(to.position, to.seq);
    let moved = match batch.from {
        None => {
            let journal_id = batch.journal_id.clone();
            let row = ProjectionRow { journal_id, segment, byte_offset: offset, seq, updated_at: batch.at };
            run_batch!(conn, diesel::insert_into(dsl::journal_projection).values(vec![row]).on_conflict_do_nothing())?
        }
        Some(from) => {
            let (from_segment, from_offset, _) = place_columns(from, 0);
            let row = dsl::journal_projection.filter(dsl::journal_id.eq(&batch.journal_id));
            let row = row.filter(dsl::segment.eq(from_segment)).filter(dsl::byte_offset.eq(from_offset));
            let place = (dsl::segment.eq(segment), dsl::byte_offset.eq(offset), dsl::seq.eq(seq));
            diesel::update(row).set((place, dsl::updated_at.eq(batch.at))).execute(conn).await?
        }
    };
    if moved == 1 {
        return Ok(());
    }
    let found = projected(conn, batch.journal_id.clone()).await?;
    Err(StoreError::Superseded { found, expected: batch.from })
}

/// The columns are wider than any real segment or offset.
fn place_columns(position: Position, seq: u64) -> (i64, i64, i64) {
    let big = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    (i64::from(position.segment), big(position.offset), big(seq))
}

pub async fn projected(conn: &mut Conn, journal: String) -> Result<Option<Projected>, StoreError> {
    use journal_projection::dsl;
    let columns = (dsl::segment, dsl::byte_offset, dsl::seq);
    let row = dsl::journal_projection.filter(dsl::journal_id.eq(journal)).select(columns);
    let found: Option<(i64, i64, i64)> = row.first(conn).await.optional()?;
    // Written by `place_columns`, so each fits back.
    Ok(found.map(|(segment, offset, seq)| Projected {
        position: Position { segment: u32::try_from(segment).unwrap_or(u32::MAX), offset: offset.unsigned_abs() },
        seq: seq.unsigned_abs(),
    }))
}

/// `wanted`, or the first of `wanted.2`, `wanted.3` and so on that is free or already this journal's.
pub async fn session_name(conn: &mut Conn, journal: String, wanted: String) -> Result<String, StoreError> {
    let mut name = wanted.clone();
    for number in 2.. {
        let row = sessions::table.filter(sessions::session_id.eq(&name));
        let owner: Option<String> = row.select(sessions::journal_id).first(conn).await.optional()?;
        if owner.is_none_or(|owner| owner == journal) {
            break;
        }
        name = format!("{wanted}.{number}");
    }
    Ok(name)
}

async fn write_bars(conn: &mut Conn, bars: Vec<BarRow>) -> Result<(), StoreError> {
    if bars.is_empty() {
        return Ok(());
    }
    let opens: Vec<Ts> = bars.iter().map(|bar| bar.ts).collect();
    be::make_room(conn, opens).await?;
    upsert!(
        conn,
        bars,
        market_data_1min,
        (session_id, symbol, length_s, ts),
        (open, high, low, close, volume, trades, quality)
    );
    Ok(())
}

async fn update_order(conn: &mut Conn, update: OrderUpdate) -> Result<(), StoreError> {
    use orders::dsl;
    let OrderUpdate { alone, note } = update;
    let row = dsl::orders.filter(dsl::journal_id.eq(&alone.journal_id)).filter(dsl::client_id.eq(alone.client_id));
    let changed = (
        dsl::broker_order_id.eq(alone.broker_order_id),
        dsl::state.eq(&alone.state),
        dsl::filled.eq(alone.filled),
        dsl::updated_at.eq(alone.updated_at),
        // None leaves the column as it is.
        alone.perm_id.map(|id| dsl::perm_id.eq(id)),
        note.as_ref().map(|note| dsl::note.eq(note)),
    );
    if diesel::update(row).set(changed).execute(conn).await? == 0 {
        insert_new!(conn, [alone], orders);
    }
    Ok(())
}

async fn join_commissions(conn: &mut Conn, journal: &str, exec_ids: Vec<String>) -> Result<(), StoreError> {
    for exec_ids in portions(exec_ids) {
        let known = commissions::table
            .filter(commissions::journal_id.eq(executions::journal_id))
            .filter(commissions::exec_id.eq(executions::exec_id));
        let rows =
            executions::table.filter(executions::journal_id.eq(journal)).filter(executions::exec_id.eq_any(exec_ids));
        let amount = known.select(commissions::amount).single_value();
        diesel::update(rows).set(executions::commission.eq(amount)).execute(conn).await?;
    }
    Ok(())
}
