//! The thread that writes a tape, and the way to it. In: framed blocks. Out: a file. It never makes the trading thread
//! wait: a full queue or a full tape ends the recording.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use engine::tape::{Encoder, Header, Taped, opening};
use engine::time::Timestamp;
use slog::{Logger, error, info, warn};

use super::{Tape, file};
use crate::priority;

/// Blocks that may wait for the disk: at 32 kB each, 16 MB.
const WAITING_MAX: usize = 512;

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot record to {}: {source}; set `enabled = false` in [recording] to go without", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("cannot remove the old recording {}: {source}", path.display())]
    Old { path: PathBuf, source: io::Error },
}

/// What the trading thread hands blocks to.
pub(super) struct Sink {
    blocks: SyncSender<Vec<u8>>,
    bytes: u64,
    bytes_max: u64,
    log: Logger,
}

impl Sink {
    /// Why the tape has to end.
    pub fn take(&mut self, block: Vec<u8>) -> Result<(), String> {
        self.bytes += block.len() as u64;
        if self.bytes > self.bytes_max {
            return Err(format!("the recording is as long as `recording.bytes_max` allows, {}", self.bytes_max));
        }
        self.blocks.try_send(block).map_err(|refused| match refused {
            TrySendError::Full(_) => "the disk is too slow for the recording".to_owned(),
            TrySendError::Disconnected(_) => "the recording could not be written".to_owned(),
        })
    }

    pub fn end(&mut self, why: &str) {
        warn!(self.log, "{why}: nothing more of this session is recorded, trading goes on"; "event" => "recording.ended");
        let mut last = Encoder::default();
        last.put(Timestamp::default(), &Taped::Ends(why.to_owned()));
        if let Some(block) = last.take(true) {
            // If even this does not fit, the file ends where it ends.
            drop(self.blocks.try_send(block));
        }
    }
}

/// Begins the tape of a segment.
pub fn start(journal: &Path, segment: u32, header: &Header, bytes_max: u64, log: &Logger) -> Result<Tape, StartError> {
    let path = file(journal, segment);
    let fail = |source| StartError::File { path: path.clone(), source };
    let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(fail)?;
    let head = opening(header);
    file.write_all(&head).map_err(fail)?;
    let (blocks, waiting) = sync_channel(WAITING_MAX);
    let writing = (path.clone(), log.clone());
    std::thread::Builder::new()
        .name("tape".to_owned())
        .spawn(move || {
            priority::step_back();
            write_all(file, &waiting, &writing.0, &writing.1);
        })
        .map_err(fail)?;
    info!(log, "inputs are recorded to {}", path.display(); "event" => "recording.started");
    Ok(Tape::to(Sink { blocks, bytes: head.len() as u64, bytes_max, log: log.clone() }))
}

fn write_all(mut file: File, blocks: &Receiver<Vec<u8>>, path: &Path, log: &Logger) {
    while let Ok(block) = blocks.recv() {
        if let Err(reason) = file.write_all(&block) {
            // The sender learns of it by the closed queue.
            error!(log, "the recording {} cannot be written: {reason}", path.display(); "event" => "recording.failed");
            return;
        }
    }
}

/// Removes the oldest tapes of a folder until all together are at most `bytes_max`. Returns what was removed.
pub fn make_room(journal: &Path, bytes_max: u64) -> Result<Vec<PathBuf>, StartError> {
    let fail = |source| StartError::Old { path: journal.to_path_buf(), source };
    let mut tapes = Vec::new();
    for entry in fs::read_dir(journal).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if path.extension().is_some_and(|extension| extension == "tape") {
            tapes.push((path.clone(), fs::metadata(&path).map_err(fail)?.len()));
        }
    }
    // Their names are numbers of the same length.
    tapes.sort();
    let mut bytes: u64 = tapes.iter().map(|(_, bytes)| bytes).sum();
    let mut removed = Vec::new();
    for (path, length) in tapes {
        if bytes <= bytes_max {
            break;
        }
        fs::remove_file(&path).map_err(|source| StartError::Old { path: path.clone(), source })?;
        bytes -= length;
        removed.push(path);
    }
    Ok(removed)
}
