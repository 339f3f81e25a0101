//! Field mapping: from the payload to record fields.

use serde_json::Value;

use super::InboundError;
use crate::model::Object;

/// A mapped field: its name, and the compiled expression that finds its value in the payload.
pub struct FieldRule<'a> {
    /// The field of the source.
    pub field: &'a str,
    /// The first output of the expression, or null if it has none; an error in words.
    pub evaluate: &'a (dyn Fn(&Value) -> Result<Value, String> + Sync),
}

/// The fields of a record, one per rule. A rule that yields null sets nothing: what a body does not hold, it does not
/// change.
///
/// # Errors
/// An expression failed; the first one is told.
pub fn map_fields(payload: &Value, rules: &[FieldRule<'_>]) -> Result<Object, InboundError> {
    let mut fields = Object::new();
    for rule in rules {
        let value = (rule.evaluate)(payload)
            .map_err(|reason| InboundError::MappingFailed { field: rule.field.to_owned(), reason })?;
        if !value.is_null() {
            fields.insert(rule.field.to_owned(), value);
        }
    }
    Ok(fields)
}

/// The fields of a record when the trigger has no rules: the payload's members that are named like a field of the
/// source, nulls included. Other members are passed over; a payload that is no object has none.
pub fn same_named<'a>(payload: &Value, names: impl Iterator<Item = &'a str>) -> Object {
    let Some(members) = payload.as_object() else { return Object::new() };
    names.filter_map(|name| members.get(name).map(|value| (name.to_owned(), value.clone()))).collect()
}
