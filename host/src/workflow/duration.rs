//! Durations: ISO 8601 with fixed lengths (weeks, days, hours, minutes, seconds).

use std::time::Duration;

/// Longest duration: ten years.
pub(super) const DURATION_MAX: Duration = Duration::from_secs(10 * 366 * 86_400);
const MILLIS_PER: [(char, bool, u64); 5] = [
    ('W', false, 7 * 86_400_000),
    ('D', false, 86_400_000),
    ('H', true, 3_600_000),
    ('M', true, 60_000),
    ('S', true, 1_000),
];

/// Reads an ISO 8601 duration such as `P1DT2H` or `PT0.5S`. Years and months have no fixed length and are refused.
pub(super) fn parse_iso(text: &str) -> Result<Duration, String> {
    let refuse = |why: &str| Err(format!("{text:?} is no duration: {why}; write for example PT15M or P1DT12H"));
    let Some(mut rest) = text.strip_prefix('P') else { return refuse("it must begin with P") };
    let (mut in_time, mut least, mut millis) = (false, 0, 0_f64);
    if rest.is_empty() || rest.ends_with('T') {
        return refuse("a number and a unit are missing");
    }
    while !rest.is_empty() {
        if let (false, Some(time)) = (in_time, rest.strip_prefix('T')) {
            (in_time, rest) = (true, time);
            continue;
        }
        let Some(end) = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')) else {
            return refuse("a unit is missing");
        };
        let (number, tail) = rest.split_at(end);
        let mut chars = tail.chars();
        let unit = chars.next().unwrap_or(' ');
        let Some(at) = MILLIS_PER.iter().position(|(name, time, _)| *name == unit && *time == in_time) else {
            return refuse(match unit {
                'Y' | 'M' => "years and months have no fixed length",
                _ => "its units are W, D, and after a T: H, M, S",
            });
        };
        let Ok(number) = number.parse::<f64>() else { return refuse("a number is missing") };
        if at < least || (at + 1 < MILLIS_PER.len() && number.fract() != 0.0) {
            return refuse("units must go from large to small, and only seconds may have a fraction");
        }
        least = at + 1;
        millis += number * MILLIS_PER[at].2 as f64;
        rest = chars.as_str();
    }
    limited(millis)
}

/// A duration of `millis` milliseconds, if it is not too long.
pub(super) fn limited(millis: f64) -> Result<Duration, String> {
    if millis > DURATION_MAX.as_millis() as f64 {
        return Err("longer than ten years; choose a shorter time".to_owned());
    }
    Ok(Duration::from_millis(millis.max(0.0).round() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_durations_are_read_exactly() {
        for (text, millis) in [
            ("PT15M", 900_000),
            ("P1DT12H", 129_600_000),
            ("P2W", 1_209_600_000),
            ("PT0.5S", 500),
            ("PT1H30M10.25S", 5_410_250),
            ("PT0S", 0),
        ] {
            assert_eq!(parse_iso(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_has_no_fixed_length_or_no_sense_is_refused() {
        for text in [
            "", "P", "PT", "P1Y", "P1M", "1H", "PT1", "PTS", "P1H", "PT1D", "PT1S1M", "PT1.5H", "P1DT", "P99999W",
            "-PT1S", "PT1.1.1S",
        ] {
            assert!(parse_iso(text).is_err(), "{text}");
        }
    }
}
