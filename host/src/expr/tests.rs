//! Attacks, the meter, positions of errors, and the same answers as jaq itself.

mod against_jaq;

use std::sync::Mutex;

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Notes what is sent to it and answers that it was too much.
#[derive(Default)]
struct Watched(Mutex<Vec<String>>);

impl Sandbox for Watched {
    fn evaluate(&self, source: &str, _: &Value, _: &[(&str, &Value)]) -> Result<Value, EvaluateError> {
        self.0.lock().expect("no panic under the lock").push(source.to_owned());
        Err(EvaluateError::Limit("the deadline passed".to_owned()))
    }

    fn check(&self, _: &str, _: &[&str]) -> Result<(), ExpressionError> {
        Ok(())
    }
}

const VARIABLES: [&str; 2] = ["$context", "$input"];

fn compile(source: &str) -> Result<Expression, ExpressionError> {
    Expression::compile(source, &VARIABLES)
}

fn evaluate(source: &str, input: &Value) -> Result<Value, EvaluateError> {
    let expression = compile(source).expect(source);
    assert!(expression.is_bounded(), "{source} must be bounded");
    expression.evaluate(input, &[("$context", &json!({"a": 1}))], &NoSandbox)
}

#[test]
fn what_could_run_for_ever_goes_to_the_sandbox_and_ends_there() {
    let deep = "(".repeat(2_000) + "." + &")".repeat(2_000);
    let negations = "-".repeat(5_000) + "1";
    let long = format!("\"{}\"", "x".repeat(3_000));
    for source in [
        "def f: 1+f; f",
        "def f: def g: f; g; f",
        "[repeat(1)]",
        "last(repeat(1))",
        "first(repeat(empty))",
        "[range(0; 1e12)]",
        "[limit(1e9; repeat(1))]",
        "until(false; .)",
        "[while(true; .)]",
        "[recurse]",
        "[..]",
        "reduce range(1e9) as $x (0; . + 1)",
        "foreach .[] as $x (0; . + $x)",
        "label $out | repeat(break $out)",
        ".a |= 1",
        ".[] += 1",
        "walk(.)",
        "test(\"(a*)*b\")",
        "[splits(\"a\")]",
        "[combinations(9)]",
        "implode",
        "try error catch .",
        "getpath([\"a\"])",
        "fromjson",
        &deep,
        &negations,
        &long,
    ] {
        let expression = compile(source).expect(source);
        assert!(!expression.is_bounded(), "{source}");
        let sandbox = Watched::default();
        let ended = expression.evaluate(&json!({}), &[], &sandbox);
        assert_eq!(ended, Err(EvaluateError::Limit("the deadline passed".to_owned())), "{source}");
        assert_eq!(*sandbox.0.lock().expect("no panic under the lock"), [source]);
    }
}

#[test]
fn nothing_of_the_host_can_be_named() {
    for (source, why) in [
        ("env", "environment"),
        ("env.PATH", "environment"),
        ("$ENV", "environment"),
        ("$ENV.PATH", "environment"),
        ("now", "clock"),
        ("input", "one input"),
        ("[inputs]", "one input"),
        ("input_filename", "files"),
        (". | debug", "logs"),
        ("debug(.)", "logs"),
        ("stderr", "logs"),
        ("halt", "raise"),
        ("halt_error", "raise"),
        ("halt(1)", "raise"),
        ("1 | halt_error(3)", "raise"),
        ("localtime", "time zone"),
        ("$secrets.key", "secrets"),
        ("[1] | map(env)", "environment"),
        ("def f: env; f", "environment"),
        ("\"\\(env)\"", "environment"),
        ("{a: env}", "environment"),
        ("if env then 1 end", "environment"),
        ("reduce env as $x (0; 1)", "environment"),
        (". as [$a] | env", "environment"),
        (".[env]", "environment"),
        ("try env", "environment"),
    ] {
        let error = compile(source).expect_err(source);
        assert!(error.message.contains(why), "{source}: {error}");
    }
}

#[test]
fn errors_say_where_and_what() {
    let check = |source: &str, expected: &str| {
        assert_eq!(compile(source).expect_err(source).to_string(), expected, "{source}");
    };
    check(".a |", "line 1, column 5: expected term, found the end");
    check("{a: 1,\n  b: }", "line 2, column 6: expected term, found `}`");
    check(".ü & 1", "line 1, column 2: expected token");
    check(".a | lenght", "line 1, column 6: there is no function `lenght`");
    check("map(1; 2)", "line 1, column 1: `map` takes 1 arguments, not 2");
    check(".x + $y", "line 1, column 6: there is no variable `$y` here; there is $context, $input");
    check("\"\\(.a", "line 1, column 6: expected closing parenthesis");
    let long = ".".repeat(SOURCE_BYTES_MAX + 1);
    assert!(compile(&long).expect_err("too long").message.contains("longer than"));
}

#[test]
fn definitions_and_bindings_of_the_expression_itself_are_known() {
    for source in [
        "def f(g; $x): g + $x; f(.a; 1)",
        "def map(f): 1; map(2)",
        ". as {a: [$x, {b: $y}]} | $x + $y",
        "reduce .[] as [$k, $v] ({}; . + {($k): $v})",
        "foreach .[] as $x (0; . + $x; [$x, .])",
        "label $f | first(.[] | ., break $f)",
    ] {
        assert!(compile(source).is_ok(), "{source}: {:?}", compile(source).err());
    }
    assert!(compile("def f($x): .; $x").is_err());
    assert!(compile("(. as $x | .) | $x").is_err());
}

#[test]
fn growth_ends_at_the_meter() {
    let doubled = vec![".+."; 40].join("|");
    let nested = vec!["[.,.]"; 24].join("|");
    let named = vec!["{a:.,b:.}"; 24].join("|");
    let product = "[(.[]|.) as $a | (.[]|.) as $b | (.[]|.) as $c | [$a,$b,$c]]";
    let many = json!((0..300).collect::<Vec<_>>());
    let text = json!("xxxxxxxxxxxxxxxx");
    for (source, input) in [
        (doubled.as_str(), &text),
        (&nested, &text),
        (&named, &text),
        (product, &many),
        ("\"x\" * 1000000000", &text),
        ("\"x\" * 18446744073709551615", &text),
        ("[.[] as $a | .[] as $b | .[] as $c | \"\\($a)\\($b)\\($c)\"] | join(\",\")", &many),
        (
            "[.[] | . as $x | [1,2,3,4] | map($x)] | map(map([.,.,.,.,.,.,.,.])) | map(map(map([.,.,.,.,.,.,.,.])))| map(map(map(map([.,.,.,.,.,.,.,.]))))",
            &many,
        ),
    ] {
        let ended = evaluate(source, input);
        assert!(matches!(ended, Err(EvaluateError::Limit(_))), "{source}: {ended:?}");
    }
}

/// `work` for each of 16 384 outputs: more than the meter allows, if it pays for what it walks.
fn often(before: &str, work: &str) -> String {
    format!("{before} | [{}({work})] | length", "(0,0)|".repeat(14))
}

#[test]
fn every_function_pays_for_the_text_it_reads() {
    let text = "(\"1\" * 1000000) as $b";
    let named = "(\"1\" * 1000000) as $b | {($b): 1} as $o";
    for source in [
        often("(\"1\" * 4000000) as $b", "$b|tonumber?"),
        often(text, "$b|tonumber?"),
        often(text, "$b|startswith($b)"),
        often(text, "$b|endswith($b)"),
        often(text, "$b|ltrimstr($b)"),
        often(text, "$b|rtrimstr($b)"),
        often(text, "$b|trim"),
        often(text, "$b|ascii_downcase"),
        often(text, "$b|contains($b)"),
        often(text, "\"1\"|split($b)|length"),
        often(text, "\"1\" / $b|length"),
        often(text, "$b == $b"),
        often(text, "$b|length"),
        often(text, "$b|tojson|utf8bytelength"),
        often(text, "@base64 \"x\\($b)\"|utf8bytelength"),
        often(text, "[[1,$b]|join(\"\")|utf8bytelength]"),
        often(text, "{}|has($b)"),
        often(text, "{}[$b]"),
        often(named, "{}|contains($o)"),
        often(named, "$o|keys|length"),
        often(named, "$o|to_entries|length"),
        often(named, "$o|{a: 1}|. + $o|length"),
    ] {
        let ended = evaluate(&source, &json!(null));
        assert!(matches!(ended, Err(EvaluateError::Limit(_))), "{source}: {ended:?}");
    }
}

#[test]
fn every_function_pays_for_the_items_it_passes_over() {
    let untrue = json!(vec![false; 20_000]);
    let fields: serde_json::Map<String, Value> = (0..5_000).map(|n| (format!("k{n}"), json!(n))).collect();
    let mut one_dear = vec![json!({"a": 1}); 2_000];
    one_dear.insert(0, Value::Object(fields));
    let one_dear = json!(one_dear);
    let named = "(\"1\" * 1000000) as $b | [{($b): 1";
    for (source, input) in [
        (often(". as $i", "$i|any"), &untrue),
        (often(". as $i", "$i|all(not)"), &untrue),
        (often(". as $i", "first($i[] // 1)"), &untrue),
        (often(". as $i", "$i|sort|length"), &untrue),
        (often(". as $i", "$i|max"), &untrue),
        ("max".to_owned(), &one_dear),
        ("sort".to_owned(), &one_dear),
        ("unique".to_owned(), &one_dear),
        (format!("{named}{}}}] | length", ", a: (0,0)".repeat(12)), &untrue),
    ] {
        let ended = evaluate(&source, input);
        assert!(matches!(ended, Err(EvaluateError::Limit(_))), "{source}: {ended:?}");
    }
}

#[test]
fn ordinary_lists_are_sorted_within_the_meter() {
    let lead = |n: u32| {
        let email = format!("p{n}@example.com");
        json!({"email": email, "name": "A name", "phone": "+44 20 5550 1234", "n": n})
    };
    let leads = json!((0..200).rev().map(lead).collect::<Vec<_>>());
    assert_eq!(evaluate("sort | length", &leads), Ok(json!(200)));
    assert_eq!(evaluate("max | .n", &leads), Ok(json!(9)), "by the text of the first field");
    let numbers = json!((0..10_000).rev().collect::<Vec<_>>());
    assert_eq!(evaluate("sort | first", &numbers), Ok(json!(0)));
}

#[test]
fn only_the_first_output_counts_and_none_is_null() {
    assert_eq!(evaluate(".[]", &json!([7, 8])), Ok(json!(7)));
    assert_eq!(evaluate("empty", &json!(1)), Ok(json!(null)));
    assert_eq!(evaluate("1, error(\"late\")", &json!(1)), Ok(json!(1)));
    assert_eq!(evaluate("$context.a + $input", &json!(1)), Ok(json!(1)), "a variable not given is null");
}

#[test]
fn failures_are_told_in_words() {
    let message = |source: &str, input: Value| match evaluate(source, &input) {
        Err(EvaluateError::Failed(message)) => message,
        other => panic!("{source}: {other:?}"),
    };
    assert_eq!(message(".a.b", json!({"a": "text"})), "cannot index \"text\" with \"b\"");
    assert_eq!(message(".a + 1", json!({"a": {"x": 1}})), "cannot calculate an object with x + 1");
    assert_eq!(message("error(\"no phone\")", json!(null)), "no phone");
    assert_eq!(message("1 / 0", json!(null)), "1 / 0 is no finite number");
    assert_eq!(message("{(.): 1}", json!(3)), "cannot use 3 as the name of a field");
}

#[test]
fn try_does_not_catch_what_fails_after_it() {
    assert_eq!(evaluate("(try .a) | error(\"after\")", &json!({})), Err(EvaluateError::Failed("after".to_owned())));
    assert_eq!(evaluate("[.[] | .a?]", &json!([{"a": 1}, 2, {"a": 3}])), Ok(json!([1, 3])));
    assert_eq!(evaluate("[.[] | try error(\"x\")]", &json!([1, 2])), Ok(json!([])));
}

#[test]
fn the_whole_way_through_the_parser_fits_half_a_worker_s_stack() {
    // As deep as the guard lets through.
    let towers = [
        "(".repeat(64) + "." + &")".repeat(64),
        "[".repeat(64) + &"]".repeat(64),
        "-".repeat(128) + "1",
        "try ".repeat(64) + "1",
        "1|".repeat(128) + "1",
        "1+".repeat(128) + "1",
        "1,".repeat(128) + "1",
        "1//".repeat(64) + "1",
        ".a|=".repeat(64) + "1",
        "if 1 then ".repeat(64) + "1" + &" end".repeat(64),
        "if ".repeat(64) + "1" + &" then 1 end".repeat(64),
        "1 as $x|".repeat(42) + "1",
        "1 as [$x,$y]|".repeat(21) + "$x",
        "def f: ".repeat(64) + "1" + &"; f".repeat(64),
        "{a:".repeat(64) + "1" + &"}".repeat(64),
        "\"\\(".repeat(64) + "1" + &")\"".repeat(64),
        ".".to_owned() + &"[0]".repeat(64),
        ".a".repeat(1_000),
        ".".to_owned() + &"[.".repeat(64) + &"]".repeat(64),
        "label $f|".repeat(42) + "1",
        "reduce ".repeat(64) + ".",
        "first(".repeat(64) + "." + &")".repeat(64),
        "map(".repeat(64) + "." + &")".repeat(64),
        "[".repeat(40) + "." + &"]".repeat(40) + &"|tojson".repeat(48),
        ". as $x|".repeat(20) + "{a:$x}" + &"|{a:.}".repeat(20),
    ];
    let small = std::thread::Builder::new().stack_size(1024 * 1024);
    let worker = small.spawn(move || {
        let read = towers.iter().filter_map(|tower| {
            let expression = compile(tower).ok()?;
            assert!(!expression.is_unread(), "{tower} must be at the limit, not above it");
            Some(expression.evaluate(&json!({"a": [1]}), &[], &NoSandbox).is_ok())
        });
        read.count()
    });
    assert_eq!(worker.expect("a thread").join().ok(), Some(24), "one tower is no expression");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_breaks_the_parser(text in "\\PC{0,60}") {
        drop(compile(&text));
    }

    #[test]
    fn no_soup_of_tokens_breaks_the_parser_or_the_interpreter(
        tokens in proptest::collection::vec(proptest::sample::select(&[
            ".", "..", ".a", ".[", "]", "[", "{", "}", "(", ")", "|", ",", "//", "+", "-", "*", "/", "%", "==", "<", "and", "or",
            "not", "if", "then", "elif", "else", "end", "try", "catch", "as", "$x", "$context", "reduce", "foreach", "def", "f",
            ":", ";", "?", "\"", "\\(", "a", "1", "0.5", "1e400", "null", "map", "select", "@json", "@base64", "label", "break", "|=", "empty", "::", "#", "\n",
        ][..]), 0..25)
    ) {
        if let Ok(expression) = compile(&tokens.join(" ")) {
            drop(expression.evaluate(&json!({"a": [1, "x", null, {"b": 2}]}), &[], &NoSandbox));
        }
        drop(compile(&tokens.concat()));
    }
}
