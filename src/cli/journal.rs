//! `pitboss journal`: the records as they were written, one JSON object a line.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use engine::journal::Record;

use super::{Failure, Outcome};

#[derive(Args)]
pub struct JournalArgs {
    /// Folder of the journal's segments.
    #[arg(default_value = "var/journal/simulated", value_name = "FOLDER")]
    folder: PathBuf,
}

pub fn run(args: &JournalArgs) -> Outcome {
    let entries = actors::journal::dump(&args.folder).map_err(Failure::usage)?;
    let mut out = std::io::stdout().lock();
    for entry in entries {
        let (place, entry) = entry.map_err(Failure::work)?;
        let line = serde_json::json!({
            "place": place.to_string(),
            "seq": entry.seq,
            "at": entry.at.to_string(),
            "record": json(&entry.record).map_err(Failure::work)?,
        });
        if writeln!(out, "{line}").is_err() {
            // The reader of a pipe has seen enough.
            return Ok(());
        }
    }
    Ok(())
}

/// A record as JSON. The books at a session's beginning are left out: they repeat what earlier records say.
fn json(record: &Record) -> serde_json::Result<serde_json::Value> {
    match record {
        Record::SessionStarted { info, .. } => Ok(serde_json::json!({ "SessionStarted": info })),
        record => serde_json::to_value(record),
    }
}
