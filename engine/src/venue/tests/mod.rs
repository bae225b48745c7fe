//! Tests of the venue: `scenarios` are scripts of a trading day with the reports they must give, `properties` hold on
//! any path, `steps` is the contract of the player. Here: the scripts' language.
//!
//! `quote BID SIZE ASK SIZE` (`-` for nobody), `trade PRICE SIZE`, `place ID buy|sell QUANTITY mkt | lmt P | stp P |
//! stplmt STOP LIMIT | trail TICKS | trailppm PARTS | traillmt TICKS OFFSET | mit P | lit TRIGGER LIMIT | moc | loc P`,
//! then any of `ioc fok gtc hold rth`, `from STOP` (of a trailing order), `parent ID`, `oca NAME TYPE`, `client ID`,
//! `method N`, `gtd S`, `gat S` (seconds from now), `adjust AT stp P | stplmt STOP LIMIT | trail STOP TICKS`; `modify`
//! alike; `cancel ID`, `cancel_all`, `end_of_day`, `wait S`. Prices are ticks.

mod families;
mod forced;
mod kinds;
mod margins;
mod outside;
mod properties;
mod scenarios;
mod steps;
mod times;

use rust_decimal::Decimal;

use super::*;
use crate::market::{FeedEvent, MarketEvent, Quote, Trade};
use crate::trade::{OrderKind, TimeInForce};

pub const ES: SymbolId = SymbolId(0);
pub const NQ: SymbolId = SymbolId(3);

pub fn instrument(id: SymbolId, name: &str, multiplier: i64) -> Instrument {
    Instrument {
        id,
        name: name.into(),
        root: name.into(),
        expiry: None,
        exchange: "CME".into(),
        currency: "USD".into(),
        tick_size: Decimal::new(25, 2),
        multiplier: Decimal::from(multiplier),
    }
}

/// ES at 12.50 a tick, NQ at 5.00; commission 2.25; 100,000 in cash; no rules.
pub fn venue() -> Venue {
    venue_with(Rules::none())
}

pub fn venue_with(rules: Rules) -> Venue {
    Venue::new(VenueConfig {
        instruments: vec![instrument(ES, "ES", 50), instrument(NQ, "NQ", 20)],
        commission: Money::from_micros(2_250_000),
        cash: Money::from_micros(100_000_000_000),
        rules,
    })
}

pub fn order(order_id: i32, side: Side, quantity: u32, kind: impl Into<Kind>) -> NewOrder {
    NewOrder {
        client_id: 1,
        order_id,
        symbol: ES,
        side,
        quantity,
        kind: kind.into(),
        tif: Tif::Day,
        parent_id: None,
        oca: None,
        transmit: true,
        order_ref: format!("ref-{order_id}"),
        terms: Terms::default(),
    }
}

pub fn trade(at: Timestamp, price: i32, size: u32) -> FeedEvent {
    FeedEvent { symbol: ES, event: MarketEvent::Trade(Trade { ts: at, price: Price(price), size }) }
}

pub fn quote(at: Timestamp, bid: Option<i32>, bid_size: u32, ask: Option<i32>, ask_size: u32) -> FeedEvent {
    let (bid, ask) = (bid.map(Price), ask.map(Price));
    FeedEvent { symbol: ES, event: MarketEvent::Quote(Quote { ts: at, bid, ask, bid_size, ask_size }) }
}

/// Plays a script, one command a second, and writes down what the venue says.
pub struct Floor {
    pub venue: Venue,
    now: Timestamp,
    pub said: String,
}

impl Floor {
    pub fn new() -> Self {
        Self::with(Rules::none(), Timestamp::from_secs(0))
    }

    pub fn with(rules: Rules, now: Timestamp) -> Self {
        Self { venue: venue_with(rules), now, said: String::new() }
    }

    pub fn play(&mut self, script: &str) -> &mut Self {
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            self.now = self.now + std::time::Duration::from_secs(1);
            let mut reports = Vec::new();
            self.said += &format!("> {line}\n");
            let words: Vec<&str> = line.split_whitespace().collect();
            if let Err(refusal) = self.command(&words, &mut reports) {
                assert!(reports.is_empty(), "a refused request changes nothing");
                self.said += &format!("refused {}: {}\n", refusal.code, refusal.text);
            }
            for report in &reports {
                self.said += &self.text(report);
            }
        }
        self
    }

    fn command(&mut self, words: &[&str], out: &mut Vec<Report>) -> Result<(), Refusal> {
        let price = |at: usize| words[at].parse::<i32>().ok();
        let size = |at: usize| words[at].parse::<u32>().unwrap();
        let market = match words[0] {
            "quote" => quote(self.now, price(1), size(2), price(3), size(4)),
            "trade" => trade(self.now, price(1).unwrap(), size(2)),
            "place" => return self.venue.place(self.now, parse_order(words, self.now), out).map(drop),
            "modify" => return self.venue.modify(self.now, parse_order(words, self.now), out).map(drop),
            "cancel" => return self.venue.cancel(self.now, client(words), price(1).unwrap(), out),
            "cancel_all" => {
                self.venue.cancel_all(self.now, out);
                return Ok(());
            }
            "end_of_day" => {
                self.venue.end_of_day(self.now, out);
                return Ok(());
            }
            "wait" => {
                self.now = self.now + std::time::Duration::from_secs(words[1].parse().unwrap());
                self.venue.on_time(self.now, out);
                return Ok(());
            }
            other => panic!("no command {other}"),
        };
        let foretold = self.venue.would_report(&market);
        self.venue.on_market(&market, out);
        assert_eq!(foretold, !out.is_empty(), "the venue knows beforehand whether it reports");
        Ok(())
    }

    fn text(&self, report: &Report) -> String {
        match report {
            Report::Order(perm_id) => {
                let order = self.venue.order(*perm_id).unwrap();
                let (id, quantity) = (order.order.order_id, order.order.quantity);
                format!("{id} {} {}/{quantity}\n", order.status.name(), order.filled)
            }
            Report::Execution(e) | Report::Corrected(e) => {
                let realised = e.realised.map(|money| format!(" realised {money}")).unwrap_or_default();
                format!("{} {} {} @ {}{realised}\n", e.order_id, e.side.name(), e.quantity, e.price.0)
            }
            Report::Message { order_id, refusal, .. } => format!("{order_id} [{}] {}\n", refusal.code, refusal.text),
        }
    }

    pub fn position(&self) -> i64 {
        self.venue.positions().find(|p| p.symbol == ES).unwrap().quantity
    }
}

fn client(words: &[&str]) -> i32 {
    after(words, "client").map_or(1, |word| word.parse().unwrap())
}

fn after<'a>(words: &[&'a str], key: &str) -> Option<&'a str> {
    words.iter().position(|word| *word == key).map(|at| words[at + 1])
}

fn parse_kind(words: &[&str]) -> Kind {
    let number = |at: usize| words[at].parse::<i32>().unwrap();
    let price = |at: usize| Price(number(at));
    let stop = after(words, "from").map(|word| Price(word.parse().unwrap()));
    match words[0] {
        "mkt" => Kind::Market,
        "lmt" => Kind::Limit(price(1)),
        "stp" => Kind::Stop(price(1)),
        "stplmt" => Kind::StopLimit { stop: price(1), limit: price(2) },
        "trail" => Kind::Trail { by: TrailBy::Ticks(number(1)), stop },
        "trailppm" => Kind::Trail { by: TrailBy::Millionths(words[1].parse().unwrap()), stop },
        "traillmt" => Kind::TrailLimit { by: TrailBy::Ticks(number(1)), stop, offset: number(2) },
        "mit" => Kind::MarketIfTouched(price(1)),
        "lit" => Kind::LimitIfTouched { trigger: price(1), limit: price(2) },
        "moc" => Kind::MarketOnClose,
        "loc" => Kind::LimitOnClose(price(1)),
        other => panic!("no kind {other}"),
    }
}

fn parse_adjust(words: &[&str]) -> Option<Adjust> {
    let at = words.iter().position(|word| *word == "adjust")?;
    let number = |ahead: usize| words[at + ahead].parse::<i32>().unwrap();
    let to = match words[at + 2] {
        "trail" => Kind::Trail { by: TrailBy::Ticks(number(4)), stop: Some(Price(number(3))) },
        _ => parse_kind(&words[at + 2..]),
    };
    Some(Adjust { at: Price(number(1)), to })
}

fn parse_terms(words: &[&str], now: Timestamp) -> Terms {
    Terms {
        trigger: after(words, "method")
            .map_or(TriggerMethod::Last, |word| TriggerMethod::from_number(word.parse().unwrap()).expect("a method")),
        regular_only: words.contains(&"rth"),
        good_after: seconds_on(words, "gat", now),
        adjust: parse_adjust(words),
        liquidation: false,
    }
}

fn seconds_on(words: &[&str], key: &str, now: Timestamp) -> Option<Timestamp> {
    after(words, key).map(|word| now + std::time::Duration::from_secs(word.parse().unwrap()))
}

fn parse_order(words: &[&str], now: Timestamp) -> NewOrder {
    let side = if words[2] == "buy" { Side::Buy } else { Side::Sell };
    let kind = parse_kind(&words[4..]);
    let tifs = [("ioc", TimeInForce::ImmediateOrCancel), ("fok", TimeInForce::FillOrKill)];
    let tif = tifs.iter().find(|(word, _)| words.contains(word)).map(|(_, tif)| *tif);
    let lasting = if words.contains(&"gtc") { TimeInForce::GoodTillCancelled } else { TimeInForce::Day };
    let oca = after(words, "oca").map(|name| {
        let at = words.iter().position(|word| *word == "oca").unwrap();
        let types = [OcaType::CancelWithBlock, OcaType::ReduceWithBlock, OcaType::ReduceNonBlock];
        (name.to_owned(), types[words[at + 2].parse::<usize>().unwrap() - 1])
    });
    NewOrder {
        client_id: client(words),
        symbol: if words.contains(&"unlisted") { SymbolId(1) } else { ES },
        tif: seconds_on(words, "gtd", now).map_or(tif.unwrap_or(lasting).into(), Tif::GoodTillDate),
        terms: parse_terms(words, now),
        parent_id: after(words, "parent").map(|word| word.parse().unwrap()),
        oca,
        transmit: !words.contains(&"hold"),
        ..order(words[1].parse().unwrap(), side, words[3].parse().unwrap(), kind)
    }
}

/// Plays a script and compares everything that the venue said.
pub fn check(script: &str, expected: expect_test::Expect) {
    expected.assert_eq(&Floor::new().play(script).said);
}
