//! Executions: those that happen, and those that a client asks for. In: fills, filters. Out: details and commissions.

use chrono::{NaiveDate, TimeZone, Utc};
use chrono_tz::US::Central;
use engine::time::Timestamp;
use engine::trade::Side;
use engine::venue::{Refusal, VenueExecution};
use rust_decimal::prelude::ToPrimitive;

use crate::broker::Broker;
use crate::broker::clients::ConnId;
use crate::broker::order_times::parse_instant;
use crate::broker::order_view::local_time;
use crate::broker::session::{SYSTEM, invalid};
use crate::catalog::Catalog;
use crate::wire::execution::{
    CommissionAndFeesReport, Execution, ExecutionDetails, ExecutionDetailsEnd, ExecutionFilter, ExecutionRequest,
};

/// Added liquidity, as captured fills show it.
const LIQUIDITY_ADDED: i32 = 1;

impl Broker {
    /// To the client that placed the order; of orders from outside the API, to client 0. Tells whether it is connected.
    pub(super) fn send_own_execution(&mut self, execution: &VenueExecution) -> bool {
        let Some(conn) = self.conn_of(self.ids_of(execution).0) else { return false };
        let details = self.execution_details(SYSTEM, execution);
        self.send(conn, details);
        true
    }

    pub(super) fn send_commission(&mut self, execution: &VenueExecution) {
        if let Some(conn) = self.conn_of(self.ids_of(execution).0) {
            let report = self.commission_report(execution);
            self.send(conn, report);
        }
    }

    /// Client and order id of the order as it is now: an order from outside the API may have been bound since.
    fn ids_of(&self, fill: &VenueExecution) -> (i32, i32) {
        let order = self.player.venue().order(fill.perm_id);
        order.map_or((fill.client_id, fill.order_id), |order| (order.order.client_id, order.order.order_id))
    }

    pub(super) fn send_executions(&mut self, conn: ConnId, request: &ExecutionRequest) {
        let req_id = request.req_id.unwrap_or(SYSTEM);
        let filter = request.execution_filter.clone().unwrap_or_default();
        let wanted = match Wanted::read(&filter, self.now()) {
            Ok(wanted) => wanted,
            Err(refusal) => return self.refuse(conn, req_id, &refusal),
        };
        let fits = |execution: &&VenueExecution| wanted.fits(execution, &self.catalog, &self.account);
        let found: Vec<VenueExecution> = self.player.venue().executions().iter().filter(fits).cloned().collect();
        for execution in &found {
            let details = self.execution_details(req_id, execution);
            self.send(conn, details);
            let report = self.commission_report(execution);
            self.send(conn, report);
        }
        self.send(conn, ExecutionDetailsEnd { req_id: Some(req_id) });
    }

    fn execution_details(&self, req_id: i32, fill: &VenueExecution) -> ExecutionDetails {
        let listing = self.catalog.listing(fill.symbol);
        let price = listing.map_or(0.0, |listing| listing.points.of_ticks(i64::from(fill.price.0)));
        let (client_id, order_id) = self.ids_of(fill);
        let execution = Execution {
            order_id: Some(order_id),
            exec_id: Some(fill.exec_id.clone()),
            time: Some(local_time(fill.at)),
            acct_number: Some(self.account.clone()),
            exchange: listing.map(|listing| listing.instrument.exchange.clone()),
            side: Some(side_name(fill.side).to_owned()),
            shares: Some(fill.quantity.to_string()),
            price: Some(price),
            perm_id: Some(fill.perm_id.0),
            client_id: Some(client_id),
            is_liquidation: Some(fill.liquidation),
            cum_qty: Some(fill.cumulative.to_string()),
            avg_price: Some(self.average_up_to(fill).unwrap_or(price)),
            order_ref: Some(fill.order_ref.clone()).filter(|text| !text.is_empty()),
            last_liquidity: Some(LIQUIDITY_ADDED),
        };
        let contract = listing.map(|listing| listing.contract.clone());
        ExecutionDetails { req_id: Some(req_id), contract, execution: Some(execution) }
    }

    /// Average price of the order's fills up to this one, in points.
    fn average_up_to(&self, fill: &VenueExecution) -> Option<f64> {
        let listing = self.catalog.listing(fill.symbol)?;
        if fill.cumulative == fill.quantity {
            return None;
        }
        let (mut ticks, mut contracts) = (0, 0);
        for other in self.player.venue().executions().iter().rev().filter(|other| other.perm_id == fill.perm_id) {
            if other.cumulative <= fill.cumulative {
                ticks += i64::from(other.price.0) * i64::from(other.quantity);
                contracts += other.quantity;
            }
            if other.cumulative == other.quantity {
                break;
            }
        }
        (contracts > 0).then(|| listing.points.of_ticks(ticks) / f64::from(contracts))
    }

    pub(super) fn commission_report(&self, fill: &VenueExecution) -> CommissionAndFeesReport {
        CommissionAndFeesReport {
            exec_id: Some(fill.exec_id.clone()),
            commission_and_fees: fill.commission.to_decimal().to_f64(),
            currency: self.catalog.listing(fill.symbol).map(|listing| listing.instrument.currency.clone()),
            realized_pnl: fill.realised.and_then(|money| money.to_decimal().to_f64()),
            bond_yield: None,
            yield_redemption_date: None,
        }
    }
}

fn side_name(side: Side) -> &'static str {
    match side {
        Side::Buy => "BOT",
        Side::Sell => "SLD",
    }
}

/// A filter that has been understood. What the client leaves out, fits.
struct Wanted {
    filter: ExecutionFilter,
    since: Timestamp,
    side: Option<Side>,
    dates: Vec<NaiveDate>,
}

impl Wanted {
    fn read(filter: &ExecutionFilter, now: Timestamp) -> Result<Wanted, Refusal> {
        let side = match filter.side.as_deref().unwrap_or("") {
            "" => None,
            "BUY" | "BOT" => Some(Side::Buy),
            "SELL" | "SLD" | "SSHORT" => Some(Side::Sell),
            other => {
                return Err(invalid(&format!("Invalid side {other:?} in the filter, expected BUY or SELL")));
            }
        };
        let time = match filter.time.as_deref().unwrap_or("") {
            "" => Timestamp::MIN,
            text => parse_instant(text).ok_or_else(|| {
                invalid(&format!("Invalid time {text:?} in the filter, expected yyyymmdd hh:mm:ss [zone]"))
            })?,
        };
        let dates = filter.specific_dates.iter().map(|date| {
            NaiveDate::parse_from_str(&date.to_string(), "%Y%m%d")
                .map_err(|_| invalid(&format!("Invalid date {date} in the filter, expected yyyymmdd")))
        });
        let dates: Vec<NaiveDate> = dates.collect::<Result<_, _>>()?;
        // Without days or dates only executions since midnight are told.
        let days = u64::try_from(filter.last_n_days.unwrap_or(0)).unwrap_or(0);
        let midnight = if dates.is_empty() { midnight(now, days) } else { Timestamp::MIN };
        Ok(Wanted { filter: filter.clone(), since: time.max(midnight), side, dates })
    }

    fn fits(&self, fill: &VenueExecution, catalog: &Catalog, account: &str) -> bool {
        let Some(listing) = catalog.listing(fill.symbol) else {
            return false;
        };
        let same = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted.is_empty() || wanted == found)
        };
        let day = || fill.at.to_datetime().with_timezone(&Central).date_naive();
        [0, fill.client_id].contains(&self.filter.client_id.unwrap_or(0))
            && same(&self.filter.acct_code, account)
            && same(&self.filter.symbol, &listing.instrument.root)
            && same(&self.filter.sec_type, "FUT")
            && same(&self.filter.exchange, &listing.instrument.exchange)
            && self.side.is_none_or(|side| side == fill.side)
            && fill.at >= self.since
            && (self.dates.is_empty() || self.dates.contains(&day()))
    }
}

/// Start of the day in the contracts' time zone, `days` days back.
fn midnight(now: Timestamp, days: u64) -> Timestamp {
    let today = now.to_datetime().with_timezone(&Central).date_naive();
    let day = today.checked_sub_days(chrono::Days::new(days)).unwrap_or(today);
    let start = day.and_time(chrono::NaiveTime::MIN);
    Central.from_local_datetime(&start).earliest().map_or(Timestamp::MIN, |at| at.with_timezone(&Utc).into())
}
