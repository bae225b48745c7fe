//! Does what a person asks, and tells what the broker confirmed of it. In: a request, who asked. Out: an answer.

use std::time::Duration;

use engine::books::{Command, LatchLine, Operator, RiskView};
use engine::risk::latch::{KILL, PAUSE, Scope};
use engine::trade::StrategyId;

use super::protocol::{Answer, Order, Request, check_reason};
use super::words;
use crate::system::Desk;

/// How long the broker may take to confirm before the answer says that it has not.
pub const CONFIRMED_WITHIN: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(10);

pub(super) async fn obey(request: Request, who: &str, desk: &Desk) -> Answer {
    let Request { order, why } = request;
    if order != Order::Risk
        && let Err(bad) = check_reason(&why)
    {
        return Answer::refused(bad.to_string());
    }
    let Some(before) = desk.risk().await else { return Answer::refused("the books do not answer") };
    match order {
        Order::Risk => Answer::of(true, String::new(), before),
        Order::Kill { flatten } => kill(flatten, &before, who, why, desk).await,
        Order::Flatten => {
            desk.command(Operator { command: Command::Flatten, who: who.to_owned(), why });
            flat(desk, &before, words::FLATTENED, words::FLATTENING).await
        }
        Order::Pause { strategy } => {
            with(&strategy, desk, async |id| {
                desk.command(Operator { command: Command::Pause(id), who: who.to_owned(), why });
                latched(desk, PAUSE, Some(&strategy), true).await
            })
            .await
        }
        Order::Resume { strategy } => {
            with(&strategy, desk, async |id| {
                desk.command(Operator { command: Command::Resume(id), who: who.to_owned(), why });
                latched(desk, PAUSE, Some(&strategy), false).await
            })
            .await
        }
        Order::Unlock { rule, strategy } => unlock(rule, strategy, &before, who, why, desk).await,
    }
}

async fn with(name: &str, desk: &Desk, work: impl AsyncFnOnce(StrategyId) -> Answer) -> Answer {
    match desk.strategy(name) {
        Some(id) => work(id).await,
        None => Answer::refused(words::no_strategy(name, &desk.strategy_names())),
    }
}

/// The latch is on when this answers; what was cancelled is what the broker confirmed.
async fn kill(flatten: bool, before: &RiskView, who: &str, why: String, desk: &Desk) -> Answer {
    desk.command(Operator { command: Command::Kill { flatten }, who: who.to_owned(), why });
    let heard = |risk: &RiskView| risk.connected && risk.comparisons > before.comparisons;
    let after = until(desk, |risk| heard(risk) && risk.entries == 0).await;
    let Some(after) = after else { return Answer::unknown(words::SILENT) };
    if !after.latches.iter().any(|latch| latch.rule == KILL && latch.strategy.is_none()) {
        return Answer::of(false, "the kill is NOT latched".to_owned(), after);
    }
    if !after.connected {
        return Answer::of(false, words::killed_unheard(&after, flatten), after);
    }
    let text = words::killed(before, &after);
    if flatten {
        return flat(desk, before, &text, &text).await;
    }
    let confirmed = heard(&after);
    let text = format!("{text}; {}", words::kept(&after, confirmed));
    Answer::of(confirmed && after.entries == 0, text, after)
}

/// "Flat" is said only of a book that was compared with the broker's positions since the command.
async fn flat(desk: &Desk, before: &RiskView, done: &str, under_way: &str) -> Answer {
    let heard = |risk: &RiskView| risk.connected && risk.agrees && risk.comparisons > before.comparisons;
    match until(desk, |risk| heard(risk) && risk.is_flat()).await {
        None => Answer::unknown(words::SILENT),
        Some(risk) => match words::not_flat(&risk, heard(&risk)) {
            None => Answer::of(true, format!("{done}: flat"), risk),
            Some(why) => Answer::of(false, format!("{under_way}: {why}"), risk),
        },
    }
}

async fn latched(desk: &Desk, rule: &str, strategy: Option<&str>, wanted: bool) -> Answer {
    let find = |risk: &RiskView| find(risk, rule, strategy).cloned();
    // A limit that is still broken keeps its latch, however long one waits.
    let stays = |latch: &LatchLine| wanted || latch.broken_now.is_some();
    let settled = until(desk, |risk| find(risk).as_ref().map_or(!wanted, stays)).await;
    let Some(risk) = settled else { return Answer::unknown(words::SILENT) };
    let of = strategy.unwrap_or("the account");
    match find(&risk) {
        Some(LatchLine { broken_now: Some(broken), reset, .. }) if !wanted => {
            Answer::of(false, words::still_broken(rule, of, &broken, &reset), risk)
        }
        found => {
            let is_on = found.is_some();
            Answer::of(is_on == wanted, format!("{rule} of {of} is {}", if is_on { "on" } else { "off" }), risk)
        }
    }
}

fn find<'a>(risk: &'a RiskView, rule: &str, strategy: Option<&str>) -> Option<&'a LatchLine> {
    risk.latches.iter().find(|latch| latch.rule == rule && latch.strategy.as_deref() == strategy)
}

async fn unlock(
    rule: String,
    strategy: Option<String>,
    before: &RiskView,
    who: &str,
    why: String,
    desk: &Desk,
) -> Answer {
    let found = find(before, &rule, strategy.as_deref());
    let scope = match &strategy {
        None => Scope::Account,
        Some(name) => match desk.strategy(name) {
            Some(id) => Scope::Strategy(id),
            // A latch outlives the name of its strategy in the configuration.
            None if found.is_some() => Scope::Gone(name.clone()),
            None => return Answer::refused(words::no_strategy(name, &desk.strategy_names())),
        },
    };
    if found.is_none() {
        return Answer::refused(words::not_latched(&rule, strategy.as_deref(), &before.latches));
    }
    desk.command(Operator { command: Command::Unlock { rule: rule.clone(), scope }, who: who.to_owned(), why });
    latched(desk, &rule, strategy.as_deref(), false).await
}

/// How things stand once `done`, or when it has taken too long; `None` if the books do not answer.
async fn until(desk: &Desk, done: impl Fn(&RiskView) -> bool) -> Option<RiskView> {
    let deadline = tokio::time::Instant::now() + CONFIRMED_WITHIN;
    loop {
        let risk = desk.risk().await?;
        if done(&risk) || tokio::time::Instant::now() >= deadline {
            return Some(risk);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
