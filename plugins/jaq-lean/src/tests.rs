//! Tests of compiling and running, and of the printed library.

use jaq_core::load::parse;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{Program, from_val, library, names, print, to_val};

fn run(source: &str, input: Value) -> Result<Option<Value>, String> {
    Program::compile(source, &[]).map_err(|error| error.to_string())?.run_json(&input, &[])
}

/// The first output.
fn first(source: &str, input: Value) -> Value {
    run(source, input).unwrap().unwrap()
}

fn refused(source: &str) -> String {
    Program::compile(source, &["$context"]).err().map_or_else(|| "compiles".into(), |error| error.to_string())
}

#[test]
fn every_printed_definition_parses_to_the_tree_that_it_was_printed_from() {
    for def in print::theirs() {
        let printed = print::definition(&def);
        let parsed = parse(printed.as_str(), |parser| parser.defs()).unwrap();
        // Parentheses leave no trace in the tree; strings may be written with escapes in another way.
        assert_eq!(parsed.len(), 1, "{printed}");
        assert_eq!(print::definition(&parsed[0]), printed);
        assert_eq!(format!("{:?}", parsed[0]), format!("{def:?}"), "{printed}");
    }
}

#[test]
fn every_definition_compiles_with_what_is_cut_down_for_it() {
    assert!(library::THEIRS.lines().count() > 100);
    for line in library::THEIRS.lines().chain(names::OURS.lines()) {
        let (name, _) = names::name_of_line(line).unwrap();
        let def = &parse(line, |parser| parser.defs()).unwrap()[0];
        let arguments = vec!["."; def.args.len()].join("; ");
        let call = if def.args.is_empty() { name.to_owned() } else { format!("{name}({arguments})") };
        assert_eq!(refused(&call), "compiles", "{line}");
    }
}

#[test]
fn paths_and_the_common_filters_give_what_jq_gives() {
    let input = json!({ "a": { "b": [1, { "c": "x" }] }, "n": 2.5, "t": "2026-03-14T09:26:53Z" });
    let cases = [
        (".a.b[1].c", json!("x")),
        (".a[\"b\"] | length", json!(2)),
        (".missing.deeper", json!(null)),
        ("[.a.b[] | numbers]", json!([1])),
        (".a | to_entries | map(.key) | join(\",\")", json!("b")),
        ("[\"a1\", \"b\"] | map(select(test(\"[0-9]\"))) | first", json!("a1")),
        ("\"\\(.n * 2) \\(@json \"x\\(.a.b[1])\")\"", json!("5.0 x{\"c\":\"x\"}")),
        (".t | fromdateiso8601 | strftime(\"%Y\")", json!("2026")),
        ("reduce range(5) as $i (0; . + $i)", json!(10)),
        ("[limit(3; repeat(1))]", json!([1, 1, 1])),
        ("\"a b\" | @uri, @base64", json!("a%20b")),
        ("[.. | strings] | sort | unique | length", json!(2)),
        (".n as $n | {n: $n, a: (.a.b | add? // \"none\")}", json!({"n": 2.5, "a": "none"})),
        ("with_entries(select(.key == \"n\"))", json!({"n": 2.5})),
        ("def double: . * 2; .n | double", json!(5.0)),
        ("try error(\"x\") catch .", json!("x")),
        ("\"ab\" | ascii_upcase | split(\"\") | reverse | join(\"-\")", json!("B-A")),
    ];
    for (source, expected) in cases {
        assert_eq!(first(source, input.clone()), expected, "{source}");
    }
    assert_eq!(run("empty", json!(1)), Ok(None));
    assert_eq!(run(".a.b", json!([])).unwrap_err(), "cannot index [] with \"a\"");
}

#[test]
fn nothing_of_the_host_is_seen() {
    assert_eq!(first("[env, $ENV, (1 | debug), (2 | debug(\"x\")), (3 | stderr)]", json!(0)), json!([{}, {}, 1, 2, 3]));
    assert_eq!(
        refused("1 +\n now"),
        "line 2, column 2: `now` is not available: expressions see their input and variables only"
    );
    for source in ["halt", "halt_error", "halt(1)", "input", "inputs", "localtime", "input_filename", "get_search_list"]
    {
        assert!(refused(source).contains("not available"), "{source}: {}", refused(source));
    }
    assert!(refused("$__prog_args").contains("the variable `$__prog_args` is not defined"));
    assert!(refused("import \"a\" as a; 1").contains("modules cannot be imported"));
    assert!(refused("include \"/etc/passwd\"; 1").contains("modules cannot be imported"));
    assert!(refused("stderr_empty").contains("is not defined"));
}

#[test]
fn variables_are_given_by_name_and_order() {
    let program = Program::compile("[$context.a, $b, .]", &["$context", "$b"]).unwrap();
    let output = program.run_json(&json!(3), &[&json!({"a": 1}), &json!(2)]).unwrap();
    assert_eq!(output, Some(json!([1, 2, 3])));
}

#[test]
fn errors_have_line_and_column_in_characters() {
    let cases = [
        (".a |\n \"é\" | nope(1)", "line 2, column 8: the filter `nope/1` is not defined"),
        ("$nope", "line 1, column 1: the variable `$nope` is not defined"),
        ("", "line 1, column 1: expected term, found the end"),
        ("1 1", "line 1, column 3: expected nothing, found `1`"),
        (".a[", "line 1, column 4: expected closing bracket, found the end"),
        ("if 1 then 2", "line 1, column 12: expected else or end, found the end"),
        (".a | \"x", "line 1, column 8: expected closing quote, found the end"),
        ("break $x", "line 1, column 7: the label `$x` is not defined"),
    ];
    for (source, expected) in cases {
        assert_eq!(refused(source), expected, "{source}");
    }
}

#[test]
fn numbers_that_json_lacks_become_null_and_big_ones_stay() {
    assert_eq!(
        first("[nan, infinite, 1e1000, 12345678901234567890, 0.1]", json!(0)).to_string(),
        "[null,null,null,12345678901234567890,0.1]"
    );
    assert_eq!(first(".", json!([u64::MAX, i64::MIN, 1.5e300])), json!([u64::MAX, i64::MIN, 1.5e300]));
}

#[test]
fn an_output_that_nests_too_deep_is_an_error() {
    let deep = |levels: u32| run(&format!("reduce range({levels}) as $i (0; [.])"), json!(0));
    assert!(deep(128).is_ok());
    assert_eq!(deep(129).unwrap_err(), "the output nests deeper than 128 levels");
}

proptest! {
    #[test]
    fn no_short_source_makes_compiling_panic(source in "(\\.|a|b|\\[|\\]|\\(|\\)|\\{|\\}|\\||,|;|:|\"|\\\\|\\$|@|1|-|/|\\?|=| |def|if|then|end|as|reduce|try|map|\n|é){0,30}") {
        let _compiled = Program::compile(&source, &[]);
    }

    #[test]
    fn values_survive_the_way_there_and_back(text in any::<String>(), integer in any::<i64>(), float in any::<f64>()) {
        let value = json!({ "t": text.clone(), text: [integer, float, true, null] });
        prop_assert_eq!(from_val(&to_val(&value)).unwrap(), value);
    }
}
