//! Patterns over names of event types: one type, all below a prefix, or all.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::{EventName, InvalidId};

/// Which event types an endpoint takes: `lead.create` (this one), `lead.*` (all below `lead`, at any depth, but not
/// `lead` itself), or `*` (all).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Pattern {
    /// Every type.
    All,
    /// Every type whose name goes on after this one and a dot.
    Below(EventName),
    /// This type.
    One(EventName),
}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// A star stands where none may.
    #[error("{text:?} is no pattern of event types: a star stands alone, or at the end after a dot, as in \"lead.*\"")]
    Star {
        /// The text, cut to 130 characters.
        text: String,
    },
    /// What stands before the star, or the whole text, is no name.
    #[error(transparent)]
    Name(#[from] InvalidId),
}

impl Pattern {
    /// Whether the type `name` is among those it takes. `name` need not be valid: such a type is taken by `*` only,
    /// or by a pattern that it literally begins with.
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Below(prefix) => name
                .strip_prefix(prefix.as_str())
                .and_then(|rest| rest.strip_prefix('.'))
                .is_some_and(|rest| !rest.is_empty()),
            Self::One(one) => one.as_str() == name,
        }
    }
}

/// Whether one of `patterns` takes the type `name`.
pub fn any_matches(patterns: &[Pattern], name: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(name))
}

impl FromStr for Pattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        if text == "*" {
            return Ok(Self::All);
        }
        let (name, below) = text.strip_suffix(".*").map_or((text, false), |prefix| (prefix, true));
        if name.contains('*') {
            return Err(InvalidPattern::Star { text: text.chars().take(130).collect() });
        }
        let name = name.parse()?;
        Ok(if below { Self::Below(name) } else { Self::One(name) })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Below(prefix) => write!(f, "{prefix}.*"),
            Self::One(name) => fmt::Display::fmt(name, f),
        }
    }
}

impl TryFrom<String> for Pattern {
    type Error = InvalidPattern;
    fn try_from(text: String) -> Result<Self, InvalidPattern> {
        text.parse()
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.to_string()
    }
}

impl utoipa::PartialSchema for Pattern {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some(r"^(\*|[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*(\.\*)?)$"))
            .max_length(Some(130))
            .into()
    }
}

impl utoipa::ToSchema for Pattern {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> Pattern {
        text.parse().expect("a pattern")
    }

    #[test]
    fn a_pattern_takes_what_it_says() {
        for (text, taken, left) in [
            ("lead.create", &["lead.create"][..], &["lead", "lead.create.x", "lead.created", "Lead.create", ""][..]),
            ("lead.*", &["lead.create", "lead.status.update"], &["lead", "leads.create", "lead.", "a.lead.b", ""]),
            ("a.b.*", &["a.b.c", "a.b.c.d"], &["a.b", "a.bc", "a.c.b"]),
            ("*", &["a", "lead.create", ""], &[]),
        ] {
            for name in taken {
                assert!(pattern(text).matches(name), "{text} takes {name:?}");
            }
            for name in left {
                assert!(!pattern(text).matches(name), "{text} leaves {name:?}");
            }
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_the_reason() {
        let refusal = |text: &str| text.parse::<Pattern>().expect_err(text).to_string();
        for text in ["**", "*.create", "lead.*.update", "lead*", "l*.x", "*.*", "lead.**", ".**"] {
            assert!(refusal(text).contains("a star stands alone"), "{text}: {}", refusal(text));
        }
        for text in ["", ".", "lead.", ".*", "a..*", "lead create", "lead-create", "lead..create.*", &"x".repeat(129)] {
            assert!(refusal(text).contains("use 1 to 128 letters"), "{text}: {}", refusal(text));
        }
    }

    #[test]
    fn one_of_several_is_enough() {
        let patterns = [pattern("lead.*"), pattern("call_missed")];
        assert!(any_matches(&patterns, "call_missed"));
        assert!(!any_matches(&patterns, "call_ringing"));
        assert!(!any_matches(&[], "call_missed"));
    }

    /// Says the same part by part.
    fn naive(pattern: &str, name: &str) -> bool {
        let (pattern, name): (Vec<_>, Vec<_>) = (pattern.split('.').collect(), name.split('.').collect());
        match pattern.split_last() {
            Some((&"*", prefix)) => {
                name.len() > prefix.len() && prefix.iter().zip(&name).all(|(part, other)| part == other)
            }
            _ => pattern == name,
        }
    }

    fn names() -> impl Strategy<Value = String> {
        prop::collection::vec(prop::sample::select(vec!["a", "b", "ab", "A", "_", "1"]), 1..5)
            .prop_map(|parts| parts.join("."))
    }

    proptest! {
        #[test]
        fn matching_agrees_with_the_naive_way(prefix in names(), name in names(), form in 0..3) {
            let text = match form {
                0 => prefix,
                1 => format!("{prefix}.*"),
                _ => "*".to_owned(),
            };
            prop_assert_eq!(pattern(&text).matches(&name), naive(&text, &name), "{} {}", text, name);
        }

        #[test]
        fn a_pattern_reads_back_from_its_text(text in "[a*.]{0,8}|[ -~]{0,12}") {
            if let Ok(pattern) = text.parse::<Pattern>() {
                prop_assert_eq!(pattern.to_string(), text);
            }
        }
    }
}
