//! The context that templates see.

use serde_json::Value;

use crate::model::{Object, Record};

/// The root context of a template: the members of `data`, if it is an object; `data` itself; and `record`, if there
/// is one: `record` here, else the member `record` of `data`. A record (an object with `key` and `fields`) also has
/// its fields as members, so `{{ record.first_name }}` is `{{ record.fields.first_name }}`. A field wins over the
/// record's own member of the same name, such as `version`; a field named `fields` is at `record.fields.fields` only.
pub fn root_context(data: &Value, record: Option<&Record>) -> Object {
    let mut root = data.as_object().cloned().unwrap_or_default();
    root.insert("data".to_owned(), data.clone());
    if let Some(record) = record {
        root.insert("record".to_owned(), record_value(record));
    }
    if let Some(Value::Object(record)) = root.get_mut("record") {
        hoist_fields(record);
    }
    root
}

fn record_value(record: &Record) -> Value {
    // A record has text keys only, so it always serialises.
    serde_json::to_value(record).unwrap_or_default()
}

fn hoist_fields(record: &mut Object) {
    if !record.contains_key("key") {
        return;
    }
    let Some(Value::Object(fields)) = record.get("fields") else { return };
    let fields = fields.clone();
    record.extend(fields.into_iter().filter(|(name, _)| name != "fields"));
}
