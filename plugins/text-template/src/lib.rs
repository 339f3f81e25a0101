//! The built-in plugin `text-template`: builds a request from text with `{{ fields }}` in it.
//!
//! Template language: minijinja (Jinja2) without includes, macros and clock. What is inserted is escaped by the format
//! and by where it lands, always; there is no way to switch that off:
//! - **JSON**, inside a string literal: as its content; nothing for null and missing values; objects and arrays as
//!   their JSON text. Outside: a whole JSON value, so `{"n": {{ record.n }}}` needs no quotes for any type.
//! - **XML**: as text or attribute value, without the characters that XML 1.0 cannot hold; inside CDATA, as CDATA.
//! - **Form** and **URL**: percent-encoded.
//! - **Headers**: as it is; control characters are refused. `{{ secret.NAME }}` is left for the host to fill in, in
//!   headers only.
//!
//! A missing field never fails: `{{ record.a.b }}` is empty, or null. Filters: see [`engine::FILTERS`].

pub mod check;
pub mod engine;
mod insert;
mod place;
mod request;
mod sink;

#[cfg(test)]
mod tests;

pub use request::{Config, HeaderTemplate, render};

use serde_json::json;
use tenterhook_plugin::{Call, Describe, Description, Failure, Json, Request, Template};

struct TextTemplate;

impl Template for TextTemplate {
    fn render(call: &Call, input: Json, base: Request) -> Result<Option<Request>, Failure> {
        render(&call.config()?, &input.decode()?, base).map(Some)
    }
}

impl Describe for TextTemplate {
    fn describe() -> Description {
        let text = json!({ "type": "string", "maxLength": engine::TEMPLATE_BYTES_MAX });
        let header = json!({
            "type": "object",
            "properties": { "name": { "type": "string" }, "value": { "type": "string" } },
            "required": ["name", "value"],
            "additionalProperties": false,
        });
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "text": text,
                "url": text,
                "headers": { "type": "array", "items": header },
                "format": { "enum": ["json", "form", "xml"], "default": "json" },
                "check": { "type": "boolean", "default": false },
            },
            "additionalProperties": false,
        });
        let config = json!({
            "url": "https://sms.example/v1/accounts/{{ record.account }}/messages",
            "headers": [{ "name": "authorization", "value": "Bearer {{ secret.sms }}" }],
            "format": "json",
            "text": "{\"to\": \"{{ record.phone }}\", \"text\": \"Hello {{ record.first_name }}!\"}",
        });
        let input = json!({ "record": { "account": "a 1", "phone": "+4685550123", "first_name": "Anna \"Ann\"" } });
        let summary = "Builds a request from a text with fields in it, escaped for JSON, form or XML.";
        Description::new("text-template", env!("CARGO_PKG_VERSION"), summary).config(schema, config).input(input)
    }
}

tenterhook_plugin::export!(TextTemplate: template, describe);
tenterhook_plugin::bump_allocator!();
tenterhook_plugin::without_wasi_streams!();
