//! Text layouts against the documented lists of fields, by version; the hand-written tick encoding against the
//! derived one; and decoders that survive anything.

use proptest::prelude::*;
use prost::Message;

use crate::wire::contract::{Contract, ContractData, ContractDetails};
use crate::wire::execution::{CommissionAndFeesReport, Execution, ExecutionDetails};
use crate::wire::order::Order;
use crate::wire::order_report::{CompletedOrder, OpenOrder, OrderState};
use crate::wire::request::Request;
use crate::wire::response::Response;
use crate::wire::ticks::{Tick, TickKind, put_frame, put_prefix, put_protobuf_body, put_text_body};
use crate::wire::{Encoding, UNSET_DOUBLE, frame, handshake};

const VERSIONS: [i32; 3] = [157, 176, 178];

const CONTRACT_11: &str =
    "conId symbol secType expiry strike right multiplier exchange currency localSymbol tradingClass";

fn contract() -> Contract {
    Contract {
        con_id: Some(515_416_632),
        symbol: Some("ES".to_owned()),
        sec_type: Some("FUT".to_owned()),
        last_trade_date_or_contract_month: Some("20261218".to_owned()),
        multiplier: Some(50.0),
        exchange: Some("CME".to_owned()),
        currency: Some("USD".to_owned()),
        local_symbol: Some("ESZ6".to_owned()),
        trading_class: Some("ES".to_owned()),
        ..Contract::default()
    }
}

fn order() -> Order {
    Order {
        client_id: Some(3),
        order_id: Some(7),
        perm_id: Some(2_400_000_001),
        parent_id: Some(6),
        action: Some("SELL".to_owned()),
        total_quantity: Some("2".to_owned()),
        order_type: Some("STP LMT".to_owned()),
        lmt_price: Some(4990.25),
        aux_price: Some(4991.0),
        tif: Some("GTC".to_owned()),
        account: Some("DU1".to_owned()),
        outside_rth: Some(true),
        oca_group: Some("group".to_owned()),
        oca_type: Some(2),
        order_ref: Some("ref".to_owned()),
        filled_quantity: Some("1".to_owned()),
        parent_perm_id: Some(2_400_000_000),
        ..Order::default()
    }
}

/// The fields of a response; the names are those of the documented list, `name>=170` only from that version on.
struct Shown {
    names: Vec<String>,
    fields: Vec<String>,
}

impl Shown {
    fn new(response: impl Into<Response>, version: i32, list: &str) -> Shown {
        let mut bytes = Vec::new();
        response.into().put(Encoding::Text { version }, &mut bytes);
        let (body, used) = frame::split(&bytes).expect("a frame").expect("a whole frame");
        assert_eq!(used, bytes.len());
        let text = std::str::from_utf8(body).expect("text").strip_suffix('\0').expect("NUL ends the last field");
        let fields: Vec<String> = text.split('\0').map(str::to_owned).collect();
        let names = list.split_whitespace().filter_map(|name| present(name, version)).collect::<Vec<String>>();
        assert_eq!(fields.len(), names.len(), "version {version}: {:?}", names.iter().zip(&fields).collect::<Vec<_>>());
        Shown { names, fields }
    }

    fn get(&self, name: &str) -> &str {
        let at = self.names.iter().position(|other| other == name);
        &self.fields[at.unwrap_or_else(|| panic!("no field {name}"))]
    }

    fn expect(&self, values: &[(&str, &str)]) {
        for (name, value) in values {
            assert_eq!(self.get(name), *value, "{name}");
        }
    }
}

fn present(name: &str, version: i32) -> Option<String> {
    let bound = |mark: &str| name.split_once(mark).map(|(name, at)| (name, at.parse::<i32>().expect("a version")));
    match (bound(">="), bound("<")) {
        (Some((name, from)), _) => (version >= from).then(|| name.to_owned()),
        (_, Some((name, before))) => (version < before).then(|| name.to_owned()),
        (None, None) => Some(name.to_owned()),
    }
}

const OPEN_ORDER: &str = "id orderId CONTRACT action totalQuantity orderType lmtPrice auxPrice tif ocaGroup account \
    openClose origin orderRef clientId permId outsideRth hidden discretionaryAmt goodAfterTime sharesAllocation \
    faGroup faMethod faPercentage faProfile<177 modelCode goodTillDate rule80A percentOffset settlingFirm \
    shortSaleSlot designatedLocation exemptCode auctionStrategy startingPrice stockRefPrice delta stockRangeLower \
    stockRangeUpper displaySize blockOrder sweepToFill allOrNone minQty ocaType eTradeOnly firmQuoteOnly \
    nbboPriceCap parentId triggerMethod volatility volatilityType deltaNeutralOrderType deltaNeutralAuxPrice \
    dnConId dnSettlingFirm dnClearingAccount dnClearingIntent dnOpenClose dnShortSale dnShortSaleSlot \
    dnDesignatedLocation continuousUpdate referencePriceType trailStopPrice trailingPercent basisPoints \
    basisPointsType comboLegsDescrip nComboLegs nOrderComboLegs nSmartParams scaleInit scaleSubs scaleIncrement \
    hedgeType optOutSmartRouting clearingAccount clearingIntent notHeld dncPresent algoStrategy solicited whatIf \
    status initBefore maintBefore equityBefore initChange maintChange equityChange initAfter maintAfter equityAfter \
    commission minCommission maxCommission commissionCurrency warningText randomizeSize randomizePrice nConditions \
    adjustedOrderType triggerPrice adjTrailStopPrice lmtPriceOffset adjustedStopPrice adjustedStopLimitPrice \
    adjustedTrailingAmount adjustableTrailingUnit softDollarName softDollarValue softDollarDisplay cashQty \
    dontUseAutoPriceForHedge isOmsContainer discretionaryUpToLimitPrice usePriceMgmtAlgo duration>=159 \
    postToAts>=160 autoCancelParent>=162 minTradeQty>=170 minCompeteSize>=170 competeAgainstBestOffset>=170 \
    midOffsetAtWhole>=170 midOffsetAtHalf>=170";

#[test]
fn an_open_order_has_the_documented_fields_at_every_version() {
    let state = OrderState {
        status: Some("Submitted".to_owned()),
        commission_and_fees_currency: Some("USD".to_owned()),
        ..OrderState::default()
    };
    let open =
        OpenOrder { order_id: Some(7), contract: Some(contract()), order: Some(order()), order_state: Some(state) };
    for version in VERSIONS {
        let shown = Shown::new(open.clone(), version, &OPEN_ORDER.replace("CONTRACT", CONTRACT_11));
        shown.expect(&[("id", "5"), ("orderId", "7"), ("conId", "515416632"), ("expiry", "20261218")]);
        shown.expect(&[("multiplier", "50"), ("localSymbol", "ESZ6"), ("action", "SELL"), ("totalQuantity", "2")]);
        shown.expect(&[("orderType", "STP LMT"), ("lmtPrice", "4990.25"), ("auxPrice", "4991.0"), ("tif", "GTC")]);
        shown.expect(&[("ocaGroup", "group"), ("account", "DU1"), ("orderRef", "ref"), ("clientId", "3")]);
        shown.expect(&[("permId", "2400000001"), ("outsideRth", "1"), ("exemptCode", "-1"), ("ocaType", "2")]);
        shown.expect(&[("parentId", "6"), ("deltaNeutralOrderType", "None"), ("dnOpenClose", "?"), ("whatIf", "0")]);
        shown.expect(&[("clearingIntent", "IB"), ("status", "Submitted"), ("initBefore", UNSET_DOUBLE)]);
        shown.expect(&[("commission", UNSET_DOUBLE), ("commissionCurrency", "USD"), ("nConditions", "0")]);
        shown.expect(&[("nComboLegs", "0"), ("nOrderComboLegs", "0"), ("nSmartParams", "0"), ("dncPresent", "0")]);
        shown.expect(&[("adjustedOrderType", "None"), ("cashQty", "0.0"), ("usePriceMgmtAlgo", "0")]);
    }
}

const COMPLETED_ORDER: &str = "id CONTRACT action totalQuantity orderType lmtPrice auxPrice tif ocaGroup account \
    openClose origin orderRef permId outsideRth hidden discretionaryAmt goodAfterTime faGroup faMethod faPercentage \
    faProfile<177 modelCode goodTillDate rule80A percentOffset settlingFirm shortSaleSlot designatedLocation \
    exemptCode startingPrice stockRefPrice delta stockRangeLower stockRangeUpper displaySize sweepToFill allOrNone \
    minQty ocaType triggerMethod volatility volatilityType deltaNeutralOrderType deltaNeutralAuxPrice dnConId \
    dnShortSale dnShortSaleSlot dnDesignatedLocation continuousUpdate referencePriceType trailStopPrice \
    trailingPercent comboLegsDescrip nComboLegs nOrderComboLegs nSmartParams scaleInit scaleSubs scaleIncrement \
    hedgeType clearingAccount clearingIntent notHeld dncPresent algoStrategy solicited status randomizeSize \
    randomizePrice nConditions adjTrailStopPrice lmtPriceOffset cashQty dontUseAutoPriceForHedge isOmsContainer \
    autoCancelDate filledQuantity refFuturesConId autoCancelParent shareholder imbalanceOnly routeMarketableToBbo \
    parentPermId completedTime completedStatus minTradeQty>=170 minCompeteSize>=170 competeAgainstBestOffset>=170 \
    midOffsetAtWhole>=170 midOffsetAtHalf>=170";

#[test]
fn a_completed_order_has_the_documented_fields_at_every_version() {
    let state = OrderState {
        status: Some("Cancelled".to_owned()),
        completed_time: Some("20261123 09:00:00 US/Central".to_owned()),
        completed_status: Some("Cancelled by Trader".to_owned()),
        ..OrderState::default()
    };
    let done = CompletedOrder { contract: Some(contract()), order: Some(order()), order_state: Some(state) };
    for version in VERSIONS {
        let shown = Shown::new(done.clone(), version, &COMPLETED_ORDER.replace("CONTRACT", CONTRACT_11));
        shown.expect(&[("id", "101"), ("symbol", "ES"), ("permId", "2400000001"), ("ocaType", "2")]);
        shown.expect(&[("status", "Cancelled"), ("filledQuantity", "1"), ("parentPermId", "2400000000")]);
        shown.expect(&[("completedTime", "20261123 09:00:00 US/Central"), ("completedStatus", "Cancelled by Trader")]);
        shown.expect(&[("nConditions", "0"), ("dncPresent", "0"), ("deltaNeutralOrderType", "None")]);
    }
}

const CONTRACT_DATA: &str = "id version<164 reqId symbol secType expiry strike right exchange currency localSymbol \
    marketName tradingClass conId minTick mdSizeMultiplier<164 multiplier orderTypes validExchanges priceMagnifier \
    underConId longName primaryExchange contractMonth industry category subcategory timeZoneId tradingHours \
    liquidHours evRule evMultiplier nSecIds aggGroup underSymbol underSecType marketRuleIds realExpirationDate \
    stockType minSize>=164 sizeIncrement>=164 suggestedSizeIncrement>=164";

#[test]
fn contract_details_have_the_documented_fields_at_every_version() {
    let details = ContractDetails {
        min_tick: Some("0.25".to_owned()),
        market_rule_ids: Some("67".to_owned()),
        trading_hours: Some("20261123:1700-20261124:1600".to_owned()),
        min_size: Some("1".to_owned()),
        ..ContractDetails::default()
    };
    let data = ContractData { req_id: Some(9), contract: Some(contract()), contract_details: Some(details) };
    for version in VERSIONS {
        let shown = Shown::new(data.clone(), version, CONTRACT_DATA);
        shown.expect(&[("id", "10"), ("reqId", "9"), ("symbol", "ES"), ("conId", "515416632"), ("minTick", "0.25")]);
        shown.expect(&[("multiplier", "50"), ("marketRuleIds", "67"), ("nSecIds", "0")]);
        shown.expect(&[("tradingHours", "20261123:1700-20261124:1600"), ("evMultiplier", "0")]);
    }
}

const EXECUTION: &str = "id reqId orderId CONTRACT execId time acctNumber execExchange side shares price permId \
    clientId liquidation cumQty avgPrice orderRef evRule evMultiplier modelCode lastLiquidity pendingPriceRevision>=178";

#[test]
fn executions_and_commissions_have_the_documented_fields() {
    let execution = Execution {
        exec_id: Some("0000e1a7.6b0373b5.02.01".to_owned()),
        side: Some("BOT".to_owned()),
        shares: Some("2".to_owned()),
        price: Some(5000.25),
        order_ref: Some("ref".to_owned()),
        ..Execution::default()
    };
    let details = ExecutionDetails { req_id: Some(-1), contract: Some(contract()), execution: Some(execution) };
    for version in VERSIONS {
        let shown = Shown::new(details.clone(), version, &EXECUTION.replace("CONTRACT", CONTRACT_11));
        shown.expect(&[("id", "11"), ("reqId", "-1"), ("side", "BOT"), ("price", "5000.25"), ("orderRef", "ref")]);
        let list = "id version execId commission currency realizedPNL yield yieldRedemptionDate";
        let report = CommissionAndFeesReport { commission_and_fees: Some(2.25), ..CommissionAndFeesReport::default() };
        let shown = Shown::new(report, version, list);
        shown.expect(&[("id", "59"), ("commission", "2.25"), ("realizedPNL", UNSET_DOUBLE)]);
    }
}

/// A limit order as text clients send it: each field empty or zero, except the ones named here by position.
pub fn limit_order(version: i32, order_id: i32) -> Vec<String> {
    let total = match version {
        157 => 110,
        176 => 115,
        _ => 114,
    };
    let mut fields = vec![String::new(); total];
    let id = order_id.to_string();
    let head = [(0, "3"), (1, id.as_str()), (3, "ES"), (4, "FUT"), (5, "202612"), (9, "CME"), (16, "BUY"), (17, "2")];
    let body = [(18, "LMT"), (19, "4990.25"), (21, "DAY"), (22, "group"), (25, "0"), (26, "ref"), (27, "1"), (28, "0")];
    for (at, value) in head.into_iter().chain(body) {
        fields[at] = value.to_owned();
    }
    let shift = usize::from(version < 177);
    for (at, value) in [(46, "2"), (81, "0"), (84, "0"), (89, "0")] {
        fields[at + shift] = value.to_owned();
    }
    fields
}

fn decode(version: i32, fields: &[String]) -> Request {
    let body = fields.join("\0") + "\0";
    Request::decode(Encoding::Text { version }, body.as_bytes()).expect("a request")
}

#[test]
fn an_order_in_text_is_read_at_every_version() {
    for version in VERSIONS {
        let Request::PlaceOrder(request) = decode(version, &limit_order(version, 7)) else { panic!("another request") };
        let (contract, order) = (request.contract.expect("a contract"), request.order.expect("an order"));
        assert_eq!(request.order_id, Some(7));
        assert_eq!((contract.symbol.as_deref(), contract.exchange.as_deref()), (Some("ES"), Some("CME")));
        assert_eq!((order.action.as_deref(), order.total_quantity.as_deref()), (Some("BUY"), Some("2")));
        assert_eq!((order.lmt_price, order.aux_price), (Some(4990.25), None));
        assert_eq!((order.oca_group.as_deref(), order.oca_type), (Some("group"), Some(2)));
        assert_eq!((order.transmit, order.order_ref.as_deref()), (Some(true), Some("ref")));
        assert_eq!((order.what_if, order.conditions.len()), (Some(false), 0));
    }
}

#[test]
fn optional_parts_of_an_order_in_text_shift_the_rest() {
    for version in VERSIONS {
        let mut fields = limit_order(version, 7);
        let shift = usize::from(version < 177);
        fields[84 + shift] = "1".to_owned(); // whatIf
        fields[82 + shift] = "Twap".to_owned(); // algoStrategy, with one parameter
        fields.splice(83 + shift..83 + shift, ["1", "tag", "value"].map(str::to_owned));
        fields[64 + shift] = "None".to_owned(); // deltaNeutralOrderType, with its eight fields
        fields.splice(66 + shift..66 + shift, vec![String::new(); 8]);
        let Request::PlaceOrder(request) = decode(version, &fields) else { panic!("another request") };
        let order = request.order.expect("an order");
        assert_eq!((order.algo_strategy.as_deref(), order.what_if), (Some("Twap"), Some(true)));
    }
}

/// The tick as the schema describes it, to check the encoding that is written by hand.
#[derive(Clone, PartialEq, prost::Message)]
struct TickByTick {
    #[prost(int32, optional, tag = "1")]
    req_id: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    tick_type: Option<i32>,
    #[prost(message, optional, tag = "3")]
    last: Option<LastTick>,
    #[prost(message, optional, tag = "4")]
    bid_ask: Option<BidAskTick>,
    #[prost(message, optional, tag = "5")]
    middle: Option<MiddleTick>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Attributes {
    #[prost(bool, optional, tag = "1")]
    first: Option<bool>,
    #[prost(bool, optional, tag = "2")]
    second: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct LastTick {
    #[prost(int64, optional, tag = "1")]
    time: Option<i64>,
    #[prost(message, optional, tag = "2")]
    attributes: Option<Attributes>,
    #[prost(double, optional, tag = "3")]
    price: Option<f64>,
    #[prost(string, optional, tag = "4")]
    size: Option<String>,
    #[prost(string, optional, tag = "5")]
    exchange: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct BidAskTick {
    #[prost(int64, optional, tag = "1")]
    time: Option<i64>,
    #[prost(message, optional, tag = "2")]
    attributes: Option<Attributes>,
    #[prost(double, optional, tag = "3")]
    bid: Option<f64>,
    #[prost(double, optional, tag = "4")]
    ask: Option<f64>,
    #[prost(string, optional, tag = "5")]
    bid_size: Option<String>,
    #[prost(string, optional, tag = "6")]
    ask_size: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct MiddleTick {
    #[prost(int64, optional, tag = "1")]
    time: Option<i64>,
    #[prost(double, optional, tag = "2")]
    price: Option<f64>,
    #[prost(string, optional, tag = "3")]
    size: Option<String>,
}

/// One frame's body in protobuf, decoded by the derived message.
fn ticked(req_id: i32, kind: TickKind, tick: &Tick<'_>) -> TickByTick {
    let (mut prefix, mut body, mut out) = (Vec::new(), Vec::new(), Vec::new());
    put_prefix(&mut prefix, Encoding::Protobuf { version: 225 }, req_id, kind);
    put_protobuf_body(&mut body, &mut Vec::new(), tick);
    put_frame(&mut out, &prefix, &body);
    let (frame, _) = frame::split(&out).expect("a frame").expect("a whole frame");
    assert_eq!(frame[..4], 299_i32.to_be_bytes());
    let decoded = TickByTick::decode(&frame[4..]).expect("protobuf");
    assert_eq!(decoded.encode_to_vec(), frame[4..], "the same bytes as the derived encoding");
    decoded
}

proptest! {
    #[test]
    fn ticks_written_by_hand_are_what_the_schema_says(
        req_id: i32, time: i64, price: f64, other: f64, size: u32, more: u32, exchange in "[A-Z]{0,8}",
    ) {
        let last = ticked(req_id, TickKind::AllLast, &Tick::Last { time, price, size, exchange: &exchange });
        prop_assert_eq!((last.req_id, last.tick_type), (Some(req_id), Some(2)));
        let tick = last.last.expect("a trade");
        prop_assert_eq!(tick.price.map(f64::to_bits), Some(price.to_bits()));
        prop_assert_eq!((tick.time, tick.size, tick.exchange), (Some(time), Some(size.to_string()), Some(exchange)));
        let (bid, ask) = (price, other);
        let quote = Tick::BidAsk { time, bid, ask, bid_size: size, ask_size: more };
        let tick = ticked(req_id, TickKind::BidAsk, &quote).bid_ask.expect("a quote");
        prop_assert_eq!((tick.bid_size, tick.ask_size), (Some(size.to_string()), Some(more.to_string())));
        let middle = ticked(req_id, TickKind::MidPoint, &Tick::MidPoint { time, price: 1.5 }).middle;
        prop_assert_eq!(middle.expect("a middle").price, Some(1.5));
    }

    #[test]
    fn no_body_makes_a_decoder_panic(body in prop::collection::vec(any::<u8>(), 0..400)) {
        for encoding in [Encoding::Text { version: 157 }, Encoding::Text { version: 178 }, Encoding::Protobuf { version: 225 }] {
            drop(Request::decode(encoding, &body));
        }
        drop(handshake::read_offer(&body));
        if let Ok(Some((inner, used))) = frame::split(&body) {
            prop_assert!(inner.len() + 4 == used && used <= body.len());
        }
    }

    #[test]
    fn no_fields_after_a_known_id_make_a_decoder_panic(
        id in 1i32..110,
        fields in prop::collection::vec("(|0|1|-1|[0-9]{1,11}|BAG|None|[ -~]{0,6})", 0..130),
        payload in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let text = format!("{id}\0{}\0", fields.join("\0"));
        for version in VERSIONS {
            drop(Request::decode(Encoding::Text { version }, text.as_bytes()));
        }
        let mut protobuf = (id + 200).to_be_bytes().to_vec();
        protobuf.extend(payload);
        drop(Request::decode(Encoding::Protobuf { version: 225 }, &protobuf));
    }

    #[test]
    fn whatever_is_announced_lies_in_the_offer_and_in_one_encoding(min in 0i32..300, max in 0i32..300) {
        match Encoding::negotiate(min, max) {
            None => {}
            Some(Encoding::Text { version }) => prop_assert!(min <= version && version <= max && version <= 178),
            Some(Encoding::Protobuf { version }) => prop_assert!(min <= version && version <= max && version >= 213),
        }
    }
}

#[test]
fn ticks_in_text_have_the_documented_fields() {
    let text = |req_id, kind, tick: &Tick<'_>| {
        let (mut prefix, mut body) = (Vec::new(), Vec::new());
        put_prefix(&mut prefix, Encoding::Text { version: 178 }, req_id, kind);
        put_text_body(&mut body, tick);
        prefix.extend(body);
        String::from_utf8(prefix).expect("text").replace('\0', "|")
    };
    let last = Tick::Last { time: 9, price: 5000.25, size: 3, exchange: "CME" };
    assert_eq!(text(5, TickKind::Last, &last), "99|5|1|9|5000.25|3|0|CME||");
    let quote = Tick::BidAsk { time: 9, bid: 5000.0, ask: 5000.25, bid_size: 3, ask_size: 4 };
    assert_eq!(text(5, TickKind::BidAsk, &quote), "99|5|3|9|5000.0|5000.25|3|4|0|");
    assert_eq!(text(5, TickKind::MidPoint, &Tick::MidPoint { time: 9, price: 5000.125 }), "99|5|4|9|5000.125|");
}

#[test]
fn a_nul_in_a_value_cannot_shift_the_fields() {
    let mut order = order();
    order.order_ref = Some("a\0b".to_owned());
    let open = OpenOrder { order_id: Some(7), contract: Some(contract()), order: Some(order), order_state: None };
    Shown::new(open, 178, &OPEN_ORDER.replace("CONTRACT", CONTRACT_11))
        .expect(&[("orderRef", "ab"), ("permId", "2400000001")]);
}
