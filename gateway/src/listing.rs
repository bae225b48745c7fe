//! One listed contract: what it is, its prices in points, its details as clients see them. In: an instrument and its last
//! trading day. Out: contracts, details, descriptions. Absent: which contracts are listed (`catalog` says that).

use chrono::{Datelike, NaiveDate};
use engine::market::{Instrument, PriceGrid};
use engine::time::Timestamp;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::hours::Hours;
use crate::roots::root;
use crate::wire::contract::{Contract, ContractDetails};
use crate::wire::symbols::ContractDescription;

/// What every contract of these products can be ordered with, as contract details of a real gateway show it.
const ORDER_TYPES: &str = "ACTIVETIM,AD,ADJUST,ALERT,ALGO,ALLOC,AVGCOST,BASKET,BENCHPX,COND,CONDORDER,DAY,DEACT,\
    DEACTDIS,DEACTEOD,GAT,GTC,GTD,GTT,HID,ICE,IOC,LIT,LMT,LTH,MIT,MKT,MKTPROT,MTL,NGCOMB,NONALGO,OCA,PEGBENCH,SCALE,\
    SCALERST,SNAPMID,SNAPMKT,SNAPREL,STP,STPLMT,STPPROT,TRAIL,TRAILLIT,TRAILLMT,TRAILMIT,WHATIF";
/// Every exchange here has the broker's own algorithms beside it.
const ALGO_VENUE: &str = "QBALGO";
const MONTH_CODES: &[u8; 12] = b"FGHJKMNQUVXZ";

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

impl Listing {
    pub fn new(instrument: Instrument, expiry: NaiveDate, rule_id: i32, played: bool) -> Self {
        let contract = short_contract(&instrument, expiry, con_id_of(&instrument, expiry));
        let (grid, points) = (PriceGrid::of(&instrument), Points::of(instrument.tick_size));
        let hours = Hours::of(&instrument);
        Self { instrument, contract, expiry, rule_id, grid, points, played, hours }
    }

    pub fn con_id(&self) -> i32 {
        self.contract.con_id.expect("every listing has an id")
    }

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
    pub fn description(&self) -> ContractDescription {
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
