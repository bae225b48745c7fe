//! Channel breakout: long on a close above the highest high of the last bars, short below the lowest low (Donchian).

use std::collections::VecDeque;

use crate::market::{Bar, Price};
use crate::strategy::registry::{Kind, Param, Params};
use crate::strategy::{Decision, Desk, Strategy};
use crate::trade::Side;

pub const KIND: Kind = Kind {
    name: "donchian",
    about: "long on a close above the highest high of the last bars, short below the lowest low",
    params: &[Param { name: "period", about: "bars in the channel", min: 2, max: 1_000, default: 20 }],
    warm_up: |params, _| params.size("period"),
    check: |_| Ok(()),
    build: |params| Box::new(Donchian::new(params)),
};

#[derive(Debug)]
struct Donchian {
    period: usize,
    bars: VecDeque<(Price, Price)>,
}

impl Donchian {
    fn new(params: &Params) -> Self {
        let period = params.size("period");
        Self { period, bars: VecDeque::with_capacity(period + 1) }
    }

    fn channel(&self) -> Option<(Price, Price)> {
        if self.bars.len() < self.period {
            return None;
        }
        let low = self.bars.iter().map(|&(low, _)| low).min()?;
        let high = self.bars.iter().map(|&(_, high)| high).max()?;
        Some((low, high))
    }
}

impl Strategy for Donchian {
    fn on_bar(&mut self, bar: &Bar, desk: &Desk<'_>) -> Option<Decision> {
        let channel = self.channel();
        self.bars.push_back((bar.low, bar.high));
        if self.bars.len() > self.period {
            self.bars.pop_front();
        }
        let (low, high) = channel?;
        let points = |price| desk.instrument.points(price);
        if bar.close > high && desk.position <= 0 {
            let reason = format!("close {} above the channel's high {}", points(bar.close), points(high));
            return Some(Decision::Enter { side: Side::Buy, reason });
        }
        if bar.close < low && desk.position >= 0 {
            let reason = format!("close {} below the channel's low {}", points(bar.close), points(low));
            return Some(Decision::Enter { side: Side::Sell, reason });
        }
        None
    }
}
