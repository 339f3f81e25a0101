//! What schemas become in TypeScript. `tests/script.rs` has a compiler read the declarations of the built-in types.

use expect_test::{Expect, expect};
use serde_json::json;

use super::*;

fn becomes(schema: &Value, wanted: &Expect) {
    wanted.assert_eq(&(type_of(schema, 0) + "\n"));
}

#[test]
fn an_object_has_its_members_and_says_which_may_be_missing() {
    let schema = json!({
        "type": "object",
        "properties": {
            "id": { "description": "Its id.", "type": "string" },
            "tags": { "type": "array", "items": { "type": ["string", "null"] } },
            "at": { "type": "object", "properties": { "x": { "type": "integer" } } }
        },
        "required": ["id", "more"]
    });
    becomes(
        &schema,
        &expect![[r#"
            {
              /** Its id. */
              id: string;
              tags?: Array<string | null>;
              at?: {
                x?: number;
              };
              more: unknown;
            }
        "#]],
    );
}

#[test]
fn simple_schemas_become_types_of_one_line() {
    for (schema, wanted) in [
        (json!({ "type": "string", "format": "uuid", "minLength": 1 }), "string"),
        (json!({ "type": "number" }), "number"),
        (json!({ "type": "integer", "minimum": 0 }), "number"),
        (json!({ "type": "boolean" }), "boolean"),
        (json!({ "type": "null" }), "null"),
        (json!({ "type": ["integer", "number", "null"] }), "number | null"),
        (json!({ "type": "array" }), "Array<unknown>"),
        (json!({ "type": "array", "prefixItems": [true], "items": { "type": "string" } }), "Array<unknown>"),
        (json!({ "type": "object" }), "Record<string, unknown>"),
        (json!({ "type": "object", "additionalProperties": { "type": "number" } }), "Record<string, number>"),
        (json!({ "type": "object", "additionalProperties": false }), "Record<string, never>"),
        (
            json!({ "type": "object", "patternProperties": { "^x": true }, "additionalProperties": false }),
            "Record<string, unknown>",
        ),
        (json!({ "const": "a" }), r#""a""#),
        (json!({ "const": -1.5 }), "-1.5"),
        (json!({ "type": ["string", "null"], "enum": ["a", 1, null, true, "a"] }), r#""a" | 1 | null | true"#),
        (json!({ "const": "a\u{2028}\"b" }), r#""a\u2028\"b""#),
        (json!(false), "never"),
    ] {
        assert_eq!(type_of(&schema, 0), wanted, "{schema}");
    }
}

#[test]
fn what_typescript_has_no_word_for_is_unknown() {
    for schema in [
        json!(true),
        json!({}),
        json!("no schema"),
        json!({ "type": "thing" }),
        json!({ "type": 1 }),
        json!({ "not": { "type": "string" } }),
        json!({ "const": { "a": 1 } }),
        json!({ "enum": ["a", ["b"]] }),
        json!({ "anyOf": [{ "type": "string" }, {}] }),
        json!({ "$ref": "#/$defs/missing" }),
        json!({ "$ref": "https://a.example/schema" }),
    ] {
        assert_eq!(type_of(&schema, 0), "unknown", "{schema}");
    }
}

#[test]
fn alternatives_are_unions_and_what_is_included_is_an_intersection() {
    for (schema, wanted) in [
        (json!({ "oneOf": [{ "type": "string" }, { "type": ["null", "string"] }] }), "string | null"),
        (
            json!({
                "anyOf": [{ "const": "a" }, { "const": "b" }],
                "oneOf": [{ "type": "string" }, { "type": "null" }]
            }),
            r#"("a" | "b") & (string | null)"#,
        ),
        (json!({ "type": "string", "allOf": [{ "minLength": 1 }, { "type": "string" }] }), "string"),
        (
            json!({ "type": "object", "$ref": "#/$defs/a", "$defs": {
                "a": { "type": "object", "additionalProperties": { "type": "number" } }
            } }),
            "Record<string, number>",
        ),
    ] {
        assert_eq!(type_of(&schema, 0), wanted, "{schema}");
    }
    let schema = json!({
        "allOf": [{ "$ref": "#/$defs/base" }],
        "properties": { "by": { "$ref": "#/$defs/a~1b" } },
        "required": ["by"],
        "$defs": {
            "base": { "type": "object", "properties": { "id": { "type": "string" } }, "required": ["id"] },
            "a/b": { "description": "Who did it.", "type": ["string", "null"] }
        }
    });
    becomes(
        &schema,
        &expect![[r#"
            {
              /** Who did it. */
              by: string | null;
            } & {
              id: string;
            }
        "#]],
    );
}

#[test]
fn a_schema_that_contains_itself_comes_to_an_end() {
    let text = type_of(&json!({ "type": "object", "properties": { "next": { "$ref": "#" } } }), 0);
    assert!(text.contains("next?: unknown;"), "{text}");
}

#[test]
fn names_that_are_no_identifiers_are_quoted() {
    let schema = json!({
        "type": "object",
        "properties": {
            "$ok_1": true, "new": true, "": true, "1st": true, "a-b": true, "a b": true, "é": true,
            "\"]: evil; //": true, "a\n\\b\u{2029}": true, "*/": true
        }
    });
    becomes(
        &schema,
        &expect![[r#"
            {
              $ok_1?: unknown;
              new?: unknown;
              ""?: unknown;
              "1st"?: unknown;
              "a-b"?: unknown;
              "a b"?: unknown;
              "é"?: unknown;
              "\"]: evil; //"?: unknown;
              "a\n\\b\u2029"?: unknown;
              "*/"?: unknown;
            }
        "#]],
    );
}

#[test]
fn a_description_stays_inside_its_comment() {
    let schema = json!({
        "type": "object",
        "properties": {
            "a": { "description": "ends */ declare const evil: 1; /*" },
            "b": { "description": "two\n * lines\r\n\tof **/ text */" },
            "c": { "description": " \n " },
            "d": { "description": 1 }
        }
    });
    becomes(
        &schema,
        &expect![[r#"
            {
              /** ends *\/ declare const evil: 1; /* */
              a?: unknown;
              /** two * lines of **\/ text *\/ */
              b?: unknown;
              c?: unknown;
              d?: unknown;
            }
        "#]],
    );
}

#[test]
fn every_built_in_type_is_declared_with_all_its_members() {
    let catalogue = Catalogue::load().expect("the files are good");
    let text = event_data_types(&catalogue);
    for BuiltIn { definition, .. } in catalogue.iter() {
        let name = &definition.name;
        let head = format!("    /** {} */\n    {}: {{\n", definition.description, key(name.as_str()));
        let (_, rest) = text.split_once(&head).unwrap_or_else(|| panic!("{name} is missing"));
        let (own, _) = rest.split_once("\n    };\n").expect("an end");
        let example = definition.example.as_ref().and_then(Value::as_object).expect("an example");
        for member in example.keys() {
            assert!(format!("\n{own}").contains(&format!("\n      {}: ", key(member))), "{name}: {member}");
        }
    }
    assert!(!text.contains(": unknown;"), "all members have types");
    assert_eq!(text, event_data_types(&catalogue));
}
