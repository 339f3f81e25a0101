//! Signatures of Standard Webhooks (specification 1.0.0, "Signature scheme" and "Verifying signatures"): version `v1`,
//! HMAC-SHA256 with a shared secret, and version `v1a`, ed25519 (RFC 8032) with a key pair. Pure, but for new keys.
//!
//! What is signed is `id.timestamp.body`. A message may bear several signatures, separated by spaces: of several
//! versions, and of the former and the new key while one replaces the other. One that is good is enough.

mod key;
mod sign;
mod verify;

pub use key::{KeyError, Scheme, SigningKey, VerifyingKey};
pub use sign::sign;
pub use verify::{SignatureError, SignedHeaders, TOLERANCE};

/// The header that names the message: the same for every repeat.
pub const ID_HEADER: &str = "webhook-id";
/// The header with the time of the attempt, in seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// The header with the signatures, separated by spaces.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

#[cfg(test)]
mod tests;
