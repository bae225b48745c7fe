//! The contracts that this gateway lists: those whose market is played, and around them the chains of the products that
//! it knows. In: instruments and a contract as a client describes it. Out: the listing that it means, contract details,
//! market rules, matching symbols. Absent: prices, orders.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate};
use engine::market::{Instrument, SymbolId};
use engine::time::Timestamp;
use engine::venue::Refusal;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::calendar::{chain, expiry_of};
pub use crate::listing::{Listing, Points};
use crate::roots::{self, Root};
use crate::wire::contract::{Contract, MarketRule, PriceIncrement};
use crate::wire::symbols::ContractDescription;

/// The time zone of the contracts, as Interactive Brokers names it.
pub const ZONE_NAME: &str = "US/Central";
const NO_DEFINITION: i32 = 200;
const NO_TRADING: i32 = 201;
/// The security type of a continuous future: data of whatever month is the front one.
pub const CONTINUOUS: &str = "CONTFUT";
/// ES's rule at Interactive Brokers; further tick sizes get the numbers after it.
const RULE_ID_FIRST: i32 = 67;

#[derive(Clone, Debug, Default)]
pub struct Catalog {
    listings: Vec<Listing>,
    /// Tick size of each market rule, from [`RULE_ID_FIRST`] on.
    rules: Vec<Decimal>,
}

impl Catalog {
    /// `today` decides which contract is the front month of an instrument without expiry, and which months are listed.
    pub fn new(instruments: Vec<Instrument>, today: Timestamp) -> Self {
        let mut catalog = Catalog::default();
        let mut con_ids = BTreeSet::new();
        for instrument in instruments {
            let expiry = expiry_of(&instrument, today);
            catalog.list(instrument, expiry, true, &mut con_ids);
        }
        let mut free = (0..=u16::MAX).rev().map(SymbolId);
        for root in roots::all() {
            for expiry in chain(root, today) {
                if catalog.leaves_room(root, expiry) {
                    let id = free.next().expect("a chain has few months");
                    catalog.list(instrument_of(root, id, expiry), expiry, false, &mut con_ids);
                }
            }
        }
        catalog
    }

    fn list(&mut self, instrument: Instrument, expiry: NaiveDate, played: bool, con_ids: &mut BTreeSet<i32>) {
        let rule_id = self.rule_of(instrument.tick_size);
        let mut listing = Listing::new(instrument, expiry, rule_id, played);
        while !con_ids.insert(listing.con_id()) {
            listing.contract.con_id = Some(listing.con_id() + 1);
        }
        self.listings.push(listing);
    }

    /// Whether a month of a chain is listed beside what is played: not the same month again, and none before the first
    /// that is played, so that who takes the nearest month takes one with a market.
    fn leaves_room(&self, root: &Root, expiry: NaiveDate) -> bool {
        let month = |date: NaiveDate| (date.year(), date.month());
        let of_root = |listing: &&Listing| listing.played && listing.instrument.root == root.symbol;
        let played: Vec<_> = self.listings.iter().filter(of_root).map(|listing| month(listing.expiry)).collect();
        let first = played.iter().min();
        first.is_none_or(|first| month(expiry) > *first && !played.contains(&month(expiry)))
    }

    fn rule_of(&mut self, tick_size: Decimal) -> i32 {
        let index = self.rules.iter().position(|rule| *rule == tick_size).unwrap_or_else(|| {
            self.rules.push(tick_size);
            self.rules.len() - 1
        });
        RULE_ID_FIRST + i32::try_from(index).expect("few instruments")
    }

    pub fn listing(&self, symbol: SymbolId) -> Option<&Listing> {
        self.listings.iter().find(|listing| listing.played && listing.instrument.id == symbol)
    }

    pub fn first(&self) -> Option<&Listing> {
        self.listings.first()
    }

    pub fn by_con_id(&self, con_id: i32) -> Option<&Listing> {
        self.listings.iter().find(|listing| listing.contract.con_id == Some(con_id))
    }

    /// Every listing that fits the description.
    pub fn matching(&self, wanted: &Contract) -> Vec<&Listing> {
        if wanted.sec_type.as_deref() != Some(CONTINUOUS) {
            return self.listings.iter().filter(|listing| fits(&listing.contract, wanted)).collect();
        }
        // The continuous future is its front month.
        let wanted = Contract { sec_type: None, ..wanted.clone() };
        let fitting = self.listings.iter().filter(|listing| fits(&listing.contract, &wanted));
        fitting.min_by_key(|listing| listing.expiry).into_iter().collect()
    }

    /// The only listing that fits, if it can be traded; the refusal is what a client of Interactive Brokers would see.
    pub fn one(&self, wanted: &Contract) -> Result<&Listing, Refusal> {
        let listing = self.only(wanted)?;
        if !listing.played || wanted.sec_type.as_deref() == Some(CONTINUOUS) {
            let text = "Order rejected - reason:No trading permissions.".to_owned();
            return Err(Refusal { code: NO_TRADING, text });
        }
        Ok(listing)
    }

    /// The only listing that fits, whether or not there is a market for it.
    pub fn only(&self, wanted: &Contract) -> Result<&Listing, Refusal> {
        match self.matching(wanted)[..] {
            [listing] => Ok(listing),
            [] => Err(no_definition()),
            _ => {
                let name = wanted.symbol.as_deref().unwrap_or("");
                let text = format!("The contract description specified for {name} is ambiguous.");
                Err(Refusal { code: NO_DEFINITION, text })
            }
        }
    }

    /// The underlyings whose symbol begins with the pattern or whose name holds it, in any case: one description for
    /// each root symbol, in the order of the listings, symbols before names.
    pub fn matching_symbols(&self, pattern: &str) -> Vec<ContractDescription> {
        let pattern = pattern.trim().to_lowercase();
        if pattern.is_empty() {
            return Vec::new();
        }
        let mut seen = BTreeSet::new();
        let firsts: Vec<&Listing> =
            self.listings.iter().filter(|listing| seen.insert(listing.instrument.root.as_str())).collect();
        let by_symbol = |listing: &&&Listing| listing.instrument.root.to_lowercase().starts_with(&pattern);
        let by_name = |listing: &&&Listing| !by_symbol(listing) && listing.name().to_lowercase().contains(&pattern);
        firsts
            .iter()
            .filter(by_symbol)
            .chain(firsts.iter().filter(by_name))
            .map(|listing| listing.description())
            .collect()
    }

    pub fn market_rule(&self, rule_id: i32) -> Option<MarketRule> {
        let tick_size = self.rules.get(usize::try_from(rule_id.checked_sub(RULE_ID_FIRST)?).ok()?)?;
        let step = PriceIncrement { low_edge: Some(0.0), increment: tick_size.to_f64() };
        Some(MarketRule { market_rule_id: Some(rule_id), price_increments: vec![step] })
    }
}

pub fn no_definition() -> Refusal {
    Refusal { code: NO_DEFINITION, text: "No security definition has been found for the request".to_owned() }
}

fn instrument_of(root: &Root, id: SymbolId, expiry: NaiveDate) -> Instrument {
    Instrument {
        id,
        name: root.symbol.to_owned(),
        root: root.symbol.to_owned(),
        expiry: Some(expiry.format("%Y%m%d").to_string()),
        exchange: root.exchange.to_owned(),
        currency: "USD".to_owned(),
        tick_size: root.tick_size(),
        multiplier: root.multiplier(),
    }
}

/// Whether a listed contract is what the client describes. What the client leaves out, fits.
fn fits(listed: &Contract, wanted: &Contract) -> bool {
    let same = |listed: &Option<String>, wanted: &Option<String>| {
        wanted.as_deref().is_none_or(|wanted| wanted.is_empty() || listed.as_deref() == Some(wanted))
    };
    let con_id = wanted.con_id.unwrap_or(0);
    // A contract id names the contract; besides it only a contradicting exchange is looked at, as TWS does.
    if con_id != 0 {
        return listed.con_id == Some(con_id) && same(&listed.exchange, &wanted.exchange);
    }
    let named =
        [&wanted.symbol, &wanted.local_symbol].iter().any(|name| name.as_deref().is_some_and(|n| !n.is_empty()));
    let expiry = wanted.last_trade_date_or_contract_month.as_deref().unwrap_or("");
    // Contract details show `20261218 08:30:00 US/Central`, and clients send that back.
    let expiry = expiry.split([' ', '-']).next().unwrap_or("");
    named
        && same(&listed.symbol, &wanted.symbol)
        && same(&listed.sec_type, &wanted.sec_type)
        && same(&listed.exchange, &wanted.exchange)
        && same(&listed.currency, &wanted.currency)
        && same(&listed.local_symbol, &wanted.local_symbol)
        && same(&listed.trading_class, &wanted.trading_class)
        && wanted.multiplier.is_none_or(|m| m == 0.0 || listed.multiplier == Some(m))
        && [0, 6, 8].contains(&expiry.len())
        && listed.last_trade_date_or_contract_month.as_deref().is_some_and(|date| date.starts_with(expiry))
}
