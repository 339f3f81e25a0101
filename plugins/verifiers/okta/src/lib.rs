//! The built-in verifier `verify-okta`: event hooks of Okta.
//!
//! Okta sends a fixed secret in a header that its administrator chooses, `Authorization` unless configured. It proves
//! who calls, but not what is said. The id is the `eventId` of the body.
//!
//! The one-time verification, a `GET` with `X-Okta-Verification-Challenge`, is answered with its challenge; it has the
//! secret too.
//!
//! Configuration: `{"header": "authorization"}`.

#[cfg(test)]
mod tests;

use serde::Deserialize;
use serde_json::json;
use tenterhook_plugin::{
    Acceptance, Call, Describe, Description, Failure, InboundRequest, Judgement, Response, Secret, Verifier,
};
use tenterhook_verify::{Stop, body, secrets};

struct Okta;

const CHALLENGE: &str = "x-okta-verification-challenge";
/// Longest challenge that is answered, in bytes.
const CHALLENGE_BYTES_MAX: usize = 1024;

/// The configuration.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The header that has the secret.
    header: Option<String>,
}

/// What is read of an event.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    event_id: Option<String>,
}

fn judge(call: &Call, request: &InboundRequest, given: &[Secret]) -> Result<Judgement, Stop> {
    let config: Config = tenterhook_verify::config(call)?;
    let header = config.header.as_deref().unwrap_or("authorization");
    let secrets = secrets::all(given)?;
    if !secrets::is_one_of(request.sole_header(header)?.as_bytes(), &secrets) {
        let reason = format!("the secret in the header `{header}` is not right: set the trigger's in Okta's hook");
        return Err(Stop::Refused(reason));
    }
    if request.method.eq_ignore_ascii_case("get") {
        return answer(request.sole_header(CHALLENGE)?);
    }
    let event: Event = body::fields(&request.body);
    Ok(Judgement::Accepted(Acceptance { id: body::id(event.event_id.as_deref()), payload: None }))
}

/// The answer to the one-time verification.
fn answer(challenge: &str) -> Result<Judgement, Stop> {
    if challenge.len() > CHALLENGE_BYTES_MAX {
        return Err(Stop::Refused(format!("the header `{CHALLENGE}` must have at most {CHALLENGE_BYTES_MAX} bytes")));
    }
    let body = json!({ "verification": challenge }).to_string();
    Ok(Judgement::Answered(Response::new(200, "application/json", body)))
}

impl Verifier for Okta {
    fn verify(call: &Call, request: InboundRequest, secrets: &[Secret]) -> Result<Judgement, Failure> {
        Stop::settle(judge(call, &request, secrets))
    }
}

impl Describe for Okta {
    fn describe() -> Description {
        let text = include_str!("describe.json");
        tenterhook_verify::describe(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), text)
    }
}

tenterhook_plugin::export!(Okta: verifier, describe);
tenterhook_plugin::bump_allocator!();
tenterhook_plugin::without_wasi_streams!();
