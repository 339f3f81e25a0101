//! The built-in verifier `verify-stripe`: webhooks of Stripe.
//!
//! Stripe signs the timestamp, a dot and the body with HMAC-SHA256 and the endpoint's signing secret (all of `whsec_…`,
//! as it stands): `Stripe-Signature: t=1492774577,v1=…` (hexadecimal). While a secret is rolled, several `v1` come;
//! `v0` is for tests and proves nothing. The id is that of the event.
//!
//! Configuration: `{"tolerance_s": 300}`.

#[cfg(test)]
mod tests;

use serde::Deserialize;
use sha2::Sha256;
use tenterhook_plugin::{
    Acceptance, Call, Describe, Description, Failure, InboundRequest, Judgement, Secret, Verifier,
};
use tenterhook_verify::mac::Encoding;
use tenterhook_verify::time::Timed;
use tenterhook_verify::{Stop, body, mac, secrets};

struct Stripe;

const SIGNATURE: &str = "stripe-signature";

/// What is read of an event.
#[derive(Default, Deserialize)]
struct Event {
    id: Option<String>,
}

fn judge(call: &Call, request: &InboundRequest, given: &[Secret]) -> Result<Judgement, Stop> {
    let Timed { tolerance_s } = tenterhook_verify::config(call)?;
    let keys = secrets::all(given)?;
    let header = request.sole_header(SIGNATURE)?;
    let [times, signatures] = ["t", "v1"].map(|name| mac::items(header, name));
    let [time] = times[..] else {
        return Err(Stop::Refused(format!("the header `{SIGNATURE}` must have one `t=`, it has {}", times.len())));
    };
    if signatures.is_empty() {
        return Err(Stop::Refused(format!("the header `{SIGNATURE}` has no `v1=`: only that is a live signature")));
    }
    tolerance_s.check_seconds(time, call.now)?;
    mac::check::<Sha256>(&keys, Encoding::Hex, &signatures, &[time.as_bytes(), b".", &request.body])?;
    let event: Event = body::fields(&request.body);
    Ok(Judgement::Accepted(Acceptance { id: body::id(event.id.as_deref()), payload: None }))
}

impl Verifier for Stripe {
    fn verify(call: &Call, request: InboundRequest, secrets: &[Secret]) -> Result<Judgement, Failure> {
        Stop::settle(judge(call, &request, secrets))
    }
}

impl Describe for Stripe {
    fn describe() -> Description {
        let text = include_str!("describe.json");
        tenterhook_verify::describe(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), text)
    }
}

tenterhook_plugin::export!(Stripe: verifier, describe);
tenterhook_plugin::bump_allocator!();
tenterhook_plugin::without_wasi_streams!();
