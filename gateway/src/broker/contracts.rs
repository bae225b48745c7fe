//! Contract requests. In: a contract as the client describes it, a pattern, a market rule's number. Out: what is listed.

use crate::broker::Broker;
use crate::broker::clients::ConnId;
use crate::broker::session::{SYSTEM, invalid};
use crate::catalog::{CONTINUOUS, no_definition};
use crate::wire::contract::{ContractData, ContractDataEnd, ContractDataRequest, MarketRuleRequest};
use crate::wire::symbols::{MatchingSymbolsRequest, SymbolSamples};

impl Broker {
    pub(super) fn send_contracts(&mut self, conn: ConnId, request: &ContractDataRequest) {
        let req_id = request.req_id.unwrap_or(SYSTEM);
        let now = self.now();
        let wanted = request.contract.clone().unwrap_or_default();
        let found: Vec<_> = self.catalog.matching(&wanted).into_iter().map(|listing| listing.details(now)).collect();
        if found.is_empty() {
            return self.refuse(conn, req_id, &no_definition());
        }
        for (mut contract, details) in found {
            if wanted.sec_type.as_deref() == Some(CONTINUOUS) {
                contract.sec_type.clone_from(&wanted.sec_type);
            }
            let data = ContractData { req_id: Some(req_id), contract: Some(contract), contract_details: Some(details) };
            self.send(conn, data);
        }
        self.send(conn, ContractDataEnd { req_id: Some(req_id) });
    }

    pub(super) fn send_matching_symbols(&mut self, conn: ConnId, request: &MatchingSymbolsRequest) {
        let contract_descriptions = self.catalog.matching_symbols(request.pattern.as_deref().unwrap_or(""));
        self.send(conn, SymbolSamples { req_id: Some(request.req_id.unwrap_or(SYSTEM)), contract_descriptions });
    }

    pub(super) fn send_market_rule(&mut self, conn: ConnId, request: &MarketRuleRequest) {
        let rule_id = request.market_rule_id.unwrap_or(0);
        match self.catalog.market_rule(rule_id) {
            Some(rule) => self.send(conn, rule),
            None => self.refuse(conn, SYSTEM, &invalid(&format!("Market rule {rule_id} is not known"))),
        }
    }
}
