//! A run out of a journal's folder: also of a session that no database has seen. In: a folder, a session's name.
//! Out: the run, positions from before it included. Absent: writing; a running system's journal can be read.

use std::path::Path;

use engine::analytics::collect::Collector;
use engine::analytics::run::Run;
use engine::journal::Record;
use engine::trade::Money;

use super::super::Failure;

/// The named session, by default the newest. `capital` says what it had, given its mode.
pub fn run(
    folder: &Path,
    session: Option<&str>,
    capital: impl Fn(&str) -> Result<Money, Failure>,
) -> Result<Run, Failure> {
    let entries = actors::journal::dump(folder).map_err(Failure::usage)?;
    let mut found: Option<Collector> = None;
    let mut wanted = false;
    for entry in entries {
        let (_, entry) = entry.map_err(Failure::work)?;
        if let Record::SessionStarted { info, .. } = &entry.record {
            wanted = session.is_none_or(|id| id == info.id);
            if wanted {
                found = Collector::of_start(entry.at, &entry.record, capital(info.mode.name())?);
            }
        } else if wanted && let Some(collector) = &mut found {
            collector.see(&entry.record);
        }
    }
    found.map(Collector::finish).ok_or_else(|| {
        let what = session.map_or_else(|| "no session".to_owned(), |id| format!("no session {id}"));
        Failure::usage(format!("there is {what} in the journal {}", folder.display()))
    })
}
