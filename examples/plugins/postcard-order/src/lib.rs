//! A template plugin: a postcard by direct mail.
//!
//! What is printed cannot be called back: the address is checked line by line before anything is ordered, and an order
//! bears a key by which the printer recognises that it is the same one.

mod address;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tenterhook_plugin::{Call, Describe, Description, Failure, Json, Request, Template};

use address::Address;

struct PostcardOrder;

/// The configuration, at each place of use. Places in the input are JSON pointers (RFC 6901).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The printer's name of the design.
    design: String,
    /// The printer's name of our address.
    sender: String,
    /// The country that the cards are posted in (ISO 3166-1 alpha-2): an address there has no country's name.
    posted_in: String,
    /// Where the parts of the address are.
    address: Places,
    /// What the design has for each card: name → where the value is.
    #[serde(default)]
    variables: BTreeMap<String, String>,
    /// Where the value is that gets one card of this design only, such as a lead's id. If absent, each delivery or
    /// task is an order of its own, and a repeat of it is not.
    #[serde(default)]
    once_per: Option<String>,
}

/// The parts of an address. The texts of several places are joined by spaces.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Places {
    name: Vec<String>,
    company: Vec<String>,
    street: Vec<String>,
    city: Vec<String>,
    region: Vec<String>,
    postcode: Vec<String>,
    country: Vec<String>,
}

impl Default for Places {
    fn default() -> Self {
        let at = |names: &[&str]| names.iter().map(|name| format!("/data/{name}")).collect();
        Self {
            name: at(&["first_name", "last_name"]),
            company: at(&["company"]),
            street: at(&["street"]),
            city: at(&["city"]),
            region: at(&["region"]),
            postcode: at(&["postcode"]),
            country: at(&["country"]),
        }
    }
}

/// Longest key that printers take, in bytes.
const KEY_BYTES_MAX: usize = 256;

/// The plain values at `places`, joined by spaces. White space of any kind becomes one space.
fn text(input: &Value, places: &[String]) -> String {
    let words = |value: &Value| match value {
        Value::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Value::Number(_) => value.to_string(),
        _ => String::new(),
    };
    let parts = places.iter().filter_map(|place| input.pointer(place)).map(words);
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn address(places: &Places, input: &Value) -> Address {
    Address {
        name: text(input, &places.name),
        company: text(input, &places.company),
        street: text(input, &places.street),
        city: text(input, &places.city),
        region: text(input, &places.region),
        postcode: text(input, &places.postcode).to_uppercase(),
        country: text(input, &places.country).to_uppercase(),
    }
}

/// The key of the order: the same for every repeat.
fn key(config: &Config, call: &Call, input: &Value) -> Result<String, Failure> {
    let Some(place) = &config.once_per else { return Ok(call.id.clone()) };
    let value = text(input, std::slice::from_ref(place));
    if value.is_empty() {
        return Err(Failure::Invalid(format!("input: {place} is empty: without it nobody can tell a second card")));
    }
    let key = format!("{}/{value}", config.design);
    match key.len() {
        ..=KEY_BYTES_MAX => Ok(key),
        length => {
            Err(Failure::Invalid(format!("input: {place} makes a key of {length} bytes; {KEY_BYTES_MAX} are possible")))
        }
    }
}

/// The order as JSON.
fn order(config: &Config, call: &Call, input: &Value) -> Result<Value, Failure> {
    let address = address(&config.address, input);
    let lines = address.lines(&config.posted_in).map_err(|problems| {
        Failure::Invalid(format!("the address is not one that a card can be sent to: {}", problems.join("; ")))
    })?;
    let value = |place: &String| input.pointer(place).cloned().unwrap_or_default();
    let variables: Map<String, Value> =
        config.variables.iter().map(|(name, place)| (name.clone(), value(place))).collect();
    Ok(json!({
        "idempotency_key": key(config, call, input)?,
        "design": config.design,
        "sender": config.sender,
        "recipient": { "lines": lines, "country": address.country },
        "variables": variables,
    }))
}

impl Template for PostcardOrder {
    fn render(call: &Call, input: Json, mut base: Request) -> Result<Option<Request>, Failure> {
        base.set_json(&order(&call.config()?, call, &input.decode()?)?);
        Ok(Some(base))
    }
}

impl Describe for PostcardOrder {
    fn describe() -> Description {
        let pointer = json!({ "type": "string", "format": "json-pointer" });
        let places = json!({ "type": "array", "items": pointer });
        let parts = ["name", "company", "street", "city", "region", "postcode", "country"];
        let parts: Map<String, Value> = parts.into_iter().map(|part| (part.to_owned(), places.clone())).collect();
        let schema = json!({
            "type": "object",
            "properties": {
                "design": { "type": "string", "minLength": 1 },
                "sender": { "type": "string", "minLength": 1 },
                "posted_in": { "type": "string", "pattern": "^[A-Z]{2}$" },
                "address": { "type": "object", "properties": parts, "additionalProperties": false },
                "variables": { "type": "object", "additionalProperties": pointer },
                "once_per": pointer,
            },
            "required": ["design", "sender", "posted_in", "address"],
            "additionalProperties": false,
        });
        let example = json!({
            "design": "welcome-card",
            "sender": "office-london",
            "posted_in": "GB",
            "address": {
                "street": ["/data/custom_fields/street"],
                "postcode": ["/data/custom_fields/postcode"],
                "country": ["/data/custom_fields/country"],
            },
            "variables": { "first_name": "/data/first_name" },
            "once_per": "/data/id",
        });
        Description::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), "A postcard by direct mail.")
            .config(schema, example)
            .input(serde_json::from_str(include_str!("example.json")).unwrap_or_default())
    }
}

tenterhook_plugin::export!(PostcardOrder: template, describe);
tenterhook_plugin::bump_allocator!();

#[cfg(test)]
mod tests;
