//! A template plugin: tells a chat channel about a lead, in blocks as Slack and Mattermost take them.
//!
//! What text with `{{ fields }}` does badly, code does well: fields that may be missing, a list of them, a rule for
//! whom to mention, and leads about which nobody wants to hear.

use serde::Deserialize;
use serde_json::{Value, json};
use tenterhook_plugin::{Call, Describe, Description, Failure, Json, Request, Template, log};

struct ChatLead;

/// The configuration, at each place of use.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The channel, such as `#sales`.
    channel: String,
    /// Whom to mention for leads worth at least `mention_from`.
    #[serde(default)]
    mention: Option<String>,
    #[serde(default)]
    mention_from: f64,
}

#[derive(Deserialize)]
struct Input {
    record: Lead,
}

/// The fields of a lead that are used; any of them may be null or missing.
#[derive(Deserialize)]
struct Lead {
    first_name: Option<String>,
    last_name: Option<String>,
    email: Option<String>,
    company: Option<String>,
    phone: Option<String>,
    contract_value: Option<f64>,
    #[serde(default)]
    is_deleted: bool,
}

/// The message; `None` for a lead about which nobody wants to hear.
fn message(config: &Config, lead: &Lead) -> Option<Value> {
    if lead.is_deleted {
        return None;
    }
    let name = [&lead.first_name, &lead.last_name]
        .into_iter()
        .flatten()
        .map(|part| escape(part))
        .collect::<Vec<_>>()
        .join(" ");
    let name = if name.is_empty() { "Somebody".to_owned() } else { name };
    let worth = lead.contract_value.unwrap_or_default();
    let mention = config.mention.as_deref().filter(|_| worth >= config.mention_from);
    let title = format!("New lead: *{name}*{}", mention.map(|who| format!(" {who}")).unwrap_or_default());
    let fields = [
        ("Company", lead.company.clone()),
        ("E-mail", lead.email.clone()),
        ("Phone", lead.phone.clone()),
        ("Worth", lead.contract_value.map(|worth| format!("{worth:.0} EUR"))),
    ];
    let fields: Vec<Value> = fields
        .into_iter()
        .filter_map(|(label, value)| {
            Some(json!({ "type": "mrkdwn", "text": format!("*{label}*\n{}", escape(&value?)) }))
        })
        .collect();
    let mut blocks = vec![json!({ "type": "section", "text": { "type": "mrkdwn", "text": title } })];
    if !fields.is_empty() {
        blocks.push(json!({ "type": "section", "fields": fields }));
    }
    Some(json!({ "channel": config.channel, "text": format!("New lead: {name}"), "blocks": blocks }))
}

/// The three characters that have a meaning in such messages.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

impl Template for ChatLead {
    fn render(call: &Call, input: Json, mut base: Request) -> Result<Option<Request>, Failure> {
        let config: Config = call.config()?;
        let input: Input = input.decode()?;
        let Some(message) = message(&config, &input.record) else {
            log::info("a deleted lead: nothing to say");
            return Ok(None);
        };
        base.set_json(&message);
        Ok(Some(base))
    }
}

impl Describe for ChatLead {
    fn describe() -> Description {
        let schema = json!({
            "type": "object",
            "properties": {
                "channel": { "type": "string" },
                "mention": { "type": "string" },
                "mention_from": { "type": "number" },
            },
            "required": ["channel"],
            "additionalProperties": false,
        });
        Description::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), "Tells a chat channel about a lead.")
            .config(schema, json!({ "channel": "#sales", "mention": "@anna", "mention_from": 10_000 }))
            .input(json!({ "record": { "first_name": "Lin", "email": "lin@example.com", "contract_value": 12_500 } }))
    }
}

tenterhook_plugin::export!(ChatLead: template, describe);
tenterhook_plugin::bump_allocator!();

#[cfg(test)]
mod tests {
    use super::*;

    fn message_of(record: Value) -> Option<Value> {
        let config = serde_json::from_value(ChatLead::describe().example_config).unwrap();
        message(&config, &serde_json::from_value(record).unwrap())
    }

    #[test]
    fn a_valuable_lead_is_told_with_a_mention_and_the_fields_it_has() {
        let input = ChatLead::describe().example_input;
        let message = message_of(input["record"].clone()).unwrap();
        assert_eq!(message["blocks"][0]["text"]["text"], "New lead: *Lin* @anna");
        assert_eq!(message["blocks"][1]["fields"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn markup_in_a_name_stays_text_and_a_nameless_lead_is_somebody() {
        assert_eq!(message_of(json!({ "last_name": "<!here>" })).unwrap()["text"], "New lead: &lt;!here&gt;");
        assert_eq!(message_of(json!({})).unwrap()["text"], "New lead: Somebody");
    }

    #[test]
    fn nothing_is_sent_for_a_deleted_lead() {
        assert_eq!(message_of(json!({ "first_name": "A", "is_deleted": true })), None);
    }
}
