//! Responses in text against the documented lists of fields, by version.

use super::VERSIONS;
use crate::wire::contract::{Contract, ContractData, ContractDetails};
use crate::wire::execution::{CommissionAndFeesReport, Execution, ExecutionDetails};
use crate::wire::order::Order;
use crate::wire::order_report::{CompletedOrder, OpenOrder, OrderBound, OrderState};
use crate::wire::response::Response;
use crate::wire::{Encoding, UNSET_DOUBLE, frame};

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

#[test]
fn an_open_order_shows_margins_trailing_and_adjustable_parts_in_their_places() {
    let mut order = order();
    (order.trail_stop_price, order.trailing_percent, order.lmt_price_offset) = (Some(4980.5), Some(0.25), Some(0.5));
    (order.adjusted_order_type, order.trigger_price) = (Some("TRAIL".to_owned()), Some(5010.0));
    (order.adjusted_stop_price, order.adjusted_stop_limit_price) = (Some(5000.0), Some(4999.75));
    (order.adjusted_trailing_amount, order.adjustable_trailing_unit) = (Some(1.5), Some(100));
    order.what_if = Some(true);
    let state = OrderState {
        init_margin_before: Some(1.0),
        maint_margin_before: Some(2.0),
        equity_with_loan_before: Some(3.0),
        init_margin_change: Some(4.0),
        maint_margin_change: Some(5.0),
        equity_with_loan_change: Some(6.0),
        init_margin_after: Some(7.0),
        maint_margin_after: Some(8.0),
        equity_with_loan_after: Some(9.0),
        ..OrderState::default()
    };
    let open =
        OpenOrder { order_id: Some(7), contract: Some(contract()), order: Some(order), order_state: Some(state) };
    for version in VERSIONS {
        let shown = Shown::new(open.clone(), version, &OPEN_ORDER.replace("CONTRACT", CONTRACT_11));
        shown.expect(&[("initBefore", "1.0"), ("maintBefore", "2.0"), ("equityBefore", "3.0"), ("initChange", "4.0")]);
        shown.expect(&[("maintChange", "5.0"), ("equityChange", "6.0"), ("initAfter", "7.0"), ("maintAfter", "8.0")]);
        shown.expect(&[("equityAfter", "9.0"), ("whatIf", "1"), ("trailStopPrice", "4980.5")]);
        shown.expect(&[("trailingPercent", "0.25"), ("adjustedOrderType", "TRAIL"), ("triggerPrice", "5010.0")]);
        shown.expect(&[("adjTrailStopPrice", "4980.5"), ("lmtPriceOffset", "0.5"), ("adjustedStopPrice", "5000.0")]);
        shown.expect(&[("adjustedStopLimitPrice", "4999.75"), ("adjustedTrailingAmount", "1.5")]);
        shown.expect(&[("adjustableTrailingUnit", "100")]);
    }
}

#[test]
fn a_bound_order_names_its_ids() {
    let bound = OrderBound { perm_id: Some(2_400_000_001), client_id: Some(0), order_id: Some(-2) };
    for version in VERSIONS {
        let shown = Shown::new(bound.clone(), version, "id permId clientId orderId");
        shown.expect(&[("id", "100"), ("permId", "2400000001"), ("clientId", "0"), ("orderId", "-2")]);
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

#[test]
fn a_nul_in_a_value_cannot_shift_the_fields() {
    let mut order = order();
    order.order_ref = Some("a\0b".to_owned());
    let open = OpenOrder { order_id: Some(7), contract: Some(contract()), order: Some(order), order_state: None };
    Shown::new(open, 178, &OPEN_ORDER.replace("CONTRACT", CONTRACT_11))
        .expect(&[("orderRef", "ab"), ("permId", "2400000001")]);
}
