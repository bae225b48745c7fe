//! One life of the process: from its start to its end, in order or by a crash. In: the world, a journal folder.
//! Out: how it ended. Absent: what happens between two lives.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::books::{self, Books};
use engine::config::Config;
use engine::journal::Record;
use engine::simulation::Act;
use engine::time::Timestamp;
use futures::future::{Either, select};
use slog::Logger;
use tokio::time::timeout_at;

use super::crash::Crash;
use super::run::SimulationError;
use super::wire::{Marks, Wire, World};
use crate::clock::Clock;
use crate::directory::Told;
use crate::floor;
use crate::journal::{first_entry, read_segment};
use crate::system::{Account, Setup, System};

/// As the thread that syncs the journal does.
const SYNC_EVERY: Duration = Duration::from_millis(200);
/// Time in whole milliseconds: the runtime's timers have no finer ones.
const TICK: Duration = Duration::from_millis(1);

/// How a life ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// The plan is played and everything had time to settle; stopped in order.
    Over,
    Crashed {
        crash: Crash,
        keep: u16,
        skew_ms: i32,
        marks: Marks,
    },
    /// Stopped in order, to be started again: as ordered, or because an actor was given up.
    Stopped,
    /// An invariant is broken.
    Broken,
}

pub struct Life<'a> {
    pub world: &'a Arc<Mutex<World>>,
    pub config: &'a Config,
    pub journal: &'a Path,
    pub segment: u32,
    /// By the world's clock; the process's own is off by `skew_ms`.
    pub origin: Timestamp,
    pub skew_ms: i32,
    /// It is over when everything has come right after this, and in any case at `until`.
    pub calm_from: Timestamp,
    pub until: Timestamp,
    pub log: &'a Logger,
}

impl Life<'_> {
    pub fn live(&self) -> Result<End, SimulationError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
        let runner = actix::System::with_tokio_rt(|| runtime);
        let end = runner.block_on(self.play());
        // Whatever was alive goes without a word, as the memory of a dead process does.
        drop(runner);
        floor::clear();
        end
    }

    async fn play(&self) -> Result<End, SimulationError> {
        let wire = Wire::new(self.world.clone(), self.origin);
        let begins = Timestamp::from_millis(self.origin.millis() + i64::from(self.skew_ms));
        let (config, clock) = (self.config.clone(), Clock::simulated(begins));
        let setup = Setup { account: Account::Same, ..Setup::simulated(config, clock, self.log.clone()) };
        wire.world().begin(self.journal, self.segment);
        let system = System::start_simulated(setup, wire.clone()).await?;
        wire.world().watch(system.books_gauge());
        self.check_recovery(&wire)?;
        let mut course = Course {
            system: &system,
            wire: &wire,
            calm_from: self.calm_from,
            until: self.until,
            synced_at: self.origin,
        };
        let end = course.run().await?;
        match end {
            End::Over => {
                self.check_settled(&system, &wire);
                self.stop(system, &wire, "the simulation is over").await?;
                let mut world = wire.world();
                let World { exchange, auditor, .. } = &mut *world;
                auditor.check_stopped_flat(exchange);
                Ok(if auditor.violation().is_some() { End::Broken } else { End::Over })
            }
            End::Stopped => self.stop(system, &wire, "a simulated restart").await,
            end => Ok(end),
        }
    }

    /// The new segment begins with what the old one says.
    fn check_recovery(&self, wire: &Wire) -> Result<(), SimulationError> {
        let first = first_entry(self.journal, self.segment)?;
        if self.segment > 1
            && let Record::SessionStarted { books, .. } = &first.record
        {
            let entries = read_segment(self.journal, self.segment - 1)?;
            wire.world().auditor.check_recovered(&entries, books);
        }
        Ok(())
    }

    fn check_settled(&self, system: &System, wire: &Wire) {
        let ailing = system.ailing();
        let mut world = wire.world();
        if !ailing.is_empty() {
            world.auditor.break_rule("all actors live", ailing.join(", "));
        }
        let World { exchange, auditor, .. } = &mut *world;
        let looked = system.with_books(|books| auditor.check_settled(exchange, Some(books)));
        if looked.is_none() {
            auditor.check_settled(exchange, None);
        }
    }

    /// The orderly stop, while the world goes on. A crash may come in between.
    async fn stop(&self, system: System, wire: &Wire, cause: &str) -> Result<End, SimulationError> {
        let shared = system.shared().clone();
        let stopping = Box::pin(async move {
            system.wind_down(cause).await;
            system.stop(cause).await
        });
        let meanwhile = Box::pin(async {
            loop {
                let next = wire.world().exchange.next_at().max(wire.now() + TICK);
                if timeout_at(wire.instant(next), wire.sooner()).await.is_ok() {
                    continue;
                }
                let mut world = wire.world();
                let now = world.exchange.now();
                let acts = world.exchange.step(now);
                if let Some(end) = acts.into_iter().find_map(|act| crash_of(act, &mut world, &shared)) {
                    return end;
                }
                drop(world);
                wire.wake_broker();
            }
        });
        match select(stopping, meanwhile).await {
            Either::Left((stopped, _)) => {
                if !stopped.stuck.is_empty() {
                    wire.world().auditor.break_rule("a stop ends", stopped.stuck.join(", "));
                }
                let mut world = wire.world();
                world.read_records(&shared)?;
                Ok(if world.auditor.violation().is_some() { End::Broken } else { End::Stopped })
            }
            Either::Right((end, _)) => Ok(end),
        }
    }
}

/// The way of one life until something ends it.
struct Course<'a> {
    system: &'a System,
    wire: &'a Wire,
    calm_from: Timestamp,
    until: Timestamp,
    synced_at: Timestamp,
}

impl Course<'_> {
    async fn run(&mut self) -> Result<End, SimulationError> {
        loop {
            let now = self.wire.now();
            let next = self.wire.world().exchange.next_at().max(now + TICK).min(self.until.max(now + TICK));
            if timeout_at(self.wire.instant(next), self.wire.sooner()).await.is_ok() {
                // Something was sent that may arrive earlier.
                continue;
            }
            // The clock jumps only when nobody has anything left to do: what happened so far is done.
            if self.look()? {
                return Ok(End::Broken);
            }
            if self.wire.now() >= self.until || self.has_settled() {
                return Ok(End::Over);
            }
            if self.system.has_halted().is_some() {
                return Ok(End::Stopped);
            }
            if let Some(end) = self.step() {
                return Ok(end);
            }
        }
    }

    /// Whether an invariant is broken.
    fn look(&mut self) -> Result<bool, SimulationError> {
        let mut world = self.wire.world();
        world.read_records(self.system.shared())?;
        world.see_restarts();
        let now = world.exchange.now();
        if now.since(self.synced_at) >= SYNC_EVERY {
            self.synced_at = now;
            world.sync();
        }
        let World { exchange, auditor, .. } = &mut *world;
        let looked = self.system.with_books(|books| auditor.check(exchange, Some(books)));
        if looked.is_none() {
            auditor.check(exchange, None);
        }
        Ok(world.auditor.violation().is_some())
    }

    /// Nothing can be found wrong any more by waiting longer.
    fn has_settled(&mut self) -> bool {
        let world = self.wire.world();
        let calm = world.exchange.now() >= self.calm_from && world.exchange.is_quiet();
        let settled = |books: &Books| world.auditor.unsettled(&world.exchange, books).is_none();
        calm && self.system.with_books(settled).unwrap_or(false) && self.system.ailing().is_empty()
    }

    fn step(&mut self) -> Option<End> {
        let mut world = self.wire.world();
        let now = world.exchange.now();
        let acts = world.exchange.step(now);
        drop(world);
        for act in acts {
            match act {
                Act::Panic(victim, spot) => self.system.fail(self.wire, victim, spot),
                Act::Wish(intent) => self.tell_books(books::Input::Intent(intent)),
                Act::Flatten => self.tell_books(books::Input::Flatten { cause: "an operator".to_owned() }),
                Act::Restart => return Some(End::Stopped),
                crash => {
                    let end = crash_of(crash, &mut self.wire.world(), self.system.shared());
                    if end.is_some() {
                        return end;
                    }
                }
            }
        }
        self.wire.wake_broker();
        None
    }

    fn tell_books(&self, input: books::Input) {
        self.system.shared().addresses().books.send(Told::unprompted(input));
    }
}

fn crash_of(act: Act, world: &mut World, shared: &crate::directory::Shared) -> Option<End> {
    let (crash, keep, skew_ms) = match act {
        Act::Kill { keep, skew_ms } => (Crash::Kill, keep, skew_ms),
        Act::Power { keep, skew_ms } => (Crash::Power, keep, skew_ms),
        Act::Panic(..) | Act::Restart | Act::Wish(_) | Act::Flatten => return None,
    };
    if let Err(reason) = world.read_records(shared) {
        world.auditor.break_rule("the journal can be read", reason.to_string());
    }
    Some(End::Crashed { crash, keep, skew_ms, marks: world.die() })
}
