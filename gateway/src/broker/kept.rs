//! Historical bars that are kept up to date. In: the marks of market time, cancels. Out: the bar that is being made, at
//! each mark while the market is open, and once more when it is complete.

use chrono::NaiveDate;
use engine::market::SymbolId;
use engine::time::Timestamp;

use crate::broker::Broker;
use crate::broker::clients::ConnId;
use crate::broker::history::{Query, frame, service};
use crate::history::query::bars;
use crate::history::slots::Slots;
use crate::wire::bars::{HistoricalDataBar, HistoricalDataUpdate};

const NO_QUERY: i32 = 366;

/// Bars that are kept up to date.
#[derive(Debug)]
pub struct Kept {
    pub conn: ConnId,
    pub req_id: i32,
    pub symbol: SymbolId,
    pub query: Query,
    /// What was told last.
    pub last: Option<HistoricalDataBar>,
}

impl Broker {
    pub(super) fn cancel_history(&mut self, conn: ConnId, req_id: i32) {
        let before = self.data.kept.len();
        self.data.kept.retain(|sub| (sub.conn, sub.req_id) != (conn, req_id));
        if self.data.kept.len() == before {
            let text = format!("No historical data query found for ticker id:{req_id}");
            return self.error(conn, req_id, NO_QUERY, &text);
        }
        self.refuse(conn, req_id, &service(&format!("API historical data query cancelled: {req_id}")));
    }

    /// Tells of the bar that holds the moment before `mark`, to all who keep bars up to date.
    pub(super) fn send_bar_updates(&mut self, mark: Timestamp) {
        for index in 0..self.data.kept.len() {
            let sub = &self.data.kept[index];
            let (conn, req_id) = (sub.conn, sub.req_id);
            let Some(open) = self.running_bar(sub, mark) else { continue };
            let sub = &mut self.data.kept[index];
            // An interval without a trade has no bar yet: the last one is told again.
            sub.last = open.or(sub.last.take());
            if let Some(bar) = sub.last.clone() {
                self.send(conn, HistoricalDataUpdate { req_id: Some(req_id), bar: Some(bar) });
            }
        }
    }

    /// `None` while the market is closed; otherwise the bar, if there is one.
    fn running_bar(&self, sub: &Kept, mark: Timestamp) -> Option<Option<HistoricalDataBar>> {
        let (tape, listing) = self.memory.tape(sub.symbol).zip(self.catalog.listing(sub.symbol))?;
        let query = &sub.query;
        let just_before = Timestamp::from_nanos(mark.nanos() - 1);
        listing.hours.window_of(just_before, query.liquid)?;
        let mut slots = Slots::new(listing.hours, query.size, query.liquid);
        let slot = slots.of(just_before)?;
        let first_date = NaiveDate::from_num_days_from_ce_opt(i32::try_from(slot.key).unwrap_or(0));
        let from = match first_date.filter(|_| query.size.has_date()) {
            Some(first) => {
                let windows = listing.hours.windows_before(mark, query.liquid);
                windows.take_while(|window| window.trade_date >= first).last().map_or(slot.start, |window| window.open)
            }
            None => slot.start,
        };
        let made = bars(tape, query.show, &mut slots, listing.points, from, mark).pop();
        Some(made.map(|bar| frame(&bar, query, listing.hours)))
    }
}
