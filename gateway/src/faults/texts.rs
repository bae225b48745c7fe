//! Error codes about orders, market data and history with the text that goes with each. In: a code. Out: its text.

/// `{id}` stands for the id of the order or request.
pub const ORDERS: &[(i32, &str)] = &[
    (103, "Duplicate order id"),
    (104, "Cannot modify a filled order."),
    (105, "Order being modified does not match original order"),
    (110, "The price does not conform to the minimum price variation for this contract."),
    (135, "Can't find order with id ={id}"),
    (136, "This order cannot be cancelled."),
    (161, "Cancel attempted when order is not in a cancellable state.  Order permId =0"),
    (163, "The price specified would violate the percentage constraint specified in the default order settings."),
    (200, "No security definition has been found for the request"),
    (201, "Order rejected - reason:The exchange is closed or the order was refused by it."),
    (202, "Order Canceled - reason:"),
    (203, "The security is not available or allowed for this account."),
    (321, "Error validating request.-'bW' : cause - The order is not valid."),
    (354, "Requested market data is not subscribed."),
    (382, "The price specified violates the number of ticks constraint specified in the default order settings."),
    (383, "The size value you entered violates the size constraint specified in the default order settings."),
    (387, "Unsupported order type for this exchange and security type."),
    (399, "Order Message:\nWarning: your order will not be placed at the exchange until 17:00:00 US/Central"),
    (404, "Order held while securities are located."),
    (434, "Order size cannot be zero."),
    (451, "The size value violates the total value constraint specified in the default order settings."),
    (
        2109,
        "Order Event Warning:Attribute 'Outside Regular Trading Hours' is ignored based on the order type and \
            destination. PlaceOrder is now being processed.",
    ),
    (10147, "OrderId {id} that needs to be cancelled is not found."),
    (10148, "OrderId {id} that needs to be cancelled cannot be cancelled, state: PendingCancel."),
    (10197, "No market data during competing live session"),
    (10318, "This order doesn't support fractional quantity trading"),
    (10349, "Order TIF was set to DAY based on order preset."),
];

pub const DATA: &[(i32, &str)] = &[
    (101, "Max number of tickers has been reached"),
    (300, "Can't find EId with tickerId:{id}"),
    (310, "Can't find the subscribed market depth with tickerId:{id}"),
    (354, "Requested market data is not subscribed.Delayed market data is available."),
    (
        10089,
        "Requested market data requires additional subscription for API.See link in 'Market Data Connections' \
             dialog for more details.",
    ),
    (10090, "Part of requested market data is not subscribed."),
    (10091, "Part of requested market data requires additional subscription for API."),
    (10167, "Requested market data is not subscribed. Displaying delayed market data."),
    (10168, "Requested market data is not subscribed. Delayed market data is not enabled."),
    (10182, "Failed to request live updates (disconnected)."),
    (10189, "Failed to request tick-by-tick data.No market data permissions for CME FUT"),
    (10190, "Max number of tick-by-tick requests has been reached."),
    (10197, "No market data during competing live session"),
    (10225, "Bust event occurred, current subscription is deactivated. Please resubscribe real-time bars immediately."),
];

pub const HISTORY: &[(i32, &str)] = &[
    (162, "Historical Market Data Service error message:Historical data request pacing violation"),
    (165, "Historical Market Data Service query message:no items retrieved"),
    (366, "No historical data query found for ticker id:{id}"),
    (420, "Invalid real-time query:Historical data request pacing violation"),
];

/// The text of a code with the id in it; for a code of no table a plain sentence.
pub fn text_of(table: &[(i32, &str)], code: i32, id: i32) -> String {
    let known = table.iter().find(|(known, _)| *known == code);
    known.map_or_else(|| format!("Error {code}"), |(_, text)| text.replace("{id}", &id.to_string()))
}
