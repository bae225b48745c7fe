//! What holds on any path: the ledger is the sum of its executions, nothing fills beyond what it may, and the same
//! input gives the same output.

use proptest::prelude::*;

use super::*;

/// One thing that happens; prices are ticks around 100.
#[derive(Clone, Debug)]
pub enum Op {
    Quote(Option<i32>, u32, Option<i32>, u32),
    Trade(i32, u32),
    Place(Draft),
    Modify(usize, u32, i32),
    Cancel(usize),
    EndOfDay,
    /// Seconds pass.
    Wait(u32),
    /// The broker acts: closes the position, corrects, busts, sets it.
    Act(u8, usize, i32),
}

/// An order before it has an id: `parent` counts back over the orders placed so far.
#[derive(Clone, Debug)]
pub struct Draft {
    side: Side,
    quantity: u32,
    kind: Kind,
    tif: TimeInForce,
    /// Seconds until it ends.
    till: Option<u32>,
    terms: Terms,
    /// Seconds until it may go.
    after: Option<u32>,
    parent: Option<usize>,
    oca: Option<(u8, OcaType)>,
    transmit: bool,
}

fn price() -> impl Strategy<Value = i32> {
    95..=105
}

pub fn market() -> impl Strategy<Value = Op> {
    let quote = (price(), 0u32..6, 1i32..4, 0u32..6, 0u8..12).prop_map(|(bid, bid_size, spread, ask_size, empty)| {
        Op::Quote((empty != 0).then_some(bid), bid_size, (empty != 1).then_some(bid + spread), ask_size)
    });
    prop_oneof![quote, (price(), 0u32..8).prop_map(|(price, size)| Op::Trade(price, size))]
}

fn draft() -> impl Strategy<Value = Draft> {
    let kind = (0u8..14, price(), price()).prop_map(|(kind, a, b)| match kind {
        0 | 1 => Kind::Market,
        2..=4 => Kind::Limit(Price(a)),
        5 => Kind::Stop(Price(a)),
        6 => Kind::StopLimit { stop: Price(a), limit: Price(b) },
        7 => Kind::Trail { by: TrailBy::Ticks(a - 94), stop: (b > 100).then_some(Price(b)) },
        8 => Kind::Trail { by: TrailBy::Millionths(9_000 * (b - 94).unsigned_abs()), stop: None },
        9 => Kind::TrailLimit { by: TrailBy::Ticks(a - 94), stop: (b > 100).then_some(Price(b)), offset: b - 100 },
        10 => Kind::MarketIfTouched(Price(a)),
        11 => Kind::LimitIfTouched { trigger: Price(a), limit: Price(b) },
        12 => Kind::MarketOnClose,
        _ => Kind::LimitOnClose(Price(a)),
    });
    let adjust = (0u8..3, price(), price()).prop_map(|(to, at, stop)| {
        let (at, stop) = (Price(at), Price(stop));
        let to = match to {
            0 => Kind::Stop(stop),
            1 => Kind::StopLimit { stop, limit: at },
            _ => Kind::Trail { by: TrailBy::Ticks(2), stop: Some(stop) },
        };
        Adjust { at, to }
    });
    let methods = prop::sample::select(vec![0, 0, 1, 2, 3, 4, 7, 8]);
    let terms = (methods, prop::bool::weighted(0.3), prop::option::weighted(0.3, adjust)).prop_map(
        |(method, regular_only, adjust)| {
            let trigger = TriggerMethod::from_number(method).expect("a method");
            Terms { trigger, regular_only, adjust, ..Terms::default() }
        },
    );
    let times = (prop::option::weighted(0.1, 0u32..9_000), prop::option::weighted(0.1, 0u32..9_000));
    let tif = prop_oneof![
        6 => Just(TimeInForce::Day),
        2 => Just(TimeInForce::GoodTillCancelled),
        1 => Just(TimeInForce::ImmediateOrCancel),
        1 => Just(TimeInForce::FillOrKill),
    ];
    let types =
        prop_oneof![Just(OcaType::CancelWithBlock), Just(OcaType::ReduceWithBlock), Just(OcaType::ReduceNonBlock)];
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let oca = prop::option::weighted(0.4, (0u8..3, types));
    let family = (prop::option::weighted(0.4, 0usize..4), oca, prop::bool::weighted(0.8));
    (side, 1u32..7, kind, tif, terms, times, family).prop_map(
        |(side, quantity, kind, tif, terms, (till, after), (parent, oca, transmit))| {
            let terms = Terms { adjust: terms.adjust.filter(|_| matches!(kind, Kind::Stop(_))), ..terms };
            Draft { side, quantity, kind, tif, till, terms, after, parent, oca, transmit }
        },
    )
}

pub fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        10 => market(),
        5 => draft().prop_map(Op::Place),
        1 => (0usize..6, 1u32..8, price()).prop_map(|(back, quantity, price)| Op::Modify(back, quantity, price)),
        1 => (0usize..6).prop_map(Op::Cancel),
        1 => Just(Op::EndOfDay),
        1 => (1u32..20_000).prop_map(Op::Wait),
    ];
    prop::collection::vec(op, 1..80)
}

/// The same, and acts of the broker in between.
pub fn ops_and_acts() -> impl Strategy<Value = Vec<Op>> {
    let act = (0u8..4, 0usize..9, -3i32..4).prop_map(|(act, which, change)| Op::Act(act, which, change));
    prop::collection::vec(prop_oneof![8 => market(), 5 => draft().prop_map(Op::Place), 2 => act], 1..80)
}

/// So little to spare that a loss of a few ticks closes a position.
fn tight() -> Rules {
    let margins = MarginTable([("ES".to_owned(), MarginRate::of(33_300, 33_290))].into());
    Rules { margins: Some(margins), ..Rules::default() }
}

/// A venue and the orders placed at it.
pub struct Book {
    pub venue: Venue,
    pub placed: Vec<NewOrder>,
    next_id: i32,
    at: Timestamp,
}

impl Book {
    pub fn new() -> Self {
        Self::with(Rules::none())
    }

    /// It opens on a Monday in regular hours.
    pub fn with(rules: Rules) -> Self {
        let at = Timestamp::from_secs(1_795_446_000);
        Self { venue: venue_with(rules), placed: Vec::new(), next_id: 1, at }
    }

    /// Does one thing. Returns what was reported.
    pub fn run(&mut self, op: &Op) -> Vec<Report> {
        let mut out = Vec::new();
        self.at = self.at + std::time::Duration::from_millis(250);
        let refused = match op {
            Op::Quote(bid, bid_size, ask, ask_size) => {
                self.show(quote(self.at, *bid, *bid_size, *ask, *ask_size), &mut out);
                false
            }
            Op::Trade(price, size) => {
                self.show(trade(self.at, *price, *size), &mut out);
                false
            }
            Op::Place(draft) => self.place(draft, &mut out),
            Op::Modify(back, quantity, price) => match self.back(*back) {
                Some(mut order) => {
                    order.quantity = *quantity;
                    order.transmit = true;
                    if let Kind::Limit(limit) | Kind::Stop(limit) = &mut order.kind {
                        *limit = Price(*price);
                    }
                    self.venue.modify(self.at, order, &mut out).is_err()
                }
                None => false,
            },
            Op::Cancel(back) => match self.back(*back) {
                Some(order) => self.venue.cancel(self.at, 1, order.order_id, &mut out).is_err(),
                None => false,
            },
            Op::EndOfDay => {
                self.venue.end_of_day(self.at, &mut out);
                false
            }
            Op::Wait(seconds) => {
                self.at = self.at + std::time::Duration::from_secs(u64::from(*seconds));
                self.venue.on_time(self.at, &mut out);
                assert!(self.venue.next_deadline().is_none_or(|due| due > self.at), "everything due is done");
                false
            }
            Op::Act(act, which, change) => {
                self.act(*act, *which, *change, &mut out);
                false
            }
        };
        assert!(!refused || out.is_empty(), "a refused request reports nothing");
        let named = |report: &Report| match report {
            Report::Order(perm_id) => Some(*perm_id),
            Report::Execution(_) | Report::Corrected(_) | Report::Message { .. } => None,
        };
        for (at, id) in out.iter().enumerate().filter_map(|(at, report)| Some((at, named(report)?))) {
            let later = |report: &Report| {
                named(report) == Some(id) || matches!(report, Report::Execution(e) if e.perm_id == id)
            };
            assert!(!out[at + 1..].iter().any(later), "an order is named once, after its executions: {out:?}");
        }
        out
    }

    fn act(&mut self, act: u8, which: usize, change: i32, out: &mut Vec<Report>) {
        let fill = self.venue.executions().get(which).cloned();
        match (act, fill) {
            (0, _) => drop(self.venue.liquidate(self.at, ES, out)),
            (1, Some(fill)) => {
                let price = Price(fill.price.0 + change);
                self.venue.correct_execution(self.at, &fill.exec_id, price, out).expect("it is there");
            }
            (2, Some(fill)) => drop(self.venue.bust_execution(self.at, &fill.exec_id).expect("it is there")),
            (3, _) => assert!(self.venue.set_position(self.at, ES, i64::from(change))),
            _ => {}
        }
    }

    fn show(&mut self, event: FeedEvent, out: &mut Vec<Report>) {
        let foretold = self.venue.would_report(&event);
        self.venue.on_market(&event, out);
        assert_eq!(foretold, !out.is_empty(), "the venue knows beforehand whether it reports");
    }

    fn place(&mut self, draft: &Draft, out: &mut Vec<Report>) -> bool {
        let ahead = |seconds: u32| self.at + std::time::Duration::from_secs(u64::from(seconds));
        let new = NewOrder {
            tif: draft.till.map_or(draft.tif.into(), |seconds| Tif::GoodTillDate(ahead(seconds))),
            terms: Terms { good_after: draft.after.map(ahead), ..draft.terms },
            parent_id: draft.parent.and_then(|back| self.back(back)).map(|parent| parent.order_id),
            oca: draft.oca.map(|(group, kind)| (format!("g{group}"), kind)),
            transmit: draft.transmit,
            ..order(self.next_id, draft.side, draft.quantity, draft.kind)
        };
        self.next_id += 1;
        let refused = self.venue.place(self.at, new.clone(), out).is_err();
        if !refused {
            self.placed.push(new);
        }
        refused
    }

    fn back(&self, back: usize) -> Option<NewOrder> {
        self.placed.len().checked_sub(back + 1).map(|at| self.placed[at].clone())
    }

    fn all_orders(&self) -> impl Iterator<Item = &VenueOrder> {
        self.venue.open_orders().chain(self.venue.completed_orders())
    }

    /// The ledger, the orders and the executions tell the same story.
    pub fn audit(&self) {
        let (start, tick, commission) = (100_000_000_000, 12_500_000, 2_250_000);
        let signed = |e: &VenueExecution| i64::from(e.side.sign()) * i64::from(e.quantity);
        let executions = self.venue.executions();
        let position = self.venue.positions().find(|p| p.symbol == ES).unwrap();
        assert_eq!(position.quantity, executions.iter().map(signed).sum::<i64>(), "position = sum of executions");
        let paid: i64 = executions.iter().map(|e| signed(e) * i64::from(e.price.0) * tick).sum();
        let costs: i64 = executions.iter().map(|e| i64::from(e.quantity) * commission).sum();
        assert_eq!(self.venue.cash().micros() - position.basis.micros(), start - paid - costs);
        let settled = position.basis.micros() - position.cost.micros();
        assert_eq!(self.venue.cash().micros(), start + position.realised.micros() + settled);
        assert!(
            position.quantity != 0
                || (position.cost, position.basis, position.cost_ticks) == (Money::ZERO, Money::ZERO, 0)
        );
        for order in self.all_orders() {
            self.audit_order(order);
        }
    }

    fn audit_order(&self, order: &VenueOrder) {
        let own = || self.venue.executions().iter().filter(|e| e.perm_id == order.perm_id);
        assert_eq!(own().map(|e| e.quantity).sum::<u32>(), order.filled);
        assert_eq!(own().map(|e| i64::from(e.quantity) * i64::from(e.price.0)).sum::<i64>(), order.fill_ticks);
        assert_eq!(
            own().next_back().map(|e| (e.cumulative, e.price)),
            order.last_fill.map(|price| (order.filled, price))
        );
        assert!(order.filled <= order.order.quantity, "no order fills beyond its quantity: {order:?}");
        let whole = order.filled == order.order.quantity;
        assert!(order.status != Status::Filled || whole, "{order:?}");
        assert!(!whole || matches!(order.status, Status::Filled | Status::Cancelled), "{order:?}");
        let limit = order.order.kind.limit_price(order.order.side);
        let fair =
            |e: &VenueExecution| limit.is_none_or(|l| i64::from(e.side.sign()) * i64::from(e.price.0 - l.0) <= 0);
        // The limit of a limit order may have been changed since.
        assert!(!matches!(order.order.kind, Kind::StopLimit { .. }) || own().all(fair), "{order:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_books_balance_after_everything_that_happens(ops in ops()) {
        let mut book = Book::new();
        for op in &ops {
            book.run(op);
            book.audit();
        }
    }

    #[test]
    fn the_books_balance_with_sessions_and_margin(ops in ops()) {
        let mut book = Book::with(tight());
        for op in &ops {
            book.run(op);
            book.audit();
            let (equity, needed) = (book.venue.equity(), book.venue.margins().maintenance);
            let closing = book.venue.open_orders().any(|order| order.order.terms.liquidation);
            let market = matches!(op, Op::Quote(..) | Op::Trade(..));
            prop_assert!(!market || equity >= needed || closing, "equity {} below {}", equity, needed);
        }
    }

    /// Whatever the broker does: cash is what the present executions and settlements say, and a flat account is all cash.
    #[test]
    fn the_account_stays_whole_under_acts_of_the_broker(ops in ops_and_acts()) {
        let mut book = Book::new();
        for op in &ops {
            book.run(op);
            let position = book.venue.positions().find(|p| p.symbol == ES).expect("listed");
            let flat = position.quantity == 0;
            prop_assert!(!flat || (position.cost, position.basis) == (Money::ZERO, Money::ZERO), "{:?}", position);
            prop_assert!(!flat || book.venue.equity() == book.venue.cash());
            let serials: Vec<u32> = book.venue.executions().iter().map(|fill| fill.serial).collect();
            prop_assert!(serials.is_sorted_by(|a, b| a < b));
        }
    }

    #[test]
    fn the_same_input_gives_the_same_output(ops in ops()) {
        let (mut one, mut two) = (Book::with(tight()), Book::with(tight()));
        for op in &ops {
            prop_assert_eq!(one.run(op), two.run(op));
        }
        prop_assert_eq!(format!("{:?}", one.venue), format!("{:?}", two.venue));
    }

    /// A limit order at the touch gets what trades at its price leave over when the queue ahead is served.
    #[test]
    fn a_resting_order_waits_for_its_queue(
        queue in 0u32..40, quantity in 1u32..20, trades in prop::collection::vec((99i32..103, 0u32..12), 0..40),
    ) {
        let mut book = Book::new();
        book.run(&Op::Quote(Some(100), queue, Some(104), 5));
        let limit = order(1, Side::Buy, quantity, OrderKind::Limit(Price(100)));
        prop_assert!(book.venue.place(book.at, limit, &mut Vec::new()).is_ok());
        let (mut traded, mut through) = (0, false);
        for (price, size) in trades {
            book.run(&Op::Trade(price, size));
            traded += if price == 100 { size } else { 0 };
            through |= price < 100;
            let filled = book.venue.order_of(1, 1).map_or(0, |order| order.filled);
            let expected = if through { quantity } else { quantity.min(traded.saturating_sub(queue)) };
            prop_assert_eq!(filled, expected);
        }
        book.audit();
    }

    /// A bracket with an exit that joins it, on any path: what closes never exceeds what opened.
    #[test]
    fn a_bracket_never_closes_more_than_its_entry_filled(
        entry in prop_oneof![Just(OrderKind::Market), price().prop_map(|p| OrderKind::Limit(Price(p)))],
        quantity in 1u32..9,
        levels in (96i32..100, 101i32..105),
        exit_at in 0usize..40,
        cancel_at in 0usize..60,
        path in prop::collection::vec(market(), 1..60),
    ) {
        let mut book = Book::new();
        let mut out = Vec::new();
        let oca = Some(("g".to_owned(), OcaType::ReduceWithBlock));
        let child = |id, kind| NewOrder {
            parent_id: Some(1), oca: oca.clone(), transmit: id == 3, ..order(id, Side::Sell, quantity, kind)
        };
        let family = [
            NewOrder { transmit: false, ..order(1, Side::Buy, quantity, entry) },
            child(2, OrderKind::Stop(Price(levels.0))),
            child(3, OrderKind::Limit(Price(levels.1))),
        ];
        for order in family {
            prop_assert!(book.venue.place(book.at, order, &mut out).is_ok());
        }
        for (at, op) in path.iter().enumerate() {
            book.run(op);
            let position = book.venue.positions().map(|p| p.quantity).sum::<i64>();
            prop_assert!((0..=i64::from(quantity)).contains(&position), "position {}", position);
            if at == cancel_at && book.venue.order_of(1, 1).is_some_and(|o| o.status == Status::Submitted) {
                prop_assert!(book.venue.cancel(book.at, 1, 1, &mut out).is_ok());
            }
            if at == exit_at && position > 0 {
                let contracts = u32::try_from(position).expect("positive");
                let exit = NewOrder { oca: oca.clone(), ..order(4, Side::Sell, contracts, OrderKind::Market) };
                prop_assert!(book.venue.place(book.at, exit, &mut out).is_ok());
            }
            book.audit();
            let filled = |id| book.venue.order_of(1, id).map_or(0, |o| o.filled);
            prop_assert!(filled(2) + filled(3) + filled(4) <= filled(1));
        }
    }
}
