//! Bars by hand: one order or bracket, one bar, and what must come of it.

use super::*;
use crate::bar_market::{MarketBar, Ohlc, QuoteBar};
use crate::market::{Bar, Quality, SymbolId};
use crate::time::Timestamp;
use crate::trade::OrderKind;
use crate::venue::tests::{ES, order, venue};
use crate::venue::{NewOrder, Report, Status, Tif, Venue};

fn minute(n: i64) -> Timestamp {
    Timestamp::from_secs(60 * n)
}

fn floor(name: &str) -> Venue {
    with(BarFills { model: model(name).expect("a model"), limits: LimitRule::Through, costs: BarCosts::default() })
}

fn with(fills: BarFills) -> Venue {
    let mut venue = venue();
    venue.trade_in_bars(fills);
    venue
}

/// A bar of trades over minute `n`.
fn bar(n: i64, prices: [i32; 4], volume: u64) -> MarketBar {
    let [open, high, low, close] = prices.map(Price);
    let quality = Quality::Complete;
    let trades =
        Bar { symbol: ES, open_ts: minute(n), length_s: 60, open, high, low, close, volume, trades: 1, quality };
    MarketBar { symbol: ES, open_ts: minute(n), end: minute(n + 1), trades: Some(trades), quotes: None }
}

fn quotes(n: i64, bid: Option<[i32; 4]>, ask: Option<[i32; 4]>) -> MarketBar {
    let side = |prices: Option<[i32; 4]>| {
        prices.map(|prices| {
            let [open, high, low, close] = prices.map(Price);
            Ohlc { open, high, low, close }
        })
    };
    let (bid, ask) = (side(bid), side(ask));
    let quotes = QuoteBar { symbol: ES, open_ts: minute(n), length_s: 60, bid, ask, bid_size: 9, ask_size: 9 };
    MarketBar { symbol: ES, open_ts: minute(n), end: minute(n + 1), trades: None, quotes: Some(quotes) }
}

/// `(order id, price, contracts, seconds after 1970)`.
type Filled = (i32, i32, u32, i64);

fn fills(reports: &[Report]) -> Vec<Filled> {
    let fill = |report: &Report| match report {
        Report::Execution(e) => Some((e.order_id, e.price.0, e.quantity, e.at.secs())),
        _ => None,
    };
    reports.iter().filter_map(fill).collect()
}

fn show(venue: &mut Venue, bar: MarketBar) -> Vec<Filled> {
    let mut out = Vec::new();
    venue.on_bars(&[bar], &mut out);
    fills(&out)
}

fn place(venue: &mut Venue, at: Timestamp, order: NewOrder) -> Vec<Filled> {
    let mut out = Vec::new();
    venue.place(at, NewOrder { tif: Tif::GoodTillCancelled, ..order }, &mut out).expect("a good order");
    fills(&out)
}

#[test]
fn a_market_order_waits_for_the_next_open_and_nothing_earlier() {
    let mut venue = floor("next_open");
    show(&mut venue, bar(0, [100, 105, 95, 102], 10));
    assert_eq!(place(&mut venue, minute(1), order(1, Side::Buy, 2, OrderKind::Market)), []);
    // A bar that began before the order was placed is none of its business: its open was known.
    let late = MarketBar { open_ts: minute(0), ..bar(1, [90, 90, 90, 90], 10) };
    assert_eq!(show(&mut venue, late), []);
    assert_eq!(show(&mut venue, bar(2, [103, 109, 101, 104], 10)), [(1, 103, 2, 120)]);
}

#[test]
fn the_close_model_fills_at_the_close_that_was_seen() {
    let mut venue = floor("close");
    assert_eq!(place(&mut venue, minute(0), order(1, Side::Sell, 1, OrderKind::Market)), [], "no price yet: it waits");
    assert_eq!(show(&mut venue, bar(0, [100, 105, 95, 102], 10)), [(1, 100, 1, 0)]);
    assert_eq!(place(&mut venue, minute(1), order(2, Side::Buy, 1, OrderKind::Market)), [(2, 102, 1, 60)]);
}

#[test]
fn stops_fill_at_their_price_or_at_the_open_beyond_it() {
    for (prices, expected) in [
        ([100, 104, 96, 100], vec![(1, 104, 1, 60)]),
        ([107, 108, 106, 107], vec![(1, 107, 1, 0)]),
        ([100, 103, 96, 100], vec![]),
    ] {
        let mut venue = floor("next_open");
        place(&mut venue, minute(0), order(1, Side::Buy, 1, OrderKind::Stop(Price(104))));
        assert_eq!(show(&mut venue, bar(0, prices, 10)), expected, "{prices:?}");
    }
}

#[test]
fn limits_need_a_market_beyond_them_unless_touching_is_enough() {
    let limit = || order(1, Side::Buy, 1, OrderKind::Limit(Price(96)));
    for (rule, prices, expected) in [
        (LimitRule::Through, [100, 104, 96, 100], vec![]),
        (LimitRule::Touch, [100, 104, 96, 100], vec![(1, 96, 1, 60)]),
        (LimitRule::Through, [100, 104, 95, 100], vec![(1, 96, 1, 60)]),
        (LimitRule::Through, [94, 99, 93, 99], vec![(1, 94, 1, 0)]),
        (LimitRule::Touch, [97, 104, 97, 100], vec![]),
    ] {
        let model = model("next_open").expect("a model");
        let mut venue = with(BarFills { model, limits: rule, costs: BarCosts::default() });
        place(&mut venue, minute(0), limit());
        assert_eq!(show(&mut venue, bar(0, prices, 10)), expected, "{rule:?} {prices:?}");
    }
}

#[test]
fn a_stop_limit_that_woke_beyond_its_limit_waits() {
    let mut venue = floor("next_open");
    place(&mut venue, minute(0), order(1, Side::Buy, 1, OrderKind::StopLimit { stop: Price(104), limit: Price(105) }));
    assert_eq!(show(&mut venue, bar(0, [108, 109, 107, 108], 10)), [], "it opened above the limit");
    assert_eq!(show(&mut venue, bar(1, [107, 108, 104, 106], 10)), [(1, 105, 1, 120)]);
}

/// An entry at the market with a stop four ticks below and a target four above.
fn bracket(venue: &mut Venue, at: Timestamp, entry: OrderKind, stop: i32, target: i32) {
    let group = Some(("g".to_owned(), crate::venue::OcaType::ReduceWithBlock));
    let child = |id, kind| NewOrder { parent_id: Some(1), oca: group.clone(), ..order(id, Side::Sell, 1, kind) };
    let hold = NewOrder { transmit: false, ..order(1, Side::Buy, 1, entry) };
    place(venue, at, hold);
    place(venue, at, NewOrder { transmit: false, ..child(2, OrderKind::Limit(Price(target))) });
    place(venue, at, child(3, OrderKind::Stop(Price(stop))));
}

#[test]
fn of_stop_and_target_in_one_bar_the_stop_was_first() {
    let mut venue = floor("next_open");
    bracket(&mut venue, minute(0), OrderKind::Market, 96, 104);
    assert_eq!(show(&mut venue, bar(0, [100, 108, 92, 100], 10)), [(1, 100, 1, 0), (3, 96, 1, 60)]);
    let target = venue.order_of(1, 2).expect("it was placed");
    assert_eq!(target.status, Status::Cancelled, "the group is over");
}

#[test]
fn a_target_counts_in_the_bar_whose_open_entered_and_not_in_one_that_entered_inside() {
    let mut venue = floor("next_open");
    bracket(&mut venue, minute(0), OrderKind::Market, 90, 104);
    assert_eq!(show(&mut venue, bar(0, [100, 108, 98, 100], 10)), [(1, 100, 1, 0), (2, 104, 1, 60)]);
    let mut venue = floor("next_open");
    bracket(&mut venue, minute(0), OrderKind::Limit(Price(98)), 90, 104);
    // Whether 104 came after 98 is not known.
    assert_eq!(show(&mut venue, bar(0, [100, 108, 97, 100], 10)), [(1, 98, 1, 60)]);
    assert_eq!(show(&mut venue, bar(1, [101, 105, 100, 100], 10)), [(2, 104, 1, 120)]);
}

#[test]
fn a_position_that_was_opened_inside_a_bar_is_stopped_if_the_bar_holds_its_stop() {
    let mut venue = floor("next_open");
    bracket(&mut venue, minute(0), OrderKind::Stop(Price(104)), 97, 120);
    assert_eq!(show(&mut venue, bar(0, [100, 108, 96, 106], 10)), [(1, 104, 1, 60), (3, 97, 1, 60)]);
}

#[test]
fn slippage_is_against_market_orders_and_stops_and_not_limits() {
    let costs = BarCosts { slippage_ticks: 2, ..BarCosts::default() };
    let model = model("next_open").expect("a model");
    let mut venue = with(BarFills { model, limits: LimitRule::Touch, costs });
    place(&mut venue, minute(0), order(1, Side::Buy, 1, OrderKind::Market));
    place(&mut venue, minute(0), order(2, Side::Sell, 1, OrderKind::Stop(Price(96))));
    place(&mut venue, minute(0), order(3, Side::Sell, 1, OrderKind::Limit(Price(104))));
    let filled = show(&mut venue, bar(0, [100, 104, 96, 100], 10));
    assert_eq!(filled, [(1, 102, 1, 0), (2, 94, 1, 60), (3, 104, 1, 60)]);
}

#[test]
fn a_share_of_the_volume_fills_and_the_rest_waits() {
    let costs = BarCosts { volume_share_max: Some(Millionths(250_000)), ..BarCosts::default() };
    let model = model("next_open").expect("a model");
    let mut venue = with(BarFills { model, limits: LimitRule::Touch, costs });
    place(&mut venue, minute(0), order(1, Side::Buy, 5, OrderKind::Market));
    place(&mut venue, minute(0), order(2, Side::Buy, 1, OrderKind::Market));
    assert_eq!(show(&mut venue, bar(0, [100, 104, 96, 100], 15)), [(1, 100, 3, 0)], "a quarter of 15, rounded down");
    assert_eq!(show(&mut venue, bar(1, [101, 104, 96, 100], 15)), [(1, 101, 2, 60), (2, 101, 1, 60)]);
}

#[test]
fn quotes_fill_buyers_at_the_ask_and_need_more_than_a_touch() {
    let mut venue = floor("quotes");
    show(&mut venue, quotes(0, Some([99, 99, 99, 99]), Some([101, 102, 100, 101])));
    assert_eq!(place(&mut venue, minute(1), order(1, Side::Buy, 1, OrderKind::Market)), [(1, 101, 1, 60)]);
    assert_eq!(place(&mut venue, minute(1), order(2, Side::Sell, 1, OrderKind::Stop(Price(97)))), []);
    assert_eq!(place(&mut venue, minute(1), order(3, Side::Sell, 1, OrderKind::Limit(Price(105)))), []);
    let touched = quotes(1, Some([99, 105, 97, 98]), Some([101, 106, 99, 100]));
    assert_eq!(show(&mut venue, touched), []);
    // The stop at the worse of its price and the close; the limit at the better of its price and the low.
    let passed = quotes(2, Some([98, 106, 95, 96]), Some([100, 107, 97, 98]));
    assert_eq!(show(&mut venue, passed), [(2, 96, 1, 180), (3, 105, 1, 180)]);
}

#[test]
fn a_side_that_nobody_quotes_keeps_its_last_price() {
    let mut venue = floor("quotes");
    show(&mut venue, quotes(0, Some([99, 99, 99, 99]), Some([101, 101, 101, 101])));
    show(&mut venue, quotes(1, Some([97, 97, 97, 97]), None));
    assert_eq!(place(&mut venue, minute(2), order(1, Side::Buy, 1, OrderKind::Market)), [(1, 101, 1, 120)]);
}

#[test]
fn kinds_that_need_ticks_are_refused() {
    let mut venue = floor("next_open");
    let mut out = Vec::new();
    let refused = venue.place(minute(0), order(1, Side::Buy, 1, crate::venue::Kind::MarketOnClose), &mut out);
    assert!(refused.expect_err("no ticks").text.contains("MOC orders need ticks"));
    let immediate = NewOrder { tif: Tif::ImmediateOrCancel, ..order(2, Side::Buy, 1, OrderKind::Market) };
    assert!(venue.place(minute(0), immediate, &mut out).is_err());
}

#[test]
fn a_settlement_between_two_ticks_moves_half_a_tick_of_cash() {
    use crate::venue::{MarkRule, SettleRule};
    let mut venue = floor("quotes");
    assert!(venue.hold(ES, Side::Buy, 1, Price(100)));
    assert!(!venue.hold(SymbolId(77), Side::Buy, 1, Price(100)));
    show(&mut venue, quotes(0, Some([101, 101, 101, 101]), Some([102, 102, 102, 102])));
    let cash = venue.cash();
    venue.settle_at(minute(1), SettleRule::Newest, true, &mut Vec::new());
    assert_eq!((venue.cash() - cash).micros(), 18_750_000, "1.5 ticks of 12.50");
    let equity = venue.equity_at(MarkRule::Touch, true) - cash;
    assert_eq!(equity.micros(), 12_500_000 - 2_250_000, "at the bid, less the fee to close");
    show(&mut venue, bar(1, [103, 103, 103, 103], 1));
    venue.settle_at(minute(2), SettleRule::Newest, true, &mut Vec::new());
    assert_eq!((venue.cash() - cash).micros(), 37_500_000, "the trade is newer than the quote");
}

/// Sunday 22 November 2026, 17:00 in Chicago: the market opens.
const OPENS_S: i64 = 1_795_388_400;

#[test]
fn an_order_that_waited_for_the_session_does_not_fill_at_the_close_before_it() {
    for (name, price) in [("close", 412), ("next_open", 412), ("quotes", 415)] {
        let fills =
            BarFills { model: model(name).expect("a model"), limits: LimitRule::Through, costs: BarCosts::default() };
        let mut venue =
            crate::venue::tests::venue_with(crate::venue::Rules { margins: None, ..crate::venue::Rules::of_broker() });
        venue.trade_in_bars(fills);
        let friday = OPENS_S / 60 - 49 * 60;
        assert!(show(&mut venue, bar(friday - 1, [400, 401, 399, 400], 9)).is_empty());
        assert!(place(&mut venue, minute(friday + 5), order(1, Side::Buy, 1, OrderKind::Market)).is_empty(), "{name}");
        let mut out = Vec::new();
        venue.on_time(Timestamp::from_secs(OPENS_S), &mut out);
        assert!(fills_of(&out).is_empty(), "{name}: {out:?}");
        let filled = show(&mut venue, bar(OPENS_S / 60, [412, 416, 411, 415], 9));
        assert_eq!(filled.iter().map(|(_, price, ..)| *price).collect::<Vec<_>>(), [price], "{name}");
    }
}

fn fills_of(reports: &[Report]) -> Vec<Filled> {
    fills(reports)
}
