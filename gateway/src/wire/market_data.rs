//! Market data messages: streaming and snapshot subscriptions, and the ticks that answer them. In and out: typed
//! messages. Absent: which ticks are sent when; tick-by-tick data (see `ticks`).

use crate::wire::contract::Contract;
use crate::wire::fields::{DecodeError, Fields};
use crate::wire::writer::TextWriter;
use crate::wire::{Ask, Reply};

#[derive(Clone, PartialEq, prost::Message)]
pub struct MarketDataRequest {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub contract: Option<Contract>,
    /// Numbers with commas between them; `mdoff` leaves the usual ticks out.
    #[prost(string, optional, tag = "3")]
    pub generic_tick_list: Option<String>,
    #[prost(bool, optional, tag = "4")]
    pub snapshot: Option<bool>,
    #[prost(bool, optional, tag = "5")]
    pub regulatory_snapshot: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct CancelMarketData {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct TickReqParams {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub min_tick: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub bbo_exchange: Option<String>,
    #[prost(int32, optional, tag = "4")]
    pub snapshot_permissions: Option<i32>,
    #[prost(string, optional, tag = "5")]
    pub last_price_precision: Option<String>,
    #[prost(string, optional, tag = "6")]
    pub last_size_precision: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct MarketDataType {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    pub market_data_type: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct TickPrice {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    pub tick_type: Option<i32>,
    /// Points.
    #[prost(double, optional, tag = "3")]
    pub price: Option<f64>,
    /// Contracts as a decimal.
    #[prost(string, optional, tag = "4")]
    pub size: Option<String>,
    /// 1 can be traded automatically, 2 past the day's limit, 4 before the open.
    #[prost(int32, optional, tag = "5")]
    pub attr_mask: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct TickSize {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    pub tick_type: Option<i32>,
    #[prost(string, optional, tag = "3")]
    pub size: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct TickGeneric {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    pub tick_type: Option<i32>,
    #[prost(double, optional, tag = "3")]
    pub value: Option<f64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct TickString {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    pub tick_type: Option<i32>,
    #[prost(string, optional, tag = "3")]
    pub value: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct TickSnapshotEnd {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
}

impl Ask for MarketDataRequest {
    const ID: i32 = 1;
    const NAME: &'static str = "reqMktData";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        fields.skip(1, "version")?;
        let req_id = fields.int("reqId")?;
        let contract = Contract::from_text(fields)?;
        skip_legs(fields, &contract)?;
        if fields.flag("deltaNeutralPresent")? == Some(true) {
            fields.skip(3, "deltaNeutralContract")?;
        }
        let request = Self {
            req_id,
            contract: Some(contract),
            generic_tick_list: fields.text("genericTickList")?,
            snapshot: fields.flag("snapshot")?,
            regulatory_snapshot: fields.flag("regulatorySnapshot")?,
        };
        fields.skip(1, "mktDataOptions")?;
        Ok(request)
    }
}

/// The legs of a combination: read over, because no combination is listed.
pub fn skip_legs(fields: &mut Fields<'_>, contract: &Contract) -> Result<(), DecodeError> {
    if contract.sec_type.as_deref() == Some("BAG") {
        let legs = fields.count("comboLegs")?;
        fields.skip(4 * legs, "comboLeg")?;
    }
    Ok(())
}

impl Ask for CancelMarketData {
    const ID: i32 = 2;
    const NAME: &'static str = "cancelMktData";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        fields.skip(1, "version")?;
        Ok(Self { req_id: fields.int("reqId")? })
    }
}

impl Reply for TickReqParams {
    const ID: i32 = 81;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int_or_zero(self.req_id).opt_text(&self.min_tick).opt_text(&self.bbo_exchange);
        text.int_or_zero(self.snapshot_permissions);
    }
}

impl Reply for MarketDataType {
    const ID: i32 = 58;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int(1).int_or_zero(self.req_id).int_or_zero(self.market_data_type);
    }
}

impl Reply for TickPrice {
    const ID: i32 = 1;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int(6).int_or_zero(self.req_id).int_or_zero(self.tick_type).double_or_zero(self.price);
        text.text(self.size.as_deref().unwrap_or("0")).int_or_zero(self.attr_mask);
    }
}

impl Reply for TickSize {
    const ID: i32 = 2;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int(6).int_or_zero(self.req_id).int_or_zero(self.tick_type);
        text.text(self.size.as_deref().unwrap_or("0"));
    }
}

impl Reply for TickGeneric {
    const ID: i32 = 45;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int(6).int_or_zero(self.req_id).int_or_zero(self.tick_type).double_or_zero(self.value);
    }
}

impl Reply for TickString {
    const ID: i32 = 46;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int(6).int_or_zero(self.req_id).int_or_zero(self.tick_type).opt_text(&self.value);
    }
}

impl Reply for TickSnapshotEnd {
    const ID: i32 = 57;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int(1).int_or_zero(self.req_id);
    }
}
