//! What else can be asked about the past: the sessions there were, and where the data begins. In: requests. Out: answers.

use engine::time::Timestamp;
use engine::venue::Refusal;

use crate::broker::Broker;
use crate::broker::clients::ConnId;
use crate::broker::history::{Format, SERVICE, SERVICE_TEXT, read_format, read_show, service};
use crate::broker::session::{SYSTEM, invalid};
use crate::history::duration::Span;
use crate::history::query::Show;
use crate::history::slots::BarSize;
use crate::wire::bars::HistoricalDataRequest;
use crate::wire::past::{HeadTimestamp, HeadTimestampRequest, HistoricalSchedule, HistoricalSession};

impl Broker {
    pub(super) fn send_schedule(
        &mut self,
        conn: ConnId,
        req_id: i32,
        request: &HistoricalDataRequest,
    ) -> Result<(), Refusal> {
        let listing = self.data_of(request.contract.as_ref(), SERVICE, SERVICE_TEXT)?.clone();
        if BarSize::from_wire(request.bar_size_setting.as_deref().unwrap_or("")) != Some(BarSize::Day) {
            return Err(invalid("Historical schedules are served for a bar size of 1 day only"));
        }
        let span =
            Span::from_wire(request.duration.as_deref().unwrap_or("")).map_err(|bad| invalid(&bad.to_string()))?;
        let end = self.end_of(conn, req_id, request.end_date_time.as_deref())?.unwrap_or_else(|| self.now());
        let (hours, liquid) = (listing.hours, request.use_rth.unwrap_or(false));
        let from = span.begin(hours, liquid, end);
        let text = |at: Timestamp| Some(hours.local(at).format("%Y%m%d-%H:%M:%S").to_string());
        let windows = hours.windows_before(end, liquid).take_while(|window| window.open >= from);
        let mut sessions: Vec<HistoricalSession> = windows
            .map(|window| HistoricalSession {
                start_date_time: text(window.open),
                end_date_time: text(window.close),
                ref_date: Some(window.trade_date.format("%Y%m%d").to_string()),
            })
            .collect();
        sessions.reverse();
        let schedule = HistoricalSchedule {
            req_id: Some(req_id),
            start_date_time: text(from),
            end_date_time: text(end),
            time_zone: Some(hours.zone_name().to_owned()),
            sessions,
        };
        self.send(conn, schedule);
        Ok(())
    }

    pub(super) fn send_head(&mut self, conn: ConnId, request: &HeadTimestampRequest) {
        let req_id = request.req_id.unwrap_or(SYSTEM);
        match self.head(request) {
            Ok(head_timestamp) => {
                self.send(conn, HeadTimestamp { req_id: Some(req_id), head_timestamp: Some(head_timestamp) });
            }
            Err(refusal) => self.refuse(conn, req_id, &refusal),
        }
    }

    fn head(&mut self, request: &HeadTimestampRequest) -> Result<String, Refusal> {
        let listing = self.data_of(request.contract.as_ref(), SERVICE, SERVICE_TEXT)?.clone();
        let show = read_show(request.what_to_show.as_deref())?;
        let format = read_format(request.format_date)?;
        let none = || service("No head time stamp");
        let tape = self.memory.whole(listing.instrument.id).ok_or_else(none)?;
        let mut head = tape.head(show == Show::Trades).ok_or_else(none)?;
        if request.use_rth.unwrap_or(false) && listing.hours.window_of(head, true).is_none() {
            let date = listing.hours.calendar().trade_date(head);
            let windows = date.iter_days().take(10).filter_map(|date| listing.hours.liquid(date));
            head = windows.map(|window| window.open).find(|open| *open >= head).ok_or_else(none)?;
        }
        Ok(match format {
            Format::Text => head.to_datetime().format("%Y%m%d-%H:%M:%S").to_string(),
            Format::Seconds => head.secs().to_string(),
        })
    }
}
