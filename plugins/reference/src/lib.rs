//! The guest of the benchmarks: for measuring what a call through WebAssembly costs, and for tests. Not for users.
//!
//! It parses about 1 KB of JSON ([`INPUT`]), puts 13 of its values into a fixed template and gives about 530 bytes of
//! JSON. [`render`] is the same work as a plain function: called natively, it is the baseline.

use serde_json::Value;
use tenterhook_plugin::{Call, Describe, Description, Failure, Json, Request, Template};

struct Reference;

/// The input that the benchmarks use.
pub const INPUT: &str = include_str!("input.json").trim_ascii_end();

/// What is rendered: `{{ path }}` stands for a value of the input, escaped for a JSON string.
pub const TEMPLATE: &str = include_str!("template.json").trim_ascii_end();

/// Parses `input` and fills [`TEMPLATE`] with it. A path that leads nowhere gives an empty string.
///
/// # Errors
/// The input is no JSON.
pub fn render(input: &str) -> Result<String, serde_json::Error> {
    let input: Value = serde_json::from_str(input)?;
    let mut output = String::with_capacity(TEMPLATE.len() * 2);
    let mut rest = TEMPLATE;
    while let Some((text, after)) = rest.split_once("{{") {
        output.push_str(text);
        let Some((path, after)) = after.split_once("}}") else { break };
        let value = path.trim().split('.').fold(&input, |value, part| match part.parse::<usize>() {
            Ok(index) => &value[index],
            Err(_) => &value[part],
        });
        match value {
            Value::String(text) => escape(text, &mut output),
            Value::Null => {}
            other => escape(&other.to_string(), &mut output),
        }
        rest = after;
    }
    output.push_str(rest);
    Ok(output)
}

/// Appends `text` as the content of a JSON string (RFC 8259 §7).
fn escape(text: &str, output: &mut String) {
    for c in text.chars() {
        match c {
            '"' | '\\' => output.extend(['\\', c]),
            '\n' => output.push_str("\\n"),
            '\r' => output.push_str("\\r"),
            '\t' => output.push_str("\\t"),
            c if c < ' ' => output.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => output.push(c),
        }
    }
}

impl Template for Reference {
    fn render(_call: &Call, input: Json, mut base: Request) -> Result<Option<Request>, Failure> {
        let body = render(input.as_str()).map_err(|error| Failure::Invalid(format!("input: {error}")))?;
        base.body = body.into_bytes();
        base.set_header("content-type", "application/json");
        Ok(Some(base))
    }
}

impl Describe for Reference {
    fn describe() -> Description {
        let example = serde_json::from_str(INPUT).unwrap_or_default();
        Description::new("reference", env!("CARGO_PKG_VERSION"), "Renders a fixed template, for benchmarks.")
            .input(example)
    }
}

tenterhook_plugin::export!(Reference: template, describe);
tenterhook_plugin::bump_allocator!();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_input_and_output_have_the_sizes_that_the_benchmarks_state() {
        let output = render(INPUT).unwrap();
        assert_eq!((INPUT.len(), output.len()), (985, 526), "{output}");
        assert_eq!(TEMPLATE.matches("{{").count(), 13);
    }

    #[test]
    fn the_output_is_json_although_a_value_has_quotes() {
        let output: Value = serde_json::from_str(&render(INPUT).unwrap()).unwrap();
        assert_eq!(output["text"].as_str().unwrap(), "New lead: Anna \"Ann\" Lindqvist (Head of Support)");
    }

    #[test]
    fn a_missing_value_is_empty_and_bad_input_is_an_error() {
        assert!(render("{}").unwrap().contains("New lead:  \\\"\\\" "), "{}", render("{}").unwrap());
        assert!(render("{").is_err());
    }
}
