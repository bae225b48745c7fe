//! Market data: subscriptions, and frames to trades and quotes. In: streams. Out: batches for the bars, marks for the
//! books. Absent: bars, sanity of prices beyond the tick grid.

use std::sync::atomic::Ordering;

use actix::{ActorFutureExt, AsyncContext, Context, StreamHandler, WrapFuture};
use engine::market::{MarketEvent, SymbolId, Trade};
use engine::wiring::News;
use slog::warn;

use super::*;

/// Several frames, in order of arrival.
pub(super) type Chunk = Vec<(SymbolId, Tick)>;

/// Subscribes to everything, replacing what was subscribed before.
pub(super) fn subscribe_all(broker: &mut Broker, ctx: &mut Context<Broker>) {
    let Some(live) = &broker.session else { return };
    let session = live.session.clone();
    let symbols = broker.symbols();
    let opening = async move {
        let mut streams: Vec<TickStream> = Vec::new();
        for &symbol in &symbols {
            streams.push(session.ticks(symbol, TickKind::Trades).await?);
        }
        Ok::<_, Error>(streams)
    };
    let spacing = match broker.peer {
        Peer::Real => TICK_REQUEST_SPACING,
        Peer::Simulated => Duration::ZERO,
    };
    let handle = ctx.spawn(opening.into_actor(broker).map(move |opened, broker, ctx| match opened {
        Ok(streams) => {
            add(broker, streams, ctx);
            for symbol in broker.symbols() {
                broker.say(News::FeedUp(symbol));
            }
            subscribe_quotes(broker, spacing, ctx);
        }
        Err(reason) => broker.drop_session(format!("tick-by-tick request failed: {reason}"), ctx),
    }));
    keep(broker, handle);
}

/// The second stream of each instrument, once the broker allows it.
fn subscribe_quotes(broker: &mut Broker, after: Duration, ctx: &mut Context<Broker>) {
    let Some(live) = &broker.session else { return };
    let session = live.session.clone();
    let symbols = broker.symbols();
    let opening = async move {
        tokio::time::sleep(after).await;
        let mut streams: Vec<TickStream> = Vec::new();
        for symbol in symbols {
            streams.push(session.ticks(symbol, TickKind::Quotes).await?);
        }
        Ok::<_, Error>(streams)
    };
    let handle = ctx.spawn(opening.into_actor(broker).map(|opened, broker, ctx| match opened {
        Ok(streams) => {
            add(broker, streams, ctx);
            if broker.outlet.shared.clock.is_driven() {
                pace::spawn_driver(broker, ctx);
            }
        }
        Err(reason) => broker.drop_session(format!("tick-by-tick request failed: {reason}"), ctx),
    }));
    keep(broker, handle);
}

fn add(broker: &mut Broker, streams: Vec<TickStream>, ctx: &mut Context<Broker>) {
    let Some(live) = &broker.session else { return };
    let handle = ctx.add_stream(Ready::new(Gated::new(live.incoming.clone(), Merged::new(streams)), TICKS_AT_ONCE));
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
        for (symbol, tick) in chunk {
            match self.read(symbol, tick) {
                Read::Event(event) => {
                    self.marks[usize::from(symbol.0)].see(&event);
                    if self.outlet.shared.clock.is_driven() {
                        self.outlet.shared.clock.advance(event.ts());
                    }
                    self.batches.add(symbol, event);
                }
                Read::Lost(why) => {
                    self.flush_all(ctx);
                    warn!(self.outlet.shared.log, "market data lost: {why}"; "event" => "broker.data_lost");
                    self.say(News::Lost { symbol, why });
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
    Ended(String),
    Nothing,
}

impl Broker {
    fn read(&self, symbol: SymbolId, tick: Tick) -> Read {
        let grid = &self.grids[usize::from(symbol.0)];
        let event = match tick {
            Tick::Trade(tick) => convert::trade(grid, &tick).map(MarketEvent::Trade),
            Tick::Quote(tick) => convert::quote(grid, &tick).map(MarketEvent::Quote),
            // Negative codes are the crate's own: it fell behind and frames were dropped.
            Tick::Notice { code, text } if code < 0 => return Read::Lost(text),
            Tick::Notice { .. } => return Read::Nothing,
            Tick::Ended(why) => return Read::Ended(why),
        };
        event.map_or_else(|reason| Read::Lost(reason.to_string()), Read::Event)
    }

    /// Tells the prices of each symbol once, and its trades together; what the cores decide goes out at once.
    fn flush_all(&mut self, ctx: &mut Context<Self>) {
        for n in 0..self.batches.moved.len() {
            let symbol = self.batches.moved[n];
            let trades = std::mem::take(&mut self.batches.trades[usize::from(symbol.0)]);
            self.outlet.shared.tally.trades.fetch_add(trades.len() as u64, Ordering::Relaxed);
            let mark = Some(self.marks[usize::from(symbol.0)]);
            self.say(News::Market { symbol, trades, mark });
            self.fetch(ctx);
        }
        self.batches.moved.clear();
    }

    /// A stream that ended by itself is asked for again, no sooner than the broker allows.
    fn on_stream_ended(&mut self, symbol: SymbolId, why: &str, ctx: &mut Context<Self>) {
        let Some(live) = &self.session else { return };
        if !live.session.client.is_connected() {
            return;
        }
        warn!(self.outlet.shared.log, "market data of {} ended: {why}", self.config.instruments[usize::from(symbol.0)].name;
            "event" => "broker.data_ended");
        self.say(News::FeedDown(symbol));
        let handle = ctx.run_later(TICK_REQUEST_SPACING, move |broker, ctx| broker.resubscribe(symbol, ctx));
        keep(self, handle);
    }

    fn resubscribe(&mut self, symbol: SymbolId, ctx: &mut Context<Self>) {
        let Some(live) = &self.session else { return };
        let session = live.session.clone();
        let opening = async move { session.ticks(symbol, TickKind::Trades).await };
        let handle = ctx.spawn(opening.into_actor(self).map(move |opened, broker, ctx| match opened {
            Ok(stream) => {
                add(broker, vec![stream], ctx);
                broker.say(News::FeedUp(symbol));
                let handle = ctx.run_later(TICK_REQUEST_SPACING, move |broker, ctx| broker.requote(symbol, ctx));
                keep(broker, handle);
            }
            Err(reason) => broker.drop_session(format!("tick-by-tick request failed: {reason}"), ctx),
        }));
        keep(self, handle);
    }

    /// The second stream of an instrument whose first one was opened again.
    fn requote(&mut self, symbol: SymbolId, ctx: &mut Context<Self>) {
        let Some(live) = &self.session else { return };
        let session = live.session.clone();
        let opening = async move { session.ticks(symbol, TickKind::Quotes).await };
        let handle = ctx.spawn(opening.into_actor(self).map(|opened, broker, ctx| match opened {
            Ok(stream) => add(broker, vec![stream], ctx),
            Err(reason) => broker.drop_session(format!("tick-by-tick request failed: {reason}"), ctx),
        }));
        keep(self, handle);
    }
}
