//! Durations and sizes, for people.

use std::time::Duration;

/// Milliseconds, with microseconds as decimals.
pub(super) fn millis(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}

/// A duration as text: `0.02 ms`, `412 ms`.
pub(super) fn time(duration: Duration) -> String {
    let millis = millis(duration);
    if millis < 10.0 { format!("{millis:.2} ms") } else { format!("{millis:.0} ms") }
}

/// A number of bytes as text: `512 bytes`, `1.6 MiB`.
pub(super) fn size(bytes: usize) -> String {
    let of = |unit: usize| bytes as f64 / unit as f64;
    match bytes {
        0..=1023 => format!("{bytes} bytes"),
        1024..=1_048_575 => format!("{:.0} KiB", of(1 << 10)),
        _ => format!("{:.1} MiB", of(1 << 20)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_the_digits_that_count() {
        let times = [20, 9_994, 12_345].map(|micros| time(Duration::from_micros(micros)));
        assert_eq!(times, ["0.02 ms", "9.99 ms", "12 ms"]);
        assert_eq!([0, 1023, 65_536, 1_677_722].map(size), ["0 bytes", "1023 bytes", "64 KiB", "1.6 MiB"]);
    }
}
