//! Everything that a client can ask. In: a frame's body and the connection's encoding. Out: a typed request.

use prost::Message;

use crate::wire::fields::{DecodeError, Fields, REQUEST_BYTES_MAX, shown};
use crate::wire::{Ask, Encoding, PROTOBUF_ID_OFFSET};
use crate::wire::{account, contract, execution, order, order_request, pnl, position, session, ticks};
use crate::wire::{bars, market_data, past, past_ticks, symbols};

/// One line a message: its name here and its type.
macro_rules! requests {
    ($($name:ident($message:ty),)*) => {
        // A request lives on the stack for one call, so a box would only cost an allocation.
        #[expect(clippy::large_enum_variant)]
        #[derive(Clone, PartialEq, Debug)]
        pub enum Request {
            $($name($message),)*
            /// A message of the protocol that this gateway does not answer.
            NotServed { message_id: i32, req_id: Option<i32> },
        }

        impl Request {
            /// The ids of all requests that are served.
            #[cfg(test)]
            pub const IDS: &[i32] = &[$(<$message as Ask>::ID),*];

            /// The protocol's number of this message.
            pub fn message_id(&self) -> i32 {
                match self {
                    $(Request::$name(_) => <$message as Ask>::ID,)*
                    Request::NotServed { message_id, .. } => *message_id,
                }
            }

            /// The protocol's name of this message, e.g. `placeOrder`.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Request::$name(_) => <$message as Ask>::NAME,)*
                    Request::NotServed { .. } => "not served",
                }
            }

            /// The message in protobuf, whatever encoding it came in; empty for one that is not served.
            fn to_protobuf(&self) -> Vec<u8> {
                match self {
                    $(Request::$name(message) => message.encode_to_vec(),)*
                    Request::NotServed { .. } => Vec::new(),
                }
            }

            fn from_text(id: i32, rest: &[u8], version: i32) -> Result<Request, DecodeError> {
                match id {
                    $(<$message as Ask>::ID => text(Request::$name, rest, version),)*
                    _ => Ok(Request::NotServed { message_id: id, req_id: text_req_id(id, rest) }),
                }
            }

            fn from_protobuf(id: i32, payload: &[u8]) -> Result<Request, DecodeError> {
                match id {
                    $(<$message as Ask>::ID => protobuf(Request::$name, payload),)*
                    _ => Ok(Request::NotServed { message_id: id, req_id: protobuf_req_id(payload) }),
                }
            }
        }
    };
}

requests! {
    StartApi(session::StartApiRequest),
    ManagedAccounts(session::ManagedAccountsRequest),
    Ids(session::IdsRequest),
    CurrentTime(session::CurrentTimeRequest),
    CurrentTimeInMillis(session::CurrentTimeInMillisRequest),
    SetServerLogLevel(session::SetServerLogLevelRequest),
    ContractData(contract::ContractDataRequest),
    CancelContractData(contract::CancelContractData),
    MarketRule(contract::MarketRuleRequest),
    MatchingSymbols(symbols::MatchingSymbolsRequest),
    MarketData(market_data::MarketDataRequest),
    CancelMarketData(market_data::CancelMarketData),
    RealTimeBars(bars::RealTimeBarsRequest),
    CancelRealTimeBars(bars::CancelRealTimeBars),
    HistoricalData(bars::HistoricalDataRequest),
    CancelHistoricalData(bars::CancelHistoricalData),
    HeadTimestamp(past::HeadTimestampRequest),
    CancelHeadTimestamp(past::CancelHeadTimestamp),
    HistoricalTicks(past_ticks::HistoricalTicksRequest),
    CancelHistoricalTicks(past_ticks::CancelHistoricalTicks),
    MarketDataType(ticks::MarketDataTypeRequest),
    TickByTick(ticks::TickByTickRequest),
    CancelTickByTick(ticks::CancelTickByTick),
    PlaceOrder(order::PlaceOrderRequest),
    CancelOrder(order_request::CancelOrderRequest),
    GlobalCancel(order_request::GlobalCancelRequest),
    OpenOrders(order_request::OpenOrdersRequest),
    AllOpenOrders(order_request::AllOpenOrdersRequest),
    AutoOpenOrders(order_request::AutoOpenOrdersRequest),
    CompletedOrders(order_request::CompletedOrdersRequest),
    Executions(execution::ExecutionRequest),
    Positions(position::PositionsRequest),
    CancelPositions(position::CancelPositions),
    PositionsMulti(position::PositionsMultiRequest),
    CancelPositionsMulti(position::CancelPositionsMulti),
    AccountData(account::AccountDataRequest),
    AccountSummary(account::AccountSummaryRequest),
    CancelAccountSummary(account::CancelAccountSummary),
    AccountUpdatesMulti(account::AccountUpdatesMultiRequest),
    CancelAccountUpdatesMulti(account::CancelAccountUpdatesMulti),
    PnL(pnl::PnLRequest),
    CancelPnL(pnl::CancelPnL),
    PnLSingle(pnl::PnLSingleRequest),
    CancelPnLSingle(pnl::CancelPnLSingle),
}

impl Request {
    pub fn decode(encoding: Encoding, body: &[u8]) -> Result<Request, DecodeError> {
        if body.len() > REQUEST_BYTES_MAX {
            return Err(DecodeError::TooLong { length: body.len() });
        }
        match encoding {
            Encoding::Text { version } => {
                let end = body.iter().position(|byte| *byte == 0).unwrap_or(body.len());
                let id = std::str::from_utf8(&body[..end]).ok().and_then(|id| id.parse().ok());
                let found = || shown(&body[..end]);
                let id = id.ok_or_else(|| DecodeError::BadId { found: found() })?;
                Request::from_text(id, body.get(end + 1..).unwrap_or(&[]), version)
            }
            Encoding::Protobuf { .. } => {
                let Some((id, payload)) = body.split_first_chunk() else {
                    return Err(DecodeError::NoId { length: body.len() });
                };
                match i32::from_be_bytes(*id) {
                    id if id > PROTOBUF_ID_OFFSET => Request::from_protobuf(id - PROTOBUF_ID_OFFSET, payload),
                    // Clients of these versions still send a few rare requests as text; none is served.
                    id => Ok(Request::NotServed { message_id: id, req_id: text_req_id(id, payload) }),
                }
            }
        }
    }
}

impl Request {
    /// The id of the order that an unreadable `placeOrder` was about: its first field, if that can be read.
    pub fn order_id_in(encoding: Encoding, body: &[u8]) -> Option<i32> {
        match encoding {
            Encoding::Text { .. } => {
                let mut fields =
                    body.split(|byte| *byte == 0).map(|field| std::str::from_utf8(field).ok()?.parse().ok());
                fields.next()?.filter(|id| *id == order::PlaceOrderRequest::ID)?;
                fields.next()?
            }
            Encoding::Protobuf { .. } => {
                let (id, mut payload) = body.split_first_chunk()?;
                // Clients write fields in the order of their tags: 8 is the key of the first, a number.
                let begins = i32::from_be_bytes(*id) == PROTOBUF_ID_OFFSET + order::PlaceOrderRequest::ID
                    && payload.first() == Some(&8);
                payload = payload.get(1..).filter(|_| begins)?;
                i32::try_from(prost::encoding::decode_varint(&mut payload).ok()?).ok()
            }
        }
    }
}

/// What requests have in common, as far as limits look at it; empty where a request has no such field.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Outline {
    #[prost(bytes = "vec", tag = "2")]
    pub contract: Vec<u8>,
    /// The whole request but its id: two with the same ask the same.
    #[prost(bytes = "vec", tag = "15")]
    pub question: Vec<u8>,
    #[prost(string, tag = "7")]
    pub what: String,
}

impl Request {
    /// The request's or order's id, for requests that have one.
    pub fn req_id(&self) -> Option<i32> {
        match self {
            Request::NotServed { req_id, .. } => *req_id,
            _ => protobuf_req_id(&self.to_protobuf()),
        }
    }

    /// Contract and kind of data of a request for market data or history.
    pub fn outline(&self) -> Outline {
        let bytes = self.to_protobuf();
        let outline = Outline::decode(bytes.as_slice()).unwrap_or_default();
        let id_bytes = self.req_id().map_or(0, |id| prost::encoding::int32::encoded_len(1, &id));
        Outline { question: bytes.get(id_bytes..).unwrap_or(&[]).to_vec(), ..outline }
    }
}

fn text<M: Ask>(wrap: fn(M) -> Request, rest: &[u8], version: i32) -> Result<Request, DecodeError> {
    M::from_text(&mut Fields::new(M::NAME, rest, version)).map(wrap)
}

fn protobuf<M: Ask>(wrap: fn(M) -> Request, payload: &[u8]) -> Result<Request, DecodeError> {
    M::decode(payload).map(wrap).map_err(|bad| DecodeError::Protobuf { message: M::NAME, reason: bad.to_string() })
}

/// Messages whose first field is a version number and whose request id comes second.
const VERSION_FIRST: [i32; 7] = [1, 2, 10, 11, 25, 50, 51];

fn text_req_id(id: i32, rest: &[u8]) -> Option<i32> {
    let skip = usize::from(VERSION_FIRST.contains(&id));
    let field = rest.split(|byte| *byte == 0).nth(skip)?;
    std::str::from_utf8(field).ok()?.parse().ok()
}

fn protobuf_req_id(payload: &[u8]) -> Option<i32> {
    /// Every request that has a request id has it in field 1.
    #[derive(Clone, PartialEq, prost::Message)]
    struct ReqId {
        #[prost(int32, optional, tag = "1")]
        req_id: Option<i32>,
    }
    ReqId::decode(payload).ok().and_then(|request| request.req_id)
}
