//! Execution messages: the request with its filter, executions, commissions. In and out: typed messages.

use crate::wire::contract::Contract;
use crate::wire::fields::{DecodeError, Fields};
use crate::wire::writer::TextWriter;
use crate::wire::{Ask, Reply};

#[derive(Clone, PartialEq, prost::Message)]
pub struct ExecutionRequest {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub execution_filter: Option<ExecutionFilter>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ExecutionFilter {
    #[prost(int32, optional, tag = "1")]
    pub client_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub acct_code: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub time: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub symbol: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub sec_type: Option<String>,
    #[prost(string, optional, tag = "6")]
    pub exchange: Option<String>,
    #[prost(string, optional, tag = "7")]
    pub side: Option<String>,
    #[prost(int32, optional, tag = "8")]
    pub last_n_days: Option<i32>,
    #[prost(int32, repeated, tag = "9")]
    pub specific_dates: Vec<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ExecutionDetails {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub contract: Option<Contract>,
    #[prost(message, optional, tag = "3")]
    pub execution: Option<Execution>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Execution {
    #[prost(int32, optional, tag = "1")]
    pub order_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub exec_id: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub time: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub acct_number: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub exchange: Option<String>,
    #[prost(string, optional, tag = "6")]
    pub side: Option<String>,
    #[prost(string, optional, tag = "7")]
    pub shares: Option<String>,
    #[prost(double, optional, tag = "8")]
    pub price: Option<f64>,
    #[prost(int64, optional, tag = "9")]
    pub perm_id: Option<i64>,
    #[prost(int32, optional, tag = "10")]
    pub client_id: Option<i32>,
    #[prost(bool, optional, tag = "11")]
    pub is_liquidation: Option<bool>,
    #[prost(string, optional, tag = "12")]
    pub cum_qty: Option<String>,
    #[prost(double, optional, tag = "13")]
    pub avg_price: Option<f64>,
    #[prost(string, optional, tag = "14")]
    pub order_ref: Option<String>,
    #[prost(int32, optional, tag = "18")]
    pub last_liquidity: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ExecutionDetailsEnd {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct CommissionAndFeesReport {
    #[prost(string, optional, tag = "1")]
    pub exec_id: Option<String>,
    #[prost(double, optional, tag = "2")]
    pub commission_and_fees: Option<f64>,
    #[prost(string, optional, tag = "3")]
    pub currency: Option<String>,
    #[prost(double, optional, tag = "4")]
    pub realized_pnl: Option<f64>,
    #[prost(double, optional, tag = "5")]
    pub bond_yield: Option<f64>,
    #[prost(string, optional, tag = "6")]
    pub yield_redemption_date: Option<String>,
}

impl Ask for ExecutionRequest {
    const ID: i32 = 7;
    const NAME: &'static str = "reqExecutions";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        fields.skip(1, "version")?;
        let req_id = fields.int("reqId")?;
        let filter = ExecutionFilter {
            client_id: fields.int("clientId")?,
            acct_code: fields.text("acctCode")?,
            time: fields.text("time")?,
            symbol: fields.text("symbol")?,
            sec_type: fields.text("secType")?,
            exchange: fields.text("exchange")?,
            side: fields.text("side")?,
            // Only newer text versions than are announced here carry days and dates.
            last_n_days: None,
            specific_dates: Vec::new(),
        };
        Ok(Self { req_id, execution_filter: Some(filter) })
    }
}

impl Reply for ExecutionDetails {
    const ID: i32 = 11;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        let fill = self.execution.clone().unwrap_or_default();
        text.int(self.req_id.unwrap_or(-1)).int_or_zero(fill.order_id);
        self.contract.clone().unwrap_or_default().to_text(text);
        text.opt_text(&fill.exec_id).opt_text(&fill.time).opt_text(&fill.acct_number).opt_text(&fill.exchange);
        text.opt_text(&fill.side).opt_text(&fill.shares).double_or_zero(fill.price).int_or_zero(fill.perm_id);
        text.int_or_zero(fill.client_id).flag(fill.is_liquidation).opt_text(&fill.cum_qty);
        text.double_or_zero(fill.avg_price).opt_text(&fill.order_ref);
        text.empty(3); // evRule, evMultiplier, modelCode
        text.int_or_zero(fill.last_liquidity);
        if text.version >= 178 {
            text.int(0); // pendingPriceRevision
        }
    }
}

impl Reply for ExecutionDetailsEnd {
    const ID: i32 = 55;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int(1).int_or_zero(self.req_id);
    }
}

impl Reply for CommissionAndFeesReport {
    const ID: i32 = 59;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int(1).opt_text(&self.exec_id).double_or_zero(self.commission_and_fees).opt_text(&self.currency);
        text.double(self.realized_pnl.unwrap_or(f64::MAX)).double(self.bond_yield.unwrap_or(f64::MAX));
        text.opt_text(&self.yield_redemption_date);
    }
}
