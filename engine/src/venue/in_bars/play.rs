//! Shows bars to a venue. In: bars of one instant, one for each symbol; orders that arrive between them. Out: reports.
//! Absent: prices (the model has them), who places orders, when days end.

use super::prices::{Prices, reached};
use super::{BarFills, LimitRule};
use crate::bar_market::{MarketBar, Ohlc};
use crate::market::{MarketEvent, Price, Quote, Trade};
use crate::venue::exchange::{Venue, name_once};
use crate::venue::kind::{Kind, Tif};
use crate::venue::orders::{Slot, Stage};
use crate::venue::requests::rejected;
use crate::venue::{NewOrder, Refusal, Report};

/// What a venue knows of its bars.
#[derive(Clone, Debug)]
pub(in crate::venue) struct InBars {
    fills: BarFills,
    /// By lane.
    seen: Vec<Seen>,
    /// Between the beginning and the end of [`Venue::on_bars`]: whoever arrives is looked at there.
    playing: bool,
}

/// The newest bar of a symbol.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    prices: Prices,
    volume: Option<u64>,
    /// Contracts of it that are still to be had.
    left: u64,
}

/// One bar while it is played.
struct Hand<'a> {
    lane: usize,
    bar: &'a MarketBar,
    prices: Prices,
    left: u64,
}

impl Venue {
    /// From now on this venue is shown bars, by [`Venue::on_bars`], and no ticks. Before the first order.
    pub fn trade_in_bars(&mut self, fills: BarFills) {
        let seen = vec![Seen::default(); self.lanes.len()];
        self.in_bars = Some(InBars { fills, seen, playing: false });
    }

    /// Bars that end at the same instant, one for each symbol; of a symbol that this venue does not list nothing happens.
    /// Orders that reacted are in `out`.
    ///
    /// # Panics
    /// Without [`Venue::trade_in_bars`].
    pub fn on_bars(&mut self, bars: &[MarketBar], out: &mut Vec<Report>) {
        let state = self.in_bars.as_mut().expect("trade_in_bars comes before the first bar");
        state.playing = true;
        let fills = state.fills;
        let at_open = fills.model.acts_at_open();
        let from = out.len();
        let mut hands: Vec<Hand<'_>> = bars.iter().filter_map(|bar| self.hand(bar, &fills)).collect();
        if at_open {
            hands.sort_by_key(|hand| hand.bar.open_ts);
            for hand in &mut hands {
                self.advance_clock(hand.bar.open_ts);
                self.at_the_open(&fills, hand, out);
            }
        }
        for hand in &mut hands {
            self.advance_clock(hand.bar.end);
            self.inside(&fills, hand, out);
        }
        self.arrivals.clear();
        for hand in &hands {
            self.see(hand);
        }
        if let Some(state) = &mut self.in_bars {
            state.playing = false;
        }
        for hand in &hands {
            self.lanes[hand.lane].rate_by_value();
            self.call_margin(hand.lane, out);
        }
        self.after(out);
        name_once(out, from);
    }

    fn hand<'a>(&self, bar: &'a MarketBar, fills: &BarFills) -> Option<Hand<'a>> {
        let lane = self.lane_index(bar.symbol)?;
        let prices = match (fills.model.acts_at_open(), &self.in_bars) {
            (false, Some(state)) => state.seen[lane].prices.after(bar),
            // A price of an earlier bar is none of this one's range.
            _ => Prices::of(bar),
        };
        Some(Hand { lane, bar, prices, left: fills.costs.contracts(bar) })
    }

    /// The bar is over: its prices are the newest known.
    fn see(&mut self, hand: &Hand<'_>) {
        let Some(state) = &mut self.in_bars else { return };
        let seen = &mut state.seen[hand.lane];
        let prices = seen.prices.after(hand.bar);
        *seen = Seen { prices, volume: hand.bar.volume(), left: hand.left };
        let book = &mut self.lanes[hand.lane].book;
        let ts = hand.bar.end;
        if let Some(bar) = &hand.bar.trades {
            let size = u32::try_from(bar.volume).unwrap_or(u32::MAX);
            book.apply(&MarketEvent::Trade(Trade { ts, price: bar.close, size }));
        }
        if let Some(quotes) = &hand.bar.quotes {
            let close = |side: Option<Ohlc>| side.map(|prices| prices.close);
            let (bid, ask) = (close(prices.bid), close(prices.ask));
            let (bid_size, ask_size) = (quotes.bid_size, quotes.ask_size);
            book.apply(&MarketEvent::Quote(Quote { ts, bid, ask, bid_size, ask_size }));
        }
    }

    /// An order arrives between two bars.
    pub(in crate::venue) fn enter_in_bars(&mut self, slot: Slot, out: &mut Vec<Report>) {
        let lane = self.lane_of_order(slot);
        let Some(state) = &self.in_bars else { return };
        let (fills, seen) = (state.fills, state.seen[lane]);
        let entry = &self.orders[slot];
        let side = entry.view.order.side;
        if state.playing || entry.stage != Stage::Working || entry.limit().is_some() {
            return;
        }
        // A session begins with its first bar: nobody deals at the close of the one before.
        if self.lanes[lane].opened_unseen(self.now) {
            return;
        }
        let Some(price) = fills.model.arriving(side, &seen.prices) else { return };
        let contracts = self.orders.fillable(slot).min(u32::try_from(seen.left).unwrap_or(u32::MAX));
        let slip = fills.costs.slippage(contracts, seen.prices.trades_first(side), seen.volume);
        if let Some(state) = &mut self.in_bars {
            state.seen[lane].left -= u64::from(contracts);
        }
        self.fill(slot, contracts, price.better_for(side, slip), out);
    }

    /// Bars know no kinds that need what happened inside them.
    pub(in crate::venue) fn check_in_bars(&self, order: &NewOrder) -> Result<(), Refusal> {
        if self.in_bars.is_none() {
            return Ok(());
        }
        let plain = matches!(order.kind, Kind::Market | Kind::Limit(_) | Kind::Stop(_) | Kind::StopLimit { .. });
        if !plain {
            return Err(rejected(format!("{} orders need ticks, not bars.", order.kind.name())));
        }
        if matches!(order.tif, Tif::ImmediateOrCancel | Tif::FillOrKill) {
            return Err(rejected("Immediate orders need ticks, not bars."));
        }
        Ok(())
    }

    /// Orders at the exchange since before the bar began, oldest first.
    fn waiting(&self, hand: &Hand<'_>) -> Vec<Slot> {
        let since = |slot: &Slot| self.orders[*slot].view.placed_at <= hand.bar.open_ts;
        let mut slots: Vec<Slot> = self.lanes[hand.lane].working.iter().copied().filter(since).collect();
        slots.sort_unstable();
        slots
    }

    fn at_the_open(&mut self, fills: &BarFills, hand: &mut Hand<'_>, out: &mut Vec<Report>) {
        for slot in self.waiting(hand) {
            let entry = &self.orders[slot];
            let side = entry.view.order.side;
            let Some(open) = hand.prices.trades_first(side).map(|prices| prices.open) else { continue };
            match (entry.stage, entry.stop(), entry.limit()) {
                (Stage::Working, _, None) => {
                    if let Some(price) = fills.model.market(side, &hand.prices) {
                        self.take(fills, hand, slot, price, true, out);
                    }
                }
                (Stage::Working, _, Some(limit)) if fills.limits.filled(side, open, limit) => {
                    self.take(fills, hand, slot, open, false, out);
                }
                (Stage::Armed, Some(stop), limit) if reached(side, open, stop) => {
                    self.fire(hand.lane, slot, out);
                    match limit {
                        None => self.take(fills, hand, slot, open, true, out),
                        Some(limit) if LimitRule::Touch.filled(side, open, limit) => {
                            self.take(fills, hand, slot, open, false, out);
                        }
                        Some(_) => {}
                    }
                }
                _ => {}
            }
        }
    }

    fn inside(&mut self, fills: &BarFills, hand: &mut Hand<'_>, out: &mut Vec<Report>) {
        let waiting = self.waiting(hand);
        let is = |venue: &Self, slot: &Slot, stage| venue.orders[*slot].stage == stage;
        let armed: Vec<Slot> = waiting.iter().copied().filter(|slot| is(self, slot, Stage::Armed)).collect();
        let working: Vec<Slot> = waiting.into_iter().filter(|slot| is(self, slot, Stage::Working)).collect();
        for &slot in &armed {
            self.stop_inside(fills, hand, slot, out);
        }
        for slot in working {
            self.limit_inside(fills, hand, slot, out);
        }
        // Positions that were opened inside the bar: their stops may have been reached after that.
        let mut looked_at = armed;
        while fills.model.acts_at_open() {
            let waiting = self.waiting(hand);
            let new = waiting.into_iter().find(|slot| is(self, slot, Stage::Armed) && !looked_at.contains(slot));
            let Some(slot) = new else { break };
            looked_at.push(slot);
            self.stop_inside(fills, hand, slot, out);
        }
    }

    fn stop_inside(&mut self, fills: &BarFills, hand: &mut Hand<'_>, slot: Slot, out: &mut Vec<Report>) {
        let entry = &self.orders[slot];
        let side = entry.view.order.side;
        // Another order's fill may have withdrawn it.
        let Some(stop) = entry.stop().filter(|_| entry.stage == Stage::Armed) else { return };
        if self.orders.fillable(slot) == 0 {
            return;
        }
        let limit = entry.limit();
        let Some(price) = fills.model.stop(side, stop, &hand.prices) else { return };
        self.fire(hand.lane, slot, out);
        match limit {
            None => self.take(fills, hand, slot, price, true, out),
            Some(limit) => {
                if let Some(price) = fills.model.woken(side, limit, price, &hand.prices) {
                    self.take(fills, hand, slot, price, false, out);
                }
            }
        }
    }

    fn limit_inside(&mut self, fills: &BarFills, hand: &mut Hand<'_>, slot: Slot, out: &mut Vec<Report>) {
        let entry = &self.orders[slot];
        let side = entry.view.order.side;
        if entry.stage != Stage::Working {
            return;
        }
        let at_open = fills.model.acts_at_open();
        let price = match entry.limit() {
            None if at_open => return,
            None => fills.model.market(side, &hand.prices),
            // Where there is no path inside a bar, the order that its stop woke is looked at as when it woke.
            Some(limit) if entry.triggered && !at_open => {
                fills.model.woken(side, limit, entry.view.order.kind.trigger_price().unwrap_or(limit), &hand.prices)
            }
            Some(limit) => fills.model.limit(side, limit, &hand.prices, fills.limits),
        };
        let slips = entry.limit().is_none();
        if let Some(price) = price {
            self.take(fills, hand, slot, price, slips, out);
        }
    }

    /// Fills what the bar's volume allows.
    fn take(
        &mut self,
        fills: &BarFills,
        hand: &mut Hand<'_>,
        slot: Slot,
        price: Price,
        slips: bool,
        out: &mut Vec<Report>,
    ) {
        let side = self.orders[slot].view.order.side;
        let contracts = self.orders.fillable(slot).min(u32::try_from(hand.left).unwrap_or(u32::MAX));
        hand.left -= u64::from(contracts);
        let ticks = match slips {
            true => fills.costs.slippage(contracts, hand.prices.trades_first(side), hand.bar.volume()),
            false => 0,
        };
        self.fill(slot, contracts, price.better_for(side, ticks), out);
    }
}
