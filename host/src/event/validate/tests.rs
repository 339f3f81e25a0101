//! Schemas that are refused, and data that are found wrong.

mod hostile;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn compiled(schema: &Value) -> Validator {
    Validator::compile(schema).unwrap_or_else(|problem| panic!("{schema}: {problem}"))
}

fn check(schema: &Value, data: &Value, expected: &Expect) {
    let found = match compiled(schema).check(data) {
        Ok(()) => "fits".to_owned(),
        Err(found) => found.iter().map(|f| format!("{:?}: {}\n", f.pointer, f.reason)).collect(),
    };
    expected.assert_eq(&found);
}

#[test]
fn a_validator_is_shared_between_threads() {
    let _: &(dyn std::any::Any + Send + Sync) = &compiled(&json!({}));
}

#[test]
fn much_data_under_a_large_schema_is_not_quick_to_check() {
    let properties: Value = (0..100).map(|n| (format!("p{n}"), json!({"type": "string"}))).collect();
    let large = compiled(&json!({"properties": properties}));
    assert!(large.is_quick(&json!({"p0": "x"})));
    assert!(!large.is_quick(&json!({"p0": vec![1; 5_000]})), "many values");
    assert!(!large.is_quick(&json!({"p0": "x".repeat(200_000)})), "a long text");
    assert!(compiled(&json!({})).is_quick(&json!({"p0": vec![1; 5_000]})), "little to check");
}

#[test]
fn findings_name_the_path_and_the_reason() {
    let schema = json!({
        "type": "object",
        "properties": {
            "lead": {
                "properties": {"email": {"type": ["string", "null"]}, "a/b~c": {"type": "integer"}},
                "required": ["email", "id"]
            },
            "tags": {"items": {"enum": ["red", "green"]}, "uniqueItems": true, "maxItems": 2},
            "at": {"format": "date-time"}
        },
        "additionalProperties": false
    });
    check(
        &schema,
        &json!({"lead": {"email": 7, "a/b~c": 1.5}, "tags": ["red", "blue", "red"], "at": "yesterday", "x": 1}),
        &expect![[r#"
            "/lead": "id" is a required property
            "/lead/email": the value is not of types "null", "string"
            "/lead/a~1b~0c": the value is not of type "integer"
            "/tags": the value has more than 2 items
            "/tags/1": the value is not one of "red" or "green"
            "/tags": the value has items that are equal
            "/at": the value is not a "date-time"
            "": Additional properties are not allowed ('x' was unexpected)
        "#]],
    );
    check(&schema, &json!({"lead": {"email": null, "id": 1}, "tags": []}), &expect!["fits"]);
    check(
        &schema,
        &json!([]),
        &expect![[r#"
            "": the value is not of type "object"
        "#]],
    );
}

#[test]
fn every_keyword_of_the_standard_says_where_it_fails() {
    let schema = json!({
        "properties": {
            "const": {"const": 1},
            "multiple": {"multipleOf": 5, "exclusiveMaximum": 10},
            "text": {"minLength": 3, "pattern": "^[a-z]+$"},
            "not": {"not": {"type": "string"}},
            "any": {"anyOf": [{"type": "string"}, {"minimum": 5}]},
            "one": {"oneOf": [{"type": "number"}, {"minimum": 5}]},
            "contains": {"contains": {"type": "string"}},
            "names": {"propertyNames": {"maxLength": 2}},
            "if": {"if": {"type": "string"}, "then": {"maxLength": 1}},
            "rest": {"$ref": "#/$defs/point", "unevaluatedProperties": false}
        },
        "$defs": {"point": {"properties": {"x": true}}}
    });
    let data = json!({
        "const": 2,
        "multiple": 12,
        "text": "A",
        "not": "a",
        "any": 1,
        "one": 7,
        "contains": [1],
        "names": {"long": 1},
        "if": "ab",
        "rest": {"x": 1, "y": 2}
    });
    let validator = compiled(&schema);
    let mut found = String::new();
    for (name, value) in data.as_object().expect("an object") {
        for finding in validator.check(&json!({ name: value })).expect_err(name) {
            found.push_str(&format!("{}: {}\n", finding.pointer, finding.reason));
        }
    }
    expect![[r#"
        /const: 1 was expected
        /multiple: the value is greater than or equal to the maximum of 10
        /multiple: the value is not a multiple of 5
        /text: the value is shorter than 3 characters
        /text: the value does not match "^[a-z]+$"
        /not: {"type":"string"} is not allowed for the value
        /any: the value is not valid under any of the schemas listed in the 'anyOf' keyword
        /one: the value is valid under more than one of the schemas listed in the 'oneOf' keyword
        /contains: None of the value are valid under the given schema
        /names: "long" is longer than 2 characters
        /if: the value is longer than 1 character
        /rest: Unevaluated properties are not allowed ('y' was unexpected)
    "#]]
    .assert_eq(&found);
}

#[test]
fn at_most_ten_findings_are_told() {
    let schema = json!({"additionalProperties": {"type": "string"}});
    let data: Value = (0..50).map(|n| (format!("m{n}"), json!(n))).collect();
    assert_eq!(compiled(&schema).check(&data).expect_err("numbers").len(), FINDINGS_MAX);
}

#[test]
fn very_large_data_get_one_finding_and_no_copies_of_themselves() {
    let items: Vec<Value> = (0..100_000).map(|_| json!(1)).collect();
    let data = json!({"items": items});
    let one = compiled(&json!({"properties": {"items": {"items": {"type": "string"}}}})).check(&data);
    assert_eq!(one.expect_err("numbers")[0].pointer, "/items/0");
    let either = json!({"properties": {"items": {"items": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}});
    let found = compiled(&either).check(&data).expect_err("numbers");
    assert_eq!((found.len(), found[0].pointer.as_str()), (1, ""));
}

#[test]
fn a_long_reason_is_cut() {
    let data: Value = (0..200).map(|n| (format!("member-{n}"), json!(n))).collect();
    let found = compiled(&json!({"properties": {}, "additionalProperties": false})).check(&data).expect_err("members");
    assert_eq!(found[0].reason.chars().count(), REASON_CHARS_MAX + 1);
}

#[test]
fn a_name_of_its_own_does_not_change_what_a_schema_means() {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema#",
        "$id": "https://json-schema.org/draft/2020-12/schema",
        "$ref": "#/$defs/a",
        "$defs": {"a": {"$anchor": "a", "required": ["x"]}}
    });
    check(
        &schema,
        &json!({}),
        &expect![[r#"
            "": "x" is a required property
        "#]],
    );
}

#[test]
fn formats_are_checked_and_unknown_ones_are_remarks() {
    for (format, good, bad) in [
        ("uuid", "0198f3a2-6c1e-7b40-9d55-2f6a4c1b7e01", "0198f3a2"),
        ("date-time", "2026-01-31T12:00:00Z", "2026-01-31"),
        ("email", "a@b.example", "a"),
        ("uri", "https://a.example/", "a b"),
    ] {
        let validator = compiled(&json!({"format": format}));
        assert_eq!(validator.check(&json!(good)), Ok(()), "{format}");
        assert!(validator.check(&json!(bad)).is_err(), "{format}");
    }
    for format in ["regex", "postcode"] {
        assert_eq!(compiled(&json!({"format": format})).check(&json!("((")), Ok(()), "{format}");
    }
}

/// Any JSON value, with few names, so that schemas meet it.
pub(super) fn json_values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..3).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-c/~é]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[ab/~é%]{0,2}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Schemas that fit some of these values.
fn schemas() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(true)),
        Just(json!(false)),
        prop::sample::select(vec!["null", "string", "number", "integer", "object", "array"])
            .prop_map(|kind| json!({ "type": kind })),
        Just(json!({"minLength": 2, "minimum": 0, "minItems": 1, "minProperties": 1, "uniqueItems": true})),
        Just(json!({"pattern": "^a", "propertyNames": {"maxLength": 1}})),
        json_values().prop_map(|value| json!({ "const": value })),
        Just(json!({"$ref": "#/$defs/shared"})),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|part| json!({"properties": {"a": part, "é": {"type": "null"}}, "required": ["b"]})),
            inner.clone().prop_map(|part| json!({ "additionalProperties": part })),
            inner.clone().prop_map(|part| json!({"patternProperties": {"[~/]": part}, "unevaluatedProperties": false})),
            inner.clone().prop_map(|part| json!({"items": part, "contains": {"type": "null"}})),
            inner.clone().prop_map(|part| json!({"prefixItems": [part], "unevaluatedItems": false})),
            inner.clone().prop_map(|part| json!({"not": part})),
            prop::collection::vec(inner, 1..3).prop_map(|parts| json!({"anyOf": parts, "oneOf": [parts[0]]})),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_fits_or_gives_pointers_that_are_in_it(part in schemas(), data in json_values()) {
        let schema = json!({"allOf": [part], "$defs": {"shared": {"maximum": 1, "maxLength": 1}}});
        let validator = match Validator::compile(&schema) {
            Ok(validator) => validator,
            // Random alternatives of alternatives exceed the bound now and then.
            Err(problem) if problem.reason.contains("assertions") => return Ok(()),
            Err(problem) => return Err(TestCaseError::fail(format!("in the profile: {problem}"))),
        };
        match validator.check(&data) {
            Ok(()) => {}
            Err(found) => {
                prop_assert!((1..=FINDINGS_MAX).contains(&found.len()));
                for finding in found {
                    prop_assert!(data.pointer(&finding.pointer).is_some(), "{} in {data}", finding.pointer);
                    prop_assert!(!finding.reason.is_empty());
                }
            }
        }
    }

    #[test]
    fn whatever_is_given_for_a_schema_compiles_or_is_refused(schema in json_values()) {
        if let Err(problem) = Validator::compile(&json!({"allOf": [schema], "properties": schema})) {
            prop_assert!(!problem.reason.is_empty());
        }
    }
}
