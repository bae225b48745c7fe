//! Does what a person asks, and tells what the broker confirmed of it. In: a request, who asked. Out: an answer.

use std::time::Duration;

use engine::books::{Command, Operator, RiskView};
use engine::risk::latch::{KILL, PAUSE, Scope};
use engine::trade::StrategyId;

use super::protocol::{Answer, Order, Request};
use crate::system::Desk;

/// How long the broker may take to confirm before the answer says that it has not.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(10);

pub(super) async fn obey(request: Request, who: &str, desk: &Desk) -> Answer {
    let Request { order, why } = request;
    if order != Order::Risk && why.trim().is_empty() {
        return Answer::refused("a command needs a reason");
    }
    let Some(before) = desk.risk().await else { return Answer::refused("the books do not answer") };
    match order {
        Order::Risk => Answer { done: true, text: String::new(), risk: Some(before) },
        Order::Kill { flatten } => kill(flatten, &before, who, why, desk).await,
        Order::Flatten => {
            desk.command(Operator { command: Command::Flatten, who: who.to_owned(), why });
            flat(desk, "entries are withdrawn, positions are being closed").await
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
        None => Answer::refused(format!("{name:?} is no strategy; there are {}", desk.strategy_names().join(", "))),
    }
}

/// The latch is on when this answers; what was cancelled is what the broker confirmed.
async fn kill(flatten: bool, before: &RiskView, who: &str, why: String, desk: &Desk) -> Answer {
    desk.command(Operator { command: Command::Kill { flatten }, who: who.to_owned(), why });
    let after = until(desk, |risk| risk.entries == 0).await;
    let Some(after) = after else { return Answer::refused("the books do not answer") };
    let is_on = after.latches.iter().any(|latch| latch.rule == KILL && latch.strategy.is_none());
    if !is_on {
        return Answer { done: false, text: "the latch is not on".to_owned(), risk: Some(after) };
    }
    let confirmed = before.entries.saturating_sub(after.entries);
    let text = format!(
        "nobody enters any more; {confirmed} of {} working entries ended, as the broker confirmed{}",
        before.entries,
        held(&after)
    );
    if flatten {
        return flat(desk, &text).await;
    }
    Answer { done: after.entries == 0, text, risk: Some(after) }
}

/// By strategy: positions that make nothing together are positions.
fn held(risk: &RiskView) -> String {
    match risk.held.as_slice() {
        [] => "; flat".to_owned(),
        _ => format!("; {} kept with what protects it", risk.holdings()),
    }
}

async fn flat(desk: &Desk, text: &str) -> Answer {
    match until(desk, RiskView::is_flat).await {
        None => Answer::refused("the books do not answer"),
        Some(risk) if risk.is_flat() => Answer { done: true, text: format!("{text}: flat"), risk: Some(risk) },
        Some(risk) => {
            let text = format!("{text}: not flat yet, {} and {} entries", risk.holdings(), risk.entries);
            Answer { done: false, text, risk: Some(risk) }
        }
    }
}

async fn latched(desk: &Desk, rule: &str, strategy: Option<&str>, wanted: bool) -> Answer {
    let is_on = |risk: &RiskView| risk.latches.iter().any(|l| l.rule == rule && l.strategy.as_deref() == strategy);
    let of = strategy.unwrap_or("the account");
    match until(desk, |risk| is_on(risk) == wanted).await {
        None => Answer::refused("the books do not answer"),
        Some(risk) => {
            let text = format!("{rule} of {of} is {}", if is_on(&risk) { "on" } else { "off" });
            Answer { done: is_on(&risk) == wanted, text, risk: Some(risk) }
        }
    }
}

async fn unlock(
    rule: String,
    strategy: Option<String>,
    before: &RiskView,
    who: &str,
    why: String,
    desk: &Desk,
) -> Answer {
    let scope = match &strategy {
        None => Scope::Account,
        Some(name) => match desk.strategy(name) {
            Some(id) => Scope::Strategy(id),
            None => {
                let names = desk.strategy_names().join(", ");
                return Answer::refused(format!("{name:?} is no strategy; there are {names}"));
            }
        },
    };
    if !before.latches.iter().any(|latch| latch.rule == rule && latch.strategy == strategy) {
        let on: Vec<String> = before
            .latches
            .iter()
            .map(|latch| format!("{} of {}", latch.rule, latch.strategy.as_deref().unwrap_or("the account")))
            .collect();
        let on = if on.is_empty() { "nothing is".to_owned() } else { on.join(", ") };
        let of = strategy.as_deref().unwrap_or("the account");
        return Answer::refused(format!("{rule} of {of} is not latched; latched: {on}"));
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
