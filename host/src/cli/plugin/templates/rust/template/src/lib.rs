//! A template: tells a chat channel about a lead.

use serde::Deserialize;
use serde_json::{Value, json};
use tenterhook_plugin::{Call, Describe, Description, Failure, Json, Request, Template, log};

struct MyPlugin;

/// The configuration, at each place of use.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    channel: String,
}

/// What of the event or call data is used.
#[derive(Deserialize)]
struct Lead {
    name: String,
    email: Option<String>,
}

/// The message about a lead.
fn message(config: &Config, lead: &Lead) -> Value {
    let address = lead.email.as_ref().map(|email| format!(" ({email})")).unwrap_or_default();
    json!({ "channel": config.channel, "text": format!("New lead: {}{address}", lead.name) })
}

impl Template for MyPlugin {
    fn render(call: &Call, input: Json, mut base: Request) -> Result<Option<Request>, Failure> {
        let (config, lead): (Config, Lead) = (call.config()?, input.decode()?);
        base.set_json(&message(&config, &lead));
        log::info(format!("a message for {}", config.channel));
        Ok(Some(base))
    }
}

impl Describe for MyPlugin {
    fn describe() -> Description {
        let schema = json!({
            "type": "object",
            "properties": { "channel": { "type": "string" } },
            "required": ["channel"],
            "additionalProperties": false,
        });
        Description::new("my-plugin", env!("CARGO_PKG_VERSION"), "Tells a chat channel about a lead.")
            .config(schema, json!({ "channel": "#sales" }))
            .input(json!({ "name": "Anna", "email": "anna@example.com" }))
    }
}

tenterhook_plugin::export!(MyPlugin: template, describe);
tenterhook_plugin::bump_allocator!();

#[cfg(test)]
mod tests {
    use super::*;

    fn text(lead: Value) -> Value {
        let config = Config { channel: "#sales".into() };
        message(&config, &serde_json::from_value(lead).unwrap())["text"].clone()
    }

    #[test]
    fn a_lead_is_told_with_its_address_if_it_has_one() {
        assert_eq!(text(json!({ "name": "Anna", "email": "anna@example.com" })), "New lead: Anna (anna@example.com)");
        assert_eq!(text(json!({ "name": "Anna" })), "New lead: Anna");
    }

    #[test]
    fn the_example_fits_the_plugin() {
        let said = MyPlugin::describe();
        assert!(serde_json::from_value::<Config>(said.example_config).is_ok());
        assert!(serde_json::from_value::<Lead>(said.example_input).is_ok());
    }
}
