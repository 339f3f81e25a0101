//! The history of a run as bytes. The first task's input mostly is the run's: then it is not written again.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Result;
use crate::model::TaskEntry;

#[derive(Serialize, Deserialize)]
struct Stored {
    /// Places in `entries` of those whose input is the run's, null here.
    #[serde(rename = "s", default, skip_serializing_if = "Vec::is_empty")]
    same_input: Vec<usize>,
    #[serde(rename = "e")]
    entries: Vec<TaskEntry>,
}

/// Entries of a run with this input; nothing for none.
pub(super) fn encode(mut entries: Vec<TaskEntry>, input: &Value) -> Result<Vec<u8>> {
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    let mut same_input = Vec::new();
    for (place, entry) in entries.iter_mut().enumerate() {
        if !input.is_null() && entry.input == *input {
            entry.input = Value::Null;
            same_input.push(place);
        }
    }
    Ok(serde_json::to_vec(&Stored { same_input, entries })?)
}

/// The entries in `bytes`; `input` reads the run's input, if it is needed.
pub(super) fn decode(bytes: &[u8], input: impl FnOnce() -> Result<Value>) -> Result<Vec<TaskEntry>> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let Stored { same_input, mut entries } = serde_json::from_slice(bytes)?;
    if !same_input.is_empty() {
        let input = input()?;
        for place in same_input {
            if let Some(entry) = entries.get_mut(place) {
                entry.input = input.clone();
            }
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::contract;

    #[test]
    fn the_runs_input_is_written_once_and_read_back() {
        let input = json!({ "payload": "x".repeat(100) });
        let with = |input: &Value| TaskEntry { input: input.clone(), ..contract::entry("a", json!(1)) };
        let entries = vec![with(&json!(null)), with(&input), with(&json!({ "payload": "y" })), with(&input)];
        let bytes = encode(entries.clone(), &input).expect("encodes");
        assert!(!String::from_utf8_lossy(&bytes).contains("xxx"));
        assert_eq!(decode(&bytes, || Ok(input.clone())).expect("decodes"), entries);
    }

    #[test]
    fn a_null_input_and_no_entries_are_read_back() {
        let entries = vec![TaskEntry { input: Value::Null, ..contract::entry("a", json!(1)) }];
        let bytes = encode(entries.clone(), &Value::Null).expect("encodes");
        assert_eq!(decode(&bytes, || panic!("is not needed")).expect("decodes"), entries);
        assert_eq!(encode(Vec::new(), &Value::Null).expect("encodes"), b"");
        assert_eq!(decode(b"", || panic!("is not needed")).expect("decodes"), Vec::new());
    }
}
