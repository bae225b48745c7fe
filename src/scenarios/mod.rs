//! What goes wrong at Interactive Brokers, each as a named scenario that is played over the real wire: the simulated
//! gateway in this process, the full program in a process of its own. In: files of `scenarios/`, built in. Out: verdicts.
//!
//! The way of one: `file` reads it, `stage` sets up folder, gateway and program, `play` runs it and watches, `evidence`
//! gathers what both sides say for themselves, `rules` and `expect` judge, `timeline` tells a person.
//! Absent: the faults themselves (the gateway's), decisions (the engine's). What one side believes of the other is
//! never asked: the gateway's truth is compared with Pitboss's journal.

pub mod catalog;
mod evidence;
mod expect;
pub mod file;
pub mod play;
mod rules;
mod stage;
pub mod timeline;
