//! What an actor is built from, at its first start as after a failure: the running session's journal.
//! In: a segment. Out: cores. Absent: broker and bars; they begin anew.

use std::path::PathBuf;
use std::sync::Arc;

use engine::backtest::strategy_core;
use engine::books::{Books, BooksState};
use engine::config::Config;
use engine::journal::{Entry, Record};
use engine::strategy::StrategyCore;
use engine::tape::CoreId;

use crate::directory::Shared;
use crate::journal::read_segment;

/// Reads back what an actor needs from the running session's segment.
pub(super) struct Rebuild {
    pub shared: Arc<Shared>,
    pub journal: PathBuf,
    pub segment: u32,
    /// For whom.
    pub core: CoreId,
}

impl Rebuild {
    /// A journal that cannot be read is a reason to fail: the supervisor tries again, and halts trading in the end.
    fn entries(&self) -> Vec<Entry> {
        self.shared.journal().commit().expect("the journal takes what is waiting");
        let entries = read_segment(&self.journal, self.segment).expect("the running segment can be read");
        self.shared.tape.read(self.core, entries.last().map_or(0, |last| last.seq + 1));
        entries
    }

    pub fn books(&self) -> BooksState {
        let entries = self.entries();
        let Some(Record::SessionStarted { info, .. }) = entries.first().map(|entry| &entry.record) else {
            panic!("a segment begins with the books");
        };
        BooksState::replay(&info.instruments, entries.iter()).expect("its first entry was just seen")
    }

    /// The books after the bars of the session so far, of which they make sizes.
    pub fn shown_bars(&self, mut books: Books) -> Books {
        if !books.looks_at_bars() {
            return books;
        }
        for entry in &self.entries() {
            if let Record::Bar(bar) = &entry.record {
                books.see_bar(bar);
            }
        }
        books
    }

    pub fn strategy(&self, config: &Config, n: usize) -> StrategyCore {
        let mut core = strategy_core(config, n);
        let entries = self.entries();
        for entry in &entries {
            if let Record::Bar(bar) = &entry.record {
                core.warm_up(bar);
            }
        }
        let books = self.books();
        let position = books.portfolio.position(core.id(), core.symbol());
        core.resume(position, books.booked_executions().map(str::to_owned).collect());
        core
    }
}
