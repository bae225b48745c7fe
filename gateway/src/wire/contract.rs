//! Contract messages: the contract itself, its details, market rules. In and out: typed messages.
//! Absent: which contracts exist.

use crate::wire::fields::{DecodeError, Fields};
use crate::wire::writer::TextWriter;
use crate::wire::{Ask, Reply};

#[derive(Clone, PartialEq, prost::Message)]
pub struct Contract {
    #[prost(int32, optional, tag = "1")]
    pub con_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub symbol: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub sec_type: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub last_trade_date_or_contract_month: Option<String>,
    #[prost(double, optional, tag = "5")]
    pub strike: Option<f64>,
    #[prost(string, optional, tag = "6")]
    pub right: Option<String>,
    #[prost(double, optional, tag = "7")]
    pub multiplier: Option<f64>,
    #[prost(string, optional, tag = "8")]
    pub exchange: Option<String>,
    #[prost(string, optional, tag = "9")]
    pub primary_exch: Option<String>,
    #[prost(string, optional, tag = "10")]
    pub currency: Option<String>,
    #[prost(string, optional, tag = "11")]
    pub local_symbol: Option<String>,
    #[prost(string, optional, tag = "12")]
    pub trading_class: Option<String>,
    #[prost(string, optional, tag = "13")]
    pub sec_id_type: Option<String>,
    #[prost(string, optional, tag = "14")]
    pub sec_id: Option<String>,
    /// The product's name, in matching symbols.
    #[prost(string, optional, tag = "15")]
    pub description: Option<String>,
    #[prost(string, optional, tag = "16")]
    pub issuer_id: Option<String>,
    #[prost(bool, optional, tag = "18")]
    pub include_expired: Option<bool>,
    #[prost(string, optional, tag = "21")]
    pub last_trade_date: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ContractDataRequest {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub contract: Option<Contract>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct CancelContractData {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ContractData {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub contract: Option<Contract>,
    #[prost(message, optional, tag = "3")]
    pub contract_details: Option<ContractDetails>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ContractDetails {
    #[prost(string, optional, tag = "1")]
    pub market_name: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub min_tick: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub order_types: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub valid_exchanges: Option<String>,
    #[prost(int32, optional, tag = "5")]
    pub price_magnifier: Option<i32>,
    #[prost(int32, optional, tag = "6")]
    pub under_con_id: Option<i32>,
    #[prost(string, optional, tag = "7")]
    pub long_name: Option<String>,
    #[prost(string, optional, tag = "8")]
    pub contract_month: Option<String>,
    #[prost(string, optional, tag = "12")]
    pub time_zone_id: Option<String>,
    #[prost(string, optional, tag = "13")]
    pub trading_hours: Option<String>,
    #[prost(string, optional, tag = "14")]
    pub liquid_hours: Option<String>,
    #[prost(int32, optional, tag = "18")]
    pub agg_group: Option<i32>,
    #[prost(string, optional, tag = "19")]
    pub under_symbol: Option<String>,
    #[prost(string, optional, tag = "20")]
    pub under_sec_type: Option<String>,
    #[prost(string, optional, tag = "21")]
    pub market_rule_ids: Option<String>,
    #[prost(string, optional, tag = "22")]
    pub real_expiration_date: Option<String>,
    #[prost(string, optional, tag = "24")]
    pub min_size: Option<String>,
    #[prost(string, optional, tag = "25")]
    pub size_increment: Option<String>,
    #[prost(string, optional, tag = "26")]
    pub suggested_size_increment: Option<String>,
    #[prost(string, optional, tag = "65")]
    pub settlement_method: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ContractDataEnd {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct MarketRuleRequest {
    #[prost(int32, optional, tag = "1")]
    pub market_rule_id: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct MarketRule {
    #[prost(int32, optional, tag = "1")]
    pub market_rule_id: Option<i32>,
    #[prost(message, repeated, tag = "2")]
    pub price_increments: Vec<PriceIncrement>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct PriceIncrement {
    #[prost(double, optional, tag = "1")]
    pub low_edge: Option<f64>,
    #[prost(double, optional, tag = "2")]
    pub increment: Option<f64>,
}

impl Contract {
    /// The twelve fields that requests share.
    pub fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            con_id: fields.int("conId")?,
            symbol: fields.text("symbol")?,
            sec_type: fields.text("secType")?,
            last_trade_date_or_contract_month: fields.text("lastTradeDateOrContractMonth")?,
            strike: fields.double("strike")?,
            right: fields.text("right")?,
            multiplier: fields.double("multiplier")?,
            exchange: fields.text("exchange")?,
            primary_exch: fields.text("primaryExchange")?,
            currency: fields.text("currency")?,
            local_symbol: fields.text("localSymbol")?,
            trading_class: fields.text("tradingClass")?,
            ..Self::default()
        })
    }

    /// The multiplier as text clients know it: a string without a needless `.0`.
    fn multiplier_text(&self) -> String {
        self.multiplier.map(|m| m.to_string()).unwrap_or_default()
    }

    /// The eleven fields that responses share.
    pub fn to_text(&self, text: &mut TextWriter<'_>) {
        self.to_text_with_exchange(text, &self.exchange);
    }

    /// As [`Contract::to_text`]; portfolio values show the primary exchange in the exchange's place.
    pub fn to_text_with_exchange(&self, text: &mut TextWriter<'_>, exchange: &Option<String>) {
        text.int_or_zero(self.con_id).opt_text(&self.symbol).opt_text(&self.sec_type);
        text.opt_text(&self.last_trade_date_or_contract_month).double_or_zero(self.strike).opt_text(&self.right);
        text.text(&self.multiplier_text()).opt_text(exchange).opt_text(&self.currency);
        text.opt_text(&self.local_symbol).opt_text(&self.trading_class);
    }
}

impl Ask for ContractDataRequest {
    const ID: i32 = 9;
    const NAME: &'static str = "reqContractDetails";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        fields.skip(1, "version")?;
        let req_id = fields.int("reqId")?;
        let mut contract = Contract::from_text(fields)?;
        contract.include_expired = fields.flag("includeExpired")?;
        contract.sec_id_type = fields.text("secIdType")?;
        contract.sec_id = fields.text("secId")?;
        Ok(Self { req_id, contract: Some(contract) })
    }
}

impl Ask for CancelContractData {
    const ID: i32 = 106;
    const NAME: &'static str = "cancelContractData";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        Ok(Self { req_id: fields.int("reqId")? })
    }
}

impl Ask for MarketRuleRequest {
    const ID: i32 = 91;
    const NAME: &'static str = "reqMarketRule";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        Ok(Self { market_rule_id: fields.int("marketRuleId")? })
    }
}

impl Reply for ContractData {
    const ID: i32 = 10;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        let contract = self.contract.clone().unwrap_or_default();
        let details = self.contract_details.clone().unwrap_or_default();
        let sized = text.version >= 164;
        if !sized {
            text.int(8);
        }
        text.int_or_zero(self.req_id).opt_text(&contract.symbol).opt_text(&contract.sec_type);
        text.opt_text(&contract.last_trade_date_or_contract_month).double_or_zero(contract.strike);
        text.opt_text(&contract.right).opt_text(&contract.exchange).opt_text(&contract.currency);
        text.opt_text(&contract.local_symbol).opt_text(&details.market_name).opt_text(&contract.trading_class);
        text.int_or_zero(contract.con_id).opt_text(&details.min_tick);
        if !sized {
            text.int(1); // mdSizeMultiplier
        }
        text.text(&contract.multiplier_text()).opt_text(&details.order_types).opt_text(&details.valid_exchanges);
        text.int_or_zero(details.price_magnifier).int_or_zero(details.under_con_id).opt_text(&details.long_name);
        text.opt_text(&contract.primary_exch).opt_text(&details.contract_month);
        text.empty(3); // industry, category, subcategory: futures have none
        text.opt_text(&details.time_zone_id).opt_text(&details.trading_hours).opt_text(&details.liquid_hours);
        text.empty(1).int(0); // evRule, evMultiplier
        text.int(0); // security ids
        text.int_or_zero(details.agg_group).opt_text(&details.under_symbol).opt_text(&details.under_sec_type);
        text.opt_text(&details.market_rule_ids).opt_text(&details.real_expiration_date);
        text.empty(1); // stockType
        if text.version == 163 {
            text.opt_text(&details.suggested_size_increment);
        }
        if sized {
            text.opt_text(&details.min_size).opt_text(&details.size_increment);
            text.opt_text(&details.suggested_size_increment);
        }
    }
}

impl Reply for ContractDataEnd {
    const ID: i32 = 52;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int(1).int_or_zero(self.req_id);
    }
}

impl Reply for MarketRule {
    const ID: i32 = 93;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int_or_zero(self.market_rule_id).int(self.price_increments.len() as i64);
        for step in &self.price_increments {
            text.double_or_zero(step.low_edge).double_or_zero(step.increment);
        }
    }
}
