//! The flat form of an event: one object without objects and arrays in it, for forms, query strings and receivers
//! that read nothing deeper.
//!
//! - `object` is always `event`, `eventType` the type, `created` the time of the event in seconds since 1970, unless
//!   the data has a member `created` of its own.
//! - The members of the data stand next to them. What lies deeper has the names on the way joined by `_`, and
//!   elements of arrays their number from 0: `{"lead": {"tags": ["a"]}}` is `lead_tags_0`.
//! - An empty object or array is null. Data that is no object is the member `data`.
//! - A name that another value has already gets `_2`, `_3`, …, so nothing is lost.

use std::collections::HashMap;

use serde_json::Value;

use super::{BODY_BYTES_MAX, FormError};
use crate::model::{Event, Object};

/// The flat form of an event: strings, numbers, booleans and nulls only.
///
/// # Errors
/// Names and values together exceed [`BODY_BYTES_MAX`]: long names on the way repeat with every value below them.
pub fn flat_fields(event: &Event) -> Result<Object, FormError> {
    let mut flat = Flat::default();
    flat.put("object", "event".into())?;
    flat.put("eventType", event.kind.as_str().into())?;
    let mut path = String::new();
    match &event.data {
        Value::Object(members) => {
            for (name, value) in members {
                flat.walk(&mut path, name, value)?;
            }
        }
        other => flat.walk(&mut path, "data", other)?,
    }
    if event.data.get("created").is_none() {
        flat.put("created", (event.time.as_millis() / 1000).into())?;
    }
    Ok(flat.fields)
}

/// A flat value as text: null is empty.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[derive(Default)]
struct Flat {
    fields: Object,
    /// The number that a taken name gets next.
    next: HashMap<String, u32>,
    bytes: usize,
}

impl Flat {
    /// Puts what lies at `name` below `path`.
    fn walk(&mut self, path: &mut String, name: &str, value: &Value) -> Result<(), FormError> {
        let above = path.len();
        if above > 0 {
            path.push('_');
        }
        path.push_str(name);
        match value {
            Value::Object(members) if !members.is_empty() => {
                for (name, value) in members {
                    self.walk(path, name, value)?;
                }
            }
            Value::Array(values) if !values.is_empty() => {
                for (index, value) in values.iter().enumerate() {
                    self.walk(path, &index.to_string(), value)?;
                }
            }
            Value::Object(_) | Value::Array(_) => self.put(path, Value::Null)?,
            scalar => self.put(path, scalar.clone())?,
        }
        path.truncate(above);
        Ok(())
    }

    fn put(&mut self, name: &str, value: Value) -> Result<(), FormError> {
        self.bytes += name.len() + value.as_str().map_or(8, str::len);
        if self.bytes > BODY_BYTES_MAX {
            return Err(FormError::TooLarge { what: "body", limit: BODY_BYTES_MAX });
        }
        match self.fields.get(name) {
            None => {
                self.fields.insert(name.to_owned(), value);
            }
            Some(taken) if *taken == value => {}
            Some(_) => {
                let name = self.free_name(name);
                self.fields.insert(name, value);
            }
        }
        Ok(())
    }

    fn free_name(&mut self, name: &str) -> String {
        let number = self.next.entry(name.to_owned()).or_insert(2);
        loop {
            let free = format!("{name}_{number}");
            *number += 1;
            if !self.fields.contains_key(&free) {
                return free;
            }
        }
    }
}
