//! Numbers and the order of values, as jaq has them: integers stay exact, everything else is a 64-bit float.
//!
//! Two differences: integers beyond 64 bits become floats, and a result that is not finite (1 / 0) is an error,
//! because JSON has no such number.

use std::cmp::Ordering;

use jaq_core::ops::Math;
use serde::Serialize as _;
use serde_json::ser::{Formatter, Serializer};
use serde_json::{Number, Value};

use super::run::Stop;

/// A number to calculate with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Num {
    /// Always within the range of `i64` and `u64`.
    Int(i128),
    Float(f64),
}

impl Num {
    pub(super) fn of(number: &Number) -> Self {
        let int = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
        int.map_or_else(|| Self::Float(number.as_f64().unwrap_or(0.0)), Self::Int)
    }

    fn float(self) -> f64 {
        match self {
            Self::Int(int) => int as f64,
            Self::Float(float) => float,
        }
    }

    /// As JSON, if it is finite.
    pub(super) fn to_value(self) -> Option<Value> {
        match self {
            Self::Int(int) => match (i64::try_from(int), u64::try_from(int)) {
                (Ok(int), _) => Some(int.into()),
                (_, Ok(int)) => Some(int.into()),
                _ => Self::Float(int as f64).to_value(),
            },
            Self::Float(float) => Number::from_f64(float).map(Value::Number),
        }
    }

    pub(super) fn negated(self) -> Self {
        match self {
            Self::Int(int) => Self::Int(-int),
            Self::Float(float) => Self::Float(-float),
        }
    }

    /// To an integer by `rounding`, if it fits one.
    pub(super) fn rounded(self, rounding: fn(f64) -> f64) -> Self {
        match self {
            Self::Int(int) => Self::Int(int),
            Self::Float(float) => {
                let rounded = rounding(float);
                // Every float in this range converts exactly.
                let fits = (i64::MIN as f64..i64::MAX as f64).contains(&rounded);
                if fits { Self::Int(rounded as i128) } else { Self::Float(rounded) }
            }
        }
    }
}

/// The literal `digits`, if it is finite.
pub(super) fn literal(digits: &str) -> Option<Value> {
    let num = match digits.parse::<i128>() {
        Ok(int) => Num::Int(int),
        Err(_) => Num::Float(digits.parse().ok()?),
    };
    num.to_value()
}

/// JSON as jaq writes it in texts: huge and tiny fractions as `1e18`, where `serde_json` has `1e+18`.
pub(super) fn json_text(value: &Value) -> String {
    struct AsJaq;
    impl Formatter for AsJaq {
        fn write_f64<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, value: f64) -> std::io::Result<()> {
            let text = serde_json::to_string(&value)?;
            writer.write_all(text.replace("e+", "e").as_bytes())
        }
    }
    let mut text = Vec::new();
    match value.serialize(&mut Serializer::with_formatter(&mut text, AsJaq)) {
        Ok(()) => String::from_utf8(text).unwrap_or_default(),
        Err(_) => value.to_string(),
    }
}

/// `left op right`.
pub(super) fn calculate(left: Num, op: Math, right: Num) -> Result<Value, Stop> {
    use Num::{Float, Int};
    let checked = |int: Option<i128>, float: f64| int.map_or(Float(float), Int);
    let (l, r) = (left.float(), right.float());
    let result = match (op, left, right) {
        (Math::Add, Int(x), Int(y)) => checked(x.checked_add(y), l + r),
        (Math::Sub, Int(x), Int(y)) => checked(x.checked_sub(y), l - r),
        (Math::Mul, Int(x), Int(y)) => checked(x.checked_mul(y), l * r),
        (Math::Rem, Int(x), Int(y)) => checked(x.checked_rem(y), f64::NAN),
        (Math::Add, ..) => Float(l + r),
        (Math::Sub, ..) => Float(l - r),
        (Math::Mul, ..) => Float(l * r),
        (Math::Div, ..) => Float(l / r),
        (Math::Rem, ..) => Float(l % r),
    };
    result.to_value().ok_or_else(|| Stop::Failed(format!("{l} {} {r} is no finite number", op.as_str())))
}

/// The order of jq: null, false, true, numbers, texts, arrays, objects.
pub(super) fn order(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Bool(l), Value::Bool(r)) => l.cmp(r),
        (Value::Number(l), Value::Number(r)) => order_numbers(Num::of(l), Num::of(r)),
        (Value::String(l), Value::String(r)) => l.as_bytes().cmp(r.as_bytes()),
        (Value::Array(l), Value::Array(r)) => {
            let differing = l.iter().zip(r).map(|(l, r)| order(l, r)).find(|order| order.is_ne());
            differing.unwrap_or_else(|| l.len().cmp(&r.len()))
        }
        (Value::Object(l), Value::Object(r)) => order_objects(l, r),
        _ => rank(left).cmp(&rank(right)),
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    }
}

fn order_numbers(left: Num, right: Num) -> Ordering {
    match (left, right) {
        (Num::Int(l), Num::Int(r)) => l.cmp(&r),
        _ => {
            let (l, r) = (left.float(), right.float());
            if l == 0.0 && r == 0.0 { Ordering::Equal } else { l.total_cmp(&r) }
        }
    }
}

/// First by the sorted names, then by the values in that order.
fn order_objects(left: &serde_json::Map<String, Value>, right: &serde_json::Map<String, Value>) -> Ordering {
    let sorted = |object| {
        let mut fields: Vec<(&String, &Value)> = serde_json::Map::iter(object).collect();
        fields.sort_by_key(|(name, _)| *name);
        fields
    };
    let (left, right) = (sorted(left), sorted(right));
    let names = left.iter().map(|(name, _)| name).cmp(right.iter().map(|(name, _)| name));
    names.then_with(|| {
        left.iter()
            .zip(&right)
            .map(|((_, l), (_, r))| order(l, r))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    })
}

/// Equality of jq: 1 and 1.0 are equal, the order of fields does not matter.
pub(super) fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Array(l), Value::Array(r)) => l.len() == r.len() && l.iter().zip(r).all(|(l, r)| equal(l, r)),
        (Value::Object(l), Value::Object(r)) => {
            l.len() == r.len() && l.iter().all(|(name, l)| r.get(name).is_some_and(|r| equal(l, r)))
        }
        (Value::Number(l), Value::Number(r)) => order_numbers(Num::of(l), Num::of(r)).is_eq(),
        _ => left == right,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn integers_stay_exact_to_64_bits_and_floats_take_over_beyond() {
        let add = |l: Value, r: Value| match (&l, &r) {
            (Value::Number(l), Value::Number(r)) => calculate(Num::of(l), Math::Add, Num::of(r)).ok(),
            _ => None,
        };
        assert_eq!(add(json!(i64::MAX), json!(1)), Some(json!(9_223_372_036_854_775_808_u64)));
        assert_eq!(add(json!(u64::MAX), json!(1)), Some(json!(18_446_744_073_709_551_616.0)));
    }

    #[test]
    fn kinds_are_ordered_as_in_jq() {
        let sorted = [
            json!(null),
            json!(false),
            json!(true),
            json!(-1),
            json!(0.5),
            json!("a"),
            json!([]),
            json!([0]),
            json!({}),
        ];
        for pair in sorted.windows(2) {
            assert_eq!(order(&pair[0], &pair[1]), Ordering::Less, "{pair:?}");
        }
        assert!(equal(&json!({"a": 1, "b": [2.0]}), &json!({"b": [2], "a": 1.0})));
    }
}
