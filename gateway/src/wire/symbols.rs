//! Matching symbols: the request and the samples that answer it. In and out: typed messages.

use crate::wire::contract::Contract;
use crate::wire::fields::{DecodeError, Fields};
use crate::wire::writer::TextWriter;
use crate::wire::{Ask, Reply};

#[derive(Clone, PartialEq, prost::Message)]
pub struct MatchingSymbolsRequest {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub pattern: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ContractDescription {
    #[prost(message, optional, tag = "1")]
    pub contract: Option<Contract>,
    #[prost(string, repeated, tag = "2")]
    pub derivative_sec_types: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct SymbolSamples {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(message, repeated, tag = "2")]
    pub contract_descriptions: Vec<ContractDescription>,
}

impl Ask for MatchingSymbolsRequest {
    const ID: i32 = 81;
    const NAME: &'static str = "reqMatchingSymbols";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        Ok(Self { req_id: fields.int("reqId")?, pattern: fields.text("pattern")? })
    }
}

impl Reply for SymbolSamples {
    const ID: i32 = 79;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int_or_zero(self.req_id).int(self.contract_descriptions.len() as i64);
        for described in &self.contract_descriptions {
            let contract = described.contract.clone().unwrap_or_default();
            text.int_or_zero(contract.con_id).opt_text(&contract.symbol).opt_text(&contract.sec_type);
            text.opt_text(&contract.primary_exch).opt_text(&contract.currency);
            text.int(described.derivative_sec_types.len() as i64);
            for kind in &described.derivative_sec_types {
                text.text(kind);
            }
            if text.version >= 176 {
                text.opt_text(&contract.description).opt_text(&contract.issuer_id);
            }
        }
    }
}
