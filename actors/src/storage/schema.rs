//! The tables as the queries see them; `migrations/` makes them. Absent: indexes, partitions, defaults.

diesel::table! {
    use diesel::sql_types::*;
    use crate::storage::types::{DecSql, TsSql};

    storage_info (name) {
        name -> Text,
        value -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::storage::types::{DecSql, TsSql};

    journal_projection (journal_id) {
        journal_id -> Text,
        segment -> BigInt,
        byte_offset -> BigInt,
        seq -> BigInt,
        updated_at -> TsSql,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::storage::types::{DecSql, TsSql};

    sessions (session_id) {
        session_id -> Text,
        journal_session -> Text,
        journal_id -> Text,
        segment -> BigInt,
        mode -> Text,
        instance -> Text,
        account -> Text,
        started_at -> TsSql,
        ended_at -> Nullable<TsSql>,
        end_cause -> Nullable<Text>,
        instruments -> Jsonb,
        strategies -> Jsonb,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::storage::types::{DecSql, TsSql};

    trading_signals (session_id, seq) {
        session_id -> Text,
        seq -> BigInt,
        ts -> TsSql,
        strategy -> Text,
        symbol -> Text,
        action -> Text,
        side -> Nullable<Text>,
        quantity -> Nullable<BigInt>,
        kind -> Nullable<Text>,
        limit_price -> Nullable<DecSql>,
        stop_price -> Nullable<DecSql>,
        stop -> Nullable<DecSql>,
        target -> Nullable<DecSql>,
        reason -> Text,
        verdict -> Text,
        client_id -> Nullable<BigInt>,
        rule -> Nullable<Text>,
        value -> Nullable<Text>,
        rule_limit -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::storage::types::{DecSql, TsSql};

    orders (journal_id, client_id) {
        journal_id -> Text,
        client_id -> BigInt,
        session_id -> Text,
        broker_order_id -> BigInt,
        perm_id -> Nullable<BigInt>,
        strategy -> Text,
        symbol -> Text,
        leg -> Text,
        side -> Nullable<Text>,
        quantity -> BigInt,
        kind -> Text,
        limit_price -> Nullable<DecSql>,
        stop_price -> Nullable<DecSql>,
        tif -> Text,
        parent -> Nullable<BigInt>,
        oca_group -> Nullable<Text>,
        order_ref -> Text,
        state -> Text,
        filled -> BigInt,
        placed_at -> TsSql,
        updated_at -> TsSql,
        note -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::storage::types::{DecSql, TsSql};

    executions (journal_id, exec_id) {
        journal_id -> Text,
        exec_id -> Text,
        session_id -> Text,
        seq -> BigInt,
        client_id -> BigInt,
        strategy -> Text,
        symbol -> Text,
        leg -> Text,
        side -> Text,
        quantity -> BigInt,
        price -> DecSql,
        ts -> TsSql,
        commission -> Nullable<DecSql>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::storage::types::{DecSql, TsSql};

    commissions (journal_id, exec_id) {
        journal_id -> Text,
        exec_id -> Text,
        amount -> DecSql,
        ts -> TsSql,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::storage::types::{DecSql, TsSql};

    positions (session_id, strategy, symbol) {
        session_id -> Text,
        strategy -> Text,
        symbol -> Text,
        quantity -> BigInt,
        cost -> DecSql,
        average_price -> Nullable<DecSql>,
        realised -> DecSql,
        commission -> DecSql,
        updated_at -> TsSql,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::storage::types::{DecSql, TsSql};

    performance_metrics (session_id, trade_date) {
        session_id -> Text,
        trade_date -> Date,
        account -> Text,
        trades -> BigInt,
        wins -> BigInt,
        losses -> BigInt,
        gross_profit -> DecSql,
        gross_loss -> DecSql,
        realised -> DecSql,
        unrealised -> DecSql,
        commission -> DecSql,
        drawdown_max -> DecSql,
        updated_at -> TsSql,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::storage::types::{DecSql, TsSql};

    strategy_performance (session_id, strategy, trade_date) {
        session_id -> Text,
        strategy -> Text,
        trade_date -> Date,
        trades -> BigInt,
        wins -> BigInt,
        losses -> BigInt,
        gross_profit -> DecSql,
        gross_loss -> DecSql,
        realised -> DecSql,
        unrealised -> DecSql,
        commission -> DecSql,
        drawdown_max -> DecSql,
        updated_at -> TsSql,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::storage::types::{DecSql, TsSql};

    system_events (session_id, seq) {
        session_id -> Text,
        seq -> BigInt,
        ts -> TsSql,
        severity -> Text,
        event -> Text,
        actor -> Text,
        text -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::storage::types::{DecSql, TsSql};

    market_data_1min (session_id, symbol, length_s, ts) {
        session_id -> Text,
        symbol -> Text,
        length_s -> BigInt,
        ts -> TsSql,
        open -> DecSql,
        high -> DecSql,
        low -> DecSql,
        close -> DecSql,
        volume -> BigInt,
        trades -> BigInt,
        quality -> Text,
    }
}

diesel::allow_tables_to_appear_in_same_query!(commissions, executions, orders);
