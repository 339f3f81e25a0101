//! A template and a mapping in one component: a lead into a CRM, created there or changed, and the CRM's id back.
//!
//! Two kinds of API: a batch upsert by a property, as HubSpot has it, and a PATCH by an external id, as Salesforce has
//! it. The request and the answer belong together, so one plugin knows both.

mod answer;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tenterhook_plugin::{Call, Describe, Description, Failure, Json, Request, Template, log};

struct LeadUpsert;

/// The configuration, the same for template and mapping. Places in the input are JSON pointers (RFC 6901).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    service: Service,
    /// Where the value is by which the CRM knows the lead, such as its e-mail address.
    id: String,
    /// The unique property, or external id field, of the CRM that has this value.
    id_field: String,
    /// The CRM's fields: name → where the value is.
    fields: BTreeMap<String, String>,
    /// What becomes of the CRM's value where ours is null.
    #[serde(default)]
    empty: Empty,
    /// The field of our record that gets the CRM's id.
    #[serde(default = "crm_id")]
    keep_id_in: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Service {
    Hubspot,
    Salesforce,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Empty {
    /// It stays.
    #[default]
    Keep,
    /// It is cleared.
    Clear,
}

fn crm_id() -> String {
    "crm_id".to_owned()
}

/// The request; `None` for a lead that is deleted.
fn upsert(config: &Config, input: &Value, mut base: Request) -> Result<Option<Request>, Failure> {
    if input.pointer("/data/is_deleted") == Some(&Value::Bool(true)) {
        log::info("the lead is deleted: nothing is sent");
        return Ok(None);
    }
    if base.url.contains(['?', '#']) {
        return Err(Failure::Invalid("the URL must end with the path of the CRM's objects".to_owned()));
    }
    let Some(id) = input.pointer(&config.id).and_then(as_text).filter(|id| !id.trim().is_empty()) else {
        return Err(Failure::Invalid(format!("input: {} is empty, and the CRM knows the lead by it", config.id)));
    };
    let fields = fields(config, input)?;
    let url = base.url.trim_end_matches('/').to_owned();
    match config.service {
        Service::Hubspot => {
            base.method = "POST".to_owned();
            base.url = format!("{url}/batch/upsert");
            let one = json!({ "idProperty": config.id_field, "id": id, "properties": fields });
            base.set_json(&json!({ "inputs": [one] }));
        }
        Service::Salesforce => {
            base.method = "PATCH".to_owned();
            base.url = format!("{url}/{}/{}", encode(&config.id_field), encode(&id));
            base.set_json(&Value::Object(fields));
        }
    }
    Ok(Some(base))
}

/// The CRM's fields. A batch upsert takes texts only, and an empty one clears; a PATCH takes values, and null clears.
fn fields(config: &Config, input: &Value) -> Result<Map<String, Value>, Failure> {
    let mut fields = Map::new();
    for (name, place) in &config.fields {
        let value = input.pointer(place).unwrap_or(&Value::Null);
        let value = match (value, config.service) {
            (Value::Null, _) if config.empty == Empty::Keep => continue,
            (Value::Null, Service::Hubspot) => Value::from(""),
            (Value::Object(_) | Value::Array(_), _) => {
                return Err(Failure::Invalid(format!("input: {place}, for {name}, is no text, number or boolean")));
            }
            (value, Service::Hubspot) => as_text(value).into(),
            // What the path says must not stand in the body too.
            (_, Service::Salesforce) if *name == config.id_field => continue,
            (value, Service::Salesforce) => value.clone(),
        };
        fields.insert(name.clone(), value);
    }
    Ok(fields)
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A text as one segment of a path (RFC 3986 §3.3): all but unreserved characters are escaped.
fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

impl Template for LeadUpsert {
    fn render(call: &Call, input: Json, base: Request) -> Result<Option<Request>, Failure> {
        upsert(&call.config()?, &input.decode()?, base)
    }
}

impl Describe for LeadUpsert {
    fn describe() -> Description {
        let pointer = json!({ "type": "string", "format": "json-pointer" });
        let schema = json!({
            "type": "object",
            "properties": {
                "service": { "enum": ["hubspot", "salesforce"] },
                "id": pointer,
                "id_field": { "type": "string", "minLength": 1 },
                "fields": { "type": "object", "additionalProperties": pointer },
                "empty": { "enum": ["keep", "clear"], "default": "keep" },
                "keep_id_in": { "type": "string", "default": "crm_id" },
            },
            "required": ["service", "id", "id_field", "fields"],
            "additionalProperties": false,
        });
        let example = json!({
            "service": "hubspot",
            "id": "/data/email",
            "id_field": "email",
            "fields": {
                "firstname": "/data/first_name",
                "lastname": "/data/last_name",
                "company": "/data/company",
                "jobtitle": "/data/company_role",
                "phone": "/data/phone",
                "amount": "/data/contract_value",
            },
        });
        let summary = "A lead into a CRM, created there or changed, and the CRM's id back.";
        Description::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), summary)
            .config(schema, example)
            .input(serde_json::from_str(include_str!("example.json")).unwrap_or_default())
    }
}

tenterhook_plugin::export!(LeadUpsert: template, mapping, describe);
tenterhook_plugin::bump_allocator!();

#[cfg(test)]
mod tests;
