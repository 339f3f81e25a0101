//! Timestamps: a call that is too old may be one that somebody sends again.

use serde::Deserialize;

use crate::Stop;

/// How far the sender's clock may be off unless configured otherwise, in seconds.
pub const TOLERANCE_S: u64 = 300;
/// How far it may be off at most, in seconds: a day.
pub const TOLERANCE_S_MAX: u64 = 86_400;
/// Longest timestamp, in digits.
const DIGITS_MAX: usize = 15;

/// How far the sender's clock may be off, in seconds: 1 to 86400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u64")]
pub struct Tolerance(u64);

impl Default for Tolerance {
    fn default() -> Self {
        Self(TOLERANCE_S)
    }
}

impl TryFrom<u64> for Tolerance {
    type Error = String;

    fn try_from(seconds: u64) -> Result<Self, String> {
        match seconds {
            1..=TOLERANCE_S_MAX => Ok(Self(seconds)),
            other => Err(format!("tolerance_s must be 1 to {TOLERANCE_S_MAX}, it is {other}")),
        }
    }
}

/// The configuration of a verifier that has a tolerance and nothing else: `{"tolerance_s": 300}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timed {
    /// How far the sender's clock may be off.
    pub tolerance_s: Tolerance,
}

impl Tolerance {
    /// Checks a timestamp in seconds since the Unix epoch against `now`, in milliseconds.
    ///
    /// # Errors
    /// Refused, in a sentence: it is no number, too old, or in the future.
    pub fn check_seconds(self, text: &str, now: u64) -> Result<(), Stop> {
        self.check(number(text, "seconds")?, now)
    }

    /// Checks a timestamp in milliseconds since the Unix epoch against `now`, in milliseconds.
    ///
    /// # Errors
    /// Refused, in a sentence: it is no number, too old, or in the future.
    pub fn check_millis(self, text: &str, now: u64) -> Result<(), Stop> {
        self.check(number(text, "milliseconds")? / 1000, now)
    }

    fn check(self, seconds: u64, now: u64) -> Result<(), Stop> {
        let (now, most) = (now / 1000, self.0);
        let off = now.abs_diff(seconds);
        let what = match (off > most, seconds < now) {
            (false, _) => return Ok(()),
            (true, true) => "old: is the sender's clock right, or does somebody send an old call again?",
            (true, false) => "in the future: is the sender's clock right, and ours, and is it in the right unit?",
        };
        Err(Stop::Refused(format!("the timestamp may be {most} s off, it is {off} s {what}")))
    }
}

/// A number of at most 15 digits.
fn number(text: &str, unit: &str) -> Result<u64, Stop> {
    let digits = (1..=DIGITS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| digits);
    number.ok_or_else(|| Stop::Refused(format!("the timestamp is not a number of {unit} since 1970: send one")))
}
