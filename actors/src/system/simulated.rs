//! A system for a simulation: every actor on the calling thread, in simulated time, before a simulated broker.
//! In: a wire to that broker. Out: a running system that can be made to fail. Absent: database and teller, which other
//! threads serve, and the thread that syncs the journal; whoever simulates says what a loss of power costs.

use std::sync::Arc;

use engine::books::Books;
use engine::config::Config;
use engine::simulation::plan::{Spot, Victim};
use engine::supervision::OnGiveUp;
use engine::wiring::BrokerCommand;

use super::make::{Make, order};
use super::{OtherEnd, Setup, System, SystemError};
use crate::directory::Told;
use crate::faults::{Fail, Place};
use crate::floor;
use crate::simulation::{Break, SimulatedBroker, Wire};
use crate::supervisor::{ActorState, Gauge, Port, Reporter, Supervisor, SupervisorConfig};

pub(super) fn on_this_thread(config: &Config, reporter: Reporter) -> Supervisor {
    let actors = &config.actors;
    let all = [&actors.broker, &actors.bars, &actors.strategy, &actors.books, &actors.storage];
    let threads = all.iter().map(|actor| actor.thread.as_str());
    Supervisor::on_this_thread(SupervisorConfig::from(actors), reporter, threads)
}

impl Make {
    pub fn simulated_broker(&self, to: &mut Supervisor, wire: Wire) -> Result<Port<Told<BrokerCommand>>, SystemError> {
        let (config, shared, last) = (self.config.clone(), self.shared.clone(), self.last.clone());
        let actor = &self.config.actors.broker;
        let spec = Self::spec("broker".to_owned(), "broker", actor, order::BROKER, OnGiveUp::NeverGiveUp);
        let broker_end = wire.clone();
        let child =
            to.add_gauged(spec, move |_, gauge| SimulatedBroker::new(config, broker_end, &last, shared, gauge))?;
        wire.connect_to(&child);
        Ok(child.port())
    }
}

impl System {
    /// As [`System::start`], with everything on this thread. `setup.clock` is a simulated one.
    pub(crate) async fn start_simulated(setup: Setup, wire: Wire) -> Result<System, SystemError> {
        Self::start_before(OtherEnd::Simulated(wire), setup).await
    }

    /// Makes an actor panic.
    pub(crate) fn fail(&self, wire: &Wire, victim: Victim, spot: Spot) {
        let fail = Fail(place(spot));
        let of = |n: u32, many: usize| n as usize % many.max(1);
        match victim {
            Victim::Broker if spot == Spot::Input => wire.fail_broker(Break::WhileSaying),
            Victim::Broker => wire.fail_broker(Break::AtOnce),
            Victim::Books => self.books.port().send(fail),
            Victim::Link => self.cores.link.port().send(fail),
            Victim::Bars(n) => self.cores.bars[of(n, self.cores.bars.len())].port().send(fail),
            Victim::Strategy(n) => self.cores.strategies[of(n, self.cores.strategies.len())].port().send(fail),
        }
    }

    /// The books, unless they or the link have failed and wait to be rebuilt: what is left of them is not used any more.
    pub(crate) fn with_books<T>(&self, look: impl FnOnce(&Books) -> T) -> Option<T> {
        let runs = [self.books.gauge(), self.cores.link.gauge()].iter().all(|g| g.state() == ActorState::Running);
        runs.then(|| floor::with_books(&self.shared, look)).flatten()
    }

    /// Names of actors that do not run.
    pub(crate) fn ailing(&self) -> Vec<String> {
        let all = self.supervisor.health().into_iter();
        all.filter(|actor| actor.state != ActorState::Running).map(|actor| actor.name.to_string()).collect()
    }

    pub(crate) fn books_gauge(&self) -> Arc<Gauge> {
        self.books.gauge().clone()
    }

    pub(crate) fn has_halted(&self) -> Option<String> {
        self.halted.borrow().clone()
    }
}

fn place(spot: Spot) -> Place {
    match spot {
        Spot::Handler => Place::Handler,
        Spot::Timer => Place::Timer,
        Spot::Stream => Place::Stream,
        Spot::Spawned => Place::SpawnedFuture,
        Spot::Waited => Place::WaitedFuture,
        Spot::Started => Place::Started,
        Spot::Restarting => Place::Restarting,
        Spot::Input => Place::Floor,
    }
}
