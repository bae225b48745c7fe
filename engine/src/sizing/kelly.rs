//! Kelly's fraction of the strategy's own closed trades, scaled down and capped, put at risk down to the stop.
//!
//! With w wins that earned P and l losses that cost Q, the win rate is W = w / (w + l) and the pay-off R = (P/w) / (Q/l);
//! Kelly (1956) bets f = W - (1 - W) / R, which is w (P - Q) / ((w + l) P): a quotient of integers, rounded down.

use super::{Answer, Case, Factor, Kelly, fits, product, stop_loss};
use crate::trade::Money;

pub(super) fn contracts(kelly: &Kelly, case: &Case) -> Answer {
    let trades = case.trades.wins.saturating_add(case.trades.losses);
    if trades < kelly.trades_min {
        let before = kelly.contracts_before;
        return Ok((u128::from(before), format!("until {} trades, there are {trades}", kelly.trades_min)));
    }
    let fraction = bet(kelly, case)?;
    let loss = stop_loss(case)?;
    // The share is in the bet already: the cap is over both.
    let case = Case { share: Factor::ONE, ..*case };
    fits(fraction, &case, &[i128::from(loss.micros())], &format!("{loss} at the stop"))
}

/// What to put at risk.
fn bet(kelly: &Kelly, case: &Case) -> Result<Factor, String> {
    let trades = &case.trades;
    if trades.profit <= Money::ZERO || trades.wins == 0 {
        return Err("no trade has won".to_owned());
    }
    if trades.profit <= trades.loss {
        return Err(format!("no edge: {} won, {} lost", trades.profit, trades.loss));
    }
    let edge = i128::from((trades.profit - trades.loss).micros());
    let above = product(&[kelly.fraction.millionths(), case.share.millionths(), i128::from(trades.wins), edge]);
    let all = i128::from(trades.wins) + i128::from(trades.losses);
    let below = product(&[Factor::ONE.millionths(), all, i128::from(trades.profit.micros())]);
    let (Some(above), Some(below)) = (above, below) else {
        return Err("the numbers are out of range".to_owned());
    };
    let millionths = above.div_euclid(below).min(kelly.cap.millionths());
    Ok(Factor::from_millionths(u32::try_from(millionths).expect("not more than the cap, which fits")))
}
