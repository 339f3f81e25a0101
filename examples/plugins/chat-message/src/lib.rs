//! A template plugin: an event as a message for Slack, Microsoft Teams or Discord.
//!
//! Three services, three shapes of message, three ways to keep what people typed from being read as markup, and three
//! sets of limits beyond which a message is refused whole.

mod services;

use serde::Deserialize;
use serde_json::{Value, json};
use tenterhook_plugin::{Call, Describe, Description, Failure, Json, Request, Template};

struct ChatMessage;

/// The configuration, at each place of use. Places in the input are JSON pointers (RFC 6901).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    service: Service,
    /// The first line; the event's type if absent.
    #[serde(default)]
    title: Option<String>,
    /// Where the texts are that follow the title, such as a first and a last name.
    #[serde(default)]
    about: Vec<String>,
    /// What is listed below the title; all plain values in `data` if absent.
    #[serde(default)]
    facts: Option<Vec<Fact>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Service {
    Slack,
    Teams,
    Discord,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fact {
    label: String,
    /// Where its value is. A fact without a value is left out.
    value: String,
}

/// What is said, before it takes the shape of a service.
struct Message {
    title: String,
    /// Labels and values.
    facts: Vec<(String, String)>,
}

/// Most facts of a message: what Discord takes. The last one says how many are left out.
const FACTS_MAX: usize = 25;

impl Message {
    fn new(config: &Config, input: &Value) -> Self {
        let kind = || text(&input["type"]).unwrap_or_else(|| "Message".to_owned());
        let title = config.title.clone().unwrap_or_else(kind);
        let about: Vec<String> = config.about.iter().filter_map(|place| text(input.pointer(place)?)).collect();
        let title = if about.is_empty() { title } else { format!("{title}: {}", about.join(" ")) };
        let mut facts = match &config.facts {
            Some(facts) => {
                facts.iter().filter_map(|fact| Some((fact.label.clone(), text(input.pointer(&fact.value)?)?))).collect()
            }
            None => plain_members(&input["data"]),
        };
        if facts.len() > FACTS_MAX {
            let left_out = facts.len() - (FACTS_MAX - 1);
            facts.truncate(FACTS_MAX - 1);
            facts.push(("…".to_owned(), format!("{left_out} more")));
        }
        Self { title: title.replace(char::is_control, " "), facts }
    }
}

/// The members of an object that are texts, numbers or booleans.
fn plain_members(data: &Value) -> Vec<(String, String)> {
    let members = data.as_object().into_iter().flatten();
    let named = members.filter(|(name, _)| !name.trim().is_empty());
    named.filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect()
}

/// A plain value as text; none for null, for an empty text, and for what has members.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.trim().is_empty() => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl Template for ChatMessage {
    fn render(call: &Call, input: Json, mut base: Request) -> Result<Option<Request>, Failure> {
        let config: Config = call.config()?;
        let message = Message::new(&config, &input.decode()?);
        base.set_json(&match config.service {
            Service::Slack => services::slack(&message),
            Service::Teams => services::teams(&message),
            Service::Discord => services::discord(&message),
        });
        Ok(Some(base))
    }
}

impl Describe for ChatMessage {
    fn describe() -> Description {
        let pointer = json!({ "type": "string", "format": "json-pointer" });
        let fact = json!({
            "type": "object",
            "properties": { "label": { "type": "string" }, "value": pointer },
            "required": ["label", "value"],
            "additionalProperties": false,
        });
        let schema = json!({
            "type": "object",
            "properties": {
                "service": { "enum": ["slack", "teams", "discord"] },
                "title": { "type": "string" },
                "about": { "type": "array", "items": pointer },
                "facts": { "type": "array", "items": fact },
            },
            "required": ["service"],
            "additionalProperties": false,
        });
        let example = json!({
            "service": "slack",
            "title": "New lead",
            "about": ["/data/first_name", "/data/last_name"],
            "facts": [
                { "label": "Company", "value": "/data/company" },
                { "label": "Worth", "value": "/data/contract_value" },
                { "label": "LinkedIn", "value": "/data/linkedin_url" },
            ],
        });
        let summary = "An event as a message for Slack, Microsoft Teams or Discord.";
        Description::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), summary)
            .config(schema, example)
            .input(serde_json::from_str(include_str!("example.json")).unwrap_or_default())
    }
}

tenterhook_plugin::export!(ChatMessage: template, describe);
tenterhook_plugin::bump_allocator!();

#[cfg(test)]
mod tests;
