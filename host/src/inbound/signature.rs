//! Signatures of inbound calls, by Standard Webhooks (see [`signature`](crate::signature)): picks the headers, opens
//! the trigger's secret, and words the refusals.

use super::{InboundError, RawRequest};
use crate::model::{Redacted, Time};
use crate::signature::{ID_HEADER, SIGNATURE_HEADER, SignatureError, SignedHeaders, TIMESTAMP_HEADER, VerifyingKey};

/// The names of the three headers: the standard's, and those of the service that it grew from.
const FAMILIES: [[&str; 3]; 2] =
    [[ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER], ["svix-id", "svix-timestamp", "svix-signature"]];

/// Checks the signature headers of `raw`. `None`: it has none. The `Ok` text is the message id.
pub(super) fn check(
    raw: &RawRequest,
    secret: &dyn Fn() -> Option<Redacted>,
    now: Time,
) -> Option<Result<String, InboundError>> {
    let names = FAMILIES.iter().find(|names| names.iter().any(|name| raw.headers.contains_key(*name)))?;
    Some(check_family(raw, names, secret, now).map_err(InboundError::WrongSignature))
}

fn check_family(
    raw: &RawRequest,
    names: &[&str; 3],
    secret: &dyn Fn() -> Option<Redacted>,
    now: Time,
) -> Result<String, &'static str> {
    let [id, timestamp, signatures] = names.map(|name| raw.sole_header(name));
    let headers = SignedHeaders::check(id, timestamp, signatures, now).map_err(words)?;
    let key = secret().and_then(|secret| VerifyingKey::from_text(secret.reveal()).ok());
    let key = key.ok_or("the trigger has no usable signing secret")?;
    headers.verify(&[key], &raw.body).map_err(words)?;
    Ok(headers.id().to_owned())
}

const fn words(error: SignatureError) -> &'static str {
    match error {
        SignatureError::Mismatch => "no signature matches: is the secret the trigger's, and the body unaltered?",
        SignatureError::NoVersion => "there is no signature of version v1",
        other => other.reason(),
    }
}
