//! Names of the fields of messages in text, as far as a reader of a transcript wants them by name. In: a message's id.
//! Out: its name and its first fields. Fields beyond those stay in an array, `more`.

/// Id, name, fields after the id.
type Layout = (i32, &'static str, &'static [&'static str]);

const CONTRACT: [&str; 11] = [
    "conId",
    "symbol",
    "secType",
    "lastTradeDateOrContractMonth",
    "strike",
    "right",
    "multiplier",
    "exchange",
    "currency",
    "localSymbol",
    "tradingClass",
];

const LAYOUTS: &[Layout] = &[
    (1, "TickPrice", &["version", "reqId", "tickType", "price", "size", "attrMask"]),
    (2, "TickSize", &["version", "reqId", "tickType", "size"]),
    (
        3,
        "OrderStatus",
        &[
            "orderId",
            "status",
            "filled",
            "remaining",
            "avgFillPrice",
            "permId",
            "parentId",
            "lastFillPrice",
            "clientId",
            "whyHeld",
            "mktCapPrice",
        ],
    ),
    (4, "Error", &["version", "id", "code", "text", "advancedOrderRejectJson"]),
    (
        5,
        "OpenOrder",
        &[
            "orderId",
            "CONTRACT",
            "action",
            "totalQuantity",
            "orderType",
            "lmtPrice",
            "auxPrice",
            "tif",
            "ocaGroup",
            "account",
            "openClose",
            "origin",
            "orderRef",
            "clientId",
            "permId",
        ],
    ),
    (6, "AccountValue", &["version", "key", "value", "currency", "account"]),
    (7, "PortfolioValue", &["version"]),
    (8, "AccountUpdateTime", &["version", "time"]),
    (9, "NextValidId", &["version", "orderId"]),
    (10, "ContractData", &["reqId"]),
    (
        11,
        "Execution",
        &[
            "reqId",
            "orderId",
            "CONTRACT",
            "execId",
            "time",
            "acctNumber",
            "exchange",
            "side",
            "shares",
            "price",
            "permId",
            "clientId",
            "liquidation",
            "cumQty",
            "avgPrice",
            "orderRef",
        ],
    ),
    (15, "ManagedAccounts", &["version", "accountsList"]),
    (17, "HistoricalData", &["reqId"]),
    (45, "TickGeneric", &["version", "reqId", "tickType", "value"]),
    (46, "TickString", &["version", "reqId", "tickType", "value"]),
    (49, "CurrentTime", &["version", "time"]),
    (50, "RealTimeBar", &["version", "reqId", "time", "open", "high", "low", "close", "volume", "wap", "count"]),
    (52, "ContractDataEnd", &["version", "reqId"]),
    (53, "OpenOrdersEnd", &["version"]),
    (54, "AccountDataEnd", &["version", "account"]),
    (55, "ExecutionsEnd", &["version", "reqId"]),
    (58, "MarketDataType", &["version", "reqId", "type"]),
    (59, "Commission", &["version", "execId", "commission", "currency", "realizedPNL"]),
    (61, "Position", &["version", "account", "CONTRACT", "position", "avgCost"]),
    (62, "PositionsEnd", &["version"]),
    (63, "AccountSummary", &["version", "reqId", "account", "tag", "value", "currency"]),
    (64, "AccountSummaryEnd", &["version", "reqId"]),
    (71, "PositionMulti", &["version", "reqId", "account"]),
    (72, "PositionsMultiEnd", &["version", "reqId"]),
    (73, "AccountUpdateMulti", &["version", "reqId", "account", "modelCode", "key", "value", "currency"]),
    (74, "AccountUpdateMultiEnd", &["version", "reqId"]),
    (81, "TickReqParams", &["reqId", "minTick", "bboExchange", "snapshotPermissions"]),
    (93, "MarketRule", &["marketRuleId"]),
    (94, "PnL", &["reqId", "daily", "unrealized", "realized"]),
    (95, "PnLSingle", &["reqId", "position", "daily", "unrealized", "realized", "value"]),
    (99, "TickByTick", &["reqId", "tickType", "time"]),
    (101, "CompletedOrder", &["CONTRACT", "action", "totalQuantity", "orderType", "lmtPrice", "auxPrice", "tif"]),
    (102, "CompletedOrdersEnd", &[]),
    (109, "CurrentTimeInMillis", &["time"]),
];

/// The message's name and field names, the contract's fields in place.
pub fn of(id: i32) -> Option<(&'static str, Vec<&'static str>)> {
    let (_, name, fields) = LAYOUTS.iter().find(|(known, ..)| *known == id)?;
    let named = fields.iter().flat_map(|field| match *field {
        "CONTRACT" => CONTRACT.to_vec(),
        field => vec![field],
    });
    Some((name, named.collect()))
}
