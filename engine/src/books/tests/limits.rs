//! Limits at work in the books: what trips, what stays latched, what a person can do, what a restart remembers.

use super::*;
use crate::books::{Entries, STILL_BROKEN};
use crate::config::Limit;
use crate::journal::Verdict;
use crate::risk::latch::{KILL, PAUSE, Scope};
use crate::trade::Intent;

fn by_alice(command: Command) -> Input {
    Input::Operator(Operator { command, who: "alice".into(), why: "a test".into() })
}

/// The rule that refused the last entry; `None` if it passed.
fn last_refusal(desk: &Desk) -> Option<String> {
    match desk.verdicts().pop().expect("there was an intent") {
        Verdict::Refused { rule, value, .. } if rule == "latched" => value.split(':').next().map(str::to_owned),
        Verdict::Refused { rule, .. } => Some(rule.clone()),
        Verdict::Approved { .. } => None,
    }
}

/// Loses 21 ticks of one contract, 262.50 dollars, within an instant.
pub(super) fn stop_out(desk: &mut Desk, strategy: StrategyId) {
    desk.buy(strategy, 1);
    assert_eq!(last_refusal(desk), None);
    let (entry, stop) = (desk.ticket(strategy, Leg::Entry), desk.ticket(strategy, Leg::Stop));
    desk.fill(&entry, 1, 1, 20_001);
    desk.fill(&stop, 1, 1, 19_980);
}

/// The same, and the timer has looked at it.
fn lose(desk: &mut Desk, strategy: StrategyId) {
    stop_out(desk, strategy);
    desk.wait(1_000);
    desk.price(20_000);
}

#[test]
fn a_tripped_limit_outlives_a_restart_and_ends_with_its_day() {
    let mut desk = Desk::open();
    desk.books.risk.loss.daily_loss_max = Limit::Max(Money::from_micros(262_500_000));
    lose(&mut desk, ONE);
    desk.buy(TWO, 1);
    assert_eq!(last_refusal(&desk).as_deref(), Some("daily_loss"));
    let mut state = desk.rebuilt();
    state.doubt_all();
    let mut reborn = Desk::resumed(state, desk.now);
    reborn.buy(TWO, 1);
    assert_eq!(last_refusal(&reborn).as_deref(), Some("daily_loss"), "a new process goes by the same day");
    reborn.now = reborn.now + Duration::from_secs(9 * 3_600);
    reborn.price(20_000);
    reborn.buy(TWO, 1);
    assert_eq!(last_refusal(&reborn), None, "after 17:00 in Chicago it is another day");
}

#[test]
fn a_drawdown_stays_latched_over_days_until_a_person_unlocks_it() {
    let mut desk = Desk::open();
    desk.books.risk.loss.trailing_drawdown_max = Limit::Max(Money::from_micros(262_500_000));
    lose(&mut desk, ONE);
    desk.now = desk.now + Duration::from_secs(9 * 3_600);
    desk.price(20_000);
    desk.buy(TWO, 1);
    assert_eq!(last_refusal(&desk).as_deref(), Some("trailing_drawdown"));
    desk.books.risk.loss.trailing_drawdown_max = Limit::Max(Money::from_micros(1_000_000_000));
    let unlock = |rule: &str| by_alice(Command::Unlock { rule: rule.into(), scope: Scope::Account });
    desk.tell(unlock("max_drawdown"));
    desk.buy(TWO, 1);
    assert_eq!(last_refusal(&desk).as_deref(), Some("trailing_drawdown"), "another rule's name releases nothing");
    desk.tell(unlock("trailing_drawdown"));
    desk.buy(TWO, 1);
    assert_eq!(last_refusal(&desk), None);
}

#[test]
fn a_limit_that_is_still_broken_stays_latched_until_it_is_raised() {
    let mut desk = Desk::open();
    desk.books.risk.loss.trailing_drawdown_max = Limit::Max(Money::from_micros(262_500_000));
    lose(&mut desk, ONE);
    let unlock = || by_alice(Command::Unlock { rule: "trailing_drawdown".into(), scope: Scope::Account });
    let shown = |desk: &Desk| desk.books.risk_view(desk.now).latches.remove(0);
    assert_eq!(shown(&desk).broken_now.as_deref(), Some("262.50 against 262.50"));
    desk.tell(unlock());
    // The first cause is kept, nothing was off for an instant, and the record says who asked and what they were told.
    assert!(!desk.journal.iter().any(|e| matches!(e.record, Record::Released { .. })));
    assert!(desk.events().contains(&STILL_BROKEN));
    assert!(desk.journal.iter().any(|e| matches!(&e.record, Record::Operator { who, .. } if who == "alice")));
    desk.buy(TWO, 1);
    assert_eq!(last_refusal(&desk).as_deref(), Some("trailing_drawdown"));
    desk.books.risk.loss.trailing_drawdown_max = Limit::Max(Money::from_micros(262_510_000));
    assert_eq!(shown(&desk).broken_now, None, "a cent more is allowed");
    desk.tell(unlock());
    desk.buy(TWO, 1);
    assert_eq!(last_refusal(&desk), None);
}

#[test]
fn a_row_of_losses_stops_that_strategy_alone_and_begins_anew_when_a_person_releases_it() {
    let mut desk = Desk::open();
    desk.books.risk.loss.consecutive_losses_max = Limit::Max(2);
    lose(&mut desk, ONE);
    lose(&mut desk, ONE);
    desk.buy(ONE, 1);
    assert_eq!(last_refusal(&desk).as_deref(), Some("consecutive_losses"));
    desk.buy(TWO, 1);
    assert_eq!(last_refusal(&desk), None);
    let mut desk = Desk::resumed(desk.rebuilt(), desk.now + Duration::from_secs(3_600));
    desk.books.risk.loss.consecutive_losses_max = Limit::Max(2);
    desk.tell(by_alice(Command::Unlock { rule: "consecutive_losses".into(), scope: Scope::Strategy(ONE) }));
    desk.wait(1_000);
    desk.price(20_000);
    let mut desk = Desk::resumed(desk.rebuilt(), desk.now + Duration::from_secs(60));
    desk.books.risk.loss.consecutive_losses_max = Limit::Max(2);
    lose(&mut desk, ONE);
    assert!(!desk.books.state().latches.has("consecutive_losses", &Scope::Strategy(ONE)), "the first of a new row");
    lose(&mut desk, ONE);
    desk.buy(ONE, 1);
    assert_eq!(last_refusal(&desk).as_deref(), Some("consecutive_losses"));
}

/// In words, as the first line of `pitboss risk show`.
fn held_back(desk: &Desk) -> (Entries, Vec<String>) {
    let view = desk.books.risk_view(desk.now);
    (view.trading, view.held_back.iter().map(|held| format!("{} of {}", held.rule, held.of)).collect())
}

fn is_blocked_by(desk: &Desk, rule: &str) {
    let (entries, why) = held_back(desk);
    assert!(entries == Entries::Blocked && why.iter().any(|held| held == rule), "{entries:?}: {why:?}, not {rule}");
}

#[test]
fn trading_is_shown_as_allowed_only_if_nothing_holds_entries_back() {
    let names: Vec<String> = config().strategies.iter().map(|s| s.name.clone()).collect();
    let mut desk = Desk::open();
    assert_eq!(held_back(&desk), (Entries::Allowed, Vec::new()));
    desk.tell(by_alice(Command::Pause(TWO)));
    assert_eq!(held_back(&desk), (Entries::Partly, vec![format!("pause of strategy {}", names[1])]));
    desk.tell(by_alice(Command::Kill { flatten: false }));
    let (entries, why) = held_back(&desk);
    assert_eq!(
        (entries, why[0].as_str(), why.len()),
        (Entries::Blocked, "kill of the account", 2),
        "the account's first"
    );
    for (rule, scope) in [(KILL, Scope::Account), (PAUSE, Scope::Strategy(TWO))] {
        desk.tell(by_alice(Command::Unlock { rule: rule.into(), scope }));
    }
    assert_eq!(held_back(&desk).0, Entries::Allowed);
    for id in config().strategies.iter().map(|s| s.id) {
        desk.tell(by_alice(Command::Pause(id)));
    }
    assert_eq!((held_back(&desk).0, held_back(&desk).1.len()), (Entries::Blocked, names.len()), "everybody rests");
}

#[test]
fn what_is_not_a_latch_holds_entries_back_as_well() {
    let mut desk = Desk::open();
    desk.tell(Input::Trading { trading: Trading::Paused, cause: "positions differ".into() });
    is_blocked_by(&desk, "trading_state of the account");
    assert!(desk.books.risk_view(desk.now).held_back[0].text.contains("positions differ"), "and why");
    desk.tell(Input::Trading { trading: Trading::Allowed, cause: "test".into() });
    desk.tell(Input::Feed { symbol: ES, live: false });
    is_blocked_by(&desk, "feed of instrument ES");
    desk.tell(Input::Feed { symbol: ES, live: true });
    assert_eq!(held_back(&desk).0, Entries::Allowed);
    desk.now = desk.now + Duration::from_secs(60);
    is_blocked_by(&desk, "stale_data of instrument ES");
    // 16:30 in Chicago.
    desk.now = Timestamp::from_secs(1_718_227_800);
    desk.price(20_000);
    is_blocked_by(&desk, "outside_session of instrument ES");
    desk.now = desk.now + Duration::from_secs(3_600);
    desk.price(20_000);
    assert_eq!(held_back(&desk).0, Entries::Allowed);
    desk.tell(Input::Disable(ONE));
    assert_eq!(held_back(&desk).0, Entries::Partly, "one was given up");
    desk.tell(Input::LinkLost);
    is_blocked_by(&desk, "trading_state of the account");
}

#[test]
fn what_an_operator_reads_has_strategies_names() {
    let mut desk = Desk::open();
    let name = config().strategies[0].name.clone();
    desk.tell(by_alice(Command::Pause(ONE)));
    let command = desk.journal.iter().find_map(|e| match &e.record {
        Record::Operator { command, .. } => Some(command.clone()),
        _ => None,
    });
    assert_eq!(command, Some(format!("pause strategy {name}")));
    let latch = desk.books.risk_view(desk.now).latches.remove(0);
    assert_eq!((latch.of(), latch.cause()), (format!("strategy {name}"), "by alice, \"a test\"".to_owned()));
    desk.tell(Input::Disable(ONE));
    let told = desk.journal.iter().rev().find_map(|e| match &e.record {
        Record::System { event, text, .. } if event == "strategy.disabled" => Some(text.clone()),
        _ => None,
    });
    assert_eq!(told, Some(format!("strategy {name}")));
}

#[test]
fn a_kill_without_a_connection_withdraws_entries_when_there_is_one() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let entry = desk.ticket(ONE, Leg::Entry);
    desk.status(&entry, BrokerStatus::Submitted);
    let bracket = desk.sent.clone();
    desk.tell(Input::LinkLost);
    desk.tell(by_alice(Command::Kill { flatten: false }));
    let view = desk.books.risk_view(desk.now);
    assert_eq!((view.connected, view.entries), (false, 1), "nobody has confirmed anything");
    assert!(desk.doubts > 0, "the broker's own word is asked for");
    // Whatever was handed over meanwhile went nowhere; and the process dies as well.
    let mut state = desk.rebuilt();
    state.doubt_all();
    let mut reborn = Desk::with_state(state);
    reborn.now = desk.now + Duration::from_secs(60);
    reborn.broker(BrokerEvent::NextOrderId(BrokerOrderId(1)));
    reborn.tell(Input::TakeInventory);
    let open: Vec<(&OrderTicket, BrokerStatus)> = bracket.iter().map(|t| (t, BrokerStatus::Submitted)).collect();
    reborn.inventory(&open);
    assert_eq!(reborn.cancels, [entry.order_id], "the broker still had it");
    assert!(reborn.books.risk_view(reborn.now).connected);
}

#[test]
fn who_enters_too_often_is_stopped_until_a_person_says_otherwise() {
    let mut desk = Desk::open();
    desk.books.risk.rate.reentries_max = Limit::Max(2);
    lose(&mut desk, ONE);
    lose(&mut desk, ONE);
    desk.buy(ONE, 1);
    assert_eq!(last_refusal(&desk).as_deref(), Some("reentries"));
    // An hour later the count would be low again; the latch is not.
    desk.now = desk.now + Duration::from_secs(2 * 3_600);
    desk.price(20_000);
    desk.buy(ONE, 1);
    assert_eq!(last_refusal(&desk).as_deref(), Some("reentries"));
    desk.tell(by_alice(Command::Unlock { rule: "reentries".into(), scope: Scope::Strategy(ONE) }));
    desk.buy(ONE, 1);
    assert_eq!(last_refusal(&desk), None);
}

#[test]
fn a_kill_latches_first_withdraws_entries_and_leaves_protection_and_exits() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let entry = desk.ticket(ONE, Leg::Entry);
    desk.fill(&entry, 1, 1, 20_001);
    desk.buy(TWO, 1);
    let waiting = desk.ticket(TWO, Leg::Entry);
    desk.tell(by_alice(Command::Kill { flatten: false }));
    assert_eq!(desk.cancels, [waiting.order_id], "the stop of what is held stays");
    let at = |found: &dyn Fn(&Record) -> bool| desk.journal.iter().position(|e| found(&e.record)).expect("recorded");
    let latched = at(&|r| matches!(r, Record::Latched(latch) if latch.rule == KILL));
    let cancelled = at(&|r| matches!(r, Record::OrderChanged(c) if c.order_id == waiting.order_id));
    assert!(latched < cancelled, "the latch comes first");
    desk.buy(TWO, 1);
    assert_eq!(last_refusal(&desk).as_deref(), Some(KILL));
    desk.intend(ONE, Intent::Exit);
    let exit = desk.ticket(ONE, Leg::Exit);
    desk.fill(&exit, 1, 1, 20_000);
    assert_eq!(desk.position(ONE), 0, "what takes risk away passes");
    assert!(desk.rebuilt().latches.has(KILL, &Scope::Account), "a restart does not lift it");
}

#[test]
fn a_kill_with_flatten_closes_everything() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let entry = desk.ticket(ONE, Leg::Entry);
    desk.fill(&entry, 1, 1, 20_001);
    desk.tell(by_alice(Command::Kill { flatten: true }));
    assert_eq!(desk.ticket(ONE, Leg::Exit).quantity, 1);
}

#[test]
fn a_paused_strategy_rests_until_it_is_resumed() {
    let mut desk = Desk::open();
    desk.tell(by_alice(Command::Pause(ONE)));
    desk.buy(ONE, 1);
    assert_eq!(last_refusal(&desk).as_deref(), Some(PAUSE));
    desk.buy(TWO, 1);
    assert_eq!(last_refusal(&desk), None);
    desk.tell(by_alice(Command::Resume(ONE)));
    desk.buy(ONE, 1);
    assert_eq!(last_refusal(&desk), None);
    let who = desk.journal.iter().filter(|e| matches!(&e.record, Record::Operator { who, .. } if who == "alice"));
    assert_eq!(who.count(), 2, "each command is a record with who and why");
}

#[test]
fn stops_of_everybody_together_stake_no_more_than_allowed() {
    let mut desk = Desk::open();
    // 20 ticks are 250 dollars; with the capital of the default, 0.0006 of 500,000 is 300.
    desk.books.risk.order.max_portfolio_risk = Limit::Max(crate::trade::Fraction::from_ppm(600));
    desk.buy(ONE, 1);
    assert_eq!(last_refusal(&desk), None);
    desk.buy(TWO, 1);
    assert_eq!(last_refusal(&desk).as_deref(), Some("max_portfolio_risk"), "the first entry counts while it works");
    let entry = desk.ticket(ONE, Leg::Entry);
    desk.fill(&entry, 1, 1, 20_000);
    desk.wait(1_000);
    desk.price(20_000);
    desk.buy(TWO, 1);
    assert_eq!(last_refusal(&desk).as_deref(), Some("max_portfolio_risk"), "and once it is filled");
}

#[test]
fn the_day_counts_orders_over_a_restart() {
    let mut desk = Desk::open();
    desk.books.risk.rate.orders_per_day_max = Limit::Max(4);
    desk.buy(ONE, 1);
    let mut reborn = Desk::resumed(desk.rebuilt(), desk.now);
    reborn.books.risk.rate.orders_per_day_max = Limit::Max(4);
    reborn.buy(TWO, 1);
    assert_eq!(last_refusal(&reborn).as_deref(), Some("orders_per_day"), "three were sent before");
    assert_eq!(reborn.books.portfolio().net_position(ES), 0);
}

#[test]
fn the_day_of_a_strategy_and_of_a_symbol_counts_over_a_restart_and_ends_with_the_date() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let bound = |change: fn(&mut crate::config::RateLimits), wait: u64| {
        let mut reborn = Desk::resumed(desk.rebuilt(), desk.now + Duration::from_secs(wait));
        change(&mut reborn.books.risk.rate);
        reborn.price(20_000);
        reborn
    };
    let of_symbol = |limits: &mut crate::config::RateLimits| limits.symbol_orders_per_day_max = Limit::Max(5);
    let mut soon = bound(of_symbol, 120);
    soon.buy(TWO, 1);
    assert_eq!(last_refusal(&soon).as_deref(), Some("symbol_orders_per_day"), "another strategy, the same symbol");
    let of_strategy = |limits: &mut crate::config::RateLimits| limits.strategy_orders_per_day_max = Limit::Max(5);
    let mut soon = bound(of_strategy, 120);
    soon.buy(TWO, 1);
    assert_eq!(last_refusal(&soon), None, "that strategy had sent none");
    soon.buy(ONE, 1);
    assert_eq!(last_refusal(&soon).as_deref(), Some("trading_state"), "its entry still works");
    let [all, of_one, of_es] = soon.books.state().risk.orders(ONE, ES);
    assert_eq!((all, of_one, of_es, soon.books.state().risk.orders(TWO, ES)[1]), (6, 3, 6, 3));
    soon.wait(24 * 3_600_000);
    assert_eq!(soon.books.state().risk.orders(ONE, ES), [0; 3], "a new trade date");
}

#[test]
fn the_minute_and_the_hour_count_over_a_restart() {
    let mut desk = Desk::open();
    lose(&mut desk, ONE);
    let reborn = |change: &dyn Fn(&mut crate::config::RateLimits), wait: u64| {
        let mut reborn = Desk::resumed(desk.rebuilt(), desk.now + Duration::from_secs(wait));
        change(&mut reborn.books.risk.rate);
        reborn
    };
    let minute = |limits: &mut crate::config::RateLimits| limits.orders_per_minute_max = Limit::Max(4);
    let mut soon = reborn(&minute, 58);
    soon.buy(TWO, 1);
    assert_eq!(
        last_refusal(&soon).as_deref(),
        Some("orders_per_minute"),
        "three were sent 59 seconds ago, a second before the end"
    );
    let mut later = reborn(&minute, 60);
    later.buy(TWO, 1);
    assert_eq!(last_refusal(&later), None);
    let mut again = reborn(&|limits| limits.reentries_max = Limit::Max(1), 120);
    again.buy(ONE, 1);
    assert_eq!(last_refusal(&again).as_deref(), Some("reentries"));
}

#[test]
fn a_strategys_own_week_fall_and_locked_profit_stop_that_strategy_alone_and_outlive_a_restart() {
    type Change = fn(&mut crate::config::LossLimits);
    // 525 dollars are two losses.
    let rows: [(&str, Change); 2] = [
        ("strategy_weekly_loss", |l| l.strategy_weekly_loss_max = Limit::Max(Money::from_micros(525_000_000))),
        ("strategy_drawdown", |l| l.strategy_drawdown_max = Limit::Max(Money::from_micros(525_000_000))),
    ];
    for (rule, change) in rows {
        let mut desk = Desk::open();
        change(&mut desk.books.risk.loss);
        lose(&mut desk, ONE);
        // Another day of the same week: neither begins anew.
        desk.now = desk.now + Duration::from_secs(24 * 3_600);
        desk.price(20_000);
        let mut reborn = Desk::resumed(desk.rebuilt(), desk.now);
        change(&mut reborn.books.risk.loss);
        lose(&mut reborn, ONE);
        reborn.buy(ONE, 1);
        assert_eq!(last_refusal(&reborn).as_deref(), Some(rule));
        reborn.buy(TWO, 1);
        assert_eq!(last_refusal(&reborn), None, "{rule} is that strategy's");
    }
}

#[test]
fn a_strategy_keeps_a_part_of_its_good_day() {
    let mut desk = Desk::open();
    let (from, keep) = (Money::from_micros(400_000_000), crate::trade::Fraction::from_ppm(500_000));
    desk.books.risk.loss.strategy_profit_lock = Some(crate::config::ProfitLock { from, keep });
    desk.buy(ONE, 1);
    let entry = desk.ticket(ONE, Leg::Entry);
    desk.fill(&entry, 1, 1, 20_000);
    // The bid is 32 ticks above: 400 dollars, of which 200 are to stay.
    desk.price(20_033);
    desk.wait(1_000);
    desk.price(20_018);
    desk.wait(1_000);
    let latched = |desk: &Desk| desk.books.state().latches.has("strategy_profit_lock", &Scope::Strategy(ONE));
    assert!(!latched(&desk), "17 ticks are 212.50");
    desk.price(20_017);
    desk.wait(1_000);
    assert!(latched(&desk), "16 ticks are 200");
}

#[test]
fn two_positions_that_make_nothing_together_are_not_shown_as_flat() {
    let mut desk = Desk::open();
    desk.buy(ONE, 1);
    let entry = desk.ticket(ONE, Leg::Entry);
    desk.fill(&entry, 1, 1, 20_001);
    let bracket = Bracket { stop: Price(20_030), target: None };
    desk.intend(TWO, Intent::Enter { side: Side::Sell, quantity: 1, kind: OrderKind::Market, bracket });
    let entry = desk.ticket(TWO, Leg::Entry);
    desk.fill(&entry, 1, 1, 19_999);
    let view = desk.books.risk_view(desk.now);
    assert_eq!((view.positions.len(), view.held.len(), view.is_flat()), (0, 2, false), "{}", view.holdings());
    desk.tell(by_alice(Command::Flatten));
    for strategy in [ONE, TWO] {
        let exit = desk.ticket(strategy, Leg::Exit);
        assert!(!desk.books.risk_view(desk.now).is_flat());
        desk.fill(&exit, 1, 1, 20_000);
    }
    assert!(desk.books.risk_view(desk.now).is_flat());
}
