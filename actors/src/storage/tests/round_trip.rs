//! Each record becomes the row that a person would write down, on both databases alike.

use expect_test::expect;

use super::*;
use crate::storage::pg_server;

pub async fn trade_a_day(url: &str, options: OpenOptions) -> (Vec<Shown>, Arc<dyn Store>) {
    let mut desk = Desk::new();
    desk.start().write(day());
    let store = open(url, options).await.unwrap();
    assert_eq!(drain(&mut desk.projector(&store, 7)).await, day().len() + 1);
    // Names of journals differ from one run to the next.
    let mut shown = show(&store).await;
    for day in &mut shown {
        day.session.journal_id.clear();
        day.orders.iter_mut().for_each(|o| o.order.journal_id.clear());
        day.orders.iter_mut().flat_map(|o| &mut o.executions).for_each(|e| e.journal_id.clear());
        day.executions.iter_mut().for_each(|e| e.journal_id.clear());
    }
    (shown, store)
}

fn brief(day: &Shown) -> String {
    let show = |dec: Option<Dec>| dec.map_or("-".to_owned(), |d| d.to_string());
    let mut lines = vec![
        format!("{} {} {} {}", day.session.session_id, day.session.mode, day.session.account, day.session.started_at),
        format!("ended {:?} {:?}", day.session.ended_at, day.session.end_cause),
        format!("{:?}", day.counts),
    ];
    for b in &day.bars {
        lines.push(format!(
            "bar {} {} {} {} {} {} v{} n{} {}",
            b.symbol, b.ts, b.open, b.high, b.low, b.close, b.volume, b.trades, b.quality
        ));
    }
    for s in &day.signals {
        let prices = [s.limit_price, s.stop_price, s.stop, s.target].map(show).join(" ");
        lines.push(format!(
            "signal {} {} {:?} {:?} {:?} {prices} {} {:?} {:?} {:?} {:?}",
            s.seq, s.action, s.side, s.quantity, s.kind, s.verdict, s.client_id, s.rule, s.value, s.rule_limit
        ));
    }
    for OrderWithExecutions { order: o, executions } in &day.orders {
        let prices = [o.limit_price, o.stop_price].map(show).join(" ");
        lines.push(format!(
            "order {} {} {:?} {} {:?} {} {} {prices} {} {:?} {:?} {} filled {} {:?} {:?}",
            o.client_id,
            o.broker_order_id,
            o.perm_id,
            o.leg,
            o.side,
            o.quantity,
            o.kind,
            o.tif,
            o.parent,
            o.oca_group,
            o.state,
            o.filled,
            o.note,
            executions.len()
        ));
    }
    for e in &day.executions {
        lines.push(format!(
            "execution {} order {} {} {} @ {} commission {}",
            e.exec_id,
            e.client_id,
            e.side,
            e.quantity,
            e.price,
            show(e.commission)
        ));
    }
    for p in &day.positions {
        lines.push(format!(
            "position {:?} {} {} cost {} average {} {} {}",
            p.strategy,
            p.symbol,
            p.quantity,
            p.cost,
            show(p.average_price),
            p.realised,
            p.commission
        ));
    }
    for p in &day.performance {
        lines.push(format!("performance {} {} trades {} profit {}", p.trade_date, p.account, p.trades, p.gross_profit));
    }
    for p in &day.strategies {
        lines.push(format!("strategy {} {} trades {} profit {}", p.strategy, p.trade_date, p.trades, p.gross_profit));
    }
    for e in &day.events {
        lines.push(format!("event {} {} {} {} {}", e.seq, e.severity, e.event, e.actor, e.text));
    }
    lines.join("\n") + "\n"
}

#[test]
fn a_day_is_in_the_tables_of_sqlite() {
    let dir = TempDir::new().unwrap();
    let (shown, store) = run(trade_a_day(&sqlite_url(dir.path()), OPTIONS));
    expect![[r#"
        20231225T230000Z-0001 run DU1 2023-12-25T23:00:01.000246Z
        ended Some(2023-12-25 23:04:10.000246+00:00) Some("asked to")
        Counts { bars: 2, signals: 3, refused: 1, orders: 2, executions: 2, positions: 2, events: 3 }
        bar ES 2023-12-25T23:00:00Z 5000 5002.5 4997.5 5000.5 v321 n45 revised
        bar ES 2023-12-25T23:01:00Z 5000 5002.5 4997.5 5001 v321 n45 complete
        signal 6 enter Some("buy") Some(2) Some("LMT") 5000.25 - 4995 5010 refused None Some("order_size") Some("2 contracts") Some("1 contract")
        signal 7 enter Some("buy") Some(2) Some("LMT") 5000.25 - 4995 5010 approved Some(1) None None None
        signal 22 exit None None None - - - - approved None None None None
        order 1 101 Some(7000000001) entry Some("buy") 2 LMT 5000.25 - GTC None None filled filled 2 "" 2
        order 2 102 Some(7000000002) stop Some("sell") 2 STP - 4995 GTC Some(101) Some("desk-1") held filled 0 "399: queued" 0
        execution 0000e0d5.00000001.01.01 order 1 buy 1 @ 5000.25 commission 2.25
        execution 0000e0d5.00000002.01.01 order 1 buy 1 @ 5000 commission 2.24
        position "" ES 2 cost 500012.5 average 5000.125 12.5 2.25
        position "ma-es" ES 2 cost 500012.5 average 5000.125 12.5 2.25
        performance 2023-12-26 DU1 trades 1 profit 12.5
        strategy ma-es 2023-12-26 trades 1 profit 12.5
        event 2 info trading.allowed  reconciled
        event 23 info actor.restarted bars panicked at 'index out of range', src/bars.rs:10
        event 24 warning trading.paused  1100
    "#]].assert_eq(&brief(&shown[0]));
    assert_eq!(run(store.info()).unwrap(), [("market_data_1min_layout".to_owned(), "plain".to_owned())]);
    let qualities = run(store.bar_qualities(&shown[0].session.session_id)).unwrap();
    let qualities: Vec<_> = qualities.iter().map(|q| (q.symbol.as_str(), q.quality.as_str(), q.bars)).collect();
    assert_eq!(qualities, [("ES", "complete", 1), ("ES", "revised", 1)]);
}

#[test]
fn postgresql_shows_the_same_day_as_sqlite() {
    let Some(server) = pg_server::shared() else { return };
    let dir = TempDir::new().unwrap();
    let url = server.new_database();
    let (sqlite, _) = run(trade_a_day(&sqlite_url(dir.path()), OPTIONS));
    let (postgres, store) = run(trade_a_day(&url, OPTIONS));
    assert_eq!(postgres, sqlite);
    assert_eq!(run(store.info()).unwrap()[0].1, "native_partitions");

    // In the database itself: real numbers, real times, and the month's own partition.
    let sum = server.sql(&url, "SELECT sum(price * quantity) FROM executions");
    assert_eq!(sum, "10000.25000000");
    let first = server
        .sql(&url, "SELECT tableoid::regclass, ts AT TIME ZONE 'UTC', close FROM market_data_1min ORDER BY ts LIMIT 1");
    assert_eq!(first, "market_data_1min_p2023_12|2023-12-25 23:00:00|5000.50000000");
    assert_eq!(server.sql(&url, "SELECT count(*) FROM ONLY market_data_1min_default"), "0");
    assert_eq!(server.sql(&url, "SELECT instruments->0->>'name' FROM sessions"), "ES");
}

#[test]
fn months_are_made_once_and_dropped_when_asked() {
    let Some(server) = pg_server::shared() else { return };
    let url = server.new_database();
    drop(run(open(&url, OPTIONS)).unwrap());
    let made = "SELECT ensure_month_partitions('market_data_1min', '2021-11-30 23:59+00', '2022-02-01 00:00+00')";
    assert_eq!(server.sql(&url, made), "4");
    assert_eq!(server.sql(&url, made), "0");
    assert_eq!(server.sql(&url, "SELECT drop_month_partitions('market_data_1min', '2022-01-01 00:00+00')"), "2");
    assert_eq!(server.sql(&url, "SELECT ensure_month_partitions('orders', now(), now())"), "0");
}

#[test]
fn a_commission_finds_its_execution_whichever_comes_first_and_however_late() {
    let dir = TempDir::new().unwrap();
    run(async {
        let mut desk = Desk::new();
        desk.start().write([commission(1, 1_000_000)]);
        let store = open(&sqlite_url(dir.path()), OPTIONS).await.unwrap();
        let mut projector = desk.projector(&store, 1);
        drain(&mut projector).await;
        desk.write([fill(1, 1, 20_000), fill(2, 1, 20_000)]);
        drain(&mut projector).await;
        desk.start().write([commission(2, 2_000_000)]);
        drain(&mut projector).await;
        let shown = show(&store).await;
        let amounts: Vec<_> = shown[1].executions.iter().map(|e| e.commission.map(|c| c.to_string())).collect();
        assert_eq!(amounts, [Some("1".to_owned()), Some("2".to_owned())]);
    });
}

#[test]
fn a_changed_order_keeps_its_beginning_and_an_unknown_one_is_kept_too() {
    let dir = TempDir::new().unwrap();
    run(async {
        let mut desk = Desk::new();
        desk.start().write([Record::OrderPlaced(ticket(2, Leg::Stop, OrderKind::Stop(Price(19_980))))]);
        desk.write([change(2, State::Held, 0, "399: queued")]);
        let store = open(&sqlite_url(dir.path()), OPTIONS).await.unwrap();
        let mut projector = desk.projector(&store, 100);
        drain(&mut projector).await;
        desk.start().write([Record::OrderPlaced(OrderTicket {
            quantity: 1,
            ..ticket(2, Leg::Stop, OrderKind::Stop(Price(19_990)))
        })]);
        desk.write([change(2, State::Working, 0, ""), change(9, State::Cancelled, 0, "202: cancelled")]);
        drain(&mut projector).await;
        let shown = show(&store).await;
        let (second, first) = (&shown[0].orders, &shown[1].orders);
        let stop = &first[0].order;
        assert_eq!((stop.quantity, stop.stop_price.unwrap().to_string()), (1, "4997.5".to_owned()));
        assert_eq!((stop.state.as_str(), stop.note.as_str()), ("working", "399: queued"));
        assert!(stop.placed_at < stop.updated_at);
        let unknown = &second[0].order;
        assert_eq!((unknown.client_id, unknown.side.as_deref(), unknown.state.as_str()), (9, None, "cancelled"));
    });
}

#[test]
fn what_is_not_ours_has_a_name_and_a_correction_is_written_over_its_execution() {
    let dir = TempDir::new().unwrap();
    run(async {
        let mut desk = Desk::new();
        let theirs = |exec, quantity, price| {
            let Record::Fill(fill) = fill(exec, 0, price) else { unreachable!("it makes fills") };
            Fill { strategy: StrategyId::FOREIGN, leg: Leg::Manual, quantity, ..fill }
        };
        let held = engine::journal::PositionRow {
            strategy: Some(StrategyId::FOREIGN),
            symbol: SymbolId(0),
            quantity: 2,
            cost: Money::from_micros(500_000_000_000),
            realised: Money::ZERO,
            commission: Money::ZERO,
        };
        let store = open(&sqlite_url(dir.path()), OPTIONS).await.unwrap();
        // The correction in the batch of its execution, and in a later one.
        for at_once in [100, 1] {
            desk.start().write([
                Record::Baseline { exec_ids: vec!["0000e0d5.00000000.01".into()] },
                Record::Fill(theirs(at_once, 2, 20_000)),
                Record::Position(held),
                Record::Corrected {
                    exec_id: format!("0000e0d5.{at_once:08x}.01.02"),
                    fills: vec![theirs(at_once, 1, 20_004)],
                },
            ]);
            let mut projector = desk.projector(&store, usize::try_from(at_once).unwrap());
            drain(&mut projector).await;
        }
        for day in show(&store).await {
            let positions: Vec<_> = day.positions.iter().map(|p| (p.strategy.as_str(), p.quantity)).collect();
            assert_eq!(positions, [("foreign", 2)]);
            let rows: Vec<_> =
                day.executions.iter().map(|e| (e.leg.as_str(), e.quantity, e.price.to_string())).collect();
            assert_eq!(rows, [("manual", 1, "5001".to_owned())]);
        }
    });
}
