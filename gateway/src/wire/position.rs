//! Position messages, for the account and by model. In and out: typed messages.

use crate::wire::contract::Contract;
use crate::wire::fields::{DecodeError, Fields};
use crate::wire::writer::TextWriter;
use crate::wire::{Ask, Reply};

#[derive(Clone, PartialEq, prost::Message)]
pub struct PositionsRequest {}

#[derive(Clone, PartialEq, prost::Message)]
pub struct CancelPositions {}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Position {
    #[prost(string, optional, tag = "1")]
    pub account: Option<String>,
    #[prost(message, optional, tag = "2")]
    pub contract: Option<Contract>,
    #[prost(string, optional, tag = "3")]
    pub position: Option<String>,
    #[prost(double, optional, tag = "4")]
    pub avg_cost: Option<f64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct PositionEnd {}

#[derive(Clone, PartialEq, prost::Message)]
pub struct PositionsMultiRequest {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub account: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub model_code: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct CancelPositionsMulti {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct PositionMulti {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub account: Option<String>,
    #[prost(message, optional, tag = "3")]
    pub contract: Option<Contract>,
    #[prost(string, optional, tag = "4")]
    pub position: Option<String>,
    #[prost(double, optional, tag = "5")]
    pub avg_cost: Option<f64>,
    #[prost(string, optional, tag = "6")]
    pub model_code: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct PositionMultiEnd {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
}

impl Ask for PositionsRequest {
    const ID: i32 = 61;
    const NAME: &'static str = "reqPositions";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        fields.skip(1, "version")?;
        Ok(Self {})
    }
}

impl Ask for CancelPositions {
    const ID: i32 = 64;
    const NAME: &'static str = "cancelPositions";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        fields.skip(1, "version")?;
        Ok(Self {})
    }
}

impl Ask for PositionsMultiRequest {
    const ID: i32 = 74;
    const NAME: &'static str = "reqPositionsMulti";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        fields.skip(1, "version")?;
        Ok(Self {
            req_id: fields.int("reqId")?,
            account: fields.text("account")?,
            model_code: fields.text("modelCode")?,
        })
    }
}

impl Ask for CancelPositionsMulti {
    const ID: i32 = 75;
    const NAME: &'static str = "cancelPositionsMulti";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        fields.skip(1, "version")?;
        Ok(Self { req_id: fields.int("reqId")? })
    }
}

impl Reply for Position {
    const ID: i32 = 61;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int(3).opt_text(&self.account);
        self.contract.clone().unwrap_or_default().to_text(text);
        text.opt_text(&self.position).double_or_zero(self.avg_cost);
    }
}

impl Reply for PositionEnd {
    const ID: i32 = 62;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int(1);
    }
}

impl Reply for PositionMulti {
    const ID: i32 = 71;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int(1).int_or_zero(self.req_id).opt_text(&self.account);
        self.contract.clone().unwrap_or_default().to_text(text);
        text.opt_text(&self.position).double_or_zero(self.avg_cost).opt_text(&self.model_code);
    }
}

impl Reply for PositionMultiEnd {
    const ID: i32 = 72;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int(1).int_or_zero(self.req_id);
    }
}
