//! What most commands begin with: the configuration, the log, the database. Mistakes are told before anything starts.

use std::path::Path;
use std::sync::Arc;

use actors::storage::{self, OpenOptions};
use engine::config::raw::{self, ContractSpec, Known, Layer};
use engine::config::{Config, StorageConfig};

use super::{ConfigArg, Failure};

/// The configuration of a file, or the built-in one; the environment wins over both.
pub fn config(arg: &ConfigArg) -> Result<Config, Failure> {
    let layer = match &arg.config {
        Some(path) => file_layer(path)?,
        None => Layer::embedded_default(),
    };
    read(layer)
}

pub fn read(layer: Layer) -> Result<Config, Failure> {
    read_with(layer, &[])
}

/// As [`read`], with further variables over those of the environment.
pub fn read_with(layer: Layer, more: &[(String, String)]) -> Result<Config, Failure> {
    let contracts = contract_specs();
    let overridden = |key: &String| more.iter().any(|(name, _)| name == key);
    let env: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(key, _)| !overridden(key))
        .chain(more.iter().cloned())
        .collect();
    raw::read(&[layer], &env, &Known::registered(&contracts))
        .map_err(|mistakes| Failure::usage(format!("the configuration has mistakes:\n{mistakes}")))
}

pub fn file_layer(path: &Path) -> Result<Layer, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|reason| Failure::usage(format!("cannot read the configuration {}: {reason}", path.display())))?;
    Ok(Layer::new(path.display().to_string(), text))
}

fn contract_specs() -> Vec<ContractSpec> {
    let spec = |root: &'static str| {
        let spec = feeds::specs::spec(root).expect("roots() lists what spec() knows");
        ContractSpec {
            root: root.to_owned(),
            exchange: spec.exchange.clone(),
            currency: spec.currency.clone(),
            tick_size: spec.tick_size,
            multiplier: spec.multiplier,
        }
    };
    feeds::specs::roots().map(spec).collect()
}

/// Opens the database, which makes or updates its tables: a wrong URL is told now and not in the log later.
pub async fn open_store(config: &StorageConfig) -> Result<Arc<dyn storage::Store>, Failure> {
    let options = OpenOptions { pool_size: config.pool_size, create: true };
    storage::open(&config.database_url, options).await.map_err(|reason| Failure::usage(format!("storage: {reason}")))
}

/// Starts the first threads that can wait.
pub fn logging(config: &Config) -> Result<(slog::Logger, actors::logging::LogGuard), Failure> {
    actors::priority::choose(config.instance.background);
    actors::logging::start(&config.log).map_err(|reason| Failure::usage(format!("log: {reason}")))
}
