//! The built-in verifier `verify-twilio`: webhooks of Twilio.
//!
//! Twilio signs the URL that it calls, followed by the names and values of the form in the order of their names, with
//! HMAC-SHA1 and the account's auth token: `X-Twilio-Signature: …` (base64). A body that is no form is covered by its
//! SHA-256 in the URL: `?bodySHA256=…`. A body that neither covers is refused.
//!
//! - The URL counts with and without its port, as in Twilio's libraries, but is otherwise taken as it was called.
//! - The payload of a form is its fields; that of another body is left to the trigger.
//! - The id is `I-Twilio-Idempotency-Token`, which the signature does not cover.
//!
//! Configuration: none.

#[cfg(test)]
mod tests;
mod url;

use std::collections::{BTreeMap, BTreeSet};

use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use tenterhook_plugin::{
    Acceptance, Call, Describe, Description, Failure, InboundRequest, Judgement, Secret, Verifier, constant_time_eq,
};
use tenterhook_verify::mac::Encoding;
use tenterhook_verify::{Nothing, Stop, body, mac, secrets};

struct Twilio;

const SIGNATURE: &str = "x-twilio-signature";
/// The parameter of the URL that covers a body.
const BODY_HASH: &str = "bodySHA256";

fn judge(call: &Call, request: &InboundRequest, given: &[Secret]) -> Result<Judgement, Stop> {
    let Nothing {} = tenterhook_verify::config(call)?;
    let keys = secrets::all(given)?;
    let signature = request.sole_header(SIGNATURE)?;
    let body_hash = body::parameter(request.query().as_bytes(), BODY_HASH);
    let is_form = body_hash.is_none() && body::is_form(request);
    if body_hash.is_none() && !is_form && !request.body.is_empty() {
        let reason = format!("the body is no form, and the URL has no `{BODY_HASH}`: no signature covers the body");
        return Err(Stop::Refused(reason));
    }
    let fields = if is_form { sorted(&request.body) } else { String::new() };
    check(&keys, signature, &request.url, &fields)?;
    if let Some(hash) = body_hash {
        let expected = mac::hex(&Sha256::digest(&request.body));
        if !constant_time_eq(expected.as_bytes(), hash.to_ascii_lowercase().as_bytes()) {
            return Err(Stop::Refused(format!("the body is not that of `{BODY_HASH}`: does it arrive unaltered?")));
        }
    }
    let payload = if is_form { body::form(&request.body) } else { None };
    Ok(Judgement::Accepted(Acceptance { id: body::id(request.header("i-twilio-idempotency-token")), payload }))
}

/// The names and values of a form as Twilio signs them: in the order of names, then of values, none twice.
fn sorted(form: &[u8]) -> String {
    let mut fields = BTreeMap::<String, BTreeSet<String>>::new();
    for (name, value) in form_urlencoded::parse(form) {
        fields.entry(name.into_owned()).or_default().insert(value.into_owned());
    }
    fields.iter().flat_map(|(name, values)| values.iter().flat_map(move |value| [name.as_str(), value])).collect()
}

/// Checks the signature over the URL, with and without its port.
fn check(keys: &[&str], signature: &str, url: &str, fields: &str) -> Result<(), Stop> {
    let mut judged = Err(mac::mismatch());
    for url in url::variants(url) {
        let checked = mac::check::<Sha1>(keys, Encoding::Base64, &[signature], &[url.as_bytes(), fields.as_bytes()]);
        judged = judged.or(checked);
    }
    judged.map_err(|stop| match stop {
        Stop::Refused(reason) => Stop::Refused(format!("{reason} Twilio must call {}.", url::shown(url))),
        failed => failed,
    })
}

impl Verifier for Twilio {
    fn verify(call: &Call, request: InboundRequest, secrets: &[Secret]) -> Result<Judgement, Failure> {
        Stop::settle(judge(call, &request, secrets))
    }
}

impl Describe for Twilio {
    fn describe() -> Description {
        let text = include_str!("describe.json");
        tenterhook_verify::describe(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), text)
    }
}

tenterhook_plugin::export!(Twilio: verifier, describe);
tenterhook_plugin::bump_allocator!();
tenterhook_plugin::without_wasi_streams!();
