//! The turn of the trade date: what each strategy earned on the one that ended is written down, and the shares of the
//! risk budget are found again when they are due.
//! In: trade dates. Out: records. Absent: the methods (`crate::allocation`), limits.

use chrono::{Datelike, NaiveDate};

use super::{Books, BooksState, Output, date_number};
use crate::allocation::{Allocation, Day, Earned, Shares, allocate};
use crate::config::{AllocationConfig, Config, Recompute};
use crate::journal::{Record, TradeDate};
use crate::sizing::Factor;
use crate::trade::StrategyId;

/// What is configured about shares, and whether they have to be found before the next day.
#[derive(Clone, Debug)]
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
    /// The trade date turned from `last` to `date`: what the one that ended has earned, and shares if they are due.
    pub(super) fn close_day(&mut self, last: Option<NaiveDate>, date: NaiveDate, out: &mut Vec<Output>) {
        let turned = self.ended_day(last, date);
        self.state.turn_history(&turned);
        out.push(Output::Record(Record::TradeDate(Box::new(turned))));
        self.sharing.is_due |= self.is_scheduled(date);
        self.share_if_due(date, out);
    }

    fn ended_day(&self, last: Option<NaiveDate>, date: NaiveDate) -> TradeDate {
        let so_far = |id| self.state.portfolio.earned(id);
        let earned = |&(strategy, _): &(StrategyId, String)| Earned {
            strategy,
            pnl: self.state.history.earned(strategy, so_far(strategy)),
            share: self.sizing.is_shared(strategy).then(|| self.share(strategy)),
        };
        let ended = |last| Day { trade_date: date_number(last), earned: self.strategies.iter().map(earned).collect() };
        TradeDate {
            trade_date: date_number(date),
            opened: self.strategies.iter().map(|&(id, _)| (id, so_far(id))).collect(),
            ended: last.map(ended),
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

    pub(super) fn share_if_due(&mut self, date: NaiveDate, out: &mut Vec<Output>) {
        if !std::mem::take(&mut self.sharing.is_due) {
            return;
        }
        let Some(found) = self.allocation() else { return };
        let ids: Vec<StrategyId> = self.strategies.iter().map(|(id, _)| *id).collect();
        let shares = Shares::new(date_number(date), &ids, found);
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
    pub(super) fn share(&self, strategy: StrategyId) -> Factor {
        match self.sharing.config {
            Some(_) => self.state.history.share(strategy).unwrap_or(Factor::ONE),
            None => Factor::ONE,
        }
    }
}

impl BooksState {
    /// Also when it is read back.
    pub(super) fn turn_history(&mut self, turned: &TradeDate) {
        self.history.turn(turned.ended.clone(), turned.opened.iter().copied());
    }

    /// What strategies earned day by day.
    pub fn history(&self) -> &crate::allocation::History {
        &self.history
    }
}

/// `None` for zero and other numbers that are no date.
fn of_number(date: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(i32::try_from(date / 10_000).ok()?, date / 100 % 100, date % 100)
}
