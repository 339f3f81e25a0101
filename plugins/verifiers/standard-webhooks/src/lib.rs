//! The built-in verifier `verify-standard-webhooks`: signatures by Standard Webhooks, as tenterhook itself sends them.
//!
//! The headers are `webhook-id`, `webhook-timestamp` and `webhook-signature`, or the same with `svix-`. Signed is
//! `id.timestamp.body`; the signature header has one or several, separated by spaces: `v1,…` (HMAC-SHA256, base64) and
//! `v1a,…` (ed25519, base64). At most 16 of them are looked at. The id of the call is that of the message.
//!
//! A secret is `whsec_` and base64, or base64 alone; or `whpk_` and base64 of the sender's public ed25519 key.
//!
//! Configuration: `{"tolerance_s": 300}`.

mod key;
#[cfg(test)]
mod tests;

use key::Key;
use tenterhook_plugin::{Call, Describe, Description, Failure, InboundRequest, Judgement, Secret, Verifier};
use tenterhook_verify::body::ID_BYTES_MAX;
use tenterhook_verify::mac::SIGNATURES_MAX;
use tenterhook_verify::time::Timed;
use tenterhook_verify::{Stop, secrets};

struct StandardWebhooks;

/// Id, timestamp and signatures: the standard's names, and those of the service that it grew from.
const FAMILIES: [[&str; 3]; 2] =
    [["webhook-id", "webhook-timestamp", "webhook-signature"], ["svix-id", "svix-timestamp", "svix-signature"]];

fn judge(call: &Call, request: &InboundRequest, given: &[Secret]) -> Result<Judgement, Stop> {
    let Timed { tolerance_s } = tenterhook_verify::config(call)?;
    let keys = secrets::all(given)?.into_iter().map(Key::from_text).collect::<Result<Vec<_>, _>>()?;
    let has_any = |names: &&[&str; 3]| names.iter().any(|name| request.header_values(name).next().is_some());
    let names = FAMILIES.iter().find(has_any).unwrap_or(&FAMILIES[0]);
    let [id, time, signatures] = [0, 1, 2].map(|at| request.sole_header(names[at]));
    let (id, time, signatures) = (id?, time?, signatures?);
    if !(1..=ID_BYTES_MAX).contains(&id.len()) {
        return Err(Stop::Refused(format!("the header `{}` must have 1 to {ID_BYTES_MAX} bytes", names[0])));
    }
    tolerance_s.check_seconds(time, call.now)?;
    let signatures: Vec<_> = signatures.split(' ').take(SIGNATURES_MAX).filter_map(|one| one.split_once(',')).collect();
    let parts = [id.as_bytes(), b".", time.as_bytes(), b".", &request.body];
    key::check(&keys, &signatures, &parts)?;
    Ok(Judgement::accepted_as(id))
}

impl Verifier for StandardWebhooks {
    fn verify(call: &Call, request: InboundRequest, secrets: &[Secret]) -> Result<Judgement, Failure> {
        Stop::settle(judge(call, &request, secrets))
    }
}

impl Describe for StandardWebhooks {
    fn describe() -> Description {
        let text = include_str!("describe.json");
        tenterhook_verify::describe(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), text)
    }
}

tenterhook_plugin::export!(StandardWebhooks: verifier, describe);
tenterhook_plugin::bump_allocator!();
tenterhook_plugin::without_wasi_streams!();
