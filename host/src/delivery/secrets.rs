//! The secrets of endpoints: which of them sign, how one replaces another, and the one in envelopes.

use std::time::Duration;

use crate::model::{Redacted, SigningSecret, Time};

/// What an envelope secret begins with; hexadecimal digits follow.
pub const ENVELOPE_PREFIX: &str = "wh_";
/// How long a replaced secret signs next to the new one, unless said otherwise.
pub const OVERLAP_DEFAULT: Duration = Duration::from_secs(24 * 60 * 60);
/// How long it may do so at most.
pub const OVERLAP_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Most secrets that sign at the same time: each makes the header longer, and verifiers look at so many only.
pub const SIGNING_SECRETS_MAX: usize = 8;
/// Length of a generated envelope secret, in bytes.
const ENVELOPE_BYTES: usize = 32;
/// How many hexadecimal digits a given envelope secret may have: 64 to 512 bits.
const ENVELOPE_DIGITS: std::ops::RangeInclusive<usize> = 16..=128;

/// The secrets that sign at `now`, the newest first.
pub fn current_secrets(secrets: &[SigningSecret], now: Time) -> impl Iterator<Item = &SigningSecret> {
    secrets.iter().filter(move |secret| secret.until.is_none_or(|until| now < until))
}

/// `former` with `fresh` in front, which signs alone from `overlap` (at most [`OVERLAP_MAX`]) after `now` on. Those
/// that were replaced before keep their end, if it is sooner; those whose end has come, and the oldest beyond
/// [`SIGNING_SECRETS_MAX`], are gone.
pub fn rotated(former: &[SigningSecret], fresh: SigningSecret, overlap: Duration, now: Time) -> Vec<SigningSecret> {
    let end = now.after(overlap.min(OVERLAP_MAX));
    let ending = current_secrets(former, now).filter(|_| end > now).map(|secret| SigningSecret {
        until: Some(secret.until.map_or(end, |until| until.min(end))),
        ..secret.clone()
    });
    std::iter::once(SigningSecret { until: None, ..fresh }).chain(ending).take(SIGNING_SECRETS_MAX).collect()
}

/// A new envelope secret: `wh_` and 64 hexadecimal digits.
///
/// # Errors
/// The operating system has no randomness to give.
pub fn generate_envelope_secret() -> Result<Redacted, getrandom::Error> {
    let mut bytes = [0_u8; ENVELOPE_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(Redacted::new(format!("{ENVELOPE_PREFIX}{}", hex::encode(bytes))))
}

/// Why a given text is no envelope secret.
pub(super) fn envelope_problem(text: &str) -> Option<&'static str> {
    let digits = text.strip_prefix(ENVELOPE_PREFIX).unwrap_or_default();
    let fits = ENVELOPE_DIGITS.contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    (!fits).then_some("write wh_ and 16 to 128 hexadecimal digits")
}
