//! Account messages: values, portfolio, summary, values by model. In and out: typed messages.

use crate::wire::contract::Contract;
use crate::wire::fields::{DecodeError, Fields};
use crate::wire::writer::TextWriter;
use crate::wire::{Ask, Reply};

#[derive(Clone, PartialEq, prost::Message)]
pub struct AccountDataRequest {
    #[prost(bool, optional, tag = "1")]
    pub subscribe: Option<bool>,
    #[prost(string, optional, tag = "2")]
    pub acct_code: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct AccountValue {
    #[prost(string, optional, tag = "1")]
    pub key: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub value: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub currency: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub account_name: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct PortfolioValue {
    #[prost(message, optional, tag = "1")]
    pub contract: Option<Contract>,
    #[prost(string, optional, tag = "2")]
    pub position: Option<String>,
    #[prost(double, optional, tag = "3")]
    pub market_price: Option<f64>,
    #[prost(double, optional, tag = "4")]
    pub market_value: Option<f64>,
    #[prost(double, optional, tag = "5")]
    pub average_cost: Option<f64>,
    #[prost(double, optional, tag = "6")]
    pub unrealized_pnl: Option<f64>,
    #[prost(double, optional, tag = "7")]
    pub realized_pnl: Option<f64>,
    #[prost(string, optional, tag = "8")]
    pub account_name: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct AccountUpdateTime {
    #[prost(string, optional, tag = "1")]
    pub time_stamp: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct AccountDataEnd {
    #[prost(string, optional, tag = "1")]
    pub account_name: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct AccountSummaryRequest {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub group: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub tags: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct CancelAccountSummary {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct AccountSummary {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub account: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub tag: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub value: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub currency: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct AccountSummaryEnd {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct AccountUpdatesMultiRequest {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub account: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub model_code: Option<String>,
    #[prost(bool, optional, tag = "4")]
    pub ledger_and_nlv: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct CancelAccountUpdatesMulti {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct AccountUpdateMulti {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub account: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub model_code: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub key: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub value: Option<String>,
    #[prost(string, optional, tag = "6")]
    pub currency: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct AccountUpdateMultiEnd {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
}

impl Ask for AccountDataRequest {
    const ID: i32 = 6;
    const NAME: &'static str = "reqAccountUpdates";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        fields.skip(1, "version")?;
        Ok(Self { subscribe: fields.flag("subscribe")?, acct_code: fields.text("acctCode")? })
    }
}

impl Ask for AccountSummaryRequest {
    const ID: i32 = 62;
    const NAME: &'static str = "reqAccountSummary";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        fields.skip(1, "version")?;
        Ok(Self { req_id: fields.int("reqId")?, group: fields.text("group")?, tags: fields.text("tags")? })
    }
}

impl Ask for CancelAccountSummary {
    const ID: i32 = 63;
    const NAME: &'static str = "cancelAccountSummary";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        fields.skip(1, "version")?;
        Ok(Self { req_id: fields.int("reqId")? })
    }
}

impl Ask for AccountUpdatesMultiRequest {
    const ID: i32 = 76;
    const NAME: &'static str = "reqAccountUpdatesMulti";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        fields.skip(1, "version")?;
        Ok(Self {
            req_id: fields.int("reqId")?,
            account: fields.text("account")?,
            model_code: fields.text("modelCode")?,
            ledger_and_nlv: fields.flag("ledgerAndNLV")?,
        })
    }
}

impl Ask for CancelAccountUpdatesMulti {
    const ID: i32 = 77;
    const NAME: &'static str = "cancelAccountUpdatesMulti";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        fields.skip(1, "version")?;
        Ok(Self { req_id: fields.int("reqId")? })
    }
}

impl Reply for AccountValue {
    const ID: i32 = 6;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int(2).opt_text(&self.key).opt_text(&self.value).opt_text(&self.currency).opt_text(&self.account_name);
    }
}

impl Reply for PortfolioValue {
    const ID: i32 = 7;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        let contract = self.contract.clone().unwrap_or_default();
        text.int(8);
        contract.to_text_with_exchange(text, &contract.primary_exch);
        text.opt_text(&self.position).double_or_zero(self.market_price).double_or_zero(self.market_value);
        text.double_or_zero(self.average_cost).double_or_zero(self.unrealized_pnl);
        text.double_or_zero(self.realized_pnl).opt_text(&self.account_name);
    }
}

impl Reply for AccountUpdateTime {
    const ID: i32 = 8;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int(1).opt_text(&self.time_stamp);
    }
}

impl Reply for AccountDataEnd {
    const ID: i32 = 54;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int(1).opt_text(&self.account_name);
    }
}

impl Reply for AccountSummary {
    const ID: i32 = 63;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int(1).int_or_zero(self.req_id).opt_text(&self.account).opt_text(&self.tag);
        text.opt_text(&self.value).opt_text(&self.currency);
    }
}

impl Reply for AccountSummaryEnd {
    const ID: i32 = 64;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int(1).int_or_zero(self.req_id);
    }
}

impl Reply for AccountUpdateMulti {
    const ID: i32 = 73;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int(1).int_or_zero(self.req_id).opt_text(&self.account).opt_text(&self.model_code);
        text.opt_text(&self.key).opt_text(&self.value).opt_text(&self.currency);
    }
}

impl Reply for AccountUpdateMultiEnd {
    const ID: i32 = 74;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int(1).int_or_zero(self.req_id);
    }
}
