//! Configurations for tests: a few words in, TOML out. What is not said here is not in the text, so defaults apply.

use std::fmt::Write;

pub struct Strategy {
    pub name: String,
    pub kind: &'static str,
    pub symbol: &'static str,
    pub stop_ticks: u32,
    pub target_ticks: Option<u32>,
    pub params: &'static str,
    pub bar_s: u32,
    /// In the place of one contract.
    pub size: Option<&'static str>,
}

impl Strategy {
    /// On one-minute bars of ES.
    pub fn new(name: &str, kind: &'static str, params: &'static str, stop_ticks: u32) -> Self {
        let name = name.to_owned();
        Self { name, kind, symbol: "ES", stop_ticks, target_ticks: None, params, bar_s: 60, size: None }
    }

    pub fn target(self, ticks: u32) -> Self {
        Self { target_ticks: Some(ticks), ..self }
    }

    pub fn on(self, symbol: &'static str) -> Self {
        Self { symbol, ..self }
    }

    pub fn sized(self, size: &'static str) -> Self {
        Self { size: Some(size), ..self }
    }

    pub fn bars(self, seconds: u32) -> Self {
        Self { bar_s: seconds, ..self }
    }
}

/// A whole configuration.
pub struct Settings {
    /// Keys of `[broker]` and the following sections up to the next that is written here: `[gateway]`.
    pub broker: String,
    pub symbols: Vec<&'static str>,
    pub lengths_s: &'static str,
    pub strategies: Vec<Strategy>,
    /// Contracts of one order.
    pub order_max: u32,
    /// Contracts of one symbol.
    pub position_max: u32,
    pub stale_after_ms: u32,
    pub flatten_on_stop: bool,
    /// Further sections.
    pub more: String,
}

/// Enough for all strategies at once: these tests are not about margin.
const CASH: &str = "cash = 10_000_000\n";

impl Settings {
    /// ES in a synthetic market that begins five minutes before the regular open, played at `speed`.
    pub fn synthetic(speed: &str, strategies: Vec<Strategy>) -> Self {
        let market = "source = \"synthetic\"\nseed = 7\nstart = 2024-06-12T13:25:00Z\n";
        Self {
            broker: format!("client_id = 1\n[gateway]\nspeed = {speed}\n{market}{CASH}"),
            more: format!("[backtest]\n{market}{CASH}"),
            ..Self::played(strategies)
        }
    }

    /// For a market that the command line names.
    pub fn played(strategies: Vec<Strategy>) -> Self {
        Self {
            broker: format!("client_id = 1\n[gateway]\nsource = \"synthetic\"\nstart = 2024-06-12T13:25:00Z\n{CASH}"),
            symbols: vec!["ES"],
            lengths_s: "[60]",
            strategies,
            order_max: 1,
            position_max: 20,
            stale_after_ms: 5_000,
            flatten_on_stop: false,
            more: format!("[backtest]\nsource = \"synthetic\"\nstart = 2024-06-12T13:25:00Z\n{CASH}"),
        }
    }

    pub fn to_toml(&self) -> String {
        let mut text = format!("[instance]\nname = \"test\"\n[broker]\n{}\n", self.broker);
        for symbol in &self.symbols {
            add(&mut text, format_args!("[[instruments]]\nname = \"{symbol}\"\n"));
        }
        add(&mut text, format_args!("[bars]\nlengths_s = {}\n", self.lengths_s));
        for strategy in &self.strategies {
            strategy.write(&mut text);
        }
        add(
            &mut text,
            format_args!(
                "[risk]\norder_size_max = {}\nmax_position_size = {}\norders_per_second_max = 30\n\
                 daily_loss_usd_max = 90_000\nstale_after_ms = {}\n\
                 capital_usd = 5_000_000\norder_notional_usd_max = 5_000_000\ngross_exposure_usd_max = 20_000_000\n\
                 max_portfolio_risk = 0.5\nweekly_loss_usd_max = 90_000\nmax_drawdown = 0.5\n\
                 disabled = [\"orders_per_minute_max\", \"orders_per_day_max\", \"strategy_orders_per_minute_max\", \
                 \"symbol_orders_per_minute_max\", \"reentries_max\", \"consecutive_losses_max\", \"self_match\", \
                 \"outside_session\", \"days_to_expiry\", \"strategy_orders_per_second_max\", \
                 \"strategy_orders_per_day_max\", \"symbol_orders_per_second_max\", \"symbol_orders_per_day_max\"]\nactive_orders_max = 20\n\
                 [orders]\nflatten_on_stop = {}\nemergency_liquidate_on_disconnect = false\n{}",
                self.order_max, self.position_max, self.stale_after_ms, self.flatten_on_stop, self.more
            ),
        );
        text
    }
}

impl Strategy {
    fn write(&self, text: &mut String) {
        let size = self.size.map_or("quantity = 1".to_owned(), |size| format!("size = {size}"));
        let target = self.target_ticks.map(|ticks| format!("target_ticks = {ticks}\n")).unwrap_or_default();
        add(
            text,
            format_args!(
                "[[strategies]]\nname = \"{}\"\nkind = \"{}\"\nsymbol = \"{}\"\nbar_s = {}\n{size}\n\
                 stop_ticks = {}\n{target}[strategies.params]\n{}\n",
                self.name, self.kind, self.symbol, self.bar_s, self.stop_ticks, self.params
            ),
        );
    }
}

fn add(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("memory takes what is written");
}

/// Two of each kind with parameters that trade often.
pub fn ten() -> Vec<Strategy> {
    vec![
        Strategy::new("cross-fast", "ma_crossover", "fast = 2\nslow = 4", 8).target(8),
        Strategy::new("cross-slow", "ma_crossover", "fast = 3\nslow = 7", 12).target(24),
        Strategy::new("range-one", "opening_range", "minutes = 1\nbuffer_ticks = 0", 10).target(10),
        Strategy::new("range-three", "opening_range", "minutes = 3\nbuffer_ticks = 1", 16),
        Strategy::new("channel-short", "donchian", "period = 3", 8).target(12),
        Strategy::new("channel-long", "donchian", "period = 8", 14),
        Strategy::new("turn-tight", "rsi_reversion", "period = 3\nlow = 40\nhigh = 60", 8).target(6),
        Strategy::new("turn-wide", "rsi_reversion", "period = 5\nlow = 30\nhigh = 70", 12),
        Strategy::new("cross-other", "ma_crossover", "fast = 1\nslow = 3", 6).target(6),
        Strategy::new("channel-other", "donchian", "period = 5", 6).target(6),
    ]
}
