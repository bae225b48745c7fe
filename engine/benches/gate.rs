//! What risk costs an order: the gate alone with every rule on and passing, a closing order's and a change's way through
//! it, and an entry's whole way through books that hold positions and working orders. `cargo bench -p engine --bench gate`.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use engine::books::{Books, BooksState, Input, Output};
use engine::config::raw::{self, Known, Layer};
use engine::config::{Config, Limit, RiskConfig};
use engine::market::{Price, SymbolId};
use engine::portfolio::Mark;
use engine::risk::reducing::Held;
use engine::risk::sent::{Counts, Window};
use engine::risk::{Candidate, View, gate};
use engine::time::Timestamp;
use engine::trade::{
    Bracket, BrokerEvent, BrokerOrderId, BrokerPosition, BrokerRequest, BrokerSnapshot, ClientOrderId, Intent, Leg,
    Money, OrderIntent, OrderKind, OrderTicket, Side, StrategyId, TimeInForce, Trading,
};

const ES: SymbolId = SymbolId(0);
const MARK: Mark = Mark { last: Some(Price(20_000)), bid: Some(Price(19_999)), ask: Some(Price(20_000)) };
/// A Wednesday, ten o'clock in New York.
const NOW: Timestamp = Timestamp::from_secs(1_718_200_800);

fn config() -> Config {
    let mut config = raw::read(&[Layer::embedded_default()], &[], &Known::registered(&[]))
        .unwrap_or_else(|mistakes| panic!("the built-in configuration: {mistakes}"));
    let loss = &mut config.risk.loss;
    loss.trailing_drawdown_max = Limit::Max(Money::from_micros(10_000_000_000));
    loss.strategy_weekly_loss_max = Limit::Max(Money::from_micros(2_000_000_000));
    loss.strategy_drawdown_max = Limit::Max(Money::from_micros(4_000_000_000));
    loss.strategy_daily_loss_max = Limit::Max(Money::from_micros(1_000_000_000));
    config.risk.order.max_position_size = Limit::Max(40);
    assert!(config.risk.switched_off().is_empty(), "every rule is on: {:?}", config.risk.switched_off());
    config
}

fn entry(strategy: u16) -> Candidate {
    Candidate {
        strategy: StrategyId(strategy),
        symbol: ES,
        side: Side::Buy,
        quantity: 1,
        kind: OrderKind::Limit(Price(20_002)),
        stop: Some(Price(19_980)),
        target: Some(Price(20_040)),
    }
}

/// Each count is below its limit.
fn sent() -> Counts {
    let window = |second, minute, day| Window { second, minute, day };
    Counts { account: window(3, 12, 200), strategy: window(3, 6, 60), symbol: window(3, 9, 120) }
}

fn view() -> View<'static> {
    View {
        trading: Trading::Allowed,
        latch: None,
        enlisted: true,
        engaged: false,
        unprotected_allowed: false,
        mark: MARK,
        data_age: Some(Duration::from_millis(40)),
        feed_live: true,
        tick_value: Money::from_micros(12_500_000),
        margin: Some(Money::from_micros(25_000_000_000)),
        worst_long: 3,
        worst_short: 2,
        exposure: Some(Money::from_micros(1_000_000_000_000)),
        at_stake: Money::from_micros(500_000_000),
        margin_used: Some(Money::from_micros(75_000_000_000)),
        equity: Money::from_micros(500_000_000_000),
        sent: sent(),
        resting: [2, 4],
        since_same: Some(Duration::from_secs(3)),
        reentries: 4,
        own_opposite: Some(Price(20_040)),
        session_left: Some(Duration::from_secs(3_600)),
        days_to_expiry: Some(30),
    }
}

fn ticket(quantity: u32) -> OrderTicket {
    OrderTicket {
        id: ClientOrderId(7),
        order_id: BrokerOrderId(7),
        strategy: StrategyId(0),
        symbol: ES,
        leg: Leg::Stop,
        side: Side::Sell,
        quantity,
        kind: OrderKind::Stop(Price(19_980)),
        tif: TimeInForce::GoodTillCancelled,
        parent: None,
        oca_group: None,
        transmit: true,
        order_ref: String::new(),
    }
}

/// Two strategies are in the market with their brackets, six orders; the third wants to enter.
fn busy_books(config: &Config) -> Books {
    let mut books = Books::new(config, BooksState::default());
    let mut out = Vec::new();
    books.handle(NOW, Input::Broker(BrokerEvent::NextOrderId(BrokerOrderId(1))), &mut out);
    books.handle(NOW, Input::TakeInventory, &mut out);
    let asked = |output: &Output| match output {
        Output::Request(BrokerRequest::TakeInventory(question)) => Some(*question),
        _ => None,
    };
    let question = out.iter().find_map(asked).expect("the broker is asked");
    let positions = vec![BrokerPosition { symbol: ES, quantity: 0 }];
    let snapshot = BrokerSnapshot { positions, ..BrokerSnapshot::default() };
    for input in [
        Input::Broker(BrokerEvent::Snapshot(question, Box::new(snapshot))),
        Input::Trading { trading: Trading::Allowed, cause: "a bench".to_owned() },
        Input::Mark { symbol: ES, mark: MARK },
        wish(0),
        wish(1),
    ] {
        books.handle(NOW, input, &mut out);
    }
    assert_eq!(books.state().orders.live().count(), 6, "two brackets work");
    books
}

fn wish(strategy: u16) -> Input {
    let Candidate { strategy, symbol, side, quantity, kind, .. } = entry(strategy);
    let bracket = Bracket { stop: Price(19_980), target: Some(Price(20_040)) };
    let intent = Intent::Enter { side, quantity, kind, bracket };
    Input::Intent(OrderIntent { strategy, symbol, at: NOW, intent, reason: "a bench".to_owned() })
}

fn gates(c: &mut Criterion) {
    let config = config();
    let risk: &RiskConfig = &config.risk;
    let view = view();
    assert!(gate::check(entry(2), &view, risk).is_ok(), "every rule is asked");
    c.bench_function("gate, entry, every rule on", |b| {
        b.iter(|| gate::check(black_box(entry(2)), black_box(&view), black_box(risk)))
    });
    let held = Held { position: 3, filled: 0 };
    c.bench_function("gate, closing order", |b| {
        b.iter_batched(|| ticket(3), |order| gate::check_reducing(order, black_box(held)), BatchSize::SmallInput)
    });
    let before = ticket(1);
    c.bench_function("gate, change", |b| {
        b.iter_batched(|| ticket(2), |order| gate::check_change(order, &before, held), BatchSize::SmallInput)
    });
    let books = busy_books(&config);
    c.bench_function("books, entry to three orders", |b| {
        b.iter_batched(
            || (books.clone(), wish(2), Vec::with_capacity(16)),
            |(mut books, wish, mut out)| {
                books.handle(NOW, wish, &mut out);
                (books, out)
            },
            BatchSize::SmallInput,
        )
    });
}

criterion_group!(benches, gates);
criterion_main!(benches);
