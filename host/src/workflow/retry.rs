//! When to try again: pure, and the same for the same run, task and attempt.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::expr::Expression;
use crate::model::{Time, UniqueId};

/// Longest delay that a backoff grows to.
const BACKOFF_MAX: Duration = Duration::from_secs(3_600);
/// Delay of a policy that names none.
pub(super) const DELAY_DEFAULT: Duration = Duration::from_secs(1);
/// Retries of a policy that names no limit.
pub(super) const RETRIES_DEFAULT: u32 = 10;
/// Most retries that a policy may name.
pub(super) const RETRIES_MAX: u32 = 1_000;

/// A retry policy.
#[derive(Clone, Debug)]
pub(super) struct RetryPolicy {
    pub when: Option<Expression>,
    pub except_when: Option<Expression>,
    pub delay: Duration,
    pub backoff: Backoff,
    /// Retries after the first attempt.
    pub count: u32,
    /// From the first attempt on.
    pub total: Option<Duration>,
    /// Added to each delay: something between the two.
    pub jitter: Option<(Duration, Duration)>,
}

/// How delays grow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Backoff {
    Constant,
    /// By this much each time.
    Linear(Duration),
    /// By this factor each time.
    Exponential(f64),
}

/// The attempt that failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failed<'a> {
    pub run: UniqueId,
    pub reference: &'a str,
    /// 1 for the first.
    pub attempt: u32,
    pub first_at: Time,
    pub now: Time,
}

impl RetryPolicy {
    /// When the next attempt is due; `None` if there is none.
    pub(super) fn next(&self, failed: &Failed<'_>) -> Option<Time> {
        if failed.attempt > self.count {
            return None;
        }
        let due = failed.now.after(self.delay(failed.attempt).saturating_add(self.jitter(failed)));
        match self.total {
            Some(total) if due.since(failed.first_at) > total => None,
            _ => Some(due),
        }
    }

    /// The delay after attempt `attempt`, without jitter.
    fn delay(&self, attempt: u32) -> Duration {
        let grown = attempt.saturating_sub(1);
        let most = BACKOFF_MAX.max(self.delay);
        match self.backoff {
            Backoff::Constant => self.delay,
            Backoff::Linear(increment) => self.delay.saturating_add(increment.saturating_mul(grown)).min(most),
            Backoff::Exponential(factor) => {
                let factor = factor.powi(i32::try_from(grown).unwrap_or(i32::MAX));
                let millis = self.delay.as_millis() as f64 * factor;
                Duration::from_millis(millis.min(most.as_millis() as f64) as u64)
            }
        }
    }

    fn jitter(&self, failed: &Failed<'_>) -> Duration {
        let Some((from, to)) = self.jitter else { return Duration::ZERO };
        let span = u64::try_from(to.saturating_sub(from).as_millis()).unwrap_or(u64::MAX).saturating_add(1);
        let mut hash = Sha256::new();
        hash.update(failed.run.as_bytes());
        hash.update(failed.attempt.to_be_bytes());
        hash.update(failed.reference.as_bytes());
        let mut seed = [0; 8];
        seed.copy_from_slice(&hash.finalize()[..8]);
        from.saturating_add(Duration::from_millis(u64::from_be_bytes(seed) % span))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy(backoff: Backoff) -> RetryPolicy {
        let delay = Duration::from_secs(2);
        RetryPolicy { when: None, except_when: None, delay, backoff, count: 5, total: None, jitter: None }
    }

    fn delays(policy: &RetryPolicy) -> Vec<u64> {
        let run = UniqueId::from_bytes([7; 16]);
        let at =
            |attempt| Failed { run, reference: "/do/0/a", attempt, first_at: Time::default(), now: Time::default() };
        (1..=8).map_while(|attempt| policy.next(&at(attempt))).map(Time::as_millis).collect()
    }

    #[test]
    fn delays_grow_as_the_backoff_says_and_end_after_count_retries() {
        assert_eq!(delays(&policy(Backoff::Constant)), [2_000; 5]);
        assert_eq!(delays(&policy(Backoff::Linear(Duration::from_secs(2)))), [2_000, 4_000, 6_000, 8_000, 10_000]);
        assert_eq!(delays(&policy(Backoff::Exponential(2.0))), [2_000, 4_000, 8_000, 16_000, 32_000]);
    }

    #[test]
    fn a_total_limit_ends_retries_that_would_come_too_late() {
        let limited = RetryPolicy { total: Some(Duration::from_secs(10)), ..policy(Backoff::Exponential(2.0)) };
        assert_eq!(delays(&limited), [2_000, 4_000, 8_000]);
    }

    proptest! {
        #[test]
        fn delays_never_overflow_nor_pass_the_hour_and_jitter_stays_within_its_bounds(
            attempt in 1_u32..2_000, millis in 0_u64..20_000_000, factor in 1.0_f64..1e6, from in 0_u64..5_000, more in 0_u64..5_000,
        ) {
            let (low, high) = (Duration::from_millis(from), Duration::from_millis(from + more));
            let delay = Duration::from_millis(millis);
            let policy = RetryPolicy {
                delay, count: u32::MAX, jitter: Some((low, high)), ..policy(Backoff::Exponential(factor))
            };
            let failed = Failed {
                run: UniqueId::from_bytes([1; 16]), reference: "/do/0/a", attempt, first_at: Time::default(), now: Time::from_millis(1_000),
            };
            let due = policy.next(&failed).expect("there is no limit").since(Time::from_millis(1_000));
            prop_assert!(due >= delay.min(BACKOFF_MAX) + low && due <= delay.max(BACKOFF_MAX) + high, "{due:?}");
            prop_assert_eq!(policy.next(&failed), policy.next(&failed));
        }
    }
}
