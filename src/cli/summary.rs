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
    pub gross: Decimal,
    pub commission: Decimal,
    pub unrealised: Decimal,
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

impl Totals {
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
        writeln!(
            f,
            "  {:<16} {:>7} {:>8} {:>12} {:>12} {:>12} {:>12}",
            "", "trades", "wins", "gross", "commission", "net", "drawdown"
        )?;
        let strategies = self.strategies.iter().map(|(name, totals)| (name.as_str(), totals));
        for (name, totals) in strategies.chain(self.account.iter().map(|totals| ("account", totals))) {
            writeln!(
                f,
                "  {name:<16} {:>7} {:>8} {:>12.2} {:>12.2} {:>12.2} {:>12.2}",
                totals.trades,
                totals.win_rate(),
                totals.gross,
                totals.commission,
                totals.net,
                totals.drawdown_max
            )?;
        }
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
