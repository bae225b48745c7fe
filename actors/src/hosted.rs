//! The four cores as actors: what each says after it was rebuilt, and before it stops.

use engine::bars::{self, Bars};
use engine::books::{self, Books};
use engine::link::{self, Link};
use engine::strategy::{self, StrategyCore};
use engine::wiring::{BrokerCommand, Deliver};

use crate::directory::Outlet;
use crate::shell::Hosted;

impl Hosted for Bars {
    /// Its build says that the feed begins anew, so the running bar is partial.
    fn after_rebuild(_: &mut Outlet) {}

    fn farewell() -> Option<bars::Input> {
        Some(bars::Input::Flush)
    }
}

impl Hosted for StrategyCore {
    const SIGNALS: bool = true;

    fn after_rebuild(_: &mut Outlet) {}

    fn farewell() -> Option<strategy::Input> {
        None
    }
}

impl Hosted for Books {
    /// Nothing is traded before the rebuilt book was compared with the broker.
    fn after_rebuild(outlet: &mut Outlet) {
        outlet.link(link::Input::BooksRestarted);
    }

    fn farewell() -> Option<books::Input> {
        Some(books::Input::Close)
    }
}

impl Hosted for Link {
    /// Whether there is a connection is not known any more: a new one tells.
    fn after_rebuild(outlet: &mut Outlet) {
        outlet.broker(BrokerCommand::Rebuild { cause: "the link actor was rebuilt".to_owned() });
    }

    fn farewell() -> Option<link::Input> {
        None
    }
}
