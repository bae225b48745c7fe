//! A recorded session, decided again: the same cores and the same wiring, told what they were told then, at the times at
//! which they were told. In: the session's tape, its journal, a configuration. Out: what the cores record and ask of the
//! broker now. Absent: a broker, whose answers are on the tape; files; comparison (`compare`).

use std::collections::VecDeque;
use std::time::Duration;

use super::{Message, strategy_core};
use crate::bars::Bars;
use crate::books::{Books, BooksState};
use crate::config::Config;
use crate::journal::{Entry, Record, SessionInfo};
use crate::link::Link;
use crate::market::{Bar, SymbolId, Trade};
use crate::portfolio::Mark;
use crate::strategy::StrategyCore;
use crate::tape::{CoreId, Moment, Taped, mark_of};
use crate::time::Timestamp;
use crate::trade::{BrokerRequest, StrategyId, Trading};
use crate::wiring::{BrokerCommand, Core, Deliver, News, Output, Topology, route};
use crate::{bars, books, link, strategy};

/// What the cores say, with the time.
pub enum Said {
    Record(Record),
    Request(BrokerRequest),
}

/// What the cores of a session are built from.
#[derive(Clone, Copy)]
pub struct Origin<'a> {
    /// As the session ran with it: for a scaled clock, with scaled spans.
    pub config: &'a Config,
    /// How long the link waits for an inventory.
    pub patience: Duration,
    /// The session's entries; the first one says who ran and with which books.
    pub journal: &'a [Entry],
    pub info: &'a SessionInfo,
}

/// One session under replay.
pub struct Session<'a> {
    origin: Origin<'a>,
    topology: Topology,
    bars: Vec<Option<Bars>>,
    strategies: Vec<Option<StrategyCore>>,
    books: Option<Books>,
    link: Option<Link>,
    /// Cores that were built once: the next time they are rebuilt.
    built: Vec<CoreId>,
    queue: VecDeque<Message>,
    now: Timestamp,
    /// Ticks that were not told yet, and what all so far say, by symbol.
    trades: Vec<Vec<Trade>>,
    marks: Vec<Mark>,
    phase: Phase,
    /// Deliveries of this input so far, and which of them went to mailboxes.
    delivered: u32,
    diverted: Vec<u32>,
    /// Inputs that nobody could take, since this replay went another way.
    lost: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Running,
    WindingDown,
    Closing,
}

/// Of one input: the queue, and whoever listens.
struct To<'s, 'f> {
    queue: &'s mut VecDeque<Message>,
    phase: Phase,
    delivered: &'s mut u32,
    diverted: &'s [u32],
    now: Timestamp,
    said: &'f mut dyn FnMut(Timestamp, Said),
}

impl To<'_, '_> {
    fn push(&mut self, message: Message) {
        let number = *self.delivered;
        *self.delivered += 1;
        if !self.diverted.contains(&number) {
            self.queue.push_back(message);
        }
    }
}

impl Deliver for To<'_, '_> {
    fn bars(&mut self, symbol: SymbolId, input: bars::Input) {
        if self.phase < Phase::WindingDown {
            self.push(Message::Bars(symbol, input));
        }
    }

    fn strategy(&mut self, strategy: StrategyId, input: strategy::Input) {
        if self.phase < Phase::WindingDown {
            self.push(Message::Strategy(strategy, input));
        }
    }

    fn books(&mut self, input: books::Input) {
        if self.phase < Phase::Closing {
            self.push(Message::Books(input));
        }
    }

    fn link(&mut self, input: link::Input) {
        if self.phase < Phase::Closing {
            self.push(Message::Link(input));
        }
    }

    fn broker(&mut self, command: BrokerCommand) {
        match command {
            BrokerCommand::Request(request) => (self.said)(self.now, Said::Request(request)),
            // What came of these is on the tape.
            BrokerCommand::Resubscribe
            | BrokerCommand::ResubscribeOne(_)
            | BrokerCommand::Listen(_)
            | BrokerCommand::Rebuild { .. } => {}
        }
    }

    fn journal(&mut self, record: Record) {
        (self.said)(self.now, Said::Record(record));
    }

    fn commit(&mut self) -> bool {
        true
    }
}

impl<'a> Session<'a> {
    pub fn new(origin: Origin<'a>) -> Self {
        let config = origin.config;
        Self {
            origin,
            topology: Topology::new(config.instruments.len(), &config.strategies),
            bars: config.instruments.iter().map(|_| None).collect(),
            strategies: config.strategies.iter().map(|_| None).collect(),
            books: None,
            link: None,
            built: Vec::new(),
            queue: VecDeque::new(),
            now: Timestamp::default(),
            trades: vec![Vec::new(); config.instruments.len()],
            marks: Vec::new(),
            phase: Phase::Running,
            delivered: 0,
            diverted: Vec::new(),
            lost: 0,
        }
    }

    /// Inputs that met no core: more than none only if something was decided otherwise, or the tape has a hole.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// One input and everything that comes of it. `diverted` are the numbers of the entries [`Taped::Diverted`] that
    /// follow it on the tape.
    pub fn see(&mut self, moment: &Moment, diverted: &[u32], said: &mut dyn FnMut(Timestamp, Said)) {
        (self.now, self.delivered) = (moment.at, 0);
        self.diverted.clear();
        self.diverted.extend_from_slice(diverted);
        match &moment.input {
            Taped::Trade { symbol, lag, price, size } => {
                let ts = Timestamp::from_nanos(moment.at.nanos().wrapping_sub(*lag));
                mark_of(&mut self.marks, *symbol).last = Some(*price);
                match self.trades.get_mut(usize::from(symbol.0)) {
                    Some(trades) => trades.push(Trade { ts, price: *price, size: *size }),
                    None => self.lost += 1,
                }
            }
            Taped::Quote { symbol, bid, ask, .. } => {
                let mark = mark_of(&mut self.marks, *symbol);
                (mark.bid, mark.ask) = (*bid, *ask);
            }
            Taped::Market { symbol, mark } => {
                let seen = mark_of(&mut self.marks, *symbol);
                *seen = mark.unwrap_or(*seen);
                let (symbol, mark) = (*symbol, Some(*seen));
                let trades = self.trades.get_mut(usize::from(symbol.0)).map(std::mem::take).unwrap_or_default();
                self.route(Output::Broker(News::Market { symbol, trades, mark }), said);
            }
            Taped::News(news) => self.route(Output::Broker(news.clone()), said),
            Taped::Bars(symbol, input) => self.queue.push_back(Message::Bars(*symbol, input.clone())),
            Taped::Strategy(id, input) => self.queue.push_back(Message::Strategy(*id, input.clone())),
            Taped::Books(input) => self.queue.push_back(Message::Books(input.clone())),
            Taped::Link(input) => self.queue.push_back(Message::Link(input.clone())),
            Taped::Deadline(core) => self.fire(*core, said),
            Taped::Built { core, below } => self.build(*core, *below, said),
            Taped::WindingDown => self.phase = Phase::WindingDown,
            Taped::Closing => self.phase = Phase::Closing,
            Taped::Diverted(_) | Taped::Failed(_) | Taped::Ends(_) => {}
        }
        self.settle(said);
    }

    fn route(&mut self, output: Output, said: &mut dyn FnMut(Timestamp, Said)) {
        let mut to = To {
            queue: &mut self.queue,
            phase: self.phase,
            delivered: &mut self.delivered,
            diverted: &self.diverted,
            now: self.now,
            said,
        };
        route(&self.topology, output, &mut to);
    }

    fn settle(&mut self, said: &mut dyn FnMut(Timestamp, Said)) {
        while let Some(message) = self.queue.pop_front() {
            let now = self.now;
            let output = match message {
                Message::Bars(symbol, input) => {
                    place(&mut self.bars, symbol.0).map(|core| Core::handle(core, now, input))
                }
                Message::Strategy(id, input) => {
                    place(&mut self.strategies, id.0).map(|core| Core::handle(core, now, input))
                }
                Message::Books(input) => self.books.as_mut().map(|core| Core::handle(core, now, input)),
                Message::Link(input) => self.link.as_mut().map(|core| Core::handle(core, now, input)),
                Message::Broker(_) => unreachable!("what the broker is told is said and not queued"),
            };
            match output {
                Some(output) => self.route(output, said),
                None => self.lost += 1,
            }
        }
    }

    fn fire(&mut self, core: CoreId, said: &mut dyn FnMut(Timestamp, Said)) {
        let now = self.now;
        let output = match core {
            CoreId::Bars(symbol) => place(&mut self.bars, symbol.0).and_then(|core| super::due(core, now)),
            CoreId::Strategy(id) => place(&mut self.strategies, id.0).and_then(|core| super::due(core, now)),
            CoreId::Books => self.books.as_mut().and_then(|core| super::due(core, now)),
            CoreId::Link => self.link.as_mut().and_then(|core| super::due(core, now)),
        };
        match output {
            Some(output) => self.route(output, said),
            None => self.lost += 1,
        }
    }

    /// As `actors::system` builds it: at the start and after each failure, from the journal as far as it was read.
    fn build(&mut self, core: CoreId, below: u64, said: &mut dyn FnMut(Timestamp, Said)) {
        let again = self.built.contains(&core);
        self.built.push(core);
        let Origin { config, journal, .. } = self.origin;
        let known = &journal[..journal.partition_point(|entry| entry.seq < below)];
        match core {
            CoreId::Bars(symbol) if usize::from(symbol.0) < self.bars.len() => {
                let mut bars = Bars::new(symbol, &config.bars);
                if again {
                    bars.handle(self.now, bars::Input::FeedUp, &mut Vec::new());
                }
                self.bars[usize::from(symbol.0)] = Some(bars);
            }
            CoreId::Strategy(id) if usize::from(id.0) < self.strategies.len() => {
                self.strategies[usize::from(id.0)] = self.strategy(usize::from(id.0), known);
            }
            CoreId::Bars(_) | CoreId::Strategy(_) => self.lost += 1,
            CoreId::Books => {
                self.books = self.state(known).map(|mut state| {
                    state.doubt_all();
                    let mut books = Books::new(config, state);
                    if books.looks_at_bars() {
                        closed(known).for_each(|bar| books.see_bar(bar));
                    }
                    books
                });
                if again {
                    self.deliver_after(said, |to| to.link(link::Input::BooksRestarted));
                }
            }
            CoreId::Link => {
                self.link = Some(Link::of(self.origin.config, self.origin.patience));
                if again {
                    let cause = "the link actor was rebuilt".to_owned();
                    self.deliver_after(said, |to| to.books(books::Input::Trading { trading: Trading::Paused, cause }));
                }
            }
        }
    }

    fn deliver_after(&mut self, said: &mut dyn FnMut(Timestamp, Said), what: impl FnOnce(&mut To<'_, '_>)) {
        what(&mut To {
            queue: &mut self.queue,
            phase: self.phase,
            delivered: &mut self.delivered,
            diverted: &self.diverted,
            now: self.now,
            said,
        });
    }

    fn state(&self, known: &[Entry]) -> Option<BooksState> {
        BooksState::replay(&self.origin.info.instruments, known.iter())
    }

    fn strategy(&self, n: usize, known: &[Entry]) -> Option<StrategyCore> {
        let mut core = strategy_core(self.origin.config, n);
        closed(known).for_each(|bar| core.warm_up(bar));
        let books = self.state(known)?;
        let position = books.portfolio.position(core.id(), core.symbol());
        core.resume(position, books.booked_executions().map(str::to_owned).collect());
        Some(core)
    }
}

fn place<C>(row: &mut [Option<C>], n: u16) -> Option<&mut C> {
    row.get_mut(usize::from(n))?.as_mut()
}

fn closed(entries: &[Entry]) -> impl Iterator<Item = &Bar> {
    entries.iter().filter_map(|entry| match &entry.record {
        Record::Bar(bar) => Some(bar),
        _ => None,
    })
}
