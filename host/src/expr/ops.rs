//! Indexing, slicing, arithmetic and comparison of JSON values, as jq has them; each pays for what it does.

use std::borrow::Cow;

use jaq_core::ops::{Cmp, Math};
use serde_json::{Map, Value};

use super::functions::{self, position};
use super::meter::Meter;
use super::number::{self, Num};
use super::run::{NULL, Stop, short};

pub(super) fn index<'v>(value: &'v Value, index: &Value, meter: &Meter) -> Result<Cow<'v, Value>, Stop> {
    let found = |value: Option<&'v Value>| Ok(Cow::Borrowed(value.unwrap_or(&NULL)));
    match (value, index) {
        (Value::Object(fields), Value::String(name)) => {
            meter.spend_text(name.len())?;
            found(fields.get(name))
        }
        (Value::Null | Value::Object(_), _) => found(None),
        (Value::Array(items), Value::Number(index)) if !index.is_f64() => {
            found(position(index, items.len()).and_then(|at| items.get(at)))
        }
        (Value::Array(items), Value::Array(wanted)) => indices(items, wanted, meter).map(Cow::Owned),
        (Value::Array(_) | Value::String(_), Value::Object(bounds)) => {
            let bound = |name| bounds.get(name).unwrap_or(&NULL);
            slice(value, bound("start"), bound("end"), meter).map(Cow::Owned)
        }
        _ => Err(Stop::Failed(format!("cannot index {} with {}", short(value), short(index)))),
    }
}

/// Where `wanted` occurs within `items`.
fn indices(items: &[Value], wanted: &[Value], meter: &Meter) -> Result<Value, Stop> {
    if wanted.is_empty() {
        return Ok(Value::Array(Vec::new()));
    }
    let mut found = Vec::new();
    for (at, window) in items.windows(wanted.len()).enumerate() {
        for (item, wanted) in window.iter().zip(wanted) {
            meter.spend_value(wanted)?;
            if !number::equal(item, wanted) {
                break;
            }
        }
        if window.iter().zip(wanted).all(|(item, wanted)| number::equal(item, wanted)) {
            found.push(at.into());
        }
    }
    Ok(Value::Array(found))
}

pub(super) fn slice(value: &Value, from: &Value, upto: &Value, meter: &Meter) -> Result<Value, Stop> {
    let range = |len: usize| -> Result<std::ops::Range<usize>, Stop> {
        let (from, upto) = (bound(from, len, 0)?, bound(upto, len, len)?);
        Ok(from..upto.max(from))
    };
    match value {
        Value::Array(items) => {
            let items = &items[range(items.len())?];
            items.iter().map(|item| meter.copy(item)).collect()
        }
        Value::String(text) => {
            meter.spend_text(text.len())?;
            let range = range(text.chars().count())?;
            Ok(text.chars().skip(range.start).take(range.len()).collect::<String>().into())
        }
        _ => Err(Stop::Failed(format!("cannot use {} as rangeable (array or string)", short(value)))),
    }
}

pub(super) fn math(left: &Value, op: Math, right: &Value, meter: &Meter) -> Result<Value, Stop> {
    match (left, op, right) {
        (_, Math::Add, _) => functions::add(left, right, meter),
        (Value::Number(l), _, Value::Number(r)) => number::calculate(Num::of(l), op, Num::of(r)),
        (Value::Array(l), Math::Sub, Value::Array(r)) => without(l, r, meter),
        (Value::String(l), Math::Div, Value::String(r)) => functions::split(l, r, meter),
        (Value::String(text), Math::Mul, Value::Number(times))
        | (Value::Number(times), Math::Mul, Value::String(text)) => repeated(text, times, meter),
        (Value::Object(_), Math::Mul, Value::Object(r)) => {
            let mut merged = meter.copy(left)?;
            if let Value::Object(merged) = &mut merged {
                merge(merged, r, meter)?;
            }
            Ok(merged)
        }
        _ => Err(Stop::Failed(format!("cannot calculate {} {} {}", short(left), op.as_str(), short(right)))),
    }
}

fn without(left: &[Value], right: &[Value], meter: &Meter) -> Result<Value, Stop> {
    let mut kept = Vec::new();
    for item in left {
        let mut removed = false;
        for unwanted in right {
            meter.spend_value(unwanted)?;
            removed |= number::equal(item, unwanted);
        }
        if !removed {
            kept.push(meter.copy(item)?);
        }
    }
    Ok(Value::Array(kept))
}

fn repeated(text: &str, times: &serde_json::Number, meter: &Meter) -> Result<Value, Stop> {
    if times.is_f64() {
        return Err(Stop::Failed(format!("cannot calculate {} * {times}", short(&text.into()))));
    }
    match times.as_u64() {
        None | Some(0) => Ok(Value::Null),
        Some(times) => {
            let times = usize::try_from(times).unwrap_or(usize::MAX);
            meter.spend_text(text.len().saturating_mul(times))?;
            Ok(text.repeat(times).into())
        }
    }
}

fn merge(into: &mut Map<String, Value>, from: &Map<String, Value>, meter: &Meter) -> Result<(), Stop> {
    for (name, value) in from {
        meter.spend_text(name.len())?;
        match (into.get_mut(name), value) {
            (Some(Value::Object(into)), Value::Object(from)) => merge(into, from, meter)?,
            _ => {
                into.insert(name.clone(), meter.copy(value)?);
            }
        }
    }
    Ok(())
}

/// Pays for the smaller side: a comparison ends where that one does.
pub(super) fn compare(left: &Value, op: Cmp, right: &Value, meter: &Meter) -> Result<bool, Stop> {
    let scalar = |value: &Value| !matches!(value, Value::Array(_) | Value::Object(_) | Value::String(_));
    if !scalar(left) && !scalar(right) {
        meter.spend_value(left)?;
        meter.spend_value(right)?;
    }
    Ok(match op {
        Cmp::Eq => number::equal(left, right),
        Cmp::Ne => !number::equal(left, right),
        Cmp::Lt => number::order(left, right).is_lt(),
        Cmp::Le => number::order(left, right).is_le(),
        Cmp::Gt => number::order(left, right).is_gt(),
        Cmp::Ge => number::order(left, right).is_ge(),
    })
}

/// A bound of a slice within `len`: null is `default`, negative ones count from the end.
fn bound(bound: &Value, len: usize, default: usize) -> Result<usize, Stop> {
    match bound {
        Value::Null => Ok(default),
        Value::Number(number) if !number.is_f64() => Ok(match number.as_i64() {
            Some(bound) if bound < 0 => len.saturating_sub(usize::try_from(bound.unsigned_abs()).unwrap_or(usize::MAX)),
            Some(bound) => len.min(usize::try_from(bound).unwrap_or(usize::MAX)),
            None => len,
        }),
        _ => Err(Stop::Failed(format!("cannot use {} as integer", short(bound)))),
    }
}
