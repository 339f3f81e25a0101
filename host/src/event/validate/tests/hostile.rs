//! Schemas made to hurt: each is refused with its reason, or does no harm.

use std::time::Duration;

use serde_json::Map;

use super::*;

/// What a refusal, or a check of an accepted schema, may take of the processor's time in a test build.
const SOON: Duration = Duration::from_secs(5);

/// The processor's time that this thread has used: a busy machine does not matter.
fn used() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("no time before the start")
}

fn refused(schema: &Value, pointer: &str, reason: &str) {
    let before = used();
    let problem = Validator::compile(schema).expect_err(reason);
    let took = used() - before;
    assert!(took < SOON, "{reason}: {took:?}");
    assert!(problem.reason.contains(reason), "{problem} does not say {reason:?}");
    assert_eq!(problem.pointer, pointer, "{problem}");
}

/// Checks hostile data against an accepted schema.
fn survives(schema: &Value, data: &Value) {
    let before = used();
    let validator = compiled(schema);
    let compiling = used() - before;
    drop(validator.check(data));
    let checking = used() - before - compiling;
    assert!(compiling + checking < SOON, "compiled in {compiling:?}, checked in {checking:?}");
}

fn nested(depth: usize, wrap: impl Fn(Value) -> Value) -> Value {
    (0..depth).fold(json!({}), |inner, _| wrap(inner))
}

/// `$defs` `d0`, `d1`, … of which each is made from the reference to the next; the last is anything.
fn chain(length: usize, make: impl Fn(Value) -> Value) -> Value {
    let mut defs = Map::new();
    for number in 0..length {
        defs.insert(format!("d{number}"), make(json!({"$ref": format!("#/$defs/d{}", number + 1)})));
    }
    defs.insert(format!("d{length}"), json!({"type": "string"}));
    json!({"$ref": "#/$defs/d0", "$defs": defs})
}

#[test]
fn what_is_no_schema_is_refused() {
    for (schema, pointer, reason) in [
        (json!(null), "", "a schema is a JSON object"),
        (json!([]), "", "a schema is a JSON object"),
        (json!(true), "", "a schema is a JSON object"),
        (json!({"type": "strin"}), "/type", "not valid under any"),
        (json!({"properties": {"a": {"required": "b"}}}), "/properties/a/required", "not of type \"array\""),
        (json!({"items": [{}]}), "/items", "not of type"),
        (json!({"$schema": "http://json-schema.org/draft-07/schema#"}), "/$schema", "JSON Schema 2020-12"),
        (json!({"$schema": "https://evil.example/meta"}), "/$schema", "JSON Schema 2020-12"),
    ] {
        refused(&schema, pointer, reason);
    }
}

#[test]
fn references_do_not_leave_the_schema() {
    for target in [
        "https://evil.example/schema.json",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "other.json#/a",
        "json-schema:///x",
        "#anchor",
        "",
        "/$defs/a",
        "#/$defs/%61",
    ] {
        refused(&json!({"properties": {"a": {"$ref": target}}}), "/properties/a/$ref", "references stay in the schema");
    }
    refused(&json!({"properties": {"a": {"$ref": "#/$defs/a"}}}), "/properties/a/$ref", "is not there");
    refused(&json!({"$defs": {"a": {"$ref": "https://evil.example"}}}), "/$defs/a/$ref", "references stay");
    refused(&json!({"const": {"x": {"$ref": "//evil.example"}}}), "/const/x/$ref", "references stay");
}

#[test]
fn embedded_resources_and_dynamic_references_are_refused() {
    let anywhere = json!({"$ref": "#/x/a", "x": {"$id": "https://a.example/", "a": {"$ref": "#/b"}, "b": false}});
    refused(&anywhere, "/x/$id", "at the root only");
    refused(&json!({"items": {"$schema": DIALECT}}), "/items/$schema", "at the root only");
    refused(&json!({"$dynamicAnchor": "n", "items": {}}), "/$dynamicAnchor", "not supported");
    refused(&json!({"items": {"$dynamicRef": "#n"}}), "/items/$dynamicRef", "not supported");
    refused(&json!({"items": {"$recursiveRef": "#"}}), "/items/$recursiveRef", "not supported");
    refused(&json!({"$recursiveAnchor": true}), "/$recursiveAnchor", "not supported");
    refused(&json!({"$vocabulary": {"https://a.example": true}}), "/$vocabulary", "not supported");
    let names = json!({"properties": {"$ref": {}, "$id": {}, "$dynamicRef": {}, "pattern": {"type": "string"}}});
    compiled(&names);
}

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

#[test]
fn a_schema_that_contains_itself_is_refused() {
    let itself = "the schema contains itself";
    refused(&json!({"$ref": "#"}), "/$ref", itself);
    refused(&json!({"items": {"$ref": "#"}}), "/items/$ref", itself);
    refused(&json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}), "/$ref/$ref", itself);
    let two = json!({"$defs": {"a": {"not": {"$ref": "#/$defs/b"}}, "b": {"items": {"$ref": "#/$defs/a"}}}});
    let mut used = two.clone();
    used["$ref"] = json!("#/$defs/a");
    refused(&used, "/$ref/not/$ref/items/$ref", itself);
    compiled(&two);
    let twice = json!({"properties": {"child": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}});
    refused(&twice, "/properties/child/allOf/0/$ref", itself);
}

#[test]
fn a_deep_schema_is_refused() {
    let deep = nested(1000, |inner| json!({ "not": inner }));
    refused(&deep, &"/not".repeat(65), "nested more than 64 deep");
    let arrays = (0..1000).fold(json!(1), |inner, _| json!([inner]));
    refused(&json!({ "default": arrays }), &format!("/default{}", "/0".repeat(64)), "nested more than 64 deep");
    refused(
        &chain(100, |next| json!({ "not": next })),
        &format!("{}/$ref", "/$ref/not".repeat(32)),
        "nested more than 64 deep, ref",
    );
    compiled(&nested(64, |inner| json!({ "not": inner })));
    compiled(&chain(31, |next| json!({ "not": next })));
    let texts: Vec<String> = (0..2000).map(|n| format!("t{n}")).collect();
    compiled(&json!({ "enum": texts }));
}

#[test]
fn a_huge_schema_is_refused() {
    let members: Map<String, Value> = (0..5000).map(|n| (format!("m{n}"), json!({"type": "string"}))).collect();
    refused(&json!({ "properties": members }), "", "the limit is 65536");
    let refs: Vec<Value> = (0..300).map(|_| json!({"$ref": "#/$defs/a"})).collect();
    refused(&json!({"prefixItems": refs, "$defs": {"a": {}}}), "/prefixItems/256/$ref", "more than 256 references");
}

#[test]
fn a_small_schema_that_stands_for_a_huge_one_is_refused() {
    let laughs = chain(31, |next| json!({"properties": {"a": next, "b": next}}));
    let problem = Validator::compile(&laughs).expect_err("2^31 schemas");
    assert!(problem.reason.contains("more than 10000 schemas"), "{problem}");
    let repeated = chain(31, |next| json!({"allOf": [next, next]}));
    let problem = Validator::compile(&repeated).expect_err("2^31 assertions");
    assert!(problem.reason.contains("more than 500 assertions"), "{problem}");
    let unevaluated = chain(31, |next| json!({"allOf": [next], "unevaluatedProperties": false}));
    let problem = Validator::compile(&unevaluated).expect_err("31! assertions");
    assert!(problem.reason.contains("more than 500 assertions"), "{problem}");
    let many: Vec<Value> = (0..300).map(|n| json!({"not": {"const": n}})).collect();
    refused(&json!({"items": {"allOf": many}}), "/items", "more than 500 assertions");
}

#[test]
fn the_most_that_is_accepted_is_compiled_and_checked_soon() {
    let chained = chain(31, |next| json!({"items": next, "contains": {"type": "array"}}));
    survives(&chained, &(0..100).fold(json!("a"), |inner, _| json!([inner])));
    let many: Vec<Value> = (0..200).map(|n| json!({"not": {"const": n + 2}})).collect();
    let ones: Vec<Value> = (0..120_000).map(|_| json!(1)).collect();
    survives(&json!({"items": {"allOf": many}}), &Value::from(ones.clone()));
    let pairs: Vec<Value> = (0..100).map(|_| json!({"enum": [1]})).collect();
    survives(&json!({"items": {"anyOf": [{"allOf": pairs.clone()}, {"oneOf": pairs}]}}), &Value::from(ones));
    let unevaluated = nested(3, |inner| json!({"allOf": [inner], "unevaluatedProperties": {"type": "string"}}));
    let members: Map<String, Value> = (0..20_000).map(|n| (format!("m{n}"), json!("a"))).collect();
    survives(&unevaluated, &Value::Object(members));
}

/// All arrays of arrays with so many brackets: unlike, but alike to who leaves out the brackets.
fn arrays(brackets: usize, known: &mut Vec<Vec<Vec<Value>>>) {
    let mut all = Vec::new();
    for first in 1..=brackets {
        for (inner, rest) in known[first - 1].iter().flat_map(|a| known[brackets - first].iter().map(move |b| (a, b))) {
            all.push(std::iter::once(Value::Array(inner.clone())).chain(rest.iter().cloned()).collect());
        }
    }
    known.push(all);
}

#[test]
fn items_that_are_unlike_only_in_their_brackets_are_told_apart_soon() {
    let mut known = vec![vec![Vec::new()]];
    (1..10).for_each(|brackets| arrays(brackets, &mut known));
    let items: Vec<Value> = known.into_iter().flatten().map(Value::Array).collect();
    assert!(items.len() > 6000);
    let data = Value::from([items.clone(), items[..1].to_vec()].concat());
    let often = |count: usize| json!({"allOf": vec![json!({"uniqueItems": true}); count]});
    survives(&often(4), &data);
    refused(&often(5), "", "more than 500 assertions");
    let validator = compiled(&json!({"uniqueItems": true}));
    assert_eq!((validator.check(&Value::from(items)).is_ok(), validator.check(&data).is_ok()), (true, false));
    assert_eq!(compiled(&json!({"uniqueItems": false})).check(&data), Ok(()));
}

#[test]
fn a_regular_expression_takes_linear_time() {
    let text = json!("a".repeat(200_000));
    for regex in ["^(a+)+$", "^(a|a)*b$", "(a*)*b", "^(([a-z])+.)+[A-Z]([a-z])+$"] {
        survives(&json!({ "pattern": regex }), &text);
        let mut members = Map::new();
        members.insert("a".repeat(100_000), json!(1));
        survives(&json!({"patternProperties": {regex: {"type": "string"}}}), &Value::Object(members));
    }
}

#[test]
fn the_largest_automata_are_survived() {
    let bits = |n: u32| if n.wrapping_mul(2_654_435_761) >> 31 == 0 { '0' } else { '1' };
    let text: String = (0..250_000).map(bits).collect();
    let forwards = |count: u32| format!("[01]*1[01]{{{count}}}2");
    let backwards = |count: u32| format!("2[01]{{{count}}}1[01]*$");
    let largest = |make: &dyn Fn(u32) -> String| {
        (1..100).rev().map(make).find(|regex| Validator::compile(&json!({ "pattern": regex })).is_ok())
    };
    for regex in [largest(&forwards), largest(&backwards)] {
        let regex = regex.expect("one that is accepted");
        let same: Vec<Value> = (0..6).map(|_| json!({ "pattern": regex })).collect();
        survives(&json!({ "allOf": same }), &json!(text));
    }
}

#[test]
fn regular_expressions_that_people_write_are_accepted() {
    for (regex, fits, other) in [
        (r"^\+[1-9]\d{1,14}$", "+442079460101", "+0442079460101"),
        (r"^[\w.%+-]+@[a-z0-9.-]+\.[a-z]{2,}$", "ada@analytical.example", "ada@example"),
        (r"^.{1,200}$", "é", ""),
        (r"^\S{1,50}$", "abc", "a c"),
        (r"^\p{L}+$", "Zoë", "Z0"),
        (r"^[A-Za-z0-9_-]{1,255}$", "a-b", "a b"),
        (r"^https?://[^\s/$.?#].[^\s]*$", "https://a.example/b", "ftp://a.example"),
        (r"^#([A-Fa-f0-9]{6}|[A-Fa-f0-9]{3})$", "#2f9e44", "#2f9"),
        ("[0-9]{3}-[0-9]{4}", "call 555-0101", "5550101"),
    ] {
        let validator = compiled(&json!({ "pattern": regex }));
        assert_eq!(validator.check(&json!(fits)), Ok(()), "{regex}");
        assert_eq!(validator.check(&json!(other)).is_ok(), other == "#2f9", "{regex}");
    }
}

#[test]
fn regular_expressions_that_cannot_be_bounded_are_refused() {
    for (regex, reason) in [
        ("(?=a)b", "look-around"),
        ("(?!a)b", "look-around"),
        ("(?<=a)b", "look-around"),
        ("(a)\\1", "back-references"),
        ("\\ba", "\\b"),
        ("(", "no regular expression"),
        ("[", "no regular expression"),
        ("a{2,1}", "no regular expression"),
        ("((a{100}){100}){100}", "its automaton takes more than 256 KiB"),
        ("\\p{L}{1000}", "its automaton takes more than 256 KiB"),
        ("[01]*1[01]{30}2", "its automaton takes more than 256 KiB"),
        ("2[01]{30}1[01]*$", "its automaton takes more than 256 KiB"),
    ] {
        refused(&json!({"properties": {"a": {"pattern": regex}}}), "/properties/a/pattern", reason);
        let pointer = format!("/patternProperties/{}", regex.replace('~', "~0").replace('/', "~1"));
        refused(&json!({"patternProperties": {regex: {}}}), &pointer, reason);
    }
    let long = "a".repeat(513);
    refused(&json!({ "pattern": long }), "/pattern", "the limit is 512");
    refused(&json!({"patternProperties": {long.as_str(): {}}}), &format!("/patternProperties/{long}"), "limit is 512");
    let many: Vec<Value> = (0..65).map(|n| json!({"pattern": format!("a{n}")})).collect();
    refused(&json!({ "prefixItems": many }), "/prefixItems/64/pattern", "more than 64 regular expressions");
    let large: Vec<Value> = (0..65).map(|n| json!({"pattern": format!("^.{{1,40}}{n}")})).collect();
    let problem = Validator::compile(&json!({ "prefixItems": large })).expect_err("too much");
    assert!(problem.reason.contains("more than 1024 KiB as automata"), "{problem}");
    let slow = "\\s".repeat(250);
    survives(&json!({"properties": {"a": {"pattern": "\\d".repeat(250)}}}), &json!({"a": "1".repeat(200_000)}));
    refused(&json!({ "pattern": slow }), "/pattern", "its automaton takes more than 256 KiB");
}
