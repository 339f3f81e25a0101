//! Calls a plugin as the host would.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{Action, Call, Failure, Field, InboundRequest, Json, Judgement, Secret, Verifier};

/// What a call is about: space `default`, id `1`, the beginning of the epoch, and this configuration.
pub fn call(config: &Value) -> Call {
    Call { space: "default".into(), id: "1".into(), now: 0, config: config.to_string() }
}

/// Runs an action. Its capabilities are those of the installed [`Host`](super::Host).
///
/// # Errors
/// Those of the action; `Invalid` when its output is no JSON.
pub fn run<A: Action>(config: &Value, input: &Value) -> Result<Value, Failure> {
    A::run(&call(config), Json::named("input", input.to_string()))?.decode()
}

/// Has a verifier judge a call, given as the example input of a [`Verifier`].
///
/// # Errors
/// Those of the verifier; `Invalid` when `input` is no such call.
pub fn verify<V: Verifier>(config: &Value, input: &Value) -> Result<Judgement, Failure> {
    let inbound = Inbound::deserialize(input).map_err(|error| Failure::Invalid(format!("input: {error}")))?;
    let request = InboundRequest {
        method: inbound.method,
        url: inbound.url,
        headers: texts(&inbound.headers)?.into_iter().map(|(name, value)| Field::new(name, value)).collect(),
        body: inbound.body.into_bytes(),
    };
    let secrets: Vec<_> = texts(&inbound.secrets)?.into_iter().map(|(name, value)| Secret::new(name, value)).collect();
    V::verify(&Call { now: inbound.now, ..call(config) }, request, &secrets)
}

/// The example input of a verifier.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Inbound {
    #[serde(default = "post")]
    method: String,
    #[serde(default = "url")]
    url: String,
    #[serde(default)]
    headers: Map<String, Value>,
    #[serde(default)]
    body: String,
    #[serde(default)]
    secrets: Map<String, Value>,
    #[serde(default)]
    now: u64,
}

fn post() -> String {
    "POST".into()
}

fn url() -> String {
    "https://hooks.example/".into()
}

/// Names and values, in order.
fn texts(of: &Map<String, Value>) -> Result<Vec<(&String, &str)>, Failure> {
    of.iter()
        .map(|(name, value)| match value {
            Value::String(text) => Ok((name, text.as_str())),
            other => Err(Failure::Invalid(format!("input: {name:?} must be text, it is {other}"))),
        })
        .collect()
}
