//! A simulation of everything that goes wrong, drawn from a seed: the pure half. `plan` is what happens, as data; `draw`
//! makes one of a seed; `exchange` is the venue behind a faulty line and a faulty broker; `audit` watches that no
//! invariant is broken; `shrink` makes a failing plan small.
//! In: a seed, or a plan; what the system under test asks and records. Out: what it hears, and violations.
//! Absent: actors, files, the crash of a process; `actors::simulation` plays these.

pub mod audit;
pub mod chance;
pub mod draw;
pub mod exchange;
pub mod fold;
mod line;
mod market;
pub mod plan;
pub mod scene;
pub mod shrink;

pub use audit::{Auditor, Violation};
pub use exchange::{Act, Exchange, Heard};
pub use plan::{Fault, Plan, What};
