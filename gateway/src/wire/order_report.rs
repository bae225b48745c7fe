//! What the gateway says about orders: open orders, their status, completed orders. In: typed. Out: both encodings.

use crate::wire::contract::Contract;
use crate::wire::order::Order;
use crate::wire::writer::TextWriter;
use crate::wire::{Reply, UNSET_DOUBLE};

#[derive(Clone, PartialEq, prost::Message)]
pub struct OrderState {
    #[prost(string, optional, tag = "1")]
    pub status: Option<String>,
    #[prost(double, optional, tag = "2")]
    pub init_margin_before: Option<f64>,
    #[prost(double, optional, tag = "3")]
    pub maint_margin_before: Option<f64>,
    #[prost(double, optional, tag = "4")]
    pub equity_with_loan_before: Option<f64>,
    #[prost(double, optional, tag = "5")]
    pub init_margin_change: Option<f64>,
    #[prost(double, optional, tag = "6")]
    pub maint_margin_change: Option<f64>,
    #[prost(double, optional, tag = "7")]
    pub equity_with_loan_change: Option<f64>,
    #[prost(double, optional, tag = "8")]
    pub init_margin_after: Option<f64>,
    #[prost(double, optional, tag = "9")]
    pub maint_margin_after: Option<f64>,
    #[prost(double, optional, tag = "10")]
    pub equity_with_loan_after: Option<f64>,
    #[prost(double, optional, tag = "11")]
    pub commission_and_fees: Option<f64>,
    #[prost(string, optional, tag = "14")]
    pub commission_and_fees_currency: Option<String>,
    #[prost(string, optional, tag = "15")]
    pub margin_currency: Option<String>,
    #[prost(double, optional, tag = "16")]
    pub init_margin_before_outside_rth: Option<f64>,
    #[prost(double, optional, tag = "17")]
    pub maint_margin_before_outside_rth: Option<f64>,
    #[prost(double, optional, tag = "18")]
    pub equity_with_loan_before_outside_rth: Option<f64>,
    #[prost(double, optional, tag = "19")]
    pub init_margin_change_outside_rth: Option<f64>,
    #[prost(double, optional, tag = "20")]
    pub maint_margin_change_outside_rth: Option<f64>,
    #[prost(double, optional, tag = "21")]
    pub equity_with_loan_change_outside_rth: Option<f64>,
    #[prost(double, optional, tag = "22")]
    pub init_margin_after_outside_rth: Option<f64>,
    #[prost(double, optional, tag = "23")]
    pub maint_margin_after_outside_rth: Option<f64>,
    #[prost(double, optional, tag = "24")]
    pub equity_with_loan_after_outside_rth: Option<f64>,
    #[prost(string, optional, tag = "26")]
    pub reject_reason: Option<String>,
    #[prost(string, optional, tag = "28")]
    pub warning_text: Option<String>,
    #[prost(string, optional, tag = "29")]
    pub completed_time: Option<String>,
    #[prost(string, optional, tag = "30")]
    pub completed_status: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct OpenOrder {
    #[prost(int32, optional, tag = "1")]
    pub order_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub contract: Option<Contract>,
    #[prost(message, optional, tag = "3")]
    pub order: Option<Order>,
    #[prost(message, optional, tag = "4")]
    pub order_state: Option<OrderState>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct OpenOrdersEnd {}

#[derive(Clone, PartialEq, prost::Message)]
pub struct OrderStatus {
    #[prost(int32, optional, tag = "1")]
    pub order_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub status: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub filled: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub remaining: Option<String>,
    #[prost(double, optional, tag = "5")]
    pub avg_fill_price: Option<f64>,
    #[prost(int64, optional, tag = "6")]
    pub perm_id: Option<i64>,
    #[prost(int32, optional, tag = "7")]
    pub parent_id: Option<i32>,
    #[prost(double, optional, tag = "8")]
    pub last_fill_price: Option<f64>,
    #[prost(int32, optional, tag = "9")]
    pub client_id: Option<i32>,
    #[prost(string, optional, tag = "10")]
    pub why_held: Option<String>,
    #[prost(double, optional, tag = "11")]
    pub mkt_cap_price: Option<f64>,
}

/// An order from outside the API has got an order id.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OrderBound {
    #[prost(int64, optional, tag = "1")]
    pub perm_id: Option<i64>,
    #[prost(int32, optional, tag = "2")]
    pub client_id: Option<i32>,
    #[prost(int32, optional, tag = "3")]
    pub order_id: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct CompletedOrder {
    #[prost(message, optional, tag = "1")]
    pub contract: Option<Contract>,
    #[prost(message, optional, tag = "2")]
    pub order: Option<Order>,
    #[prost(message, optional, tag = "3")]
    pub order_state: Option<OrderState>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct CompletedOrdersEnd {}

impl Reply for OpenOrder {
    const ID: i32 = 5;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        let order = self.order.clone().unwrap_or_default();
        let state = self.order_state.clone().unwrap_or_default();
        text.int_or_zero(self.order_id);
        self.contract.clone().unwrap_or_default().to_text(text);
        head_fields(text, &order);
        text.int_or_zero(order.client_id).int_or_zero(order.perm_id);
        text.flag(order.outside_rth).flag(order.hidden).double_or_zero(order.discretionary_amt);
        text.opt_text(&order.good_after_time).empty(1); // sharesAllocation
        allocation_fields(text, &order);
        text.int(0); // auctionStrategy
        text.empty(5); // startingPrice to stockRangeUpper
        text.opt_int(order.display_size).zeros(2).flag(order.all_or_none).opt_int(order.min_qty); // blockOrder, sweepToFill
        text.int_or_zero(order.oca_type).zeros(2).empty(1); // eTradeOnly, firmQuoteOnly, nbboPriceCap
        text.int_or_zero(order.parent_id).int_or_zero(order.trigger_method);
        text.empty(1).int(0); // volatility, volatilityType
        text.text("None").empty(1).int(0).empty(3).text("?").zeros(2).empty(1); // delta neutral order
        text.zeros(2).double_or_unset(order.trail_stop_price).double_or_unset(order.trailing_percent); // after continuousUpdate, referencePriceType
        text.empty(2); // basisPoints, basisPointsType
        combo_and_scale_fields(text);
        text.int(0); // optOutSmartRouting
        clearing_fields(text, &order);
        text.int(0).flag(order.what_if).opt_text(&state.status); // solicited
        margin_fields(text, &state);
        text.double(state.commission_and_fees.unwrap_or(f64::MAX)).text(UNSET_DOUBLE).text(UNSET_DOUBLE);
        text.opt_text(&state.commission_and_fees_currency).opt_text(&state.warning_text);
        text.zeros(2).int(0); // randomizeSize, randomizePrice, conditions
        adjusted_fields(text, &order);
        text.empty(3); // soft dollar tier
        text.double(0.0).zeros(4); // cashQty, dontUseAutoPriceForHedge to usePriceMgmtAlgo
        versioned_fields(text);
    }
}

/// Margins and equity before, change, after.
fn margin_fields(text: &mut TextWriter<'_>, state: &OrderState) {
    text.double_or_unset(state.init_margin_before).double_or_unset(state.maint_margin_before);
    text.double_or_unset(state.equity_with_loan_before).double_or_unset(state.init_margin_change);
    text.double_or_unset(state.maint_margin_change).double_or_unset(state.equity_with_loan_change);
    text.double_or_unset(state.init_margin_after).double_or_unset(state.maint_margin_after);
    text.double_or_unset(state.equity_with_loan_after);
}

/// adjustedOrderType to adjustableTrailingUnit.
fn adjusted_fields(text: &mut TextWriter<'_>, order: &Order) {
    text.text(order.adjusted_order_type.as_deref().unwrap_or("None"));
    text.double_or_unset(order.trigger_price).double_or_unset(order.trail_stop_price);
    text.double_or_unset(order.lmt_price_offset).double_or_unset(order.adjusted_stop_price);
    text.double_or_unset(order.adjusted_stop_limit_price).double_or_unset(order.adjusted_trailing_amount);
    text.int_or_zero(order.adjustable_trailing_unit);
}

/// From 159 on the open order grows by one field at a time.
fn versioned_fields(text: &mut TextWriter<'_>) {
    if text.version >= 159 {
        text.empty(1); // duration
    }
    if text.version >= 160 {
        text.empty(1); // postToAts
    }
    if text.version >= 162 {
        text.int(0); // autoCancelParent
    }
    peg_fields(text);
}

fn peg_fields(text: &mut TextWriter<'_>) {
    if text.version >= 170 {
        text.empty(5); // minTradeQty, minCompeteSize, competeAgainstBestOffset, midOffsetAtWhole, midOffsetAtHalf
    }
}

/// Action to orderRef, the same in open and completed orders.
fn head_fields(text: &mut TextWriter<'_>, order: &Order) {
    text.opt_text(&order.action).opt_text(&order.total_quantity).opt_text(&order.order_type);
    text.double_or_zero(order.lmt_price).double_or_zero(order.aux_price).opt_text(&order.tif);
    text.opt_text(&order.oca_group).opt_text(&order.account).opt_text(&order.open_close);
    text.int_or_zero(order.origin).opt_text(&order.order_ref);
}

/// faGroup to exemptCode, the same in open and completed orders.
fn allocation_fields(text: &mut TextWriter<'_>, order: &Order) {
    text.empty(if text.version < 177 { 4 } else { 3 }); // faGroup, faMethod, faPercentage, faProfile
    text.empty(1).opt_text(&order.good_till_date).empty(3); // modelCode, rule80A, percentOffset, settlingFirm
    text.int(0).empty(1).int(-1); // shortSaleSlot, designatedLocation, exemptCode
}

/// comboLegsDescrip to hedgeType: always empty for futures.
fn combo_and_scale_fields(text: &mut TextWriter<'_>) {
    text.empty(1).zeros(3).empty(3).empty(1);
}

/// clearingAccount to algoStrategy.
fn clearing_fields(text: &mut TextWriter<'_>, order: &Order) {
    text.empty(1).text("IB").zeros(2).opt_text(&order.algo_strategy); // notHeld, deltaNeutralContract
}

impl Reply for CompletedOrder {
    const ID: i32 = 101;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        let order = self.order.clone().unwrap_or_default();
        let state = self.order_state.clone().unwrap_or_default();
        self.contract.clone().unwrap_or_default().to_text(text);
        head_fields(text, &order);
        text.int_or_zero(order.perm_id).flag(order.outside_rth).flag(order.hidden);
        text.double_or_zero(order.discretionary_amt).opt_text(&order.good_after_time);
        allocation_fields(text, &order);
        text.empty(5); // startingPrice to stockRangeUpper
        text.opt_int(order.display_size).int(0).flag(order.all_or_none).opt_int(order.min_qty); // sweepToFill
        text.int_or_zero(order.oca_type).int_or_zero(order.trigger_method);
        text.empty(1).int(0); // volatility, volatilityType
        text.text("None").empty(1).int(0).zeros(2).empty(1); // delta neutral order
        text.zeros(2).double_or_unset(order.trail_stop_price).double_or_unset(order.trailing_percent); // after continuousUpdate, referencePriceType
        combo_and_scale_fields(text);
        clearing_fields(text, &order);
        text.int(0).opt_text(&state.status).zeros(2).int(0); // solicited; randomizeSize, randomizePrice, conditions
        text.double_or_unset(order.trail_stop_price).double_or_unset(order.lmt_price_offset);
        text.double(0.0).zeros(2).empty(1); // cashQty to autoCancelDate
        text.opt_text(&order.filled_quantity).int(0).int(0).empty(1).int(0); // refFuturesConId to imbalanceOnly
        text.empty(1).int_or_zero(order.parent_perm_id); // routeMarketableToBbo
        text.opt_text(&state.completed_time).opt_text(&state.completed_status);
        peg_fields(text);
    }
}

impl Reply for OrderBound {
    const ID: i32 = 100;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int_or_zero(self.perm_id).int_or_zero(self.client_id).int_or_zero(self.order_id);
    }
}

impl Reply for OpenOrdersEnd {
    const ID: i32 = 53;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int(1);
    }
}

impl Reply for OrderStatus {
    const ID: i32 = 3;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int_or_zero(self.order_id).opt_text(&self.status).opt_text(&self.filled).opt_text(&self.remaining);
        text.double_or_zero(self.avg_fill_price).int_or_zero(self.perm_id).int_or_zero(self.parent_id);
        text.double_or_zero(self.last_fill_price).int_or_zero(self.client_id).opt_text(&self.why_held);
        text.double_or_zero(self.mkt_cap_price);
    }
}

impl Reply for CompletedOrdersEnd {
    const ID: i32 = 102;

    fn to_text(&self, _text: &mut TextWriter<'_>) {}
}
