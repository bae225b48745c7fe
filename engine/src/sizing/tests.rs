//! Sizes at their borders, and against exact products: never a contract too many, never fewer with more equity.

use proptest::prelude::*;

use super::*;

fn dollars(amount: i64) -> Money {
    Money::from_micros(amount * 1_000_000)
}

fn millionths(number: u32) -> Factor {
    Factor::from_millionths(number)
}

/// ES at 5,000 points, a stop 24 ticks away, 100,000 of equity.
fn es() -> Case {
    Case {
        equity: Some(dollars(100_000)),
        share: Factor::ONE,
        price: Some(Price(20_000)),
        tick_value: Money::from_micros(12_500_000),
        stop_ticks: Some(24),
        atr: Some(AtrTicks(8_000_000)),
        trades: Trades { wins: 60, losses: 40, profit: dollars(12_000), loss: dollars(4_000) },
    }
}

fn one(method: Method) -> Size {
    Size { parts: vec![Part { method, max: None }] }
}

fn contracts(method: Method, case: &Case) -> u32 {
    one(method).contracts(case).contracts
}

const RISK: Method = Method::RiskPerTrade { fraction: Factor::from_millionths(5_000) };
const KELLY: Kelly = Kelly { fraction: Factor::ONE, cap: Factor::ONE, trades_min: 100, contracts_before: 1 };

#[test]
fn each_method_is_its_formula_rounded_down() {
    let fixed_fractional = Method::FixedFractional { fraction: millionths(5_000_000) };
    let volatility =
        Method::VolatilityTarget { fraction: millionths(10_000), period: 14, multiple: millionths(2_000_000) };
    let margin = Method::Margin { fraction: millionths(600_000), per_contract: dollars(25_300) };
    assert_eq!(contracts(Method::Fixed(7), &es()), 7);
    assert_eq!(contracts(fixed_fractional, &es()), 2, "5 x 100,000 by 250,000");
    assert_eq!(contracts(volatility, &es()), 5, "1,000 by 2 x 8 ticks of 12.50");
    assert_eq!(contracts(RISK, &es()), 1, "500 by 24 ticks of 12.50");
    assert_eq!(contracts(margin, &es()), 2, "60,000 by 25,300");
    // W = 0.6, R = 200 / 100 = 2: f = 0.6 - 0.4 / 2 = 0.4.
    assert_eq!(contracts(Method::Kelly(KELLY), &es()), 133, "0.4 x 100,000 by 300");
}

#[test]
fn a_millionth_too_little_is_a_contract_less() {
    let case = |equity: i64| Case { equity: Some(Money::from_micros(equity)), ..es() };
    assert_eq!(contracts(RISK, &case(120_000_000_000)), 2, "600 by 300, exactly");
    assert_eq!(contracts(RISK, &case(119_999_999_999)), 1);
    let margin = Method::Margin { fraction: Factor::ONE, per_contract: dollars(10) };
    assert_eq!(contracts(margin, &case(30_000_000)), 3);
    assert_eq!(contracts(margin, &case(29_999_999)), 2);
}

#[test]
fn kelly_is_capped_scaled_and_waits_for_trades() {
    let kelly = |change: fn(&mut Kelly)| {
        let mut kelly = KELLY;
        change(&mut kelly);
        Method::Kelly(kelly)
    };
    assert_eq!(contracts(kelly(|k| k.fraction = Factor::from_millionths(500_000)), &es()), 66, "half of it");
    let cap = kelly(|k| k.cap = Factor::from_millionths(20_000));
    assert_eq!(contracts(cap, &es()), 6, "2 % by 300");
    let doubled = Case { share: millionths(2_000_000), ..es() };
    assert_eq!(contracts(cap, &doubled), 6, "the cap is over the share as well");
    assert_eq!(contracts(kelly(|k| k.fraction = Factor::from_millionths(100_000)), &doubled), 26);
    let few = Case { trades: Trades { losses: 39, ..es().trades }, ..es() };
    assert_eq!(contracts(Method::Kelly(KELLY), &few), 1, "99 trades say nothing yet");
    for (profit, loss) in [(4_000, 4_000), (4_000, 4_001), (0, 10)] {
        let case = Case { trades: Trades { profit: dollars(profit), loss: dollars(loss), ..es().trades }, ..es() };
        assert_eq!(contracts(Method::Kelly(KELLY), &case), 0, "no edge in {profit} : {loss}");
    }
    let spotless = Case { trades: Trades { wins: 100, losses: 0, profit: dollars(1), loss: Money::ZERO }, ..es() };
    assert_eq!(contracts(cap, &spotless), 6, "who never lost bets everything, up to the cap");
}

#[test]
fn what_is_missing_or_absurd_makes_no_order_and_says_why() {
    let atr = Method::VolatilityTarget { fraction: millionths(10_000), period: 14, multiple: Factor::ONE };
    let value = Method::FixedFractional { fraction: Factor::ONE };
    let cases = [
        (RISK, Case { equity: None, ..es() }, "risk_per_trade 0 (equity is not known)"),
        (RISK, Case { equity: Some(Money::ZERO), ..es() }, "risk_per_trade 0 (equity is 0.00)"),
        (RISK, Case { equity: Some(dollars(-1)), ..es() }, "risk_per_trade 0 (equity is -1.00)"),
        (RISK, Case { stop_ticks: None, ..es() }, "risk_per_trade 0 (the distance to the stop is not known)"),
        (RISK, Case { stop_ticks: Some(0), ..es() }, "risk_per_trade 0 (the stop is 0 ticks away)"),
        (RISK, Case { stop_ticks: Some(-3), ..es() }, "risk_per_trade 0 (the stop is -3 ticks away)"),
        (RISK, Case { stop_ticks: Some(i64::MAX), ..es() }, "risk_per_trade 0 (the stop is out of range)"),
        (
            RISK,
            Case { share: Factor::ZERO, ..es() },
            "risk_per_trade 0 (0.005 x share 0 of 100000.00 by 300.00 at the stop is less than one contract)",
        ),
        (atr, Case { atr: None, ..es() }, "volatility_target 0 (too few bars for the average true range)"),
        (atr, Case { atr: Some(AtrTicks(0)), ..es() }, "volatility_target 0 (1 x ATR of 0 ticks is not positive (0))"),
        (value, Case { price: None, ..es() }, "fixed_fractional 0 (the price is not known)"),
        (
            value,
            Case { price: Some(Price(-100)), ..es() },
            "fixed_fractional 0 (the contract's value is not positive (-1250000000))",
        ),
        (value, es(), "fixed_fractional 0 (1 of 100000.00 by the contract's value is less than one contract)"),
    ];
    for (method, case, why) in cases {
        assert_eq!(one(method).contracts(&case), Sized { contracts: 0, why: why.to_owned() });
    }
}

#[test]
fn of_several_methods_the_smallest_answer_counts_and_each_is_told() {
    let size = Size {
        parts: vec![
            Part { method: Method::RiskPerTrade { fraction: millionths(50_000) }, max: Some(4) },
            Part { method: Method::Margin { fraction: Factor::ONE, per_contract: dollars(25_300) }, max: None },
        ],
    };
    assert_eq!(size.most(), Some(4));
    let told = size.contracts(&es());
    assert_eq!(told.contracts, 3);
    assert_eq!(
        told.why,
        "risk_per_trade 4, its most (16: 0.05 of 100000.00 by 300.00 at the stop); margin 3 (1 of 100000.00 by 25300.00 margin)"
    );
    let case = Case { stop_ticks: None, ..es() };
    assert_eq!(size.contracts(&case).contracts, 0, "one that cannot say stops all");
    assert_eq!(Size { parts: Vec::new() }.contracts(&es()).contracts, 0);
}

fn any_case() -> impl Strategy<Value = Case> {
    let amount = || 0_i64..2_000_000_000_000_000;
    (amount(), 0_u32..10_000_000, 1_i32..40_000_000, 1_i64..1_000_000_000, 1_i64..100_000, 1_i64..100_000_000_000)
        .prop_flat_map(move |(equity, share, price, tick, stop, atr)| {
            (0_u32..5_000, 0_u32..5_000, amount(), amount()).prop_map(move |(wins, losses, profit, loss)| Case {
                equity: Some(Money::from_micros(equity)),
                share: millionths(share),
                price: Some(Price(price)),
                tick_value: Money::from_micros(tick),
                stop_ticks: Some(stop),
                atr: Some(AtrTicks(atr)),
                trades: Trades { wins, losses, profit: Money::from_micros(profit), loss: Money::from_micros(loss) },
            })
        })
}

fn any_method() -> impl Strategy<Value = Method> {
    (0_usize..5, 1_u32..50_000_000, 1_u32..100_000_000, 1_i64..100_000_000_000).prop_map(|(n, f, multiple, per)| {
        let fraction = millionths(f);
        match n {
            0 => Method::FixedFractional { fraction },
            1 => Method::VolatilityTarget { fraction, period: 14, multiple: millionths(multiple) },
            2 => Method::Kelly(Kelly { fraction, cap: millionths(multiple), trades_min: 0, contracts_before: 0 }),
            3 => Method::RiskPerTrade { fraction },
            _ => Method::Margin { fraction, per_contract: Money::from_micros(per) },
        }
    })
}

/// Little-endian digits of base 2^32: products without an end.
fn big(factors: &[u128]) -> Vec<u64> {
    factors.iter().fold(vec![1], |digits, factor| {
        let mut sum = vec![0_u64; digits.len() + 5];
        for (place, part) in
            [factor & 0xffff_ffff, factor >> 32 & 0xffff_ffff, factor >> 64 & 0xffff_ffff, factor >> 96]
                .into_iter()
                .enumerate()
        {
            let mut carry = 0_u128;
            for (at, digit) in digits.iter().chain([0, 0, 0, 0].iter()).enumerate() {
                let Some(slot) = sum.get_mut(at + place) else { continue };
                let total = u128::from(*slot) + u128::from(*digit) * part + carry;
                *slot = (total & 0xffff_ffff) as u64;
                carry = total >> 32;
            }
        }
        sum
    })
}

fn is_at_most(mut a: Vec<u64>, mut b: Vec<u64>) -> bool {
    let longer = a.len().max(b.len());
    a.resize(longer, 0);
    b.resize(longer, 0);
    a.iter().rev().le(b.iter().rev())
}

/// `(above, below)` as factors: the exact answer is their quotient.
fn exact(method: Method, case: &Case) -> (Vec<u128>, Vec<u128>) {
    let money = |amount: Money| amount.micros().unsigned_abs().into();
    let part = |fraction: Factor| fraction.millionths().unsigned_abs();
    let (equity, tick) = (money(case.equity.expect("given")), money(case.tick_value));
    let stop = u128::from(case.stop_ticks.expect("given").unsigned_abs());
    const M: u128 = 1_000_000;
    match method {
        Method::Fixed(contracts) => (vec![contracts.into()], vec![1]),
        Method::FixedFractional { fraction } => {
            let price = case.price.expect("given").0.unsigned_abs().into();
            (vec![equity, part(fraction), part(case.share)], vec![tick, price, M, M])
        }
        Method::RiskPerTrade { fraction } => (vec![equity, part(fraction), part(case.share)], vec![tick, stop, M, M]),
        Method::Margin { fraction, per_contract } => {
            (vec![equity, part(fraction), part(case.share)], vec![money(per_contract), M, M])
        }
        Method::VolatilityTarget { fraction, multiple, .. } => {
            let atr = case.atr.expect("given").0.unsigned_abs().into();
            (vec![equity, part(fraction), part(case.share)], vec![tick, atr, part(multiple)])
        }
        Method::Kelly(kelly) => {
            let t = &case.trades;
            let all = u128::from(t.wins) + u128::from(t.losses);
            let edge = t.profit.micros().saturating_sub(t.loss.micros()).max(0).unsigned_abs().into();
            let above = vec![equity, part(kelly.fraction), part(case.share), t.wins.into(), edge];
            (above, vec![tick, stop, all.max(1), money(t.profit).max(1), M, M])
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_size_is_never_above_the_exact_quotient(case in any_case(), method in any_method()) {
        let found = u128::from(contracts(method, &case));
        let (above, below) = exact(method, &case);
        let times = |n: u128| big(&[&[n], below.as_slice()].concat());
        prop_assert!(is_at_most(times(found), big(&above)), "{found} contracts are too many");
        // Kelly's fraction is rounded down before it is used, and capped: it may be less.
        let exact = !matches!(method, Method::Kelly(_)) && found < u128::from(u32::MAX);
        if exact {
            prop_assert!(!is_at_most(times(found + 1), big(&above)), "one more than {found} would do");
        }
    }

    #[test]
    fn more_equity_never_means_fewer_contracts(case in any_case(), method in any_method(), more in 0_i64..1_000_000_000_000) {
        let richer = Case { equity: case.equity.map(|e| e + Money::from_micros(more)), ..case };
        prop_assert!(contracts(method, &richer) >= contracts(method, &case));
    }
}
