//! The turn of a trade date and the shares of the risk budget as events: in words, with strategies' names.
//! In: a record and its session. Out: text, or why it cannot be told. Absent: tables of their own.

use engine::allocation::Shares;
use engine::journal::TradeDate;

use super::translate::{BadEntry, Session};

/// `20240613; 20240612 earned: trend -12.50, channel 100.00`.
pub(super) fn trade_date(session: &Session, seq: u64, turned: &TradeDate) -> Result<String, BadEntry> {
    let Some(day) = &turned.ended else { return Ok(turned.trade_date.to_string()) };
    let earned = day.earned.iter().map(|of| Ok(format!("{} {}", session.strategy(seq, of.strategy)?, of.pnl)));
    let earned = earned.collect::<Result<Vec<_>, BadEntry>>()?;
    Ok(format!("{}; {} earned: {}", turned.trade_date, day.trade_date, earned.join(", ")))
}

/// `risk_parity over 60 days; trend 0.4, sizes x 1.2: carries ...; ...`.
pub(super) fn shares(session: &Session, seq: u64, shares: &Shares) -> Result<String, BadEntry> {
    let of = shares.of.iter().map(|share| {
        let name = session.strategy(seq, share.strategy)?;
        Ok(format!("{name} {}, sizes x {}: {}", share.weight, share.share, share.why))
    });
    let of = of.collect::<Result<Vec<_>, BadEntry>>()?.join("; ");
    let notes: String = shares.notes.iter().map(|note| format!("; note: {note}")).collect();
    Ok(format!("{} over {} days; {of}{notes}", shares.method.name(), shares.days))
}
