//! The four cores as actors: where each sits, what it says after it was rebuilt, and before it stops.

use std::rc::Rc;

use engine::bars::{self, Bars};
use engine::books::{self, Books};
use engine::link::{self, Link};
use engine::market::SymbolId;
use engine::strategy::{self, StrategyCore};
use engine::tape::{CoreId, Taped};
use engine::trade::StrategyId;
use engine::wiring::{BrokerCommand, Deliver};

use crate::directory::{Addresses, Outlet, Told};
use crate::floor::{Item, Row, Seat, Seats};
use crate::shell::Hosted;
use crate::supervisor::Port;

impl Hosted for Bars {
    fn port(to: &Addresses, place: usize) -> &Port<Told<Self::Input>> {
        &to.bars[place]
    }

    fn id(place: usize) -> CoreId {
        CoreId::Bars(SymbolId(number(place)))
    }

    fn taped(place: usize, input: &Self::Input) -> Taped {
        Taped::Bars(SymbolId(number(place)), input.clone())
    }

    fn row(seats: &mut Seats) -> &mut Row<Self> {
        &mut seats.bars
    }

    fn item(seat: Rc<Seat<Self>>, told: Told<Self::Input>) -> Item {
        Item::Bars(seat, told)
    }

    /// Its build says that the feed begins anew, so the running bar is partial.
    fn after_rebuild(_: &mut Outlet) {}

    fn farewell() -> Option<bars::Input> {
        Some(bars::Input::Flush)
    }
}

impl Hosted for StrategyCore {
    const SIGNALS: bool = true;

    fn port(to: &Addresses, place: usize) -> &Port<Told<Self::Input>> {
        &to.strategies[place]
    }

    fn id(place: usize) -> CoreId {
        CoreId::Strategy(StrategyId(number(place)))
    }

    fn taped(place: usize, input: &Self::Input) -> Taped {
        Taped::Strategy(StrategyId(number(place)), input.clone())
    }

    fn row(seats: &mut Seats) -> &mut Row<Self> {
        &mut seats.strategies
    }

    fn item(seat: Rc<Seat<Self>>, told: Told<Self::Input>) -> Item {
        Item::Strategy(seat, told)
    }

    fn after_rebuild(_: &mut Outlet) {}

    fn farewell() -> Option<strategy::Input> {
        None
    }
}

impl Hosted for Books {
    fn port(to: &Addresses, _: usize) -> &Port<Told<Self::Input>> {
        &to.books
    }

    fn id(_: usize) -> CoreId {
        CoreId::Books
    }

    fn taped(_: usize, input: &Self::Input) -> Taped {
        Taped::Books(input.clone())
    }

    fn row(seats: &mut Seats) -> &mut Row<Self> {
        &mut seats.books
    }

    fn item(seat: Rc<Seat<Self>>, told: Told<Self::Input>) -> Item {
        Item::Books(seat, told)
    }

    /// Nothing is traded before the rebuilt book was compared with the broker.
    fn after_rebuild(outlet: &mut Outlet) {
        outlet.link(link::Input::BooksRestarted);
    }

    fn farewell() -> Option<books::Input> {
        Some(books::Input::Close)
    }
}

impl Hosted for Link {
    fn port(to: &Addresses, _: usize) -> &Port<Told<Self::Input>> {
        &to.link
    }

    fn id(_: usize) -> CoreId {
        CoreId::Link
    }

    fn taped(_: usize, input: &Self::Input) -> Taped {
        Taped::Link(input.clone())
    }

    fn row(seats: &mut Seats) -> &mut Row<Self> {
        &mut seats.link
    }

    fn item(seat: Rc<Seat<Self>>, told: Told<Self::Input>) -> Item {
        Item::Link(seat, told)
    }

    /// Whether there is a connection is not known any more: a new one tells. Trading has been paused since the failure.
    fn after_rebuild(outlet: &mut Outlet) {
        outlet.broker(BrokerCommand::Rebuild { cause: "the link actor was rebuilt".to_owned() });
    }

    fn farewell() -> Option<link::Input> {
        None
    }
}

fn number(place: usize) -> u16 {
    u16::try_from(place).expect("fewer than 65536 instruments and strategies")
}
