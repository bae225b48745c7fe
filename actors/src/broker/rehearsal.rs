//! Walks the way from a trade to an order while nothing comes, so that its code is in the processor's caches when a
//! trade does: an invented market in `engine::rehearsal`, records encoded and written to a file without a name, trades
//! and orders that pass over a line to practise on. In: time to spend. Out: nothing. Absent: the journal, the connection
//! that trades, the real cores.

use std::cell::RefCell;
use std::fs::{self, File, OpenOptions};
use std::hint::black_box;
use std::io::{self, Seek, Write};
use std::mem::take;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use engine::backtest::Backtest;
use engine::config::Config;
use engine::journal::{Entry, Record, encode};
use engine::rehearsal::{Market, rehearsal};
use engine::time::Timestamp;
use ibapi::orders::Order;
use tokio::task::yield_now;

use super::convert;
use super::practice::{FindPartner, Practice, PracticeError};

/// Walks before everything begins anew: books grow, and the invented session ends. To take leave of this many walks takes
/// a tenth of a millisecond, of a thousand four; to begin takes a tenth again. The file is rewound, which costs the thread
/// that trades less than a new one, and nothing once its blocks are there.
const WALKS_MAX: u32 = 32;

#[derive(Debug, thiserror::Error)]
pub(super) enum RehearsalError {
    #[error("the scratch file: {0}")]
    File(#[from] io::Error),
    #[error(transparent)]
    Practice(#[from] PracticeError),
}

pub(super) struct Rehearsal {
    config: Arc<Config>,
    file: File,
    /// Without one, orders are converted and dropped.
    practice: Option<Practice>,
    run: Option<Run>,
}

struct Run {
    backtest: Backtest<Market, Box<dyn FnMut(Timestamp, Record)>>,
    decided: Rc<RefCell<Decided>>,
    walks: u32,
}

/// What a step leads to.
#[derive(Default)]
struct Decided {
    written: Vec<u8>,
    orders: Vec<Order>,
}

impl Rehearsal {
    pub async fn open(config: Arc<Config>, find_partner: Option<FindPartner>) -> Result<Self, RehearsalError> {
        let file = scratch_file(&config.storage.journal_dir)?;
        let practice = match (find_partner, config.instruments.first()) {
            (Some(find), Some(instrument)) => {
                Some(Practice::open(find().map_err(PracticeError::from)?, instrument).await?)
            }
            _ => None,
        };
        Ok(Self { config, file, practice, run: None })
    }

    /// Walks once; or takes leave of what has grown, and the next walk begins anew.
    pub async fn walk(&mut self) -> Result<(), RehearsalError> {
        if self.run.take_if(|run| run.walks >= WALKS_MAX).is_some() {
            self.file.rewind()?;
            return Ok(());
        }
        if self.run.is_none() {
            self.run = Run::new(&self.config);
        }
        let Some(run) = &mut self.run else { return Ok(()) };
        run.walks += 1;
        if let Some(practice) = &mut self.practice {
            practice.trade().await?;
        }
        run.backtest.step();
        let orders = {
            let Decided { written, orders } = &mut *run.decided.borrow_mut();
            self.file.write_all(written)?;
            written.clear();
            take(orders)
        };
        if let Some(practice) = &self.practice {
            for order in &orders {
                // What has come meanwhile goes first.
                yield_now().await;
                practice.send(order).await?;
            }
        }
        black_box(orders);
        Ok(())
    }
}

impl Run {
    /// `None` if there is nothing to trade.
    fn new(config: &Arc<Config>) -> Option<Run> {
        let decided: Rc<RefCell<Decided>> = Rc::default();
        let (of_step, settings) = (decided.clone(), config.clone());
        let journal = move |at: Timestamp, record: Record| {
            let of_step = &mut *of_step.borrow_mut();
            if let Record::OrderPlaced(ticket) = &record {
                of_step.orders.push(convert::order(ticket, &settings.instruments[0], "rehearsal"));
            }
            // A record that is too long for a frame is refused there as it is in the real journal.
            black_box(encode(&Entry { seq: 0, at, record }, &mut of_step.written).is_ok());
        };
        let journal: Box<dyn FnMut(Timestamp, Record)> = Box::new(journal);
        let mut backtest = rehearsal(config, journal)?;
        backtest.connect();
        Some(Run { backtest, decided, walks: 0 })
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
    use std::cell::Cell;

    use engine::config::raw::{Known, Layer, read};

    use super::*;
    use crate::broker::Partner;

    fn config(journal_dir: &Path) -> Arc<Config> {
        let mut config = read(&[Layer::embedded_default()], &[], &Known::registered(&[])).expect("it is valid");
        config.storage.journal_dir = journal_dir.to_path_buf();
        Arc::new(config)
    }

    #[actix::test]
    async fn it_walks_on_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut rehearsal = Rehearsal::open(config(folder.path()), None).await.expect("the folder can be written");
        for n in 1..=WALKS_MAX {
            rehearsal.walk().await.expect("the folder can be written");
            assert_eq!(rehearsal.run.as_ref().map(|run| run.walks), Some(n));
        }
        rehearsal.walk().await.expect("the folder can be written");
        assert!(rehearsal.run.is_none(), "it took leave");
        rehearsal.walk().await.expect("the folder can be written");
        assert_eq!(rehearsal.run.as_ref().map(|run| run.walks), Some(1), "it began anew");
        assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 0);
    }

    #[actix::test]
    async fn with_a_partner_trades_and_orders_pass_over_the_line_until_it_is_gone() {
        thread_local! {
            static TURNS: Cell<u32> = const { Cell::new(0) };
            static CAME: Cell<usize> = const { Cell::new(0) };
        }
        fn short_of_breath() -> io::Result<Partner> {
            let (address, mut turn) = gateway::spar()?;
            let turn = move |trade: bool| {
                TURNS.set(TURNS.get() + u32::from(trade));
                if TURNS.get() > 20 {
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
                let came = turn(trade)?;
                CAME.set(CAME.get() + came);
                Ok(came)
            };
            Ok((address, Box::new(turn)))
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut rehearsal =
            Rehearsal::open(config(folder.path()), Some(short_of_breath)).await.expect("they come together");
        for n in 1..=20 {
            rehearsal.walk().await.expect("the line holds");
            assert_eq!(TURNS.get(), n, "each walk has its trade");
        }
        // The first bars make no orders, and the last walk's are still on their way.
        assert!(CAME.get() >= 15 * 3, "{} messages: an exit, an entry and its children a walk", CAME.get());
        let gone = rehearsal.walk().await;
        assert!(matches!(gone, Err(RehearsalError::Practice(PracticeError::Partner(_)))), "{gone:?}");
    }

    #[actix::test]
    async fn a_folder_that_cannot_be_written_is_told() {
        assert!(matches!(Rehearsal::open(config(Path::new("/nowhere")), None).await, Err(RehearsalError::File(_))));
    }
}
