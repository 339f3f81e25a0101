//! Sorting and extremes, paid before they are found.
//!
//! A comparison ends with the shorter side, except that it first sorts the fields of both sides where it meets objects:
//! so a dear object makes every comparison with it dear.

use serde_json::{Map, Value};

use super::meter::Meter;
use super::number;
use super::run::Stop;

/// The names of the fields, sorted by their bytes if `sort`.
pub(super) fn names(fields: &Map<String, Value>, sort: bool, meter: &Meter) -> Result<Value, Stop> {
    let before = meter.spent();
    fields.keys().try_for_each(|name| meter.spend_text(name.len()))?;
    let mut names: Vec<&String> = fields.keys().collect();
    if sort {
        meter.spend((meter.spent() - before).saturating_mul(rounds(names.len())))?;
        names.sort_unstable();
    }
    Ok(names.into_iter().cloned().map(Value::String).collect())
}

/// The items in the order of jq. Each round walks over everything at most twice, or meets the dearest object with each
/// comparison.
pub(super) fn sorted(items: &[Value], meter: &Meter) -> Result<Vec<Value>, Stop> {
    let (start, mut dearest) = (meter.spent(), 0);
    let mut sorted = Vec::with_capacity(items.len());
    for item in items {
        let before = meter.spent();
        sorted.push(meter.copy(item)?);
        if holds_object(item) {
            dearest = dearest.max(meter.spent() - before);
        }
    }
    let round = (meter.spent() - start).max(dearest.saturating_mul(items.len() as u64));
    meter.spend(round.saturating_mul(2 * rounds(items.len())))?;
    sorted.sort_by(number::order);
    Ok(sorted)
}

/// The least (first of equals) or the most (last of equals) item.
pub(super) fn extreme(items: &[Value], least: bool, meter: &Meter) -> Result<Value, Stop> {
    let mut found: Option<&Value> = None;
    for item in items {
        meter.spend_value(item)?;
        let better = match found {
            None => true,
            Some(best) => {
                if holds_object(item) {
                    meter.spend_value(best)?;
                }
                let order = number::order(item, best);
                if least { order.is_lt() } else { order.is_ge() }
            }
        };
        if better {
            found = Some(item);
        }
    }
    found.map_or(Ok(Value::Null), |found| meter.copy(found))
}

/// How often merging `len` items walks over them.
fn rounds(len: usize) -> u64 {
    u64::from(len.checked_ilog2().unwrap_or(0)) + 1
}

fn holds_object(value: &Value) -> bool {
    match value {
        Value::Object(_) => true,
        Value::Array(items) => items.iter().any(holds_object),
        _ => false,
    }
}
