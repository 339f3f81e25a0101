//! `Retry-After` (RFC 9110 §10.2.3): seconds, or a date of HTTP.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::{rfc2822, strtime};
use jiff::tz::TimeZone;

use crate::model::Time;

/// A receiver cannot be asked again sooner than this.
pub const RETRY_AFTER_MIN: Duration = Duration::from_secs(1);
/// A receiver cannot put an attempt off for longer than this.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// The obsolete dates that a recipient must understand (RFC 9110 §5.6.7): RFC 850's and `asctime`'s.
const OBSOLETE_DATES: [&str; 2] = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];

/// How long the header asks to wait, from `now` on, within [`RETRY_AFTER_MIN`] and [`RETRY_AFTER_MAX`]; `None` if it
/// is neither a number nor a date.
pub(super) fn delay(header: &str, now: Time) -> Option<Duration> {
    let header = header.trim();
    let asked = if !header.is_empty() && header.bytes().all(|b| b.is_ascii_digit()) {
        header.parse().map_or(Duration::MAX, Duration::from_secs)
    } else {
        date(header)?.since(now)
    };
    Some(asked.clamp(RETRY_AFTER_MIN, RETRY_AFTER_MAX))
}

/// A date of HTTP (RFC 9110 §5.6.7). One before 1970 is 1970.
fn date(text: &str) -> Option<Time> {
    let timestamp = rfc2822::DateTimeParser::new().parse_timestamp(text).ok().or_else(|| obsolete(text))?;
    Some(Time::from_millis(u64::try_from(timestamp.as_millisecond()).unwrap_or(0)))
}

fn obsolete(text: &str) -> Option<Timestamp> {
    OBSOLETE_DATES.iter().find_map(|format| {
        let date = strtime::parse(format, text).and_then(|parsed| parsed.to_datetime()).ok()?;
        Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
    })
}
