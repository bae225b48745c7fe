//! Limits beside where the books stand, for people. In: the books. Out: lines of text and numbers. Absent: decisions.

use serde::{Deserialize, Serialize};

use super::{Books, BrokerPnl, Entries, HeldBack};
use crate::config::Limit;
use crate::market::SymbolId;
use crate::risk::latch::{self, Reset, Scope};
use crate::risk::{
    consecutive_losses, daily_loss, drawdown, exposure, margin, order_rate, portfolio_risk, position, weekly_loss,
};
use crate::time::Timestamp;
use crate::trade::{Leg, Money, Side, StrategyId, Trading};

/// What a person sees of risk at one instant.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RiskView {
    /// Whether entries can pass.
    pub trading: Entries,
    /// What holds entries back; empty only if trading is allowed.
    pub held_back: Vec<HeldBack>,
    /// The link's word, which is not the only one.
    pub link: Trading,
    /// Whether the broker can be told and heard.
    pub connected: bool,
    /// Every position was compared with the broker's on this connection, and agreed.
    pub agrees: bool,
    /// How often positions were compared so far: whoever waits for the broker's word sees that it came.
    pub comparisons: u64,
    pub equity: Money,
    pub limits: Vec<LimitLine>,
    pub latches: Vec<LatchLine>,
    /// The broker's profit of the day beside the book's; `None` if they are not compared.
    pub broker_pnl: Option<BrokerPnl>,
    /// Limits that were switched off by name.
    pub switched_off: Vec<String>,
    /// Contracts by instrument, net, negative when short; flat ones are left out.
    pub positions: Vec<(String, i64)>,
    /// Positions of strategies, which the net may hide: strategy, instrument, contracts.
    pub held: Vec<(String, String, i64)>,
    /// Live entries, and live orders altogether.
    pub entries: usize,
    pub orders: usize,
}

/// One limit and how much of it is used.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LimitLine {
    pub rule: String,
    /// `account`, the name of an instrument or of a strategy.
    pub of: String,
    pub value: String,
    pub limit: String,
    /// Of both: `USD`, or what is counted: `contracts`, `orders`, `losing trades in a row`.
    pub unit: String,
    /// Percent of the limit, 0 where nothing is used.
    pub used: u32,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LatchLine {
    pub rule: String,
    /// `None` for the account.
    pub strategy: Option<String>,
    pub since: Timestamp,
    pub value: String,
    pub limit: String,
    /// How it comes off without a person.
    pub reset: String,
    /// `1012.50 against 1000.00` while its limit is broken at this instant: it cannot be released.
    pub broken_now: Option<String>,
    /// The configuration names its strategy, or it is the account's.
    pub configured: bool,
}

impl LatchLine {
    /// `the account`, `strategy trend`, `strategy trend (not configured)`.
    pub fn of(&self) -> String {
        match &self.strategy {
            None => "the account".to_owned(),
            Some(name) if self.configured => format!("strategy {name}"),
            Some(name) => format!("strategy {name} (not configured)"),
        }
    }

    /// What set it.
    pub fn cause(&self) -> String {
        latch::cause(&self.rule, &self.value, &self.limit)
    }
}

impl RiskView {
    /// No strategy holds anything, also where two of them make nothing together, and none is entering.
    pub fn is_flat(&self) -> bool {
        self.held.is_empty() && self.entries == 0
    }

    /// `trend ES +1, channel ES -1`; `flat`.
    pub fn holdings(&self) -> String {
        let one = |(strategy, of, contracts): &(String, String, i64)| format!("{strategy} {of} {contracts:+}");
        if self.held.is_empty() { "flat".to_owned() } else { self.held.iter().map(one).collect::<Vec<_>>().join(", ") }
    }
}

const ACCOUNT: &str = "account";
const CONTRACTS: &str = "contracts";
const ORDERS: &str = "orders";
const LOSSES: &str = "losing trades in a row";

impl Books {
    /// Counts of the last minute are as of `now`.
    pub fn risk_view(&self, now: Timestamp) -> RiskView {
        let positions = self.instruments.iter().map(|i| (i.name.clone(), self.state.portfolio.net_position(i.id)));
        let held = self.state.portfolio.held().map(|(strategy, symbol, contracts)| {
            (self.name_of_strategy(strategy).to_owned(), self.name_of(symbol).to_owned(), contracts)
        });
        let mut limits = self.account_lines();
        limits.extend(self.symbol_lines());
        limits.extend(self.strategy_lines());
        limits.extend(self.rate_lines(now));
        let held_back = self.held_back(now);
        RiskView {
            trading: self.entries(&held_back),
            held_back: held_back.into_iter().map(|(_, told)| told).collect(),
            link: self.trading,
            connected: self.connected,
            agrees: self.agrees(),
            comparisons: self.comparisons,
            equity: self.risk.capital + self.state.portfolio.equity(),
            limits,
            latches: self.latch_lines(),
            broker_pnl: self.broker_pnl(),
            switched_off: self.risk.switched_off().into_iter().map(str::to_owned).collect(),
            positions: positions.filter(|(_, contracts)| *contracts != 0).collect(),
            held: held.collect(),
            entries: self.state.orders.live().filter(|o| o.ticket.leg == Leg::Entry).count(),
            orders: self.state.orders.live().count(),
        }
    }

    fn account_lines(&self) -> Vec<LimitLine> {
        let figures = self.state.risk.figures(self.risk.capital, &self.state.portfolio);
        let (order, loss) = (&self.risk.order, &self.risk.loss);
        let fall = figures.peak - figures.equity;
        let worst = self.worst_cases();
        let mut lines = Vec::new();
        lines.extend(of_money(daily_loss::RULE, ACCOUNT, -figures.day, loss.daily_loss_max.max()));
        lines.extend(of_money(weekly_loss::RULE, ACCOUNT, -figures.week, loss.weekly_loss_max.max()));
        lines.extend(of_money(drawdown::RULE, ACCOUNT, fall, loss.max_drawdown.max().map(|max| max.of(figures.peak))));
        lines.extend(of_money(drawdown::TRAILING_RULE, ACCOUNT, fall, loss.trailing_drawdown_max.max()));
        let staked = order.max_portfolio_risk.max().map(|max| max.of(figures.equity));
        lines.extend(of_money(portfolio_risk::RULE, ACCOUNT, self.at_stake(), staked));
        if let Some(used) = self.sum_over(&worst, Self::margin) {
            let allowed = order.margin_use_max.max().map(|max| max.of(figures.equity));
            lines.extend(of_money(margin::RULE, ACCOUNT, used, allowed));
        }
        if let Some(value) = self.sum_over(&worst, Self::value) {
            lines.extend(of_money(exposure::RULE, ACCOUNT, value, order.gross_exposure_max.max()));
        }
        lines
    }

    fn symbol_lines(&self) -> Vec<LimitLine> {
        let worst = self.instruments.iter().zip(self.worst_cases());
        let position = worst.clone().filter_map(|(instrument, worst)| {
            of_count(position::RULE, &instrument.name, worst.contracts(), self.risk.order.max_position_size, CONTRACTS)
        });
        let resting = worst.filter_map(|(instrument, _)| {
            let resting = self.resting(instrument.id, Side::Buy).into_iter().max()?;
            let max = Limit::Max(self.risk.order.active_orders_max);
            of_count(crate::risk::active_orders::RULE, &instrument.name, i64::from(resting), max, ORDERS)
        });
        position.chain(resting).collect()
    }

    fn strategy_lines(&self) -> Vec<LimitLine> {
        let loss = &self.risk.loss;
        let of = |(id, name): &(StrategyId, String)| {
            let of = self.state.risk.strategy(*id, &self.state.portfolio);
            let in_row = i64::from(of.losses_in_row);
            let day = of_money(daily_loss::STRATEGY_RULE, name, -of.day, loss.strategy_daily_loss_max.max());
            let week = of_money(weekly_loss::STRATEGY_RULE, name, -of.week, loss.strategy_weekly_loss_max.max());
            let fall = of_money(drawdown::STRATEGY_RULE, name, of.fall, loss.strategy_drawdown_max.max());
            let in_row = of_count(consecutive_losses::RULE, name, in_row, loss.consecutive_losses_max, LOSSES);
            [day, week, fall, in_row].into_iter().flatten()
        };
        self.strategies.iter().flat_map(of).collect()
    }

    fn rate_lines(&self, now: Timestamp) -> Vec<LimitLine> {
        let rate = &self.risk.rate;
        let sent = |strategy, symbol| {
            let mut sent = self.sent.recent(now, strategy, symbol);
            sent.set_days(self.state.risk.orders(strategy, symbol));
            sent
        };
        let nobody = StrategyId::FOREIGN;
        let account = sent(nobody, SymbolId(0)).account;
        let mut lines = lines_of(ACCOUNT, order_rate::of_account(account, rate));
        for (id, name) in &self.strategies {
            lines.extend(lines_of(name, order_rate::of_strategy(sent(*id, SymbolId(0)).strategy, rate)));
        }
        for instrument in &self.instruments {
            lines.extend(lines_of(&instrument.name, order_rate::of_symbol(sent(nobody, instrument.id).symbol, rate)));
        }
        lines
    }

    fn latch_lines(&self) -> Vec<LatchLine> {
        let line = |latch: &crate::risk::latch::Latch| LatchLine {
            rule: latch.rule.clone(),
            strategy: match &latch.scope {
                Scope::Account => None,
                Scope::Strategy(id) => Some(self.name_of_strategy(*id).to_owned()),
                Scope::Gone(name) => Some(name.clone()),
            },
            since: latch.at,
            value: latch.value.clone(),
            limit: latch.limit.clone(),
            reset: Reset::of(&latch.rule).name().to_owned(),
            broken_now: self.broken_now(&latch.rule, &latch.scope).map(|b| format!("{} against {}", b.value, b.limit)),
            configured: !matches!(latch.scope, Scope::Gone(_)),
        };
        self.state.latches.iter().map(line).collect()
    }
}

fn lines_of(of: &str, counted: [order_rate::Counted; 3]) -> Vec<LimitLine> {
    counted.into_iter().filter_map(|(rule, sent, limit)| of_count(rule, of, i64::from(sent), limit, ORDERS)).collect()
}

fn of_money(rule: &str, of: &str, value: Money, limit: Option<Money>) -> Option<LimitLine> {
    let limit = limit?;
    let value = value.max(Money::ZERO);
    let used = percent(i128::from(value.micros()), i128::from(limit.micros()));
    let (value, limit, unit) = (value.to_string(), limit.to_string(), "USD".to_owned());
    Some(LimitLine { rule: rule.into(), of: of.into(), value, limit, unit, used })
}

fn of_count(rule: &str, of: &str, value: i64, limit: Limit<u32>, unit: &str) -> Option<LimitLine> {
    let limit = limit.max()?;
    let used = percent(i128::from(value), i128::from(limit));
    let (value, limit, unit) = (value.to_string(), limit.to_string(), unit.to_owned());
    Some(LimitLine { rule: rule.into(), of: of.into(), value, limit, unit, used })
}

fn percent(value: i128, limit: i128) -> u32 {
    if limit <= 0 {
        return if value > 0 { 100 } else { 0 };
    }
    u32::try_from(value.max(0) * 100 / limit).unwrap_or(u32::MAX)
}
