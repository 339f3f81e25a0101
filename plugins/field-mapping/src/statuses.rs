//! Sets of HTTP statuses, written `2xx` or `200,404,41x`.

use serde::{Deserialize, Deserializer, de};

/// What [`Statuses`] look like, for the JSON schema.
pub const PATTERN: &str = "^[1-5][0-9x]{2}(,[1-5][0-9x]{2})*$";

/// A set of statuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statuses(Vec<[u8; 3]>);

impl Statuses {
    /// Whether the status is one of these.
    pub fn contains(&self, status: u16) -> bool {
        let digits = status.to_string();
        self.0.iter().any(|pattern| {
            digits.len() == 3
                && pattern.iter().zip(digits.bytes()).all(|(wanted, digit)| *wanted == b'x' || *wanted == digit)
        })
    }

    fn parse(text: &str) -> Option<Self> {
        text.split(',').map(pattern).collect::<Option<Vec<_>>>().map(Self)
    }
}

/// A status in which `x` stands for any digit.
fn pattern(text: &str) -> Option<[u8; 3]> {
    let pattern: [u8; 3] = text.trim().as_bytes().try_into().ok()?;
    let is_valid = (b'1'..=b'5').contains(&pattern[0]) && pattern[1..].iter().all(|c| c.is_ascii_digit() || *c == b'x');
    is_valid.then_some(pattern)
}

impl Default for Statuses {
    fn default() -> Self {
        Self(vec![*b"2xx"])
    }
}

impl<'de> Deserialize<'de> for Statuses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| de::Error::custom(format!("{text:?} names no statuses: write `2xx` or `200,404`")))
    }
}
