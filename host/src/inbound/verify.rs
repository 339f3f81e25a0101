//! Is the caller entitled? By API key, or by signature.

use serde_json::Value;
use subtle::ConstantTimeEq as _;

use super::{InboundError, REPEAT_KEY_BYTES_MAX, RawRequest, signature};
use crate::model::{Key, Redacted, Time, Trigger};

/// The sender's name for a call (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: &str = "idempotency-key";

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
    /// By the trigger's verifier.
    Verifier,
}

/// What a verifier says of a call that is what it claims.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judged {
    /// The sender's name for the call, the same for every repeat of it.
    pub id: Option<String>,
    /// In place of the decoded body.
    pub payload: Option<Value>,
}

/// A call whose sender has proved itself to the trigger. Only [`verify`] and [`accept`] make one.
#[derive(Debug)]
pub struct VerifiedRequest {
    raw: RawRequest,
    by: VerifiedBy,
    repeat: Option<String>,
    payload: Option<Value>,
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

    /// What the trigger's verifier made of the body, if it made something of it.
    pub(super) const fn payload(&self) -> Option<&Value> {
        self.payload.as_ref()
    }

    /// The sender's name for this call, by which a repeat is recognised: the `webhook-id` of a signed call, else the
    /// header `Idempotency-Key`, if it came.
    pub fn repeat_key(&self) -> Option<&str> {
        self.repeat.as_deref()
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
/// `trigger-off`, `no-key`, `wrong-key`, `wrong-signature` or `bad-idempotency-key`, with the request.
pub fn verify(
    raw: RawRequest,
    trigger: &Trigger,
    secret: &dyn Fn() -> Option<Redacted>,
    now: Time,
) -> Result<VerifiedRequest, Box<Refused>> {
    let proved = check(&raw, trigger, secret, now).and_then(|by| {
        let repeat = repeat_key(&raw, &by)?;
        Ok((by, repeat))
    });
    match proved {
        Ok((by, repeat)) => Ok(VerifiedRequest { raw, by, repeat, payload: None }),
        Err(error) => Err(Box::new(Refused { error, raw })),
    }
}

/// A call that the trigger's verifier has judged to be what it claims. Its name is the verifier's, else the header
/// `Idempotency-Key`.
///
/// # Errors
/// `bad-idempotency-key`.
pub fn accept(raw: RawRequest, judged: Judged) -> Result<VerifiedRequest, InboundError> {
    let Judged { id, payload } = judged;
    let repeat = match id {
        Some(id) => Some(id),
        None => repeat_key(&raw, &VerifiedBy::Verifier)?,
    };
    Ok(VerifiedRequest { raw, by: VerifiedBy::Verifier, repeat, payload })
}

/// Refuses the calls of a trigger that is switched off.
///
/// # Errors
/// `trigger-off`.
pub fn expect_enabled(trigger: &Trigger) -> Result<(), InboundError> {
    if trigger.enabled { Ok(()) } else { Err(InboundError::TriggerOff { workflow: trigger.workflow.clone() }) }
}

fn check(
    raw: &RawRequest,
    trigger: &Trigger,
    secret: &dyn Fn() -> Option<Redacted>,
    now: Time,
) -> Result<VerifiedBy, InboundError> {
    expect_enabled(trigger)?;
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

/// The name of a call; one that cannot be used is refused, because its repeats would all be taken for new calls.
fn repeat_key(raw: &RawRequest, by: &VerifiedBy) -> Result<Option<String>, InboundError> {
    if let VerifiedBy::Signature { id } = by {
        return Ok(Some(id.clone()));
    }
    match raw.header_count(IDEMPOTENCY_KEY) {
        0 => return Ok(None),
        1 => {}
        _ => return Err(InboundError::BadIdempotencyKey("came more than once")),
    }
    let key = raw.sole_header(IDEMPOTENCY_KEY).ok_or(InboundError::BadIdempotencyKey("is no ASCII text"))?;
    match key.len() {
        0 => Err(InboundError::BadIdempotencyKey("is empty")),
        1..=REPEAT_KEY_BYTES_MAX => Ok(Some(key.to_owned())),
        _ => Err(InboundError::BadIdempotencyKey("is too long")),
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
