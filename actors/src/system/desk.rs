//! Where a person stands before the running system: what they may ask and tell. In: names, commands. Out: the books' view.

use std::sync::Arc;

use actix::{Addr, Handler, Message};
use engine::books::{self, Books, Operator, RiskView};
use engine::config::Config;
use engine::time::Timestamp;
use engine::trade::StrategyId;
use slog::Logger;

use super::System;
use crate::directory::{Shared, Told};
use crate::shell::Shell;

#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "RiskView")]
struct ReadRisk(Timestamp);

impl Handler<ReadRisk> for Shell<Books> {
    type Result = actix::MessageResult<ReadRisk>;

    fn handle(&mut self, ReadRisk(now): ReadRisk, _: &mut Self::Context) -> Self::Result {
        actix::MessageResult(self.read(|books| books.risk_view(now)))
    }
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    books: Addr<Shell<Books>>,
    shared: Arc<Shared>,
    config: Arc<Config>,
}

impl System {
    pub fn desk(&self) -> Desk {
        Desk { books: self.books.addr().clone(), shared: self.shared.clone(), config: self.config.clone() }
    }
}

impl Desk {
    pub fn log(&self) -> &Logger {
        &self.shared.log
    }

    /// Limits beside where the books stand; `None` if they do not answer.
    pub async fn risk(&self) -> Option<RiskView> {
        self.books.send(ReadRisk(self.shared.clock.now())).await.ok()
    }

    /// Told to the books before anything that is asked of them later.
    pub fn command(&self, command: Operator) {
        self.shared.addresses().books.send(Told::unprompted(books::Input::Operator(command)));
    }

    pub fn strategy(&self, name: &str) -> Option<StrategyId> {
        self.config.strategies.iter().find(|strategy| strategy.name == name).map(|strategy| strategy.id)
    }

    pub fn strategy_names(&self) -> Vec<&str> {
        self.config.strategies.iter().map(|strategy| strategy.name.as_str()).collect()
    }
}
