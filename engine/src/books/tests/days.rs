//! Trade dates that turn: what was earned, what the daily loss counts from, and the shares that are made of it.

use super::sizing::wide;
use super::*;
use crate::allocation::{Method as Sharing, Settings};
use crate::config::{AllocationConfig, Recompute};
use crate::journal::TradeDate;
use crate::sizing::{Factor, Method, Part, Size};

fn dollars(amount: i64) -> Money {
    Money::from_micros(amount * 1_000_000)
}

/// Two strategies whose sizes are shared; `days_min` days before either is judged.
fn sharing(method: Sharing, days_min: usize, recompute: Recompute) -> impl FnOnce(&mut Config) {
    move |config: &mut Config| {
        wide(config);
        config.strategies.truncate(2);
        for strategy in &mut config.strategies {
            let fraction = Factor::from_millionths(10_500);
            let part = Part { method: Method::RiskPerTrade { fraction }, max: Some(100) };
            (strategy.quantity, strategy.size) = (100, Some(Size { parts: vec![part] }));
        }
        let settings =
            Settings { method, lookback_days: 60, history_days_min: days_min, correlation_max: 1.0, weight_min: 0.0 };
        config.allocation = Some(AllocationConfig { settings, recompute, caps: vec![1.0; 2] });
    }
}

impl Desk {
    /// Buys one and is stopped out at `exit`, `n` contracts of what was sized.
    fn trade(&mut self, strategy: StrategyId, exit: i32) {
        self.buy(strategy, 1);
        let (entry, stop) = (self.ticket(strategy, Leg::Entry), self.ticket(strategy, Leg::Stop));
        self.fill(&entry, 1, 1, 20_001);
        self.fill(&stop, 1, 1, exit);
    }

    /// The same time on the next trade date.
    fn next_day(&mut self) {
        let days = if self.books.sessions.trade_date(self.now).weekday() == chrono::Weekday::Fri { 3 } else { 1 };
        self.now = self.now + Duration::from_secs(days * 86_400);
        self.price(20_000);
    }

    fn turns(&self) -> Vec<&TradeDate> {
        let turn = |entry| match entry {
            &Entry { record: Record::TradeDate(ref turned), .. } => Some(&**turned),
            _ => None,
        };
        self.journal.iter().filter_map(turn).collect()
    }

    fn shares(&self) -> Vec<(u32, Vec<i128>)> {
        let shares = self.journal.iter().filter_map(|entry| match &entry.record {
            Record::Allocation(shares) => {
                Some((shares.trade_date, shares.of.iter().map(|s| s.share.millionths()).collect()))
            }
            _ => None,
        });
        shares.collect()
    }
}

fn day_pnl(desk: &Desk) -> Money {
    desk.books.state().risk.figures(Money::ZERO, desk.books.portfolio()).day
}

fn earned_today(desk: &Desk, strategy: StrategyId) -> Money {
    let state = desk.books.state();
    state.history().earned(strategy, state.portfolio.earned(strategy))
}

#[test]
fn each_day_is_written_down_with_what_every_strategy_earned() {
    let mut desk = Desk::open();
    desk.trade(ONE, 19_997);
    desk.trade(TWO, 20_011);
    let commission = BrokerEvent::Commission { exec_id: desk.executions[0].exec_id.clone(), amount: dollars(2) };
    desk.broker(commission);
    desk.next_day();
    desk.trade(ONE, 20_002);
    desk.next_day();
    let [first, second, third] = desk.turns()[..] else { panic!("three dates") };
    assert_eq!((first.trade_date, &first.ended), (20_240_612, &None));
    let earned = |turned: &TradeDate| -> Vec<Money> {
        turned.ended.as_ref().expect("a day ended").earned.iter().map(|e| e.pnl).collect()
    };
    assert_eq!(earned(second), [dollars(-52), dollars(125), Money::ZERO]);
    assert_eq!(second.trade_date, 20_240_613);
    assert_eq!(earned(third), [Money::from_micros(12_500_000), Money::ZERO, Money::ZERO]);
}

#[test]
fn what_is_open_counts_on_the_day_on_which_it_moved() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let entry = desk.ticket(ONE, Leg::Entry);
    desk.fill(&entry, 1, 1, 20_001);
    desk.price(20_011);
    desk.next_day();
    let earned = desk.turns()[1].ended.as_ref().expect("a day ended").earned[0].pnl;
    assert_eq!(earned, Money::from_micros(112_500_000), "at the last price before the turn, the bid of 20,010");
    assert_eq!(earned_today(&desk, ONE), Money::from_micros(-137_500_000), "the gap is the new day's");
}

#[test]
fn the_daily_loss_survives_a_restart_on_the_same_day() {
    let mut desk = Desk::open();
    desk.next_day();
    desk.trade(ONE, 19_980);
    let loss = day_pnl(&desk);
    assert!(loss < Money::ZERO);
    let mut reborn = Desk::with_state(desk.rebuilt());
    reborn.now = desk.now;
    reborn.price(20_000);
    assert_eq!(day_pnl(&reborn), loss, "the same day, the same loss");
    assert!(reborn.turns().is_empty());
}

#[test]
fn a_day_does_not_turn_while_a_position_has_no_price() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let entry = desk.ticket(ONE, Leg::Entry);
    desk.fill(&entry, 1, 1, 20_101);
    desk.price(20_001);
    let mut reborn = Desk::with_state(desk.rebuilt());
    reborn.now = desk.now + Duration::from_secs(86_400);
    reborn.tell(Input::LinkLost);
    assert!(reborn.turns().is_empty(), "what the position is worth is not known");
    reborn.price(20_001);
    reborn.price(20_001);
    assert_eq!(reborn.turns().len(), 1);
    assert_eq!(day_pnl(&reborn), Money::ZERO, "yesterday's loss is not today's");
}

#[test]
fn shares_follow_the_days_and_sizes_follow_the_shares() {
    let mut desk = Desk::open_changed(sharing(Sharing::InverseVolatility, 2, Recompute::Daily));
    assert_eq!(desk.shares(), [(20_240_612, vec![1_000_000; 2])], "nothing is known yet");
    for (one, two) in [(20_005, 20_003), (19_997, 19_999)] {
        desk.trade(ONE, one);
        desk.trade(TWO, two);
        desk.next_day();
    }
    let (date, last) = desk.shares().pop().expect("shares");
    assert_eq!((date, last), (20_240_614, vec![666_666, 1_333_333]), "half the movement, twice the share");
    desk.buy(ONE, 100);
    desk.buy(TWO, 100);
    let ordered = [ONE, TWO].map(|s| desk.ticket(s, Leg::Entry).quantity);
    assert_eq!(ordered, [2, 5], "a third and two thirds of what 1,050 each would be by 262.50");
    assert_eq!(desk.rebuilt().history(), desk.books.state().history(), "the journal knows days and shares");
}

#[test]
fn a_week_has_one_allocation() {
    let mut desk = Desk::open_changed(sharing(Sharing::Equal, 2, Recompute::Weekly));
    // From Wednesday on.
    for _ in 0..8 {
        desk.next_day();
    }
    let dates: Vec<u32> = desk.shares().into_iter().map(|(date, _)| date).collect();
    assert_eq!(dates, [20_240_612, 20_240_617, 20_240_624]);
}

#[test]
fn without_an_allocation_nothing_is_shared() {
    let mut desk = Desk::open_changed(|config| {
        sharing(Sharing::Equal, 2, Recompute::Daily)(config);
        config.allocation = None;
    });
    desk.next_day();
    assert_eq!(desk.shares(), []);
    desk.buy(ONE, 100);
    assert_eq!(desk.ticket(ONE, Leg::Entry).quantity, 4);
}
