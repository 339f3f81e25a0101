//! Field values: the types, and what a text may stand for.

use serde_json::{Number, Value};

use super::RecordError;
use crate::model::{Field, FieldType, VALUE_DEPTH_MAX, is_date_time, nests_deeper};

/// Longest excerpt of a wrong value in an error message, in characters.
const EXCERPT_CHARS_MAX: usize = 60;

/// Checks `value` for the field `name` and gives it as it is kept. Null is kept for a field that is not required.
///
/// # Errors
/// The value is null in a required field, or not of the field's type.
pub fn check_value(name: &str, field: &Field, value: Value) -> Result<Value, RecordError> {
    if value.is_null() {
        return if field.required { Err(RecordError::NullField { field: name.to_owned() }) } else { Ok(value) };
    }
    if nests_deeper(&value, VALUE_DEPTH_MAX) {
        let reason = format!("expected at most {VALUE_DEPTH_MAX} levels of arrays and objects");
        return Err(RecordError::WrongType { field: name.to_owned(), reason });
    }
    let kept = match (field.kind, &value) {
        (FieldType::Json, _)
        | (FieldType::String, Value::String(_))
        | (FieldType::Number, Value::Number(_))
        | (FieldType::Boolean, Value::Bool(_)) => return Ok(value),
        (FieldType::Number, Value::String(text)) => exact_number(text).map(Value::Number),
        (FieldType::Boolean, Value::String(text)) => match text.as_str() {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => None,
        },
        (FieldType::DateTime, Value::String(text)) if is_date_time(text) => return Ok(value),
        _ => None,
    };
    kept.ok_or_else(|| {
        let reason = format!("expected {}, found {}", expected(field.kind), found(&value));
        RecordError::WrongType { field: name.to_owned(), reason }
    })
}

const fn expected(kind: FieldType) -> &'static str {
    match kind {
        FieldType::String => "a string",
        FieldType::Number => "a number (or its text, if it can be kept exactly)",
        FieldType::Boolean => "true or false",
        FieldType::DateTime => "a date and time of RFC 3339, such as \"2026-01-31T12:00:00Z\"",
        FieldType::Json => "JSON",
    }
}

fn found(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => format!("the boolean {flag}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => {
            let excerpt: String = text.chars().take(EXCERPT_CHARS_MAX).collect();
            let dots = if excerpt.len() < text.len() { "…" } else { "" };
            format!("the string {excerpt:?}{dots}")
        }
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// The number that `text` writes in JSON (RFC 8259 §6), if its value is kept exactly.
pub(super) fn exact_number(text: &str) -> Option<Number> {
    let starts = text.bytes().next().is_some_and(|b| b.is_ascii_digit() || b == b'-');
    let ends = text.bytes().last().is_some_and(|b| b.is_ascii_digit());
    if !(starts && ends) {
        return None; // serde_json would take white space around it
    }
    let parsed: Number = serde_json::from_str(text).ok()?;
    // serde_json may be off by the last bit where it reads a fraction (its feature `float_roundtrip` is off).
    let number = if parsed.is_f64() { Number::from_f64(text.parse().ok()?)? } else { parsed };
    (decimal(text)? == decimal(&number.to_string())?).then_some(number)
}

/// A decimal as sign, significant digits without zeros at either end, and the exponent of the last digit.
fn decimal(text: &str) -> Option<(bool, String, i64)> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0');
    let trimmed = significant.trim_end_matches('0');
    if trimmed.is_empty() {
        return Some((negative, String::new(), 0));
    }
    let dropped = i64::try_from(significant.len() - trimmed.len()).ok()?;
    let exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?.checked_add(dropped)?;
    Some((negative, trimmed.to_owned(), exponent))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn field(kind: FieldType) -> Field {
        Field { kind, required: false, custom: false, description: None }
    }

    fn kept(kind: FieldType, value: Value) -> Option<Value> {
        check_value("f", &field(kind), value).ok()
    }

    #[test]
    fn a_text_stands_for_a_number_only_where_nothing_is_lost() {
        for (text, value) in [
            ("42", json!(42)),
            ("-1", json!(-1)),
            ("0.1", json!(0.1)),
            ("1e2", json!(100.0)),
            ("2.50", json!(2.5)),
            ("18446744073709551615", json!(u64::MAX)),
        ] {
            assert_eq!(kept(FieldType::Number, json!(text)), Some(value), "{text}");
        }
        for text in [
            "",
            " 42",
            "42 ",
            "+1",
            "042",
            "0x10",
            "1e400",
            "NaN",
            "1,5",
            "12345678901234567890123",
            "0.1234567890123456789",
        ] {
            assert_eq!(kept(FieldType::Number, json!(text)), None, "{text:?} must be refused");
        }
    }

    #[test]
    fn only_true_and_false_stand_for_booleans() {
        assert_eq!(kept(FieldType::Boolean, json!("true")), Some(json!(true)));
        assert_eq!(kept(FieldType::Boolean, json!("false")), Some(json!(false)));
        for value in [json!("True"), json!("1"), json!(1), json!("on"), json!("")] {
            assert_eq!(kept(FieldType::Boolean, value.clone()), None, "{value} must be refused");
        }
    }

    #[test]
    fn a_string_field_takes_strings_only() {
        for value in [json!(1), json!(true), json!([]), json!({})] {
            assert_eq!(kept(FieldType::String, value.clone()), None, "{value} must be refused");
        }
        assert_eq!(kept(FieldType::String, json!("")), Some(json!("")));
    }

    #[test]
    fn a_date_time_is_rfc_3339_and_kept_as_written() {
        for good in [
            "2026-01-31T12:00:00Z",
            "2026-01-31t12:00:00.123456789z",
            "2024-02-29T23:59:59+05:30",
            "1990-12-31T23:59:60Z",
            "2026-01-31T12:00:00-00:00",
        ] {
            assert_eq!(kept(FieldType::DateTime, json!(good)), Some(json!(good)), "{good}");
        }
        for bad in [
            "2026-01-31",
            "2026-01-31 12:00:00Z",
            "2026-01-31T12:00:00",
            "2026-02-30T12:00:00Z",
            "2026-01-31T25:00:00Z",
            "2026-01-31T12:00:00.Z",
            "2026-01-31T12:00:00+0530",
            "2026-01-31T12:00Z",
            "2026-01-31T12:00:00Z[Europe/Paris]",
            "20260131T120000Z",
        ] {
            assert_eq!(kept(FieldType::DateTime, json!(bad)), None, "{bad} must be refused");
        }
        assert_eq!(kept(FieldType::DateTime, json!(1_700_000_000)), None);
    }

    #[test]
    fn null_is_kept_unless_the_field_is_required() {
        for kind in [FieldType::String, FieldType::Number, FieldType::Boolean, FieldType::DateTime, FieldType::Json] {
            assert_eq!(kept(kind, Value::Null), Some(Value::Null));
            let required = Field { required: true, ..field(kind) };
            let error = check_value("f", &required, Value::Null).expect_err("null in a required field");
            assert_eq!(error, RecordError::NullField { field: "f".to_owned() });
        }
    }

    #[test]
    fn an_error_names_the_field_and_shows_the_value_cut() {
        let error = check_value("age", &field(FieldType::Number), json!("x".repeat(100))).expect_err("no number");
        expect![[r#"field "age": expected a number (or its text, if it can be kept exactly), found the string "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"…"#]]
            .assert_eq(&error.to_string());
    }

    proptest! {
        #[test]
        fn every_number_that_we_write_is_read_back_exactly(number in any::<i64>(), float in any::<f64>()) {
            prop_assert_eq!(exact_number(&number.to_string()), Some(Number::from(number)));
            if let Some(float) = Number::from_f64(float) {
                prop_assert_eq!(exact_number(&float.to_string()), Some(float));
            }
        }

        #[test]
        fn no_text_makes_the_checks_panic(text in "\\PC{0,40}") {
            for kind in [FieldType::Number, FieldType::Boolean, FieldType::DateTime] {
                let value = check_value("f", &field(kind), Value::String(text.clone()));
                prop_assert!(value.is_ok() || value.is_err_and(|error| error.field() == Some("f")));
            }
        }

        #[test]
        fn an_accepted_number_text_means_the_same_number(text in "-?[0-9]{1,25}(\\.[0-9]{1,20})?(e-?[0-9]{1,3})?") {
            if let Some(number) = exact_number(&text) {
                prop_assert_eq!(number.as_f64(), text.parse::<f64>().ok());
            }
        }
    }
}
