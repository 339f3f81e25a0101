//! Changes: the next state of a record, computed from the stored one.

use serde_json::Value;

use super::value::{check_value, exact_number};
use super::{RECORD_BYTES_MAX, RecordError};
use crate::model::{FieldType, Object, Record, RecordChange, RecordExpect, RecordKey, Slug, Source, Time};

/// Most field names listed in an error message.
const KNOWN_NAMES_MAX: usize = 30;
/// Whole numbers up to here (2^53) have one text only, however they were written.
const EXACT_INTEGER_MAX: f64 = 9_007_199_254_740_992.0;

/// What a change is made to, and when.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The space of the source.
    pub space: &'a Slug,
    /// The source.
    pub source: &'a Source,
    /// The time of the change.
    pub now: Time,
}

/// The key that `fields` hold, or `addressed` if they hold none. A number key's text is canonical: `7`, also for
/// `7.0` and `"7"`.
///
/// # Errors
/// There is no key, its value makes no key, or the two differ.
pub fn key_of(source: &Source, fields: &Object, addressed: Option<&RecordKey>) -> Result<RecordKey, RecordError> {
    let field = || source.key.clone();
    let addressed = addressed.map(|key| canonical_key(source, &Value::from(key.as_str()))).transpose()?;
    match (fields.get(&source.key), addressed) {
        (Some(value), None) => canonical_key(source, value),
        (Some(value), Some(addressed)) => {
            let given = canonical_key(source, value)?;
            if given == addressed {
                return Ok(given);
            }
            let (given, addressed) = (given.into(), addressed.into());
            Err(RecordError::KeyMismatch { field: field(), given, addressed })
        }
        (None, Some(addressed)) => Ok(addressed),
        (None, None) => Err(RecordError::MissingField { field: field() }),
    }
}

/// A new record. `fields` hold its key.
///
/// # Errors
/// The record exists, or a field is unknown, missing or wrong.
pub fn insert(target: &Target<'_>, existing: Option<&Record>, fields: Object) -> Result<RecordChange, RecordError> {
    let key = key_of(target.source, &fields, None)?;
    match existing {
        Some(_) => Err(RecordError::Exists { key }),
        None => whole(target, None, key, fields),
    }
}

/// The record with the given fields changed and all others as they are.
///
/// # Errors
/// There is no such record, or a given field is unknown or wrong. Fields that are not given are not checked.
pub fn update(
    target: &Target<'_>,
    existing: Option<&Record>,
    key: &RecordKey,
    fields: Object,
) -> Result<RecordChange, RecordError> {
    let key = key_of(target.source, &fields, Some(key))?;
    let Some(existing) = existing else { return Err(RecordError::Missing { key }) };
    let mut merged = existing.fields.clone();
    merged.extend(checked(target.source, fields)?);
    change(target, Some(existing), key, merged)
}

/// An update if the record exists, else an insert. `fields` hold its key.
///
/// # Errors
/// As [`insert`] and [`update`], but for the record's being there or not.
pub fn upsert(target: &Target<'_>, existing: Option<&Record>, fields: Object) -> Result<RecordChange, RecordError> {
    let key = key_of(target.source, &fields, None)?;
    match existing {
        Some(_) => update(target, existing, &key, fields),
        None => whole(target, None, key, fields),
    }
}

/// The record with exactly the given fields, whether it exists or not.
///
/// # Errors
/// A field is unknown, missing or wrong.
pub fn replace(
    target: &Target<'_>,
    existing: Option<&Record>,
    key: &RecordKey,
    fields: Object,
) -> Result<RecordChange, RecordError> {
    let key = key_of(target.source, &fields, Some(key))?;
    whole(target, existing, key, fields)
}

/// A state given as a whole: every required field must be there.
fn whole(
    target: &Target<'_>,
    existing: Option<&Record>,
    key: RecordKey,
    mut fields: Object,
) -> Result<RecordChange, RecordError> {
    let source = target.source;
    fields.entry(source.key.clone()).or_insert_with(|| Value::from(key.as_str()));
    let fields = checked(source, fields)?;
    let missing = source.fields.iter().find(|(name, field)| field.required && !fields.contains_key(*name));
    if let Some((name, _)) = missing {
        return Err(RecordError::MissingField { field: name.clone() });
    }
    change(target, existing, key, fields)
}

/// Each field known and of its type.
fn checked(source: &Source, fields: Object) -> Result<Object, RecordError> {
    fields
        .into_iter()
        .map(|(name, value)| {
            let field = source.fields.get(&name).ok_or_else(|| unknown(source, &name))?;
            let value = check_value(&name, field, value)?;
            Ok((name, value))
        })
        .collect()
}

fn unknown(source: &Source, name: &str) -> RecordError {
    let names: Vec<_> = source.fields.keys().take(KNOWN_NAMES_MAX).map(String::as_str).collect();
    let more = if source.fields.len() > names.len() { ", …" } else { "" };
    RecordError::UnknownField { field: name.to_owned(), known: format!("{}{more}", names.join(", ")) }
}

fn change(
    target: &Target<'_>,
    existing: Option<&Record>,
    key: RecordKey,
    fields: Object,
) -> Result<RecordChange, RecordError> {
    let bytes = json_bytes(&fields);
    if bytes > RECORD_BYTES_MAX {
        return Err(RecordError::TooLarge { bytes });
    }
    let record = Record {
        source: target.source.id.clone(),
        key,
        fields,
        created_at: existing.map_or(target.now, |record| record.created_at),
        updated_at: target.now,
        revision: existing.map_or(1, |record| record.revision + 1),
    };
    let expect = existing.map_or(RecordExpect::Absent, |record| RecordExpect::At(record.revision));
    Ok(RecordChange { space: target.space.clone(), record, expect })
}

/// The length of the JSON of `fields`, without writing it.
fn json_bytes(fields: &Object) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    match serde_json::to_writer(&mut count, fields) {
        Ok(()) => count.0,
        Err(_) => usize::MAX, // JSON values with text keys always serialise
    }
}

fn canonical_key(source: &Source, value: &Value) -> Result<RecordKey, RecordError> {
    let bad = |reason: String| RecordError::BadKey { field: source.key.clone(), reason };
    let Some(field) = source.fields.get(&source.key) else {
        return Err(bad("the source does not define it".to_owned()));
    };
    let number = field.kind == FieldType::Number;
    let text = match value {
        Value::Null => return Err(RecordError::NullField { field: source.key.clone() }),
        Value::String(text) if number => {
            let number = exact_number(text).ok_or_else(|| bad(format!("{text:?} is no number")))?;
            canonical_number(&number)
        }
        Value::Number(value) if number => canonical_number(value),
        Value::String(text) => text.clone(),
        _ => {
            return Err(check_value(&source.key, field, value.clone())
                .err()
                .unwrap_or_else(|| bad("wrong type".into())));
        }
    };
    text.parse().map_err(|error: crate::model::InvalidId| bad(error.to_string()))
}

/// One text per number: `7` for 7, 7.0 and 7e0.
fn canonical_number(number: &serde_json::Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < EXACT_INTEGER_MAX => {
            format!("{}", if float == 0.0 { 0.0 } else { float })
        }
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests;
