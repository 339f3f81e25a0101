//! What follows an attempt.

use std::time::Duration;

use super::*;
use crate::model::{DeliveryPolicy, ErrorClass, OnStuck, Ordered};

const NOW: Time = Time::from_millis(1_700_000_000_000);
/// Chance that leaves delays as they are.
const EVEN: f64 = 0.5;

fn answered(status: u16) -> Outcome<'static> {
    Outcome::Answered { status, retry_after: None }
}

fn attempt<'a>(policy: &'a DeliveryPolicy, number: u32, outcome: Outcome<'a>) -> Attempt<'a> {
    Attempt { policy, number, outcome, now: NOW, failures: 1, jitter: EVEN }
}

fn delay(decision: &Decision) -> Option<Duration> {
    match decision.next {
        Next::RetryAt(time) => Some(time.since(NOW)),
        Next::Delivered | Next::Failed => None,
    }
}

/// The delay after a first attempt that was answered so, at a list of 0 and 5 seconds and without chance, in ms.
fn after_header(status: u16, retry_after: &str) -> u128 {
    let policy = DeliveryPolicy { retry_delays_s: vec![0, 5], jitter: 0.0, ..Default::default() };
    let outcome = Outcome::Answered { status, retry_after: Some(retry_after) };
    delay(&decide(&attempt(&policy, 1, outcome))).expect("a retry").as_millis()
}

#[test]
fn only_2xx_is_success() {
    let policy = DeliveryPolicy::default();
    for status in [200, 201, 202, 204, 299] {
        let after_failures = Attempt { failures: 0, ..attempt(&policy, 10, answered(status)) };
        let expected = Decision { next: Next::Delivered, endpoint: EndpointEffect::None };
        assert_eq!(decide(&after_failures), expected, "{status}");
    }
    let classes = [
        ErrorClass::Connect,
        ErrorClass::Dns,
        ErrorClass::Tls,
        ErrorClass::Timeout,
        ErrorClass::RefusedAddress,
        ErrorClass::TooLarge,
        ErrorClass::Broken,
        ErrorClass::Unsendable,
    ];
    let statuses = [100, 199, 300, 301, 304, 307, 400, 401, 404, 408, 429, 500, 502, 503, 504, 599, 999];
    for outcome in statuses.map(answered).into_iter().chain(classes.map(Outcome::Unanswered)) {
        let decision = decide(&attempt(&policy, 1, outcome));
        assert_eq!(delay(&decision), Some(Duration::from_secs(5)), "{outcome:?}");
        assert_eq!(decision.endpoint, EndpointEffect::None, "{outcome:?}");
    }
}

#[test]
fn the_default_list_is_the_standard_s() {
    let policy = DeliveryPolicy::default();
    let mut total = first_attempt(&policy, NOW, EVEN).since(NOW);
    assert_eq!(total, Duration::ZERO);
    let mut attempts = 1;
    while let Some(next) = delay(&decide(&attempt(&policy, attempts, answered(500)))) {
        total += next;
        attempts += 1;
    }
    assert_eq!((attempts, total.as_secs()), (10, 75 * 3600 + 35 * 60 + 5));
}

#[test]
fn a_gone_receiver_is_disabled_and_its_delivery_held() {
    let policy = DeliveryPolicy { pause_after: 1, ..Default::default() };
    let decision = decide(&attempt(&policy, 1, answered(410)));
    assert_eq!(decision.endpoint, EndpointEffect::Disable);
    assert!(matches!(decision.next, Next::RetryAt(_)));
}

#[test]
fn failures_in_a_row_pause_the_endpoint() {
    let policy = DeliveryPolicy::default();
    for (failures, expected) in [(1, EndpointEffect::None), (9, EndpointEffect::None), (10, EndpointEffect::Pause)] {
        let decision = decide(&Attempt { failures, ..attempt(&policy, 1, answered(500)) });
        assert_eq!(decision.endpoint, expected, "{failures}");
    }
    let never = DeliveryPolicy { pause_after: 0, ..Default::default() };
    let decision = decide(&Attempt { failures: u32::MAX, ..attempt(&never, 1, answered(500)) });
    assert_eq!(decision.endpoint, EndpointEffect::None);
}

#[test]
fn a_throttled_attempt_counts_towards_the_pause_like_every_failure() {
    let policy = DeliveryPolicy::default();
    for (status, header) in [(429, Some("7")), (503, Some("7")), (429, None), (429, Some("soon")), (500, Some("7"))] {
        let outcome = Outcome::Answered { status, retry_after: header };
        for (failures, expected) in [(9, EndpointEffect::None), (10, EndpointEffect::Pause)] {
            let decision = decide(&Attempt { failures, ..attempt(&policy, 1, outcome) });
            assert_eq!(decision.endpoint, expected, "{status} {header:?}");
        }
    }
}

#[test]
fn retry_after_is_honoured_within_bounds() {
    const DAY: u128 = 86_400_000;
    // 2023-11-14 22:13:20 UTC is NOW.
    for (header, expected) in [
        ("7", 7_000),
        (" 120 ", 120_000),
        ("0", 5_000),
        ("1", 5_000),
        ("86400", DAY),
        ("86401", DAY),
        ("99999999999999999999999999", DAY),
        ("Tue, 14 Nov 2023 22:14:20 GMT", 60_000),
        ("Tuesday, 14-Nov-23 22:14:20 GMT", 60_000),
        ("Tue Nov 14 22:14:20 2023", 60_000),
        ("Wed, 15 Nov 2023 22:14:20 GMT", DAY),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 5_000),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 5_000),
        ("Sun Nov  6 08:49:37 1994", 5_000),
        ("Thu, 01 Jan 1920 00:00:00 GMT", 5_000),
        ("", 5_000),
        ("-1", 5_000),
        ("1.5", 5_000),
        ("7 seconds", 5_000),
        ("soon", 5_000),
    ] {
        for status in [429, 503, 500, 404, 302] {
            assert_eq!(after_header(status, header), expected, "{status} {header}");
        }
    }
}

#[test]
fn a_refused_receiver_is_not_asked_by_all_at_once() {
    let policy = DeliveryPolicy { retry_delays_s: vec![0, 0], jitter: 0.2, ..Default::default() };
    let outcome = Outcome::Answered { status: 429, retry_after: Some("100") };
    let at = |jitter| delay(&decide(&Attempt { jitter, ..attempt(&policy, 1, outcome) })).expect("a retry").as_secs();
    assert_eq!((at(0.0), at(0.5), at(1.0)), (100, 110, 120));
}

#[test]
fn chance_adds_or_takes_its_share() {
    let policy = DeliveryPolicy { retry_delays_s: vec![10, 100], jitter: 0.2, ..Default::default() };
    let at = |jitter| delay(&decide(&Attempt { jitter, ..attempt(&policy, 1, answered(500)) })).expect("a retry");
    assert_eq!([at(0.0), at(0.5), at(1.0)].map(|d| d.as_secs()), [80, 100, 120]);
    assert_eq!([at(-3.0), at(f64::NAN), at(7.0)].map(|d| d.as_secs()), [80, 80, 120]);
    assert_eq!(first_attempt(&policy, NOW, 0.0).since(NOW), Duration::from_secs(8));
}

fn ordered(on_stuck: OnStuck, delays: &[u32]) -> DeliveryPolicy {
    DeliveryPolicy { retry_delays_s: delays.to_vec(), ordered: Some(Ordered { on_stuck }), ..Default::default() }
}

#[test]
fn a_stuck_delivery_is_skipped_or_goes_on() {
    let skip = ordered(OnStuck::SkipAfter(2), &[0, 5, 60, 60]);
    assert_eq!(delay(&decide(&attempt(&skip, 1, answered(500)))), Some(Duration::from_secs(5)));
    assert_eq!(decide(&attempt(&skip, 2, answered(500))).next, Next::Failed);
    let block = ordered(OnStuck::Block, &[0, 5, 600]);
    assert_eq!(delay(&decide(&attempt(&block, 2, answered(500)))), Some(Duration::from_secs(600)));
    assert_eq!(delay(&decide(&attempt(&block, 3, answered(500)))), Some(Duration::from_secs(600)));
    assert_eq!(delay(&decide(&attempt(&block, u32::MAX, answered(500)))), Some(Duration::from_secs(600)));
    let hasty = ordered(OnStuck::Block, &[0]);
    assert_eq!(delay(&decide(&attempt(&hasty, 1, answered(500)))), Some(Duration::from_secs(60)));
}

fn a_policy() -> impl Strategy<Value = DeliveryPolicy> {
    let stuck = prop_oneof![
        Just(None),
        Just(Some(Ordered { on_stuck: OnStuck::Block })),
        (1..8_u32).prop_map(|n| Some(Ordered { on_stuck: OnStuck::SkipAfter(n) })),
    ];
    (proptest::collection::vec(0..700_000_u32, 1..8), 0.0..=0.5, 0..20_u32, stuck).prop_map(
        |(retry_delays_s, jitter, pause_after, ordered)| DeliveryPolicy {
            retry_delays_s,
            jitter,
            pause_after,
            ordered,
            ..Default::default()
        },
    )
}

fn an_outcome() -> impl Strategy<Value = (u16, Option<String>)> {
    let header = prop_oneof![
        "[0-9]{1,20}".prop_map(Some),
        "\\PC{0,30}".prop_map(Some),
        Just(Some("Tue, 14 Nov 2023 23:13:20 GMT".to_owned())),
        Just(None),
    ];
    (prop_oneof![300..600_u16, Just(429), Just(503)], header)
}

proptest! {
    #[test]
    fn no_retry_comes_sooner_than_the_list_allows_nor_for_ever_later(
        policy in a_policy(), number in 1..12_u32, outcome in an_outcome(), jitter in 0.0..=1.0,
    ) {
        let answer = Outcome::Answered { status: outcome.0, retry_after: outcome.1.as_deref() };
        let decision = decide(&Attempt { jitter, ..attempt(&policy, number, answer) });
        if let Some(delay) = delay(&decision) {
            let least = policy.retry_delays_s.iter().min().copied().expect("one");
            let most = policy.retry_delays_s.iter().max().copied().expect("one");
            prop_assert!(delay.as_secs_f64() + 0.001 >= f64::from(least) * (1.0 - policy.jitter));
            let bound = (f64::from(most.max(60)) * (1.0 + policy.jitter)).max(RETRY_AFTER_MAX.as_secs_f64());
            prop_assert!(delay.as_secs_f64() <= bound + 0.001);
            let unasked = decide(&Attempt { jitter, ..attempt(&policy, number, answered(outcome.0)) });
            prop_assert!(Some(delay) >= super::policies::delay(&unasked), "a header never brings it forward");
        }
    }

    #[test]
    fn attempts_come_to_an_end_in_order(
        policy in a_policy(), outcomes in proptest::collection::vec(an_outcome(), 40), jitter in 0.0..=1.0,
    ) {
        let mut now = first_attempt(&policy, NOW, jitter);
        let mut ended = None;
        for (number, (status, header)) in (1..).zip(&outcomes) {
            let outcome = Outcome::Answered { status: *status, retry_after: header.as_deref() };
            let decision = decide(&Attempt { policy: &policy, number, outcome, now, failures: number, jitter });
            match decision.next {
                Next::RetryAt(time) => {
                    prop_assert!(time >= now);
                    now = time;
                }
                Next::Failed => {
                    ended = Some(number);
                    break;
                }
                Next::Delivered => prop_assert!(false, "nothing succeeded"),
            }
        }
        let attempts = u32::try_from(policy.retry_delays_s.len()).expect("few");
        let expected = match policy.ordered.map(|ordered| ordered.on_stuck) {
            None => Some(attempts),
            Some(OnStuck::SkipAfter(n)) => Some(attempts.min(n)),
            Some(OnStuck::Block) => None,
        };
        prop_assert_eq!(ended, expected);
    }

    #[test]
    fn a_success_ends_it_whenever_it_comes(
        policy in a_policy(), number in any::<u32>(), status in 200..300_u16, failures in any::<u32>(),
    ) {
        let decision = decide(&Attempt { failures, ..attempt(&policy, number, answered(status)) });
        prop_assert_eq!(decision, Decision { next: Next::Delivered, endpoint: EndpointEffect::None });
    }
}
