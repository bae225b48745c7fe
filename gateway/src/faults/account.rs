//! Faults of the account: what others, the exchange and the broker do to orders, executions and positions.
//! In: calls. Out: the account itself changes, and whoever follows it is told.

use engine::trade::PermId;
use engine::venue::Refusal;

use crate::broker::Broker;
use crate::broker::rehearse::HandOrder;
use crate::faults::spec::{Act, Args, CODE, COUNT, Call, Kind, POSITIVE, Param, Scope, Spec, param};

const CONTRACT: Param = param("contract", Kind::Text, "", "name, local symbol or root; empty: the first contract");
const SIDE: Param = param("side", Kind::Choice(&["BUY", "SELL"]), "BUY", "the order's side");
const QUANTITY: Param = param("quantity", POSITIVE, "1", "contracts");
const TYPE: Param = param("type", Kind::Text, "MKT", "the order's type in the API's words");
const PRICE: Param = param("price", Kind::Number, "0", "limit or stop of the order in points; 0: none");
const WHICH: Param = param("which", Kind::Choice(&["first", "last"]), "last", "which execution");
const RECONCILE: &str = "see from the broker's positions that its book is not the whole account; not trade against it";

const fn at_once(
    name: &'static str,
    about: &'static str,
    expected: &'static str,
    params: &'static [Param],
    act: fn(&mut Broker, &Call) -> Result<(), String>,
) -> Spec {
    Spec { name, scope: Scope::All, about, expected, params, act: Act::Once(act), drawn: false }
}

pub const ROWS: &[Spec] = &[
    at_once(
        "manual-order",
        "Somebody enters an order by hand: client 0, order id 0 until client 0 binds it",
        RECONCILE,
        &[SIDE, QUANTITY, TYPE, PRICE, CONTRACT],
        |broker, call| by_hand(broker, &call.args, 0),
    ),
    at_once(
        "foreign-order",
        "Another program trades on the same account, under a client id of its own",
        RECONCILE,
        &[param("id", COUNT, "99", "its client id"), SIDE, QUANTITY, TYPE, PRICE, CONTRACT],
        |broker, call| by_hand(broker, &call.args, call.args.small("id")),
    ),
    at_once(
        "liquidation",
        "The broker cancels a contract's orders and closes its position; executions carry the liquidation flag",
        "adopt what happened, stop, and call a person",
        &[CONTRACT],
        |broker, call| {
            let symbol = symbol(broker, &call.args)?;
            broker.liquidate(symbol).map(|_| ()).ok_or_else(|| "there is no position".to_owned())
        },
    ),
    at_once(
        "execution-correction",
        "The exchange corrects an execution's price: the same execution under the next id",
        "replace the execution that has the same id up to the last dot, not add another",
        &[WHICH, param("by", Kind::Number, "1", "points added to its price")],
        |broker, call| {
            let fill = execution(broker, &call.args)?;
            let found = broker.all_executions().iter().find(|other| other.exec_id == fill);
            let points = found.and_then(|found| broker.points_of(found.symbol, found.price)).unwrap_or(0.0);
            broker.correct_execution(&fill, points + call.args.number("by")).map_err(words)
        },
    ),
    at_once(
        "execution-bust",
        "The exchange busts an execution: it is gone from lists and from the position, which is all that tells",
        RECONCILE,
        &[WHICH],
        |broker, call| {
            let fill = execution(broker, &call.args)?;
            broker.bust_execution(&fill).map(|_| ()).map_err(words)
        },
    ),
    at_once(
        "position-mismatch",
        "The broker's position changes without any execution",
        "stop trading the contract until somebody has explained it",
        &[param("by", Kind::Int { min: -100_000, max: 100_000 }, "1", "contracts added, negative for short"), CONTRACT],
        |broker, call| {
            let symbol = symbol(broker, &call.args)?;
            let held = broker.truth().positions.iter().find(|held| held.symbol == symbol).map_or(0, |h| h.quantity);
            broker.set_position(symbol, held + call.args.int("by"));
            Ok(())
        },
    ),
    at_once(
        "ids-rolled-back",
        "The gateway forgets order ids: the next valid id is lower than ids that were used",
        "remember its own highest id and never use one twice",
        &[param("by", COUNT, "10", "how many ids; 0: it remembers them again")],
        |broker, call| {
            broker.roll_back_ids(call.args.small("by"));
            Ok(())
        },
    ),
    at_once(
        "order-inactive",
        "A working order is told as Inactive while it rests at the exchange and may fill",
        "not take it for gone",
        &[param("active", Kind::Flag, "false", "tell it as what it is again")],
        |broker, call| {
            let inactive = !call.args.flag("active");
            let open = newest_order(broker)?;
            match broker.set_inactive(open, inactive) {
                true => Ok(()),
                false => Err("the newest open order is not at the exchange".to_owned()),
            }
        },
    ),
    at_once(
        "not-tradable",
        "A contract is not available to the account any more: orders get 203",
        "stop trading the contract, call a person if a position is open",
        &[CONTRACT, param("tradable", Kind::Flag, "false", "true: it is available again")],
        |broker, call| {
            let symbol = symbol(broker, &call.args)?;
            broker.set_tradable(symbol, call.args.flag("tradable"));
            Ok(())
        },
    ),
    at_once(
        "order-message",
        "An error message that names the newest open order, while the order lives on",
        "decide by the order's status, not by the message",
        &[
            param("code", CODE, "399", "the message's code"),
            param("text", Kind::Text, "", "the message's text; empty: the one that goes with the code"),
        ],
        |broker, call| {
            let open = newest_order(broker)?;
            let (code, text) = (call.args.small("code"), call.args.text("text"));
            match broker.message_of_order(open, code, text) {
                true => Ok(()),
                false => Err("its owner is not connected".to_owned()),
            }
        },
    ),
];

fn words(refusal: Refusal) -> String {
    format!("{}: {}", refusal.code, refusal.text)
}

fn symbol(broker: &Broker, args: &Args) -> Result<engine::market::SymbolId, String> {
    let name = args.text("contract");
    let found = if name.is_empty() { broker.symbols().first().copied() } else { broker.symbol_named(name) };
    found.ok_or_else(|| format!("there is no contract {name:?}"))
}

fn by_hand(broker: &mut Broker, args: &Args, client_id: i32) -> Result<(), String> {
    let kind = args.text("type").to_owned();
    let price = Some(args.number("price")).filter(|price| *price != 0.0);
    // One price serves both: a limit order reads its limit, a stop order its stop.
    let contract = broker.name_of(symbol(broker, args)?);
    let order = HandOrder {
        side: if args.text("side") == "SELL" { "SELL" } else { "BUY" },
        quantity: args.int("quantity").to_string(),
        limit: price.filter(|_| kind.contains("LMT")),
        stop: price.filter(|_| !kind.contains("LMT")),
        kind,
        contract,
        client_id,
        ..HandOrder::default()
    };
    broker.place_by_hand(&order).map(|_| ()).map_err(words)
}

fn execution(broker: &Broker, args: &Args) -> Result<String, String> {
    let ids = broker.execution_ids(None);
    let found = if args.text("which") == "first" { ids.first() } else { ids.last() };
    found.cloned().ok_or_else(|| "there is no execution".to_owned())
}

fn newest_order(broker: &Broker) -> Result<PermId, String> {
    broker.open_order_ids(None).pop().ok_or_else(|| "there is no open order".to_owned())
}
