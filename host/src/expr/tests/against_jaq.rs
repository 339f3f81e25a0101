//! Bounded expressions give what jaq gives. jaq itself evaluates here, on expressions that are known to end.

use std::sync::mpsc;
use std::time::Duration;

use jaq_core::data::JustLut;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, unwrap_valr};
use jaq_json::Val;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::expr::{EvaluateError, Expression, NoSandbox, names};

type Data = JustLut<Val>;

/// What jaq gives first: a value, nothing as null, or that it failed.
fn jaq(source: &str, input: &Value, context: &Value) -> Result<Value, String> {
    let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let funs = jaq_core::funs::<Data>().chain(jaq_std::funs()).chain(jaq_json::funs());
    let arena = Arena::default();
    let modules = Loader::new(defs).load(&arena, File { code: source, path: () }).map_err(|_| "does not load")?;
    let compiler = Compiler::default().with_funs(funs).with_global_vars(["$context"]);
    let filter = compiler.compile(modules).map_err(|_| "does not compile")?;
    let val = |value: &Value| {
        jaq_json::read::parse_single(value.to_string().as_bytes()).map_err(|error| format!("{error:?}"))
    };
    let context = Ctx::<Data>::new(&filter.lut, Vars::new([val(context)?]));
    let first = filter.id.run((context, val(input)?)).map(unwrap_valr).next();
    match first {
        None => Ok(Value::Null),
        Some(Ok(value)) => serde_json::from_str(&value.to_string()).map_err(|error| format!("{value}: {error}")),
        Some(Err(error)) => Err(error.to_string()),
    }
}

/// How long jaq may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// As [`jaq`]; `None` if it takes too long: where an error ends the native evaluation, jaq may go through all
/// combinations of outputs first, which a random expression can have more of than anybody can wait for.
fn patiently(source: &str, input: &Value, context: &Value) -> Option<Result<Value, String>> {
    let (done, result) = mpsc::channel();
    let (source, input, context) = (source.to_owned(), input.clone(), context.clone());
    std::thread::spawn(move || done.send(jaq(&source, &input, &context)));
    result.recv_timeout(PATIENCE).ok()
}

/// Panics unless native evaluation and jaq agree: the same value, or both fail.
fn agree(source: &str, input: &Value) -> Result<(), TestCaseError> {
    let context = json!({"a": {"b": "c"}, "n": 2, "list": [3, 1, 2]});
    let expression = match Expression::compile(source, &["$context"]) {
        Ok(expression) => expression,
        Err(error) => return Err(TestCaseError::fail(format!("{source}: {error}"))),
    };
    prop_assert!(expression.is_bounded(), "{} must be bounded", source);
    let ours = expression.evaluate(input, &[("$context", &context)], &NoSandbox);
    if matches!(ours, Err(EvaluateError::Limit(_))) {
        return Ok(());
    }
    let Some(theirs) = patiently(source, input, &context) else { return Ok(()) };
    match (&ours, &theirs) {
        (Err(EvaluateError::Failed(_)), Err(_)) => {}
        // The differences that the module names.
        (Err(EvaluateError::Failed(message)), Ok(_)) => {
            let named = ["finite", "the name of a field", "as number"].iter().any(|part| message.contains(part));
            prop_assert!(named || may_be_silent(source), "{} on {}: {}, but jaq: {:?}", source, input, message, theirs);
        }
        (Ok(ours), Ok(theirs)) => prop_assert_eq!(ours, theirs, "{} on {}", source, input),
        _ => prop_assert!(false, "{} on {}: {:?}, but jaq: {:?}", source, input, ours, theirs),
    }
    Ok(())
}

/// Some part may have no output: then jaq may drop an error of another part.
fn may_be_silent(source: &str) -> bool {
    ["empty", "select", "values", "try", "?", "[]", "first(", "tonumber"].iter().any(|part| source.contains(part))
}

#[test]
fn known_functions_are_those_of_jaq() {
    let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let funs = jaq_core::funs::<Data>().chain(jaq_std::funs()).chain(jaq_json::funs());
    let named = defs.map(|def| (def.name, def.args.len())).chain(funs.map(|(name, args, _)| (name, args.len())));
    for (name, arity) in named {
        let refused = names::refusal(name).is_some();
        assert_ne!(refused, names::is_known(name, arity), "{name}/{arity} must be either known or refused");
    }
}

#[test]
fn every_bounded_construct_gives_what_jaq_gives() {
    let inputs = [
        json!(null),
        json!(true),
        json!(-7),
        json!(2.5),
        json!(" Grüße, Welt "),
        json!(""),
        json!([3, 1, null, "a", [1], {"k": 1}, 1, 2.0, true]),
        json!([]),
        json!(["a", "b", "", "b"]),
        json!([{"key": "x", "value": 1}, {"key": "y"}]),
        json!({"a": {"b": [1, 2, {"c": "d"}]}, "n": 5, "s": "a,b,c", "z": null, "f": false}),
        json!([[1, 2], [3], []]),
        json!(["12", "1.5", " 7 ", "x", null]),
        json!(18_446_744_073_709_551_615_u64),
    ];
    let sources = "
        .|.a|.a.b|.a.b[2].c|.a?|.a?.b?|.[0]|.[-1]|.[1:]|.[:-1]|.[1:2]|.[-2:]|.[100]|.[\"a\"]|.[.n]|.[0.5]?|.[{\"start\":1}]|.[[1]]
        .a // 1|(.z, .f) // \"none\"|.[] // 9|empty // 2|first(.[])|[.[]?]|[.[] | .a?]|.[]?.key?|[.a,.b]?
        {a: 1, b: .n?}|{n: 1} + {n: 2}|{\"x\": 1, \"y z\": 2}|{(\"a\",\"b\"): (1,2)}|[{(\"a\",\"b\"): (1,2)}]|{$context}|{a:1}*{a:{b:2}}|{\"a\\(1+1)\": 3}|{n}?|{@base64 \"x\": 1}
        1 + 2 * 3 - 4 / 2|7 % 3|-7 % 3|5.5 % 2|1 - 1.5|10 / 4|6 / 2|1e3|1.50|-(1)|-.?|\"a\" + \"b\"|\"ab\" * 3|\"ab\" * 0|3 * \"ab\"|\"a,b\" / \",\"|[1,2,1] - [1]|[1] + [2]|null + 1|1 + null|{} + null
        9223372036854775807 + 1|9223372036854775807 * 9223372036854775807|-9223372036854775808 - 1|. + .|. - .|. * .|. / .|. % .
        1 == 1.0|. == .|. < 1|. > \"a\"|[1,2] < [1,3]|{a:1} < {a:2}|{a:1} < {b:0}|. != null|. >= []|. <= {}
        true and false|null or 1|(true, false) and (true, false)|[(true, false) or (true, false)]|not|[.[]? | not]
        if . then 1 else 2 end|if .a? then .a end|if empty then 1 else 2 end|if (true, false) then 1 else 2 end|[if (true, false) then 1 else 2 end]|if false then 1 elif null then 2 elif 3 then 4 else 5 end
        \"x\\(.)y\"|\"\\(1, 2)-\\(3, 4)\"|[\"\\(1, 2)-\\(3, 4)\"]|@json \"v=\\(.)\"|@text \"v=\\(.)\"|@uri \"q=\\(.)\"|@html \"<\\(.)>\"|@base64 \"\\(.)\"|\"\\u00e9\\n\\t\\\"\\\\\"
        . as $x | [$x, $x]|.[]? as $x | $x|. as [$a, $b] | [$b, $a]|. as {a: {b: $x}} | $x|. as {a: $x, n: $y} | [$x, $y]|1 as $x | 2 as $y | [$x, $y, (3 as $x | $x)]|[1, 2] as [$x, $y] | $x + $y|[(1, 2) as $x | (3, 4) as $y | $x * $y]|{\"a\": 1} as {$a} | $a
        length|utf8bytelength|keys|keys_unsorted|type|tostring|tojson|tonumber|ascii_downcase|ascii_upcase|trim|ltrim|rtrim|floor|ceil|round|abs|add|reverse|sort|unique|min|max|to_entries|from_entries|with_entries(.)|any|all|first|last|values|error|error(\"x\")
        [.[]? | tonumber?]|[.[]? | length?]|map(.)|map(.a?)|map(select(. != null))|select(.)|[.[]? | select(type == \"string\")]|map(. as $x | $x)|any(. == 1)|all(. != null)|any(.a?)
        1e18 | tojson|[1.5e300, {a: 2e-9}] | tostring|\"\\(2.5e20)\"|@json \"\\([3e25])\"
        has(\"a\")|has(0)|has(-1)|has(99)|contains(\"a\")|contains([1])|contains({a: {}})|contains(.)|inside([1,2,3])|startswith(\"a\")|endswith(\" \")|ltrimstr(\" \")|rtrimstr(\" \")|ltrimstr(1)|split(\",\")|split(\"\")|split(1)|join(\",\")|join(null)|join(1)|join(\",\", \"-\")
        try error(\"x\")|[.[]? | try error(\"x\")]|(1, 2)|[1, 2 | . + 1]|first(empty)|[first(1, error(\"x\"))]|null|true|false|empty|[empty]|[]|{}
        $context.a.b|$context + {z: 1}|$context.list | sort|[$context.list[] | . * $context.n]|$context | to_entries | map(.key)|$context | keys | join(\"/\")";
    for source in sources.lines().flat_map(|line| split_sources(line.trim())).filter(|source| !source.is_empty()) {
        for input in &inputs {
            if let Err(error) = agree(&source, input) {
                panic!("{error}");
            }
        }
    }
}

/// The table separates expressions by `|` without blanks around it, so that pipes can be written ` | `.
fn split_sources(line: &str) -> Vec<String> {
    line.replace(" | ", "\u{1}").split('|').map(|source| source.replace('\u{1}', " | ")).collect()
}

/// Integers that stay within 64 bits whatever is done to them: beyond, jaq goes on exactly, and here they become floats.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-5_i64..5).prop_map(Value::from),
        proptest::sample::select(&[1_i64 << 53, -(1 << 53), 1 << 40][..]).prop_map(Value::from),
        (-8_i32..8).prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        proptest::sample::select(&["", "a", "b", "a,b", "ß", "1", "1.5"][..]).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let name = proptest::sample::select(&["a", "b", "key", "value"][..]);
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((name, inner), 0..4).prop_map(|fields| Value::Object(
                fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            )),
        ]
    })
}

/// Expressions without parts, between spaces.
const LEAVES: &str = r#". .a .b .a.b .[0] .[-1] .[1:] .[:2] .[] .[]? .a? .key null true false 0 1 2.5 -3 "a" "" "," []
    {} empty length keys type tostring tojson tonumber add any all first last min max sort unique
    reverse to_entries ascii_upcase trim floor round abs not values error $context $context.a
    $context.list[]"#;
/// Functions of one argument.
const CALLS: &str =
    "map select first any all has contains inside startswith endswith ltrimstr rtrimstr split join error";

fn one_of(words: &'static str) -> impl Strategy<Value = &'static str> {
    proptest::sample::select(words.split_whitespace().collect::<Vec<_>>())
}

/// Expressions of the bounded part; `$x` only where it is bound. Without what differs by design: `try` would hide that.
fn expression() -> impl Strategy<Value = String> {
    one_of(LEAVES).prop_map(str::to_owned).prop_recursive(4, 24, 3, |inner| {
        let op = proptest::sample::select(
            &["|", ",", "+", "-", "*", "//", "==", "!=", "<", "<=", ">", ">=", "and", "or"][..],
        );
        let call = one_of(CALLS);
        let format = proptest::sample::select(&["", "@json ", "@text ", "@uri ", "@html ", "@base64 "][..]);
        prop_oneof![
            (inner.clone(), op, inner.clone()).prop_map(|(l, op, r)| format!("({l} {op} {r})")),
            (call, inner.clone()).prop_map(|(call, argument)| format!("{call}({argument})")),
            inner.clone().prop_map(|inner| format!("[{inner}]")),
            inner.clone().prop_map(|inner| format!("try ({inner})")),
            inner.clone().prop_map(|inner| format!("({inner})?")),
            inner.clone().prop_map(|inner| format!("-({inner})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{{a: ({a}), b: ({b})}}")),
            (inner.clone(), inner.clone()).prop_map(|(key, value)| format!("{{(\"k\\({key})\"): ({value})}}")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(c, t, e)| format!("if {c} then {t} else {e} end")),
            (inner.clone(), inner.clone()).prop_map(|(x, body)| format!("(({x}) as $x | ({body}), $x)")),
            (inner.clone(), inner.clone())
                .prop_map(|(x, body)| format!("(({x}) as [$x, {{a: $y}}] | [($x, $y), ({body})])")),
            (format, inner.clone(), inner.clone()).prop_map(|(format, a, b)| format!("{format}\"<\\({a})-\\({b})>\"")),
            (inner.clone(), inner).prop_map(|(head, index)| format!("({head})[first({index})]?")),
        ]
    })
}

/// What cannot be compared: jaq repeats a text as often as it is told, and ends the process where memory does not
/// suffice.
fn is_incomparable(source: &str, input: &Value) -> bool {
    fn is_huge(value: &Value) -> bool {
        match value {
            Value::Number(number) => number.as_f64().is_some_and(|number| number > 1e6),
            Value::Array(items) => items.iter().any(is_huge),
            Value::Object(members) => members.values().any(is_huge),
            _ => false,
        }
    }
    source.contains('*') && is_huge(input)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, max_shrink_iters: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bounded_expressions_give_what_jaq_gives(source in expression(), input in value()) {
        prop_assume!(!is_incomparable(&source, &input));
        agree(&source, &input)?;
    }
}
