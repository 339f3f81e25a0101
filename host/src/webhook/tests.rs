//! Tests of webhook definitions and calls.

mod calls;
mod definitions;
mod history;

use serde_json::{Value, json};

use super::*;
use crate::model::{HeaderField, Redacted, Time, Webhook};

/// A definition with all members.
fn body() -> Value {
    json!({
        "name": "Send SMS",
        "description": "Tells the lead.",
        "request": {
            "method": "POST",
            "url": "https://sms.example/v1/{{ data.account }}/messages?to={{ record.phone }}",
            "format": "json",
            "headers": {"Authorization": "Bearer {{ secret.sms_key }}", "X-Campaign": "{{ data.campaign }}"},
            "template": {"text": "{\"to\": {{ record.phone }}}"},
        },
        "response": {"format": "json", "mapping": {"rules": [{"from": ".id", "to": "sms_id"}]}},
    })
}

/// That definition with the member at `pointer` replaced.
fn body_with(pointer: &str, value: Value) -> Value {
    let mut body = body();
    *body.pointer_mut(pointer).expect("a member of the body") = value;
    body
}

fn checked(body: Value) -> Result<CheckedWebhook, Vec<FieldProblem>> {
    serde_json::from_value::<WebhookDraft>(body).expect("the shape of a draft").check()
}

fn webhook(body: Value) -> Webhook {
    let checked = checked(body).expect("a good definition");
    checked.into_webhook("send-sms".parse().expect("a slug"), None, "admin", Time::from_millis(7))
}

fn field(name: &str, value: &str) -> HeaderField {
    HeaderField { name: name.to_owned(), value: value.to_owned() }
}

/// A space with the secret `sms_key`.
fn secrets(name: &str) -> Option<Redacted> {
    (name == "sms_key").then(|| Redacted::new("s3cr\"et/Value".to_owned()))
}
