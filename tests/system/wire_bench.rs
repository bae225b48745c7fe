//! The wire bench still measures something: both of its programs answer ticks with orders, on a short paced market, and
//! lose none. In: the bench's own modules. Absent: how fast; the bench says that.

#[path = "../../benches/wire/bare.rs"]
mod bare;
#[path = "../../benches/wire/market.rs"]
#[allow(dead_code)] // the flood is for the bench alone
mod market;
#[path = "../../benches/wire/measure.rs"]
#[allow(dead_code)] // and so are its rate and its sums
mod measure;
#[path = "../../benches/wire/pitboss.rs"]
mod pitboss;
#[path = "../../benches/wire/until.rs"]
mod until;

use std::net::SocketAddr;

use gateway::Probe;
use measure::Latencies;
use until::Until;

const BARS: i64 = 130;
/// As many as it takes for limits on orders and on stamps to be met, were they met.
const WARM_UP: usize = 100;

fn answers(program: impl FnOnce(SocketAddr, &Until) -> bare::Seen) -> Latencies {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let instruments = pitboss::config(folder.path()).instruments;
    let probe = Probe::with_capacity(4_096, 1_024);
    let gateway = market::gateway(&instruments, market::paced(BARS), market::paced_clock(), probe.clone());
    let trades = u64::try_from(BARS * market::PACED_TRADES).expect("a number of trades");
    let until = Until { trades, last_order: None, probe: probe.clone() };
    let seen = program(gateway.local_addr(), &until);
    gateway.stop();
    Latencies::of(&probe.log(), WARM_UP, trades - seen.trades + seen.lags)
}

fn check(found: &Latencies) {
    assert_eq!(found.lost, 0, "{found:?}");
    // A busy machine may answer a bar after the next one has begun.
    assert!(found.us.len() > found.unanswered, "{found:?}");
}

#[test]
fn the_bare_program_trades_to_the_end() {
    check(&answers(|address, until| bare::run(address, 16_384, until)));
}

#[test]
fn pitboss_trades_to_the_end() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = pitboss::config(folder.path());
    let log = slog::Logger::root(slog::Discard, slog::o!());
    check(&answers(|address, until| pitboss::run(address, config, &log, until)));
}
