//! The built-in verifier `verify-x`: webhooks of X (Twitter), such as the Account Activity API.
//!
//! X signs the body with HMAC-SHA256 and the app's consumer secret: `x-twitter-webhooks-signature: sha256=…` (base64).
//! There is no timestamp, and no name for the call.
//!
//! A challenge-response check, `GET …?crc_token=…`, is answered with the HMAC of the token. Whoever knows the URL can
//! ask for one, and it is made with the same key in the same way as a signature: so only what cannot be a body is
//! answered (a token has letters, digits and `-._~+/=`), and only a JSON object is accepted as a body (it begins with `{`).
//!
//! Configuration: none.

#[cfg(test)]
mod tests;

use serde_json::json;
use sha2::Sha256;
use tenterhook_plugin::{Call, Describe, Description, Failure, InboundRequest, Judgement, Response, Secret, Verifier};
use tenterhook_verify::mac::Encoding;
use tenterhook_verify::{Nothing, Stop, body, mac, secrets};

struct X;

const SIGNATURE: &str = "x-twitter-webhooks-signature";
const PREFIX: &str = "sha256=";
const CHALLENGE: &str = "crc_token";
/// Longest token that is answered, in bytes.
const TOKEN_BYTES_MAX: usize = 256;

fn judge(call: &Call, request: &InboundRequest, given: &[Secret]) -> Result<Judgement, Stop> {
    let Nothing {} = tenterhook_verify::config(call)?;
    if request.method.eq_ignore_ascii_case("get") {
        return answer(request, secrets::first(given)?);
    }
    let keys = secrets::all(given)?;
    let signature = request.sole_header(SIGNATURE)?;
    let signature = signature
        .strip_prefix(PREFIX)
        .ok_or_else(|| Stop::Refused(format!("the header `{SIGNATURE}` must begin with `{PREFIX}`")))?;
    if !request.body.trim_ascii_start().starts_with(b"{") {
        return Err(Stop::refused("the body is not a JSON object: X sends nothing else"));
    }
    mac::check::<Sha256>(&keys, Encoding::Base64, &[signature], &[&request.body])?;
    Ok(Judgement::accepted())
}

/// The answer to a challenge-response check.
fn answer(request: &InboundRequest, secret: &str) -> Result<Judgement, Stop> {
    let token = body::parameter(request.query().as_bytes(), CHALLENGE).ok_or_else(|| {
        Stop::Refused(format!("a GET must have `{CHALLENGE}` in its query once; events come by POST"))
    })?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if !(1..=TOKEN_BYTES_MAX).contains(&token.len()) || !token.bytes().all(fits) {
        let reason = format!("`{CHALLENGE}` must have 1 to {TOKEN_BYTES_MAX} letters, digits or `-._~+/=`");
        return Err(Stop::Refused(reason));
    }
    let tag = mac::hmac::<Sha256>(secret.as_bytes(), &[token.as_bytes()])?;
    let body = json!({ "response_token": format!("{PREFIX}{}", Encoding::Base64.encode(&tag)) });
    Ok(Judgement::Answered(Response::new(200, "application/json", body.to_string())))
}

impl Verifier for X {
    fn verify(call: &Call, request: InboundRequest, secrets: &[Secret]) -> Result<Judgement, Failure> {
        Stop::settle(judge(call, &request, secrets))
    }
}

impl Describe for X {
    fn describe() -> Description {
        let text = include_str!("describe.json");
        tenterhook_verify::describe(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), text)
    }
}

tenterhook_plugin::export!(X: verifier, describe);
tenterhook_plugin::bump_allocator!();
tenterhook_plugin::without_wasi_streams!();
