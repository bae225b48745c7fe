//! `pitboss config`: check a file before it matters.

use std::path::PathBuf;

use clap::Subcommand;
use engine::config::Config;

use super::{Outcome, setup};

#[derive(Subcommand)]
pub enum ConfigCommand {
    /// Read a configuration file; every mistake is shown, with its line and what was expected.
    Check {
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print the built-in configuration: the reference of every key.
    Default,
}

pub fn run(command: &ConfigCommand) -> Outcome {
    match command {
        ConfigCommand::Check { file } => {
            let config = setup::read(setup::file_layer(file)?)?;
            println!("{}: no mistakes; {}", file.display(), summary(&config));
        }
        ConfigCommand::Default => print!("{}", engine::config::embedded_default()),
    }
    Ok(())
}

fn summary(config: &Config) -> String {
    let names: Vec<&str> = config.instruments.iter().map(|i| i.name.as_str()).collect();
    let place = match &config.gateway {
        Some(_) => "the simulated gateway".to_owned(),
        None => format!("{}{}", config.broker.address, if config.instance.live { ", REAL MONEY" } else { "" }),
    };
    format!(
        "{} strategies on {} through {place}, stored in {}",
        config.strategies.len(),
        names.join(", "),
        config.storage.database_url_shown()
    )
}
