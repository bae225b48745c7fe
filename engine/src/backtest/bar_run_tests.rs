//! What happens to an account over bars besides fills: contracts end, cash earns, positions are called. Every amount is
//! worked out by hand beside it.

use crate::analytics::collect::Collector;
use crate::analytics::curve::curve;
use crate::backtest::bar_run::{BarBacktest, BarRunEnd, BarRunSetup, MarginChange};
use crate::bar_market::BarEvent;
use crate::config::Config;
use crate::config::raw::{Known, Layer, read};
use crate::journal::{Mode, Record, SessionInfo, StrategyInfo};
use crate::market::{Bar, Price, Quality, SymbolId};
use crate::time::Timestamp;
use crate::trade::{Fill, Leg, Money, Side, StrategyId};
use crate::venue::MarginRate;

const NOTHING_LIMITED: &str = r#"
    [risk]
    capital_usd = 100_000
    disabled = [
        "order_size_max", "order_notional_max", "max_position_size", "gross_exposure_max", "max_portfolio_risk",
        "orders_per_second_max", "daily_loss_max", "weekly_loss_max", "max_drawdown", "stale_after", "margin_use_max",
        "price_collar", "duplicate_order", "days_to_expiry", "outside_session", "self_match", "orders_per_minute_max",
        "orders_per_day_max", "strategy_orders_per_minute_max", "symbol_orders_per_minute_max", "reentries_max",
        "trailing_drawdown_max", "consecutive_losses_max", "strategy_daily_loss_max",
    ]
"#;

/// `strategies`: sections of strategies; `more`: of `[backtest]`.
pub(super) fn config(strategies: &str, more: &str) -> Config {
    let text = format!(
        r#"
        [broker]
        address = "127.0.0.1:4002"
        [[instruments]]
        name = "ESZ23"
        root = "ES"
        expiry = "202312"
        exchange = "CME"
        currency = "USD"
        tick_size = 0.25
        multiplier = 50
        [[instruments]]
        name = "ESH24"
        root = "ES"
        expiry = "202403"
        exchange = "CME"
        currency = "USD"
        tick_size = 0.25
        multiplier = 50
        {strategies}
        [orders]
        flatten_on_stop = false
        emergency_liquidate_on_disconnect = false
        [storage]
        database_url = "sqlite:var/test.db"
        {NOTHING_LIMITED}
        [backtest]
        cash = 100_000
        commission = 2.25
        unprotected_entries = true
        {more}
        "#
    );
    read(&[Layer::new("test", text)], &[], &Known::registered(&[])).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

pub(super) fn scheduled(name: &str, symbol: &str, orders: &str) -> String {
    format!(
        "[[strategies]]\nname = \"{name}\"\nkind = \"scheduled\"\nsymbol = \"{symbol}\"\nquantity = 1\nunprotected = true\n\
         [strategies.params]\nzone = \"UTC\"\norders = [{orders}]\n"
    )
}

pub(super) fn at(text: &str) -> Timestamp {
    Timestamp::from(chrono::DateTime::parse_from_rfc3339(text).expect("an instant").to_utc())
}

fn usd(amount: &str) -> Money {
    Money::from_decimal(amount.parse().expect("a number")).expect("an amount")
}

/// A minute of one price, in points.
fn minute(symbol: u16, open: &str, points: i32) -> BarEvent {
    let price = Price(points * 4);
    let (open_ts, quality) = (at(open), Quality::Complete);
    BarEvent::Trades(Bar {
        symbol: SymbolId(symbol),
        open_ts,
        length_s: 60,
        open: price,
        high: price,
        low: price,
        close: price,
        volume: 1_000,
        trades: 10,
        quality,
    })
}

fn play(config: &Config, bars: &[BarEvent]) -> (BarRunEnd, Vec<(Timestamp, Record)>) {
    play_with(config, bars, Vec::new())
}

fn play_with(config: &Config, bars: &[BarEvent], margins: Vec<MarginChange>) -> (BarRunEnd, Vec<(Timestamp, Record)>) {
    let mut told = Vec::new();
    let with_trades = vec![SymbolId(0), SymbolId(1)];
    let setup = BarRunSetup { start: bars[0].open_ts(), with_trades, margins, run: 1, ..BarRunSetup::default() };
    let run = BarBacktest::new(config, bars.iter().copied(), setup, |at, record| told.push((at, record)));
    let end = run.expect("a model of bars").run();
    (end, told)
}

pub(super) fn fills(told: &[(Timestamp, Record)]) -> Vec<&Fill> {
    let fill = |(_, record): &'_ (Timestamp, Record)| matches!(record, Record::Fill(_));
    told.iter()
        .filter(|row| fill(row))
        .map(|(_, record)| match record {
            Record::Fill(fill) => fill,
            _ => unreachable!("only fills are left"),
        })
        .collect()
}

const AT_CLOSE: &str = "[backtest.fills]\nmodel = \"close\"\n[backtest.account]\nmargin = \"none\"\nsessions = false\n";

/// The last hour of ESZ23, and ESH24 beside it and after it.
fn last_hour() -> Vec<BarEvent> {
    vec![
        minute(0, "2023-12-15T14:00:00Z", 4_700),
        minute(1, "2023-12-15T14:00:00Z", 4_750),
        minute(0, "2023-12-15T14:29:00Z", 4_713),
        minute(1, "2023-12-15T14:29:00Z", 4_763),
        minute(1, "2023-12-15T14:45:00Z", 4_770),
        minute(1, "2023-12-15T15:00:00Z", 4_760),
    ]
}

#[test]
fn a_position_is_settled_in_cash_when_its_contract_ends() {
    let orders = r#"{ at = "14:01", do = "buy", quantity = 2 },
                    { at = "14:01", do = "buy", kind = "limit", limit = { points = "4000" }, tif = "gtc" },
                    { at = "14:45", do = "buy" }"#;
    let config = config(
        &(scheduled("one", "ESZ23", orders) + &scheduled("other", "ESH24", r#"{ at = "14:01", do = "buy" }"#)),
        AT_CLOSE,
    );
    let (end, told) = play(&config, &last_hour());
    let settled: Vec<&Fill> = fills(&told).into_iter().filter(|fill| fill.leg == Leg::Settlement).collect();
    let [fill] = settled[..] else { panic!("one settlement: {settled:?}") };
    assert_eq!((fill.strategy, fill.side, fill.quantity, fill.price), (StrategyId(0), Side::Sell, 2, Price(4_713 * 4)));
    assert_eq!(fill.at, at("2023-12-15T14:30:00Z"), "the opening of the stock market");
    // Two contracts gained 13 points each, the other is up by 10; three sides cost 2.25 each, the settlement nothing.
    assert_eq!(end.account.cash + Money::ZERO, usd("100000") + usd("1300") - usd("6.75"));
    assert_eq!(end.account.equity, usd("101793.25"));
    let portfolio = end.cores.books.portfolio();
    assert_eq!((portfolio.net_position(SymbolId(0)), portfolio.net_position(SymbolId(1))), (0, 1));
    assert_eq!(portfolio.performance(Some(StrategyId(0))).realised, usd("1300"));
    assert_eq!(portfolio.equity(), usd("1793.25"), "books and account agree");
    assert_eq!(end.cores.books.state().orders.live().count(), 0, "the limit order ended, the late one was refused");
    let refused = told.iter().any(|(_, record)| {
        matches!(record, Record::OrderChanged(change) if change.note.contains("has expired"))
            || matches!(record, Record::System { text, .. } if text.contains("has expired"))
    });
    assert!(refused, "whoever buys after the end is told why not");
    let cost = told.iter().find_map(|(_, record)| match record {
        Record::Commission { exec_id, amount } if *exec_id == fill.exec_id => Some(*amount),
        _ => None,
    });
    assert_eq!(cost, Some(Money::ZERO), "known, and nothing");
}

#[test]
fn positions_that_cancel_each_other_out_are_settled_each_by_itself() {
    let both = scheduled("long", "ESZ23", r#"{ at = "14:01", do = "buy" }"#)
        + &scheduled("short", "ESZ23", r#"{ at = "14:01", do = "sell" }"#);
    let (end, told) = play(&config(&both, AT_CLOSE), &last_hour());
    let settled = fills(&told).into_iter().filter(|fill| fill.leg == Leg::Settlement).count();
    assert_eq!((settled, end.cores.books.portfolio().held().count()), (2, 0));
    let earned = |id| end.cores.books.portfolio().performance(Some(StrategyId(id))).realised;
    assert_eq!((earned(0), earned(1)), (usd("650"), usd("-650")));
}

#[test]
fn a_contract_whose_data_ends_on_its_last_day_has_ended_and_one_that_is_held_has_not() {
    let strategies = scheduled("one", "ESZ23", r#"{ at = "14:01", do = "buy" }"#);
    let short = [minute(0, "2023-12-15T14:00:00Z", 4_700), minute(0, "2023-12-15T14:20:00Z", 4_710)];
    let (end, told) = play(&config(&strategies, AT_CLOSE), &short);
    assert_eq!(
        fills(&told).last().map(|fill| (fill.leg, fill.at)),
        Some((Leg::Settlement, at("2023-12-15T14:30:00Z")))
    );
    assert_eq!(end.account.cash, usd("100497.75"), "10 points less one side");
    let day_before = [minute(0, "2023-12-14T14:00:00Z", 4_700), minute(0, "2023-12-14T14:20:00Z", 4_710)];
    let (end, _) = play(&config(&strategies, AT_CLOSE), &day_before);
    assert_eq!(end.cores.books.portfolio().net_position(SymbolId(0)), 1, "it had a day to go");
    let (end, told) = play(&config(&strategies, &format!("{AT_CLOSE}expiry = \"hold\"\n")), &last_hour());
    assert_eq!(end.cores.books.portfolio().net_position(SymbolId(0)), 1);
    assert!(fills(&told).iter().all(|fill| fill.leg != Leg::Settlement));
}

/// A week with a weekend: one minute a day.
fn week() -> Vec<BarEvent> {
    [("10", 4_000), ("11", 4_010), ("12", 3_990), ("15", 3_990)]
        .map(|(day, points)| minute(1, &format!("2024-01-{day}T15:00:00Z"), points))
        .to_vec()
}

#[test]
fn cash_earns_interest_every_night_to_the_cent() {
    let strategies = scheduled("one", "ESH24", r#"{ at = "15:01", dates = ["2024-01-10"], do = "buy" }"#);
    let config = config(&strategies, &format!("{AT_CLOSE}[backtest.interest]\nrate_percent = \"3.6\"\n"));
    let (end, told) = play(&config, &week());
    let credited: Vec<(String, String)> = told
        .iter()
        .filter_map(|(_, record)| match record {
            Record::Interest(row) => Some((row.at.to_string(), row.amount.to_decimal().normalize().to_string())),
            _ => None,
        })
        .collect();
    // A day's 3.6 % of 360 is a ten-thousandth. Nights of 99,997.75 (100,000 less a side), 100,507.75 (10 points up and 10.00
    // of interest), 99,517.80 (20 points down and 10.05), 99,527.75 (9.95): 9.999775, 10.050775, 9.95178, 9.952775, of
    // which what is not a cent stays for the next.
    let of = |at: &str, amount: &str| (format!("2024-01-{at}T22:00:00Z"), amount.to_owned());
    assert_eq!(credited, [of("11", "10"), of("12", "10.05"), of("13", "9.95"), of("14", "9.96")]);
    assert_eq!((end.account.cash, end.account.equity), (usd("99537.71"), usd("99537.71")));
    assert_eq!(end.cores.books.portfolio().equity(), usd("-502.25"), "no strategy earned it");

    // A report counts it for the account.
    let info = SessionInfo {
        id: "test".into(),
        mode: Mode::Backtest,
        instance: "test".into(),
        account: "backtest".into(),
        instruments: config.instruments.clone(),
        strategies: config
            .strategies
            .iter()
            .map(|s| StrategyInfo { id: s.id, name: s.name.clone(), kind: s.kind.clone(), symbol: s.symbol })
            .collect(),
    };
    let mut collector = Collector::new(&info, week()[0].open_ts(), Vec::new(), usd("100000"));
    told.iter().for_each(|(_, record)| collector.see(record));
    let run = collector.finish();
    let last = |of| curve(&run, of).points.last().map(|point| point.equity);
    assert_eq!((last(None), last(Some(StrategyId(0)))), (Some(usd("99537.71")), Some(usd("99497.75"))));
}

#[test]
fn without_a_rate_cash_earns_nothing() {
    let strategies = scheduled("one", "ESH24", r#"{ at = "15:01", dates = ["2024-01-10"], do = "buy" }"#);
    let (end, told) = play(&config(&strategies, AT_CLOSE), &week());
    assert_eq!(end.account.equity, usd("99497.75"));
    assert!(!told.iter().any(|(_, record)| matches!(record, Record::Interest(_))));
}

/// Three contracts need 75,900 to begin with and 69,000 to stay; 100,000 less 37,500 is not enough.
fn called(model: &str, strategies: &str, closes: &[i32]) -> (BarRunEnd, Vec<(Timestamp, Record)>) {
    let more =
        format!("[backtest.fills]\nmodel = \"{model}\"\n[backtest.account]\nmargin = \"broker\"\nsessions = false\n");
    let bars: Vec<BarEvent> =
        closes.iter().enumerate().map(|(n, points)| minute(1, &format!("2024-01-10T15:{n:02}:00Z"), *points)).collect();
    play(&config(strategies, &more), &bars)
}

#[test]
fn a_position_that_the_account_cannot_hold_is_closed_and_the_books_know_at_once() {
    let bare = scheduled("one", "ESH24", r#"{ at = "15:01", do = "buy", quantity = 3 }"#);
    for (model, price) in [("close", 4_450), ("next_open", 4_440)] {
        let (end, told) = called(model, &bare, &[4_700, 4_700, 4_450, 4_440, 4_440]);
        let last = fills(&told).last().map(|fill| (fill.leg, fill.side, fill.quantity, fill.price));
        assert_eq!(last, Some((Leg::Liquidation, Side::Sell, 3, Price(price * 4))), "{model}");
        assert_eq!(end.cores.books.portfolio().net_position(SymbolId(1)), 0, "{model}");
        // Six sides at 2.25.
        let lost = Money::from_micros(i64::from(4_700 - price) * 150_000_000);
        assert_eq!(end.account.equity, usd("100000") - lost - usd("13.5"), "{model}");
        assert_eq!(end.cores.books.portfolio().equity(), end.account.equity - usd("100000"), "{model}");
        assert!(
            told.iter().any(|(_, record)| matches!(record, Record::System { event, .. } if event == "margin.call"))
        );
    }
}

#[test]
fn the_stop_of_a_position_that_was_called_does_not_open_another() {
    let with_stop = "[[strategies]]\nname = \"one\"\nkind = \"ma_crossover\"\nsymbol = \"ESH24\"\nquantity = 3\nstop_ticks = 4000\n\
                     [strategies.params]\nfast = 2\nslow = 3\nshort = 0\n";
    for model in ["close", "next_open"] {
        // Down, up (it buys), and a fall that calls the position; the next bars fall below the stop as well.
        let (end, told) = called(
            model,
            with_stop,
            &[4_700, 4_690, 4_680, 4_700, 4_710, 4_712, 4_712, 4_440, 3_500, 3_400, 3_400, 3_400],
        );
        let made: Vec<(Leg, i64)> = fills(&told)
            .iter()
            .map(|fill| (fill.leg, i64::from(fill.side.sign()) * i64::from(fill.quantity)))
            .collect();
        assert_eq!(made, [(Leg::Entry, 3), (Leg::Liquidation, -3)], "{model}");
        assert_eq!(end.cores.books.portfolio().net_position(SymbolId(1)), 0, "{model}");
        assert_eq!(end.cores.books.portfolio().equity(), end.account.equity - usd("100000"), "{model}");
        assert_eq!(
            end.cores.books.state().orders.live().count(),
            0,
            "{model}: nothing rests for a position that is gone"
        );
    }
}

#[test]
fn margins_change_on_their_dates() {
    // Two contracts from the second day on, one more on the third: by then they need more than there is.
    let orders = r#"{ at = "15:01", dates = ["2024-01-11"], do = "buy", quantity = 2 },
                    { at = "15:01", dates = ["2024-01-12"], do = "buy" }"#;
    let more =
        "[backtest.fills]\nmodel = \"close\"\n[backtest.account]\nsessions = false\nmargin_files = { ES = \"a\" }\n";
    let config = config(&scheduled("one", "ESH24", orders), more);
    let change = |from: &str, initial, maintenance| MarginChange {
        from: at(from),
        root: "ES".to_owned(),
        rate: MarginRate::of(initial, maintenance),
    };
    let margins = vec![
        change("2024-01-01T05:00:00Z", 11_000, 10_000),
        change("2024-01-12T05:00:00Z", 40_000, 36_000),
        change("2024-01-13T05:00:00Z", 60_000, 54_000),
    ];
    let (end, told) = play_with(&config, &week(), margins);
    let made: Vec<(Leg, u32, String)> =
        fills(&told).iter().map(|fill| (fill.leg, fill.quantity, fill.at.to_string()[..10].to_owned())).collect();
    // A third contract would need 120,000; two at 54,000 are too much for 99,995.50, and are called with Monday's bar.
    let of = |leg, quantity, day: &str| (leg, quantity, day.to_owned());
    assert_eq!(made, [of(Leg::Entry, 2, "2024-01-11"), of(Leg::Liquidation, 2, "2024-01-15")]);
    let margin: Vec<(String, Money)> = told
        .iter()
        .filter_map(|(at, record)| match record {
            Record::Account(row) => Some((at.to_string()[..10].to_owned(), row.initial_margin)),
            _ => None,
        })
        .collect();
    let on = |day: &str| margin.iter().find(|(date, _)| date == day).map(|(_, margin)| *margin);
    assert_eq!(on("2024-01-11"), Some(usd("22000")));
    assert_eq!(on("2024-01-12"), Some(usd("80000")));
    assert_eq!(on("2024-01-13"), Some(usd("120000")));
    assert_eq!(end.account.initial_margin, Money::ZERO);
}
