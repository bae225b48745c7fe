//! What reports ask, for either database: compiled once with each `be`. In: a session. Out: rows, oldest first.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::be::Conn;
use crate::storage::error::StoreError;
use crate::storage::rows::*;
use crate::storage::schema::*;
use crate::storage::{BarQuery, Counts, OrderWithExecutions, QualityCount};

type Read<T> = Result<T, StoreError>;

pub async fn sessions(conn: &mut Conn) -> Read<Vec<SessionRow>> {
    let newest_first = (sessions::started_at.desc(), sessions::session_id.desc());
    Ok(sessions::table.order_by(newest_first).load(conn).await?)
}

pub async fn session(conn: &mut Conn, id: String) -> Read<Option<SessionRow>> {
    Ok(sessions::table.filter(sessions::session_id.eq(id)).first(conn).await.optional()?)
}

macro_rules! count {
    ($conn:expr, $table:ident, $session:expr $(, $also:expr)?) => {
        $table::table.filter($table::session_id.eq($session))$(.filter($also))?.select(count_star()).first($conn).await?
    };
}

pub async fn counts(conn: &mut Conn, id: String) -> Read<Counts> {
    Ok(Counts {
        bars: count!(conn, market_data_1min, &id),
        signals: count!(conn, trading_signals, &id),
        refused: count!(conn, trading_signals, &id, trading_signals::verdict.eq("refused")),
        orders: count!(conn, orders, &id),
        executions: count!(conn, executions, &id),
        positions: count!(conn, positions, &id),
        events: count!(conn, system_events, &id),
    })
}

pub async fn signals(conn: &mut Conn, id: String) -> Read<Vec<SignalRow>> {
    use trading_signals::dsl;
    Ok(dsl::trading_signals.filter(dsl::session_id.eq(id)).order_by(dsl::seq).load(conn).await?)
}

pub async fn executions(conn: &mut Conn, id: String) -> Read<Vec<ExecutionRow>> {
    use executions::dsl;
    Ok(dsl::executions.filter(dsl::session_id.eq(id)).order_by(dsl::seq).load(conn).await?)
}

pub async fn orders(conn: &mut Conn, id: String) -> Read<Vec<OrderWithExecutions>> {
    let placed = orders::table.filter(orders::session_id.eq(&id)).order_by((orders::journal_id, orders::client_id));
    let placed: Vec<OrderRow> = placed.load(conn).await?;
    let of_session = orders::table
        .filter(orders::session_id.eq(&id))
        .filter(orders::journal_id.eq(executions::journal_id))
        .filter(orders::client_id.eq(executions::client_id));
    let filled = executions::table.filter(diesel::dsl::exists(of_session));
    let filled: Vec<ExecutionRow> = filled.order_by((executions::ts, executions::seq)).load(conn).await?;
    let mut by_order: BTreeMap<i64, Vec<ExecutionRow>> = BTreeMap::new();
    for execution in filled {
        by_order.entry(execution.client_id).or_default().push(execution);
    }
    let with_executions = |order: OrderRow| OrderWithExecutions {
        executions: by_order.remove(&order.client_id).unwrap_or_default(),
        order,
    };
    Ok(placed.into_iter().map(with_executions).collect())
}

pub async fn positions(conn: &mut Conn, id: String) -> Read<Vec<PositionRow>> {
    use positions::dsl;
    Ok(dsl::positions.filter(dsl::session_id.eq(id)).order_by((dsl::strategy, dsl::symbol)).load(conn).await?)
}

pub async fn bar_qualities(conn: &mut Conn, id: String) -> Read<Vec<QualityCount>> {
    use market_data_1min::dsl;
    let by = (dsl::symbol, dsl::length_s, dsl::quality);
    let counts = dsl::market_data_1min.filter(dsl::session_id.eq(id)).group_by(by).order_by(by);
    let rows: Vec<(String, i64, String, i64)> =
        counts.select((dsl::symbol, dsl::length_s, dsl::quality, count_star())).load(conn).await?;
    let count = |(symbol, length_s, quality, bars)| QualityCount { symbol, length_s, quality, bars };
    Ok(rows.into_iter().map(count).collect())
}

pub async fn bars(conn: &mut Conn, query: BarQuery) -> Read<Vec<BarRow>> {
    use market_data_1min::dsl;
    let rows = dsl::market_data_1min.filter(dsl::session_id.eq(query.session)).filter(dsl::symbol.eq(query.symbol));
    let rows =
        rows.filter(dsl::length_s.eq(query.length_s)).filter(dsl::ts.ge(query.from)).filter(dsl::ts.lt(query.to));
    Ok(rows.order_by(dsl::ts).limit(query.rows_max).load(conn).await?)
}

pub async fn performance(conn: &mut Conn, id: String) -> Read<Vec<PerformanceRow>> {
    use performance_metrics::dsl;
    Ok(dsl::performance_metrics.filter(dsl::session_id.eq(id)).order_by(dsl::trade_date).load(conn).await?)
}

pub async fn performance_between(conn: &mut Conn, from: NaiveDate, to: NaiveDate) -> Read<Vec<PerformanceRow>> {
    use performance_metrics::dsl;
    let rows = dsl::performance_metrics.filter(dsl::trade_date.between(from, to));
    Ok(rows.order_by((dsl::trade_date, dsl::session_id)).load(conn).await?)
}

pub async fn strategy_performance(conn: &mut Conn, id: String) -> Read<Vec<StrategyPerformanceRow>> {
    use strategy_performance::dsl;
    let rows = dsl::strategy_performance.filter(dsl::session_id.eq(id));
    Ok(rows.order_by((dsl::strategy, dsl::trade_date)).load(conn).await?)
}

pub async fn events(conn: &mut Conn, id: String) -> Read<Vec<EventRow>> {
    use system_events::dsl;
    Ok(dsl::system_events.filter(dsl::session_id.eq(id)).order_by(dsl::seq).load(conn).await?)
}

pub async fn info(conn: &mut Conn) -> Read<Vec<(String, String)>> {
    Ok(storage_info::table.order_by(storage_info::name).load(conn).await?)
}
