//! What a fault that lasts does, one variant a family. In: messages on their way. Out: their fate.
//! Absent: how the families work; each has its file.

use std::time::Duration;

use engine::time::Timestamp;

use crate::broker::Broker;
use crate::broker::clients::ConnId;
use crate::faults::connectivity::{Farm, Outage};
use crate::faults::limits::Limit;
use crate::faults::lines::LinkFault;
use crate::faults::order_events::OrderFault;
use crate::faults::requests::AskFault;
use crate::faults::shown::DataFault;
use crate::faults::spec::Call;
use crate::wire::response::Response;

#[derive(Debug)]
pub enum Effect {
    Link(LinkFault),
    Outage(Outage),
    Farm(Farm),
    Ask(AskFault),
    Limit(Limit),
    Data(DataFault),
    Order(OrderFault),
}

/// What becomes of one message to a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    Pass,
    Withhold,
    /// So many copies in all.
    Copies(u32),
    Later(Duration),
    /// When the fault is over.
    AtEnd,
    /// With the other messages of this request or step, in an order of the fault's choosing.
    Gathered(Gathering),
}

/// How gathered messages are ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gathering {
    Shuffled,
    /// Messages with these ids come first, the rest stays in order.
    First(i32),
}

/// A fault in force.
pub struct Running {
    pub id: u64,
    pub call: Call,
    pub effect: Effect,
    /// On the clock of [`Effect::is_link`]'s answer; `None`: until it is cleared.
    pub until: Option<Timestamp>,
    /// The latest connection when it began.
    pub since_conn: ConnId,
}

impl Running {
    /// Whether it concerns a client; a connection that has not started has no number, so only faults of all concern it.
    pub fn concerns(&self, client: Option<i32>) -> bool {
        self.call.client.is_none() || self.call.client == client
    }
}

impl Effect {
    /// What its beginning says and does.
    pub fn begin(&mut self, broker: &mut Broker, call: &Call) {
        match self {
            Effect::Link(fault) => fault.begin(broker, call),
            Effect::Outage(outage) => outage.begin(broker, call),
            Effect::Farm(farm) => farm.begin(broker, call),
            Effect::Data(fault) => fault.begin(broker),
            Effect::Ask(_) | Effect::Limit(_) | Effect::Order(_) => {}
        }
    }

    /// Faults of connections end by the gateway's clock, others by market time: a market may stand still meanwhile.
    pub fn is_link(&self) -> bool {
        matches!(self, Effect::Link(_) | Effect::Limit(_))
    }

    /// `listed`: the message answers a request for a list.
    pub fn outgoing(&mut self, response: &mut Response, listed: bool) -> Fate {
        match self {
            Effect::Order(fault) if !listed || fault.also_lists() => fault.outgoing(response),
            Effect::Outage(outage) if !listed => outage.outgoing(response),
            Effect::Ask(fault) if !listed => fault.outgoing(response),
            Effect::Data(fault) => fault.outgoing(response),
            _ => Fate::Pass,
        }
    }

    /// It has done what it was told to do so many times.
    pub fn is_spent(&self) -> bool {
        match self {
            Effect::Ask(fault) => fault.is_spent(),
            Effect::Order(fault) => fault.is_spent(),
            Effect::Data(fault) => fault.is_spent(),
            _ => false,
        }
    }

    /// What its end says and does.
    pub fn end(self, broker: &mut Broker, call: &Call) {
        match self {
            Effect::Link(fault) => fault.end(broker, call),
            Effect::Outage(outage) => outage.end(broker, call),
            Effect::Farm(farm) => farm.end(broker, call),
            Effect::Data(fault) => fault.end(broker, call),
            Effect::Ask(_) | Effect::Limit(_) | Effect::Order(_) => {}
        }
    }
}
