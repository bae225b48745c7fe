//! One struct a table, the same for both databases. Prices are in points, money in account currency, quantities in
//! contracts. Absent: where rows come from (`batch`) and how they are written (`queries`).

use chrono::NaiveDate;
use diesel::prelude::*;
use serde::Serialize;
use serde_json::Value;

use super::schema::*;
use super::types::{Dec, Ts};

/// How far a journal has been read.
#[derive(Clone, PartialEq, Debug, Queryable, Insertable, Serialize)]
#[diesel(table_name = journal_projection, treat_none_as_default_value = false)]
pub struct ProjectionRow {
    pub journal_id: String,
    pub segment: i64,
    pub byte_offset: i64,
    pub seq: i64,
    pub updated_at: Ts,
}

/// A run, a replay or a backtest, from its start to its end.
#[derive(Clone, PartialEq, Debug, Queryable, Insertable, Serialize)]
#[diesel(table_name = sessions, treat_none_as_default_value = false)]
pub struct SessionRow {
    pub session_id: String,
    pub journal_session: String,
    pub journal_id: String,
    pub segment: i64,
    pub mode: String,
    pub instance: String,
    pub account: String,
    pub started_at: Ts,
    pub ended_at: Option<Ts>,
    pub end_cause: Option<String>,
    pub instruments: Value,
    pub strategies: Value,
}

/// What a strategy wanted, and what risk said. `stop` and `target` are the bracket; `limit_price` and `stop_price` the
/// entry's own; `value` and `rule_limit` are in the unit of the rule.
#[derive(Clone, PartialEq, Debug, Queryable, Insertable, Serialize)]
#[diesel(table_name = trading_signals, treat_none_as_default_value = false)]
pub struct SignalRow {
    pub session_id: String,
    pub seq: i64,
    pub ts: Ts,
    pub strategy: String,
    pub symbol: String,
    pub action: String,
    pub side: Option<String>,
    pub quantity: Option<i64>,
    pub kind: Option<String>,
    pub limit_price: Option<Dec>,
    pub stop_price: Option<Dec>,
    pub stop: Option<Dec>,
    pub target: Option<Dec>,
    pub reason: String,
    pub verdict: String,
    pub client_id: Option<i64>,
    pub rule: Option<String>,
    pub value: Option<String>,
    pub rule_limit: Option<String>,
}

/// An order as its last change left it. `session_id` is the session that placed it; `parent` and `broker_order_id` are
/// ids of the API connection.
#[derive(Clone, PartialEq, Debug, Queryable, Insertable, Serialize)]
#[diesel(table_name = orders, treat_none_as_default_value = false)]
pub struct OrderRow {
    pub journal_id: String,
    pub client_id: i64,
    pub session_id: String,
    pub broker_order_id: i64,
    pub perm_id: Option<i64>,
    pub strategy: String,
    pub symbol: String,
    pub leg: String,
    pub side: Option<String>,
    pub quantity: i64,
    pub kind: String,
    pub limit_price: Option<Dec>,
    pub stop_price: Option<Dec>,
    pub tif: String,
    pub parent: Option<i64>,
    pub oca_group: Option<String>,
    pub order_ref: String,
    pub state: String,
    pub filled: i64,
    pub placed_at: Ts,
    pub updated_at: Ts,
    pub note: String,
}

/// A fill. `commission` is none until the broker reported it.
#[derive(Clone, PartialEq, Debug, Queryable, Insertable, Serialize)]
#[diesel(table_name = executions, treat_none_as_default_value = false)]
pub struct ExecutionRow {
    pub journal_id: String,
    pub exec_id: String,
    pub session_id: String,
    pub seq: i64,
    pub client_id: i64,
    pub strategy: String,
    pub symbol: String,
    pub leg: String,
    pub side: String,
    pub quantity: i64,
    pub price: Dec,
    pub ts: Ts,
    pub commission: Option<Dec>,
}

/// A commission report, which may come before its execution.
#[derive(Clone, PartialEq, Debug, Queryable, Insertable, Serialize)]
#[diesel(table_name = commissions, treat_none_as_default_value = false)]
pub struct CommissionRow {
    pub journal_id: String,
    pub exec_id: String,
    pub amount: Dec,
    pub ts: Ts,
}

/// A position as it was last; `strategy` is empty for the account. `cost` is in account currency, with
/// the multiplier; `average_price` in points.
#[derive(Clone, PartialEq, Debug, Queryable, Insertable, Serialize)]
#[diesel(table_name = positions, treat_none_as_default_value = false)]
pub struct PositionRow {
    pub session_id: String,
    pub strategy: String,
    pub symbol: String,
    pub quantity: i64,
    pub cost: Dec,
    pub average_price: Option<Dec>,
    pub realised: Dec,
    pub commission: Dec,
    pub updated_at: Ts,
}

/// Totals of the account since the session began, as they stood last on a trade date.
#[derive(Clone, PartialEq, Debug, Queryable, Insertable, Serialize)]
#[diesel(table_name = performance_metrics, treat_none_as_default_value = false)]
pub struct PerformanceRow {
    pub session_id: String,
    pub trade_date: NaiveDate,
    pub account: String,
    pub trades: i64,
    pub wins: i64,
    pub losses: i64,
    pub gross_profit: Dec,
    pub gross_loss: Dec,
    pub realised: Dec,
    pub unrealised: Dec,
    pub commission: Dec,
    pub drawdown_max: Dec,
    pub updated_at: Ts,
}

/// As [`PerformanceRow`], of one strategy.
#[derive(Clone, PartialEq, Debug, Queryable, Insertable, Serialize)]
#[diesel(table_name = strategy_performance, treat_none_as_default_value = false)]
pub struct StrategyPerformanceRow {
    pub session_id: String,
    pub strategy: String,
    pub trade_date: NaiveDate,
    pub trades: i64,
    pub wins: i64,
    pub losses: i64,
    pub gross_profit: Dec,
    pub gross_loss: Dec,
    pub realised: Dec,
    pub unrealised: Dec,
    pub commission: Dec,
    pub drawdown_max: Dec,
    pub updated_at: Ts,
}

/// Something an operator may ask about.
#[derive(Clone, PartialEq, Debug, Queryable, Insertable, Serialize)]
#[diesel(table_name = system_events, treat_none_as_default_value = false)]
pub struct EventRow {
    pub session_id: String,
    pub seq: i64,
    pub ts: Ts,
    pub severity: String,
    pub event: String,
    pub actor: String,
    pub text: String,
}

/// A bar, stamped at its open.
#[derive(Clone, PartialEq, Debug, Queryable, Insertable, Serialize)]
#[diesel(table_name = market_data_1min, treat_none_as_default_value = false)]
pub struct BarRow {
    pub session_id: String,
    pub symbol: String,
    pub length_s: i64,
    pub ts: Ts,
    pub open: Dec,
    pub high: Dec,
    pub low: Dec,
    pub close: Dec,
    pub volume: i64,
    pub trades: i64,
    pub quality: String,
}
