-- A projection of the journal: every row can be written again from the journal's segments.
-- Money and prices are exact decimals as text without trailing zeros, in account currency and in points.
-- Times are UTC as text with six decimals, `2023-11-14 22:13:22.000246+00:00`, so that they sort. JSON is SQLite's own
-- binary form (3.45 and later; `json(column)` shows it).

CREATE TABLE storage_info (
    name  text PRIMARY KEY,
    value text NOT NULL
) STRICT, WITHOUT ROWID;

-- How far each journal has been read; moves in the same transaction as the rows.
CREATE TABLE journal_projection (
    journal_id  text PRIMARY KEY,
    segment     integer NOT NULL,
    byte_offset integer NOT NULL,
    seq         integer NOT NULL,
    updated_at  text NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    session_id  text PRIMARY KEY,
    -- The id in the journal. It differs from session_id when two journals began a session at the same market time.
    journal_session text NOT NULL,
    journal_id  text NOT NULL,
    segment     integer NOT NULL,
    mode        text NOT NULL,
    instance    text NOT NULL,
    account     text NOT NULL,
    started_at  text NOT NULL,
    ended_at    text,
    end_cause   text,
    instruments blob NOT NULL,
    strategies  blob NOT NULL
) STRICT, WITHOUT ROWID;

-- What strategies wanted, and what risk said.
CREATE TABLE trading_signals (
    session_id  text NOT NULL,
    seq         integer NOT NULL,
    ts          text NOT NULL,
    strategy    text NOT NULL,
    symbol      text NOT NULL,
    action      text NOT NULL,
    side        text CHECK (side IN ('buy', 'sell')),
    quantity    integer,
    kind        text,
    limit_price text,
    stop_price  text,
    stop        text,
    target      text,
    reason      text NOT NULL,
    verdict     text NOT NULL CHECK (verdict IN ('approved', 'refused')),
    client_id   integer,
    rule        text,
    value       text,
    rule_limit  text,
    PRIMARY KEY (session_id, seq)
) STRICT, WITHOUT ROWID;

-- Keyed by our own order id, which is unique within a journal. session_id is the session that placed the order.
-- An order whose placement is in no segment that was read has empty names and no side.
CREATE TABLE orders (
    journal_id  text NOT NULL,
    client_id   integer NOT NULL,
    session_id  text NOT NULL,
    broker_order_id integer NOT NULL,
    perm_id     integer,
    strategy    text NOT NULL,
    symbol      text NOT NULL,
    leg         text NOT NULL,
    side        text CHECK (side IN ('buy', 'sell')),
    quantity    integer NOT NULL,
    kind        text NOT NULL,
    limit_price text,
    stop_price  text,
    tif         text NOT NULL,
    parent      integer,
    oca_group   text,
    order_ref   text NOT NULL,
    state       text NOT NULL,
    filled      integer NOT NULL,
    placed_at   text NOT NULL,
    updated_at  text NOT NULL,
    note        text NOT NULL,
    PRIMARY KEY (journal_id, client_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX orders_session ON orders (session_id);

CREATE TABLE executions (
    journal_id  text NOT NULL,
    exec_id     text NOT NULL,
    session_id  text NOT NULL,
    seq         integer NOT NULL,
    client_id   integer NOT NULL,
    strategy    text NOT NULL,
    symbol      text NOT NULL,
    leg         text NOT NULL,
    side        text NOT NULL CHECK (side IN ('buy', 'sell')),
    quantity    integer NOT NULL,
    price       text NOT NULL,
    ts          text NOT NULL,
    commission  text,
    PRIMARY KEY (journal_id, exec_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX executions_session ON executions (session_id);
CREATE INDEX executions_order ON executions (journal_id, client_id);

-- A commission report may come before its execution, after it, or in a later session.
CREATE TABLE commissions (
    journal_id  text NOT NULL,
    exec_id     text NOT NULL,
    amount      text NOT NULL,
    ts          text NOT NULL,
    PRIMARY KEY (journal_id, exec_id)
) STRICT, WITHOUT ROWID;

-- strategy is '' for the whole account. cost is what the open part cost, price times contracts times multiplier, in
-- account currency; average_price is in points.
CREATE TABLE positions (
    session_id  text NOT NULL,
    strategy    text NOT NULL,
    symbol      text NOT NULL,
    quantity    integer NOT NULL,
    cost        text NOT NULL,
    average_price text,
    realised    text NOT NULL,
    commission  text NOT NULL,
    updated_at  text NOT NULL,
    PRIMARY KEY (session_id, strategy, symbol)
) STRICT, WITHOUT ROWID;

-- Totals of the account since the session began, as they stood last on each trade date.
CREATE TABLE performance_metrics (
    session_id  text NOT NULL,
    trade_date  text NOT NULL,
    account     text NOT NULL,
    trades      integer NOT NULL,
    wins        integer NOT NULL,
    losses      integer NOT NULL,
    gross_profit text NOT NULL,
    gross_loss  text NOT NULL,
    realised    text NOT NULL,
    unrealised  text NOT NULL,
    commission  text NOT NULL,
    drawdown_max text NOT NULL,
    updated_at  text NOT NULL,
    PRIMARY KEY (session_id, trade_date)
) STRICT, WITHOUT ROWID;

CREATE TABLE strategy_performance (
    session_id  text NOT NULL,
    strategy    text NOT NULL,
    trade_date  text NOT NULL,
    trades      integer NOT NULL,
    wins        integer NOT NULL,
    losses      integer NOT NULL,
    gross_profit text NOT NULL,
    gross_loss  text NOT NULL,
    realised    text NOT NULL,
    unrealised  text NOT NULL,
    commission  text NOT NULL,
    drawdown_max text NOT NULL,
    updated_at  text NOT NULL,
    PRIMARY KEY (session_id, strategy, trade_date)
) STRICT, WITHOUT ROWID;

CREATE TABLE system_events (
    session_id  text NOT NULL,
    seq         integer NOT NULL,
    ts          text NOT NULL,
    severity    text NOT NULL CHECK (severity IN ('info', 'warning', 'error')),
    event       text NOT NULL,
    actor       text NOT NULL,
    text        text NOT NULL,
    PRIMARY KEY (session_id, seq)
) STRICT, WITHOUT ROWID;
