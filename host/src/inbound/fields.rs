//! Fields of a trigger without a mapping: from the payload to record fields.

use serde_json::Value;

use crate::model::Object;

/// The fields of a record when the trigger has no rules: the payload's members that are named like a field of the
/// source, nulls included. Other members are passed over; a payload that is no object has none.
pub fn same_named<'a>(payload: &Value, names: impl Iterator<Item = &'a str>) -> Object {
    let Some(members) = payload.as_object() else { return Object::new() };
    names.filter_map(|name| members.get(name).map(|value| (name.to_owned(), value.clone()))).collect()
}
