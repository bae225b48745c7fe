-- Bars, stamped at their open. A revised bar replaces the one with the same key.
CREATE TABLE market_data_1min (
    session_id text NOT NULL,
    symbol     text NOT NULL,
    length_s   integer NOT NULL,
    ts         text NOT NULL,
    open       text NOT NULL,
    high       text NOT NULL,
    low        text NOT NULL,
    close      text NOT NULL,
    volume     integer NOT NULL,
    trades     integer NOT NULL,
    quality    text NOT NULL,
    PRIMARY KEY (session_id, symbol, length_s, ts)
) STRICT, WITHOUT ROWID;
INSERT INTO storage_info VALUES ('market_data_1min_layout', 'plain');
