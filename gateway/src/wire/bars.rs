//! Messages about bars: historical bars, their updates, real-time bars. In and out: typed messages.
//! Absent: how bars are built.

use crate::wire::contract::Contract;
use crate::wire::fields::{DecodeError, Fields};
use crate::wire::market_data::skip_legs;
use crate::wire::writer::TextWriter;
use crate::wire::{Ask, Reply};

#[derive(Clone, PartialEq, prost::Message)]
pub struct RealTimeBarsRequest {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub contract: Option<Contract>,
    /// Ignored by TWS: bars are of five seconds.
    #[prost(int32, optional, tag = "3")]
    pub bar_size: Option<i32>,
    #[prost(string, optional, tag = "4")]
    pub what_to_show: Option<String>,
    #[prost(bool, optional, tag = "5")]
    pub use_rth: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct CancelRealTimeBars {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct RealTimeBarTick {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    /// The bar's first second since 1970.
    #[prost(int64, optional, tag = "2")]
    pub time: Option<i64>,
    #[prost(double, optional, tag = "3")]
    pub open: Option<f64>,
    #[prost(double, optional, tag = "4")]
    pub high: Option<f64>,
    #[prost(double, optional, tag = "5")]
    pub low: Option<f64>,
    #[prost(double, optional, tag = "6")]
    pub close: Option<f64>,
    #[prost(string, optional, tag = "7")]
    pub volume: Option<String>,
    #[prost(string, optional, tag = "8")]
    pub wap: Option<String>,
    #[prost(int32, optional, tag = "9")]
    pub count: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct HistoricalDataRequest {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub contract: Option<Contract>,
    #[prost(string, optional, tag = "3")]
    pub end_date_time: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub bar_size_setting: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub duration: Option<String>,
    #[prost(bool, optional, tag = "6")]
    pub use_rth: Option<bool>,
    #[prost(string, optional, tag = "7")]
    pub what_to_show: Option<String>,
    /// 1: text, 2: seconds since 1970.
    #[prost(int32, optional, tag = "8")]
    pub format_date: Option<i32>,
    #[prost(bool, optional, tag = "9")]
    pub keep_up_to_date: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct CancelHistoricalData {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct HistoricalDataBar {
    #[prost(string, optional, tag = "1")]
    pub date: Option<String>,
    #[prost(double, optional, tag = "2")]
    pub open: Option<f64>,
    #[prost(double, optional, tag = "3")]
    pub high: Option<f64>,
    #[prost(double, optional, tag = "4")]
    pub low: Option<f64>,
    #[prost(double, optional, tag = "5")]
    pub close: Option<f64>,
    /// Contracts; -1 where the bar does not show trades, as for the two below.
    #[prost(string, optional, tag = "6")]
    pub volume: Option<String>,
    /// Average price weighted by volume.
    #[prost(string, optional, tag = "7")]
    pub wap: Option<String>,
    #[prost(int32, optional, tag = "8")]
    pub bar_count: Option<i32>,
}

/// The bars alone: as newer versions send them, followed by [`HistoricalDataEnd`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct HistoricalData {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(message, repeated, tag = "2")]
    pub bars: Vec<HistoricalDataBar>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct HistoricalDataEnd {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub start_date_str: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub end_date_str: Option<String>,
}

/// Bars and their period in one message: what text versions before 196 send. There is no protobuf form of it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HistoricalDataInOne {
    #[prost(message, optional, tag = "1")]
    pub data: Option<HistoricalData>,
    #[prost(message, optional, tag = "2")]
    pub end: Option<HistoricalDataEnd>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct HistoricalDataUpdate {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub bar: Option<HistoricalDataBar>,
}

impl Ask for RealTimeBarsRequest {
    const ID: i32 = 50;
    const NAME: &'static str = "reqRealTimeBars";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        fields.skip(1, "version")?;
        let request = Self {
            req_id: fields.int("reqId")?,
            contract: Some(Contract::from_text(fields)?),
            bar_size: fields.int("barSize")?,
            what_to_show: fields.text("whatToShow")?,
            use_rth: fields.flag("useRTH")?,
        };
        fields.skip(1, "realTimeBarsOptions")?;
        Ok(request)
    }
}

impl Ask for CancelRealTimeBars {
    const ID: i32 = 51;
    const NAME: &'static str = "cancelRealTimeBars";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        fields.skip(1, "version")?;
        Ok(Self { req_id: fields.int("reqId")? })
    }
}

impl Ask for HistoricalDataRequest {
    const ID: i32 = 20;
    const NAME: &'static str = "reqHistoricalData";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        let req_id = fields.int("reqId")?;
        let mut contract = Contract::from_text(fields)?;
        contract.include_expired = fields.flag("includeExpired")?;
        let mut request = Self {
            req_id,
            contract: None,
            end_date_time: fields.text("endDateTime")?,
            bar_size_setting: fields.text("barSizeSetting")?,
            duration: fields.text("duration")?,
            use_rth: fields.flag("useRTH")?,
            what_to_show: fields.text("whatToShow")?,
            format_date: fields.int("formatDate")?,
            keep_up_to_date: None,
        };
        skip_legs(fields, &contract)?;
        request.contract = Some(contract);
        request.keep_up_to_date = fields.flag("keepUpToDate")?;
        fields.skip(1, "chartOptions")?;
        Ok(request)
    }
}

impl Ask for CancelHistoricalData {
    const ID: i32 = 25;
    const NAME: &'static str = "cancelHistoricalData";

    fn from_text(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        fields.skip(1, "version")?;
        Ok(Self { req_id: fields.int("reqId")? })
    }
}

impl HistoricalDataBar {
    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.opt_text(&self.date).double_or_zero(self.open).double_or_zero(self.high);
        text.double_or_zero(self.low).double_or_zero(self.close).opt_text(&self.volume).opt_text(&self.wap);
        text.int_or_zero(self.bar_count);
    }
}

impl Reply for RealTimeBarTick {
    const ID: i32 = 50;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int(3).int_or_zero(self.req_id).int_or_zero(self.time).double_or_zero(self.open);
        text.double_or_zero(self.high).double_or_zero(self.low).double_or_zero(self.close);
        text.opt_text(&self.volume).opt_text(&self.wap).int_or_zero(self.count);
    }
}

impl Reply for HistoricalData {
    const ID: i32 = 17;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int_or_zero(self.req_id).int(self.bars.len() as i64);
        self.bars.iter().for_each(|bar| bar.to_text(text));
    }
}

impl Reply for HistoricalDataEnd {
    const ID: i32 = 108;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        text.int_or_zero(self.req_id).opt_text(&self.start_date_str).opt_text(&self.end_date_str);
    }
}

impl Reply for HistoricalDataInOne {
    const ID: i32 = 17;

    fn to_text(&self, text: &mut TextWriter<'_>) {
        let (data, end) = (self.data.clone().unwrap_or_default(), self.end.clone().unwrap_or_default());
        text.int_or_zero(data.req_id).opt_text(&end.start_date_str).opt_text(&end.end_date_str);
        text.int(data.bars.len() as i64);
        data.bars.iter().for_each(|bar| bar.to_text(text));
    }
}

impl Reply for HistoricalDataUpdate {
    const ID: i32 = 90;

    /// The order differs from that of the bars themselves.
    fn to_text(&self, text: &mut TextWriter<'_>) {
        let bar = self.bar.clone().unwrap_or_default();
        text.int_or_zero(self.req_id).int_or_zero(bar.bar_count).opt_text(&bar.date);
        text.double_or_zero(bar.open).double_or_zero(bar.close).double_or_zero(bar.high).double_or_zero(bar.low);
        text.opt_text(&bar.wap).opt_text(&bar.volume);
    }
}
