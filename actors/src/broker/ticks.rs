//! Market data: subscriptions, and frames to trades and quotes. In: streams. Out: batches for the bars, marks for the
//! books. Absent: bars; which prices are plausible (`engine::intake`); when a silent feed is asked for again (the link).

use std::sync::atomic::Ordering;

use actix::{ActorFutureExt, AsyncContext, Context, StreamHandler, WrapFuture};
use engine::codes;
use engine::intake::{Fresh, Verdict};
use engine::market::{MarketEvent, SymbolId, Trade};
use engine::wiring::News;
use futures::stream::{AbortHandle, abortable};
use slog::warn;
use tokio::time::{Instant, sleep};

use super::*;

/// Several frames, in order of arrival.
pub(super) type Chunk = Vec<(SymbolId, Tick)>;

/// One symbol's streams.
#[derive(Default)]
pub(super) struct FeedStreams {
    /// Rises with each subscription: what an older one still brings is not taken.
    turn: u64,
    /// When the broker was or will be asked last.
    asked_at: Option<Instant>,
    running: Vec<AbortHandle>,
}

impl FeedStreams {
    /// Ends what runs. Two streams of one kind would count every trade twice.
    fn renew(&mut self) -> u64 {
        self.running.drain(..).for_each(|stream| stream.abort());
        self.turn += 1;
        self.turn
    }
}

/// Symbols with the turn of their subscription.
type Turns = Vec<(SymbolId, u64)>;

/// Subscribes to these symbols, replacing what was subscribed before; no sooner than the broker allows.
pub(super) fn subscribe(broker: &mut Broker, symbols: Vec<SymbolId>, ctx: &mut Context<Broker>) {
    let spacing = broker.spacing();
    let Some(live) = &mut broker.session else { return };
    live.subscribed = true;
    let now = Instant::now();
    let feeds = &mut live.feeds;
    let free_at = symbols.iter().filter_map(|symbol| Some(feeds[usize::from(symbol.0)].asked_at? + spacing)).max();
    let wait = free_at.map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
    let turns = symbols.into_iter().map(|symbol| {
        let feed = &mut feeds[usize::from(symbol.0)];
        feed.asked_at = Some(now + wait);
        (symbol, feed.renew())
    });
    let turns = turns.collect();
    open(broker, turns, TickKind::Trades, wait, ctx);
}

/// Opens the streams of one kind after `wait`; quotes follow the trades.
fn open(broker: &mut Broker, turns: Turns, kind: TickKind, wait: Duration, ctx: &mut Context<Broker>) {
    let Some(live) = &broker.session else { return };
    let session = live.session.clone();
    let opening = async move {
        if !wait.is_zero() {
            sleep(wait).await;
        }
        let mut streams = Vec::new();
        for &(symbol, turn) in &turns {
            streams.push((symbol, turn, session.ticks(symbol, kind).await?));
        }
        Ok::<_, Error>(streams)
    };
    let handle = ctx.spawn(opening.into_actor(broker).map(move |opened, broker, ctx| match opened {
        Ok(streams) => broker.on_opened(streams, kind, ctx),
        Err(reason) => broker.drop_session(format!("tick-by-tick request failed: {reason}"), ctx),
    }));
    keep(broker, handle);
}

fn keep(broker: &mut Broker, handle: SpawnHandle) {
    if let Some(live) = &mut broker.session {
        live.handles.push(handle);
    }
}

impl StreamHandler<Chunk> for Broker {
    fn handle(&mut self, chunk: Chunk, ctx: &mut Self::Context) {
        let arrived = mono_ns();
        self.outlet.cause = Cause { tick: arrived, signal: 0 };
        self.busy.heard(arrived);
        self.outlet.shared.tally.ticks.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        self.collect(true);
        let taped_at = self.outlet.shared.tape.is_on().then(|| self.outlet.shared.clock.now());
        for (symbol, tick) in chunk {
            match self.read(symbol, tick) {
                Read::Event(event) => {
                    if self.outlet.shared.clock.is_driven() {
                        self.outlet.shared.clock.advance(event.ts());
                    }
                    if let Some(at) = taped_at {
                        self.outlet.shared.tape.tick(at, symbol, &event);
                    }
                    self.batches.add(symbol, event);
                }
                Read::Lost(why) => {
                    self.flush_all(ctx);
                    warn!(self.outlet.shared.log, "market data lost: {why}"; "event" => "broker.data_lost");
                    self.say(News::Lost { symbol, why });
                }
                Read::Corrupt(why) => {
                    self.flush_all(ctx);
                    warn!(self.outlet.shared.log, "corrupt prices: {why}"; "event" => "broker.data_corrupt");
                    self.say(News::Corrupt { symbol, why });
                }
                Read::Ended(why) => {
                    self.flush_all(ctx);
                    self.on_stream_ended(symbol, &why, ctx);
                }
                Read::Nothing => {}
            }
        }
        self.flush_all(ctx);
        self.let_go(ctx);
    }

    fn finished(&mut self, _: &mut Self::Context) {
        // Each stream said how it ended.
    }
}

/// What arrived together, by symbol.
#[derive(Default)]
pub(super) struct Batches {
    trades: Vec<Vec<Trade>>,
    /// Symbols whose prices moved, in the order in which they did first.
    moved: Vec<SymbolId>,
}

impl Batches {
    pub fn new(symbols: usize) -> Self {
        Self { trades: vec![Vec::new(); symbols], moved: Vec::with_capacity(symbols) }
    }

    fn add(&mut self, symbol: SymbolId, event: MarketEvent) {
        if !self.moved.contains(&symbol) {
            self.moved.push(symbol);
        }
        if let MarketEvent::Trade(trade) = event {
            self.trades[usize::from(symbol.0)].push(trade);
        }
    }
}

enum Read {
    Event(MarketEvent),
    Lost(String),
    Corrupt(String),
    Ended(String),
    Nothing,
}

impl Broker {
    /// Between two tick-by-tick requests of one instrument.
    fn spacing(&self) -> Duration {
        match self.peer {
            Peer::Real => TICK_REQUEST_SPACING,
            Peer::Simulated => Duration::ZERO,
        }
    }

    /// From a stream's end to the next request, on the wall. A simulated gateway plays its own time and counts in it.
    fn after_an_end(&self) -> Duration {
        match self.peer {
            Peer::Real => TICK_REQUEST_SPACING,
            Peer::Simulated => TICK_REQUEST_SPACING.div_f64(self.outlet.shared.clock.speed()),
        }
    }

    fn read(&mut self, symbol: SymbolId, tick: Tick) -> Read {
        let (grid, intake) = (&self.grids[usize::from(symbol.0)], &mut self.intakes[usize::from(symbol.0)]);
        let is_trade = matches!(tick, Tick::Trade(_));
        let event = match tick {
            Tick::Trade(tick) => convert::trade(grid, &tick).map(MarketEvent::Trade),
            Tick::Quote(tick) => convert::quote(grid, &tick).map(MarketEvent::Quote),
            // Negative codes are the crate's own: it fell behind and frames were dropped.
            Tick::Notice { code, text } if code < 0 => return Read::Lost(text),
            Tick::Notice { code, text } => {
                let text = format!("{}: {code}: {text}", self.config.instruments[usize::from(symbol.0)].name);
                self.tell(codes::severity(code), "feed.notice", text);
                return Read::Nothing;
            }
            Tick::Ended(why) => return Read::Ended(why),
        };
        let verdict = match &event {
            Ok(event) => intake.see(event),
            Err(reason) => intake.unreadable(is_trade, &reason.to_string()),
        };
        match (verdict, event) {
            (Verdict::Take, Ok(event)) => Read::Event(event),
            (Verdict::Take | Verdict::Drop, _) => Read::Nothing,
            (Verdict::Lost(why), _) => Read::Lost(why),
            (Verdict::Corrupt(why), _) => Read::Corrupt(why),
        }
    }

    /// Tells the prices of each symbol once, and its trades together; what the cores decide goes out at once.
    fn flush_all(&mut self, ctx: &mut Context<Self>) {
        for n in 0..self.batches.moved.len() {
            let symbol = self.batches.moved[n];
            let trades = std::mem::take(&mut self.batches.trades[usize::from(symbol.0)]);
            self.outlet.shared.tally.trades.fetch_add(trades.len() as u64, Ordering::Relaxed);
            let intake = &mut self.intakes[usize::from(symbol.0)];
            let (fresh, mark) = (intake.take_fresh(), Some(intake.mark()));
            if let Some(Fresh { cleaned }) = fresh {
                self.say(News::Fresh { symbol, cleaned });
            }
            self.say(News::Market { symbol, trades, mark });
            self.fetch(ctx);
        }
        self.batches.moved.clear();
    }

    fn on_opened(&mut self, opened: Vec<(SymbolId, u64, TickStream)>, kind: TickKind, ctx: &mut Context<Self>) {
        let spacing = self.spacing();
        let Some(live) = &mut self.session else { return };
        let (mut streams, mut turns): (Vec<TickStream>, Turns) = (Vec::new(), Vec::new());
        for (symbol, turn, stream) in opened {
            let feed = &mut live.feeds[usize::from(symbol.0)];
            // Asked for anew meanwhile: this one is dropped, and so ended.
            if feed.turn == turn {
                let (stream, abort) = abortable(stream);
                feed.running.push(abort);
                feed.asked_at = Some(Instant::now());
                streams.push(Box::pin(stream));
                turns.push((symbol, turn));
            }
        }
        let handle = ctx.add_stream(Ready::new(Gated::new(live.incoming.clone(), Merged::new(streams)), TICKS_AT_ONCE));
        live.handles.push(handle);
        match kind {
            TickKind::Trades => {
                for &(symbol, _) in &turns {
                    self.intakes[usize::from(symbol.0)].reopened();
                    self.say(News::FeedUp(symbol));
                }
                open(self, turns, TickKind::Quotes, spacing, ctx);
            }
            TickKind::Quotes => {
                let undriven = self.session.as_ref().is_some_and(|live| !live.outgoing.driven.get());
                if self.outlet.shared.clock.is_driven() && undriven {
                    pace::spawn_driver(self, ctx);
                }
            }
        }
    }

    /// A stream that ended by itself is asked for again, with the other one of its symbol, no sooner than the broker
    /// allows.
    fn on_stream_ended(&mut self, symbol: SymbolId, why: &str, ctx: &mut Context<Self>) {
        let Some(live) = &mut self.session else { return };
        if !live.session.client.is_connected() {
            return;
        }
        let turn = live.feeds[usize::from(symbol.0)].renew();
        let name = &self.config.instruments[usize::from(symbol.0)].name;
        let text = format!("market data of {name} ended: {why}");
        self.tell(Severity::Warning, "broker.data_ended", text);
        self.say(News::FeedDown(symbol));
        let spacing = self.after_an_end();
        let handle = ctx.run_later(spacing, move |broker, ctx| {
            let feed = broker.session.as_ref().map(|live| &live.feeds[usize::from(symbol.0)]);
            if feed.is_some_and(|feed| feed.turn == turn) {
                subscribe(broker, vec![symbol], ctx);
            }
        });
        keep(self, handle);
    }
}
