//! What every bench prints: the machine it ran on, one JSON line a measurement, quantiles.
//! In: samples. Out: lines on standard output. Absent: what is measured.

use std::process::Command;

/// Whether cargo runs this as a benchmark; under `cargo test --all-targets` there is nothing to do.
pub fn is_bench() -> bool {
    std::env::args().any(|arg| arg == "--bench")
}

pub fn has_flag(flag: &str) -> bool {
    std::env::args().any(|arg| arg == flag)
}

/// Processor, kernel and compiler: numbers of two machines are not compared.
pub fn print_machine() {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc = rustc.map_or_else(|e| e.to_string(), |out| String::from_utf8_lossy(&out.stdout).trim().to_owned());
    let machine = serde_json::json!({
        "machine": model.map_or("unknown processor", |(_, name)| name),
        "cores": cores,
        "kernel": kernel.trim(),
        "rustc": rustc,
    });
    println!("{machine}");
}

/// The value below which the share `q` of the samples lies (nearest rank); `sorted` rises. None without samples.
#[allow(dead_code)] // one of the benches has no distributions
pub fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let rank = (q * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied()
}

/// The middle value, or the mean of the two middle ones. None without samples.
#[allow(dead_code)] // one of the benches measures once
pub fn median(samples: &[f64]) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[half]),
        _ => Some(f64::midpoint(sorted[half - 1], sorted[half])),
    }
}
