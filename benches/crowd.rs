//! A crowd at the simulated gateway: many clients, each of which follows every tick of a busy market over loopback TCP.
//! In: `cargo bench --bench crowd [-- --quick] [-- --clients N]`. Out: a table and one JSON line; exit code 1 when a
//! frame was lost or the gateway's memory grew. Absent: what one client needs (`wire`).
//!
//! The gateway runs in a process of its own, so that its memory and processor time can be told from the clients'. Half
//! of the clients speak text, half protobuf. The market moves by the wall clock; a client that falls behind is not
//! waited for.

mod common;
#[path = "crowd/follower.rs"]
mod follower;
#[path = "crowd/served.rs"]
mod served;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use follower::{Follower, Seen};
use serde_json::json;
use served::{Report, Served};

/// Ticks of the market a second: a quote and a trade in turn.
pub const TICKS_PER_S: u64 = 20_000;
/// What memory may grow by between the first fifth of the market and its end.
const GROWTH_KB_MAX: u64 = 16 << 10;

struct Plan {
    clients: usize,
    seconds: u64,
}

fn main() -> ExitCode {
    if let Some(seconds) = argument("--serve") {
        return served::serve(seconds);
    }
    if !common::is_bench() {
        println!("run it with `cargo bench --bench crowd`");
        return ExitCode::SUCCESS;
    }
    let seconds = if common::has_flag("--quick") { 5 } else { 30 };
    let plan = Plan { clients: argument("--clients").map_or(200, |n| n as usize), seconds };
    common::print_machine();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("threads and sockets");
    tokio::task::LocalSet::new().block_on(&runtime, crowd(&plan))
}

fn argument(name: &str) -> Option<u64> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
    Some(arguments.next()?.parse().unwrap_or_else(|_| panic!("{name} takes a whole number")))
}

async fn crowd(plan: &Plan) -> ExitCode {
    let mut served = Served::start(plan.seconds);
    let mut followers = Vec::new();
    for number in 0..plan.clients {
        followers.push(Follower::subscribe(served.address, number).await);
    }
    let ready_kb = served.resident_kb();
    let ticks = plan.seconds * TICKS_PER_S;
    let tasks: Vec<_> = followers.into_iter().map(|f| tokio::task::spawn_local(f.follow(ticks))).collect();
    let (began, busy) = (Instant::now(), served.cpu_s());
    served.go();
    let mut memory = vec![ready_kb];
    let nominal = Duration::from_secs(plan.seconds);
    while began.elapsed() < nominal {
        tokio::time::sleep(Duration::from_millis(250)).await;
        memory.push(served.resident_kb());
    }
    let mut seen = Vec::new();
    for task in tasks {
        seen.push(task.await.expect("a follower does not panic"));
    }
    let (took, busy) = (began.elapsed(), served.cpu_s() - busy);
    memory.push(served.resident_kb());
    let report = served.end();
    tell(plan, ticks, &seen, took, busy, &memory, &report)
}

fn tell(
    plan: &Plan,
    ticks: u64,
    seen: &[Seen],
    took: Duration,
    busy_s: f64,
    memory: &[u64],
    report: &Report,
) -> ExitCode {
    let frames: u64 = seen.iter().map(|one| one.frames).sum();
    let bytes: u64 = seen.iter().map(|one| one.bytes).sum();
    let lost = ticks * plan.clients as u64 - frames;
    let disordered: u64 = seen.iter().map(|one| one.disordered).sum();
    let early_kb = memory[..memory.len() / 5 + 1].iter().copied().max().unwrap_or(0);
    let (end_kb, peak_kb) = (memory[memory.len() - 1], memory.iter().copied().max().unwrap_or(0));
    let grown_kb = end_kb.saturating_sub(early_kb);
    let s = took.as_secs_f64();
    let met = lost == 0 && disordered == 0 && grown_kb <= GROWTH_KB_MAX;
    let rows = [
        ("clients", plan.clients.to_string()),
        ("ticks of the market a second", TICKS_PER_S.to_string()),
        ("seconds of the market", plan.seconds.to_string()),
        ("last client done after, s", format!("{s:.2}")),
        ("frames received", frames.to_string()),
        ("frames received a second", format!("{:.0}", frames as f64 / s)),
        ("megabytes received a second", format!("{:.0}", bytes as f64 / s / 1e6)),
        ("frames lost", lost.to_string()),
        ("frames out of order", disordered.to_string()),
        ("gateway: processor, percent of one core", format!("{:.0}", busy_s / s * 100.0)),
        ("gateway: resident when all had subscribed, kB", memory[0].to_string()),
        ("gateway: resident in the first fifth, kB", early_kb.to_string()),
        ("gateway: resident at the end, kB", end_kb.to_string()),
        ("gateway: resident at most, kB", peak_kb.to_string()),
        ("gateway: longest unread data of a client, kB", (report.unread_bytes_peak / 1024).to_string()),
    ];
    for (name, value) in rows {
        println!("{name:<48} {value:>14}");
    }
    println!("{:<48} {:>14}", "verdict", if met { "demand met" } else { "DEMAND MISSED" });
    let line = json!({"bench": "crowd", "clients": plan.clients, "ticks_per_s": TICKS_PER_S, "seconds": plan.seconds,
        "took_s": s, "frames": frames, "bytes": bytes, "lost": lost, "disordered": disordered, "cpu_s": busy_s,
        "resident_ready_kb": memory[0], "resident_early_kb": early_kb, "resident_end_kb": end_kb,
        "resident_peak_kb": peak_kb, "unread_peak_bytes": report.unread_bytes_peak,
        "ticks_sent": report.ticks_sent, "met": met});
    println!("{line}");
    if met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
