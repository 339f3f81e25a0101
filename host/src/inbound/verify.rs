//! Is the caller entitled? By API key, or by signature.

use subtle::ConstantTimeEq as _;

use super::{InboundError, RawRequest, signature};
use crate::model::{Key, Redacted, Time, Trigger};

/// How a sender proved itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VerifiedBy {
    /// By the header `X-Api-Key`.
    ApiKey,
    /// By `Authorization: Bearer` (RFC 6750 §2.1).
    Bearer,
    /// By a Standard Webhooks signature.
    Signature {
        /// The `webhook-id`: the same for every repeat of the call.
        id: String,
    },
}

/// A call whose sender has proved itself to the trigger. Only [`verify`] makes one.
#[derive(Debug)]
pub struct VerifiedRequest {
    raw: RawRequest,
    by: VerifiedBy,
}

impl VerifiedRequest {
    /// The request.
    pub const fn raw(&self) -> &RawRequest {
        &self.raw
    }

    /// How the sender proved itself.
    pub const fn by(&self) -> &VerifiedBy {
        &self.by
    }

    /// The sender's name for this call, by which a repeat is recognised: the `webhook-id` of a signed call, else the
    /// header `Idempotency-Key`, if it is 1 to 256 bytes of text.
    pub fn repeat_key(&self) -> Option<&str> {
        match &self.by {
            VerifiedBy::Signature { id } => Some(id),
            VerifiedBy::ApiKey | VerifiedBy::Bearer => {
                self.raw.sole_header("idempotency-key").filter(|key| (1..=256).contains(&key.len()))
            }
        }
    }
}

/// A refused call: the reason, and the request for the list of refused calls.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub error: InboundError,
    /// The request.
    pub raw: RawRequest,
}

/// Checks that the trigger is on and that the sender is entitled to call it.
///
/// The first of these that the call shows decides, alone; a wrong one is never made good by another: the header
/// `X-Api-Key`; `Authorization: Bearer KEY`; the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`
/// (or `svix-…`). `secret` opens the trigger's signing secret; it is asked only for a signature.
///
/// # Errors
/// `trigger-off`, `no-key`, `wrong-key` or `wrong-signature`, with the request.
pub fn verify(
    raw: RawRequest,
    trigger: &Trigger,
    secret: &dyn Fn() -> Option<Redacted>,
    now: Time,
) -> Result<VerifiedRequest, Box<Refused>> {
    match check(&raw, trigger, secret, now) {
        Ok(by) => Ok(VerifiedRequest { raw, by }),
        Err(error) => Err(Box::new(Refused { error, raw })),
    }
}

fn check(
    raw: &RawRequest,
    trigger: &Trigger,
    secret: &dyn Fn() -> Option<Redacted>,
    now: Time,
) -> Result<VerifiedBy, InboundError> {
    if !trigger.enabled {
        return Err(InboundError::TriggerOff { workflow: trigger.workflow.clone() });
    }
    if raw.header_count("x-api-key") > 0 {
        let key = raw
            .sole_header("x-api-key")
            .ok_or(InboundError::WrongKey("the header X-Api-Key came twice or is no text"))?;
        let wrong = InboundError::WrongKey("the key in the header X-Api-Key is not the trigger's");
        return if is_key(trigger, key) { Ok(VerifiedBy::ApiKey) } else { Err(wrong) };
    }
    if let Some(key) = bearer(raw) {
        let wrong = InboundError::WrongKey("the key in the header Authorization is not the trigger's");
        return if is_key(trigger, key) { Ok(VerifiedBy::Bearer) } else { Err(wrong) };
    }
    match signature::check(raw, secret, now) {
        Some(checked) => checked.map(|id| VerifiedBy::Signature { id }),
        None if raw.header_count("authorization") > 0 => {
            Err(InboundError::NoKey("the header Authorization must be one, of the scheme Bearer"))
        }
        None => Err(InboundError::NoKey(
            "send the trigger's key in the header X-Api-Key or as Authorization: Bearer KEY, or sign the call by Standard Webhooks",
        )),
    }
}

/// The token of `Authorization: Bearer TOKEN`; the scheme compares without case (RFC 9110 §11.1).
fn bearer(raw: &RawRequest) -> Option<&str> {
    let (scheme, token) = raw.sole_header("authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start_matches(' '))
}

/// Compares hashes in constant time; the hash of a guess tells nothing about the key.
fn is_key(trigger: &Trigger, key: &str) -> bool {
    Key::hash(key).as_bytes().ct_eq(trigger.key_hash.as_bytes()).into()
}
