//! The cheap functions of jq that bounded expressions may call. Each pays for what it walks and makes.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::meter::Meter;
use super::number::{self, Num};
use super::ops;
use super::run::{Stop, short};
use super::sorting;

type Made = Result<Value, Stop>;

/// Functions of the input alone.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unary {
    Length,
    Utf8ByteLength,
    Keys,
    KeysUnsorted,
    Type,
    ToString,
    ToJson,
    ToNumber,
    AsciiDowncase,
    AsciiUpcase,
    Trim,
    LeftTrim,
    RightTrim,
    Floor,
    Ceil,
    Round,
    Abs,
    Add,
    Reverse,
    Sort,
    Unique,
    Min,
    Max,
    ToEntries,
    FromEntries,
}

/// Functions of the input and one argument.
#[derive(Clone, Copy, Debug)]
pub(super) enum Binary {
    Has,
    Contains,
    Inside,
    StartsWith,
    EndsWith,
    LeftTrimStr,
    RightTrimStr,
    Split,
    Join,
}

impl Unary {
    /// By its name in jq.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "length" => Self::Length,
            "utf8bytelength" => Self::Utf8ByteLength,
            "keys" => Self::Keys,
            "keys_unsorted" => Self::KeysUnsorted,
            "type" => Self::Type,
            "tostring" => Self::ToString,
            "tojson" => Self::ToJson,
            "tonumber" => Self::ToNumber,
            "ascii_downcase" => Self::AsciiDowncase,
            "ascii_upcase" => Self::AsciiUpcase,
            "trim" => Self::Trim,
            "ltrim" => Self::LeftTrim,
            "rtrim" => Self::RightTrim,
            "floor" => Self::Floor,
            "ceil" => Self::Ceil,
            "round" => Self::Round,
            "abs" => Self::Abs,
            "add" => Self::Add,
            "reverse" => Self::Reverse,
            "sort" => Self::Sort,
            "unique" => Self::Unique,
            "min" => Self::Min,
            "max" => Self::Max,
            "to_entries" => Self::ToEntries,
            "from_entries" => Self::FromEntries,
            _ => return None,
        })
    }

    /// The function of `input`.
    pub(super) fn call(self, input: &Value, meter: &Meter) -> Made {
        match self {
            Self::Length => length(input, meter),
            Self::Utf8ByteLength => Ok(text(input)?.len().into()),
            Self::Keys | Self::KeysUnsorted => keys(input, matches!(self, Self::Keys), meter),
            Self::Type => Ok(kind(input).into()),
            Self::ToString => to_text(input, meter).map(|text| text.into_owned().into()),
            Self::ToJson => json_text(input, meter).map(Value::String),
            Self::ToNumber => to_number(input, meter),
            Self::AsciiDowncase => changed(input, meter, |text| text.to_ascii_lowercase()),
            Self::AsciiUpcase => changed(input, meter, |text| text.to_ascii_uppercase()),
            Self::Trim => changed(input, meter, |text| text.trim().to_owned()),
            Self::LeftTrim => changed(input, meter, |text| text.trim_start().to_owned()),
            Self::RightTrim => changed(input, meter, |text| text.trim_end().to_owned()),
            Self::Floor => finite(num(input)?.rounded(f64::floor)),
            Self::Ceil => finite(num(input)?.rounded(f64::ceil)),
            Self::Round => finite(num(input)?.rounded(f64::round)),
            Self::Abs if number::order(input, &0.into()).is_lt() => finite(num(input)?.negated()),
            Self::Abs => meter.copy(input),
            Self::Add => add_all(input, meter),
            Self::Reverse => {
                let mut items = sortable(input, meter)?;
                items.reverse();
                Ok(items.into())
            }
            Self::Sort => sorting::sorted(array(input)?, meter).map(Value::Array),
            Self::Unique => {
                let mut items = sorting::sorted(array(input)?, meter)?;
                items.dedup_by(|l, r| number::equal(l, r));
                Ok(items.into())
            }
            Self::Min | Self::Max => sorting::extreme(array(input)?, matches!(self, Self::Min), meter),
            Self::ToEntries => to_entries(input, meter),
            Self::FromEntries => from_entries(input, meter),
        }
    }
}

impl Binary {
    /// By its name in jq.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "has" => Self::Has,
            "contains" => Self::Contains,
            "inside" => Self::Inside,
            "startswith" => Self::StartsWith,
            "endswith" => Self::EndsWith,
            "ltrimstr" => Self::LeftTrimStr,
            "rtrimstr" => Self::RightTrimStr,
            "split" => Self::Split,
            "join" => Self::Join,
            _ => return None,
        })
    }

    /// The function of `input` and `argument`.
    pub(super) fn call(self, input: &Value, argument: &Value, meter: &Meter) -> Made {
        match self {
            Self::Has => has(input, argument, meter),
            Self::Contains => contains(input, argument, meter).map(Value::Bool),
            Self::Inside => contains(argument, input, meter).map(Value::Bool),
            Self::StartsWith => affix(input, argument, meter).map(|(text, prefix)| text.starts_with(prefix).into()),
            Self::EndsWith => affix(input, argument, meter).map(|(text, suffix)| text.ends_with(suffix).into()),
            Self::LeftTrimStr => {
                let prefix = text(argument)?;
                changed(input, meter, |text| text.strip_prefix(prefix).unwrap_or(text).to_owned())
            }
            Self::RightTrimStr => {
                let suffix = text(argument)?;
                changed(input, meter, |text| text.strip_suffix(suffix).unwrap_or(text).to_owned())
            }
            Self::Split => split(text(input)?, text(argument)?, meter),
            Self::Join => join(input, argument, meter),
        }
    }
}

fn wrong(value: &Value, wanted: &str) -> Stop {
    Stop::Failed(format!("cannot use {} as {wanted}", short(value)))
}

fn text(value: &Value) -> Result<&str, Stop> {
    value.as_str().ok_or_else(|| wrong(value, "string"))
}

fn array(value: &Value) -> Result<&Vec<Value>, Stop> {
    value.as_array().ok_or_else(|| wrong(value, "array"))
}

fn num(value: &Value) -> Result<Num, Stop> {
    match value {
        Value::Number(number) => Ok(Num::of(number)),
        _ => Err(wrong(value, "number")),
    }
}

fn finite(num: Num) -> Made {
    num.to_value().ok_or_else(|| Stop::Failed("the result is no finite number".to_owned()))
}

fn changed(input: &Value, meter: &Meter, change: impl FnOnce(&str) -> String) -> Made {
    let text = text(input)?;
    meter.spend_text(text.len())?;
    Ok(change(text).into())
}

/// A text and what may be its beginning or end; comparing them is paid for, and ends with the shorter one.
fn affix<'v>(input: &'v Value, part: &'v Value, meter: &Meter) -> Result<(&'v str, &'v str), Stop> {
    let texts = (text(input)?, text(part)?);
    meter.spend_text(texts.0.len().min(texts.1.len()))?;
    Ok(texts)
}

fn length(input: &Value, meter: &Meter) -> Made {
    match input {
        Value::Null => Ok(0.into()),
        Value::Number(number) => match Num::of(number) {
            Num::Int(int) => finite(Num::Int(int.abs())),
            Num::Float(float) => finite(Num::Float(float.abs())),
        },
        Value::String(text) => {
            meter.spend_text(text.len())?;
            Ok(text.chars().count().into())
        }
        Value::Array(items) => Ok(items.len().into()),
        Value::Object(fields) => Ok(fields.len().into()),
        Value::Bool(_) => Err(Stop::Failed(format!("{input} has no length"))),
    }
}

fn keys(input: &Value, sort: bool, meter: &Meter) -> Made {
    match input {
        Value::Array(items) => {
            meter.spend(items.len() as u64)?;
            Ok((0..items.len()).map(Value::from).collect())
        }
        Value::Object(fields) => sorting::names(fields, sort, meter),
        _ => Err(wrong(input, "iterable (array or object)")),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn json_text(value: &Value, meter: &Meter) -> Result<String, Stop> {
    meter.spend_value(value)?;
    let text = number::json_text(value);
    meter.spend_text(text.len())?;
    Ok(text)
}

/// A text as it is, everything else as JSON.
pub(super) fn to_text<'v>(value: &'v Value, meter: &Meter) -> Result<Cow<'v, str>, Stop> {
    match value {
        Value::String(text) => {
            meter.spend_text(text.len())?;
            Ok(Cow::Borrowed(text))
        }
        _ => json_text(value, meter).map(Cow::Owned),
    }
}

fn to_number(input: &Value, meter: &Meter) -> Made {
    let unreadable = || Stop::Failed(format!("cannot parse {} as number", short(input)));
    match input {
        Value::Number(_) => Ok(input.clone()),
        Value::String(text) => {
            meter.spend_text(text.len())?;
            serde_json::from_str::<serde_json::Number>(text).map(Value::Number).map_err(|_| unreadable())
        }
        _ => Err(unreadable()),
    }
}

/// `left + right`.
pub(super) fn add(left: &Value, right: &Value, meter: &Meter) -> Made {
    let mut sum = meter.copy(left)?;
    add_to(&mut sum, right, meter)?;
    Ok(sum)
}

fn add_to(sum: &mut Value, right: &Value, meter: &Meter) -> Result<(), Stop> {
    match (&mut *sum, right) {
        (_, Value::Null) => {}
        (Value::Null, _) => *sum = meter.copy(right)?,
        (Value::Number(l), Value::Number(r)) => {
            *sum = number::calculate(Num::of(l), jaq_core::ops::Math::Add, Num::of(r))?;
        }
        (Value::String(l), Value::String(r)) => {
            meter.spend_text(r.len())?;
            l.push_str(r);
        }
        (Value::Array(l), Value::Array(r)) => {
            meter.spend_value(right)?;
            l.extend_from_slice(r);
        }
        (Value::Object(l), Value::Object(r)) => {
            meter.spend_value(right)?;
            l.extend(r.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        (l, r) => return Err(Stop::Failed(format!("cannot calculate {} + {}", short(l), short(r)))),
    }
    Ok(())
}

fn add_all(input: &Value, meter: &Meter) -> Made {
    let mut sum = Value::Null;
    match input {
        Value::Array(items) => items.iter().try_for_each(|item| {
            meter.spend(1)?;
            add_to(&mut sum, item, meter)
        })?,
        Value::Object(fields) => fields.values().try_for_each(|value| {
            meter.spend(1)?;
            add_to(&mut sum, value, meter)
        })?,
        _ => return Err(wrong(input, "iterable (array or object)")),
    }
    Ok(sum)
}

/// `text / separator`.
pub(super) fn split(text: &str, separator: &str, meter: &Meter) -> Made {
    meter.spend_text(text.len() + separator.len())?;
    let piece = |piece: &str| {
        meter.spend_text(piece.len())?;
        Ok(Value::String(piece.to_owned()))
    };
    match (text, separator) {
        ("", _) => Ok(Value::Array(Vec::new())),
        (_, "") => text.split("").filter(|piece| !piece.is_empty()).map(piece).collect(),
        _ => text.split(separator).map(piece).collect(),
    }
}

fn join(input: &Value, separator: &Value, meter: &Meter) -> Made {
    let items = match input {
        Value::Array(items) => items,
        _ => return Err(wrong(input, "array")),
    };
    let mut joined = String::new();
    for (index, item) in items.iter().enumerate() {
        match separator {
            _ if index == 0 => {}
            Value::Null => {}
            _ => {
                let separator = text(separator)?;
                meter.spend_text(separator.len())?;
                joined.push_str(separator);
            }
        }
        joined.push_str(&to_text(item, meter)?);
    }
    Ok(joined.into())
}

fn has(input: &Value, key: &Value, meter: &Meter) -> Made {
    match (input, key) {
        (Value::Object(fields), Value::String(name)) => {
            meter.spend_text(name.len())?;
            Ok(fields.contains_key(name).into())
        }
        (Value::Null | Value::Object(_), _) => Ok(false.into()),
        (Value::Array(items), Value::Number(index)) if !index.is_f64() => {
            Ok(position(index, items.len()).is_some().into())
        }
        (Value::Array(_), Value::Array(_)) => Ok(true.into()),
        (Value::Array(_) | Value::String(_), Value::Object(_)) => ops::index(input, key, meter).map(|_| true.into()),
        _ => Err(Stop::Failed(format!("cannot index {} with {}", short(input), short(key)))),
    }
}

/// The place of `index` in an array of `len` items; negative ones count from the end.
pub(super) fn position(index: &serde_json::Number, len: usize) -> Option<usize> {
    let position = match index.as_i64() {
        Some(index) if index < 0 => len.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?,
        _ => usize::try_from(index.as_u64()?).ok()?,
    };
    (position < len).then_some(position)
}

fn contains(left: &Value, right: &Value, meter: &Meter) -> Result<bool, Stop> {
    meter.spend(1)?;
    match (left, right) {
        (Value::String(l), Value::String(r)) => {
            meter.spend_text(l.len() + r.len())?;
            Ok(l.contains(r.as_str()))
        }
        (Value::Array(l), Value::Array(r)) => {
            for right in r {
                let mut found = false;
                for left in l {
                    if contains(left, right, meter)? {
                        found = true;
                        break;
                    }
                }
                if !found {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Object(l), Value::Object(r)) => {
            for (name, right) in r {
                meter.spend_text(name.len())?;
                let Some(left) = l.get(name) else { return Ok(false) };
                if !contains(left, right, meter)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        _ => {
            meter.spend_value(left)?;
            Ok(number::equal(left, right))
        }
    }
}

fn sortable(input: &Value, meter: &Meter) -> Result<Vec<Value>, Stop> {
    array(input)?;
    match meter.copy(input)? {
        Value::Array(items) => Ok(items),
        _ => Ok(Vec::new()),
    }
}

fn to_entries(input: &Value, meter: &Meter) -> Made {
    meter.spend_value(input)?;
    let entry = |key: Value, value: &Value| {
        meter.spend(2)?;
        let fields = [("key".to_owned(), key), ("value".to_owned(), value.clone())];
        Ok(Value::Object(fields.into_iter().collect()))
    };
    match input {
        Value::Array(items) => items.iter().enumerate().map(|(index, value)| entry(index.into(), value)).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| entry(name.clone().into(), value)).collect(),
        _ => Err(wrong(input, "iterable (array or object)")),
    }
}

fn from_entries(input: &Value, meter: &Meter) -> Made {
    let field = |entry: &Value| match (entry, entry.get("key")) {
        (Value::Object(_), Some(Value::String(name))) => {
            meter.spend_text(name.len())?;
            Ok((name.clone(), entry.get("value").map_or(Ok(Value::Null), |value| meter.copy(value))?))
        }
        (_, key) => {
            let key = key.unwrap_or(&Value::Null);
            Err(Stop::Failed(format!("cannot use {} as the name of a field", short(key))))
        }
    };
    match input {
        Value::Array(entries) => entries.iter().map(field).collect::<Result<Map<_, _>, _>>().map(Value::Object),
        Value::Object(entries) => entries.values().map(field).collect::<Result<Map<_, _>, _>>().map(Value::Object),
        _ => Err(wrong(input, "iterable (array or object)")),
    }
}
