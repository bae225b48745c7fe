//! LEAN's regression case of daily settlement: its orders, over its quotes, through the venue and the portfolio, to the
//! cent. LEAN settles at the middle of the closing bid and ask, which may be half a tick: the contract is given a grid of
//! half ticks here, and the middle is shown as the last price of the day.

use chrono::TimeZone;
use chrono_tz::America::New_York;
use engine::market::Quote;
use engine::portfolio::{Mark, Portfolio};
use engine::trade::{ClientOrderId, Fill, Leg, Money, Side, StrategyId};
use engine::venue::{Kind, NewOrder, Rules, Terms, Tif, Venue, VenueConfig};
use rust_decimal::Decimal;

use super::*;

const CASE: &str = "FuturesDailySettlementLongRegressionAlgorithm";
const OWNER: StrategyId = StrategyId(0);

/// `2013-10-07 09:31 ET`.
fn new_york(text: &str) -> Timestamp {
    let local = chrono::NaiveDateTime::parse_from_str(text.trim_end_matches(" ET"), "%Y-%m-%d %H:%M").expect("a time");
    New_York.from_local_datetime(&local).single().expect("no clock changes in October").to_utc().into()
}

fn decimal(value: &serde_json::Value) -> Decimal {
    value.to_string().parse().expect("a number")
}

fn money(value: &serde_json::Value) -> Money {
    Money::from_decimal(decimal(value)).expect("cents")
}

/// The venue and the portfolio, which must agree.
struct Desk {
    venue: Venue,
    book: Portfolio,
    contract: Instrument,
    orders: i32,
}

impl Desk {
    fn open(contract: Instrument, fee: Money, cash: Money) -> Self {
        let instruments = vec![contract.clone()];
        let venue = Venue::new(VenueConfig { instruments, commission: fee, cash, rules: Rules::none() });
        Self { venue, book: Portfolio::new(std::slice::from_ref(&contract)), contract, orders: 0 }
    }

    /// A holding of before the first order: no fee, no fill at the venue.
    fn hold(&mut self, at: Timestamp, price: Price) {
        let quote = Quote { ts: at, bid: Some(price), ask: Some(Price(price.0 + 2)), bid_size: 9, ask_size: 9 };
        self.show(MarketEvent::Quote(quote));
        assert!(self.venue.set_position(at, self.contract.id, 1));
        self.fill("seed", Side::Buy, 1, price, at);
    }

    fn show(&mut self, event: MarketEvent) {
        self.venue.on_market(&FeedEvent { symbol: self.contract.id, event }, &mut Vec::new());
    }

    fn fill(&mut self, exec_id: &str, side: Side, quantity: u32, price: Price, at: Timestamp) {
        let (order, symbol) = (ClientOrderId(1), self.contract.id);
        let exec_id = exec_id.to_owned();
        self.book.apply(&Fill { exec_id, order, strategy: OWNER, symbol, leg: Leg::Entry, side, quantity, price, at });
    }

    /// A market order; its price in points.
    fn trade(&mut self, at: Timestamp, contracts: i64) -> Decimal {
        self.orders += 1;
        let side = Side::of_position(contracts).expect("an order is for some contracts");
        let quantity = u32::try_from(contracts.unsigned_abs()).expect("a few");
        let order = NewOrder {
            client_id: 1,
            order_id: self.orders,
            symbol: self.contract.id,
            side,
            quantity,
            kind: Kind::Market,
            tif: Tif::Day,
            parent_id: None,
            oca: None,
            transmit: true,
            order_ref: String::new(),
            terms: Terms::default(),
        };
        let before = self.venue.executions().len();
        self.venue.place(at, order, &mut Vec::new()).expect("the venue takes it");
        let fills = self.venue.executions()[before..].to_vec();
        assert_eq!(fills.iter().map(|fill| fill.quantity).sum::<u32>(), quantity, "it fills at once");
        for fill in &fills {
            self.fill(&fill.exec_id, fill.side, fill.quantity, fill.price, fill.at);
            self.book.commission(&fill.exec_id, fill.commission);
        }
        self.contract.points(fills[0].price)
    }

    /// The day ends at this price.
    fn settle(&mut self, at: Timestamp, price: Price) {
        self.show(MarketEvent::Trade(Trade { ts: at, price, size: 0 }));
        self.venue.end_of_day(at, &mut Vec::new());
        self.book.mark(self.contract.id, Mark { last: Some(price), bid: None, ask: None });
    }
}

/// The quotes of the December contract, on a grid of half ticks.
fn quotes(days: &[&str]) -> Option<(Instrument, Vec<Quote>)> {
    let files = days.iter().map(|day| shared(&format!("lean/Data/future/cme/minute/es/{day}_quote.zip")));
    let opened = open_all(&files.collect::<Option<Vec<_>>>()?);
    let december = opened.instruments.iter().find(|i| i.expiry.as_deref().is_some_and(|e| e.starts_with("201312")));
    let december = december.expect("the contract is in the files").clone();
    let doubled = |price: Option<Price>| price.map(|price| Price(price.0 * 2));
    let quotes = read(opened).into_iter().filter(|event| event.symbol == december.id).map(|event| match event.event {
        MarketEvent::Quote(quote) => Quote { bid: doubled(quote.bid), ask: doubled(quote.ask), ..quote },
        MarketEvent::Trade(_) => panic!("a quote file holds quotes"),
    });
    let half = Instrument { tick_size: december.tick_size / Decimal::TWO, ..december };
    Some((half, quotes.collect()))
}

#[test]
fn lean_s_daily_settlement_comes_out_to_the_cent() {
    let days = ["20131006", "20131007", "20131008", "20131009", "20131010"];
    let (Some((contract, quotes)), Some(expected)) = (quotes(&days), shared("reference/lean_expected.json")) else {
        return;
    };
    let text = std::fs::read_to_string(expected).expect("the file");
    let all: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let case = &all[CASE];
    let cash = money(&case["expected_cash"]["2013-10-07"]);
    let fee = money(&all["fees_per_contract_per_side"]["ES"]);
    let mut desk = Desk::open(contract.clone(), fee, cash);
    let price = |points: Decimal| contract.price_from_decimal(points).expect("on the grid of half ticks");
    desk.hold(new_york("2013-10-06 12:00 ET"), price(Decimal::from(1600)));

    // What happens besides quotes: orders at the end of their bar, and the ends of the days.
    let orders = case["orders"].as_array().expect("a list").iter();
    let mut agenda: Vec<(Timestamp, Option<(i64, Decimal)>)> = orders
        .map(|order| {
            (
                new_york(order[0].as_str().expect("a time")),
                Some((order[1].as_i64().expect("contracts"), decimal(&order[2]))),
            )
        })
        .collect();
    let settlements = case["settlement_mid_17:00ET"].as_object().expect("an object");
    agenda.extend(settlements.keys().map(|day| (new_york(&format!("{day} 17:00 ET")), None)));
    agenda.sort_by_key(|(at, _)| *at);
    let mut agenda = agenda.into_iter().peekable();
    let mut settled = Vec::new();
    let mut last = None;
    for quote in &quotes {
        while let Some((at, what)) = agenda.next_if(|(at, _)| *at <= quote.ts) {
            match what {
                Some((contracts, stated)) => assert_eq!(desk.trade(at, contracts), stated, "an order at {at}"),
                None => {
                    let day = at.to_datetime().with_timezone(&New_York).date_naive().to_string();
                    let Some(Quote { bid: Some(bid), ask: Some(ask), .. }) = last else { panic!("no quote at {at}") };
                    let middle = contract.points(Price((bid.0 + ask.0) / 2));
                    assert_eq!(middle, decimal(&settlements[&day]), "the middle of {day}");
                    desk.settle(at, price(middle));
                    settled.push((desk.venue.cash(), desk.book.equity()));
                }
            }
        }
        desk.show(MarketEvent::Quote(*quote));
        last = Some(*quote);
    }
    assert_eq!(agenda.next(), None, "the files end after the last order");

    // The venue's cash after each settlement, and the portfolio's profit at its price.
    let seed = money(&case["expected_cash"]["end"]);
    let stated = ["2013-10-08", "2013-10-09", "2013-10-10"].map(|day| money(&case["expected_cash"][day]));
    assert_eq!(settled.iter().map(|(cash, _)| *cash).collect::<Vec<_>>(), stated);
    assert_eq!(settled.iter().map(|(_, earned)| cash + *earned).collect::<Vec<_>>(), stated);
    assert_eq!(desk.book.position(OWNER, contract.id), 0);
    assert_eq!(desk.venue.cash(), seed, "flat: everything is in cash");
    assert_eq!(cash + desk.book.equity(), seed);
    assert_eq!(desk.book.performance(None).commission, money(&case["expected"]["Total Fees"]));
}
