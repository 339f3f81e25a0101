//! Keys of both schemes, and whether one of a message's signatures is by one of them.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::Sha256;
use tenterhook_plugin::Failure;
use tenterhook_verify::Stop;
use tenterhook_verify::mac::{self, Encoding};

/// A key that verifies.
pub enum Key {
    /// A shared secret: HMAC-SHA256, `v1`.
    Shared(Vec<u8>),
    /// A public key: ed25519, `v1a`.
    Public(Box<VerifyingKey>),
}

impl Key {
    /// Reads `whsec_` and base64, base64 alone, or `whpk_` and base64 of a public key.
    ///
    /// # Errors
    /// `Invalid`: it is none of them. The text tells nothing of the secret.
    pub fn from_text(text: &str) -> Result<Self, Failure> {
        let invalid = |what: &str| Failure::Invalid(format!("a secret cannot be used: {what}"));
        if text.starts_with("whsk_") {
            return Err(invalid("`whsk_` is a private key; give the public one, which begins with `whpk_`"));
        }
        if let Some(public) = text.strip_prefix("whpk_") {
            let bytes = BASE64_STANDARD.decode(public).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
            let key = bytes.and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok()).filter(|key| !key.is_weak());
            return key.map(|key| Self::Public(Box::new(key))).ok_or_else(|| {
                invalid("what follows `whpk_` must be base64 of a public ed25519 key, which has 32 bytes")
            });
        }
        match BASE64_STANDARD.decode(text.strip_prefix("whsec_").unwrap_or(text)) {
            Ok(secret) if !secret.is_empty() => Ok(Self::Shared(secret)),
            _ => Err(invalid("it must be `whsec_` and base64, as the sender shows it")),
        }
    }

    /// What its signatures begin with, up to the comma.
    const fn version(&self) -> &'static str {
        match self {
            Self::Shared(_) => "v1",
            Self::Public(_) => "v1a",
        }
    }
}

/// Checks that one of `signatures` (version and base64) is by one of `keys`; unknown versions are passed over. Every
/// shared secret is tried, also when one fits.
///
/// # Errors
/// Refused, in a sentence: none is.
pub fn check(keys: &[Key], signatures: &[(&str, &str)], parts: &[&[u8]]) -> Result<(), Stop> {
    let (mut good, mut stop) = (false, None);
    for key in keys {
        let of_version = signatures.iter().filter(|(version, _)| *version == key.version());
        let given: Vec<_> = of_version.map(|(_, text)| *text).collect();
        let checked = match key {
            _ if given.is_empty() => continue,
            Key::Shared(secret) => mac::check::<Sha256>(&[secret], Encoding::Base64, &given, parts),
            Key::Public(key) => public(key, &given, parts),
        };
        match checked {
            Ok(()) => good = true,
            Err(reason) => stop = Some(reason),
        }
    }
    let unknown = || Stop::refused("there is no signature of the secret's kind: `v1,` of `whsec_`, `v1a,` of `whpk_`");
    if good { Ok(()) } else { Err(stop.unwrap_or_else(unknown)) }
}

/// Checks that one of `signatures` is by this public key, which has nothing to hide.
fn public(key: &VerifyingKey, signatures: &[&str], parts: &[&[u8]]) -> Result<(), Stop> {
    let message = parts.concat();
    let read = |text: &&str| Signature::from_slice(&BASE64_STANDARD.decode(text).ok()?).ok();
    let good = signatures.iter().filter_map(read).any(|signature| key.verify_strict(&message, &signature).is_ok());
    if good { Ok(()) } else { Err(mac::mismatch()) }
}
