//! Everything that the gateway can say. In: a typed response. Out: a frame in the connection's encoding.

use crate::wire::writer::TextWriter;
use crate::wire::{Encoding, PROTOBUF_ID_OFFSET, Reply, frame};
use crate::wire::{account, contract, execution, order_report, pnl, position, session};
use crate::wire::{bars, market_data, past, past_ticks, symbols};

/// One line a message: its name here and its type.
macro_rules! responses {
    ($($name:ident($message:ty),)*) => {
        #[derive(Clone, PartialEq, Debug)]
        pub enum Response {
            $($name($message),)*
        }

        $(impl From<$message> for Response {
            fn from(message: $message) -> Response {
                Response::$name(message)
            }
        })*

        impl Response {
            /// The protocol's number of this message.
            pub fn message_id(&self) -> i32 {
                match self {
                    $(Response::$name(_) => <$message as Reply>::ID,)*
                }
            }

            /// The message's name here, e.g. `OrderStatus`.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Response::$name(_) => stringify!($name),)*
                }
            }

            /// Name and debug form of a message in protobuf; `None` if there is no such message or it is damaged.
            pub fn describe(id: i32, payload: &[u8]) -> Option<(&'static str, String)> {
                match id {
                    $(id if id == <$message as Reply>::ID => {
                        let message = <$message as prost::Message>::decode(payload).ok()?;
                        Some((stringify!($name), format!("{message:?}")))
                    })*
                    _ => None,
                }
            }

            /// Appends the frame of this response.
            pub fn put(&self, encoding: Encoding, out: &mut Vec<u8>) {
                match self {
                    $(Response::$name(message) => put(message, encoding, out),)*
                }
            }
        }
    };
}

responses! {
    Error(session::ErrorMessage),
    NextValidId(session::NextValidId),
    ManagedAccounts(session::ManagedAccounts),
    CurrentTime(session::CurrentTime),
    CurrentTimeInMillis(session::CurrentTimeInMillis),
    ContractData(contract::ContractData),
    ContractDataEnd(contract::ContractDataEnd),
    MarketRule(contract::MarketRule),
    SymbolSamples(symbols::SymbolSamples),
    TickReqParams(market_data::TickReqParams),
    MarketDataType(market_data::MarketDataType),
    TickPrice(market_data::TickPrice),
    TickSize(market_data::TickSize),
    TickGeneric(market_data::TickGeneric),
    TickString(market_data::TickString),
    TickSnapshotEnd(market_data::TickSnapshotEnd),
    RealTimeBar(bars::RealTimeBarTick),
    HistoricalData(bars::HistoricalData),
    HistoricalDataEnd(bars::HistoricalDataEnd),
    HistoricalDataInOne(bars::HistoricalDataInOne),
    HistoricalDataUpdate(bars::HistoricalDataUpdate),
    HistoricalSchedule(past::HistoricalSchedule),
    HeadTimestamp(past::HeadTimestamp),
    HistoricalTicks(past_ticks::HistoricalTicks),
    HistoricalTicksBidAsk(past_ticks::HistoricalTicksBidAsk),
    HistoricalTicksLast(past_ticks::HistoricalTicksLast),
    OpenOrder(order_report::OpenOrder),
    OpenOrdersEnd(order_report::OpenOrdersEnd),
    OrderStatus(order_report::OrderStatus),
    OrderBound(order_report::OrderBound),
    CompletedOrder(order_report::CompletedOrder),
    CompletedOrdersEnd(order_report::CompletedOrdersEnd),
    Execution(execution::ExecutionDetails),
    ExecutionsEnd(execution::ExecutionDetailsEnd),
    Commission(execution::CommissionAndFeesReport),
    Position(position::Position),
    PositionsEnd(position::PositionEnd),
    PositionMulti(position::PositionMulti),
    PositionsMultiEnd(position::PositionMultiEnd),
    AccountValue(account::AccountValue),
    PortfolioValue(account::PortfolioValue),
    AccountUpdateTime(account::AccountUpdateTime),
    AccountDataEnd(account::AccountDataEnd),
    AccountSummary(account::AccountSummary),
    AccountSummaryEnd(account::AccountSummaryEnd),
    AccountUpdateMulti(account::AccountUpdateMulti),
    AccountUpdateMultiEnd(account::AccountUpdateMultiEnd),
    PnL(pnl::PnL),
    PnLSingle(pnl::PnLSingle),
}

fn put<M: Reply>(message: &M, encoding: Encoding, out: &mut Vec<u8>) {
    frame::put(out, |out| match encoding {
        Encoding::Text { version } => {
            let mut text = TextWriter::new(out, version);
            text.int(M::ID);
            message.to_text(&mut text);
        }
        Encoding::Protobuf { .. } => {
            out.extend_from_slice(&(M::ID + PROTOBUF_ID_OFFSET).to_be_bytes());
            message.encode_raw(out);
        }
    });
}
