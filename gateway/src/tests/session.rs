//! Start, refusal of a client id that is in use, ids, accounts, time, coming back to working orders.

use std::sync::{Arc, Mutex};

use ibapi::orders::Action;
use ibapi::{Client, Error, StartupMessage};

use super::*;
use crate::StartError;

#[tokio::test]
async fn a_client_starts_and_is_told_version_account_and_first_id() {
    let gateway = answered(vec![quote(0, 5000.0, 5, 5000.25, 5)]);
    let client = connect(&gateway, 100).await;
    assert_eq!(client.server_version(), 225);
    assert_eq!(client.handshake_managed_accounts(), [ACCOUNT]);
    assert_eq!(client.next_order_id(), 1);
    assert_eq!(within(client.managed_accounts()).await.expect("accounts"), [ACCOUNT]);
    assert!(client.connection_time().is_some_and(|time| time.offset().is_utc()), "the handshake names a known zone");
    assert_eq!(gateway.stats().clients, 1);
    gateway.stop();
}

#[tokio::test]
async fn market_time_is_what_the_clock_answers_and_it_stands_still_without_a_subscriber() {
    let gateway = answered(vec![quote(3, 5000.0, 5, 5000.25, 5), quote(9, 5000.0, 5, 5000.25, 5)]);
    let client = connect(&gateway, 1).await;
    assert_eq!(step(&client).await, 3, "the time of the first event");
    assert_eq!(step(&client).await, 3, "nobody subscribed, so nothing is played");
    assert_eq!(within(client.server_time()).await.expect("the clock").unix_timestamp(), OPEN_S + 3);
    assert_eq!(gateway.stats().steps, 0);
    gateway.stop();
}

#[tokio::test]
async fn a_client_id_in_use_is_refused_and_free_again_after_disconnecting() {
    let gateway = answered(vec![]);
    let first = connect(&gateway, 5).await;
    let address = gateway.local_addr().to_string();
    let second = within(Client::builder().address(&address).client_id(5).max_reconnect_attempts(0).connect()).await;
    assert!(matches!(second, Err(Error::ClientIdInUse { client_id: 5 })), "{:?}", second.err());
    first.disconnect().await;
    let again = connect(&gateway, 5).await;
    assert!(again.is_connected());
    gateway.stop();
}

#[tokio::test]
async fn a_client_that_comes_back_is_shown_its_working_orders_before_it_may_trade() {
    let gateway = answered(vec![quote(0, 5000.0, 5, 5000.25, 5)]);
    let mut desk = Desk::open(&gateway, 5).await;
    let id = desk.submit(&order(Action::Buy, 2.0, "LMT", 4990.0)).await;
    desk.expect(&["open 1 Submitted 2", "status 1 Submitted 0/2"]).await;
    desk.client.disconnect().await;

    let replayed = Arc::new(Mutex::new(Vec::new()));
    let sink = replayed.clone();
    let builder = Client::builder().address(gateway.local_addr().to_string()).client_id(5).max_reconnect_attempts(0);
    let builder = builder.startup_callback(move |message| {
        let line = match message {
            StartupMessage::OpenOrder(data) => format!("open {} {:?}", data.order_id, data.order_state.status),
            StartupMessage::OrderStatus(status) => format!("status {} {:?}", status.order_id, status.status),
            StartupMessage::OpenOrderEnd => "end".to_owned(),
            other => format!("{other:?}"),
        };
        sink.lock().expect("no test thread panics with it").push(line);
    });
    let again = within(builder.connect()).await.expect("a connection");
    let replayed = replayed.lock().expect("no test thread panics with it").clone();
    assert_eq!(replayed, ["open 1 Submitted", "status 1 Submitted", "end"]);
    assert_eq!(again.next_order_id(), id + 1);
    gateway.stop();
}

#[tokio::test]
async fn a_busy_port_is_an_error_that_names_the_address() {
    let gateway = answered(vec![]);
    let busy = gateway.local_addr();
    let refused = start(Options { listen: busy, ..options(vec![], Pacing::Answered) });
    let Err(error) = refused else { panic!("two gateways on one port") };
    assert!(matches!(error, StartError::Listen { address, .. } if address == busy));
    assert!(error.to_string().contains(&busy.to_string()), "{error}");
    gateway.stop();
}

#[test]
fn options_that_cannot_work_are_refused() {
    let refused = |options: Options| start(options).err().map(|error| error.to_string()).unwrap_or_default();
    let base = || options(vec![], Pacing::Answered);
    assert!(refused(Options { instruments: vec![], ..base() }).contains("no instruments"));
    let twins = vec![instrument(4, "ES", "202612"), instrument(4, "NQ", "202612")];
    assert!(refused(Options { instruments: twins, ..base() }).contains("id 4"));
    assert!(refused(Options { account: "A,B".to_owned(), ..base() }).contains("A,B"));
}

#[tokio::test]
async fn stopping_closes_clients_and_frees_the_port() {
    let gateway = answered(vec![]);
    let (client, address) = (connect(&gateway, 1).await, gateway.local_addr());
    gateway.stop();
    let answer = within(client.server_time()).await;
    assert!(answer.is_err(), "{answer:?}");
    let again = start(Options { listen: address, ..options(vec![], Pacing::Answered) }).expect("the port is free");
    again.stop();
}
