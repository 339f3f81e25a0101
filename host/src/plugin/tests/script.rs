//! The built-in plugin `script`: JavaScript given as text, in its engine inside the component. What scripts are given
//! and what is made of their results is tested in `plugins/script` too, where it needs no engine.

use std::time::Duration;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::*;
use crate::model::{Export, LogLine};
use crate::plugin::{Objection, PluginError, Reported, TrapKind, Verdict};

fn script() -> Loaded {
    host().builtin("script").expect("it is built in")
}

fn call(script: &str) -> Call {
    call_in("s", &json!({ "script": script }).to_string())
}

/// Runs a script as an action.
fn run_in(host: &PluginHost, script: &str, input: &Value) -> Result<Reported<String>, PluginError> {
    host.run_here(&host.builtin("script").expect("it is built in"), call(script), input.to_string())
}

/// The output of a script as an action.
fn run(script: &str) -> Value {
    let report = run_in(&host(), script, &Value::Null).unwrap_or_else(|error| panic!("{script}: {error}"));
    serde_json::from_str(&report.value).expect("JSON")
}

/// Checks what `script`, as an action, fails with.
fn check(script: &str, expected: &Expect) {
    let reason = match run_in(&host(), script, &Value::Null) {
        Err(PluginError::Invalid { reason, .. }) => reason,
        other => panic!("{script}: {other:?}"),
    };
    expected.assert_eq(&reason);
}

#[tokio::test]
async fn a_script_builds_a_request() {
    let script_text = "
        export const greet = (name) => `Hällo ${name}!`;
        export function render(input, base, call) {
            console.log('rendering', input, call.id);
            if (input.name === null) return null;
            return base.with({ headers: { 'X-Id': call.id }, json: { text: greet(input.name) } });
        }";
    let render = async |input: &str| host().render(&script(), call(script_text), input.to_owned(), base()).await;
    let report = render(r#"{"name":"Ann \"😀\""}"#).await.expect("it renders");
    let request = report.value.expect("a request");
    assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", "https://a.example/x"));
    assert_eq!(request.body, r#"{"text":"Hällo Ann \"😀\"!"}"#);
    let headers: Vec<_> = request.headers.iter().map(|field| (field.name.as_str(), field.value.as_str())).collect();
    assert_eq!(headers, [("X-Id", "call-1"), ("content-type", "application/json")]);
    let logged = LogLine { level: "info".into(), message: r#"rendering {"name":"Ann \"😀\""} call-1"#.into() };
    assert_eq!(report.logs, [logged]);
    assert_eq!(render(r#"{"name":null}"#).await.expect("it answers").value, None);
}

#[tokio::test]
async fn a_script_reads_a_response() {
    let map = async |script_text: &str, body: &'static str| {
        host().map(&script(), call(script_text), response(body)).await.expect("it maps").value
    };
    let fields = "return { id: response.json().id, ok: response.ok }";
    assert_eq!(map(fields, r#"{"id":"ü"}"#).await, Verdict::Accepted(r#"{"id":"ü","ok":true}"#.into()));
    let busy = "export const map = (response) => { throw new Retry(response.text()) }";
    assert_eq!(map(busy, "büsy").await, Verdict::Retry("büsy".into()));
    assert_eq!(map("throw new Reject('no')", "").await, Verdict::Failed("no".into()));
}

#[tokio::test]
async fn a_script_is_a_step_of_a_workflow() {
    let (host, input) = (host(), json!({ "a": 1, "b": [2, 3] }));
    let sum = "export function run({ a, b }) { return { sum: b.reduce((sum, next) => sum + next, a) } }";
    assert_eq!(run_in(&host, sum, &input).expect("it runs").value, r#"{"sum":6}"#);
    let report = host.run(&script(), call(sum), input.to_string(), None).await.expect("it runs as an action too");
    assert_eq!(report.value, r#"{"sum":6}"#);
    let error = run_in(&host, "throw new Retry('later')", &input).expect_err("it may work later");
    assert!(matches!(error, PluginError::Unavailable { ref reason, .. } if reason == "later"), "{error:?}");
    let error = run_in(&host, "throw new Reject('never')", &input).expect_err("it never works");
    assert!(matches!(error, PluginError::Rejected { ref reason, .. } if reason == "never"), "{error:?}");
}

#[test]
fn an_error_tells_line_and_column_of_the_users_script() {
    let cases = [
        ("foo()", expect!["line 1, column 1: ReferenceError: foo is not defined"]),
        (
            "export function run(input) {\n  const lead = {};\n  return lead.phone.number;\n}",
            expect!["line 3, column 10: TypeError: cannot read property 'number' of undefined"],
        ),
        ("/* größer 😀 */ throw new RangeError('too big')", expect!["line 1, column 27: RangeError: too big"]),
        (
            "const parse = (text) => JSON.parse(text);\r\n\r\n  parse('{\\n \\n x');",
            expect![
                "line 1, column 36: SyntaxError: Expected property name or '}' in JSON at position 5 (line 3 column 2)"
            ],
        ),
        (
            "class Mine extends Error {}\nconst fail = () => { throw new Mine('why') };\n[1].map(fail);",
            expect!["line 2, column 32: why"],
        ),
        ("undeclared = 1;", expect!["line 1, column 1: ReferenceError: undeclared is not defined"]),
    ];
    for (script, expected) in cases {
        check(script, &expected);
    }
}

#[test]
fn a_syntax_error_tells_line_and_column_too() {
    let cases = [
        ("const a = 1;\n  const ä = 'ü' + ;", expect!["line 2, column 19: unexpected token in expression: ';'"]),
        (
            "export function run() {\n  return 1;\n",
            expect!["line 2, column 12: the script ends where something is open, or closed too often"],
        ),
        (
            "export function run() { return 1 } }",
            expect!["line 1, column 37: the script ends where something is open, or closed too often"],
        ),
        ("const a = 4 / 2;\nreturn /ä/.test(a) || /(/u.test(a);", expect!["line 2, column 23: expecting ')'"]),
        ("\n  import { x } from 'y';", expect!["line 2, column 3: a script cannot import anything"]),
        (
            "const a = 1;\n/* export */ export default function () {}",
            expect!["line 2, column 14: `export` stands before a function, class or variable that has a name"],
        ),
        ("await 1", expect!["line 1, column 7: expecting ';'"]),
        (
            "const text = `\nexport function no() {}`; export { text };",
            expect!["line 2, column 27: `export` stands before a function, class or variable that has a name"],
        ),
    ];
    for (script, expected) in cases {
        check(script, &expected);
    }
}

#[test]
fn exports_are_found_by_the_engine_not_by_their_looks() {
    let script = "
        const text = `
export function no() {}`; /*
export const none = 1; */ export const one = 1; export class Two {}
        export async function three() {} export let four, five; export
        function run() { return [text, one, typeof Two, typeof three, four ?? null] }";
    assert_eq!(run(script), json!(["\nexport function no() {}", 1, "function", "function", null]));
}

#[tokio::test]
async fn a_check_compiles_without_calling() {
    let checked = |script: &str| call_in("s", &json!({ "script": script, "check": true }).to_string());
    let (host, plugin) = (host(), script());
    let throws = "if (input !== 0) throw new Error('it was called'); return 0";
    let report = host.render(&plugin, checked(throws), "{}".into(), base()).await.expect("it compiles");
    assert_eq!(report.value, Some(base()));
    host.map(&plugin, checked(throws), response("")).await.expect("it compiles");
    host.run_here(&plugin, checked(throws), "null".into()).expect("it compiles");
    let error = host.render(&plugin, checked("\n return {"), "{}".into(), base()).await.expect_err("it does not");
    assert!(matches!(error, PluginError::Invalid { ref reason, .. } if reason.starts_with("line 2, ")), "{error:?}");
}

#[tokio::test]
async fn the_scripts_of_the_readme_compile() {
    let readme = include_str!("../../../../plugins/script/README.md");
    let scripts: Vec<_> = readme.split("```js\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(scripts.len(), 5);
    let exports = [Export::Template, Export::Mapping, Export::Action, Export::Verifier, Export::Template];
    for (script, export) in scripts.into_iter().zip(exports) {
        assert_eq!(objection(export, script).await, None, "{script}");
    }
}

/// What a check says against a script in a place.
async fn objection(export: Export, script: &str) -> Option<Objection> {
    host().check_config("s", "script", export, &json!({ "script": script })).await.expect("it is checked")
}

#[tokio::test]
async fn a_check_says_where_a_script_is_wrong_or_what_its_place_misses() {
    let at = |line, column, reason: &str| {
        Some(Objection { pointer: "/script".into(), position: Some((line, column)), reason: reason.into() })
    };
    let all =
        [(Export::Template, "render"), (Export::Mapping, "map"), (Export::Action, "run"), (Export::Verifier, "verify")];
    for (export, name) in all {
        let other = if name == "run" { "map" } else { "run" };
        let useless = format!("the script neither defines a function `{name}` nor returns a value");
        assert_eq!(
            objection(export, &format!("function {other}() {{}}\n\n")).await,
            at(1, 18 + other.len() - 3, &useless)
        );
        assert_eq!(objection(export, "const a = 'return';\n// return 1").await, at(2, 12, &useless));
        assert_eq!(
            objection(export, "return (").await,
            at(1, 9, "the script ends where something is open, or closed too often")
        );
        for works in
            ["function NAME() {}", "let NAME = 1", "var { NAME } = {}", "class NAME {}", "if (call) { return 1 }"]
        {
            assert_eq!(objection(export, &works.replace("NAME", name)).await, None, "{works}");
        }
    }
    let host = host();
    for unchecked in [json!(null), json!({}), json!([1])] {
        let found = host.check_config("s", "jq", Export::Action, &unchecked).await.expect("it is asked");
        assert_eq!(found, None, "it checks nothing of {unchecked}");
    }
    assert_eq!(host.check_config("s", "nobody", Export::Action, &json!({})).await.expect("nobody is asked"), None);
    let found = host.check_config("s", "text-template", Export::Template, &json!({ "text": "{\n \"a\": }" })).await;
    let found = found.expect("it is asked").expect("it is no JSON");
    assert_eq!((found.pointer.as_str(), found.position.map(|(line, _)| line)), ("", Some(2)), "{found:?}");
}

#[test]
fn the_language_is_es2023() {
    let features = [
        ("[3, 1, 2].toSorted()", json!([1, 2, 3])),
        ("[1, 2].toReversed()", json!([2, 1])),
        ("[1, 2, 3].toSpliced(1, 1)", json!([1, 3])),
        ("[1, 2].with(0, 5)", json!([5, 2])),
        ("[1, 2, 3].findLast((n) => n < 3)", json!(2)),
        ("[1, 2, 3].findLastIndex((n) => n > 5)", json!(-1)),
        ("[[1, [2]], 3].flat(Infinity).at(-1)", json!(3)),
        ("class { static #a = 1; static b = this.#a; static has(o) { return #a in o } }.b", json!(1)),
        ("(() => { let x; class A { static { x = 7 } } return x })()", json!(7)),
        ("/(?<y>\\d)b/d.exec('a1b').indices.groups.y", json!([1, 2])),
        ("/[\\p{L}--[a-z]]/v.test('a')", json!(false)),
        ("'a1b2'.replaceAll(/\\d/g, '-')", json!("a-b-")),
        ("String(2n ** 64n)", json!("18446744073709551616")),
        ("null ?? 1_000", json!(1000)),
        ("(() => { let a = null; a ??= 2; a ||= 3; a &&= 4; return a })()", json!(4)),
        ("Object.fromEntries([['a', 1]])?.a", json!(1)),
        ("Object.hasOwn({ a: 1 }, 'a')", json!(true)),
        ("new Error('x', { cause: 1 }).cause", json!(1)),
        ("[...new Set([1, 1])]", json!([1])),
        ("new WeakMap([[Symbol('s'), 1]]) instanceof WeakMap", json!(true)),
        ("(function* () { yield* [1, 2] })().next().value", json!(1)),
        ("'ä'.normalize('NFD').length", json!(2)),
        ("[typeof Intl, typeof fetch, typeof setTimeout, typeof process]", json!(vec!["undefined"; 4])),
    ];
    for (expression, expected) in features {
        assert_eq!(run(&format!("return {expression}")), expected, "{expression}");
    }
    assert_eq!(run("#!/usr/bin/env a-hashbang\nreturn 1"), 1);
}

#[test]
fn bytes_are_at_hand() {
    assert_eq!(run("return new TextDecoder().decode(new TextEncoder().encode('ä€😀'))"), "ä€😀");
    let published = "return hmac('sha256', 'Jefe', 'what do ya want for nothing?').toHex()";
    let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    assert_eq!(run(published), expected, "RFC 4231, test case 2");
    let start = "return hmac('sha512', 'Jefe', 'what do ya want for nothing?').toHex().slice(0, 32)";
    assert_eq!(run(start), "164b7a7bfcf819e2e395fbe73b56e0a3", "RFC 4231, test case 2");
    let end = "return digest('sha512', 'abc').toHex().slice(-16)";
    assert_eq!(run(end), "2a9ac94fa54ca49f", "FIPS 180");
    assert_eq!(run("return digest('sha1', 'abc').toHex()"), "a9993e364706816aba3e25717850c26c9cd0d89d", "FIPS 180");
    assert_eq!(run("return [atob('YQ=='), btoa('a'), Uint8Array.fromHex('ff')[0]]"), json!(["a", "YQ==", 255]));
}

#[test]
fn the_same_call_gives_the_same_bytes() {
    let script = "return [Date.now(), new Date(), Date(), new Date(0).getTimezoneOffset(),
        Math.random(), Math.random(), Object.keys(globalThis), typeof performance]";
    let first = run(script);
    assert_eq!(first, run(script));
    assert_eq!(first[0], 1_700_000_000_123_u64, "the time is call.now");
    assert_ne!(first[4], first[5]);
    let other = Call { id: "call-2".into(), ..call("return Math.random()") };
    let other = host().run_here(&self::script(), other, "null".into()).expect("it runs").value;
    assert_ne!(first[4].to_string(), other, "another call draws other numbers");
}

#[test]
fn no_call_sees_what_another_left() {
    assert_eq!(run("Array.prototype.left = 1; globalThis.left = 2; return [].left"), 1);
    assert_eq!(run("return [typeof [].left, typeof globalThis.left]"), json!(["undefined", "undefined"]));
}

#[test]
fn an_endless_loop_is_stopped() {
    let host = host_with(Limits::default());
    let error = run_in(&host, "for (;;);", &Value::Null).expect_err("it is stopped");
    assert!(matches!(error, PluginError::TimedOut { limit, .. } if limit == Duration::from_millis(50)), "{error:?}");
}

#[test]
fn calls_that_nest_too_deeply_are_stopped_and_say_so() {
    for script in ["const f = () => f() + 1; f()", "JSON.parse('['.repeat(100000))"] {
        let error = run_in(&host(), script, &Value::Null).expect_err("it is stopped");
        assert!(matches!(error, PluginError::Trapped { kind: TrapKind::Stack, .. }), "{error:?}");
    }
    assert_eq!(run("const f = (n) => n === 0 ? 0 : 1 + f(n - 1); return f(400)"), 400);
    assert_eq!(run("return JSON.parse('['.repeat(1000) + ']'.repeat(1000)).length"), 1);
}

#[test]
fn a_script_that_fills_the_memory_is_told_so() {
    check(
        "const all = []; for (;;) all.push(new Uint8Array(1 << 20));",
        &expect!["line 1, column 55: InternalError: out of memory"],
    );
    check("const all = []; for (;;) all.push({});", &expect!["out of memory, or the script threw null"]);
}
