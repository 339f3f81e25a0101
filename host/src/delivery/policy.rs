//! What is next after an attempt.

use std::time::Duration;

use super::retry_after::{self, RETRY_AFTER_MAX};
use crate::model::{DeliveryPolicy, ErrorClass, OnStuck, Time};

/// Least delay of the attempts that a blocking delivery makes beyond its list.
const BLOCKED_DELAY_MIN_S: u32 = 60;

/// What an attempt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// The receiver answered, and the answer was read to its end or cap.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The header `Retry-After`, if it came once.
        retry_after: Option<&'a str>,
    },
    /// It did not.
    Unanswered(ErrorClass),
}

impl Outcome<'_> {
    /// Only 2xx is success; 3xx is none, as redirects are not followed (Standard Webhooks, "Success and failure").
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Answered { status: 200..=299, .. })
    }
}

/// An attempt that is over.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The endpoint's policy.
    pub policy: &'a DeliveryPolicy,
    /// Which attempt of its delivery it was, from 1.
    pub number: u32,
    /// What it came to.
    pub outcome: Outcome<'a>,
    /// When it was over.
    pub now: Time,
    /// How many attempts at the endpoint failed in a row, of whichever deliveries: with it, if it failed.
    pub failures: u32,
    /// Chance, from 0 to 1.
    pub jitter: f64,
}

/// What is next for the delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is done.
    Delivered,
    /// It is due again then; held, if the endpoint is not active.
    RetryAt(Time),
    /// It has no attempts left.
    Failed,
}

/// What becomes of the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointEffect {
    /// Nothing.
    None,
    /// It is paused, if it is active: too many attempts failed in a row.
    Pause,
    /// It is disabled, unless it is already: the receiver said 410 Gone.
    Disable,
}

/// What is next after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// For the delivery.
    pub next: Next,
    /// For the endpoint.
    pub endpoint: EndpointEffect,
}

/// What is next after `attempt`.
///
/// - Every failure is tried again while the list of delays lasts, whatever its cause: what is wrong with a receiver
///   today may be mended tomorrow, and the pause keeps a dead one from being called in vain.
/// - `Retry-After` of any failed answer puts the next attempt off, but never brings it forward: else a receiver that
///   says "1" through an outage would use up the attempts within seconds.
/// - Every failure counts towards the pause, 429 and 503 with `Retry-After` among them: so many in a row pause the
///   endpoint, and nothing is lost by that, for what is due is held.
/// - A 410 disables the endpoint. Its delivery is not lost: it is held like the others.
pub fn decide(attempt: &Attempt<'_>) -> Decision {
    if attempt.outcome.is_success() {
        return Decision { next: Next::Delivered, endpoint: EndpointEffect::None };
    }
    let pause_after = attempt.policy.pause_after;
    let endpoint = match attempt.outcome {
        Outcome::Answered { status: 410, .. } => EndpointEffect::Disable,
        _ if pause_after > 0 && attempt.failures >= pause_after => EndpointEffect::Pause,
        _ => EndpointEffect::None,
    };
    let next = retry_delay(attempt).map_or(Next::Failed, |delay| Next::RetryAt(attempt.now.after(delay)));
    Decision { next, endpoint }
}

/// When the first attempt of a delivery is due whose event came at `since`.
pub fn first_attempt(policy: &DeliveryPolicy, since: Time, jitter: f64) -> Time {
    let delay_s = policy.retry_delays_s.first().copied().unwrap_or(0);
    since.after(jittered(delay_s, policy.jitter, jitter))
}

/// The delay before the next attempt, if there is one.
fn retry_delay(attempt: &Attempt<'_>) -> Option<Duration> {
    let policy = attempt.policy;
    let listed = usize::try_from(attempt.number).ok().and_then(|made| policy.retry_delays_s.get(made).copied());
    let delay_s = match policy.ordered.map(|ordered| ordered.on_stuck) {
        Some(OnStuck::SkipAfter(attempts)) if attempt.number >= attempts => return None,
        Some(OnStuck::Block) => {
            listed.unwrap_or_else(|| policy.retry_delays_s.last().copied().unwrap_or_default().max(BLOCKED_DELAY_MIN_S))
        }
        _ => listed?,
    };
    let delay = jittered(delay_s, policy.jitter, attempt.jitter);
    Some(asked_delay(attempt).map_or(delay, |asked| delay.max(asked)))
}

/// The delay that `Retry-After` asks for, drawn out by chance so that not all come back at the same moment.
fn asked_delay(attempt: &Attempt<'_>) -> Option<Duration> {
    let Outcome::Answered { retry_after: Some(header), .. } = attempt.outcome else { return None };
    let asked = retry_after::delay(header, attempt.now)?;
    let drawn_out = asked.mul_f64(1.0 + share(attempt.policy.jitter) * share(attempt.jitter));
    Some(drawn_out.min(RETRY_AFTER_MAX))
}

/// `delay_s`, more or less by up to `share_of_delay` of it; `chance` 0 is the least, 1 the most.
fn jittered(delay_s: u32, share_of_delay: f64, chance: f64) -> Duration {
    let factor = 1.0 + share(share_of_delay) * (2.0 * share(chance) - 1.0);
    Duration::from_secs(delay_s.into()).mul_f64(factor)
}

/// A number from 0 to 1; none is 0.
fn share(number: f64) -> f64 {
    if number.is_nan() { 0.0 } else { number.clamp(0.0, 1.0) }
}
