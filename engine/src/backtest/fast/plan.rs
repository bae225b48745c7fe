//! Which configurations the fast path plays as the queue transport does. In: a configuration. Out: a plan, or the first
//! thing that it does not know.

use super::Unsuited;
use crate::backtest::expiry::expires_at;
use crate::config::backtest::{DataHours, ExpiryRule, Fills, MarginRule};
use crate::config::{BarsConfig, Config, RiskConfig, StrategyConfig};
use crate::market::Instrument;
use crate::strategy::registry;
use crate::time::Timestamp;
use crate::time::session::Calendar;
use crate::trade::Money;
use crate::venue::in_bars::BarFills;
use crate::venue::{MarginTable, MarkRule};

/// A configuration that qualifies, reduced to what the loop needs.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) instrument: Instrument,
    pub(super) strategy: StrategyConfig,
    pub(super) risk: RiskConfig,
    pub(super) bars: BarsConfig,
    /// `None`: ticks.
    pub(super) fills: Option<BarFills>,
    pub(super) cash: Money,
    /// A contract and side.
    pub(super) commission: Money,
    pub(super) hours: Option<DataHours>,
    pub(super) calendar: Calendar,
    /// The contract ends and its position is settled.
    pub(super) expires_at: Option<Timestamp>,
    /// Initial margin of a contract, where the table has it.
    pub(super) margin: Option<Money>,
}

impl Plan {
    /// # Errors
    /// The first reason for which only the queue transport plays this configuration.
    pub fn of(config: &Config) -> Result<Self, Unsuited> {
        let ([instrument], [strategy]) = (config.instruments.as_slice(), config.strategies.as_slice()) else {
            return Err(Unsuited("there is more than one instrument or strategy"));
        };
        let settings = &config.backtest;
        let none = |wrong: bool, why| if wrong { Err(Unsuited(why)) } else { Ok(()) };
        none(strategy.stop_ticks.is_some(), "the strategy has stops")?;
        none(!settings.unprotected_entries, "unprotected_entries is not set")?;
        none(strategy.size.is_some(), "the strategy's size is found for each entry")?;
        none(registry::wakes(&strategy.kind), "the strategy wants to be woken at times of its own")?;
        none(config.allocation.is_some(), "strategies share a risk budget")?;
        none(config.orders.flatten_before_close.is_some(), "positions are closed before the close")?;
        let loss = &config.risk.loss;
        none(loss.profit_lock.or(loss.strategy_profit_lock).is_some(), "there is a profit lock")?;
        let own = [loss.strategy_weekly_loss_max, loss.strategy_drawdown_max];
        none(own.iter().any(|limit| limit.max().is_some()), "the strategy's week or fall has a limit")?;
        none(settings.account.sessions, "orders wait for sessions")?;
        none(settings.account.margin != MarginRule::None, "the account's margin is checked")?;
        none(
            settings.account.mark != MarkRule::Last || settings.account.closing_fees,
            "equity is not told at last prices",
        )?;
        none(!settings.positions.is_empty(), "there are opening positions")?;
        none(settings.interest.is_some(), "the account's cash earns interest")?;
        let fills = match settings.fills {
            Fills::Bars(fills) => {
                none(fills.model.name() != "next_open", "the fill model is not next_open")?;
                none(fills.costs.volume_share_max.is_some(), "orders fill in part")?;
                Some(fills)
            }
            Fills::Ticks => {
                none(!settings.tick_by_tick, "tick_by_tick is not set")?;
                none(settings.hours.is_some(), "ticks are played inside some hours only")?;
                None
            }
        };
        let of_root = settings.commissions.get(&instrument.root).copied();
        Ok(Self {
            instrument: instrument.clone(),
            strategy: strategy.clone(),
            risk: config.risk.clone(),
            bars: config.bars.clone(),
            fills,
            cash: settings.cash,
            commission: of_root.unwrap_or(settings.commission),
            hours: settings.hours,
            calendar: Calendar::of_root(&instrument.root),
            expires_at: match settings.account.expiry {
                ExpiryRule::Settle => expires_at(instrument),
                ExpiryRule::Hold => None,
            },
            margin: MarginTable::default().0.get(&instrument.root).map(|rate| rate.initial),
        })
    }
}
