//! The contracts that this gateway lists: those whose market is played, and around them the chains of the products that
//! it knows. In: instruments and a contract as a client describes it. Out: the listing that it means, contract details,
//! market rules, matching symbols. Absent: prices, orders.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate};
use engine::market::{Instrument, PriceGrid, SymbolId};
use engine::time::Timestamp;
use engine::venue::Refusal;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::calendar::{chain, expiry_of};
use crate::hours::Hours;
use crate::roots::{self, Root, root};
use crate::wire::contract::{Contract, ContractDetails, MarketRule, PriceIncrement};
use crate::wire::symbols::ContractDescription;

/// The time zone of the contracts, as Interactive Brokers names it.
pub const ZONE_NAME: &str = "US/Central";
const NO_DEFINITION: i32 = 200;
/// What every contract of these products can be ordered with, as contract details of a real gateway show it.
const ORDER_TYPES: &str = "ACTIVETIM,AD,ADJUST,ALERT,ALGO,ALLOC,AVGCOST,BASKET,BENCHPX,COND,CONDORDER,DAY,DEACT,\
    DEACTDIS,DEACTEOD,GAT,GTC,GTD,GTT,HID,ICE,IOC,LIT,LMT,LTH,MIT,MKT,MKTPROT,MTL,NGCOMB,NONALGO,OCA,PEGBENCH,SCALE,\
    SCALERST,SNAPMID,SNAPMKT,SNAPREL,STP,STPLMT,STPPROT,TRAIL,TRAILLIT,TRAILLMT,TRAILMIT,WHATIF";
/// Every exchange here has the broker's own algorithms beside it.
const ALGO_VENUE: &str = "QBALGO";
const NO_TRADING: i32 = 201;
/// The security type of a continuous future: data of whatever month is the front one.
pub const CONTINUOUS: &str = "CONTFUT";
const MONTH_CODES: &[u8; 12] = b"FGHJKMNQUVXZ";
/// ES's rule at Interactive Brokers; further tick sizes get the numbers after it.
const RULE_ID_FIRST: i32 = 67;

/// One instrument as the broker lists it.
#[derive(Clone, Debug)]
pub struct Listing {
    pub instrument: Instrument,
    /// The short form that orders, executions and positions carry.
    pub contract: Contract,
    pub expiry: NaiveDate,
    pub rule_id: i32,
    pub grid: PriceGrid,
    pub points: Points,
    /// There is a market for it; the other contracts of a chain are known and nothing more.
    pub played: bool,
    pub hours: Hours,
}

/// Ticks to points in binary floating point with one rounding: the double nearest to the exact decimal.
#[derive(Clone, Copy, Debug)]
pub struct Points {
    mantissa: i64,
    scale: f64,
}

impl Points {
    fn of(tick_size: Decimal) -> Self {
        let tick = tick_size.normalize();
        let mantissa = i64::try_from(tick.mantissa()).expect("a tick size has few digits");
        Self { mantissa, scale: 10f64.powi(i32::try_from(tick.scale()).expect("at most 28 decimals")) }
    }

    /// `ticks` may be a sum of many prices.
    #[inline]
    pub fn of_ticks(&self, ticks: i64) -> f64 {
        (ticks * self.mantissa) as f64 / self.scale
    }

    /// Half of `ticks`: the middle of two prices from their sum.
    #[inline]
    pub fn of_half_ticks(&self, ticks: i64) -> f64 {
        (ticks * self.mantissa) as f64 / (2.0 * self.scale)
    }

    /// An average of prices, to the millionth of a point.
    pub fn of_average(&self, ticks: f64) -> f64 {
        (ticks * self.mantissa as f64 / self.scale * 1e6).round() / 1e6
    }
}

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
        let mut con_id = con_id_of(&instrument, expiry);
        while !con_ids.insert(con_id) {
            con_id += 1;
        }
        let contract = short_contract(&instrument, expiry, con_id);
        let (grid, points) = (PriceGrid::of(&instrument), Points::of(instrument.tick_size));
        let hours = Hours::of(&instrument);
        self.listings.push(Listing { instrument, contract, expiry, rule_id, grid, points, played, hours });
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

impl Listing {
    /// Currency units that one contract gains per tick.
    pub fn tick_value(&self) -> Decimal {
        self.instrument.tick_size * self.instrument.multiplier
    }

    /// The product's name; the root symbol where no other is known.
    pub fn name(&self) -> &str {
        root(&self.instrument.root).map_or(self.instrument.root.as_str(), |root| root.long_name)
    }

    fn under_con_id(&self) -> i32 {
        let known = root(&self.instrument.root).and_then(|root| root.under_con_id);
        known.unwrap_or_else(|| hashed_id(&self.instrument.root))
    }

    /// The underlying as matching symbols show it.
    fn description(&self) -> ContractDescription {
        let sec_type = root(&self.instrument.root).map_or("IND", |root| root.under_sec_type);
        let contract = Contract {
            con_id: Some(self.under_con_id()),
            symbol: Some(self.instrument.root.clone()),
            sec_type: Some(sec_type.to_owned()),
            primary_exch: Some(self.instrument.exchange.clone()),
            currency: Some(self.instrument.currency.clone()),
            description: Some(self.name().to_owned()),
            ..Contract::default()
        };
        ContractDescription { contract: Some(contract), derivative_sec_types: vec!["FUT".to_owned()] }
    }

    /// Contract and details as answers to a contract request carry them; `now` begins the trading hours.
    pub fn details(&self, now: Timestamp) -> (Contract, ContractDetails) {
        let date = self.expiry.format("%Y%m%d").to_string();
        let known = root(&self.instrument.root);
        let ends_at = known.map_or("08:30:00", |root| root.ends_at);
        let contract = Contract {
            last_trade_date_or_contract_month: Some(format!("{date} {ends_at} {}", self.hours.zone_name())),
            last_trade_date: Some(date.clone()),
            strike: Some(0.0),
            ..self.contract.clone()
        };
        let symbol = Some(self.instrument.root.clone());
        let one = || Some("1".to_owned());
        let details = ContractDetails {
            market_name: symbol.clone(),
            min_tick: Some(self.instrument.tick_size.normalize().to_string()),
            order_types: Some(ORDER_TYPES.to_owned()),
            valid_exchanges: Some(format!("{},{ALGO_VENUE}", self.instrument.exchange)),
            price_magnifier: Some(1),
            under_con_id: Some(self.under_con_id()),
            long_name: Some(self.name().to_owned()),
            contract_month: Some(self.expiry.format("%Y%m").to_string()),
            time_zone_id: Some(self.hours.zone_name().to_owned()),
            trading_hours: Some(self.hours.trading_text(now)),
            liquid_hours: Some(self.hours.liquid_text(now)),
            agg_group: Some(i32::MAX),
            under_symbol: symbol,
            under_sec_type: Some(known.map_or("IND", |root| root.under_sec_type).to_owned()),
            // One for each of the exchanges.
            market_rule_ids: Some(format!("{0},{0}", self.rule_id)),
            real_expiration_date: Some(date),
            min_size: one(),
            size_increment: one(),
            suggested_size_increment: one(),
            settlement_method: Some(known.map_or("Cash", |root| root.settlement).to_owned()),
        };
        (contract, details)
    }
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

fn short_contract(instrument: &Instrument, expiry: NaiveDate, con_id: i32) -> Contract {
    let code = MONTH_CODES[expiry.month0() as usize] as char;
    Contract {
        con_id: Some(con_id),
        symbol: Some(instrument.root.clone()),
        sec_type: Some("FUT".to_owned()),
        last_trade_date_or_contract_month: Some(expiry.format("%Y%m%d").to_string()),
        multiplier: instrument.multiplier.to_f64(),
        exchange: Some(instrument.exchange.clone()),
        currency: Some(instrument.currency.clone()),
        local_symbol: Some(format!("{}{code}{}", instrument.root, expiry.year().rem_euclid(10))),
        trading_class: Some(instrument.root.clone()),
        ..Contract::default()
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

/// The same for the same instrument in every run, in the range of real contract ids.
fn con_id_of(instrument: &Instrument, expiry: NaiveDate) -> i32 {
    hashed_id(&format!("{} {} {}", instrument.root, expiry.format("%Y%m%d"), instrument.exchange))
}

/// FNV-1a over the name, folded into 100,000,000 to 899,999,999.
fn hashed_id(name: &str) -> i32 {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    100_000_000 + i32::try_from(hash % 800_000_000).expect("below 2^31")
}
