//! Limits that are each right and together let no entry of a strategy pass, so that somebody hears of it before the first
//! signal is refused. In: a configuration that has no mistakes, the day. Out: a sentence each.
//! Absent: refusals (`crate::risk`), prices. What a contract is worth is not known before the market says so: it is taken to
//! be worth more than [`WORTH_MARGINS`] times its initial margin, where there is a rate.

use chrono::NaiveDate;

use super::{Config, Limit, StrategyConfig};
use crate::market::Instrument;
use crate::strategy::registry;
use crate::time::session::last_trading_day;
use crate::trade::{Money, OrderKind};
use crate::venue::MarginTable;

/// The margin of a future is seldom more than a fifth of its value.
const WORTH_MARGINS: i64 = 5;
/// A session of futures is no longer.
const SESSION_S: u64 = 23 * 3_600;

impl Config {
    /// Each strategy that can never enter, once for each limit that stands in its way. `today` is where the market is;
    /// without it contracts are not looked at for their end.
    pub fn forbids(&self, today: Option<NaiveDate>) -> Vec<String> {
        let rates = MarginTable::default();
        let mut found = Vec::new();
        for strategy in &self.strategies {
            let Some(instrument) = self.instruments.iter().find(|i| i.id == strategy.symbol) else { continue };
            let margin = rates.0.get(&instrument.root).map(|rate| rate.initial);
            let entry = Entry::of(strategy, instrument, margin);
            let mut reasons = self.by_counts(&entry);
            reasons.extend(self.by_amounts(&entry));
            reasons.extend(self.by_hours(&entry, today));
            let told = |why: String| format!("strategy {} can never enter: {why}", strategy.name);
            found.extend(reasons.into_iter().map(told));
        }
        found
    }

    /// The entry and its children against limits on orders.
    fn by_counts(&self, entry: &Entry<'_>) -> Vec<String> {
        let rate = &self.risk.rate;
        let counts = [
            ("orders_per_second_max", rate.orders_per_second_max),
            ("orders_per_minute_max", rate.orders_per_minute_max),
            ("orders_per_day_max", rate.orders_per_day_max),
            ("strategy_orders_per_second_max", rate.strategy_orders_per_second_max),
            ("strategy_orders_per_minute_max", rate.strategy_orders_per_minute_max),
            ("strategy_orders_per_day_max", rate.strategy_orders_per_day_max),
            ("symbol_orders_per_second_max", rate.symbol_orders_per_second_max),
            ("symbol_orders_per_minute_max", rate.symbol_orders_per_minute_max),
            ("symbol_orders_per_day_max", rate.symbol_orders_per_day_max),
        ];
        let orders = entry.orders;
        let mut found = Vec::new();
        for (key, limit) in counts {
            if let Limit::Max(max) = limit
                && orders > max
            {
                found.push(format!("risk.{key} is {max}, and an entry with its stop and target is {orders} orders"));
            }
        }
        let (rest, max) = ((orders - 1).max(1), self.risk.order.active_orders_max);
        if rest > max {
            found.push(format!("risk.active_orders_max is {max}, and {rest} orders rest on one side"));
        }
        let market = OrderKind::Market;
        if entry.at_market && !self.risk.order.allows(market) {
            found.push(format!("risk.order_types does not name {}, which its entries are", market.name()));
        }
        found
    }

    fn by_amounts(&self, entry: &Entry<'_>) -> Vec<String> {
        let (order, capital) = (&self.risk.order, self.risk.capital);
        let (contracts, name) = (entry.contracts, &entry.instrument.name);
        let mut found = Vec::new();
        if let (Limit::Max(part), Some(lost)) = (order.max_portfolio_risk, entry.lost_at_stop)
            && lost > part.of(capital)
        {
            let may = part.of(capital);
            found.push(format!(
                "risk.max_portfolio_risk allows {may} ({part} of {capital}), and the stop of {contracts} {name} loses {lost}"
            ));
        }
        let Some(margin) = entry.margin else { return found };
        if let Limit::Max(part) = order.margin_use_max
            && margin > part.of(capital)
        {
            let may = part.of(capital);
            found.push(format!(
                "risk.margin_use_max allows {may} ({part} of {capital}), and {contracts} {name} need about {margin}"
            ));
        }
        let worth = margin * WORTH_MARGINS;
        let amounts = [
            ("order_notional_usd_max", order.order_notional_max),
            ("gross_exposure_usd_max", order.gross_exposure_max),
        ];
        for (key, limit) in amounts {
            if let Limit::Max(max) = limit
                && worth > max
            {
                found.push(format!(
                    "risk.{key} is {max}, and {contracts} {name} are worth more than about {worth} ({WORTH_MARGINS} times \
                     their margin)"
                ));
            }
        }
        found
    }

    fn by_hours(&self, entry: &Entry<'_>, today: Option<NaiveDate>) -> Vec<String> {
        let mut found = Vec::new();
        if let Limit::Max(guard) = self.risk.order.close_guard
            && guard.as_secs() >= SESSION_S
        {
            found.push(format!("risk.close_guard_ms is {}, longer than any session", guard.as_millis()));
        }
        let Instrument { name, root, expiry, .. } = entry.instrument;
        let last = expiry.as_deref().and_then(|expiry| last_trading_day(root, expiry));
        if let (Limit::Max(min), Some(last), Some(today)) = (self.risk.order.days_to_expiry_min, last, today)
            && (last - today).num_days() < i64::from(min)
        {
            let left = (last - today).num_days();
            found.push(match left {
                ..0 => format!("{name} ended on {last}"),
                _ => format!("{name} ends on {last}, in {left} days, and risk.days_to_expiry_min is {min}"),
            });
        }
        found
    }
}

/// The smallest entry that a strategy makes.
struct Entry<'a> {
    instrument: &'a Instrument,
    contracts: u32,
    /// With its children.
    orders: u32,
    /// Its kind sends market orders.
    at_market: bool,
    /// `None` without a stop.
    lost_at_stop: Option<Money>,
    /// Initial margin, if there is a rate.
    margin: Option<Money>,
}

impl<'a> Entry<'a> {
    fn of(strategy: &StrategyConfig, instrument: &'a Instrument, margin: Option<Money>) -> Self {
        // What is sized may come down to one contract.
        let contracts = if strategy.size.is_some() { 1 } else { strategy.quantity };
        let lost = |ticks: u32| instrument.tick_value() * (i64::from(ticks) * i64::from(contracts));
        Self {
            instrument,
            contracts,
            orders: 1 + u32::from(strategy.stop_ticks.is_some()) + u32::from(strategy.target_ticks.is_some()),
            // A table says for itself what it sends.
            at_market: !registry::TABLE_KINDS.iter().any(|kind| kind.name == strategy.kind),
            lost_at_stop: strategy.stop_ticks.map(lost),
            margin: margin.map(|margin| margin * i64::from(contracts)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::raw::{ContractSpec, Known, Layer, read};
    use crate::trade::Fraction;

    fn config() -> Config {
        let es = [ContractSpec {
            root: "ES".into(),
            exchange: "CME".into(),
            currency: "USD".into(),
            tick_size: rust_decimal::Decimal::new(25, 2),
            multiplier: 50.into(),
        }];
        let mut config = read(&[Layer::embedded_default()], &[], &Known::registered(&es)).expect("no mistakes");
        config.strategies.truncate(1);
        config
    }

    fn dollars(amount: i64) -> Money {
        Money::from_micros(amount * 1_000_000)
    }

    /// What the first strategy of the default, 1 ES with 24 ticks to its stop and a target, is told.
    fn told(change: impl FnOnce(&mut Config)) -> Vec<String> {
        let mut config = config();
        change(&mut config);
        config.forbids(NaiveDate::from_ymd_opt(2024, 6, 12))
    }

    #[test]
    fn each_limit_that_lets_nothing_pass_is_told_and_one_more_is_enough() {
        type Change = fn(&mut Config, i64);
        let rows: [(&str, i64, Change); 9] = [
            ("orders_per_second_max", 3, |c, n| c.risk.rate.orders_per_second_max = Limit::Max(n as u32)),
            ("strategy_orders_per_day_max", 3, |c, n| c.risk.rate.strategy_orders_per_day_max = Limit::Max(n as u32)),
            ("symbol_orders_per_minute_max", 3, |c, n| c.risk.rate.symbol_orders_per_minute_max = Limit::Max(n as u32)),
            ("active_orders_max", 2, |c, n| c.risk.order.active_orders_max = n as u32),
            // 24 ticks of 12.50.
            ("max_portfolio_risk", 300, |c, n| {
                c.risk.capital = dollars(1_000_000);
                c.risk.order.max_portfolio_risk = Limit::Max(Fraction::from_ppm(n as u32));
            }),
            ("margin_use_max", 25_300, |c, n| {
                c.risk.capital = dollars(1_000_000);
                c.risk.order.margin_use_max = Limit::Max(Fraction::from_ppm(n as u32));
            }),
            ("order_notional_usd_max", 126_500, |c, n| c.risk.order.order_notional_max = Limit::Max(dollars(n))),
            ("gross_exposure_usd_max", 126_500, |c, n| c.risk.order.gross_exposure_max = Limit::Max(dollars(n))),
            ("days_to_expiry_min", -9, |c, n| {
                c.instruments[0].expiry = Some("20240621".into());
                c.risk.order.days_to_expiry_min = Limit::Max(-n as u32);
            }),
        ];
        assert_eq!(told(|_| ()), Vec::<String>::new());
        for (key, enough, change) in rows {
            assert_eq!(told(|c| change(c, enough)), Vec::<String>::new(), "{key}");
            let found = told(|c| change(c, enough - 1));
            let names =
                found.iter().all(|text| text.contains(key) && text.starts_with("strategy trend can never enter"));
            assert!(found.len() == 1 && names, "{key}: {found:?}");
        }
    }

    #[test]
    fn types_hours_and_contracts_that_ended_are_told() {
        let types = told(|c| c.risk.order.order_types = vec!["LMT".into()]);
        assert!(types.len() == 1 && types[0].contains("risk.order_types does not name MKT"), "{types:?}");
        let guard = told(|c| c.risk.order.close_guard = Limit::Max(Duration::from_secs(SESSION_S)));
        assert!(guard.len() == 1 && guard[0].contains("close_guard_ms"), "{guard:?}");
        let ended = |c: &mut Config| c.instruments[0].expiry = Some("20240611".into());
        assert_eq!(told(ended), ["strategy trend can never enter: ES ended on 2024-06-11"]);
        let mut config = config();
        ended(&mut config);
        assert!(config.forbids(None).is_empty(), "nobody knows the day");
    }

    #[test]
    fn a_size_that_may_be_one_contract_is_judged_by_one() {
        let many = |c: &mut Config| {
            c.strategies[0].quantity = 4;
            c.risk.order.order_notional_max = Limit::Max(dollars(400_000));
        };
        assert_eq!(told(many).len(), 1, "four are worth more than 506,000");
        let sized = |c: &mut Config| {
            many(c);
            let fixed = crate::sizing::Part { method: crate::sizing::Method::Fixed(4), max: Some(4) };
            c.strategies[0].size = Some(crate::sizing::Size { parts: vec![fixed] });
        };
        assert!(told(sized).is_empty());
    }
}
