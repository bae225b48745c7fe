//! The link to the broker as an explicit state machine over socket, upstream and reconciliation.
//! In: what the broker actor sees. Out: whether trading is allowed, and what the broker actor must do.
//! Absent: sockets, retries' waiting (the broker actor's), positions (the books').

use std::time::Duration;

use crate::books::Comparison;
use crate::time::Timestamp;
use crate::trade::Trading;

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// The handshake is complete.
    Connected,
    Disconnected {
        cause: String,
    },
    /// A system message of the broker.
    Notice {
        code: i32,
        text: String,
    },
    /// The books compared themselves with the broker.
    Compared(Comparison),
    /// The books want the broker's inventory: an order in doubt, a lagging order stream.
    Doubt,
    /// The books were rebuilt: what they know has to be compared again.
    BooksRestarted,
    /// Every position is closed, as was asked by `Liquidating`.
    Flat,
    /// An operator or a failing actor pauses entries for good.
    Halt {
        cause: String,
    },
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    Trading {
        trading: Trading,
        cause: String,
    },
    TakeInventory,
    ComparePositions,
    /// Subscribe to all market data again.
    Resubscribe,
    /// Nothing can be sent; every live order's fate is open.
    Lost,
    /// Throw the connection away and build a new one.
    Rebuild {
        cause: String,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Down,
    /// Connected; the inventory is on its way.
    Reconciling,
    /// Socket up, upstream lost (1100, 2110).
    UpstreamLost,
    Up,
}

/// An inventory that does not come within this time on the wall means a dead link.
pub const INVENTORY_WITHIN: Duration = Duration::from_secs(20);
/// While all is well, book and broker are compared this many times [`INVENTORY_WITHIN`] apart: every minute.
const COMPARISONS_APART: u32 = 3;
/// Position messages may lag behind executions, so a difference is looked at again.
const COMPARE_AGAIN_AFTER: Duration = Duration::from_secs(5);

#[derive(Clone, Debug)]
pub struct Link {
    state: State,
    /// `emergency_liquidate_on_disconnect`.
    liquidate: bool,
    /// [`INVENTORY_WITHIN`] in market time.
    patience: Duration,
    was_lost: bool,
    liquidating: bool,
    halted: Option<String>,
    asked_at: Option<Timestamp>,
    /// When the next comparison is due: trades made elsewhere are in no stream of ours.
    compare_at: Option<Timestamp>,
    compare_every: Duration,
    told: Trading,
}

impl Link {
    /// `patience`: how long the broker may take over its inventory, in market time.
    pub fn new(emergency_liquidate_on_disconnect: bool, patience: Duration) -> Self {
        Self {
            state: State::Down,
            liquidate: emergency_liquidate_on_disconnect,
            patience,
            was_lost: false,
            liquidating: false,
            halted: None,
            asked_at: None,
            compare_at: None,
            compare_every: patience * COMPARISONS_APART,
            told: Trading::Paused,
        }
    }

    pub fn is_up(&self) -> bool {
        self.state == State::Up
    }

    pub fn handle(&mut self, now: Timestamp, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::Connected => self.take_inventory(now, out),
            Input::Disconnected { cause } => self.lose(State::Down, cause, out),
            Input::Notice { code, text } => self.on_notice(now, code, text, out),
            Input::Compared(comparison) => self.on_compared(now, comparison, out),
            Input::Doubt => {
                // An inventory under way may have been taken before the doubt arose: the books repeat theirs.
                if matches!(self.state, State::Up | State::Reconciling) && self.asked_at.is_none() {
                    self.ask(now, out);
                }
            }
            Input::BooksRestarted if self.state == State::Up || self.state == State::Reconciling => {
                self.told = Trading::Paused;
                self.take_inventory(now, out);
            }
            Input::BooksRestarted => {}
            Input::Flat => {
                self.liquidating = false;
                self.tell("positions are closed".to_owned(), out);
            }
            Input::Halt { cause } => {
                self.halted = Some(cause.clone());
                self.tell(cause, out);
            }
        }
    }

    fn on_notice(&mut self, now: Timestamp, code: i32, text: String, out: &mut Vec<Output>) {
        match code {
            1100 | 2110 if self.state != State::Down => self.lose(State::UpstreamLost, text, out),
            1101 => {
                out.push(Output::Resubscribe);
                self.take_inventory(now, out);
            }
            1102 => self.take_inventory(now, out),
            1300 => out.push(Output::Rebuild { cause: text }),
            _ => {}
        }
    }

    fn take_inventory(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        self.state = State::Reconciling;
        self.tell("reconciling with the broker".to_owned(), out);
        self.ask(now, out);
    }

    fn ask(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        self.asked_at = Some(now);
        self.compare_at = None;
        out.push(Output::TakeInventory);
    }

    fn lose(&mut self, state: State, cause: String, out: &mut Vec<Output>) {
        if self.state == State::Up {
            self.was_lost = true;
        }
        self.state = state;
        self.asked_at = None;
        self.compare_at = None;
        self.tell(cause, out);
        out.push(Output::Lost);
    }

    fn on_compared(&mut self, now: Timestamp, comparison: Comparison, out: &mut Vec<Output>) {
        self.asked_at = None;
        match (self.state, comparison) {
            (State::Reconciling | State::Up, Comparison::Agrees) => {
                self.state = State::Up;
                self.compare_at = Some(now + self.compare_every);
                if std::mem::take(&mut self.was_lost) && self.liquidate {
                    self.liquidating = true;
                }
                self.tell("book and broker agree".to_owned(), out);
            }
            (State::Up, Comparison::Overtaken) => self.compare_at = Some(now + COMPARE_AGAIN_AFTER),
            (State::Reconciling, Comparison::Overtaken) | (State::Reconciling | State::Up, Comparison::Suspect) => {
                self.ask(now, out);
            }
            (State::Reconciling | State::Up, Comparison::Differs(difference)) => {
                self.state = State::Reconciling;
                self.compare_at = Some(now + COMPARE_AGAIN_AFTER);
                self.tell(difference, out);
            }
            // An answer that was overtaken by a lost link proves nothing.
            (State::Down | State::UpstreamLost, _) => {}
        }
    }

    fn tell(&mut self, cause: String, out: &mut Vec<Output>) {
        let trading = match self.state {
            State::Up if self.liquidating => Trading::Liquidating,
            State::Up if self.halted.is_none() => Trading::Allowed,
            State::Up | State::Down | State::Reconciling | State::UpstreamLost => Trading::Paused,
        };
        if std::mem::replace(&mut self.told, trading) != trading {
            let cause = self.halted.clone().filter(|_| trading == Trading::Paused).unwrap_or(cause);
            out.push(Output::Trading { trading, cause });
        }
    }

    pub fn next_deadline(&self) -> Option<Timestamp> {
        let answer = self.asked_at.map(|at| at + self.patience);
        answer.or(self.compare_at)
    }

    pub fn on_deadline(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        if self.next_deadline().is_none_or(|at| at > now) {
            return;
        }
        if self.asked_at.take().is_some() {
            out.push(Output::Rebuild { cause: "the broker did not answer with its inventory".to_owned() });
        } else if self.state == State::Up {
            self.asked_at = Some(now);
            self.compare_at = None;
            out.push(Output::ComparePositions);
        } else {
            self.ask(now, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(link: &mut Link, secs: i64, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        link.handle(Timestamp::from_secs(secs), input, &mut out);
        out
    }

    fn trading(out: &[Output]) -> Option<Trading> {
        out.iter().find_map(|o| match o {
            Output::Trading { trading, .. } => Some(*trading),
            _ => None,
        })
    }

    fn up(liquidate: bool) -> Link {
        let mut link = Link::new(liquidate, INVENTORY_WITHIN);
        told(&mut link, 0, Input::Connected);
        assert_eq!(trading(&told(&mut link, 1, Input::Compared(Comparison::Agrees))), Some(Trading::Allowed));
        link
    }

    fn notice(code: i32) -> Input {
        Input::Notice { code, text: format!("code {code}") }
    }

    #[test]
    fn only_a_reconciliation_opens_trading() {
        let mut link = Link::new(false, INVENTORY_WITHIN);
        assert_eq!(told(&mut link, 0, Input::Connected), [Output::TakeInventory]);
        assert_eq!(
            trading(&told(&mut link, 1, Input::Compared(Comparison::Differs("ES: ours 1, broker 0".into())))),
            None
        );
        assert_eq!(link.next_deadline(), Some(Timestamp::from_secs(6)), "a difference is looked at again");
        let mut out = Vec::new();
        link.on_deadline(Timestamp::from_secs(6), &mut out);
        assert_eq!(out, [Output::TakeInventory]);
        assert_eq!(trading(&told(&mut link, 7, Input::Compared(Comparison::Agrees))), Some(Trading::Allowed));
    }

    #[test]
    fn upstream_loss_pauses_and_restoration_reconciles() {
        let mut link = up(false);
        let out = told(&mut link, 2, notice(1100));
        assert_eq!(trading(&out), Some(Trading::Paused));
        assert!(out.contains(&Output::Lost));
        assert_eq!(
            told(&mut link, 3, Input::Compared(Comparison::Agrees)),
            [],
            "an answer from before the loss proves nothing"
        );
        assert_eq!(told(&mut link, 4, notice(1101)), [Output::Resubscribe, Output::TakeInventory]);
        assert_eq!(trading(&told(&mut link, 5, Input::Compared(Comparison::Agrees))), Some(Trading::Allowed));
    }

    #[test]
    fn a_farm_flap_changes_nothing() {
        let mut link = up(false);
        for code in [2103, 2104, 2105, 2106, 2108, 2119, 2157, 2158] {
            assert_eq!(told(&mut link, 2, notice(code)), []);
        }
    }

    #[test]
    fn after_a_loss_positions_are_liquidated_if_so_configured() {
        let mut link = up(true);
        told(&mut link, 2, Input::Disconnected { cause: "reset".into() });
        told(&mut link, 3, Input::Connected);
        assert_eq!(trading(&told(&mut link, 4, Input::Compared(Comparison::Agrees))), Some(Trading::Liquidating));
        assert_eq!(trading(&told(&mut link, 5, Input::Flat)), Some(Trading::Allowed));
    }

    #[test]
    fn book_and_broker_are_compared_every_minute() {
        let mut link = up(false);
        assert_eq!(link.next_deadline(), Some(Timestamp::from_secs(61)));
        let mut out = Vec::new();
        link.on_deadline(Timestamp::from_secs(61), &mut out);
        assert_eq!(out, [Output::ComparePositions], "and trading goes on meanwhile");
        assert_eq!(told(&mut link, 62, Input::Compared(Comparison::Overtaken)), []);
        assert_eq!(link.next_deadline(), Some(Timestamp::from_secs(67)));
        assert_eq!(told(&mut link, 67, Input::Compared(Comparison::Suspect)), [Output::TakeInventory]);
        let differs = Input::Compared(Comparison::Differs("position ES: book 2, broker 0".into()));
        assert_eq!(trading(&told(&mut link, 68, differs)), Some(Trading::Paused));
    }

    #[test]
    fn a_halt_outlives_every_reconciliation() {
        let mut link = up(false);
        assert_eq!(
            trading(&told(&mut link, 2, Input::Halt { cause: "journal: disk full".into() })),
            Some(Trading::Paused)
        );
        told(&mut link, 3, Input::Doubt);
        assert_eq!(trading(&told(&mut link, 4, Input::Compared(Comparison::Agrees))), None);
    }

    #[test]
    fn a_silent_inventory_means_a_dead_link() {
        let mut link = Link::new(false, INVENTORY_WITHIN);
        told(&mut link, 0, Input::Connected);
        let mut out = Vec::new();
        link.on_deadline(Timestamp::from_secs(20), &mut out);
        assert!(matches!(out[..], [Output::Rebuild { .. }]));
    }
}
