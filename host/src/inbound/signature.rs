//! Signatures of Standard Webhooks (specification 1.0.0, "Signature scheme" and "Verifying signatures"), version
//! `v1`: HMAC-SHA256 of `id.timestamp.body`. Checked in constant time.

use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq as _};

use super::{InboundError, REPEAT_KEY_BYTES_MAX, RawRequest};
use crate::model::{Redacted, Time};

/// How far the sender's clock may be off, either way.
pub const TOLERANCE: Duration = Duration::from_secs(300);
/// Most signatures looked at in one header: a sender that rotates its secret sends two.
const SIGNATURES_MAX: usize = 16;
/// Length of an HMAC-SHA256, in bytes.
const MAC_BYTES: usize = 32;

/// The names of the three headers: the standard's, and those of the service that it grew from.
const FAMILIES: [[&str; 3]; 2] =
    [["webhook-id", "webhook-timestamp", "webhook-signature"], ["svix-id", "svix-timestamp", "svix-signature"]];

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
    let header = |index: usize| raw.sole_header(names[index]).filter(|value| !value.is_empty());
    let id = header(0).ok_or("the message id header (webhook-id) is missing, empty or repeated")?;
    let timestamp = header(1).ok_or("the timestamp header (webhook-timestamp) is missing, empty or repeated")?;
    let signatures = header(2).ok_or("the signature header (webhook-signature) is missing, empty or repeated")?;
    if id.len() > REPEAT_KEY_BYTES_MAX {
        return Err("the message id is longer than 256 bytes");
    }
    check_timestamp(timestamp, now)?;
    let key = secret().as_ref().and_then(key_of).ok_or("the trigger has no usable signing secret")?;
    let expected = mac(&key, id, timestamp, &raw.body);
    let v1 = signatures.split(' ').take(SIGNATURES_MAX).filter_map(|signature| signature.strip_prefix("v1,"));
    let mut found = Choice::from(0);
    let mut looked_at = false;
    for signature in v1 {
        looked_at = true;
        found |= expected.ct_eq(&decoded(signature));
    }
    match (bool::from(found), looked_at) {
        (true, _) => Ok(id.to_owned()),
        (false, true) => Err("no signature matches: is the secret the trigger's, and the body unaltered?"),
        (false, false) => Err("there is no signature of version v1"),
    }
}

/// The bytes of a signature; zeros, which match nothing but by a chance of 2^-256, if it is none.
fn decoded(signature: &str) -> [u8; MAC_BYTES] {
    let bytes = BASE64_STANDARD.decode(signature).unwrap_or_default();
    bytes.try_into().unwrap_or_default()
}

fn check_timestamp(text: &str, now: Time) -> Result<(), &'static str> {
    let digits = text.len() <= 15 && text.bytes().all(|b| b.is_ascii_digit());
    let seconds = text.parse::<u64>().ok().filter(|_| digits);
    let seconds = seconds.ok_or("the timestamp is not a number of seconds since 1970")?;
    let now = now.as_millis() / 1000;
    if seconds + TOLERANCE.as_secs() < now {
        Err("the timestamp is more than 5 minutes in the past")
    } else if seconds > now + TOLERANCE.as_secs() {
        Err("the timestamp is more than 5 minutes in the future")
    } else {
        Ok(())
    }
}

/// The key bytes of a secret `whsec_BASE64`. An empty key proves nothing.
fn key_of(secret: &Redacted) -> Option<Vec<u8>> {
    let text = secret.reveal();
    let key = BASE64_STANDARD.decode(text.strip_prefix("whsec_").unwrap_or(text)).ok()?;
    (!key.is_empty()).then_some(key)
}

fn mac(key: &[u8], id: &str, timestamp: &str, body: &[u8]) -> [u8; MAC_BYTES] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length (RFC 2104 §3)");
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// The signature header value `v1,BASE64` of a message at `time`; `None` if `secret` is no `whsec_` secret. For test
/// calls from the console.
pub fn sign(secret: &Redacted, id: &str, time: Time, body: &[u8]) -> Option<String> {
    let timestamp = (time.as_millis() / 1000).to_string();
    let mac = mac(&key_of(secret)?, id, &timestamp, body);
    Some(format!("v1,{}", BASE64_STANDARD.encode(mac)))
}
