//! Who receives what: the whole system on one screen. [`route`] turns an output into calls on [`Deliver`], which has
//! two implementations: a queue (backtest, simulation) and a directory of actor addresses (live).

use serde::{Deserialize, Serialize};

use crate::bars::Bars;
use crate::books::Books;
use crate::config::StrategyConfig;
use crate::journal::{Record, Severity};
use crate::link::Link;
use crate::link::table::Event;
use crate::market::{SymbolId, Trade};
use crate::portfolio::Mark;
use crate::sabotage::{self, Sabotage};
use crate::strategy::StrategyCore;
use crate::time::Timestamp;
use crate::trade::{BrokerEvent, BrokerRequest, Leg, Money, OrderIntent, StrategyId, Trading};
use crate::{bars, books, codes, link, strategy};

/// What a core or the broker adapter said.
#[derive(Debug, PartialEq)]
pub enum Output {
    Broker(News),
    Bars(SymbolId, Vec<bars::Output>),
    Strategy(Vec<OrderIntent>),
    Books(Vec<books::Output>),
    Link(Vec<link::Output>),
}

/// What the broker adapter reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum News {
    /// Trades of one symbol in order of arrival, and the prices after them.
    Market {
        symbol: SymbolId,
        trades: Vec<Trade>,
        mark: Option<Mark>,
    },
    Event(BrokerEvent),
    Connected,
    Disconnected {
        cause: String,
    },
    Notice {
        code: i32,
        text: String,
    },
    FeedUp(SymbolId),
    FeedDown(SymbolId),
    /// The first good tick after [`BrokerCommand::Listen`]; told before the tick itself.
    Fresh {
        symbol: SymbolId,
        /// It ends a time of corrupt prices.
        cleaned: bool,
    },
    /// Prices of this symbol are refused in a row.
    Corrupt {
        symbol: SymbolId,
        why: String,
    },
    /// An inventory or positions that were asked for could not be had.
    NoInventory {
        cause: String,
    },
    /// Something that a person may ask about; `event` is a stable dotted name. No core hears it, so no tape holds it.
    Told {
        severity: Severity,
        #[serde(skip)]
        event: &'static str,
        text: String,
    },
    /// Trades were lost while the feed stayed up.
    Lost {
        symbol: SymbolId,
        why: String,
    },
    /// Order events were lost or could not be read: only an inventory helps.
    OrderStreamBroken {
        why: String,
    },
    /// The broker's profit of the day, realised and unrealised.
    Profit(Money),
}

/// What the broker adapter is told.
#[derive(Clone, Debug, PartialEq)]
pub enum BrokerCommand {
    Request(BrokerRequest),
    Resubscribe,
    ResubscribeOne(SymbolId),
    /// Report the next good tick of this symbol, once: [`News::Fresh`].
    Listen(SymbolId),
    Rebuild {
        cause: String,
    },
}

/// Where messages go. Calls return at once; each receiver gets its messages in the order of the calls.
pub trait Deliver {
    fn bars(&mut self, symbol: SymbolId, input: bars::Input);
    fn strategy(&mut self, strategy: StrategyId, input: strategy::Input);
    fn books(&mut self, input: books::Input);
    fn link(&mut self, input: link::Input);
    fn broker(&mut self, command: BrokerCommand);
    /// Appends to the journal's buffer.
    fn journal(&mut self, record: Record);
    /// Makes everything appended so far safe against the death of the process; `false` if that failed.
    fn commit(&mut self) -> bool;
}

/// What an actor or a queue runs: it is told something or that time has passed, and answers. It never waits.
pub trait Core {
    type Input;
    fn handle(&mut self, now: Timestamp, input: Self::Input) -> Output;
    /// When [`Core::on_deadline`] wants to be called.
    fn next_deadline(&self) -> Option<Timestamp>;
    fn on_deadline(&mut self, now: Timestamp) -> Output;
}

impl Core for Bars {
    type Input = bars::Input;

    fn handle(&mut self, now: Timestamp, input: bars::Input) -> Output {
        let mut out = Vec::new();
        Bars::handle(self, now, input, &mut out);
        Output::Bars(self.symbol(), out)
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        Bars::next_deadline(self)
    }

    fn on_deadline(&mut self, now: Timestamp) -> Output {
        let mut out = Vec::new();
        Bars::on_deadline(self, now, &mut out);
        Output::Bars(self.symbol(), out)
    }
}

impl Core for StrategyCore {
    type Input = strategy::Input;

    fn handle(&mut self, now: Timestamp, input: strategy::Input) -> Output {
        let mut out = Vec::new();
        StrategyCore::handle(self, now, input, &mut out);
        Output::Strategy(out)
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        StrategyCore::next_deadline(self)
    }

    fn on_deadline(&mut self, now: Timestamp) -> Output {
        let mut out = Vec::new();
        StrategyCore::on_deadline(self, now, &mut out);
        Output::Strategy(out)
    }
}

impl Core for Books {
    type Input = books::Input;

    fn handle(&mut self, now: Timestamp, input: books::Input) -> Output {
        let mut out = Vec::new();
        Books::handle(self, now, input, &mut out);
        Output::Books(out)
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        Books::next_deadline(self)
    }

    fn on_deadline(&mut self, now: Timestamp) -> Output {
        let mut out = Vec::new();
        Books::on_deadline(self, now, &mut out);
        Output::Books(out)
    }
}

impl Core for Link {
    type Input = link::Input;

    fn handle(&mut self, now: Timestamp, input: link::Input) -> Output {
        let mut out = Vec::new();
        Link::handle(self, now, input, &mut out);
        Output::Link(out)
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        Link::next_deadline(self)
    }

    fn on_deadline(&mut self, now: Timestamp) -> Output {
        let mut out = Vec::new();
        Link::on_deadline(self, now, &mut out);
        Output::Link(out)
    }
}

/// Which strategies look at which symbol.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    by_symbol: Vec<Vec<StrategyId>>,
    /// Symbols whose bars the books look at, for sizes.
    sized_by_bars: Vec<bool>,
}

impl Topology {
    pub fn new(symbols: usize, strategies: &[StrategyConfig]) -> Self {
        let mut by_symbol = vec![Vec::new(); symbols];
        let mut sized_by_bars = vec![false; symbols];
        for strategy in strategies {
            let symbol = usize::from(strategy.symbol.0);
            by_symbol[symbol].push(strategy.id);
            sized_by_bars[symbol] |= strategy.size.as_ref().is_some_and(|size| size.atr_period().is_some());
        }
        Self { by_symbol, sized_by_bars }
    }

    fn symbols(&self) -> impl Iterator<Item = SymbolId> {
        (0..u16::MAX).map(SymbolId).take(self.by_symbol.len())
    }

    fn is_sized_by_bars(&self, symbol: SymbolId) -> bool {
        self.sized_by_bars.get(usize::from(symbol.0)).copied().unwrap_or(false)
    }

    pub fn strategies(&self, symbol: SymbolId) -> &[StrategyId] {
        self.by_symbol.get(usize::from(symbol.0)).map_or(&[], Vec::as_slice)
    }
}

pub fn route(topology: &Topology, output: Output, to: &mut impl Deliver) {
    match output {
        Output::Broker(news) => from_broker(topology, news, to),
        Output::Bars(symbol, outputs) => outputs.into_iter().for_each(|o| from_bars(topology, symbol, o, to)),
        Output::Strategy(intents) => intents.into_iter().for_each(|intent| to.books(books::Input::Intent(intent))),
        Output::Books(outputs) => from_books(outputs, to),
        Output::Link(outputs) => outputs.into_iter().for_each(|o| from_link(o, to)),
    }
}

fn from_broker(topology: &Topology, news: News, to: &mut impl Deliver) {
    match news {
        News::Market { symbol, trades, mark } => {
            // Prices first, so that an order that these trades cause is checked against them.
            if let Some(mark) = mark {
                to.books(books::Input::Mark { symbol, mark });
            }
            if !trades.is_empty() {
                to.bars(symbol, bars::Input::Trades(trades));
            }
        }
        News::Event(event) => to.books(books::Input::Broker(event)),
        News::Connected => to.link(link::Input::Connected),
        News::Disconnected { cause } => to.link(link::Input::Disconnected { cause }),
        News::Notice { code, text } => {
            to.journal(system(codes::severity(code), "broker.notice", "broker", format!("{code}: {text}")));
            if let Some(news) = feed_news(code) {
                topology.symbols().for_each(|symbol| to.bars(symbol, news.clone()));
            }
            to.link(link::Input::Notice { code, text });
        }
        News::FeedUp(symbol) => {
            to.bars(symbol, bars::Input::FeedUp);
            to.link(link::Input::FeedUp(symbol));
        }
        News::FeedDown(symbol) => {
            to.bars(symbol, bars::Input::FeedDown);
            to.link(link::Input::FeedDown(symbol));
        }
        News::Fresh { symbol, cleaned } => {
            if cleaned {
                to.bars(symbol, bars::Input::FeedUp);
            }
            to.link(link::Input::Fresh(symbol));
        }
        News::Corrupt { symbol, why } => {
            to.bars(symbol, bars::Input::FeedDown);
            to.link(link::Input::Corrupt { symbol, why });
        }
        News::Profit(day) => to.books(books::Input::BrokerPnl(day)),
        News::NoInventory { cause } => to.link(link::Input::NoInventory { cause }),
        News::Told { severity, event, text } => to.journal(system(severity, event, "broker", text)),
        News::Lost { symbol, why } => to.bars(symbol, bars::Input::Lost { why }),
        News::OrderStreamBroken { why } => {
            to.journal(system(Severity::Error, "broker.order_stream", "broker", why));
            let lost = link::Input::NewsLost;
            to.link(if sabotage::is(Sabotage::TradeOnLostNews) { link::Input::Doubt } else { lost });
        }
    }
}

/// What the broker's connections mean for bars: those in which an outage begins or ends lack trades. After 1101 the new
/// subscription says that the feed is up.
fn feed_news(code: i32) -> Option<bars::Input> {
    match codes::of(code)?.link? {
        Event::UpstreamLost | Event::FarmBroken => Some(bars::Input::FeedDown),
        Event::RestoredDataKept | Event::FarmNotice => Some(bars::Input::FeedUp),
        _ => None,
    }
}

fn from_bars(topology: &Topology, symbol: SymbolId, output: bars::Output, to: &mut impl Deliver) {
    match output {
        bars::Output::Closed(bar) => {
            // Before the strategies, so that an entry that this bar causes is sized by it.
            if topology.is_sized_by_bars(symbol) {
                to.books(books::Input::Bar(bar));
            }
            for &strategy in topology.strategies(symbol) {
                to.strategy(strategy, strategy::Input::Bar(bar));
            }
            to.journal(Record::Bar(bar));
            to.link(link::Input::Bar { symbol, length_s: bar.length_s });
        }
        // Strategies have acted on the bar as it was; they are not told twice.
        bars::Output::Revised(bar) => to.journal(Record::BarRevised(bar)),
        bars::Output::Notice(notice) => {
            to.journal(system(Severity::Warning, "bars.notice", "bars", notice.to_string()));
        }
    }
}

fn from_books(outputs: Vec<books::Output>, to: &mut impl Deliver) {
    let mut recorded = false;
    for output in outputs {
        match output {
            books::Output::Record(record) => {
                to.journal(record);
                recorded = true;
            }
            books::Output::Request(request) => {
                // What is not written down must not happen; what takes risk away may.
                let unsafely = sabotage::is(Sabotage::SendBeforeJournal);
                let safe = unsafely || !std::mem::take(&mut recorded) || to.commit();
                match request {
                    BrokerRequest::Place(tickets) if !safe && tickets.iter().any(|t| t.leg == Leg::Entry) => {
                        to.link(link::Input::Halt { cause: "the journal cannot be written".to_owned() });
                        for ticket in tickets {
                            let text = "the journal cannot be written".to_owned();
                            to.books(books::Input::Broker(BrokerEvent::NotSent { order_id: ticket.order_id, text }));
                        }
                    }
                    request => to.broker(BrokerCommand::Request(request)),
                }
            }
            books::Output::Strategy(id, input) => to.strategy(id, input),
            books::Output::Compared(comparison) => to.link(link::Input::Compared(comparison)),
            books::Output::Doubt => to.link(link::Input::Doubt),
            books::Output::Flat => to.link(link::Input::Flat),
        }
    }
    if recorded && !sabotage::is(Sabotage::SendBeforeJournal) && !to.commit() {
        to.link(link::Input::Halt { cause: "the journal cannot be written".to_owned() });
    }
}

fn from_link(output: link::Output, to: &mut impl Deliver) {
    match output {
        link::Output::Trading { trading, cause } => {
            if trading == Trading::Paused {
                to.journal(system(Severity::Warning, "link.paused", "link", cause.clone()));
            }
            to.books(books::Input::Trading { trading, cause });
        }
        link::Output::Feed { symbol, live } => to.books(books::Input::Feed { symbol, live }),
        link::Output::Listen(symbol) => to.broker(BrokerCommand::Listen(symbol)),
        link::Output::ResubscribeOne(symbol) => to.broker(BrokerCommand::ResubscribeOne(symbol)),
        link::Output::Told { severity, event, text } => to.journal(system(severity, event, "link", text)),
        link::Output::TakeInventory => to.books(books::Input::TakeInventory),
        link::Output::ComparePositions => to.books(books::Input::ComparePositions),
        link::Output::Lost => to.books(books::Input::LinkLost),
        link::Output::Resubscribe => to.broker(BrokerCommand::Resubscribe),
        link::Output::Rebuild { cause } => to.broker(BrokerCommand::Rebuild { cause }),
    }
}

/// A record for `system_events`.
pub fn system(severity: Severity, event: &str, actor: &str, text: String) -> Record {
    Record::System { severity, event: event.to_owned(), actor: actor.to_owned(), text }
}
