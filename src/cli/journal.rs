//! `pitboss journal`: the records as they were written, one JSON object a line.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

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
            "record": format!("{:?}", entry.record),
        });
        if writeln!(out, "{line}").is_err() {
            // The reader of a pipe has seen enough.
            return Ok(());
        }
    }
    Ok(())
}
