//! Faults of what is told about orders: sequence, copies, omissions, delays, contents that cannot be read. In: the
//! messages of one request or step. Out: the same, otherwise. The account itself is as it is; only the telling lies.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::faults::effect::{Effect, Fate, Gathering};
use crate::faults::spec::{Act, Args, COUNT, Kind, POSITIVE, Param, Scope, Spec, param};
use crate::wire::order::PlaceOrderRequest;
use crate::wire::order_report::{OpenOrder, OrderState, OrderStatus};
use crate::wire::response::Response;

/// Kinds of messages that faults tell apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    Status,
    OpenOrder,
    Execution,
    Commission,
    Position,
}

#[derive(Debug)]
pub enum OrderFault {
    Shuffled,
    First(What),
    Twice(u32),
    Missing(What),
    Late(What, Duration),
    /// The first status of each order carries no permanent id.
    NoPermId {
        told: BTreeSet<(i32, i32)>,
    },
    BadSide {
        left: u32,
    },
    NoStatusWord {
        left: u32,
    },
}

const IDEMPOTENT: &str = "book each execution once by its id, whatever comes first, twice or not at all";
const FACTS: &str = "take executions for the truth and the status for a hint; ask the broker when they disagree";
const UNREADABLE: &str = "not end its order stream for good: report it and reconcile with the broker";
const BY: Param = param("by", Kind::Span, "5s", "how late");
const COUNTED: Param = param("count", COUNT, "1", "how many; 0: all while it lasts");

const fn row(
    name: &'static str,
    about: &'static str,
    expected: &'static str,
    params: &'static [Param],
    effect: fn(&Args) -> Effect,
) -> Spec {
    Spec { name, scope: Scope::Clients, about, expected, params, act: Act::While { lasts: "60s", effect }, drawn: true }
}

pub const ROWS: &[Spec] = &[
    row(
        "shuffled-order-events",
        "Open orders, statuses, executions and commissions of one moment come in any order (by the seed)",
        IDEMPOTENT,
        &[],
        |_| Effect::Order(OrderFault::Shuffled),
    ),
    row("status-first", "Statuses come before the executions that they count", FACTS, &[], |_| first(What::Status)),
    row("execution-first", "Executions come before the order was ever shown as open", IDEMPOTENT, &[], |_| {
        first(What::Execution)
    }),
    row(
        "commission-first",
        "Commissions come before their executions",
        "keep a commission until its execution comes",
        &[],
        |_| first(What::Commission),
    ),
    row(
        "duplicated-order-events",
        "Every message about orders comes more than once",
        IDEMPOTENT,
        &[param("copies", POSITIVE, "2", "how many in all")],
        |args| Effect::Order(OrderFault::Twice(args.small("copies"))),
    ),
    row("missing-statuses", "Statuses never come", FACTS, &[], |_| missing(What::Status)),
    row("status-without-open-order", "Statuses come, and the open order they belong to never does", FACTS, &[], |_| {
        missing(What::OpenOrder)
    }),
    row(
        "missing-executions",
        "Executions and their commissions are not told; asking for them gives them",
        "ask for executions when a status counts fills that it has not seen",
        &[],
        |_| missing(What::Execution),
    ),
    row("missing-commission", "Commissions never come", "go on without, and ask for executions later", &[], |_| {
        missing(What::Commission)
    }),
    row("late-commission", "Commissions come late", "keep the position by executions alone", &[BY], |args| {
        late(What::Commission, args)
    }),
    row("late-executions", "Executions come long after the status that counts them", FACTS, &[BY], |args| {
        late(What::Execution, args)
    }),
    row("late-statuses", "Statuses come late", FACTS, &[BY], |args| late(What::Status, args)),
    row(
        "delayed-positions",
        "Positions and portfolio values come late: they disagree with the executions for a while",
        "compare again after a pause before it believes that its book is wrong",
        &[BY],
        |args| late(What::Position, args),
    ),
    row(
        "perm-id-zero",
        "The first open order and the first status of each order carry the permanent id 0",
        "find its order by order id until the permanent id comes",
        &[],
        |_| Effect::Order(OrderFault::NoPermId { told: BTreeSet::new() }),
    ),
    row("undecodable-side", "An execution whose side no client knows", UNREADABLE, &[COUNTED], |args| {
        Effect::Order(OrderFault::BadSide { left: count(args) })
    }),
    row("undecodable-order", "An open order without a status word", UNREADABLE, &[COUNTED], |args| {
        Effect::Order(OrderFault::NoStatusWord { left: count(args) })
    }),
];

fn first(what: What) -> Effect {
    Effect::Order(OrderFault::First(what))
}

fn missing(what: What) -> Effect {
    Effect::Order(OrderFault::Missing(what))
}

fn late(what: What, args: &Args) -> Effect {
    Effect::Order(OrderFault::Late(what, args.span("by")))
}

fn count(args: &Args) -> u32 {
    match args.small("count") {
        0 => u32::MAX,
        count => count,
    }
}

impl What {
    fn is(self, response: &Response) -> bool {
        match self {
            What::Status => matches!(response, Response::OrderStatus(_)),
            What::OpenOrder => matches!(response, Response::OpenOrder(_)),
            What::Execution => matches!(response, Response::Execution(_)),
            What::Commission => matches!(response, Response::Commission(_)),
            What::Position => {
                matches!(response, Response::Position(_) | Response::PositionMulti(_) | Response::PortfolioValue(_))
            }
        }
    }

    fn message_id(self) -> i32 {
        match self {
            What::Status => 3,
            What::OpenOrder => 5,
            What::Execution => 11,
            What::Commission => 59,
            What::Position => 61,
        }
    }
}

/// Whether the message tells of an order or a fill; confirmations of cancels and refusals do too.
pub fn is_order_event(response: &Response) -> bool {
    match response {
        Response::Error(error) => matches!(error.error_code, Some(201 | 202 | 10147 | 10148)),
        _ => [What::Status, What::OpenOrder, What::Execution, What::Commission].iter().any(|what| what.is(response)),
    }
}

impl OrderFault {
    /// Positions are late in lists too; everything else is true when asked for.
    pub fn also_lists(&self) -> bool {
        matches!(self, OrderFault::Late(What::Position, _))
    }

    pub fn is_spent(&self) -> bool {
        matches!(self, OrderFault::BadSide { left: 0 } | OrderFault::NoStatusWord { left: 0 })
    }

    pub fn outgoing(&mut self, response: &mut Response) -> Fate {
        match self {
            OrderFault::Shuffled if is_order_event(response) => Fate::Gathered(Gathering::Shuffled),
            OrderFault::First(what) if is_order_event(response) => Fate::Gathered(Gathering::First(what.message_id())),
            OrderFault::Twice(copies) if is_order_event(response) => Fate::Copies(*copies),
            OrderFault::Missing(What::Execution) if What::Commission.is(response) => Fate::Withhold,
            OrderFault::Missing(what) if what.is(response) => Fate::Withhold,
            OrderFault::Late(what, by) if what.is(response) => Fate::Later(*by),
            OrderFault::NoPermId { told } => {
                hide_perm_id(told, response);
                Fate::Pass
            }
            OrderFault::BadSide { left } if *left > 0 => {
                if let Response::Execution(details) = response {
                    details.execution.get_or_insert_default().side = Some("XXX".to_owned());
                    *left -= 1;
                }
                Fate::Pass
            }
            OrderFault::NoStatusWord { left } if *left > 0 => {
                if let Response::OpenOrder(open) = response {
                    open.order_state.get_or_insert_default().status = None;
                    *left -= 1;
                }
                Fate::Pass
            }
            _ => Fate::Pass,
        }
    }
}

fn hide_perm_id(told: &mut BTreeSet<(i32, i32)>, response: &mut Response) {
    match response {
        Response::OpenOrder(OpenOrder { order_id, order: Some(order), .. })
            if !told.contains(&(order.client_id.unwrap_or(0), order_id.unwrap_or(0))) =>
        {
            order.perm_id = Some(0);
        }
        Response::OrderStatus(status) if told.insert((status.client_id.unwrap_or(0), status.order_id.unwrap_or(0))) => {
            status.perm_id = Some(0);
        }
        _ => {}
    }
}

/// An order that the broker does not take, as it shows it: the order itself and its status.
pub fn inactive(client_id: i32, request: &PlaceOrderRequest) -> (OpenOrder, OrderStatus) {
    let order_id = request.order_id;
    let mut order = request.order.clone().unwrap_or_default();
    let quantity = order.total_quantity.clone().unwrap_or_default();
    (order.client_id, order.order_id, order.perm_id) = (Some(client_id), order_id, Some(0));
    let status = OrderStatus {
        order_id,
        status: Some("Inactive".to_owned()),
        filled: Some("0".to_owned()),
        remaining: Some(quantity),
        avg_fill_price: Some(0.0),
        perm_id: Some(0),
        parent_id: order.parent_id,
        last_fill_price: Some(0.0),
        client_id: Some(client_id),
        why_held: None,
        mkt_cap_price: Some(0.0),
    };
    let order_state = OrderState { status: Some("Inactive".to_owned()), ..OrderState::default() };
    let open =
        OpenOrder { order_id, contract: request.contract.clone(), order: Some(order), order_state: Some(order_state) };
    (open, status)
}
