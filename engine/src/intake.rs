//! Where prices enter: what is plausible becomes trades for bars and marks for risk and profit; what is not reaches
//! neither. In: one symbol's market data in order of arrival. Out: a verdict on each tick, the prices that hold.
//! Absent: time, bars, what is done about a corrupt feed (`link`). Both transports have one of these for each symbol.
//!
//! A price is refused that lies further than `jump_ticks_max` from the last one that was taken, trades and quotes alike.
//! A real fast move is not refused for ever: prices that agree with each other move the band, if trades and quotes both
//! say so five times together, or one of them twenty times, and if the new price is at most a fifth away from the old
//! one. A constant that is added to every price agrees with itself and with its quotes, but is not plausible.
//! Before the first tick, the band lies where an earlier session saw the market last, if that is known ([`Intake::after`]).
//! A feed is corrupt when one kind of its ticks, trades or quotes, is refused five times in a row or every fourth time,
//! and it is good again when enough have been taken.

use crate::market::{MarketEvent, Price, Quote};
use crate::portfolio::Mark;

/// What becomes of a tick.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    Take,
    /// Left out; what there is to say was said.
    Drop,
    /// A trade is left out, and that is news: the running bar lacks it.
    Lost(String),
    /// Left out, and from now on the feed counts as corrupt.
    Corrupt(String),
}

/// Together: trades and quotes that agree.
const AGREEING_MIN: u32 = 5;
/// Of one kind alone.
const ALONE_MIN: u32 = 20;
/// Until so many prices were taken the first one may have been the wrong one.
const SETTLED_AFTER: u32 = 10;
/// One refusal weighs as much as so many ticks that were taken.
const REFUSAL_WEIGHT: u32 = 4;
const CORRUPT_AT: u32 = 20;

/// One symbol's intake.
#[derive(Clone, Debug)]
pub struct Intake {
    mark: Mark,
    jump_ticks_max: i64,
    /// The band's middle: the last price that was taken.
    last: Option<Price>,
    taken: u32,
    suspect: Option<Suspect>,
    /// Of trades and of quotes.
    doubt: [u32; 2],
    corrupt: bool,
    listening: bool,
    fresh: bool,
    /// Corruption was told, and its end was not.
    told_corrupt: bool,
}

/// A good tick that was listened for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fresh {
    /// It ends a time of corrupt prices.
    pub cleaned: bool,
}

/// Prices outside of the band that agree with each other.
#[derive(Clone, Copy, Debug)]
struct Suspect {
    price: Price,
    /// Of trades and of quotes.
    seen: [u32; 2],
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Trade = 0,
    Quote = 1,
}

impl Intake {
    pub fn new(jump_ticks_max: u32) -> Self {
        Self {
            mark: Mark::default(),
            jump_ticks_max: i64::from(jump_ticks_max),
            last: None,
            taken: 0,
            suspect: None,
            doubt: [0; 2],
            corrupt: false,
            listening: false,
            fresh: false,
            told_corrupt: false,
        }
    }

    /// The last price of an earlier session: the first tick is held against it as any later one is. What holds is still
    /// only what comes.
    pub fn after(self, last: Option<Price>) -> Self {
        match last {
            Some(_) => Self { last, taken: SETTLED_AFTER, ..self },
            None => self,
        }
    }

    /// The prices that hold.
    pub fn mark(&self) -> Mark {
        self.mark
    }

    /// The next good tick is news: [`Intake::take_fresh`] will say so after it, once.
    pub fn listen(&mut self) {
        self.listening = true;
    }

    /// A good tick came since [`Intake::listen`]. To be told before the tick itself.
    #[inline]
    pub fn take_fresh(&mut self) -> Option<Fresh> {
        std::mem::take(&mut self.fresh).then(|| Fresh { cleaned: std::mem::take(&mut self.told_corrupt) })
    }

    /// A new subscription: whether its prices are good is open. The band stays, because corrupt prices come just then.
    pub fn reopened(&mut self) {
        self.doubt = [0; 2];
        (self.corrupt, self.told_corrupt) = (false, false);
        self.suspect = None;
    }

    #[inline]
    pub fn see(&mut self, event: &MarketEvent) -> Verdict {
        match event {
            MarketEvent::Trade(trade) if self.is_near(trade.price) => {
                self.mark.last = Some(trade.price);
                self.take(Kind::Trade, Some(trade.price))
            }
            MarketEvent::Trade(trade) => self.suspect(Kind::Trade, trade.price, |intake| {
                intake.mark.last = Some(trade.price);
            }),
            MarketEvent::Quote(quote) => self.see_quote(quote),
        }
    }

    /// A tick whose price cannot be read at all: off the grid, beyond every range.
    pub fn unreadable(&mut self, is_trade: bool, why: &str) -> Verdict {
        let kind = if is_trade { Kind::Trade } else { Kind::Quote };
        self.refuse(kind, why.to_owned())
    }

    /// A side outside of the band does not hold; a quote with none inside is refused.
    fn see_quote(&mut self, quote: &Quote) -> Verdict {
        let near = |side: Option<Price>| side.filter(|price| self.is_near(*price));
        let (bid, ask) = (near(quote.bid), near(quote.ask));
        if let (None, None, Some(far)) = (bid, ask, quote.bid.or(quote.ask)) {
            let (bid, ask) = (quote.bid, quote.ask);
            return self.suspect(Kind::Quote, far, |intake| (intake.mark.bid, intake.mark.ask) = (bid, ask));
        }
        (self.mark.bid, self.mark.ask) = (bid, ask);
        self.take(Kind::Quote, middle(bid, ask))
    }

    #[inline]
    fn is_near(&self, price: Price) -> bool {
        self.last.is_none_or(|last| distance(price, last) <= self.jump_ticks_max)
    }

    #[inline]
    fn take(&mut self, kind: Kind, price: Option<Price>) -> Verdict {
        self.last = price.or(self.last);
        self.taken = self.taken.saturating_add(1);
        let doubt = &mut self.doubt[kind as usize];
        *doubt = doubt.saturating_sub(1);
        if self.corrupt || self.suspect.is_some() {
            self.corrupt &= self.doubt != [0; 2];
            self.forget_suspect(kind);
        }
        if self.listening && !self.corrupt {
            (self.listening, self.fresh) = (false, true);
        }
        Verdict::Take
    }

    /// Ticks of one kind that were taken say nothing about suspects of the other.
    fn forget_suspect(&mut self, kind: Kind) {
        if let Some(suspect) = &mut self.suspect {
            suspect.seen[kind as usize] = 0;
            if suspect.seen == [0; 2] {
                self.suspect = None;
            }
        }
    }

    fn suspect(&mut self, kind: Kind, price: Price, take: impl FnOnce(&mut Self)) -> Verdict {
        let suspect = match self.suspect {
            Some(suspect) if distance(suspect.price, price) <= self.jump_ticks_max => suspect,
            _ => Suspect { price, seen: [0; 2] },
        };
        let mut suspect = Suspect { price, ..suspect };
        suspect.seen[kind as usize] = suspect.seen[kind as usize].saturating_add(1);
        self.suspect = Some(suspect);
        if self.moves_the_band(suspect) {
            take(self);
            (self.suspect, self.doubt) = (None, [0; 2]);
            return self.take(kind, Some(price));
        }
        let last = self.last.map_or(0, |last| last.0);
        self.refuse(kind, format!("a price of {} ticks is too far from the last one, {last}", price.0))
    }

    fn moves_the_band(&self, Suspect { price, seen: [trades, quotes] }: Suspect) -> bool {
        let both = trades > 0 && quotes > 0 && trades + quotes >= AGREEING_MIN;
        let confirmed = both || trades.max(quotes) >= ALONE_MIN;
        confirmed && (self.taken < SETTLED_AFTER || self.is_plausible(price))
    }

    fn is_plausible(&self, price: Price) -> bool {
        self.last.is_none_or(|last| plausible(price, last, self.jump_ticks_max))
    }

    fn refuse(&mut self, kind: Kind, why: String) -> Verdict {
        let doubt = &mut self.doubt[kind as usize];
        let first = *doubt == 0;
        *doubt = (*doubt + REFUSAL_WEIGHT).min(2 * CORRUPT_AT);
        if !self.corrupt && *doubt >= CORRUPT_AT {
            (self.corrupt, self.told_corrupt) = (true, true);
            let which = if kind == Kind::Trade { "trades" } else { "quotes" };
            return Verdict::Corrupt(format!("{which} are refused in a row: {why}"));
        }
        if kind == Kind::Trade && first { Verdict::Lost(format!("{why}: left out")) } else { Verdict::Drop }
    }
}

/// Whether a market that was at `last` can be at `price`: what is further away is not believed however often it comes.
pub fn is_plausible(price: Price, last: Price, jump_ticks_max: u32) -> bool {
    plausible(price, last, i64::from(jump_ticks_max))
}

fn plausible(price: Price, last: Price, jump_ticks_max: i64) -> bool {
    distance(price, last) <= (i64::from(last.0).abs() / 5).max(jump_ticks_max * 10)
}

fn distance(a: Price, b: Price) -> i64 {
    (i64::from(a.0) - i64::from(b.0)).abs()
}

/// Where a market with both sides is; one side alone does not move the band.
fn middle(bid: Option<Price>, ask: Option<Price>) -> Option<Price> {
    let (bid, ask) = (bid?, ask?);
    Some(Price(i32::midpoint(bid.0, ask.0)))
}

#[cfg(test)]
#[path = "intake_tests.rs"]
mod tests;
