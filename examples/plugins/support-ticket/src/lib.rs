//! A template and a mapping in one component: a ticket in a help desk, and its number back.
//!
//! How urgent a ticket is follows from rules in the configuration; the first that fits counts.

use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use tenterhook_plugin::{Call, Describe, Description, Failure, Json, Mapping, Request, Response, Template, Verdict};

struct SupportTicket;

/// The configuration, the same for template and mapping. Places in the input are JSON pointers (RFC 6901).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// What the ticket is about.
    subject: String,
    /// Where the texts are that follow it in the subject.
    #[serde(default)]
    about: Vec<String>,
    /// Where a text is that stands before the list, such as that of an e-mail.
    #[serde(default)]
    text: Option<String>,
    /// Where the values are that are listed; all plain ones in `data` if absent.
    #[serde(default)]
    list: Option<Vec<String>>,
    #[serde(default)]
    requester: Requester,
    #[serde(default)]
    tags: Vec<String>,
    /// The first rule that fits gives the priority; `normal` if none does.
    #[serde(default)]
    priorities: Vec<Rule>,
    /// The field of our record that gets the ticket's number.
    #[serde(default = "ticket")]
    keep_id_in: String,
}

/// Where it is who asks; a part that is null is left out.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Requester {
    name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
}

/// A rule fits if all fits that it has.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    priority: Priority,
    /// Types of events.
    #[serde(default)]
    types: Option<Vec<String>>,
    /// Where the value is that the three below speak of.
    #[serde(default)]
    at: String,
    /// The value itself; null is one too.
    #[serde(default, deserialize_with = "given")]
    is: Option<Value>,
    #[serde(default)]
    at_least: Option<f64>,
    /// A text in it, whatever its case.
    #[serde(default)]
    contains: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Priority {
    Low,
    Normal,
    High,
    Urgent,
}

impl Priority {
    const fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Urgent => "urgent",
        }
    }
}

fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

fn ticket() -> String {
    "ticket".to_owned()
}

/// Longest subject, in characters.
const SUBJECT_CHARS_MAX: usize = 150;
/// Longest text of a ticket, in characters.
const BODY_CHARS_MAX: usize = 60_000;

impl Rule {
    fn fits(&self, input: &Value) -> bool {
        let value = input.pointer(&self.at).unwrap_or(&Value::Null);
        let kind = input["type"].as_str().unwrap_or_default();
        let contains =
            |part: &String| value.as_str().is_some_and(|text| text.to_lowercase().contains(&part.to_lowercase()));
        self.types.as_ref().is_none_or(|types| types.iter().any(|one| one == kind))
            && self.is.as_ref().is_none_or(|wanted| wanted == value)
            && self.at_least.is_none_or(|least| value.as_f64().is_some_and(|number| number >= least))
            && self.contains.as_ref().is_none_or(contains)
    }
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

/// The text at `place`, if `place` is given.
fn at(input: &Value, place: Option<&String>) -> Option<String> {
    text(input.pointer(place?)?)
}

fn subject(config: &Config, input: &Value) -> String {
    let about = config.about.iter().filter_map(|place| at(input, Some(place)));
    let words: Vec<String> = std::iter::once(config.subject.clone()).chain(about).collect();
    words.join(" ").replace(char::is_control, " ").chars().take(SUBJECT_CHARS_MAX).collect()
}

/// The names and values that the ticket lists.
fn listed(config: &Config, input: &Value) -> Vec<(String, String)> {
    if let Some(places) = &config.list {
        let name = |place: &String| place.rsplit('/').next().unwrap_or_default().to_owned();
        return places.iter().filter_map(|place| Some((name(place), at(input, Some(place))?))).collect();
    }
    let members = input["data"].as_object().into_iter().flatten();
    let is_text = |name: &str| config.text.as_deref().and_then(|place| place.strip_prefix("/data/")) == Some(name);
    let others = members.filter(|(name, _)| !is_text(name));
    others.filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect()
}

fn body(config: &Config, input: &Value) -> String {
    let lines: Vec<_> = listed(config, input).iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let parts = at(input, config.text.as_ref()).into_iter().chain(Some(lines.join("\n")));
    let body = parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n");
    if body.is_empty() { config.subject.clone() } else { body.chars().take(BODY_CHARS_MAX).collect() }
}

/// The ticket as JSON.
fn ticket_of(config: &Config, call: &Call, input: &Value) -> Value {
    let priority =
        config.priorities.iter().find(|rule| rule.fits(input)).map_or(Priority::Normal, |rule| rule.priority);
    let mut ticket = json!({
        "subject": subject(config, input),
        "comment": { "body": body(config, input) },
        "priority": priority.word(),
        "tags": config.tags,
        // The same for every repeat of the delivery or task.
        "external_id": call.id,
    });
    let Requester { name, email, phone } = &config.requester;
    for (part, place) in [("name", name), ("email", email), ("phone", phone)] {
        if let Some(text) = at(input, place.as_ref()) {
            ticket["requester"][part] = text.into();
        }
    }
    json!({ "ticket": ticket })
}

/// What the help desk answers.
#[derive(Deserialize)]
struct Answer {
    ticket: Option<Opened>,
    #[serde(default)]
    error: Option<Value>,
    #[serde(default)]
    description: Option<String>,
}

#[derive(Deserialize)]
struct Opened {
    /// A number or a text.
    id: Value,
}

impl Template for SupportTicket {
    fn render(call: &Call, input: Json, mut base: Request) -> Result<Option<Request>, Failure> {
        base.set_json(&ticket_of(&call.config()?, call, &input.decode()?));
        Ok(Some(base))
    }
}

impl Mapping for SupportTicket {
    fn map(call: &Call, response: Response) -> Result<Verdict, Failure> {
        let config: Config = call.config()?;
        let answers = format!("the help desk answers {}", response.status);
        if response.is_temporary() {
            return Ok(Verdict::Retry(answers));
        }
        let Ok(answer) = response.json::<Answer>() else {
            return Ok(Verdict::Failed(format!("{answers}, and not what it should")));
        };
        let id = answer.ticket.and_then(|ticket| text(&ticket.id)).filter(|_| response.is_success());
        let Some(id) = id else {
            let error = answer.error.as_ref().and_then(text);
            let reasons: Vec<String> = error.into_iter().chain(answer.description).collect();
            let reason = if reasons.is_empty() { "no ticket".to_owned() } else { reasons.join(": ") };
            return Ok(Verdict::Failed(format!("{answers}: {reason}")));
        };
        Json::encode(&json!({ config.keep_id_in: id })).map(Verdict::Accepted)
    }
}

impl Describe for SupportTicket {
    fn describe() -> Description {
        let example = json!({
            "subject": "Missed call from",
            "about": ["/data/originatingNumber"],
            "requester": { "phone": "/data/originatingNumberE164" },
            "tags": ["phone"],
            "priorities": [
                { "priority": "urgent", "at": "/data/dialledNumberE164", "is": "+442079460199" },
                { "priority": "high", "types": ["call_missed"] },
            ],
        });
        let summary = "A ticket in a help desk, and its number back.";
        Description::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), summary)
            .config(schema(), example)
            .input(serde_json::from_str(include_str!("example.json")).unwrap_or_default())
    }
}

fn schema() -> Value {
    let pointer = json!({ "type": "string", "format": "json-pointer" });
    let texts = json!({ "type": "array", "items": { "type": "string" } });
    let rule = json!({
        "type": "object",
        "properties": {
            "priority": { "enum": ["low", "normal", "high", "urgent"] },
            "types": texts,
            "at": pointer,
            "is": true,
            "at_least": { "type": "number" },
            "contains": { "type": "string" },
        },
        "required": ["priority"],
        "dependentRequired": { "is": ["at"], "at_least": ["at"], "contains": ["at"] },
        "additionalProperties": false,
    });
    json!({
        "type": "object",
        "properties": {
            "subject": { "type": "string", "minLength": 1 },
            "about": { "type": "array", "items": pointer },
            "text": pointer,
            "list": { "type": "array", "items": pointer },
            "requester": {
                "type": "object",
                "properties": { "name": pointer, "email": pointer, "phone": pointer },
                "additionalProperties": false,
            },
            "tags": texts,
            "priorities": { "type": "array", "items": rule },
            "keep_id_in": { "type": "string", "default": "ticket" },
        },
        "required": ["subject"],
        "additionalProperties": false,
    })
}

tenterhook_plugin::export!(SupportTicket: template, mapping, describe);
tenterhook_plugin::bump_allocator!();

#[cfg(test)]
mod tests;
