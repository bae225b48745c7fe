//! A contract ended. In: its final price. Out: every position in it closed at that price, whoever holds it, without
//! commission. Absent: orders; the exchange has cancelled them, and said so.

use super::{Books, Output};
use crate::journal::{Record, Severity};
use crate::market::{Price, SymbolId};
use crate::strategy;
use crate::time::Timestamp;
use crate::trade::{ClientOrderId, Fill, Leg, Money, Side, StrategyId};

impl Books {
    /// Positions of strategies may cancel each other out at the broker: each is settled by itself.
    pub(super) fn on_expired(&mut self, now: Timestamp, symbol: SymbolId, price: Price, out: &mut Vec<Output>) {
        let held: Vec<(StrategyId, i64)> = self
            .state
            .portfolio
            .sleeves()
            .filter(|(_, of, sleeve)| *of == symbol && sleeve.quantity != 0)
            .map(|(strategy, _, sleeve)| (strategy, sleeve.quantity))
            .collect();
        let name = self.name_of(symbol).to_owned();
        let points = self.instruments.get(usize::from(symbol.0)).map(|i| i.points(price).to_string());
        let text = format!(
            "{name}: settled in cash at {}, {} of strategies",
            points.unwrap_or_default(),
            match held.len() {
                1 => "one position".to_owned(),
                n => format!("{n} positions"),
            }
        );
        out.push(Self::system(Severity::Info, "contract.expired", text));
        for (n, (strategy, quantity)) in held.into_iter().enumerate() {
            let Some(side) = Side::of_position(quantity).map(Side::opposite) else { continue };
            let fill = Fill {
                exec_id: format!("expired.{name}.{}-{}.1", now.nanos(), n + 1),
                order: ClientOrderId(0),
                strategy,
                symbol,
                leg: Leg::Settlement,
                side,
                quantity: u32::try_from(quantity.unsigned_abs()).unwrap_or(u32::MAX),
                price,
                at: now.floor(STAMP),
            };
            out.push(Output::Record(Record::Fill(fill.clone())));
            self.state.take_fill(now, &fill);
            self.on_commission(&fill.exec_id, Money::ZERO, out);
            self.write_position(strategy, symbol, out);
            if strategy != StrategyId::FOREIGN {
                out.push(Output::Strategy(strategy, strategy::Input::Fill(fill)));
            }
        }
    }
}

/// Resolution of the broker's time stamps.
const STAMP: std::time::Duration = std::time::Duration::from_secs(1);
