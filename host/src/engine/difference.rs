//! How two JSON values differ, place by place.

use serde_json::Value;

/// Most differences told of one pair: people read them.
const DIFFERENCES_MAX: usize = 100;

/// One place where two values differ.
#[derive(Clone, Debug, PartialEq, serde::Serialize, utoipa::ToSchema)]
pub struct Difference {
    /// Where: a JSON pointer (RFC 6901); empty for the whole.
    pub path: String,
    /// What is there in the first; absent if nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What is there in the second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// The places where `before` and `after` differ, in the order of their paths; none if they are equal.
pub(super) fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(String::new(), Some(before), Some(after), &mut found);
    found
}

fn compare(path: String, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<Difference>) {
    if before == after || found.len() == DIFFERENCES_MAX {
        return;
    }
    match (before, after) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for name in names {
                let escaped = name.replace('~', "~0").replace('/', "~1");
                compare(format!("{path}/{escaped}"), old.get(name), new.get(name), found);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => {
            for index in 0..old.len().max(new.len()) {
                compare(format!("{path}/{index}"), old.get(index), new.get(index), found);
            }
        }
        _ => found.push(Difference { path, before: before.cloned(), after: after.cloned() }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_place_that_differs_is_named_once() {
        let before = json!({ "a": 1, "b": [1, { "c": "x" }], "d/e": null, "same": [1, 2] });
        let after = json!({ "b": [1, { "c": "y" }, 3], "d/e": 0, "same": [1, 2], "z~": true });
        let told: Vec<String> = differences(&before, &after)
            .into_iter()
            .map(|d| format!("{} {:?} {:?}", d.path, d.before.map(|v| v.to_string()), d.after.map(|v| v.to_string())))
            .collect();
        assert_eq!(
            told,
            [
                r#"/a Some("1") None"#,
                r#"/b/1/c Some("\"x\"") Some("\"y\"")"#,
                r#"/b/2 None Some("3")"#,
                r#"/d~1e Some("null") Some("0")"#,
                r#"/z~0 None Some("true")"#,
            ]
        );
        assert_eq!(differences(&before, &before), []);
        assert_eq!(differences(&json!(1), &json!([1]))[0].path, "");
        let (many, none) = (json!(vec![1; 500]), json!(vec![2; 500]));
        assert_eq!(differences(&many, &none).len(), DIFFERENCES_MAX);
    }
}
