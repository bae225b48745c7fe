//! Walks the way from a trade to an order while nothing comes, so that its code is in the processor's caches when a
//! trade does: an invented market in `engine::rehearsal`, records encoded and written to a file without a name, orders
//! converted and dropped. In: time to spend. Out: nothing. Absent: the journal, the socket, the real cores.

use std::cell::RefCell;
use std::fs::{self, File, OpenOptions};
use std::hint::black_box;
use std::io::{self, Seek, Write};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use engine::backtest::Backtest;
use engine::config::Config;
use engine::journal::{Entry, Record, encode};
use engine::rehearsal::{Market, rehearsal};
use engine::time::Timestamp;

use super::convert;

/// Walks before everything begins anew: books grow, and the invented session ends. That takes a millisecond. The file is
/// rewound, which costs the thread that trades less than a new one, and nothing once its blocks are there.
const WALKS_MAX: u32 = 1_024;

pub(super) struct Rehearsal {
    config: Arc<Config>,
    file: Option<File>,
    run: Option<Run>,
}

struct Run {
    backtest: Backtest<Market, Box<dyn FnMut(Timestamp, Record)>>,
    written: Rc<RefCell<Vec<u8>>>,
    walks: u32,
}

impl Rehearsal {
    pub fn new(config: Arc<Config>) -> Self {
        Self { config, file: None, run: None }
    }

    /// Walks once. `has_time`: something has just come and the next is not expected at once, so that it may begin anew.
    /// An error means that the scratch file cannot be written.
    pub fn walk(&mut self, has_time: bool) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(scratch_file(&self.config.storage.journal_dir)?),
        };
        if self.run.as_ref().is_none_or(|run| has_time && run.walks >= WALKS_MAX) {
            self.run = Run::new(&self.config);
            file.rewind()?;
        }
        let Some(run) = &mut self.run else { return Ok(()) };
        run.walks += 1;
        run.backtest.step();
        let mut written = run.written.borrow_mut();
        file.write_all(&written)?;
        written.clear();
        Ok(())
    }
}

impl Run {
    /// `None` if there is nothing to trade.
    fn new(config: &Arc<Config>) -> Option<Run> {
        let written = Rc::new(RefCell::new(Vec::new()));
        let (bytes, settings) = (written.clone(), config.clone());
        let journal = move |at: Timestamp, record: Record| {
            if let Record::OrderPlaced(ticket) = &record {
                black_box(convert::order(ticket, &settings.instruments[0], "rehearsal"));
            }
            // A record that is too long for a frame is refused there as it is in the real journal.
            black_box(encode(&Entry { seq: 0, at, record }, &mut bytes.borrow_mut()).is_ok());
        };
        let journal: Box<dyn FnMut(Timestamp, Record)> = Box::new(journal);
        let mut backtest = rehearsal(config, journal)?;
        backtest.connect();
        Some(Run { backtest, written, walks: 0 })
    }
}

/// A file on the journal's disk that nobody finds, and that is gone with its handle.
fn scratch_file(folder: &Path) -> io::Result<File> {
    let path = folder.join(format!("rehearsal-{}.tmp", std::process::id()));
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use engine::config::raw::{Known, Layer, read};

    use super::*;

    #[test]
    fn it_walks_on_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut config = read(&[Layer::embedded_default()], &[], &Known::registered(&[])).expect("it is valid");
        config.storage.journal_dir = folder.path().to_path_buf();
        let mut rehearsal = Rehearsal::new(Arc::new(config));
        for _ in 0..WALKS_MAX + 2 {
            rehearsal.walk(false).expect("the folder can be written");
        }
        assert_eq!(rehearsal.run.as_ref().map(|run| run.walks), Some(WALKS_MAX + 2), "there was no time");
        rehearsal.walk(true).expect("the folder can be written");
        assert_eq!(rehearsal.run.as_ref().map(|run| run.walks), Some(1), "it began anew");
        assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 0);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told() {
        let mut config = read(&[Layer::embedded_default()], &[], &Known::registered(&[])).expect("it is valid");
        config.storage.journal_dir = "/nowhere".into();
        assert!(Rehearsal::new(Arc::new(config)).walk(true).is_err());
    }
}
