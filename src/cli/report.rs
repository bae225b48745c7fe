//! `pitboss report`: what a session did, from the database.

use std::sync::Arc;

use actors::storage::rows::{EventRow, SessionRow};
use actors::storage::{Counts, QualityCount, Store};
use clap::Args;
use serde::Serialize;

use super::summary::Summary;
use super::{ConfigArg, Failure, Outcome, setup};

#[derive(Args)]
pub struct ReportArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// The session, as `--list` names it; the newest by default.
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// List all sessions.
    #[arg(long, conflicts_with = "session")]
    list: bool,
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    session: SessionRow,
    counts: Counts,
    bars: Vec<QualityCount>,
    /// What the session itself said at its end; `None` if it did not end in order.
    summary: Option<Summary>,
    positions: Vec<actors::storage::rows::PositionRow>,
    performance: Vec<actors::storage::rows::PerformanceRow>,
    strategies: Vec<actors::storage::rows::StrategyPerformanceRow>,
    orders: Vec<actors::storage::OrderWithExecutions>,
    warnings: Vec<EventRow>,
}

pub fn run(args: &ReportArgs) -> Outcome {
    let config = setup::config(&args.config)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::work)?;
    runtime.block_on(async {
        let options = actors::storage::OpenOptions { pool_size: 1, create: false };
        let store = actors::storage::open(&config.storage.database_url, options).await.map_err(Failure::usage)?;
        let sessions = store.sessions().await.map_err(Failure::work)?;
        if args.list {
            return list(&sessions, args.json);
        }
        let session = match &args.session {
            Some(id) => sessions.into_iter().find(|s| s.session_id == *id).ok_or_else(|| {
                Failure::usage(format!("there is no session {id} in {}; see `pitboss report --list`", store.url()))
            })?,
            None => sessions
                .into_iter()
                .next()
                .ok_or_else(|| Failure::usage(format!("there is no session in {} yet", store.url())))?,
        };
        let report = read(store, session).await?;
        if args.json { print_json(&report) } else { print(&report) }
    })
}

fn list(sessions: &[SessionRow], json: bool) -> Outcome {
    if json {
        return print_json(&sessions);
    }
    for s in sessions {
        let end = s.end_cause.as_deref().unwrap_or("not ended in order");
        let started = s.started_at.get().format("%Y-%m-%d %H:%M:%S UTC");
        super::print_line(&format!("{:<26} {:<9} {started}  {end}", s.session_id, s.mode))?;
    }
    Ok(())
}

fn print_json<T: Serialize>(value: &T) -> Outcome {
    let text = serde_json::to_string_pretty(value).map_err(Failure::work)?;
    super::print_line(&text)
}

async fn read(store: Arc<dyn Store>, session: SessionRow) -> Result<Report, Failure> {
    let id = session.session_id.clone();
    let events = store.events(&id).await.map_err(Failure::work)?;
    let summary =
        events.iter().rfind(|e| e.event == "session.summary").and_then(|e| serde_json::from_str(&e.text).ok());
    Ok(Report {
        counts: store.counts(&id).await.map_err(Failure::work)?,
        bars: store.bar_qualities(&id).await.map_err(Failure::work)?,
        summary,
        positions: store.positions(&id).await.map_err(Failure::work)?,
        performance: store.performance(&id).await.map_err(Failure::work)?,
        strategies: store.strategy_performance(&id).await.map_err(Failure::work)?,
        orders: store.orders(&id).await.map_err(Failure::work)?,
        warnings: events.into_iter().filter(|e| e.severity != "info").collect(),
        session,
    })
}

fn print(report: &Report) -> Outcome {
    super::print_line(&text(report))
}

fn text(report: &Report) -> String {
    let mut lines = Vec::new();
    let counts = &report.counts;
    match &report.summary {
        Some(summary) => lines.push(format!("{summary}\n")),
        None => lines
            .push(format!("Session {} ({}) did not end in order\n", report.session.session_id, report.session.mode)),
    }
    lines.push("In the database".to_owned());
    lines.push(format!(
        "  {} bars, {} signals ({} refused), {} orders, {} executions, {} events",
        counts.bars, counts.signals, counts.refused, counts.orders, counts.executions, counts.events
    ));
    for row in &report.bars {
        lines.push(format!("  {:<10} {:>5} s {:>9} {}", row.symbol, row.length_s, row.bars, row.quality));
    }
    for row in &report.performance {
        lines.push(format!(
            "  {}  {} trades, {} wins, realised {}, commission {}, drawdown {}",
            row.trade_date, row.trades, row.wins, row.realised, row.commission, row.drawdown_max
        ));
    }
    for event in &report.warnings {
        lines.push(format!(
            "  {} {} {}: {}",
            event.ts.get().format("%H:%M:%S"),
            event.severity,
            event.event,
            event.text
        ));
    }
    lines.join("\n")
}
