//! The work itself. The host's benchmarks and tests include this file: linking the crate would need a second crate type,
//! and with two the component is built without link-time optimisation.

use serde_json::Value;

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
