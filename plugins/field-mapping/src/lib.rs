//! The built-in plugin `field-mapping`: reads fields from a response, by jq rules.
//!
//! Configuration: `{"format": "json", "rules": [{"from": ".message.id", "to": "sms_id"}], "accept": "2xx"}`.
//! The body is decoded to one JSON value (`tenterhook-decode` says how for form and XML); each rule puts the first
//! output of `from` into the field `to`. No output leaves the field out; null makes it null.
//!
//! - A status that `accept` names: accepted, with the fields. An empty body gives none.
//! - 408, 425, 429 and 5xx: to be tried again. Any other status: failed.
//! - A body that cannot be decoded, or a rule that ends with an error: failed, since a repeat would change nothing.
//! - A rule that is no jq: `failure.invalid`.

mod statuses;

#[cfg(test)]
mod tests;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use statuses::Statuses;
use tenterhook_decode::{Format, decode};
use tenterhook_jq::{Program, Val, from_val, to_val};
use tenterhook_plugin::{Call, Describe, Description, Failure, Json, Mapping, Response, Verdict};

struct FieldMapping;

/// The configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The format of the response's body.
    #[serde(default = "json_format")]
    pub format: Format,
    /// What is read.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// The statuses that mean success.
    #[serde(default)]
    pub accept: Statuses,
}

/// One field.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// A jq expression over the decoded body.
    pub from: String,
    /// The field that gets its first output.
    pub to: String,
}

const fn json_format() -> Format {
    Format::Json
}

/// What a response means.
///
/// # Errors
/// `Invalid`: a rule is no jq program.
pub fn map(config: &Config, response: &Response) -> Result<Verdict, Failure> {
    let status = response.status;
    if !config.accept.contains(status) {
        return Ok(match response.is_temporary() {
            true => Verdict::Retry(format!("status {status}")),
            false => Verdict::Failed(format!("status {status}")),
        });
    }
    let mut programs = Vec::with_capacity(config.rules.len());
    for rule in &config.rules {
        let program = Program::compile(&rule.from, &[])
            .map_err(|error| Failure::Invalid(format!("rule for {:?}: {error}", rule.to)))?;
        programs.push((rule, program));
    }
    if response.body.iter().all(u8::is_ascii_whitespace) {
        return Json::encode(&json!({})).map(Verdict::Accepted);
    }
    match decode(config.format, &response.body) {
        Ok(body) => match fields(&programs, &body) {
            Ok(fields) => Json::encode(&fields).map(Verdict::Accepted),
            Err(reason) => Ok(Verdict::Failed(reason)),
        },
        Err(error) => Ok(Verdict::Failed(format!("the response is not {}: {error}", config.format))),
    }
}

/// The fields that the rules find in a body. The error is the reason of the first rule that fails.
fn fields(rules: &[(&Rule, Program)], body: &Value) -> Result<Map<String, Value>, String> {
    let body: Val = to_val(body);
    let mut fields = Map::with_capacity(rules.len());
    for (rule, program) in rules {
        let output =
            program.run_first(body.clone(), []).and_then(|output| output.map(|value| from_val(&value)).transpose());
        match output {
            Ok(Some(value)) => {
                fields.insert(rule.to.clone(), value);
            }
            Ok(None) => {}
            Err(reason) => return Err(format!("rule for {:?}: {reason}", rule.to)),
        }
    }
    Ok(fields)
}

impl Mapping for FieldMapping {
    fn map(call: &Call, response: Response) -> Result<Verdict, Failure> {
        map(&call.config()?, &response)
    }
}

impl Describe for FieldMapping {
    fn describe() -> Description {
        let text = json!({ "type": "string", "minLength": 1 });
        let rule = json!({
            "type": "object",
            "properties": { "from": text, "to": text },
            "required": ["from", "to"],
            "additionalProperties": false,
        });
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "format": { "enum": ["json", "form", "xml"], "default": "json" },
                "rules": { "type": "array", "items": rule },
                "accept": { "type": "string", "pattern": statuses::PATTERN, "default": "2xx" },
            },
            "additionalProperties": false,
        });
        let config = json!({
            "format": "json",
            "rules": [{ "from": ".message.id", "to": "sms_id" }, { "from": ".message.status", "to": "sms_status" }],
            "accept": "2xx",
        });
        let input = json!({ "message": { "id": "m-1", "status": "queued" } });
        let summary = "Reads fields from a JSON, form or XML response, by jq rules.";
        Description::new("field-mapping", env!("CARGO_PKG_VERSION"), summary).config(schema, config).input(input)
    }
}

tenterhook_plugin::export!(FieldMapping: mapping, describe);
