//! Profit and loss messages, for the account and for one contract. In and out: typed messages.

use crate::wire::fields::{DecodeError, Fields};
use crate::wire::writer::TextWriter;
use crate::wire::{Ask, Reply};

#[derive(Clone, PartialEq, prost::Message)]
pub struct PnLRequest {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub account: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub model_code: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct CancelPnL {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct PnL {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(double, optional, tag = "2")]
    pub daily_pnl: Option<f64>,
    #[prost(double, optional, tag = "3")]
    pub unrealized_pnl: Option<f64>,
    #[prost(double, optional, tag = "4")]
    pub realized_pnl: Option<f64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct PnLSingleRequest {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub account: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub model_code: Option<String>,
    #[prost(int32, optional, tag = "4")]
    pub con_id: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct CancelPnLSingle {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct PnLSingle {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub position: Option<String>,
    #[prost(double, optional, tag = "3")]
    pub daily_pnl: Option<f64>,
    #[prost(double, optional, tag = "4")]
    pub unrealized_pnl: Option<f64>,
    #[prost(double, optional, tag = "5")]
    pub realized_pnl: Option<f64>,
    #[prost(double, optional, tag = "6")]
    pub value: Option<f64>,
}

impl Ask for PnLRequest {
    const ID: i32 = 92;
    const NAME: &'static str = "reqPnL";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            req_id: fields.int("reqId")?,
            account: fields.text("account")?,
            model_code: fields.text("modelCode")?,
        })
    }
}

impl Ask for CancelPnL {
    const ID: i32 = 93;
    const NAME: &'static str = "cancelPnL";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        Ok(Self { req_id: fields.int("reqId")? })
    }
}

impl Ask for PnLSingleRequest {
    const ID: i32 = 94;
    const NAME: &'static str = "reqPnLSingle";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            req_id: fields.int("reqId")?,
            account: fields.text("account")?,
            model_code: fields.text("modelCode")?,
            con_id: fields.int("conId")?,
        })
    }
}

impl Ask for CancelPnLSingle {
    const ID: i32 = 95;
    const NAME: &'static str = "cancelPnLSingle";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        Ok(Self { req_id: fields.int("reqId")? })
    }
}

impl Reply for PnL {
    const ID: i32 = 94;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int_or_zero(self.req_id).double_or_zero(self.daily_pnl);
        text.double_or_zero(self.unrealized_pnl).double_or_zero(self.realized_pnl);
    }
}

impl Reply for PnLSingle {
    const ID: i32 = 95;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int_or_zero(self.req_id).opt_text(&self.position).double_or_zero(self.daily_pnl);
        text.double_or_zero(self.unrealized_pnl).double_or_zero(self.realized_pnl).double_or_zero(self.value);
    }
}
