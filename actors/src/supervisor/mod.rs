//! The pit boss: starts actors in order, contains their panics, rebuilds them, notices hangs, stops them in reverse.
//! In: child specs, and what goes wrong. Out: [`SupervisionEvent`]s, addresses and [`Port`]s that survive a rebuild.
//! Absent: trading, logging, storage, any cause of a fault. The restart policy is `engine::supervision`.
//!
//! Not containable: abort, stack overflow, out of memory, and a panic in a destructor while another panic
//! unwinds. A service manager restarts the process after those. A task that an actor starts with
//! `actix_rt::spawn` instead of `ctx.spawn` is outside the actor, and so is its panic. An actor that keeps
//! sending to itself is never done with its mailbox and starves its thread: send such a message by a timer.

mod child;
mod clock;
mod contained;
mod control;
mod event;
mod gauge;
mod group;
mod heartbeat;
mod panics;
mod pitboss;
mod port;
#[cfg(test)]
mod tests;
mod warden;

pub use child::{Child, ChildSpec, Restart, Stop};
pub use clock::mono_ns;
pub use event::{Failure, GaveUp, Hang, HowStopped, Reporter, Sink, SupervisionEvent, What};
pub use gauge::{ActorHealth, ActorState, Gauge};
pub use panics::Panic;
pub(crate) use panics::{catch, catch_in};
pub use pitboss::{StartError, Supervisor, SupervisorConfig};
pub use port::Port;
