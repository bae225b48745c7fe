//! Entries get their size before risk sees them: what the strategy wants is the most that it may have.
//! In: an entry's intent, bars. Out: the intent with its contracts and why, or a refusal. Absent: the methods
//! (`crate::sizing`), limits (`crate::risk`).

use super::{Books, Output};
use crate::config::{Config, StrategyConfig};
use crate::journal::{Record, Severity, Verdict};
use crate::market::{Bar, Price, SymbolId};
use crate::risk::Breach;
use crate::sizing::{Atr, AtrTicks, Case, Size, Trades};
use crate::strategy;
use crate::time::Timestamp;
use crate::trade::{Intent, Leg, Money, OrderIntent, OrderKind, Side, StrategyId};

/// Refuses an entry of no contracts.
pub const RULE: &str = "sizing";

/// The strategies whose size is not always the same.
#[derive(Clone, Debug)]
pub(super) struct Sizes {
    of: Vec<Sizer>,
}

#[derive(Clone, Debug)]
struct Sizer {
    strategy: StrategyId,
    symbol: SymbolId,
    bar_s: u32,
    size: Size,
    atr: Option<Atr>,
}

impl Sizes {
    pub(super) fn new(config: &Config) -> Self {
        Self { of: config.strategies.iter().filter_map(Sizer::new).collect() }
    }

    pub(super) fn see(&mut self, bar: &Bar) {
        let of_bar = |sizer: &&mut Sizer| sizer.symbol == bar.symbol && sizer.bar_s == bar.length_s;
        for atr in self.of.iter_mut().filter(of_bar).filter_map(|sizer| sizer.atr.as_mut()) {
            atr.see(bar);
        }
    }

    fn of(&self, strategy: StrategyId) -> Option<&Sizer> {
        self.of.iter().find(|sizer| sizer.strategy == strategy)
    }

    /// Whether a share of the risk budget changes the strategy's size.
    pub(super) fn is_shared(&self, strategy: StrategyId) -> bool {
        self.of(strategy).is_some_and(|sizer| sizer.size.uses_equity())
    }
}

impl Sizer {
    fn new(config: &StrategyConfig) -> Option<Self> {
        let size = config.size.clone()?;
        let atr = size.atr_period().map(Atr::new);
        Some(Self { strategy: config.id, symbol: config.symbol, bar_s: config.bar_s, size, atr })
    }

    fn atr(&self) -> Option<AtrTicks> {
        self.atr.as_ref().and_then(Atr::value)
    }
}

impl Books {
    /// Whether [`Books::see_bar`] makes a difference.
    pub fn looks_at_bars(&self) -> bool {
        self.sizing.of.iter().any(|sizer| sizer.atr.is_some())
    }

    /// Bars for the ranges that sizes are made of; after a restart the running session's are shown again.
    pub fn see_bar(&mut self, bar: &Bar) {
        self.sizing.see(bar);
    }

    /// The intent with as many contracts as its strategy's size gives. `None` if that is none: the refusal is recorded
    /// and told.
    pub(super) fn sized(&self, now: Timestamp, mut intent: OrderIntent, out: &mut Vec<Output>) -> Option<OrderIntent> {
        if matches!(intent.intent, Intent::Enter { .. })
            && let Some(Breach { rule, value, limit }) = self.closing_breach(now, intent.symbol)
        {
            self.refuse(intent, Verdict::Refused { rule: rule.to_owned(), value, limit }, out);
            return None;
        }
        let Intent::Enter { side, quantity, kind, bracket } = &mut intent.intent else { return Some(intent) };
        let Some(sizer) = self.sizing.of(intent.strategy) else { return Some(intent) };
        let entry = (*side, *kind, bracket.stop);
        let found = sizer.size.contracts(&self.case(sizer, intent.symbol, entry));
        let contracts = found.contracts.min(*quantity);
        if contracts == 0 {
            let limit = "at least 1 contract".to_owned();
            let verdict = Verdict::Refused { rule: RULE.to_owned(), value: found.why, limit };
            self.refuse(intent, verdict, out);
            return None;
        }
        *quantity = contracts;
        let (strategy, symbol) = (self.name_of_strategy(intent.strategy), self.name_of(intent.symbol));
        let text = format!("strategy {strategy}: {contracts} of {symbol}: {}", found.why);
        out.push(Self::system(Severity::Info, "entry.sized", text));
        out.push(Output::Strategy(intent.strategy, strategy::Input::Sized { quantity: contracts }));
        Some(intent)
    }

    fn refuse(&self, intent: OrderIntent, verdict: Verdict, out: &mut Vec<Output>) {
        let strategy = intent.strategy;
        out.push(Output::Record(Record::Signal { intent, verdict }));
        out.push(Output::Strategy(strategy, strategy::Input::OrderEnded(Leg::Entry)));
    }

    fn case(&self, sizer: &Sizer, symbol: SymbolId, (side, kind, stop): (Side, OrderKind, Price)) -> Case {
        let price = self.entry_price(symbol, side, kind);
        let totals = self.state.portfolio.performance(Some(sizer.strategy));
        let tick_value = self.instruments.iter().find(|i| i.id == symbol).map_or(Money::ZERO, |i| i.tick_value());
        Case {
            equity: Some(self.risk.capital + self.state.portfolio.equity()),
            share: self.share(sizer.strategy),
            price,
            tick_value,
            stop_ticks: price.map(|at| i64::from(side.sign()) * (i64::from(at.0) - i64::from(stop.0))),
            atr: sizer.atr(),
            trades: Trades {
                wins: totals.wins,
                losses: totals.losses,
                profit: totals.gross_profit,
                loss: -totals.gross_loss,
            },
        }
    }

    /// Where the entry would fill: its limit or stop price, otherwise the other side of the quote, or the last trade.
    fn entry_price(&self, symbol: SymbolId, side: Side, kind: OrderKind) -> Option<Price> {
        let mark = self.state.portfolio.last_mark(symbol);
        let touch = match side {
            Side::Buy => mark.ask,
            Side::Sell => mark.bid,
        };
        kind.limit_price().or(kind.stop_price()).or(touch).or(mark.last)
    }
}
