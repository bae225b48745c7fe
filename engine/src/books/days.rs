//! The turn of the trade date: what each strategy earned on the one that ended is written down, the daily loss begins
//! anew, and the shares of the risk budget are found again when they are due.
//! In: the time. Out: records. Absent: the methods (`crate::allocation`).

use chrono::{Datelike, NaiveDate};

use super::{Books, BooksState, Output, date_number};
use crate::allocation::{Allocation, Day, Earned, Shares, allocate};
use crate::config::{AllocationConfig, Config, Recompute};
use crate::journal::{Record, TradeDate};
use crate::sizing::Fraction;
use crate::time::Timestamp;
use crate::trade::{Money, StrategyId};

/// What is configured about shares, and whether they have to be found before the next day.
#[derive(Debug)]
pub(super) struct Sharing {
    config: Option<AllocationConfig>,
    is_due: bool,
}

impl Sharing {
    /// Shares of other strategies or by another method are found again at once.
    pub(super) fn new(config: &Config, state: &BooksState) -> Self {
        let is_due = config.allocation.as_ref().is_some_and(|wanted| {
            state.history.shares().is_none_or(|shares| {
                let of = shares.of.iter().map(|share| share.strategy);
                shares.method != wanted.settings.method || !of.eq(config.strategies.iter().map(|s| s.id))
            })
        });
        Self { config: config.allocation.clone(), is_due }
    }
}

impl Books {
    /// A new trade date starts a new daily loss. While a position has no price nobody knows what the day that ended has
    /// earned, and the turn waits for one.
    pub(super) fn turn_day(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        let Some(session) = self.sessions.session_of(now) else { return };
        let date = date_number(session.trade_date);
        let turns = self.state.trade_date != date;
        if !turns && !self.sharing.is_due || !self.state.portfolio.is_marked() {
            return;
        }
        if turns {
            let turned = self.ended_day(date);
            self.state.turn_day(&turned);
            out.push(Output::Record(Record::TradeDate(Box::new(turned))));
        }
        if self.sharing.is_due || self.is_scheduled(session.trade_date) {
            self.sharing.is_due = false;
            self.share_anew(date, out);
        }
    }

    fn ended_day(&self, date: u32) -> TradeDate {
        let so_far = |id| self.state.portfolio.equity_of(id);
        let earned = |&(strategy, _): &(StrategyId, String)| Earned {
            strategy,
            pnl: self.state.history.earned(strategy, so_far(strategy)),
            share: self.sizes.is_shared(strategy).then(|| self.share(strategy)),
        };
        let ended = Day { trade_date: self.state.trade_date, earned: self.strategies.iter().map(earned).collect() };
        TradeDate {
            trade_date: date,
            equity: self.state.portfolio.equity(),
            opened: self.strategies.iter().map(|&(id, _)| (id, so_far(id))).collect(),
            ended: (self.state.trade_date != 0).then_some(ended),
        }
    }

    fn is_scheduled(&self, date: NaiveDate) -> bool {
        let Some(config) = &self.sharing.config else { return false };
        let Some(shares) = self.state.history.shares() else { return true };
        match config.recompute {
            Recompute::Daily => shares.trade_date != date_number(date),
            Recompute::Weekly => of_number(shares.trade_date).is_none_or(|last| last.iso_week() != date.iso_week()),
        }
    }

    fn share_anew(&mut self, date: u32, out: &mut Vec<Output>) {
        let Some(found) = self.allocation() else { return };
        let ids: Vec<StrategyId> = self.strategies.iter().map(|(id, _)| *id).collect();
        let shares = Shares::new(date, &ids, found);
        self.state.history.set_shares(shares.clone());
        out.push(Output::Record(Record::Allocation(Box::new(shares))));
    }

    /// What the configured method says of the days so far; `None` without `[allocation]`.
    pub fn allocation(&self) -> Option<Allocation> {
        let config = self.sharing.config.as_ref()?;
        let of = |(n, (id, name)): (usize, &(StrategyId, String))| {
            (*id, name.clone(), config.caps.get(n).copied().unwrap_or(1.0))
        };
        let of: Vec<(StrategyId, String, f64)> = self.strategies.iter().enumerate().map(of).collect();
        Some(allocate(&config.settings, &self.state.history.series(&of)))
    }

    /// What a strategy's fraction of equity is multiplied by.
    pub(super) fn share(&self, strategy: StrategyId) -> Fraction {
        match self.sharing.config {
            Some(_) => self.state.history.share(strategy).unwrap_or(Fraction::ONE),
            None => Fraction::ONE,
        }
    }
}

impl BooksState {
    /// Also when it is read back.
    pub(super) fn turn_day(&mut self, turned: &TradeDate) {
        self.trade_date = turned.trade_date;
        self.portfolio.start_day_at(turned.equity);
        self.history.turn(turned.ended.clone(), turned.opened.iter().copied());
    }

    /// What strategies earned day by day.
    pub fn history(&self) -> &crate::allocation::History {
        &self.history
    }

    /// What a strategy earned since the running trade date began.
    pub fn earned_today(&self, strategy: StrategyId) -> Money {
        self.history.earned(strategy, self.portfolio.equity_of(strategy))
    }
}

/// `None` for zero and other numbers that are no date.
fn of_number(date: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(i32::try_from(date / 10_000).ok()?, date / 100 % 100, date % 100)
}
