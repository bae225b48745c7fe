//! What the account is worth, under IB's names. In: the venue's money. Out: keys, values, currencies, of three kinds: the
//! account's own, margin and equity by segment, and the ledger of each currency. Absent: who asked (`account`).
//!
//! An account of futures: no securities, no interest, so their values are zero and everything is in the commodities
//! segment, `-C`.

use engine::trade::Money;

use crate::broker::Broker;

/// One line of account values.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Value {
    pub key: String,
    pub value: String,
    pub currency: String,
}

/// What values are computed from.
struct Sums {
    cash: Money,
    equity: Money,
    initial: Money,
    maintenance: Money,
    realised: Money,
    unrealised: Money,
    variation: Money,
    equity_of_yesterday: Money,
}

const ZERO: Money = Money::ZERO;
/// Currencies of one account have these, all zero without the assets.
const OTHER_ASSETS: [&str; 13] = [
    "StockMarketValue",
    "OptionMarketValue",
    "FutureOptionValue",
    "NetDividend",
    "MutualFundValue",
    "MoneyMarketFundValue",
    "CorporateBondValue",
    "TBondValue",
    "TBillValue",
    "WarrantValue",
    "FxCashBalance",
    "IssuerOptionValue",
    "FundValue",
];

impl Broker {
    /// The account's own values and those of its segments: what a summary names one by one.
    pub(super) fn summary_values(&self) -> Vec<Value> {
        let (sums, base) = (self.sums(), self.base_currency());
        let mut lines = Lines { base: &base, values: Vec::new() };
        lines.plain("AccountCode", &self.account);
        lines.plain("AccountReady", "true");
        lines.plain("AccountType", "INDIVIDUAL");
        lines.plain("Cushion", &ratio(sums.equity - sums.maintenance, sums.equity));
        lines.plain("DayTradesRemaining", "-1");
        lines.plain("LookAheadNextChange", "0");
        // Leverage and gross position value count securities, not futures.
        lines.plain("Leverage", "0.00");
        for segment in ["", "-C", "-S"] {
            lines.segment(segment, &sums);
        }
        lines.money("BuyingPower", (sums.equity - sums.initial).max(ZERO) * 4);
        lines.money("PreviousDayEquityWithLoanValue", sums.equity_of_yesterday);
        for key in ["RegTEquity", "RegTMargin", "SMA", "HighestSeverity", "IncentiveCoupons", "Billable"] {
            lines.money(key, ZERO);
        }
        lines.values
    }

    /// The ledger: once for the base currency under the name BASE, once by its own name.
    pub(super) fn ledger_values(&self) -> Vec<Value> {
        let (sums, base) = (self.sums(), self.base_currency());
        let mut values = Vec::new();
        for currency in ["BASE", base.as_str()] {
            let mut lines = Lines { base: currency, values: Vec::new() };
            lines.word("Currency", currency);
            lines.word("RealCurrency", if currency == "BASE" { currency } else { &base });
            lines.word("AccountOrGroup", &self.account);
            lines.word("ExchangeRate", "1.00");
            lines.money("CashBalance", sums.cash - sums.variation);
            lines.money("TotalCashBalance", sums.cash);
            lines.money("AccruedCash", ZERO);
            lines.money("FuturesPNL", sums.variation);
            lines.money("NetLiquidationByCurrency", sums.equity);
            lines.money("RealizedPnL", sums.realised);
            lines.money("UnrealizedPnL", sums.unrealised);
            OTHER_ASSETS.iter().for_each(|key| lines.money(key, ZERO));
            values.append(&mut lines.values);
        }
        values
    }

    fn sums(&self) -> Sums {
        let venue = self.player.venue();
        let (margins, variation) = (venue.margins(), venue.variation());
        let realised: Money = venue.positions().map(|held| held.realised).sum();
        Sums {
            // IB counts what open futures gained since their settlement as cash already.
            cash: venue.cash() + variation,
            equity: venue.equity(),
            initial: margins.initial,
            maintenance: margins.maintenance,
            realised: realised - self.day.realised_of_all(),
            unrealised: venue.unrealised(),
            variation,
            equity_of_yesterday: self.day.equity(),
        }
    }

    /// The account is kept in the currency of its instruments.
    pub(super) fn base_currency(&self) -> String {
        self.catalog.first().map_or_else(|| "USD".to_owned(), |listing| listing.instrument.currency.clone())
    }
}

/// Values as they are collected.
struct Lines<'a> {
    base: &'a str,
    values: Vec<Value>,
}

impl Lines<'_> {
    fn push(&mut self, key: &str, value: String, currency: &str) {
        self.values.push(Value { key: key.to_owned(), value, currency: currency.to_owned() });
    }

    fn plain(&mut self, key: &str, value: &str) {
        self.push(key, value.to_owned(), "");
    }

    /// A word that belongs to a currency.
    fn word(&mut self, key: &str, value: &str) {
        let base = self.base;
        self.push(key, value.to_owned(), base);
    }

    fn money(&mut self, key: &str, amount: Money) {
        let base = self.base;
        self.push(key, amount.to_string(), base);
    }

    /// Equity and margin: of the whole account, of commodities (all of it), of securities (nothing).
    fn segment(&mut self, segment: &str, sums: &Sums) {
        let of = |amount: Money| if segment == "-S" { ZERO } else { amount };
        let available = sums.equity - sums.initial;
        let excess = sums.equity - sums.maintenance;
        let amounts = [
            ("NetLiquidation", sums.equity),
            ("EquityWithLoanValue", sums.equity),
            ("TotalCashValue", sums.cash),
            ("SettledCash", sums.cash - sums.variation),
            ("AccruedCash", ZERO),
            ("AccruedDividend", ZERO),
            ("GrossPositionValue", ZERO),
            ("Guarantee", ZERO),
            ("IndianStockHaircut", ZERO),
            ("PhysicalCertificateValue", ZERO),
            ("PostExpirationExcess", ZERO),
            ("PostExpirationMargin", ZERO),
            ("InitMarginReq", sums.initial),
            ("MaintMarginReq", sums.maintenance),
            ("FullInitMarginReq", sums.initial),
            ("FullMaintMarginReq", sums.maintenance),
            ("LookAheadInitMarginReq", sums.initial),
            ("LookAheadMaintMarginReq", sums.maintenance),
            ("AvailableFunds", available),
            ("FullAvailableFunds", available),
            ("LookAheadAvailableFunds", available),
            ("ExcessLiquidity", excess),
            ("FullExcessLiquidity", excess),
            ("LookAheadExcessLiquidity", excess),
        ];
        for (key, amount) in amounts {
            self.money(&format!("{key}{segment}"), of(amount));
        }
    }
}

fn ratio(part: Money, whole: Money) -> String {
    let share = part.to_decimal().checked_div(whole.to_decimal()).unwrap_or_default();
    share.round_dp(6).normalize().to_string()
}
