//! Who looks for a partner to practise with: a thread that does not sleep, unless its market waits for it.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::broker::Partner;

static FOUND: AtomicU32 = AtomicU32::new(0);

fn find() -> io::Result<Partner> {
    FOUND.fetch_add(1, Ordering::Relaxed);
    gateway::spar()
}

#[test]
fn only_a_market_that_does_not_wait_is_practised_for() {
    in_system(async {
        let second = Duration::from_secs(1);
        for (polls, clock, found) in [
            (second, Clock::scaled(START, 1.0), 1),
            (second, Clock::driven(START), 0),
            (Duration::ZERO, Clock::scaled(START, 1.0), 0),
        ] {
            FOUND.store(0, Ordering::Relaxed);
            let folder = TempDir::new().expect("a temporary folder");
            let mut config = config(&folder, &busy(1));
            config.broker.busy_poll = polls;
            let log = Logger::root(slog::Discard, o!());
            let gateway = gateway_at(Price(20_000), &config, &clock, &log);
            config.broker.address = gateway.local_addr();
            let setup = Setup { find_partner: Some(find), ..Setup::simulated(config, clock, log) };
            let system = System::start(setup).await.expect("it starts");
            // Its actor looks for one as it begins.
            tokio::time::sleep(Duration::from_millis(200)).await;
            assert_eq!(FOUND.load(Ordering::Relaxed), found, "polls for {polls:?}");
            system.stop("the test is over").await;
            gateway.stop();
        }
    });
}
