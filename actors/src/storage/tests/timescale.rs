//! What a TimescaleDB makes of the tables: bars in chunks of a hypertable, compressed when they are old, and otherwise
//! what every database shows. Skipped where `cargo xtask test` could not install one.

use super::timescale_server::{ALONE, TimescaleServer};
use super::*;

const WEEK_MINUTES: i64 = 7 * 24 * 60;
const HYPERTABLE: &str = "SELECT hypertable_name, num_dimensions, num_chunks, compression_enabled \
    FROM timescaledb_information.hypertables";
const CHUNKS: &str = "SELECT range_start AT TIME ZONE 'UTC', is_compressed FROM timescaledb_information.chunks \
    WHERE hypertable_name = 'market_data_1min' ORDER BY range_start";

async fn layout(store: &Arc<dyn Store>) -> Vec<(String, String)> {
    store.info().await.unwrap()
}

#[test]
fn a_day_is_the_same_in_timescaledb_as_in_sqlite() {
    let Some(server) = TimescaleServer::start() else { return };
    let dir = TempDir::new().unwrap();
    let (sqlite, _) = run(round_trip::trade_a_day(&sqlite_url(dir.path()), OPTIONS));
    let (timescale, store) = run(round_trip::trade_a_day(&server.url, ALONE));
    assert_eq!(timescale, sqlite);
    assert_eq!(run(layout(&store)), [("market_data_1min_layout".to_owned(), "timescaledb".to_owned())]);
    let session = &timescale[0].session.session_id;
    let qualities = run(store.bar_qualities(session)).unwrap();
    let qualities: Vec<_> = qualities.iter().map(|q| (q.symbol.as_str(), q.quality.as_str(), q.bars)).collect();
    assert_eq!(qualities, [("ES", "complete", 1), ("ES", "revised", 1)]);
    drop(store);
    run(async {
        assert_eq!(server.sql(HYPERTABLE).await, ["market_data_1min|1|1|t"]);
        // In the database itself: real numbers and real times.
        let first = "SELECT ts AT TIME ZONE 'UTC', close FROM market_data_1min ORDER BY ts LIMIT 1";
        assert_eq!(server.sql(first).await, ["2023-12-25 23:00:00|5000.50000000"]);
    });
}

/// Bars of five weeks, written as they would be on the way from the market.
#[test]
fn bars_of_many_weeks_lie_in_chunks_that_can_be_compressed_and_still_revised() {
    let Some(server) = TimescaleServer::start() else { return };
    let bars =
        (0..5).flat_map(|week| (0..300).map(move |minute| bar(week * WEEK_MINUTES + minute, 20_000 + week as i32)));
    let bars: Vec<Bar> = bars.collect();
    let mut desk = Desk::new();
    desk.start().write(bars.iter().copied().map(Record::Bar));
    run(async {
        let before = {
            let store = open(&server.url, ALONE).await.unwrap();
            assert_eq!(drain(&mut desk.projector(&store, 500)).await, bars.len() + 1);
            show(&store).await.remove(0)
        };
        assert_eq!(before.counts.bars, 1_500);
        let closes =
            |shown: &Shown| shown.bars.iter().map(|row| (Timestamp::from(row.ts), row.close)).collect::<Vec<_>>();
        let close = |ticks: i32| Dec::new(rust_decimal::Decimal::from(ticks) / rust_decimal::Decimal::from(4));
        let mut expected: Vec<_> = bars.iter().map(|bar| (bar.open_ts, close(bar.close.0))).collect();
        assert_eq!(closes(&before), expected);

        let chunks = server.sql(CHUNKS).await;
        assert_eq!(chunks.len(), 5, "{chunks:?}");
        assert!(chunks.iter().all(|chunk| chunk.ends_with("|f")), "{chunks:?}");

        // The months of other layouts: nothing is made, nothing is dropped.
        let months = "SELECT ensure_month_partitions('market_data_1min', '2023-11-01', '2024-03-01'), \
            drop_month_partitions('market_data_1min', '2030-01-01')";
        assert_eq!(server.sql(months).await, ["0|0"]);
        assert_eq!(server.sql(CHUNKS).await, chunks);

        // What a server's background worker does once the bars are a month old.
        let policy = "SELECT job_id FROM timescaledb_information.jobs WHERE hypertable_name = 'market_data_1min' \
            AND proc_name = 'policy_compression' AND config->>'compress_after' = '30 days'";
        let jobs = server.sql(policy).await;
        assert_eq!(jobs.len(), 1, "{jobs:?}");
        server.sql(&format!("CALL run_job({})", jobs[0])).await;
        let compressed = server.sql(CHUNKS).await;
        assert!(compressed.len() == 5 && compressed.iter().all(|chunk| chunk.ends_with("|t")), "{compressed:?}");

        // A second opening finds nothing to do; reads look through the compression.
        let migrations = "SELECT version, run_on FROM __diesel_schema_migrations ORDER BY version";
        let applied = server.sql(migrations).await;
        assert_eq!(applied.len(), 2);
        let after = {
            let store = open(&server.url, ALONE).await.unwrap();
            show(&store).await.remove(0)
        };
        assert_eq!(after, before);
        assert_eq!(server.sql(migrations).await, applied);

        // Revised, told again and new, all in weeks that are compressed.
        let revised = Bar { quality: Quality::Revised, ..bar(7, 20_009) };
        let late = bar(2 * WEEK_MINUTES + 1_000, 20_003);
        desk.write([Record::BarRevised(revised), Record::Bar(bars[300]), Record::Bar(late)]);
        let store = open(&server.url, ALONE).await.unwrap();
        assert_eq!(drain(&mut desk.projector(&store, 500)).await, 3);
        let at_last = show(&store).await.remove(0);
        expected[7].1 = close(20_009);
        expected.insert(900, (late.open_ts, close(20_003)));
        assert_eq!(closes(&at_last), expected);
        assert_eq!(at_last.bars[7].quality, "revised");
        assert_eq!(at_last.counts.bars, 1_501);
        let week = BarQuery {
            session: at_last.session.session_id.clone(),
            symbol: "ES".into(),
            length_s: 60,
            from: bars[300].open_ts.into(),
            to: bars[600].open_ts.into(),
            rows_max: 10,
        };
        assert_eq!(store.bars(week).await.unwrap(), at_last.bars[300..310]);
        drop(store);

        // Compressed once more, rows that were changed included.
        server.sql(&format!("CALL run_job({})", jobs[0])).await;
        let store = open(&server.url, ALONE).await.unwrap();
        assert_eq!(show(&store).await.remove(0), at_last);
    });
}

#[test]
fn an_extension_that_is_not_preloaded_is_left_alone() {
    let Some(server) = TimescaleServer::start_without_extension() else { return };
    run(async {
        let there = "SELECT count(*) FROM pg_available_extensions WHERE name = 'timescaledb'";
        assert_eq!(server.sql(there).await, ["1"]);
        let store = open(&server.url, ALONE).await.unwrap();
        assert_eq!(layout(&store).await, [("market_data_1min_layout".to_owned(), "native_partitions".to_owned())]);
    });
}
