//! Reads configuration: layers of TOML text and the environment in, one typed [`Config`] or every mistake out.
//! Absent: files (the caller reads them) and specifications of contracts (the caller passes what it knows).
//!
//! Later layers win key by key; an array, `[[strategies]]` among them, is replaced whole. The environment comes last:
//! `PITBOSS__RISK__ORDER_SIZE_MAX=2` sets `risk.order_size_max`, `PITBOSS__STRATEGIES__0__QUANTITY=1` the first
//! strategy's quantity, and a list is written with commas. A file given by the user is complete by itself: the embedded
//! default is not laid under it, so that no limit comes from a place that the user did not read.

use std::path::PathBuf;

use rust_decimal::Decimal;

use super::{Config, EMBEDDED_DEFAULT};
use crate::strategy::registry;

mod allocation;
mod backtest;
mod check;
mod connection;
mod instruments;
mod kind;
mod layers;
mod mistake;
mod place;
mod plumbing;
mod protection;
mod risk;
mod session;
mod simulation;
mod sizing;
mod trading;
mod walk;

#[cfg(test)]
mod tests;

pub use crate::strategy::registry::ParamMistake;
pub use mistake::{Mistake, Mistakes};
pub use risk::RAILS;

/// One source of settings in TOML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// How mistakes name it: the file's path as the user gave it, or `embedded default`.
    pub name: String,
    pub text: String,
}

impl Layer {
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// What is used when the user names no file.
    pub fn embedded_default() -> Self {
        Self::new("embedded default", EMBEDDED_DEFAULT)
    }
}

/// What an exchange says about every contract of a root; an instrument that says otherwise is a mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractSpec {
    /// `ES`.
    pub root: String,
    pub exchange: String,
    pub currency: String,
    /// Points.
    pub tick_size: Decimal,
    /// Currency units per point for one contract.
    pub multiplier: Decimal,
}

/// Checks the parameters of one strategy; the kind is one of [`Known::kinds`].
pub type CheckParams<'a> = dyn Fn(&str, &toml::Table) -> Result<(), Vec<ParamMistake>> + 'a;

/// What the program knows and a configuration may refer to.
pub struct Known<'a> {
    /// Contracts with fixed specifications; their instruments may leave these out.
    pub contracts: &'a [ContractSpec],
    /// Registered kinds of strategies.
    pub kinds: Vec<&'a str>,
    pub check_params: &'a CheckParams<'a>,
}

impl<'a> Known<'a> {
    /// The strategies that this crate has, and these contracts.
    pub fn registered(contracts: &'a [ContractSpec]) -> Self {
        let kinds = registry::names().collect();
        Self { contracts, kinds, check_params: &|kind, params| registry::params(kind, params).map(drop) }
    }
}

/// The configuration that `layers` (weakest first) and `env` (all variables; others than `PITBOSS_` are ignored)
/// describe. The error holds every mistake, ordered by layer and line.
pub fn read(layers: &[Layer], env: &[(String, String)], known: &Known<'_>) -> Result<Config, Mistakes> {
    let layers::Merged { places, tree, mistakes } = layers::merge(layers, env)?;
    let walk = walk::Walk::new(&places, mistakes);
    let config = walk.root(&tree, |root| {
        let parts = Parts::read(root, known);
        check::contradictions(&walk, &parts);
        parts.whole()
    });
    let mistakes = walk.into_mistakes();
    if !mistakes.is_empty() {
        return Err(Mistakes::sorted(mistakes, &places));
    }
    Ok(config.expect("a part that could not be read has left a mistake"))
}

/// The sections, each `None` if it has a mistake; contradictions are looked for among the rest.
struct Parts {
    instance: Option<super::Instance>,
    allocation: Option<Option<allocation::Read>>,
    broker: Option<super::BrokerConfig>,
    gateway: Option<Option<super::GatewayConfig>>,
    expected_outages: Option<Vec<super::ExpectedOutage>>,
    instruments: Option<Vec<crate::market::Instrument>>,
    bars: Option<super::BarsConfig>,
    strategies: Option<Vec<super::StrategyConfig>>,
    risk: Option<super::RiskConfig>,
    orders: Option<super::OrdersConfig>,
    protection: Option<super::ProtectionConfig>,
    on_disconnect: Option<super::OnDisconnect>,
    feeds: Option<super::FeedsConfig>,
    calendar: Option<super::CalendarConfig>,
    control: Option<Option<PathBuf>>,
    actors: Option<super::ActorsConfig>,
    storage: Option<super::StorageConfig>,
    log: Option<super::LogConfig>,
    recording: Option<Option<super::RecordingConfig>>,
    backtest: Option<super::BacktestConfig>,
}

impl Parts {
    fn read(root: &walk::Section<'_>, known: &Known<'_>) -> Self {
        let gateway = simulation::gateway(root);
        let simulated = root.has("gateway");
        let listen = gateway.as_ref().and_then(Option::as_ref).map(|gateway| gateway.listen);
        let market = trading::Market::read(root, known);
        let strategies = market.strategies(root, known);
        let orders = trading::orders(root);
        Parts {
            instance: session::instance(root),
            allocation: allocation::allocation(root),
            broker: session::broker(root, simulated, listen),
            expected_outages: session::expected_outages(root),
            risk: risk::risk(root),
            protection: protection::protection(root),
            on_disconnect: connection::on_disconnect(root, orders.as_ref()),
            feeds: connection::feeds(root),
            calendar: connection::calendar(root),
            orders,
            control: plumbing::control(root),
            actors: plumbing::actors(root),
            storage: plumbing::storage(root),
            log: plumbing::log(root),
            recording: plumbing::recording(root),
            backtest: backtest::backtest(root, strategies.as_deref()),
            strategies,
            gateway,
            instruments: market.instruments,
            bars: market.bars,
        }
    }

    fn whole(self) -> Option<Config> {
        let strategies = self.strategies?;
        Some(Config {
            instance: self.instance?,
            allocation: self.allocation?.map(|read| read.of(&strategies)),
            broker: self.broker?,
            gateway: self.gateway?,
            expected_outages: self.expected_outages?,
            instruments: self.instruments?,
            bars: self.bars?,
            strategies,
            risk: self.risk?,
            orders: self.orders?,
            protection: self.protection?,
            on_disconnect: self.on_disconnect?,
            feeds: self.feeds?,
            calendar: self.calendar?,
            control: self.control?,
            actors: self.actors?,
            storage: self.storage?,
            log: self.log?,
            recording: self.recording?,
            backtest: self.backtest?,
        })
    }
}
