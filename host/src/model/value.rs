//! Limits of JSON values.

use serde_json::Value;

/// Deepest nesting of a value that is kept: what holds it, such as a run, must be readable again (serde_json reads 127
/// levels).
pub const VALUE_DEPTH_MAX: usize = 96;

/// Whether `value` nests deeper than `max` arrays and objects.
pub fn nests_deeper(value: &Value, max: usize) -> bool {
    let deeper = |item: &Value| max.checked_sub(1).is_none_or(|rest| nests_deeper(item, rest));
    match value {
        Value::Array(items) => max == 0 || items.iter().any(deeper),
        Value::Object(members) => max == 0 || members.values().any(deeper),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn levels_are_counted_as_brackets() {
        assert!(!nests_deeper(&json!("text"), 0));
        assert!(nests_deeper(&json!([]), 0));
        assert!(!nests_deeper(&json!([]), 1));
        assert!(!nests_deeper(&json!([1, { "a": 1 }]), 2));
        assert!(nests_deeper(&json!([1, { "a": [] }]), 2));
    }
}
