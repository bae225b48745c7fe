//! Historical ticks: the request, and an answer for each of the three kinds. In and out: typed messages.

use crate::wire::contract::Contract;
use crate::wire::fields::{DecodeError, Fields};
use crate::wire::writer::TextWriter;
use crate::wire::{Ask, Reply};

#[derive(Clone, PartialEq, prost::Message)]
pub struct HistoricalTicksRequest {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub contract: Option<Contract>,
    /// Either the start or the end is given.
    #[prost(string, optional, tag = "3")]
    pub start_date_time: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub end_date_time: Option<String>,
    #[prost(int32, optional, tag = "5")]
    pub number_of_ticks: Option<i32>,
    #[prost(string, optional, tag = "6")]
    pub what_to_show: Option<String>,
    #[prost(bool, optional, tag = "7")]
    pub use_rth: Option<bool>,
    #[prost(bool, optional, tag = "8")]
    pub ignore_size: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct CancelHistoricalTicks {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
}

/// A middle price; sizes of it are zero.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HistoricalTick {
    #[prost(int64, optional, tag = "1")]
    pub time: Option<i64>,
    #[prost(double, optional, tag = "2")]
    pub price: Option<f64>,
    #[prost(string, optional, tag = "3")]
    pub size: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct HistoricalTickBidAsk {
    #[prost(int64, optional, tag = "1")]
    pub time: Option<i64>,
    #[prost(message, optional, tag = "2")]
    pub attributes: Option<NoAttributes>,
    #[prost(double, optional, tag = "3")]
    pub price_bid: Option<f64>,
    #[prost(double, optional, tag = "4")]
    pub price_ask: Option<f64>,
    #[prost(string, optional, tag = "5")]
    pub size_bid: Option<String>,
    #[prost(string, optional, tag = "6")]
    pub size_ask: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct HistoricalTickLast {
    #[prost(int64, optional, tag = "1")]
    pub time: Option<i64>,
    #[prost(message, optional, tag = "2")]
    pub attributes: Option<NoAttributes>,
    #[prost(double, optional, tag = "3")]
    pub price: Option<f64>,
    #[prost(string, optional, tag = "4")]
    pub size: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub exchange: Option<String>,
    #[prost(string, optional, tag = "6")]
    pub special_conditions: Option<String>,
}

/// Attributes of which none is set: this market has no ticks past a limit and none that go unreported.
#[derive(Clone, PartialEq, prost::Message)]
pub struct NoAttributes {}

#[derive(Clone, PartialEq, prost::Message)]
pub struct HistoricalTicks {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(message, repeated, tag = "2")]
    pub ticks: Vec<HistoricalTick>,
    #[prost(bool, optional, tag = "3")]
    pub is_done: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct HistoricalTicksBidAsk {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(message, repeated, tag = "2")]
    pub ticks: Vec<HistoricalTickBidAsk>,
    #[prost(bool, optional, tag = "3")]
    pub is_done: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct HistoricalTicksLast {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(message, repeated, tag = "2")]
    pub ticks: Vec<HistoricalTickLast>,
    #[prost(bool, optional, tag = "3")]
    pub is_done: Option<bool>,
}

impl Ask for HistoricalTicksRequest {
    const ID: i32 = 96;
    const NAME: &'static str = "reqHistoricalTicks";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        let req_id = fields.int("reqId")?;
        let mut contract = Contract::from_text(fields)?;
        contract.include_expired = fields.flag("includeExpired")?;
        let request = Self {
            req_id,
            contract: Some(contract),
            start_date_time: fields.text("startDateTime")?,
            end_date_time: fields.text("endDateTime")?,
            number_of_ticks: fields.int("numberOfTicks")?,
            what_to_show: fields.text("whatToShow")?,
            use_rth: fields.flag("useRth")?,
            ignore_size: fields.flag("ignoreSize")?,
        };
        fields.skip(1, "miscOptions")?;
        Ok(request)
    }
}

impl Ask for CancelHistoricalTicks {
    const ID: i32 = 107;
    const NAME: &'static str = "cancelHistoricalTicks";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        Ok(Self { req_id: fields.int("reqId")? })
    }
}

impl Reply for HistoricalTicks {
    const ID: i32 = 96;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int_or_zero(self.req_id).int(self.ticks.len() as i64);
        for tick in &self.ticks {
            // A field between time and price that every client skips.
            text.int_or_zero(tick.time).int(0).double_or_zero(tick.price).opt_text(&tick.size);
        }
        text.flag(self.is_done);
    }
}

impl Reply for HistoricalTicksBidAsk {
    const ID: i32 = 97;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int_or_zero(self.req_id).int(self.ticks.len() as i64);
        for tick in &self.ticks {
            text.int_or_zero(tick.time).int(0).double_or_zero(tick.price_bid).double_or_zero(tick.price_ask);
            text.opt_text(&tick.size_bid).opt_text(&tick.size_ask);
        }
        text.flag(self.is_done);
    }
}

impl Reply for HistoricalTicksLast {
    const ID: i32 = 98;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int_or_zero(self.req_id).int(self.ticks.len() as i64);
        for tick in &self.ticks {
            text.int_or_zero(tick.time).int(0).double_or_zero(tick.price).opt_text(&tick.size);
            text.opt_text(&tick.exchange).opt_text(&tick.special_conditions);
        }
        text.flag(self.is_done);
    }
}
