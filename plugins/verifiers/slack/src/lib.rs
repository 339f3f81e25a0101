//! The built-in verifier `verify-slack`: events, commands and interactions of Slack.
//!
//! Slack signs `v0:`, the timestamp, a colon and the body with HMAC-SHA256 and the app's signing secret:
//! `X-Slack-Signature: v0=…` (hexadecimal), `X-Slack-Request-Timestamp`. The id is the `event_id` of an event.
//!
//! - A `url_verification`, which Slack sends when a request URL is set, is answered with its challenge.
//! - Commands and interactions come as forms: the payload is the JSON in the field `payload` if there is one, else the
//!   fields.
//!
//! Configuration: `{"tolerance_s": 300}`.

#[cfg(test)]
mod tests;

use serde::Deserialize;
use sha2::Sha256;
use tenterhook_plugin::{
    Acceptance, Call, Describe, Description, Failure, InboundRequest, Judgement, Response, Secret, Verifier,
};
use tenterhook_verify::mac::Encoding;
use tenterhook_verify::time::Timed;
use tenterhook_verify::{Stop, body, mac, secrets};

struct Slack;

const SIGNATURE: &str = "x-slack-signature";
const TIMESTAMP: &str = "x-slack-request-timestamp";
const PREFIX: &str = "v0=";

/// What is read of an event.
#[derive(Default, Deserialize)]
struct Envelope {
    r#type: Option<String>,
    challenge: Option<String>,
    event_id: Option<String>,
}

fn judge(call: &Call, request: &InboundRequest, given: &[Secret]) -> Result<Judgement, Stop> {
    let Timed { tolerance_s } = tenterhook_verify::config(call)?;
    let keys = secrets::all(given)?;
    let (signature, time) = (request.sole_header(SIGNATURE)?, request.sole_header(TIMESTAMP)?);
    let signature = signature
        .strip_prefix(PREFIX)
        .ok_or_else(|| Stop::Refused(format!("the header `{SIGNATURE}` must begin with `{PREFIX}`")))?;
    tolerance_s.check_seconds(time, call.now)?;
    let parts = [b"v0:", time.as_bytes(), b":", &request.body];
    mac::check::<Sha256>(&keys, Encoding::Hex, &[signature], &parts)?;
    if let Some(payload) = body::form_payload(request) {
        return Ok(Judgement::Accepted(Acceptance { id: None, payload: Some(payload) }));
    }
    let envelope: Envelope = body::fields(&request.body);
    match (envelope.r#type.as_deref(), envelope.challenge) {
        (Some("url_verification"), Some(challenge)) => {
            Ok(Judgement::Answered(Response::new(200, "text/plain", challenge)))
        }
        _ => Ok(Judgement::Accepted(Acceptance { id: body::id(envelope.event_id.as_deref()), payload: None })),
    }
}

impl Verifier for Slack {
    fn verify(call: &Call, request: InboundRequest, secrets: &[Secret]) -> Result<Judgement, Failure> {
        Stop::settle(judge(call, &request, secrets))
    }
}

impl Describe for Slack {
    fn describe() -> Description {
        let text = include_str!("describe.json");
        tenterhook_verify::describe(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), text)
    }
}

tenterhook_plugin::export!(Slack: verifier, describe);
tenterhook_plugin::bump_allocator!();
tenterhook_plugin::without_wasi_streams!();
