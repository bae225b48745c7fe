//! Requests about orders other than placing them: cancels and the lists of orders. In: both encodings. Out: typed.

use crate::wire::Ask;
use crate::wire::fields::{DecodeError, Fields};

#[derive(Clone, PartialEq, prost::Message)]
pub struct CancelOrderRequest {
    #[prost(int32, optional, tag = "1")]
    pub order_id: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct GlobalCancelRequest {}

#[derive(Clone, PartialEq, prost::Message)]
pub struct OpenOrdersRequest {}

#[derive(Clone, PartialEq, prost::Message)]
pub struct AllOpenOrdersRequest {}

#[derive(Clone, PartialEq, prost::Message)]
pub struct AutoOpenOrdersRequest {
    #[prost(bool, optional, tag = "1")]
    pub auto_bind: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct CompletedOrdersRequest {
    #[prost(bool, optional, tag = "1")]
    pub api_only: Option<bool>,
}

impl Ask for CancelOrderRequest {
    const ID: i32 = 4;
    const NAME: &'static str = "cancelOrder";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        fields.skip(1, "version")?;
        Ok(Self { order_id: fields.int("orderId")? })
    }
}

impl Ask for GlobalCancelRequest {
    const ID: i32 = 58;
    const NAME: &'static str = "reqGlobalCancel";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        fields.skip(1, "version")?;
        Ok(Self {})
    }
}

impl Ask for OpenOrdersRequest {
    const ID: i32 = 5;
    const NAME: &'static str = "reqOpenOrders";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        fields.skip(1, "version")?;
        Ok(Self {})
    }
}

impl Ask for AllOpenOrdersRequest {
    const ID: i32 = 16;
    const NAME: &'static str = "reqAllOpenOrders";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        fields.skip(1, "version")?;
        Ok(Self {})
    }
}

impl Ask for AutoOpenOrdersRequest {
    const ID: i32 = 15;
    const NAME: &'static str = "reqAutoOpenOrders";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        fields.skip(1, "version")?;
        Ok(Self { auto_bind: fields.flag("autoBind")? })
    }
}

impl Ask for CompletedOrdersRequest {
    const ID: i32 = 99;
    const NAME: &'static str = "reqCompletedOrders";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        Ok(Self { api_only: fields.flag("apiOnly")? })
    }
}
