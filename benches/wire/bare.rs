//! Program A: the crate `ibapi` and nothing else. On the first trade of each new bar it sends a market order.
//! In: an address. Out: how many trades it saw. Absent: bars, strategies, risk, books, journal, supervision.

use std::net::SocketAddr;

use futures::StreamExt;
use ibapi::Client;
use ibapi::contracts::{Contract, Exchange};
use ibapi::orders::Action;
use ibapi::orders::order_builder::market_order;
use ibapi::subscriptions::SubscriptionItem;

use super::market::BAR;
use super::until::Until;

/// What a program saw of the market.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub trades: u64,
    /// Notices that frames were dropped.
    pub lags: u64,
}

/// Runs on a current-thread runtime of its own until `until` is done. `channel_frames`: market data that may wait.
pub fn run(address: SocketAddr, channel_frames: usize, until: &Until) -> Seen {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let builder = Client::builder().address(address.to_string()).client_id(1).max_reconnect_attempts(0);
        let client = builder.channel_capacity(channel_frames).connect().await.expect("the gateway listens");
        let mut updates = client.order_update_stream().await.expect("a live connection");
        let reading = tokio::spawn(async move { while updates.next().await.is_some() {} });
        let seen = trade(&client, until).await;
        client.disconnect().await;
        reading.await.expect("reading updates does not fail");
        seen
    })
}

async fn trade(client: &Client, until: &Until) -> Seen {
    let contract = front_month(client).await;
    let mut order_id = client.next_order_id();
    let mut trades = client.tick_by_tick(&contract, 0).last().await.expect("a live connection");
    let (mut seen, mut bar) = (Seen { trades: 0, lags: 0 }, None);
    while seen.trades < until.trades {
        match trades.next().await {
            Some(Ok(SubscriptionItem::Data(tick))) => {
                seen.trades += 1;
                let now = tick.time.unix_timestamp() / BAR.as_secs().cast_signed();
                if bar.replace(now).is_some_and(|before| before != now) {
                    let action = if order_id % 2 == 0 { Action::Buy } else { Action::Sell };
                    let order = market_order(action, 1.0);
                    client.submit_order(order_id, &contract, &order).await.expect("a live connection");
                    order_id += 1;
                }
            }
            Some(Ok(SubscriptionItem::Notice(_))) => seen.lags += 1,
            Some(Err(reason)) => panic!("market data ended: {reason}"),
            None => panic!("market data ended"),
        }
    }
    until.last_order_is_read().await;
    seen
}

async fn front_month(client: &Client) -> Contract {
    let wanted = Contract::futures("ES").any_month().on_exchange("CME").in_currency("USD").build();
    let details = client.contract_details(&wanted).await.expect("ES is listed");
    let first = details.into_iter().min_by(|a, b| a.real_expiration_date.cmp(&b.real_expiration_date));
    let contract_id = first.expect("a contract").contract.contract_id;
    Contract { contract_id, exchange: Exchange::from("CME"), ..Contract::default() }
}
