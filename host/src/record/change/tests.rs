//! Tests of record changes.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::record::SourceDraft;

fn source(key_type: &str) -> Source {
    let draft: SourceDraft = serde_json::from_value(json!({"key": "id", "fields": {
        "id": {"type": key_type},
        "name": {"type": "string", "required": true},
        "age": {"type": "number"},
        "note": {"type": "json"},
    }}))
    .expect("the shape of a draft");
    draft.check("leads".parse().expect("a slug"), None, Time::from_millis(0)).expect("a good source")
}

fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        other => panic!("not an object: {other}"),
    }
}

fn with<T>(key_type: &str, run: impl FnOnce(&Target<'_>) -> T) -> T {
    let (space, source) = ("default".parse().expect("a slug"), source(key_type));
    run(&Target { space: &space, source: &source, now: Time::from_millis(50) })
}

fn stored(key_type: &str, fields: Value) -> Record {
    let mut record = with(key_type, |target| insert(target, None, object(fields))).expect("a good insert").record;
    record.created_at = Time::from_millis(10);
    record.revision = 3;
    record
}

fn show(result: Result<RecordChange, RecordError>, expected: &Expect) {
    let found = match result {
        Ok(RecordChange { record, expect, .. }) => {
            let fields = serde_json::to_string(&record.fields).expect("fields serialise");
            let (created, updated) = (record.created_at.as_millis(), record.updated_at.as_millis());
            format!("{:?} r{} {created}..{updated} {expect:?} {fields}", record.key.as_str(), record.revision)
        }
        Err(error) => format!("{}: {error}", error.code()),
    };
    expected.assert_eq(&found);
}

#[test]
fn an_insert_expects_absence_and_starts_at_revision_1() {
    with("string", |target| {
        show(
            insert(target, None, object(json!({"id": "a", "name": "Ada", "age": "36"}))),
            &expect![[r#""a" r1 50..50 Absent {"id":"a","name":"Ada","age":36}"#]],
        );
    });
}

#[test]
fn an_insert_of_an_existing_key_is_refused() {
    let existing = stored("string", json!({"id": "a", "name": "Ada"}));
    with("string", |target| {
        show(
            insert(target, Some(&existing), object(json!({"id": "a", "name": "Ada"}))),
            &expect![[r#"record-exists: a record with key "a" exists already"#]],
        );
    });
}

#[test]
fn an_update_changes_what_is_given_and_keeps_the_rest() {
    let existing = stored("string", json!({"id": "a", "name": "Ada", "age": 1}));
    let key = existing.key.clone();
    with("string", |target| {
        show(
            update(target, Some(&existing), &key, object(json!({"age": null, "note": {"x": 1}}))),
            &expect![[r#""a" r4 10..50 At(3) {"id":"a","name":"Ada","age":null,"note":{"x":1}}"#]],
        );
        show(
            update(target, None, &key, Object::new()),
            &expect![[r#"record-missing: there is no record with key "a""#]],
        );
    });
}

#[test]
fn an_upsert_inserts_or_updates() {
    let existing = stored("string", json!({"id": "a", "name": "Ada", "age": 1}));
    with("string", |target| {
        show(
            upsert(target, Some(&existing), object(json!({"id": "a", "age": 2}))),
            &expect![[r#""a" r4 10..50 At(3) {"id":"a","name":"Ada","age":2}"#]],
        );
        show(
            upsert(target, None, object(json!({"id": "a", "age": 2}))),
            &expect![[r#"missing-field: field "name" is required"#]],
        );
        show(
            upsert(target, None, object(json!({"name": "Ada"}))),
            &expect![[r#"missing-field: field "id" is required"#]],
        );
    });
}

#[test]
fn a_replacement_drops_what_is_not_given_and_fills_the_key_in() {
    let existing = stored("number", json!({"id": 7, "name": "Ada", "age": 1}));
    let key = existing.key.clone();
    with("number", |target| {
        show(
            replace(target, Some(&existing), &key, object(json!({"name": "Eve"}))),
            &expect![[r#""7" r4 10..50 At(3) {"name":"Eve","id":7}"#]],
        );
        show(
            replace(target, None, &key, object(json!({"age": 1}))),
            &expect![[r#"missing-field: field "name" is required"#]],
        );
    });
}

#[test]
fn the_key_of_the_fields_and_of_the_address_must_agree() {
    let key = "a".parse().expect("a key");
    with("string", |target| {
        show(
            replace(target, None, &key, object(json!({"id": "b", "name": "Bob"}))),
            &expect![[r#"key-mismatch: key field "id" holds "b", but the record addressed is "a""#]],
        );
    });
}

#[test]
fn a_number_key_has_one_text() {
    let source = source("number");
    for value in [json!(7), json!(7.0), json!("7"), json!("7.0"), json!("70e-1")] {
        let key = key_of(&source, &object(json!({"id": value})), None).expect("a key");
        assert_eq!(key.as_str(), "7");
    }
    let addressed = "7.0".parse().expect("a key");
    assert_eq!(key_of(&source, &Object::new(), Some(&addressed)).expect("a key").as_str(), "7");
}

#[test]
fn what_makes_no_key_is_refused_by_name() {
    for (kind, value) in [
        ("string", json!("")),
        ("string", json!("a\nb")),
        ("string", json!(7)),
        ("number", json!("x")),
        ("number", json!(true)),
        ("string", Value::Null),
    ] {
        let error = key_of(&source(kind), &object(json!({"id": value.clone()})), None).expect_err("no key");
        assert_eq!(error.field(), Some("id"), "{kind} {value}: {error}");
    }
}

#[test]
fn an_unknown_field_is_told_with_the_known_ones() {
    with("string", |target| {
        show(
            insert(target, None, object(json!({"id": "a", "name": "Ada", "nmae": "x"}))),
            &expect![[r#"unknown-field: field "nmae" is unknown; the source has age, id, name, note"#]],
        );
    });
}

#[test]
fn a_record_above_the_limit_is_refused() {
    with("string", |target| {
        let note = "x".repeat(RECORD_BYTES_MAX);
        let error =
            insert(target, None, object(json!({"id": "a", "name": "Ada", "note": note}))).expect_err("too large");
        assert_eq!(error.code(), "record-too-large");
    });
}

#[test]
fn a_field_that_the_source_lost_does_not_hinder_an_update() {
    let mut existing = stored("string", json!({"id": "a", "name": "Ada"}));
    existing.fields.insert("gone".to_owned(), json!(1));
    let key = existing.key.clone();
    with("string", |target| {
        show(
            update(target, Some(&existing), &key, object(json!({"age": 3}))),
            &expect![[r#""a" r4 10..50 At(3) {"id":"a","name":"Ada","gone":1,"age":3}"#]],
        );
    });
}

proptest! {
    #[test]
    fn an_upsert_is_what_insert_or_update_would_be(age in any::<i32>(), exists in any::<bool>()) {
        let existing = exists.then(|| stored("string", json!({"id": "a", "name": "Ada"})));
        let fields = object(json!({"id": "a", "name": "Eve", "age": age}));
        let key = "a".parse().expect("a key");
        with("string", |target| {
            let upserted = upsert(target, existing.as_ref(), fields.clone());
            let other = match &existing {
                Some(record) => update(target, Some(record), &key, fields.clone()),
                None => insert(target, None, fields.clone()),
            };
            prop_assert_eq!(upserted, other);
            Ok(())
        })?;
    }
}
