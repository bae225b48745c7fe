//! The order itself and the request that places or modifies one. In: both encodings. Out: typed messages.
//! Absent: whether the order is acceptable. Only the fields that this gateway acts on or shows are kept.

use crate::wire::Ask;
use crate::wire::contract::Contract;
use crate::wire::fields::{DecodeError, Fields};

#[derive(Clone, PartialEq, prost::Message)]
pub struct PlaceOrderRequest {
    #[prost(int32, optional, tag = "1")]
    pub order_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub contract: Option<Contract>,
    #[prost(message, optional, tag = "3")]
    pub order: Option<Order>,
    #[prost(message, optional, tag = "4")]
    pub attached_orders: Option<AttachedOrders>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct AttachedOrders {
    #[prost(int32, optional, tag = "1")]
    pub sl_order_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub sl_order_type: Option<String>,
    #[prost(int32, optional, tag = "3")]
    pub pt_order_id: Option<i32>,
    #[prost(string, optional, tag = "4")]
    pub pt_order_type: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Order {
    #[prost(int32, optional, tag = "1")]
    pub client_id: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    pub order_id: Option<i32>,
    #[prost(int64, optional, tag = "3")]
    pub perm_id: Option<i64>,
    #[prost(int32, optional, tag = "4")]
    pub parent_id: Option<i32>,
    #[prost(string, optional, tag = "5")]
    pub action: Option<String>,
    #[prost(string, optional, tag = "6")]
    pub total_quantity: Option<String>,
    #[prost(int32, optional, tag = "7")]
    pub display_size: Option<i32>,
    #[prost(string, optional, tag = "8")]
    pub order_type: Option<String>,
    #[prost(double, optional, tag = "9")]
    pub lmt_price: Option<f64>,
    #[prost(double, optional, tag = "10")]
    pub aux_price: Option<f64>,
    #[prost(string, optional, tag = "11")]
    pub tif: Option<String>,
    #[prost(string, optional, tag = "12")]
    pub account: Option<String>,
    #[prost(bool, optional, tag = "16")]
    pub all_or_none: Option<bool>,
    #[prost(bool, optional, tag = "18")]
    pub hidden: Option<bool>,
    #[prost(bool, optional, tag = "19")]
    pub outside_rth: Option<bool>,
    #[prost(int32, optional, tag = "24")]
    pub min_qty: Option<i32>,
    #[prost(string, optional, tag = "25")]
    pub good_after_time: Option<String>,
    #[prost(string, optional, tag = "26")]
    pub good_till_date: Option<String>,
    #[prost(string, optional, tag = "27")]
    pub oca_group: Option<String>,
    #[prost(string, optional, tag = "28")]
    pub order_ref: Option<String>,
    #[prost(int32, optional, tag = "30")]
    pub oca_type: Option<i32>,
    #[prost(int32, optional, tag = "31")]
    pub trigger_method: Option<i32>,
    #[prost(string, optional, tag = "61")]
    pub algo_strategy: Option<String>,
    #[prost(bool, optional, tag = "65")]
    pub what_if: Option<bool>,
    #[prost(bool, optional, tag = "66")]
    pub transmit: Option<bool>,
    #[prost(string, optional, tag = "68")]
    pub open_close: Option<String>,
    #[prost(int32, optional, tag = "69")]
    pub origin: Option<i32>,
    #[prost(double, optional, tag = "76")]
    pub discretionary_amt: Option<f64>,
    #[prost(double, optional, tag = "22")]
    pub trailing_percent: Option<f64>,
    #[prost(double, optional, tag = "23")]
    pub trail_stop_price: Option<f64>,
    #[prost(string, optional, tag = "93")]
    pub adjusted_order_type: Option<String>,
    /// The price at which an adjustable stop is adjusted.
    #[prost(double, optional, tag = "94")]
    pub trigger_price: Option<f64>,
    #[prost(double, optional, tag = "95")]
    pub adjusted_stop_price: Option<f64>,
    #[prost(double, optional, tag = "96")]
    pub adjusted_stop_limit_price: Option<f64>,
    #[prost(double, optional, tag = "97")]
    pub adjusted_trailing_amount: Option<f64>,
    /// 0 an amount, 100 a percentage.
    #[prost(int32, optional, tag = "98")]
    pub adjustable_trailing_unit: Option<i32>,
    #[prost(double, optional, tag = "99")]
    pub lmt_price_offset: Option<f64>,
    #[prost(bool, optional, tag = "17")]
    pub block_order: Option<bool>,
    #[prost(bool, optional, tag = "20")]
    pub sweep_to_fill: Option<bool>,
    #[prost(string, optional, tag = "34")]
    pub fa_group: Option<String>,
    #[prost(double, optional, tag = "50")]
    pub scale_price_increment: Option<f64>,
    #[prost(string, optional, tag = "59")]
    pub hedge_type: Option<String>,
    #[prost(bool, optional, tag = "83")]
    pub not_held: Option<bool>,
    #[prost(bool, optional, tag = "86")]
    pub randomize_size: Option<bool>,
    #[prost(bool, optional, tag = "87")]
    pub randomize_price: Option<bool>,
    #[prost(string, optional, tag = "103")]
    pub model_code: Option<String>,
    #[prost(double, optional, tag = "106")]
    pub cash_qty: Option<f64>,
    #[prost(int32, optional, tag = "123")]
    pub duration: Option<i32>,
    #[prost(message, repeated, tag = "100")]
    pub conditions: Vec<OrderCondition>,
    #[prost(string, optional, tag = "115")]
    pub filled_quantity: Option<String>,
    #[prost(bool, optional, tag = "117")]
    pub auto_cancel_parent: Option<bool>,
    #[prost(int64, optional, tag = "121")]
    pub parent_perm_id: Option<i64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct OrderCondition {
    /// 1 price, 3 time, 4 margin, 5 execution, 6 volume, 7 percent change.
    #[prost(int32, optional, tag = "1")]
    pub r#type: Option<i32>,
}

impl Ask for PlaceOrderRequest {
    const ID: i32 = 3;
    const NAME: &'static str = "placeOrder";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        let order_id = fields.int("orderId")?;
        let mut contract = Contract::from_text(fields)?;
        contract.sec_id_type = fields.text("secIdType")?;
        contract.sec_id = fields.text("secId")?;
        let mut order = main_fields(fields)?;
        if contract.sec_type.as_deref() == Some("BAG") {
            skip_combo(fields)?;
        }
        extended_fields(fields, &mut order)?;
        pegs_and_scales(fields, &mut order)?;
        processing_fields(fields, &mut order)?;
        Ok(Self { order_id, contract: Some(contract), order: Some(order), attached_orders: None })
    }
}

fn main_fields(fields: &mut Fields<'_>) -> Result<Order, DecodeError> {
    let mut order = Order {
        action: fields.text("action")?,
        total_quantity: fields.text("totalQuantity")?,
        order_type: fields.text("orderType")?,
        lmt_price: fields.double("lmtPrice")?,
        aux_price: fields.double("auxPrice")?,
        tif: fields.text("tif")?,
        oca_group: fields.text("ocaGroup")?,
        account: fields.text("account")?,
        open_close: fields.text("openClose")?,
        origin: fields.int("origin")?,
        order_ref: fields.text("orderRef")?,
        transmit: fields.flag("transmit")?,
        parent_id: fields.int("parentId")?,
        ..Order::default()
    };
    order.block_order = fields.flag("blockOrder")?;
    order.sweep_to_fill = fields.flag("sweepToFill")?;
    order.display_size = fields.int("displaySize")?;
    order.trigger_method = fields.int("triggerMethod")?;
    order.outside_rth = fields.flag("outsideRth")?;
    order.hidden = fields.flag("hidden")?;
    Ok(order)
}

fn skip_combo(fields: &mut Fields<'_>) -> Result<(), DecodeError> {
    let legs = fields.count("comboLegs")?;
    fields.skip(legs * 8, "comboLegs")?;
    let prices = fields.count("orderComboLegs")?;
    fields.skip(prices, "orderComboLegs")?;
    let params = fields.count("smartComboRoutingParams")?;
    fields.skip(params * 2, "smartComboRoutingParams")
}

fn extended_fields(fields: &mut Fields<'_>, order: &mut Order) -> Result<(), DecodeError> {
    fields.skip(1, "sharesAllocation")?;
    order.discretionary_amt = fields.double("discretionaryAmt")?;
    order.good_after_time = fields.text("goodAfterTime")?;
    order.good_till_date = fields.text("goodTillDate")?;
    order.fa_group = fields.text("faGroup")?;
    fields.skip(if fields.version < 177 { 3 } else { 2 }, "faMethod, faPercentage, faProfile")?;
    order.model_code = fields.text("modelCode")?;
    fields.skip(3, "shortSaleSlot, designatedLocation, exemptCode")?;
    order.oca_type = fields.int("ocaType")?;
    fields.skip(2, "rule80A, settlingFirm")?;
    order.all_or_none = fields.flag("allOrNone")?;
    order.min_qty = fields.int("minQty")?;
    fields.skip(13, "percentOffset to volatilityType")
}

/// Of these only the trailing stop matters for futures.
fn pegs_and_scales(fields: &mut Fields<'_>, order: &mut Order) -> Result<(), DecodeError> {
    let delta_neutral = fields.text("deltaNeutralOrderType")?;
    fields.skip(1, "deltaNeutralAuxPrice")?;
    if delta_neutral.is_some() {
        fields.skip(8, "delta neutral order")?;
    }
    fields.skip(2, "continuousUpdate, referencePriceType")?;
    order.trail_stop_price = fields.double("trailStopPrice")?;
    order.trailing_percent = fields.double("trailingPercent")?;
    fields.skip(2, "scaleInitLevelSize, scaleSubsLevelSize")?;
    order.scale_price_increment = fields.double("scalePriceIncrement")?;
    if order.scale_price_increment.is_some_and(|step| step > 0.0) {
        fields.skip(7, "scale order")?;
    }
    fields.skip(3, "scaleTable, activeStartTime, activeStopTime")?;
    order.hedge_type = fields.text("hedgeType")?;
    if order.hedge_type.is_some() {
        fields.skip(1, "hedgeParam")?;
    }
    fields.skip(3, "optOutSmartRouting, clearingAccount, clearingIntent")?;
    order.not_held = fields.flag("notHeld")?;
    if fields.flag("deltaNeutralContract")? == Some(true) {
        fields.skip(3, "deltaNeutralContract")?;
    }
    Ok(())
}

/// Algo, what-if, conditions, adjustable stops and the rest, as far as it changes what is executed.
fn processing_fields(fields: &mut Fields<'_>, order: &mut Order) -> Result<(), DecodeError> {
    order.algo_strategy = fields.text("algoStrategy")?;
    if order.algo_strategy.is_some() {
        let params = fields.count("algoParams")?;
        fields.skip(params * 2, "algoParams")?;
    }
    fields.skip(1, "algoId")?;
    order.what_if = fields.flag("whatIf")?;
    fields.skip(2, "orderMiscOptions, solicited")?;
    order.randomize_size = fields.flag("randomizeSize")?;
    order.randomize_price = fields.flag("randomizePrice")?;
    if matches!(order.order_type.as_deref(), Some("PEG BENCH" | "PEGBENCH")) {
        fields.skip(5, "pegged to benchmark")?;
    }
    let conditions = fields.count("conditions")?;
    order.conditions = vec![OrderCondition::default(); conditions];
    // An order with conditions is refused, and its conditions have as many fields as their kinds want.
    if conditions == 0 { adjusted_fields(fields, order) } else { Ok(()) }
}

fn adjusted_fields(fields: &mut Fields<'_>, order: &mut Order) -> Result<(), DecodeError> {
    order.adjusted_order_type = fields.text("adjustedOrderType")?;
    order.trigger_price = fields.double("triggerPrice")?;
    order.lmt_price_offset = fields.double("lmtPriceOffset")?;
    order.adjusted_stop_price = fields.double("adjustedStopPrice")?;
    order.adjusted_stop_limit_price = fields.double("adjustedStopLimitPrice")?;
    order.adjusted_trailing_amount = fields.double("adjustedTrailingAmount")?;
    order.adjustable_trailing_unit = fields.int("adjustableTrailingUnit")?;
    last_fields(fields, order)
}

fn last_fields(fields: &mut Fields<'_>, order: &mut Order) -> Result<(), DecodeError> {
    fields.skip(3, "extOperator, softDollarTier")?;
    order.cash_qty = fields.double("cashQty")?;
    fields.skip(8, "mifid2DecisionMaker to usePriceMgmtAlgo")?;
    if fields.version >= 158 {
        order.duration = fields.int("duration")?;
    }
    Ok(())
}
