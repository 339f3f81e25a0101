//! The built-in verifier `verify-shopify`: webhooks of Shopify.
//!
//! Shopify signs the body with HMAC-SHA256 and the app's client secret (or, for webhooks made in the admin, the secret
//! shown there): `X-Shopify-Hmac-Sha256: …` (base64). There is no timestamp: repeats are known by
//! `X-Shopify-Webhook-Id`, which the signature does not cover.
//!
//! Configuration: none.

#[cfg(test)]
mod tests;

use sha2::Sha256;
use tenterhook_plugin::{
    Acceptance, Call, Describe, Description, Failure, InboundRequest, Judgement, Secret, Verifier,
};
use tenterhook_verify::mac::Encoding;
use tenterhook_verify::{Nothing, Stop, body, mac, secrets};

struct Shopify;

const SIGNATURE: &str = "x-shopify-hmac-sha256";

fn judge(call: &Call, request: &InboundRequest, given: &[Secret]) -> Result<Judgement, Stop> {
    let Nothing {} = tenterhook_verify::config(call)?;
    let keys = secrets::all(given)?;
    mac::check::<Sha256>(&keys, Encoding::Base64, &[request.sole_header(SIGNATURE)?], &[&request.body])?;
    Ok(Judgement::Accepted(Acceptance { id: body::id(request.header("x-shopify-webhook-id")), payload: None }))
}

impl Verifier for Shopify {
    fn verify(call: &Call, request: InboundRequest, secrets: &[Secret]) -> Result<Judgement, Failure> {
        Stop::settle(judge(call, &request, secrets))
    }
}

impl Describe for Shopify {
    fn describe() -> Description {
        let text = include_str!("describe.json");
        tenterhook_verify::describe(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), text)
    }
}

tenterhook_plugin::export!(Shopify: verifier, describe);
tenterhook_plugin::bump_allocator!();
tenterhook_plugin::without_wasi_streams!();
