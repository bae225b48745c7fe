//! `pitboss report`: what a session did, from the database or a journal, and what it was worth.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use actors::storage::rows::{EventRow, SessionRow};
use actors::storage::{Counts, QualityCount, Store};
use clap::Args;
use engine::config::Config;
use serde::Serialize;

use super::summary::Summary;
use super::{ConfigArg, Failure, Outcome, setup};

pub mod analysis;
mod compared;
mod journalled;
mod stored;
mod tables;

use analysis::{AnalysisArgs, no_capital};

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
    /// Read the session from a journal's folder instead of the database.
    #[arg(long, value_name = "FOLDER", conflicts_with = "list")]
    journal: Option<PathBuf>,
    /// Put two sessions of the database side by side.
    #[arg(long, num_args = 2, value_names = ["A", "B"], conflicts_with_all = ["list", "session", "journal", "html", "csv"])]
    compare: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    analysis: AnalysisArgs,
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
    /// `None` when nobody says what returns are a fraction of.
    analytics: Option<engine::analytics::report::Report>,
}

pub fn run(args: &ReportArgs) -> Outcome {
    args.analysis.check_files()?;
    let config = setup::config(&args.config)?;
    if let Some(folder) = &args.journal {
        return of_journal(args, &config, folder);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::work)?;
    runtime.block_on(async {
        let options = actors::storage::OpenOptions { pool_size: 1, create: false };
        let store = actors::storage::open(&config.storage.database_url, options).await.map_err(Failure::usage)?;
        let sessions = store.sessions().await.map_err(Failure::work)?;
        if args.list {
            return list(&sessions, args.json);
        }
        if let [a, b] = args.compare.as_slice() {
            let (a, b) = (named(&sessions, a, &store)?, named(&sessions, b, &store)?);
            let a = analysed(args, &config, &store, &a).await?.ok_or_else(|| no_capital(&a.session_id))?.1;
            let b = analysed(args, &config, &store, &b).await?.ok_or_else(|| no_capital(&b.session_id))?.1;
            return compared::print(&a, &b, args.json);
        }
        let session = match &args.session {
            Some(id) => named(&sessions, id, &store)?,
            None => sessions
                .into_iter()
                .next()
                .ok_or_else(|| Failure::usage(format!("there is no session in {} yet", store.url())))?,
        };
        let files = args.analysis.wants_files();
        // The text tells nothing of it.
        let analysed = if files || args.json { analysed(args, &config, &store, &session).await? } else { None };
        if files {
            let (run, report) = analysed.as_ref().ok_or_else(|| no_capital(&session.session_id))?;
            args.analysis.write(run, report, args.json)?;
            if !args.json {
                return Ok(());
            }
        }
        let mut report = read(store, session).await?;
        report.analytics = analysed.map(|(_, report)| report);
        if args.json { print_json(&report) } else { print(&report) }
    })
}

fn named(sessions: &[SessionRow], id: &str, store: &Arc<dyn Store>) -> Result<SessionRow, Failure> {
    sessions.iter().find(|s| s.session_id == id).cloned().ok_or_else(|| {
        Failure::usage(format!("there is no session {id} in {}; see `pitboss report --list`", store.url()))
    })
}

/// A run and its report; `None` when nobody says what the capital was.
type Analysed = Option<(engine::analytics::run::Run, engine::analytics::report::Report)>;

async fn analysed(
    args: &ReportArgs,
    config: &Config,
    store: &Arc<dyn Store>,
    session: &SessionRow,
) -> Result<Analysed, Failure> {
    let Some(of) = args.analysis.circumstances(config, &session.mode)? else { return Ok(None) };
    let run = stored::run(store.as_ref(), session, of.capital).await?;
    let report = args.analysis.report(run.clone(), &of);
    Ok(Some((run, report)))
}

fn of_journal(args: &ReportArgs, config: &Config, folder: &Path) -> Outcome {
    let of = |mode: &str| {
        let session = args.session.as_deref().unwrap_or("the newest session");
        args.analysis.circumstances(config, mode)?.ok_or_else(|| no_capital(session))
    };
    let run = journalled::run(folder, args.session.as_deref(), |mode| of(mode).map(|of| of.capital))?;
    let report = args.analysis.report(run.clone(), &of(&run.mode)?);
    args.analysis.write(&run, &report, args.json)?;
    match (args.json, args.analysis.wants_files()) {
        (true, _) => print_json(&report),
        (false, true) => Ok(()),
        (false, false) => compared::print_one(&report),
    }
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
        analytics: None,
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
    for row in report.positions.iter().filter(|row| row.quantity != 0) {
        let whose = if row.strategy.is_empty() { "account" } else { &row.strategy };
        lines.push(format!("  position {:<10} {whose:<16} {:+}", row.symbol, row.quantity));
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
