-- A projection of the journal: every row can be written again from the journal's segments.
-- Money and prices are exact decimals in account currency and in points; times are UTC.

CREATE TABLE storage_info (
    name  text PRIMARY KEY,
    value text NOT NULL
);

-- How far each journal has been read; moves in the same transaction as the rows.
CREATE TABLE journal_projection (
    journal_id  text PRIMARY KEY,
    segment     bigint NOT NULL,
    byte_offset bigint NOT NULL,
    seq         bigint NOT NULL,
    updated_at  timestamptz NOT NULL
);

CREATE TABLE sessions (
    session_id  text PRIMARY KEY,
    -- The id in the journal. It differs from session_id when two journals began a session at the same market time.
    journal_session text NOT NULL,
    journal_id  text NOT NULL,
    segment     bigint NOT NULL,
    mode        text NOT NULL,
    instance    text NOT NULL,
    account     text NOT NULL,
    started_at  timestamptz NOT NULL,
    ended_at    timestamptz,
    end_cause   text,
    instruments jsonb NOT NULL,
    strategies  jsonb NOT NULL
);

-- What strategies wanted, and what risk said.
CREATE TABLE trading_signals (
    session_id  text NOT NULL,
    seq         bigint NOT NULL,
    ts          timestamptz NOT NULL,
    strategy    text NOT NULL,
    symbol      text NOT NULL,
    action      text NOT NULL,
    side        text CHECK (side IN ('buy', 'sell')),
    quantity    bigint,
    kind        text,
    limit_price numeric(20, 8),
    stop_price  numeric(20, 8),
    stop        numeric(20, 8),
    target      numeric(20, 8),
    reason      text NOT NULL,
    verdict     text NOT NULL CHECK (verdict IN ('approved', 'refused')),
    client_id   bigint,
    rule        text,
    value       text,
    rule_limit  text,
    PRIMARY KEY (session_id, seq)
);

-- Keyed by our own order id, which is unique within a journal. session_id is the session that placed the order.
-- An order whose placement is in no segment that was read has empty names and no side.
CREATE TABLE orders (
    journal_id  text NOT NULL,
    client_id   bigint NOT NULL,
    session_id  text NOT NULL,
    broker_order_id bigint NOT NULL,
    perm_id     bigint,
    strategy    text NOT NULL,
    symbol      text NOT NULL,
    leg         text NOT NULL,
    side        text CHECK (side IN ('buy', 'sell')),
    quantity    bigint NOT NULL,
    kind        text NOT NULL,
    limit_price numeric(20, 8),
    stop_price  numeric(20, 8),
    tif         text NOT NULL,
    parent      bigint,
    oca_group   text,
    order_ref   text NOT NULL,
    state       text NOT NULL,
    filled      bigint NOT NULL,
    placed_at   timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    note        text NOT NULL,
    PRIMARY KEY (journal_id, client_id)
);
CREATE INDEX orders_session ON orders (session_id);

CREATE TABLE executions (
    journal_id  text NOT NULL,
    exec_id     text NOT NULL,
    session_id  text NOT NULL,
    seq         bigint NOT NULL,
    client_id   bigint NOT NULL,
    strategy    text NOT NULL,
    symbol      text NOT NULL,
    leg         text NOT NULL,
    side        text NOT NULL CHECK (side IN ('buy', 'sell')),
    quantity    bigint NOT NULL,
    price       numeric(20, 8) NOT NULL,
    ts          timestamptz NOT NULL,
    commission  numeric(20, 8),
    PRIMARY KEY (journal_id, exec_id)
);
CREATE INDEX executions_session ON executions (session_id);
CREATE INDEX executions_order ON executions (journal_id, client_id);

-- A commission report may come before its execution, after it, or in a later session.
CREATE TABLE commissions (
    journal_id  text NOT NULL,
    exec_id     text NOT NULL,
    amount      numeric(20, 8) NOT NULL,
    ts          timestamptz NOT NULL,
    PRIMARY KEY (journal_id, exec_id)
);

-- strategy is '' for the whole account. cost is what the open part cost, price times contracts times multiplier, in
-- account currency; average_price is in points.
CREATE TABLE positions (
    session_id  text NOT NULL,
    strategy    text NOT NULL,
    symbol      text NOT NULL,
    quantity    bigint NOT NULL,
    cost        numeric(20, 8) NOT NULL,
    average_price numeric(20, 8),
    realised    numeric(20, 8) NOT NULL,
    commission  numeric(20, 8) NOT NULL,
    updated_at  timestamptz NOT NULL,
    PRIMARY KEY (session_id, strategy, symbol)
);

-- Totals of the account since the session began, as they stood last on each trade date.
CREATE TABLE performance_metrics (
    session_id  text NOT NULL,
    trade_date  date NOT NULL,
    account     text NOT NULL,
    trades      bigint NOT NULL,
    wins        bigint NOT NULL,
    losses      bigint NOT NULL,
    gross_profit numeric(20, 8) NOT NULL,
    gross_loss  numeric(20, 8) NOT NULL,
    realised    numeric(20, 8) NOT NULL,
    unrealised  numeric(20, 8) NOT NULL,
    commission  numeric(20, 8) NOT NULL,
    drawdown_max numeric(20, 8) NOT NULL,
    updated_at  timestamptz NOT NULL,
    PRIMARY KEY (session_id, trade_date)
);

CREATE TABLE strategy_performance (
    session_id  text NOT NULL,
    strategy    text NOT NULL,
    trade_date  date NOT NULL,
    trades      bigint NOT NULL,
    wins        bigint NOT NULL,
    losses      bigint NOT NULL,
    gross_profit numeric(20, 8) NOT NULL,
    gross_loss  numeric(20, 8) NOT NULL,
    realised    numeric(20, 8) NOT NULL,
    unrealised  numeric(20, 8) NOT NULL,
    commission  numeric(20, 8) NOT NULL,
    drawdown_max numeric(20, 8) NOT NULL,
    updated_at  timestamptz NOT NULL,
    PRIMARY KEY (session_id, strategy, trade_date)
);

CREATE TABLE system_events (
    session_id  text NOT NULL,
    seq         bigint NOT NULL,
    ts          timestamptz NOT NULL,
    severity    text NOT NULL CHECK (severity IN ('info', 'warning', 'error')),
    event       text NOT NULL,
    actor       text NOT NULL,
    text        text NOT NULL,
    PRIMARY KEY (session_id, seq)
);
