//! Historical bars. In: requests. Out: bars with their period, or why there are none. Keeping them up to date is `kept`,
//! sessions and the head of the data are `past`.

use engine::market::SymbolId;
use engine::time::Timestamp;
use engine::venue::Refusal;

use crate::broker::Broker;
use crate::broker::clients::ConnId;
use crate::broker::kept::Kept;
use crate::broker::session::{SYSTEM, invalid};
use crate::catalog::Listing;
use crate::history::duration::Span;
use crate::history::query::{Bar, Show, bars};
use crate::history::slots::{BarSize, Slots};
use crate::hours::Hours;
use crate::when;
use crate::wire::Encoding;
use crate::wire::bars::{
    HistoricalData, HistoricalDataBar, HistoricalDataEnd, HistoricalDataInOne, HistoricalDataRequest,
};

pub(super) const SERVICE: i32 = 162;
pub(super) const SERVICE_TEXT: &str = "Historical Market Data Service error message:";
const DUPLICATE: i32 = 322;
/// More than this is not served at once; a frame has to hold them.
const BARS_MAX: usize = 60_000;
/// Bars of one second are served for this many seconds at most.
const ONE_SECOND_BARS_MAX: u32 = 2_000;
const BAD_SIZE: &str = "Historical data bar size setting is invalid. Legal ones are: 1 secs, 5 secs, 10 secs, 15 secs, \
    30 secs, 1 min, 2 mins, 3 mins, 5 mins, 10 mins, 15 mins, 20 mins, 30 mins, 1 hour, 2 hours, 3 hours, 4 hours, \
    8 hours, 1 day, 1W, 1M";

/// How a client wants to read times.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Format {
    Text,
    Seconds,
}

/// A request for bars that was understood.
#[derive(Clone, Debug)]
pub(super) struct Query {
    pub symbol: SymbolId,
    pub show: Show,
    pub size: BarSize,
    pub liquid: bool,
    pub format: Format,
}

impl Broker {
    pub(super) fn send_history(&mut self, conn: ConnId, request: &HistoricalDataRequest) {
        let req_id = request.req_id.unwrap_or(SYSTEM);
        let answer = match request.what_to_show.as_deref() {
            Some("SCHEDULE") => self.send_schedule(conn, req_id, request),
            _ => self.send_bars(conn, req_id, request),
        };
        if let Err(refusal) = answer {
            self.refuse(conn, req_id, &refusal);
        }
    }

    fn send_bars(&mut self, conn: ConnId, req_id: i32, request: &HistoricalDataRequest) -> Result<(), Refusal> {
        let listing = self.data_of(request.contract.as_ref(), SERVICE, SERVICE_TEXT)?.clone();
        let (query, span) = read_query(&listing, request)?;
        let kept = request.keep_up_to_date.unwrap_or(false);
        if self.data.kept.iter().any(|sub| (sub.conn, sub.req_id) == (conn, req_id)) {
            let text = "Error processing request.-'bX' : cause - Duplicate ticker ID for API historical data query";
            return Err(Refusal { code: DUPLICATE, text: text.to_owned() });
        }
        let end = self.end_of(conn, req_id, request.end_date_time.as_deref())?;
        let now = self.now();
        let from = span.begin(listing.hours, query.liquid, end.unwrap_or(now));
        // Without an end, what happened in this very moment belongs to it.
        let to = end.unwrap_or_else(|| Timestamp::from_nanos(now.nanos().saturating_add(1)));
        let mut slots = Slots::new(listing.hours, query.size, query.liquid);
        let tape = self.memory.whole(query.symbol).ok_or_else(|| no_data(&listing, query.show))?;
        let found = bars(tape, query.show, &mut slots, listing.points, from, to);
        if found.len() > BARS_MAX {
            return Err(service("Time length exceed max."));
        }
        if found.is_empty() && !kept {
            return Err(no_data(&listing, query.show));
        }
        let told: Vec<HistoricalDataBar> = found.iter().map(|bar| frame(bar, &query, listing.hours)).collect();
        let last = told.last().cloned();
        self.send_history_bars(conn, req_id, told, [from, end.unwrap_or(now)].map(|at| listing.hours.text(at)));
        if kept {
            self.data.start_marks(now);
            self.data.kept.push(Kept { conn, req_id, symbol: query.symbol, query, last });
            self.begin_playing();
        }
        Ok(())
    }

    /// In text the period comes with the bars, in protobuf after them.
    fn send_history_bars(&mut self, conn: ConnId, req_id: i32, bars: Vec<HistoricalDataBar>, period: [String; 2]) {
        let Some(client) = self.clients.get(&conn) else { return };
        let [start, end] = period.map(Some);
        let data = HistoricalData { req_id: Some(req_id), bars };
        let end = HistoricalDataEnd { req_id: Some(req_id), start_date_str: start, end_date_str: end };
        match client.encoding {
            Encoding::Text { .. } => self.send(conn, HistoricalDataInOne { data: Some(data), end: Some(end) }),
            Encoding::Protobuf { .. } => {
                self.send(conn, data);
                self.send(conn, end);
            }
        }
    }

    /// The end that a client names, not later than now; `None` for now. A time without a zone is warned of.
    pub(super) fn end_of(
        &mut self,
        conn: ConnId,
        req_id: i32,
        text: Option<&str>,
    ) -> Result<Option<Timestamp>, Refusal> {
        let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Ok(None) };
        let at = self.read_time(conn, req_id, "End Date/Time", text)?;
        Ok(Some(at).filter(|at| *at <= self.now()))
    }

    /// A time as a client writes it.
    pub(super) fn read_time(
        &mut self,
        conn: ConnId,
        req_id: i32,
        name: &str,
        text: &str,
    ) -> Result<Timestamp, Refusal> {
        let bad = || Refusal { code: when::BAD_TIME_CODE, text: format!("{name}: {}", when::BAD_TIME) };
        let read = when::parse(text, self.now()).ok_or_else(bad)?;
        if !read.zoned {
            self.error(conn, req_id, when::NO_ZONE_CODE, when::NO_ZONE);
        }
        Ok(read.at)
    }
}

fn read_query(listing: &Listing, request: &HistoricalDataRequest) -> Result<(Query, Span), Refusal> {
    let size = BarSize::from_wire(request.bar_size_setting.as_deref().unwrap_or(""));
    let size = size.ok_or_else(|| invalid(BAD_SIZE))?;
    let show = read_show(request.what_to_show.as_deref())?;
    let format = read_format(request.format_date)?;
    let span = Span::from_wire(request.duration.as_deref().unwrap_or("")).map_err(|bad| invalid(&bad.to_string()))?;
    if size == BarSize::Seconds(1) && span.seconds().is_none_or(|seconds| seconds > ONE_SECOND_BARS_MAX) {
        return Err(service("invalid step: 1"));
    }
    if request.keep_up_to_date.unwrap_or(false) {
        if request.end_date_time.as_deref().is_some_and(|end| !end.trim().is_empty()) {
            return Err(invalid("End date/time must be empty for keepUpToDate requests"));
        }
        if size == BarSize::Seconds(1) || show == Show::BidAsk {
            return Err(invalid("keepUpToDate is served for bars of 5 secs and more of TRADES, MIDPOINT, BID or ASK"));
        }
    }
    let liquid = request.use_rth.unwrap_or(false);
    Ok((Query { symbol: listing.instrument.id, show, size, liquid, format }, span))
}

pub(super) fn read_show(word: Option<&str>) -> Result<Show, Refusal> {
    Show::from_wire(word.unwrap_or("")).ok_or_else(|| invalid("What to show field is missing or incorrect."))
}

pub(super) fn read_format(number: Option<i32>) -> Result<Format, Refusal> {
    match number.unwrap_or(0) {
        1 => Ok(Format::Text),
        2 => Ok(Format::Seconds),
        other => Err(invalid(&format!("Date formatting selection of {other} rejected"))),
    }
}

pub(super) fn frame(bar: &Bar, query: &Query, hours: Hours) -> HistoricalDataBar {
    let date = match query.format {
        _ if query.size.has_date() => bar.slot.date.format("%Y%m%d").to_string(),
        Format::Text => hours.text(bar.slot.start),
        Format::Seconds => bar.slot.start.secs().to_string(),
    };
    let none = || "-1".to_owned();
    HistoricalDataBar {
        date: Some(date),
        open: Some(bar.open),
        high: Some(bar.high),
        low: Some(bar.low),
        close: Some(bar.close),
        volume: Some(bar.traded.map_or_else(none, |traded| traded.volume.to_string())),
        wap: Some(bar.traded.map_or_else(none, |traded| traded.average.to_string())),
        bar_count: Some(bar.traded.map_or(-1, |traded| i32::try_from(traded.count).unwrap_or(i32::MAX))),
    }
}

pub(super) fn service(cause: &str) -> Refusal {
    Refusal { code: SERVICE, text: format!("{SERVICE_TEXT}{cause}") }
}

fn no_data(listing: &Listing, show: Show) -> Refusal {
    let name = listing.contract.local_symbol.as_deref().unwrap_or("");
    service(&format!("HMDS query returned no data: {name}@{} {}", listing.instrument.exchange, show.name()))
}
