//! What a session did, as a person and as a program read it. In: the books, counters, latencies. Out: text and JSON.

use std::fmt;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actors::latency::{Quantiles, Span};
use actors::system::{BooksView, System};
use engine::journal::{Mode, Performance};
use engine::trade::Money;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub session: String,
    pub mode: String,
    pub wall_seconds: f64,
    /// `None` where nothing is sent: a backtest, or a broker that does not tell.
    pub ticks_sent: Option<u64>,
    pub ticks: u64,
    pub bars: Vec<(String, u64)>,
    pub signals: u64,
    pub account: Option<Totals>,
    pub strategies: Vec<(String, Totals)>,
    pub open_positions: Vec<(String, i64)>,
    pub live_orders: usize,
    /// What somebody has to know of this run before its figures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Which way a backtest without a journal was played, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The book's positions were not found to be the broker's.
    #[serde(default)]
    pub doubtful: bool,
    /// Cash and equity at the end of a backtest over bars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<Balance>,
    pub latency: Vec<Spread>,
    pub messages_per_second: f64,
    pub restarts: u64,
}

/// The account at the end, in account currency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Balance {
    pub cash: Decimal,
    pub equity: Decimal,
    /// Orders that the venue accepted.
    pub orders: usize,
}

/// Money in account currency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    pub trades: u32,
    pub wins: u32,
    /// Of what is closed.
    pub gross: Decimal,
    pub commission: Decimal,
    /// Of what is open, before commission.
    pub unrealised: Decimal,
    /// What the account's cash earned; of no strategy.
    #[serde(default)]
    pub interest: Decimal,
    /// Gross, unrealised and interest less commission.
    pub net: Decimal,
    pub drawdown_max: Decimal,
}

/// Microseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    pub span: String,
    pub count: u64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub p999_us: f64,
}

impl From<&Performance> for Totals {
    fn from(p: &Performance) -> Self {
        let net: Money = p.realised + p.unrealised - p.commission;
        Self {
            trades: p.trades,
            wins: p.wins,
            gross: p.realised.to_decimal(),
            commission: p.commission.to_decimal(),
            unrealised: p.unrealised.to_decimal(),
            interest: Decimal::ZERO,
            net: net.to_decimal(),
            drawdown_max: p.drawdown_max.to_decimal(),
        }
    }
}

impl Spread {
    fn of(span: Span, q: &Quantiles) -> Self {
        let micros = |d: Duration| d.as_nanos() as f64 / 1_000.0;
        Self {
            span: span.name().to_owned(),
            count: q.count,
            p50_us: micros(q.p50),
            p99_us: micros(q.p99),
            p999_us: micros(q.p999),
        }
    }
}

impl Summary {
    pub fn of(
        running: &System,
        mode: Mode,
        books: Option<&BooksView>,
        wall: Duration,
        ticks_sent: Option<u64>,
    ) -> Self {
        let shared = running.shared();
        let health = running.health();
        let handled: u64 = health.iter().map(|a| a.handled).sum();
        let bars = shared.tally.bars().into_iter().filter(|(_, n)| *n > 0);
        let spread = |span: Span| shared.latency.quantiles(span).map(|q| Spread::of(span, &q));
        let mut summary = Self {
            session: running.session.clone(),
            mode: mode.name().to_owned(),
            wall_seconds: wall.as_secs_f64(),
            ticks_sent,
            ticks: shared.tally.ticks.load(Ordering::Relaxed),
            bars: bars.map(|(quality, n)| (quality.name().to_owned(), n)).collect(),
            signals: shared.tally.signals.load(Ordering::Relaxed),
            latency: Span::ALL.into_iter().filter_map(spread).collect(),
            messages_per_second: handled as f64 / wall.as_secs_f64().max(1e-9),
            restarts: health.iter().map(|a| a.restarts).sum(),
            ..Self::default()
        };
        if let Some(books) = books {
            summary.account = Some(Totals::from(&books.account));
            summary.strategies = books.strategies.iter().map(|(name, p)| (name.clone(), Totals::from(p))).collect();
            summary.open_positions = books.positions.clone();
            summary.live_orders = books.live_orders;
            summary.doubtful = !books.agrees;
        }
        summary
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("plain numbers and texts")
    }
}

impl Summary {
    /// Each row adds up: gross, open and interest less commission is net.
    fn write_totals(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let strategies = self.strategies.iter().map(|(name, totals)| (name.as_str(), totals));
        let rows: Vec<_> = strategies.chain(self.account.iter().map(|totals| ("account", totals))).collect();
        let earned = rows.iter().any(|(_, totals)| !totals.interest.is_zero());
        write!(f, "  {:<16} {:>7} {:>8} {:>12} {:>12}", "", "trades", "wins", "gross", "open")?;
        if earned {
            write!(f, " {:>12}", "interest")?;
        }
        writeln!(f, " {:>12} {:>12} {:>12}", "commission", "net", "drawdown")?;
        for (name, totals) in rows {
            let Totals { trades, gross, unrealised, interest, commission, net, drawdown_max, .. } = totals;
            write!(f, "  {name:<16} {trades:>7} {:>8} {gross:>12.2} {unrealised:>12.2}", totals.win_rate())?;
            if earned {
                write!(f, " {interest:>12.2}")?;
            }
            writeln!(f, " {commission:>12.2} {net:>12.2} {drawdown_max:>12.2}")?;
        }
        Ok(())
    }
}

impl Totals {
    /// With what the account's cash earned.
    pub fn with_interest(self, interest: Money) -> Self {
        let interest = interest.to_decimal();
        Self { interest, net: self.net - self.interest + interest, ..self }
    }

    fn win_rate(&self) -> String {
        match self.trades {
            0 => "-".to_owned(),
            trades => format!("{:.0} %", 100.0 * f64::from(self.wins) / f64::from(trades)),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Session {} ({}), {:.1} s", self.session, self.mode, self.wall_seconds)?;
        writeln!(f)?;
        for note in &self.notes {
            writeln!(f, "  note: {note}")?;
        }
        self.write_totals(f)?;
        writeln!(f)?;
        let bars: Vec<String> = self.bars.iter().map(|(quality, n)| format!("{n} {quality}")).collect();
        writeln!(f, "  bars       {}", if bars.is_empty() { "none".to_owned() } else { bars.join(", ") })?;
        match self.ticks_sent {
            Some(sent) => {
                writeln!(
                    f,
                    "  ticks      {} received of {sent} sent, {} lost",
                    self.ticks,
                    sent.saturating_sub(self.ticks)
                )?;
            }
            // A backtest over bars knows none.
            None if self.balance.is_some() => {}
            None => writeln!(f, "  ticks      {}", self.ticks)?,
        }
        writeln!(f, "  signals    {}", self.signals)?;
        if let Some(path) = &self.path {
            writeln!(f, "  played     {path}")?;
        }
        for spread in &self.latency {
            writeln!(
                f,
                "  {:<16} p50 {:>8.1} us   p99 {:>8.1} us   p99.9 {:>8.1} us   ({})",
                spread.span, spread.p50_us, spread.p99_us, spread.p999_us, spread.count
            )?;
        }
        writeln!(f, "  messages   {:.0} a second, {} restarts", self.messages_per_second, self.restarts)?;
        let open: Vec<String> = self.open_positions.iter().map(|(name, q)| format!("{name} {q:+}")).collect();
        let open = if open.is_empty() { "flat".to_owned() } else { open.join(", ") };
        if let Some(Balance { cash, equity, orders }) = &self.balance {
            writeln!(f, "  balance    cash {cash:.2}, equity {equity:.2}, {orders} orders")?;
        }
        write!(f, "  at the end {open}, {} orders at the broker", self.live_orders)?;
        if self.doubtful {
            write!(f, "\n  THE BROKER'S POSITIONS WERE NOT FOUND TO BE THESE: look at the account")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_adds_up() {
        let money = Money::from_micros;
        let performance = Performance {
            trades: 4,
            wins: 3,
            realised: money(1_250_500_000),
            unrealised: money(-310_250_000),
            commission: money(18_000_000),
            ..Performance::default()
        };
        let strategy = Totals::from(&performance);
        let account = strategy.clone().with_interest(money(42_120_000)).with_interest(money(42_130_000));
        for totals in [&strategy, &account] {
            assert_eq!(totals.gross + totals.unrealised + totals.interest - totals.commission, totals.net);
        }
        let summary =
            Summary { strategies: vec![("trend".to_owned(), strategy)], account: Some(account), ..Summary::default() };
        let text = summary.to_string();
        let row = |name: &str| -> Vec<f64> {
            let line = text.lines().find(|line| line.trim_start().starts_with(name)).expect("its row");
            line.split_whitespace().filter_map(|word| word.parse().ok()).collect()
        };
        // trades, wins, gross, open, interest, commission, net, drawdown.
        let [.., gross, open, interest, commission, net, _] = row("account")[..] else { panic!("{text}") };
        assert!((gross + open + interest - commission - net).abs() < 0.005, "{text}");
        assert!((net - 964.38).abs() < 0.005, "{text}");
        let without = Summary { account: None, ..summary }.to_string();
        assert!(!without.contains("interest") && without.contains("open"), "{without}");
    }
}
