//! Messages about the past besides bars and ticks: the sessions there were, the head of the data. In and out: typed
//! messages.

use crate::wire::contract::Contract;
use crate::wire::fields::{DecodeError, Fields};
use crate::wire::writer::TextWriter;
use crate::wire::{Ask, Reply};

#[derive(Clone, PartialEq, prost::Message)]
pub struct HistoricalSession {
    #[prost(string, optional, tag = "1")]
    pub start_date_time: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub end_date_time: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub ref_date: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct HistoricalSchedule {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub start_date_time: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub end_date_time: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub time_zone: Option<String>,
    #[prost(message, repeated, tag = "5")]
    pub sessions: Vec<HistoricalSession>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct HeadTimestampRequest {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub contract: Option<Contract>,
    #[prost(bool, optional, tag = "3")]
    pub use_rth: Option<bool>,
    #[prost(string, optional, tag = "4")]
    pub what_to_show: Option<String>,
    #[prost(int32, optional, tag = "5")]
    pub format_date: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct CancelHeadTimestamp {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct HeadTimestamp {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub head_timestamp: Option<String>,
}

impl Ask for HeadTimestampRequest {
    const ID: i32 = 87;
    const NAME: &'static str = "reqHeadTimeStamp";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        let req_id = fields.int("reqId")?;
        let mut contract = Contract::from_text(fields)?;
        contract.include_expired = fields.flag("includeExpired")?;
        Ok(Self {
            req_id,
            contract: Some(contract),
            use_rth: fields.flag("useRTH")?,
            what_to_show: fields.text("whatToShow")?,
            format_date: fields.int("formatDate")?,
        })
    }
}

impl Ask for CancelHeadTimestamp {
    const ID: i32 = 90;
    const NAME: &'static str = "cancelHeadTimeStamp";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        Ok(Self { req_id: fields.int("reqId")? })
    }
}

impl Reply for HistoricalSchedule {
    const ID: i32 = 106;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int_or_zero(self.req_id).opt_text(&self.start_date_time).opt_text(&self.end_date_time);
        text.opt_text(&self.time_zone).int(self.sessions.len() as i64);
        for session in &self.sessions {
            text.opt_text(&session.start_date_time).opt_text(&session.end_date_time).opt_text(&session.ref_date);
        }
    }
}

impl Reply for HeadTimestamp {
    const ID: i32 = 88;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int_or_zero(self.req_id).opt_text(&self.head_timestamp);
    }
}
