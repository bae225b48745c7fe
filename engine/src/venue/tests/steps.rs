//! The player's contract: steps partition the source in order, reports come before the event that caused them.

use proptest::prelude::*;

use super::*;

fn at_ms(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

/// Steps as one line each: `1.400 trades 2`, `1.400 reports 2`.
fn lines<S: Iterator<Item = FeedEvent>>(player: &mut Player<S>, steps: usize) -> Vec<String> {
    std::iter::from_fn(|| player.step())
        .take(steps)
        .map(|(ts, step)| {
            let what = match &step {
                Step::Market(run) if matches!(run[0].event, MarketEvent::Trade(_)) => format!("trades {}", run.len()),
                Step::Market(run) => format!("quotes {}", run.len()),
                Step::Reports(reports) => format!("reports {}", reports.len()),
            };
            format!("{}.{:03} {what}", ts.secs(), ts.millis().rem_euclid(1000))
        })
        .collect()
}

#[test]
fn a_fill_is_seen_before_the_tick_that_caused_it() {
    let events = [
        trade(at_ms(1_000), 400, 1),
        trade(at_ms(1_100), 401, 1),
        trade(at_ms(1_200), 399, 1),
        trade(at_ms(1_300), 399, 1),
        trade(at_ms(2_000), 400, 1),
    ];
    let mut player = Player::new(events.into_iter(), venue());
    let now = player.now();
    player.venue_mut().place(now, order(1, Side::Buy, 1, OrderKind::Limit(Price(400))), &mut Vec::new()).unwrap();
    assert_eq!(player.peek_ts(), Some(at_ms(1_000)));
    let expected = ["1.100 trades 2", "1.200 reports 2", "1.300 trades 2", "2.000 trades 1"];
    assert_eq!(lines(&mut player, 9), expected);
    assert_eq!((player.step(), player.peek_ts(), player.now()), (None, None, at_ms(2_000)));
}

#[test]
fn an_order_withdrawn_in_time_does_not_fill() {
    let events = [trade(at_ms(1_000), 401, 1), trade(at_ms(1_100), 399, 1), trade(at_ms(1_200), 399, 1)];
    let mut player = Player::new(events.into_iter(), venue());
    player.venue_mut().place(at_ms(0), order(1, Side::Buy, 1, OrderKind::Limit(Price(400))), &mut Vec::new()).unwrap();
    assert_eq!(lines(&mut player, 1), ["1.000 trades 1"]);
    let now = player.now();
    player.venue_mut().cancel(now, 1, 1, &mut Vec::new()).unwrap();
    assert_eq!(lines(&mut player, 2), ["1.200 trades 2"]);
    assert_eq!(player.venue().executions().len(), 0);
}

#[test]
fn runs_end_at_the_second_the_kind_the_symbol_and_the_limit() {
    let of_nq = |event: FeedEvent| FeedEvent { symbol: NQ, ..event };
    let mut events = vec![
        trade(at_ms(1_000), 400, 1),
        quote(at_ms(1_000), Some(400), 1, Some(401), 1),
        of_nq(quote(at_ms(1_000), Some(400), 1, Some(401), 1)),
        of_nq(quote(at_ms(2_000), Some(400), 1, Some(401), 1)),
        of_nq(quote(at_ms(1_500), Some(400), 1, Some(401), 1)),
    ];
    events.extend((0..300).map(|i| trade(at_ms(3_000 + i), 400, 1)));
    let mut player = Player::new(events.into_iter(), venue());
    let expected = [
        "1.000 trades 1",
        "1.000 quotes 1",
        "1.000 quotes 1",
        "2.000 quotes 1",
        "2.000 quotes 1",
        "3.255 trades 256",
        "3.299 trades 44",
    ];
    assert_eq!(lines(&mut player, 9), expected);
}

#[test]
fn a_step_that_was_dealt_with_gives_its_buffer_back() {
    let events = (0..4).map(|i| trade(at_ms(i * 1_000), 400, 1));
    let mut player = Player::new(events, venue());
    let (_, step) = player.step().unwrap();
    let Step::Market(run) = &step else { panic!("no order, no report") };
    let buffer = run.as_ptr();
    player.recycle(step);
    let (_, step) = player.step().unwrap();
    assert!(matches!(step, Step::Market(run) if run.as_ptr() == buffer && run.len() == 1));
}

fn events() -> impl Strategy<Value = Vec<FeedEvent>> {
    let event = (95i32..105, 0u32..6, -300i64..700, prop::bool::weighted(0.2), prop::bool::weighted(0.7));
    prop::collection::vec(event, 1..120).prop_map(|drawn| {
        let mut ms = 10_000;
        let one = |(price, size, step, other, is_trade): (i32, u32, i64, bool, bool)| {
            ms += step;
            let quoted = || quote(at_ms(ms), Some(price), size, Some(price + 1), size);
            let event = if is_trade { trade(at_ms(ms), price, size) } else { quoted() };
            FeedEvent { symbol: if other { NQ } else { ES }, ..event }
        };
        drawn.into_iter().map(one).collect()
    })
}

fn orders() -> impl Strategy<Value = Vec<(usize, Side, OrderKind)>> {
    let kind = (0u8..3, 95i32..105).prop_map(|(kind, price)| match kind {
        0 => OrderKind::Market,
        1 => OrderKind::Limit(Price(price)),
        _ => OrderKind::Stop(Price(price)),
    });
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    prop::collection::vec((0usize..40, side, kind), 0..12)
}

/// Places the orders that are due before step number `step`.
fn place_due(venue: &mut Venue, now: Timestamp, step: usize, orders: &[(usize, Side, OrderKind)]) {
    for (id, (due, side, kind)) in (1..).zip(orders) {
        if *due == step {
            let new = NewOrder { client_id: id, ..order(id, *side, 2, *kind) };
            venue.place(now, new, &mut Vec::new()).unwrap();
        }
    }
}

/// The contract in its plainest form: try each event on a copy of the venue.
fn plain_steps(source: &[FeedEvent], orders: &[(usize, Side, OrderKind)]) -> Vec<(Timestamp, Step)> {
    let (mut venue, mut now, mut steps, mut at) = (venue(), Timestamp::MIN, Vec::new(), 0);
    let mut shown = false;
    while at < source.len() {
        place_due(&mut venue, now, steps.len(), orders);
        let mut run: Vec<FeedEvent> = Vec::new();
        while let Some(event) = source.get(at) {
            let same = |first: &FeedEvent| {
                let kinds = [first, event].map(|e| matches!(e.event, MarketEvent::Trade(_)));
                first.symbol == event.symbol
                    && kinds[0] == kinds[1]
                    && first.event.ts().secs() == event.event.ts().secs()
            };
            if run.len() == 256 || run.first().is_some_and(|first| !same(first)) {
                break;
            }
            let (mut after, mut reports) = (venue.clone(), Vec::new());
            if !shown {
                after.on_market(event, &mut reports);
            }
            if !reports.is_empty() && !run.is_empty() {
                break;
            }
            venue = after;
            now = now.max(event.event.ts());
            shown = !reports.is_empty();
            if shown {
                steps.push((now, Step::Reports(reports)));
                break;
            }
            run.push(*event);
            at += 1;
        }
        if !run.is_empty() {
            steps.push((now, Step::Market(run)));
        }
    }
    steps
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn steps_are_those_of_the_contract_and_partition_the_source(source in events(), orders in orders()) {
        let mut player = Player::new(source.iter().copied(), venue());
        let mut steps = Vec::new();
        loop {
            let (now, before) = (player.now(), player.peek_ts());
            place_due(player.venue_mut(), now, steps.len(), &orders);
            let Some((ts, step)) = player.step() else { break };
            prop_assert!(ts >= now && before.is_some_and(|before| before <= ts && before >= now));
            steps.push((ts, step));
        }
        let market = steps.iter().filter_map(|(_, step)| match step {
            Step::Market(run) => Some(run.iter().copied()),
            Step::Reports(_) => None,
        });
        prop_assert_eq!(market.flatten().collect::<Vec<_>>(), source.clone());
        prop_assert_eq!(steps, plain_steps(&source, &orders));
    }
}

#[test]
fn the_day_ends_at_four_in_chicago_before_any_later_event() {
    // 2024-06-12 15:59:59 and 17:00:01 in Chicago.
    let (before, after) = (Timestamp::from_secs(1_718_225_999), Timestamp::from_secs(1_718_229_601));
    let events = [trade(before, 400, 1), trade(after, 400, 1)];
    let mut player = Player::new(events.into_iter(), venue());
    let resting = order(1, Side::Buy, 1, OrderKind::Limit(Price(300)));
    player.venue_mut().place(before, resting, &mut Vec::new()).unwrap();
    assert_eq!(lines(&mut player, 1), ["1718225999.000 trades 1"]);
    let (at, step) = player.step().expect("the day ends");
    assert_eq!(at, Timestamp::from_secs(1_718_226_000));
    assert!(matches!(&step, Step::Reports(reports) if !reports.is_empty()));
    assert_eq!(player.venue().open_orders().count(), 0);
    assert_eq!(lines(&mut player, 2), ["1718229601.000 trades 1"]);
}

#[test]
fn a_position_is_settled_when_the_day_ends_and_not_when_the_market_goes_on() {
    // 2024-06-14, a Friday, 15:59:58 in Chicago, and the Sunday after.
    let (before, after) = (1_718_398_798, 1_718_575_200);
    let events = [(before, 400), (before + 1, 410), (after, 420)];
    let events = events.map(|(second, price)| trade(Timestamp::from_secs(second), price, 1));
    let mut player = Player::new(events.into_iter(), venue());
    assert_eq!(lines(&mut player, 1), ["1718398798.000 trades 1"]);
    let now = player.now();
    player.venue_mut().place(now, order(1, Side::Buy, 1, OrderKind::Market), &mut Vec::new()).unwrap();
    assert_eq!(lines(&mut player, 1), ["1718398799.000 trades 1"]);
    let cash = player.venue().cash();
    let end = Timestamp::from_secs(before + 2);
    assert_eq!(player.peek_ts(), Some(end));
    assert_eq!(player.step_until(end), Some((end, Step::Reports(Vec::new()))), "nothing but money moves");
    assert_eq!(player.venue().cash() - cash, Money::from_micros(125_000_000));
    assert_eq!(player.peek_ts(), Some(Timestamp::from_secs(after)), "the weekend's ends change nothing");
    assert_eq!(lines(&mut player, 2), ["1718575200.000 trades 1"]);
}

#[test]
fn a_market_played_by_a_clock_shows_nothing_before_its_time() {
    let events = [trade(at_ms(1_000), 400, 1), trade(at_ms(1_400), 400, 1), trade(at_ms(1_900), 400, 1)];
    let mut player = Player::new(events.into_iter(), venue());
    let run =
        player.step_until(at_ms(1_500)).map(|(at, step)| (at, matches!(step, Step::Market(run) if run.len() == 2)));
    assert_eq!(run, Some((at_ms(1_400), true)));
}
