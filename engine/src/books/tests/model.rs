//! Every way in which an order's life, a lost link and reconciliation can interleave, to a stated depth: the real books,
//! checked by `stateright`. One entry with stop and target, one exit; the budgets say which faults, and how many.
//!
//! What must hold everywhere is watched by `pit`: never two live orders for one intent; never a position that was not
//! wanted; whenever book and broker have agreed, the same position and the same live orders; no ended order that comes
//! back without a fill; order ids that only rise.

use stateright::{Checker, Model, Property};

use super::pit::{Budget, Pit, Step};

struct Trading {
    budget: Budget,
    /// Deep enough for the whole life of a position.
    whole: bool,
}

impl Model for Trading {
    type State = Pit;
    type Action = Step;

    fn init_states(&self) -> Vec<Pit> {
        vec![Pit::open(self.budget, false)]
    }

    fn actions(&self, pit: &Pit, actions: &mut Vec<Step>) {
        actions.extend(pit.steps());
    }

    fn next_state(&self, pit: &Pit, step: Step) -> Option<Pit> {
        let mut next = pit.clone();
        next.take(step);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always("nothing is seen that must never be", |_, pit: &Pit| pit.wrong().is_none()),
            Property::always("settled means the same position", |_, pit: &Pit| {
                !pit.is_settled() || pit.book_position() == pit.broker_position()
            }),
        ];
        if self.whole {
            // The model is worth something only if it gets there.
            properties.push(Property::sometimes("a position is opened and closed again", |_, pit: &Pit| {
                pit.is_settled() && pit.broker_position() == 0 && pit.has_dealt()
            }));
        }
        properties
    }
}

/// Checks every state up to a depth, and says how many there were. `MODEL_DEPTH` in the environment goes deeper.
fn check(name: &str, budget: Budget, depth: usize, whole: bool) {
    let began = std::time::Instant::now();
    let depth = std::env::var("MODEL_DEPTH").ok().and_then(|d| d.parse().ok()).unwrap_or(depth);
    let checker = Trading { budget, whole }.checker().target_max_depth(depth).spawn_bfs().join();
    println!(
        "model {name}: {} states, depth {}, {:.1} s",
        checker.unique_state_count(),
        checker.max_depth(),
        began.elapsed().as_secs_f64()
    );
    checker.assert_properties();
}

const CALM: Budget =
    Budget { cuts: 0, copies: 0, kills: 0, waits: 0, crashes: 0, flattens: 0, reorder: false, quantity: 1 };

/// All there are: the deepest is 20 steps away.
#[test]
fn a_lost_link_at_any_moment() {
    check("lost link", Budget { cuts: 1, ..CALM }, 40, true);
}

#[test]
fn news_in_any_order_and_twice() {
    check("reordered", Budget { reorder: true, copies: 1, ..CALM }, 10, false);
}

#[test]
fn orders_that_end_by_themselves_and_silence() {
    check("ended", Budget { kills: 1, waits: 2, ..CALM }, 12, false);
}

#[test]
fn a_lost_link_while_everything_is_closed() {
    check("closing", Budget { cuts: 1, flattens: 1, waits: 1, ..CALM }, 13, true);
}
