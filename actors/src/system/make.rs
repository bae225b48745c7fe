//! Which actors there are, on which thread, and what giving one up means.
//! In: a configuration. Out: actors added to the supervisor. Absent: starting and stopping them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix::AsyncContext;
use engine::backtest::played;
use engine::bars::{self, Bars};
use engine::books::Books;
use engine::config::{ActorConfig, BarsConfig, Config};
use engine::journal::SessionInfo;
use engine::link::{self, Link};
use engine::market::{Instrument, Price, SymbolId};
use engine::strategy::StrategyCore;
use engine::supervision::OnGiveUp;
use engine::tape::CoreId;
use slog::Logger;

use super::SystemError;
use super::rebuild::Rebuild;
use crate::broker::{Broker, FindPartner, Peer};
use crate::directory::Shared;
use crate::shell::{Build, Hosted, Shell};
use crate::storage::{StorageActor, StorageSettings};
use crate::supervisor::{Child, ChildSpec, Restart, Supervisor};
use crate::teller::Teller;

/// When each kind of actor starts; they stop in reverse: strategies, bars, books, link, storage, broker.
pub(super) mod order {
    pub const BROKER: u32 = 1;
    pub const STORAGE: u32 = 2;
    pub const LINK: u32 = 3;
    pub const BOOKS: u32 = 4;
    pub const BARS: u32 = 5;
    pub const STRATEGY: u32 = 6;
}

/// Name of the actor that knows the connection's state.
pub(super) const LINK: &str = "link";

pub(super) fn strategy_name(name: &str) -> String {
    format!("strategy:{name}")
}

pub(super) fn bars_name(instrument: &str) -> String {
    format!("bars:{instrument}")
}

/// Adds actors of each kind.
pub(super) struct Make {
    pub config: Arc<Config>,
    pub shared: Arc<Shared>,
    pub journal: PathBuf,
    pub segment: u32,
    /// Where each symbol's market was seen last in an earlier session.
    pub last: Vec<Option<Price>>,
}

impl Make {
    pub(super) fn spec(name: String, kind: &str, config: &ActorConfig, order: u32, on_give_up: OnGiveUp) -> ChildSpec {
        let (kind, config) = (kind.to_owned(), config.clone());
        ChildSpec { name, kind, config, restart: Restart::Permanent, group: None, order, on_give_up }
    }

    fn shell<C>(
        &self,
        to: &mut Supervisor,
        spec: ChildSpec,
        place: usize,
        build: Build<C>,
    ) -> Result<Child<Shell<C>>, SystemError>
    where
        C: Hosted,
    {
        let shared = self.shared.clone();
        Ok(to.add_gauged(spec, move |ctx, gauge| Shell::new(shared, gauge, build, place, ctx.address()))?)
    }

    pub fn broker(
        &self,
        to: &mut Supervisor,
        peer: Peer,
        find_partner: Option<FindPartner>,
    ) -> Result<Child<Broker>, SystemError> {
        let (config, shared, last) = (self.config.clone(), self.shared.clone(), self.last.clone());
        let actor = &self.config.actors.broker;
        let spec = Self::spec("broker".to_owned(), "broker", actor, order::BROKER, OnGiveUp::NeverGiveUp);
        Ok(to.add_gauged(spec, move |_, gauge| Broker::new(config, peer, find_partner, &last, shared, gauge))?)
    }

    pub fn storage(&self, to: &mut Supervisor, log: Logger) -> Result<Child<StorageActor>, SystemError> {
        let storage = &self.config.storage;
        let settings = StorageSettings {
            database_url: storage.database_url.clone(),
            journal_dir: self.journal.clone(),
            flush_every: storage.flush_every,
            batch_rows_max: storage.batch_rows_max,
            pool_size: storage.pool_size,
        };
        let actor = &self.config.actors.storage;
        // The journal holds everything that the database lacks, so trading does not depend on this one.
        let spec = Self::spec("storage".to_owned(), "storage", actor, order::STORAGE, OnGiveUp::NeverGiveUp);
        Ok(to.add(spec, move |_| StorageActor::new(settings, log))?)
    }

    pub fn teller(&self, to: &mut Supervisor, info: SessionInfo, log: Logger) -> Result<Child<Teller>, SystemError> {
        let (journal, segment) = (self.journal.clone(), self.segment);
        let actor = &self.config.actors.storage;
        let spec = Self::spec("teller".to_owned(), "storage", actor, order::STORAGE, OnGiveUp::DisableAndGoOn);
        Ok(to.add(spec, move |_| Teller::new(&journal, segment, info, log))?)
    }

    pub fn link(&self, to: &mut Supervisor) -> Result<Child<Shell<Link>>, SystemError> {
        let driven = self.shared.clock.is_driven();
        let config = if driven { Arc::new(played(&self.config)) } else { self.config.clone() };
        let patience = self.shared.clock.market_span(link::INVENTORY_WITHIN);
        let spec = Self::spec(LINK.to_owned(), "books", &self.config.actors.books, order::LINK, OnGiveUp::HaltTrading);
        self.shell(to, spec, 0, Arc::new(move || Link::of(&config, patience)))
    }

    pub fn books(&self, to: &mut Supervisor) -> Result<Child<Shell<Books>>, SystemError> {
        let (config, rebuild) = (self.config.clone(), self.rebuild(CoreId::Books));
        let spec =
            Self::spec("books".to_owned(), "books", &self.config.actors.books, order::BOOKS, OnGiveUp::HaltTrading);
        self.shell(
            to,
            spec,
            0,
            Arc::new(move || {
                let mut state = rebuild.books();
                state.doubt_all();
                rebuild.shown_bars(Books::new(&config, state))
            }),
        )
    }

    pub fn bars(&self, to: &mut Supervisor) -> Result<Vec<Child<Shell<Bars>>>, SystemError> {
        let add = |instrument: &Instrument| {
            let (config, shared, symbol) = (self.config.bars.clone(), self.shared.clone(), instrument.id);
            let actor = &self.config.actors.bars;
            let spec = Self::spec(bars_name(&instrument.name), "bars", actor, order::BARS, OnGiveUp::HaltTrading);
            let first = AtomicBool::new(true);
            let build = Arc::new(move || build_bars(symbol, &config, &shared, &first));
            self.shell(to, spec, usize::from(symbol.0), build)
        };
        self.config.instruments.iter().map(add).collect()
    }

    pub fn strategies(&self, to: &mut Supervisor) -> Result<Vec<Child<Shell<StrategyCore>>>, SystemError> {
        let add = |n: usize| {
            let id = self.config.strategies[n].id;
            let (config, rebuild) = (self.config.clone(), self.rebuild(CoreId::Strategy(id)));
            let name = strategy_name(&self.config.strategies[n].name);
            let actor = &self.config.actors.strategy;
            let spec = Self::spec(name, "strategy", actor, order::STRATEGY, OnGiveUp::DisableAndGoOn);
            self.shell(to, spec, n, Arc::new(move || rebuild.strategy(&config, n)))
        };
        (0..self.config.strategies.len()).map(add).collect()
    }

    fn rebuild(&self, core: CoreId) -> Rebuild {
        Rebuild { shared: self.shared.clone(), journal: self.journal.clone(), segment: self.segment, core }
    }
}

/// The bars of a running feed have no past that could be trusted: after a failure they begin anew, with a partial bar.
fn build_bars(symbol: SymbolId, config: &BarsConfig, shared: &Shared, first: &AtomicBool) -> Bars {
    let mut bars = Bars::new(symbol, config);
    if !first.swap(false, Ordering::AcqRel) {
        bars.handle(shared.clock.now(), bars::Input::FeedUp, &mut Vec::new());
    }
    bars
}
