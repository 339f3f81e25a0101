//! The guest of the benchmarks: for measuring what a call through WebAssembly costs, and for tests. Not for users.
//!
//! It parses about 1 KB of JSON ([`INPUT`]), puts 13 of its values into a fixed template and gives about 530 bytes of
//! JSON. `work.rs` is the same work as a plain function: included and called natively, it is the baseline.

mod work;

use tenterhook_plugin::{Call, Describe, Description, Failure, Json, Request, Template};

pub use work::{INPUT, TEMPLATE, render};

struct Reference;

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
tenterhook_plugin::without_wasi_streams!();

#[cfg(test)]
mod tests {
    use serde_json::Value;

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
