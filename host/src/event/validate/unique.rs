//! `uniqueItems`, in time by the size of the array whatever is in it.
//!
//! The validator's own compares the hashes of items, and arrays of arrays can be made whose hashes are all the same:
//! a quarter of a megabyte of them would be compared one with another.

use std::collections::HashSet;

use jsonschema::paths::Location;
use jsonschema::{Keyword, ValidationError};
use serde_json::{Map, Number, Value};

/// The keyword with its value.
struct UniqueItems(bool);

impl<'i> Keyword<'i> for UniqueItems {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        if Keyword::is_valid(self, instance) {
            Ok(())
        } else {
            Err(ValidationError::custom("the value has items that are equal"))
        }
    }

    fn is_valid(&self, instance: &'i Value) -> bool {
        match instance {
            Value::Array(items) if self.0 && items.len() > 1 => are_unique(items),
            _ => true,
        }
    }
}

/// Makes the keyword for [`jsonschema::ValidationOptions::with_keyword`].
#[expect(clippy::unnecessary_wraps, reason = "the form of a factory")]
pub(super) fn unique_items<'a>(
    _: &'a Map<String, Value>,
    value: &'a Value,
    _: Location,
) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'a>> {
    Ok(Box::new(UniqueItems(value == &Value::Bool(true))))
}

fn are_unique(items: &[Value]) -> bool {
    let mut seen = HashSet::with_capacity(items.len());
    items.iter().all(|item| {
        let mut text = String::new();
        canonical(item, &mut text);
        seen.insert(text)
    })
}

/// Writes `value` so that equal values (JSON Schema Core §4.2.2) are written alike, and others are not.
fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Null => text.push('n'),
        Value::Bool(flag) => text.push(if *flag { 't' } else { 'f' }),
        Value::Number(number) => canonical_number(number, text),
        Value::String(string) => canonical_text(string, text),
        Value::Array(items) => {
            text.push('[');
            items.iter().for_each(|item| canonical(item, text));
            text.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| name.as_str());
            text.push('{');
            for (name, member) in members {
                canonical_text(name, text);
                canonical(member, text);
            }
            text.push('}');
        }
    }
}

/// With its length before it, nothing in a text can be taken for something after it.
fn canonical_text(string: &str, text: &mut String) {
    text.push_str(&string.len().to_string());
    text.push('"');
    text.push_str(string);
}

/// `1` and `1.0` are equal.
fn canonical_number(number: &Number, text: &mut String) {
    // Below 2^63, where a whole fraction is an integer exactly.
    let whole = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() < 9.2e18);
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
    let written = whole.map_or_else(|| number.to_string(), |float| (float as i64).to_string());
    text.push('#');
    text.push_str(&written);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_values_are_found_however_they_are_written() {
        for equal in [
            json!([1, 1.0]),
            json!([0, -0.0]),
            json!([{"a": 1, "b": [2]}, {"b": [2.0], "a": 1}]),
            json!(["a", 1, "a"]),
            json!([null, null]),
            json!([[], []]),
        ] {
            assert!(!are_unique(equal.as_array().expect("an array")), "{equal}");
        }
        for unique in [
            json!([1, "1", true, "true", null, "null", [1], {"1": 1}]),
            json!([[["a"], "b"], ["a", ["b"]], ["a", "b"], ["ab"], [["a", "b"]]]),
            json!([{"a": 1}, {"a": 2}, {"b": 1}, {"a": 1, "b": 1}, {}]),
            json!([1.5, 1, 2, u64::MAX, i64::MIN, 1e300, -1]),
            json!(["", "0\"", "1\"", [""], ["", ""]]),
        ] {
            assert!(are_unique(unique.as_array().expect("an array")), "{unique}");
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_comparing_each_with_each(
            items in prop::collection::vec(super::super::tests::json_values(), 0..6),
        ) {
            let pairs = || items.iter().enumerate().flat_map(|(n, a)| items[n + 1..].iter().map(move |b| (a, b)));
            let same = pairs().any(|(a, b)| a == b);
            // Numbers that are written differently are equal too: then, and only then, this finds more.
            let whole = |item: &Value| item.to_string().contains(".0");
            prop_assert!(are_unique(&items) != same || items.iter().any(whole), "{items:?}");
        }
    }
}
