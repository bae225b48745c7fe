//! Panics on demand, for tests and simulations: in each place where an actor's code can run. Nobody else sends [`Fail`].

use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, Handler, Message, StreamHandler, WrapFuture};

use crate::shell::{Hosted, Shell};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    Handler,
    Timer,
    Stream,
    SpawnedFuture,
    WaitedFuture,
    Started,
    Restarting,
    /// Where cores work without their actor.
    Floor,
}

#[cfg(test)]
impl Place {
    pub const ALL: [Place; 8] = [
        Place::Handler,
        Place::Timer,
        Place::Stream,
        Place::SpawnedFuture,
        Place::WaitedFuture,
        Place::Started,
        Place::Restarting,
        Place::Floor,
    ];
}

/// A panic that waits in `started` or `restarting`, once.
#[derive(Default)]
pub(crate) struct Armed(Option<Place>);

impl Armed {
    pub fn strike(&mut self, place: Place) {
        if self.0 == Some(place) {
            self.0 = None;
            panic!("as was ordered, in {place:?}");
        }
    }
}

#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Fail(pub Place);

/// An item of the stream that panics.
struct Poison;

impl<C: Hosted> StreamHandler<Poison> for Shell<C> {
    fn handle(&mut self, _: Poison, _: &mut Self::Context) {
        panic!("as was ordered, in Stream");
    }

    fn finished(&mut self, _: &mut Self::Context) {}
}

impl<C: Hosted> Handler<Fail> for Shell<C> {
    type Result = ();

    fn handle(&mut self, Fail(place): Fail, ctx: &mut Context<Self>) {
        match place {
            Place::Handler => panic!("as was ordered, in Handler"),
            Place::Timer => {
                ctx.run_later(Duration::from_millis(1), |_, _| panic!("as was ordered, in Timer"));
            }
            Place::Stream => {
                ctx.add_stream(futures::stream::once(async { Poison }));
            }
            Place::SpawnedFuture => {
                ctx.spawn(async {}.into_actor(self).map(|(), _, _| panic!("as was ordered, in SpawnedFuture")));
            }
            Place::WaitedFuture => {
                ctx.wait(async {}.into_actor(self).map(|(), _, _| panic!("as was ordered, in WaitedFuture")));
            }
            Place::Floor => self.poison_seat(),
            Place::Started | Place::Restarting => {
                self.faults = Armed(Some(place));
                panic!("as was ordered, on the way to {place:?}");
            }
        }
    }
}

#[cfg(test)]
impl Handler<Fail> for crate::broker::Broker {
    type Result = ();

    fn handle(&mut self, Fail(place): Fail, _: &mut Context<Self>) {
        panic!("as was ordered, in {place:?}");
    }
}
