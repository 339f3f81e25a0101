//! The built-in verifier `verify-github`: webhooks of GitHub.
//!
//! GitHub signs the body with HMAC-SHA256 and the webhook's secret: `X-Hub-Signature-256: sha256=…` (hexadecimal). The
//! older `X-Hub-Signature` (SHA-1) is not looked at. There is no timestamp: repeats are known by `X-GitHub-Delivery`,
//! which the signature does not cover; a redelivery that somebody asks for has the same, so it starts no second run.
//!
//! - A `ping`, which GitHub sends when a webhook is made, is answered with `pong`; no run starts.
//! - With the content type form, the payload is the JSON in the field `payload`.
//!
//! Configuration: none.

#[cfg(test)]
mod tests;

use sha2::Sha256;
use tenterhook_plugin::{
    Acceptance, Call, Describe, Description, Failure, InboundRequest, Judgement, Response, Secret, Verifier,
};
use tenterhook_verify::mac::Encoding;
use tenterhook_verify::{Nothing, Stop, body, mac, secrets};

struct Github;

const SIGNATURE: &str = "x-hub-signature-256";
const PREFIX: &str = "sha256=";

fn judge(call: &Call, request: &InboundRequest, given: &[Secret]) -> Result<Judgement, Stop> {
    let Nothing {} = tenterhook_verify::config(call)?;
    let keys = secrets::all(given)?;
    let signature = request.sole_header(SIGNATURE)?;
    let signature = signature.strip_prefix(PREFIX).ok_or_else(|| {
        Stop::Refused(format!("the header `{SIGNATURE}` must begin with `{PREFIX}`: set a secret in GitHub's webhook"))
    })?;
    mac::check::<Sha256>(&keys, Encoding::Hex, &[signature], &[&request.body])?;
    if request.header("x-github-event") == Some("ping") {
        return Ok(Judgement::Answered(Response::new(200, "text/plain", "pong")));
    }
    let (id, payload) = (body::id(request.header("x-github-delivery")), body::form_payload(request));
    Ok(Judgement::Accepted(Acceptance { id, payload }))
}

impl Verifier for Github {
    fn verify(call: &Call, request: InboundRequest, secrets: &[Secret]) -> Result<Judgement, Failure> {
        Stop::settle(judge(call, &request, secrets))
    }
}

impl Describe for Github {
    fn describe() -> Description {
        let text = include_str!("describe.json");
        tenterhook_verify::describe(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), text)
    }
}

tenterhook_plugin::export!(Github: verifier, describe);
tenterhook_plugin::bump_allocator!();
tenterhook_plugin::without_wasi_streams!();
