//! A template and an action in one component: JSON without the personal data in it, and everything else as it was.
//!
//! Two ways that complete each other: places that are known to hold such data are dropped or masked whatever they
//! hold, and all other texts are searched for what looks like an e-mail address, a telephone number or the number of a
//! payment card.

mod places;
mod search;

use serde::Deserialize;
use serde_json::{Value, json};
use tenterhook_plugin::{Action, Call, Describe, Description, Failure, Json, Request, Template};

use places::Place;
use search::Pattern;

struct Redact;

/// What is redacted: the configuration. Workflows give actions none; there the rules are a part of the input.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    /// What is left out: JSON pointers (RFC 6901) in which `*` stands for any name or number.
    #[serde(default)]
    drop: Vec<Place>,
    /// What is replaced by `***`, texts and numbers and all that is in arrays and objects.
    #[serde(default)]
    mask: Vec<Place>,
    /// What is searched for and masked in all texts; everything that the plugin knows if absent.
    #[serde(default = "all_patterns")]
    patterns: Vec<Pattern>,
    /// As template: which part of the input is sent; all of it if absent.
    #[serde(default)]
    send: String,
}

/// The input of the action that has no configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    value: Value,
    rules: Rules,
}

fn all_patterns() -> Vec<Pattern> {
    vec![Pattern::Email, Pattern::Phone, Pattern::Card]
}

/// `value` without what the rules name.
fn redacted(rules: &Rules, mut value: Value) -> Value {
    for place in &rules.drop {
        place.drop_from(&mut value);
    }
    for place in &rules.mask {
        place.visit(&mut value, &mut mask_all);
    }
    mask_found(&rules.patterns, &mut value);
    value
}

fn mask_all(value: &mut Value) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::String(_) | Value::Number(_) => *value = search::MASK.into(),
        Value::Array(values) => values.iter_mut().for_each(mask_all),
        Value::Object(members) => members.values_mut().for_each(mask_all),
    }
}

/// Masks what the patterns find in all texts, and numbers that are those of cards.
fn mask_found(patterns: &[Pattern], value: &mut Value) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::String(text) => {
            if let Some(masked) = search::masked(patterns, text) {
                *text = masked;
            }
        }
        Value::Number(number) => {
            if let Some(masked) = search::masked(patterns, &number.to_string()).filter(|_| number.is_u64()) {
                *value = masked.into();
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| mask_found(patterns, value)),
        Value::Object(members) => members.values_mut().for_each(|value| mask_found(patterns, value)),
    }
}

impl Template for Redact {
    fn render(call: &Call, input: Json, mut base: Request) -> Result<Option<Request>, Failure> {
        let rules: Rules = call.config()?;
        let redacted = redacted(&rules, input.decode()?);
        let Some(sent) = redacted.pointer(&rules.send) else {
            return Err(Failure::Invalid(format!("input: there is nothing at {:?}, which is to be sent", rules.send)));
        };
        base.set_json(sent);
        Ok(Some(base))
    }
}

impl Action for Redact {
    fn run(call: &Call, input: Json) -> Result<Json, Failure> {
        let Input { value, rules } = match call.config()? {
            Some(rules) => Input { value: input.decode()?, rules },
            None => input.decode()?,
        };
        Json::encode(&redacted(&rules, value))
    }
}

impl Describe for Redact {
    fn describe() -> Description {
        let places = json!({ "type": "array", "items": { "type": "string", "pattern": "^/" } });
        let schema = json!({
            "type": ["object", "null"],
            "properties": {
                "drop": places,
                "mask": places,
                "patterns": { "type": "array", "items": { "enum": ["email", "phone", "card"] } },
                "send": { "type": "string", "format": "json-pointer" },
            },
            "additionalProperties": false,
        });
        let example = json!({
            "drop": ["/data/custom_fields", "/data/icebreaker"],
            "mask": ["/data/first_name", "/data/last_name", "/data/linkedin_url"],
            "patterns": ["email", "phone", "card"],
        });
        Description::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), "JSON without the personal data in it.")
            .config(schema, example)
            .input(serde_json::from_str(include_str!("example.json")).unwrap_or_default())
    }
}

tenterhook_plugin::export!(Redact: template, action, describe);
tenterhook_plugin::bump_allocator!();

#[cfg(test)]
mod tests;
