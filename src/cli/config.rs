//! `pitboss config`: check a file before it matters.

use std::path::PathBuf;

use clap::Subcommand;
use engine::config::Config;

use super::{Outcome, print_line, print_text, setup};

#[derive(Subcommand)]
pub enum ConfigCommand {
    /// Read a configuration file; every mistake is shown, with its line and what was expected. What is allowed and can
    /// hardly be meant, such as limits that let no entry pass, is a warning, and the exit code is 0.
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
            for warning in forbidden(&config) {
                print_line(&format!("{}: warning: {warning}", file.display()))?;
            }
            print_line(&format!("{}: no mistakes; {}", file.display(), summary(&config)))
        }
        ConfigCommand::Default => print_text(engine::config::embedded_default()),
    }
}

/// Limits that let no entry pass. A simulated market has a day of its own.
fn forbidden(config: &Config) -> Vec<String> {
    let today = config.gateway.is_none().then(|| chrono::Utc::now().date_naive());
    config.forbids(today)
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
