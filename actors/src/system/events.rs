//! What the supervisor tells: logged, kept in the journal, and acted upon where trading depends on it.
//! In: supervision events. Out: log events, records, a halt. Absent: restarts; those are the supervisor's.

use std::sync::Arc;

use engine::books;
use engine::config::Config;
use engine::journal::Severity;
use engine::link;
use engine::sabotage::{self, Sabotage};
use engine::supervision::OnGiveUp;
use engine::trade::Trading;
use engine::wiring::system;
use slog::{Level, Logger, log};
use tokio::sync::watch;

use super::make::{LINK, strategy_name};
use crate::directory::{Shared, Told};
use crate::supervisor::{ActorHealth, GaveUp, HowStopped, Reporter, SupervisionEvent, What};

pub(super) fn reporter(shared: Arc<Shared>, config: Arc<Config>, halt: watch::Sender<Option<String>>) -> Reporter {
    let at_give_up = shared.clone();
    let sink = Arc::new(move |event: SupervisionEvent| {
        let level = match (&event.what, event.severity()) {
            (What::Started { .. } | What::Stopped { how: HowStopped::InOrder, .. }, _) => Level::Debug,
            (_, Severity::Info) => Level::Info,
            (_, Severity::Warning) => Level::Warning,
            (_, Severity::Error) => Level::Error,
        };
        if let What::Health(health) = &event.what {
            return log_health(&shared.log, &event, health);
        }
        log_event(&shared.log, level, &event);
        if matches!(event.what, What::Failed { .. }) && *event.actor == *LINK {
            pause_without_link(&shared);
        }
        shared.record(system(event.severity(), event.name(), &event.actor, event.to_string()));
    });
    let on_give_up = Arc::new(move |gave_up: GaveUp| {
        let cause = format!("actor {} is given up: {}", gave_up.actor, gave_up.cause);
        match gave_up.on_give_up {
            OnGiveUp::DisableAndGoOn => {
                let found = config.strategies.iter().find(|s| *strategy_name(&s.name) == *gave_up.actor);
                if let Some(strategy) = found {
                    let told = Told::unprompted(books::Input::Disable(strategy.id));
                    at_give_up.addresses().books.send(told);
                }
            }
            OnGiveUp::HaltTrading => {
                let told = Told::unprompted(link::Input::Halt { cause: cause.clone() });
                at_give_up.addresses().link.send(told);
                halt.send_replace(Some(cause));
            }
            OnGiveUp::NeverGiveUp => {}
        }
    });
    Reporter::new(sink, on_give_up)
}

/// Until there is a link again nobody would say that the connection is lost, and the new one takes it that trading is
/// paused.
fn pause_without_link(shared: &Shared) {
    if !sabotage::is(Sabotage::ForgetPauseOfFailedLink) {
        let cause = "the link actor failed".to_owned();
        shared.addresses().books.send(Told::unprompted(books::Input::Trading { trading: Trading::Paused, cause }));
    }
}

fn log_health(to: &Logger, event: &SupervisionEvent, health: &ActorHealth) {
    slog::debug!(to, "{event}"; "event" => event.name(), "actor" => event.actor.to_string(),
        "state" => health.state.name(), "queued" => health.queued, "queued_max" => health.queued_max,
        "capacity" => health.capacity, "heartbeat_age_ms" => health.heartbeat_age.as_millis(),
        "handled" => health.handled, "busy_us" => health.busy.as_micros(), "busy_share" => health.busy_share,
        "restarts" => health.restarts, "overflow" => health.overflow, "refused" => health.refused,
        "closed" => health.closed);
}

fn log_event(to: &Logger, level: Level, event: &SupervisionEvent) {
    let (name, actor) = (event.name(), event.actor.to_string());
    match level {
        Level::Debug => log!(to, Level::Debug, "", "{event}"; "event" => name, "actor" => actor),
        Level::Info => log!(to, Level::Info, "", "{event}"; "event" => name, "actor" => actor),
        Level::Warning => log!(to, Level::Warning, "", "{event}"; "event" => name, "actor" => actor),
        _ => log!(to, Level::Error, "", "{event}"; "event" => name, "actor" => actor),
    }
}
