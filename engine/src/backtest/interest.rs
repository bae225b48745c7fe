//! Interest on the account's cash. In: the date and the cash of each settlement. Out: what is credited. Exact: what is
//! less than a cent is kept for the next credit. Absent: files, and the account itself.
//!
//! Each night earns on the cash that was settled before it, at the rate of the day on which it begins: a weekend's three
//! nights on Friday's cash. A balance below zero pays instead of earning.

use chrono::{Datelike, NaiveDate};

use crate::config::backtest::{InterestConfig, Percent};
use crate::trade::Money;

/// A rate from a date on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RateChange {
    pub from: NaiveDate,
    pub rate: Percent,
}

/// The account's interest over one run.
#[derive(Clone, Debug)]
pub struct Interest {
    config: InterestConfig,
    /// In order; before the first there is none.
    rates: Vec<RateChange>,
    /// The last settlement, and the cash after it.
    last: Option<(NaiveDate, Money)>,
    /// What has been earned and not credited: millionths of the currency times millionths of a per cent, one day each.
    earned: i128,
}

const CENT_MICROS: i128 = 10_000;

impl Interest {
    pub fn new(config: InterestConfig, rates: Vec<RateChange>) -> Self {
        Self { config, rates, last: None, earned: 0 }
    }

    /// A settlement on `date` left `cash`. What is credited now, below zero when it is to be paid; it counts from this
    /// night on.
    pub fn settle(&mut self, date: NaiveDate, cash: Money) -> Option<Money> {
        let due = match self.last {
            None => false,
            Some((last, _)) if !self.config.monthly => last < date,
            Some((last, _)) => (last.year(), last.month()) != (date.year(), date.month()),
        };
        self.accrue(date);
        let credit = due.then(|| self.credit()).flatten();
        self.last = Some((date, cash + credit.unwrap_or_default()));
        credit
    }

    /// The run is over: what was earned up to the last settlement is credited.
    pub fn finish(&mut self) -> Option<Money> {
        self.credit()
    }

    /// The nights from the last settlement to this one.
    fn accrue(&mut self, date: NaiveDate) {
        let Some((last, cash)) = self.last else { return };
        for night in last.iter_days().take_while(|night| *night < date) {
            self.earned += self.a_day(self.rate(night), cash);
        }
    }

    fn a_day(&self, rate: Percent, cash: Money) -> i128 {
        let (rate, spread) = (i128::from(rate.0), i128::from(self.config.spread.0));
        match cash < Money::ZERO {
            true => i128::from(cash.micros()) * (rate + spread),
            false => i128::from((cash - self.config.above).max(Money::ZERO).micros()) * (rate - spread).max(0),
        }
    }

    fn rate(&self, date: NaiveDate) -> Percent {
        let later = self.rates.partition_point(|change| change.from <= date);
        later.checked_sub(1).map_or(Percent(0), |at| self.rates[at].rate)
    }

    /// In whole cents, half a cent away from zero; what is over or missing stays.
    fn credit(&mut self) -> Option<Money> {
        let cent = CENT_MICROS * 100_000_000 * i128::from(self.config.year_days);
        let cents = (self.earned + self.earned.signum() * (cent / 2)) / cent;
        self.earned -= cents * cent;
        let micros = i64::try_from(cents * CENT_MICROS).expect("interest is a part of an amount of money");
        (micros != 0).then_some(Money::from_micros(micros))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn usd(amount: &str) -> Money {
        Money::from_decimal(amount.parse().expect("a number")).expect("an amount")
    }

    fn of(config: InterestConfig, rates: &[(&str, i64)]) -> Interest {
        let rates = rates.iter().map(|(from, rate)| RateChange { from: day(from), rate: Percent(*rate) });
        Interest::new(config, rates.collect())
    }

    fn plain() -> InterestConfig {
        InterestConfig { year_days: 360, ..InterestConfig::default() }
    }

    #[test]
    fn each_night_earns_on_the_cash_before_it_to_the_cent() {
        // 100,000 x 5.25 % / 360 = 14.58333.. a night; the third of a cent is not lost.
        let mut interest = of(plain(), &[("2024-01-01", 5_250_000)]);
        assert_eq!(interest.settle(day("2024-06-10"), usd("100000")), None, "no night yet");
        assert_eq!(interest.settle(day("2024-06-11"), usd("100000")), Some(usd("14.58")));
        // 100,014.58 earns 14.585459..; with the 0.003333.. from before it is 14.588793.., which is 0.001206.. less than
        // what is credited. 100,029.17 earns 14.587587.., and with that 14.586380..
        assert_eq!(interest.settle(day("2024-06-12"), usd("100014.58")), Some(usd("14.59")));
        assert_eq!(interest.settle(day("2024-06-13"), usd("100029.17")), Some(usd("14.59")));
        assert_eq!(interest.finish(), None, "less than half a cent");
    }

    #[test]
    fn a_weekend_has_three_nights_and_a_rate_holds_from_its_date_on() {
        let mut interest = of(plain(), &[("2024-01-01", 3_600_000), ("2024-06-16", 7_200_000)]);
        interest.settle(day("2024-06-14"), usd("10000"));
        // Friday and Saturday at 3.6 %, Sunday at 7.2 %: 1 + 1 + 2.
        assert_eq!(interest.settle(day("2024-06-17"), usd("10000")), Some(usd("4")));
        let mut before = of(plain(), &[("2024-07-01", 3_600_000)]);
        before.settle(day("2024-06-14"), usd("10000"));
        assert_eq!(before.settle(day("2024-06-17"), usd("10000")), None, "no rate is known yet");
    }

    #[test]
    fn a_months_interest_comes_with_the_first_settlement_of_the_next() {
        let monthly = InterestConfig { monthly: true, year_days: 365, ..InterestConfig::default() };
        let mut interest = of(monthly, &[("2024-01-01", 3_650_000)]);
        for date in ["2024-02-27", "2024-02-28", "2024-02-29"] {
            assert_eq!(interest.settle(day(date), usd("10000")), None);
        }
        assert_eq!(
            interest.settle(day("2024-03-01"), usd("10000")),
            Some(usd("3")),
            "three nights, the leap day's too"
        );
        assert_eq!(interest.settle(day("2024-03-02"), usd("10003")), None);
        assert_eq!(interest.finish(), Some(usd("1")), "the run is over");
    }

    #[test]
    fn the_broker_keeps_its_spread_pays_nothing_on_the_first_part_and_charges_debts() {
        let like_a_broker = InterestConfig {
            spread: Percent(500_000),
            above: usd("10000"),
            year_days: 360,
            ..InterestConfig::default()
        };
        let mut interest = of(like_a_broker.clone(), &[("2024-01-01", 4_100_000)]);
        interest.settle(day("2024-06-10"), usd("110000"));
        // 100,000 x 3.6 % / 360.
        assert_eq!(interest.settle(day("2024-06-11"), usd("9000")), Some(usd("10")));
        assert_eq!(interest.settle(day("2024-06-12"), usd("-10000")), None, "less than what earns");
        // 10,000 x 4.6 % / 360 = 1.2777..
        assert_eq!(interest.settle(day("2024-06-13"), usd("0")), Some(usd("-1.28")));
        let mut low = of(like_a_broker, &[("2024-01-01", 250_000)]);
        low.settle(day("2024-06-10"), usd("110000"));
        assert_eq!(low.settle(day("2024-06-11"), usd("110000")), None, "a rate below the spread charges nothing");
    }
}
