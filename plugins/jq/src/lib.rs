//! The built-in plugin `jq`: evaluates one program in the sandbox, for expressions that the host cannot prove bounded.
//!
//! A trigger action. Its input:
//! ```json
//! { "source": ".a + $b", "input": { "a": 1 }, "variables": { "$b": 2 }, "mode": "evaluate" }
//! ```
//! and its output `{ "output": 3 }`: the first output of the program, null if it has none. Mode `check` compiles only
//! (the values of the variables do not matter) and gives null. An error is `failure.invalid`: what jq says, or
//! `line L, column C: reason` if the source is no program. Deadline and memory limit are the host's.
//!
//! It keeps Rust's own allocator: a long-running program frees what it no longer needs.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use tenterhook_jq::{Program, Val, from_val};
use tenterhook_plugin::{Action, Call, Describe, Description, Failure, Json};

struct Jq;

/// The input.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    source: String,
    #[serde(default)]
    input: Val,
    #[serde(default)]
    variables: BTreeMap<String, Val>,
    #[serde(default)]
    mode: Mode,
}

/// What to do with the program.
#[derive(Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Evaluate,
    Check,
}

/// The first output, null if there is none. The error is the reason.
fn evaluate(input: Input) -> Result<Value, String> {
    let names: Vec<&str> = input.variables.keys().map(String::as_str).collect();
    if let Some(name) = names.iter().find(|name| !name.starts_with('$')) {
        return Err(format!("variables: the name {name:?} must start with `$`"));
    }
    let program = Program::compile(&input.source, &names).map_err(|error| error.to_string())?;
    if input.mode == Mode::Check {
        return Ok(Value::Null);
    }
    match program.run_first(input.input, input.variables.into_values())? {
        Some(output) => from_val(&output),
        None => Ok(Value::Null),
    }
}

impl Action for Jq {
    fn run(_call: &Call, input: Json) -> Result<Json, Failure> {
        let output = evaluate(input.decode()?).map_err(Failure::Invalid)?;
        Json::encode(&json!({ "output": output }))
    }
}

impl Describe for Jq {
    fn describe() -> Description {
        let summary = "Evaluates a jq program in the sandbox.";
        Description::new("jq", env!("CARGO_PKG_VERSION"), summary)
            .config(json!({ "type": "null" }), Value::Null)
            .input(json!({ "source": ".a + $b", "input": { "a": 1 }, "variables": { "$b": 2 }, "mode": "evaluate" }))
    }
}

tenterhook_plugin::export!(Jq: action, describe);

#[cfg(test)]
mod tests {
    use super::*;

    fn run(input: Value) -> Result<Value, String> {
        let call = Call { space: "s".into(), id: "i".into(), now: 0, config: "null".into() };
        match Jq::run(&call, Json::from_text(input.to_string())) {
            Ok(output) => Ok(output.decode::<Value>().unwrap()["output"].take()),
            Err(Failure::Invalid(reason)) => Err(reason),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_first_output_is_given_and_null_if_there_is_none() {
        assert_eq!(run(Jq::describe().example_input), Ok(json!(3)));
        assert_eq!(run(json!({ "source": "1, 2" })), Ok(json!(1)));
        assert_eq!(run(json!({ "source": "empty" })), Ok(Value::Null));
        assert_eq!(run(json!({ "source": "first(repeat(1))" })), Ok(json!(1)));
    }

    #[test]
    fn large_numbers_and_the_order_of_keys_stay() {
        let input = json!({ "b": u64::MAX, "a": [1.5, -7] });
        let output = run(json!({ "source": ".", "input": input })).unwrap();
        assert_eq!(output.to_string(), format!("{{\"b\":{},\"a\":[1.5,-7]}}", u64::MAX));
    }

    #[test]
    fn a_jq_error_and_a_source_that_is_no_program_are_told_apart() {
        assert_eq!(run(json!({ "source": "error(\"x\")" })).unwrap_err(), "x");
        assert!(run(json!({ "source": ".a |" })).unwrap_err().starts_with("line 1, column 5: expected term"));
        assert!(run(json!({ "source": ".", "variables": { "b": 1 } })).unwrap_err().contains("must start with `$`"));
        assert!(run(json!({ "sorce": "." })).unwrap_err().starts_with("JSON: unknown field `sorce`"));
    }

    #[test]
    fn check_compiles_and_does_not_run() {
        assert_eq!(
            run(json!({ "source": "def f: 1+f; f + $a", "mode": "check", "variables": {"$a": null} })),
            Ok(Value::Null)
        );
        assert!(run(json!({ "source": "$a", "mode": "check" })).unwrap_err().contains("the variable `$a`"));
    }

    #[test]
    fn the_environment_of_the_server_is_not_seen() {
        assert_eq!(run(json!({ "source": "[env, $ENV]" })), Ok(json!([{}, {}])));
    }
}
