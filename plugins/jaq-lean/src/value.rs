//! Between JSON and jaq's values.

use jaq_json::{Num, Val};
use serde_json::{Map, Number, Value};

/// How deep an output may nest: as deep as JSON text is read elsewhere.
pub const DEPTH_MAX: usize = 128;

/// A JSON value for jaq.
pub fn to_val(value: &Value) -> Val {
    match value {
        Value::Null => Val::Null,
        Value::Bool(bool) => Val::Bool(*bool),
        Value::Number(number) => Val::Num(to_num(number)),
        Value::String(text) => Val::utf8_str(text.clone().into_bytes()),
        Value::Array(values) => values.iter().map(to_val).collect(),
        Value::Object(members) => Val::obj(members.iter().map(|(name, value)| (key(name), to_val(value))).collect()),
    }
}

fn key(name: &str) -> Val {
    Val::utf8_str(name.to_owned().into_bytes())
}

fn to_num(number: &Number) -> Num {
    match (number.as_i64(), number.as_u64(), number.as_f64()) {
        (Some(integer), _, _) => Num::from_integral(integer),
        (None, Some(integer), _) => Num::from_integral(integer),
        (None, None, float) => Num::Float(float.unwrap_or(f64::NAN)),
    }
}

/// An output of jaq as JSON. What JSON lacks: NaN and infinity become null, byte strings become text (U+FFFD for what
/// is not UTF-8), keys that are no strings become their JSON text.
///
/// # Errors
/// The value nests deeper than [`DEPTH_MAX`].
pub fn from_val(value: &Val) -> Result<Value, String> {
    convert(value, 0)
}

fn convert(value: &Val, depth: usize) -> Result<Value, String> {
    if depth > DEPTH_MAX {
        return Err(format!("the output nests deeper than {DEPTH_MAX} levels"));
    }
    Ok(match value {
        Val::Null => Value::Null,
        Val::Bool(bool) => Value::Bool(*bool),
        Val::Num(number) => from_num(number),
        Val::BStr(bytes) | Val::TStr(bytes) => Value::String(String::from_utf8_lossy(bytes).into_owned()),
        Val::Arr(values) => {
            Value::Array(values.iter().map(|value| convert(value, depth + 1)).collect::<Result<_, _>>()?)
        }
        Val::Obj(members) => {
            let members = members.iter().map(|(name, value)| Ok((text_of(name), convert(value, depth + 1)?)));
            Value::Object(members.collect::<Result<Map<_, _>, String>>()?)
        }
    })
}

/// A key of an object.
fn text_of(key: &Val) -> String {
    match key {
        Val::BStr(bytes) | Val::TStr(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => other.to_string(),
    }
}

fn from_num(number: &Num) -> Value {
    match number {
        Num::Int(integer) => Value::from(*integer as i64),
        Num::Float(float) => Number::from_f64(*float).map_or(Value::Null, Value::Number),
        // serde_json reads what fits 64 bits as an integer, and the rest as a float.
        Num::BigInt(_) | Num::Dec(_) => serde_json::from_str(&number.to_string()).unwrap_or(Value::Null),
    }
}
