//! From a view of the market to ticks by type. In: the view that was sent last and the one that is true now.
//! Out: the ticks between them. Also which types there are, live and delayed, and which generic ones may be asked for.

use engine::market::Price;

use crate::catalog::Listing;
use crate::history::View;
use crate::wire::market_data::{TickGeneric, TickPrice, TickSize, TickString};
use crate::wire::response::Response;

/// The numbers of the usual ticks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Types {
    bid: i32,
    ask: i32,
    last: i32,
    bid_size: i32,
    ask_size: i32,
    last_size: i32,
    high: i32,
    low: i32,
    volume: i32,
    close: i32,
    open: i32,
    last_time: i32,
    /// There is none for delayed data that clients know.
    halted: Option<i32>,
}

pub const LIVE: Types = Types {
    bid: 1,
    ask: 2,
    last: 4,
    bid_size: 0,
    ask_size: 3,
    last_size: 5,
    high: 6,
    low: 7,
    volume: 8,
    close: 9,
    open: 14,
    last_time: 45,
    halted: Some(49),
};

pub const DELAYED: Types = Types {
    bid: 66,
    ask: 67,
    last: 68,
    bid_size: 69,
    ask_size: 70,
    last_size: 71,
    high: 72,
    low: 73,
    volume: 74,
    close: 75,
    open: 76,
    last_time: 88,
    halted: None,
};

const MARK_PRICE: i32 = 37;
const RT_VOLUME: i32 = 48;
const TRADE_COUNT: i32 = 54;
const RT_TRADE_VOLUME: i32 = 77;
/// A price at which an order would be executed without a person in between.
const CAN_AUTO_EXECUTE: i32 = 1;
/// What an empty side of the book shows.
const NO_PRICE: f64 = -1.0;

/// Generic ticks that change what is sent; the other legal ones have nothing to tell of a future.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Extra {
    MarkPrice,
    RtVolume,
    TradeCount,
    RtTradeVolume,
}

/// Generic ticks that may be asked for, with the names under which an error lists them; 220 has none of its own.
const LEGAL: [(&str, &str); 29] = [
    ("100", "100(Option Volume)"),
    ("101", "101(Option Open Interest)"),
    ("105", "105(Average Opt Volume)"),
    ("106", "106(impvolat)"),
    ("165", "165(Misc. Stats)"),
    ("221", "221/220(Creditman Mark Price)"),
    ("225", "225(Auction)"),
    ("232", "232/221(Pl Price)"),
    ("233", "233(RTVolume)"),
    ("236", "236(inventory)"),
    ("258", "258/47(Fundamentals)"),
    ("292", "292(Wide_news)"),
    ("293", "293(TradeCount)"),
    ("294", "294(TradeRate)"),
    ("295", "295(VolumeRate)"),
    ("318", "318(LastRTHTrade)"),
    ("375", "375(RTTrdVolume)"),
    ("411", "411(rthistvol)"),
    ("456", "456/59(IBDividends)"),
    ("460", "460(Bond Factor Multiplier)"),
    ("577", "577(EtfNavLast(navlast))"),
    ("586", "586(IPOHLMPRC)"),
    ("587", "587(Pl Price Delayed)"),
    ("588", "588(Futures Open Interest)"),
    ("595", "595(Short-Term Volume X Mins)"),
    ("614", "614(EtfNavMisc(high/low))"),
    ("619", "619(Creditman Slow Mark Price)"),
    ("623", "623(EtfFrozenNavLast(fznavlast))"),
    ("220", ""),
];

/// What one subscription is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Screen {
    types: &'static Types,
    /// The usual ticks; `mdoff` takes them away.
    usual: bool,
    extras: Vec<Extra>,
}

impl Screen {
    /// `words`: generic ticks with commas between them. The error is what a client is told.
    pub fn read(words: &str, types: &'static Types) -> Result<Screen, String> {
        let mut screen = Screen { types, usual: true, extras: Vec::new() };
        for word in words.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            // What follows a colon narrows news down, and there are none.
            let number = word.split(':').next().unwrap_or(word);
            match number {
                "mdoff" => screen.usual = false,
                "221" | "232" => screen.add(Extra::MarkPrice),
                "233" => screen.add(Extra::RtVolume),
                "293" => screen.add(Extra::TradeCount),
                "375" => screen.add(Extra::RtTradeVolume),
                known if LEGAL.iter().any(|(number, _)| *number == known) => {}
                _ => return Err(illegal(words)),
            }
        }
        Ok(screen)
    }

    fn add(&mut self, extra: Extra) {
        if !self.extras.contains(&extra) {
            self.extras.push(extra);
        }
    }
}

fn illegal(words: &str) -> String {
    let legal: Vec<&str> = LEGAL.iter().map(|(_, name)| *name).filter(|name| !name.is_empty()).collect();
    format!("Incorrect generic tick list of {words}.  Legal ones for (FUT) are: {}", legal.join(","))
}

/// The ticks that lead from `sent` to `view`.
pub fn changes(req_id: i32, sent: Option<&View>, view: &View, screen: &Screen, listing: &Listing) -> Vec<Response> {
    let mut ticks = Ticks { req_id, listing, out: Vec::new() };
    let none = View::default();
    let before = sent.unwrap_or(&none);
    if screen.usual {
        ticks.quote(before, view, screen.types);
        ticks.last(before, view, screen.types);
        ticks.day(before, view, screen.types);
        if let Some(halted) = screen.types.halted.filter(|_| sent.is_none()) {
            ticks.generic(halted, 0.0);
        }
    }
    for extra in &screen.extras {
        ticks.extra(*extra, before, view);
    }
    ticks.out
}

struct Ticks<'a> {
    req_id: i32,
    listing: &'a Listing,
    out: Vec<Response>,
}

impl Ticks<'_> {
    fn points(&self, price: Price) -> f64 {
        self.listing.points.of_ticks(i64::from(price.0))
    }

    fn price(&mut self, kind: i32, price: f64, size: u32, mask: i32) {
        let (req_id, tick_type) = (Some(self.req_id), Some(kind));
        let size = Some(size.to_string());
        self.out.push(TickPrice { req_id, tick_type, price: Some(price), size, attr_mask: Some(mask) }.into());
    }

    fn size(&mut self, kind: i32, size: u64) {
        let (req_id, tick_type) = (Some(self.req_id), Some(kind));
        self.out.push(TickSize { req_id, tick_type, size: Some(size.to_string()) }.into());
    }

    fn text(&mut self, kind: i32, value: String) {
        self.out.push(TickString { req_id: Some(self.req_id), tick_type: Some(kind), value: Some(value) }.into());
    }

    fn generic(&mut self, kind: i32, value: f64) {
        self.out.push(TickGeneric { req_id: Some(self.req_id), tick_type: Some(kind), value: Some(value) }.into());
    }

    /// A side whose price changed comes with its size; a size that changed alone comes alone.
    fn quote(&mut self, before: &View, view: &View, types: &Types) {
        let Some(quote) = view.quote else { return };
        let old = before.quote;
        let bid = (old.map(|old| (old.bid, old.bid_size)), quote.bid, quote.bid_size);
        let ask = (old.map(|old| (old.ask, old.ask_size)), quote.ask, quote.ask_size);
        for ((old, price, size), kind, size_kind) in
            [(bid, types.bid, types.bid_size), (ask, types.ask, types.ask_size)]
        {
            let size = if price.is_some() { size } else { 0 };
            match old {
                Some((old, _)) if old != price => self.side(kind, price, size),
                None => self.side(kind, price, size),
                Some((_, old)) if old != size && price.is_some() => self.size(size_kind, u64::from(size)),
                Some(_) => {}
            }
        }
    }

    fn side(&mut self, kind: i32, price: Option<Price>, size: u32) {
        let points = price.map_or(NO_PRICE, |price| self.points(price));
        self.price(kind, points, size, CAN_AUTO_EXECUTE);
    }

    fn last(&mut self, before: &View, view: &View, types: &Types) {
        let Some(last) = view.last else { return };
        match before.last {
            Some(old) if old.price == last.price => {
                if old.size != last.size {
                    self.size(types.last_size, u64::from(last.size));
                }
            }
            _ => self.price(types.last, self.points(last.price), last.size, 0),
        }
        if before.last.is_none_or(|old| old.ts.secs() != last.ts.secs()) {
            self.text(types.last_time, last.ts.secs().to_string());
        }
    }

    fn day(&mut self, before: &View, view: &View, types: &Types) {
        if before.volume != view.volume {
            self.size(types.volume, view.volume);
        }
        let prices = [
            (types.high, before.high, view.high),
            (types.low, before.low, view.low),
            (types.close, before.close, view.close),
            (types.open, before.open, view.open),
        ];
        for (kind, old, new) in prices {
            if let Some(new) = new.filter(|_| old != new) {
                self.price(kind, self.points(new), 0, 0);
            }
        }
    }

    fn extra(&mut self, extra: Extra, before: &View, view: &View) {
        let Some(last) = view.last.filter(|_| before.count != view.count || before.last != view.last) else {
            return;
        };
        match extra {
            Extra::MarkPrice => {
                let (old, new) = (before.last.map(|last| last.price), last.price);
                if old != Some(new) {
                    self.price(MARK_PRICE, self.points(new), 0, 0);
                }
            }
            Extra::TradeCount => self.generic(TRADE_COUNT, view.count as f64),
            Extra::RtVolume | Extra::RtTradeVolume => {
                let kind = if extra == Extra::RtVolume { RT_VOLUME } else { RT_TRADE_VOLUME };
                let average = view.average().map_or(0.0, |ticks| self.listing.points.of_average(ticks));
                let single = view.count == before.count + 1;
                let price = self.points(last.price);
                let time = last.ts.millis();
                self.text(kind, format!("{price};{};{time};{};{average};{single}", last.size, view.volume));
            }
        }
    }
}
