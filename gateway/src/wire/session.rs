//! Session messages: start, ids, accounts, clock, log level, errors. In and out: typed messages.
//! Absent: the handshake before them (see `handshake`).

use crate::wire::fields::{DecodeError, Fields};
use crate::wire::writer::TextWriter;
use crate::wire::{Ask, Reply};

#[derive(Clone, PartialEq, prost::Message)]
pub struct StartApiRequest {
    #[prost(int32, optional, tag = "1")]
    pub client_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub optional_capabilities: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct NextValidId {
    #[prost(int32, optional, tag = "1")]
    pub order_id: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ManagedAccounts {
    #[prost(string, optional, tag = "1")]
    pub accounts_list: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ManagedAccountsRequest {}

#[derive(Clone, PartialEq, prost::Message)]
pub struct IdsRequest {
    #[prost(int32, optional, tag = "1")]
    pub num_ids: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct CurrentTimeRequest {}

#[derive(Clone, PartialEq, prost::Message)]
pub struct CurrentTime {
    #[prost(int64, optional, tag = "1")]
    pub current_time: Option<i64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct CurrentTimeInMillisRequest {}

#[derive(Clone, PartialEq, prost::Message)]
pub struct CurrentTimeInMillis {
    #[prost(int64, optional, tag = "1")]
    pub current_time_in_millis: Option<i64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct SetServerLogLevelRequest {
    #[prost(int32, optional, tag = "1")]
    pub log_level: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ErrorMessage {
    #[prost(int32, optional, tag = "1")]
    pub id: Option<i32>,
    #[prost(int64, optional, tag = "2")]
    pub error_time: Option<i64>,
    #[prost(int32, optional, tag = "3")]
    pub error_code: Option<i32>,
    #[prost(string, optional, tag = "4")]
    pub error_msg: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub advanced_order_reject_json: Option<String>,
}

impl Ask for StartApiRequest {
    const ID: i32 = 71;
    const NAME: &'static str = "startApi";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        fields.skip(1, "version")?;
        Ok(Self { client_id: fields.int("clientId")?, optional_capabilities: fields.text("optionalCapabilities")? })
    }
}

impl Ask for ManagedAccountsRequest {
    const ID: i32 = 17;
    const NAME: &'static str = "reqManagedAccts";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        fields.skip(1, "version")?;
        Ok(Self {})
    }
}

impl Ask for IdsRequest {
    const ID: i32 = 8;
    const NAME: &'static str = "reqIds";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        fields.skip(1, "version")?;
        Ok(Self { num_ids: fields.int("numIds")? })
    }
}

impl Ask for CurrentTimeRequest {
    const ID: i32 = 49;
    const NAME: &'static str = "reqCurrentTime";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        fields.skip(1, "version")?;
        Ok(Self {})
    }
}

impl Ask for CurrentTimeInMillisRequest {
    const ID: i32 = 105;
    const NAME: &'static str = "reqCurrentTimeInMillis";

    fn from_text(_fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        Ok(Self {})
    }
}

impl Ask for SetServerLogLevelRequest {
    const ID: i32 = 14;
    const NAME: &'static str = "setServerLogLevel";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        fields.skip(1, "version")?;
        Ok(Self { log_level: fields.int("logLevel")? })
    }
}

impl Reply for NextValidId {
    const ID: i32 = 9;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int(1).int_or_zero(self.order_id);
    }
}

impl Reply for ManagedAccounts {
    const ID: i32 = 15;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int(1).opt_text(&self.accounts_list);
    }
}

impl Reply for CurrentTime {
    const ID: i32 = 49;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int(1).int_or_zero(self.current_time);
    }
}

impl Reply for CurrentTimeInMillis {
    const ID: i32 = 109;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int_or_zero(self.current_time_in_millis);
    }
}

impl Reply for ErrorMessage {
    const ID: i32 = 4;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int(2).int(self.id.unwrap_or(-1)).int_or_zero(self.error_code).opt_text(&self.error_msg);
        if text.version >= 166 {
            text.opt_text(&self.advanced_order_reject_json);
        }
    }
}
