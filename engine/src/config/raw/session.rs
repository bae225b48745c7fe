//! With whom a session trades: this installation, the broker and the times at which the broker is away.
//! In: sections. Out: typed sections, with the documented defaults.

use std::net::SocketAddr;
use std::time::Duration;

use chrono::{NaiveTime, Weekday};
use chrono_tz::Tz;

use super::kind::{Kind, address, boolean, choice, millis, name, string, text, whole, word};
use super::plumbing::{ordered, seconds};
use super::simulation::ANY_PORT;
use super::walk::Section;
use crate::config::outage::ExpectedOutage;
use crate::config::{Background, BrokerConfig, Instance};

/// What the user must write before real money is traded.
const LIVE_PHRASE: &str = "I accept that this trades real money";

pub(super) fn instance(root: &Section<'_>) -> Option<Instance> {
    root.section("instance", |s| {
        let name = s.or(
            "name",
            text("a name of 1 to 12 of a-z 0-9 -", |name| {
                (1..=12).contains(&name.len())
                    && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            }),
            "pitboss".to_owned(),
        );
        let live = s.or("live", boolean(), false);
        let background = s.or("background", choice(Background::ALL), Background::Low);
        let acknowledged = s.get("live_acknowledgement", text(&format!("{LIVE_PHRASE:?}"), |text| text == LIVE_PHRASE));
        if live == Some(true) && acknowledged == Some(None) {
            let expected = format!("{LIVE_PHRASE:?}, since instance.live is true and real money will be traded");
            s.mistake("live_acknowledgement", "nothing", expected);
            return None;
        }
        acknowledged?;
        Some(Instance { name: name?, live: live?, background: background? })
    })
}

/// `listen` is the simulated gateway's address, which then stands for the broker's.
pub(super) fn broker(root: &Section<'_>, simulated: bool, listen: Option<SocketAddr>) -> Option<BrokerConfig> {
    root.section("broker", |s| {
        let what = "an IP address and port such as 127.0.0.1:7497, or a [gateway] section to simulate one";
        let address = match (simulated, listen) {
            (true, listen) => s.or("address", address(what), listen.unwrap_or(ANY_PORT)),
            (false, _) => s.need("address", address(what)),
        };
        let client_id = s.or("client_id", whole(0..=999_999, ""), 1);
        let account = s.get("account", word("an account"));
        let connect_timeout = s.or("connect_timeout_ms", millis(100..=120_000), seconds(10));
        let request_timeout = s.or("request_timeout_ms", millis(100..=120_000), seconds(10));
        let heartbeat_every = s.or("heartbeat_every_ms", millis(100..=60_000), seconds(5));
        let heartbeat_misses_max = s.or("heartbeat_misses_max", whole(1..=20, "heartbeats"), 3);
        let reconnect_delay_min = s.or("reconnect_delay_min_ms", millis(10..=60_000), Duration::from_millis(500));
        let reconnect_delay_max = s.or("reconnect_delay_max_ms", millis(10..=600_000), seconds(30));
        let messages_per_second_max = s.or("messages_per_second_max", whole(1..=50, "messages a second"), 45);
        let busy_poll = s.or("busy_poll_ms", millis(0..=1_000), Duration::ZERO);
        let core = s.get("core", whole(0..=1_023, "the number of a processor core"));
        let broker = BrokerConfig {
            address: address?,
            client_id: client_id?,
            account: account?,
            connect_timeout: connect_timeout?,
            request_timeout: request_timeout?,
            heartbeat_every: heartbeat_every?,
            heartbeat_misses_max: heartbeat_misses_max?,
            reconnect_delay_min: reconnect_delay_min?,
            reconnect_delay_max: reconnect_delay_max?,
            messages_per_second_max: messages_per_second_max?,
            busy_poll: busy_poll?,
            core: core?,
        };
        ordered(
            s,
            ("reconnect_delay_min_ms", broker.reconnect_delay_min),
            ("reconnect_delay_max_ms", broker.reconnect_delay_max),
        )?;
        Some(broker)
    })
}

pub(super) fn expected_outages(root: &Section<'_>) -> Option<Vec<ExpectedOutage>> {
    if !root.has("expected_outages") {
        return Some(ExpectedOutage::of_north_america());
    }
    root.sections("expected_outages", |s, _| {
        let name = s.need("name", name(40));
        let weekday = s.get("weekday", weekday());
        let from = s.need("from", time_of_day());
        let minutes = s.need("minutes", whole(1..=2_880, "minutes"));
        let zone = s.or("zone", zone(), chrono_tz::America::New_York);
        let length = Duration::from_secs(60 * minutes?);
        Some(ExpectedOutage { name: name?, weekday: weekday?, from: from?, length, zone: zone? })
    })
}

pub(super) fn weekday() -> Kind<'static, Weekday> {
    Kind::new("a weekday: mon, tue, wed, thu, fri, sat or sun; without one it is every day", |value| {
        string(value)?.parse().ok()
    })
}

pub(super) fn time_of_day() -> Kind<'static, NaiveTime> {
    Kind::new("a time of day such as \"23:00\"", |value| NaiveTime::parse_from_str(string(value)?, "%H:%M").ok())
}

pub(super) fn zone() -> Kind<'static, Tz> {
    Kind::new("a time zone such as America/New_York", |value| string(value)?.parse().ok())
}
