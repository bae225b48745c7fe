-- Bars, stamped at their open, in a TimescaleDB hypertable where there is one, else in native monthly partitions.

-- Makes the monthly partitions (UTC) of `parent` from the month of `from_ts` to the month of `to_ts`, and says how
-- many are new. Does nothing on a table that is not natively partitioned, so it may be called in every layout.
-- A month whose rows already lie in the default partition stays there.
CREATE FUNCTION ensure_month_partitions(parent regclass, from_ts timestamptz, to_ts timestamptz)
RETURNS integer LANGUAGE plpgsql AS $fn$
DECLARE
    parent_schema name;
    parent_name name;
    month timestamp := date_trunc('month', from_ts AT TIME ZONE 'UTC');
    part text;
    made integer := 0;
BEGIN
    SELECT n.nspname, c.relname INTO parent_schema, parent_name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = parent AND c.relkind = 'p';
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    WHILE month <= to_ts AT TIME ZONE 'UTC' LOOP
        part := format('%s_p%s', parent_name, to_char(month, 'YYYY_MM'));
        IF to_regclass(format('%I.%I', parent_schema, part)) IS NULL THEN
            BEGIN
                EXECUTE format('CREATE TABLE %I.%I PARTITION OF %s FOR VALUES FROM (%L) TO (%L)',
                    parent_schema, part, parent,
                    month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
                made := made + 1;
            EXCEPTION WHEN check_violation OR duplicate_table THEN
                NULL;
            END;
        END IF;
        month := month + interval '1 month';
    END LOOP;
    RETURN made;
END $fn$;

-- Drops the monthly partitions that end at or before `older_than`, and says how many.
CREATE FUNCTION drop_month_partitions(parent regclass, older_than timestamptz)
RETURNS integer LANGUAGE plpgsql AS $fn$
DECLARE
    part record;
    dropped integer := 0;
BEGIN
    FOR part IN
        SELECT c.oid::regclass AS name,
               to_date(substring(c.relname FROM '_p(\d{4}_\d{2})$'), 'YYYY_MM')::timestamp AS month
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = parent AND c.relname ~ '_p\d{4}_\d{2}$'
    LOOP
        IF (part.month + interval '1 month') AT TIME ZONE 'UTC' <= older_than THEN
            EXECUTE format('DROP TABLE %s', part.name);
            dropped := dropped + 1;
        END IF;
    END LOOP;
    RETURN dropped;
END $fn$;

DO $do$
DECLARE
    cols constant text := 'session_id text NOT NULL, symbol text NOT NULL, length_s bigint NOT NULL, '
        'ts timestamptz NOT NULL, open numeric(20, 8) NOT NULL, high numeric(20, 8) NOT NULL, '
        'low numeric(20, 8) NOT NULL, close numeric(20, 8) NOT NULL, volume bigint NOT NULL, '
        'trades bigint NOT NULL, quality text NOT NULL, PRIMARY KEY (session_id, symbol, length_s, ts)';
    -- CREATE EXTENSION without preload is FATAL (it ends the session), so test before trying.
    use_ts boolean := EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'timescaledb')
        OR (EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb')
            AND current_setting('shared_preload_libraries') LIKE '%timescaledb%');
BEGIN
    IF use_ts THEN
        BEGIN
            CREATE EXTENSION IF NOT EXISTS timescaledb;
        EXCEPTION WHEN insufficient_privilege THEN
            use_ts := false;
        END;
    END IF;
    IF use_ts THEN
        EXECUTE format('CREATE TABLE market_data_1min (%s)', cols);
        PERFORM create_hypertable('market_data_1min', by_range('ts', interval '7 days'));
        ALTER TABLE market_data_1min SET (timescaledb.compress,
            timescaledb.compress_segmentby = 'session_id, symbol', timescaledb.compress_orderby = 'length_s, ts');
        PERFORM add_compression_policy('market_data_1min', interval '30 days');
    ELSE
        EXECUTE format('CREATE TABLE market_data_1min (%s) PARTITION BY RANGE (ts)', cols);
        CREATE TABLE market_data_1min_default PARTITION OF market_data_1min DEFAULT;
        CREATE INDEX market_data_1min_ts_brin ON market_data_1min USING brin (ts);
        PERFORM ensure_month_partitions('market_data_1min', now() - interval '1 month', now() + interval '3 months');
    END IF;
    INSERT INTO storage_info
    VALUES ('market_data_1min_layout', CASE WHEN use_ts THEN 'timescaledb' ELSE 'native_partitions' END);
END $do$;
