//! Signatures by HMAC (RFC 2104).

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use hmac::{EagerHash, Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use tenterhook_plugin::{Failure, constant_time_eq};

use crate::Stop;

/// Most signatures looked at in one call: a sender that rotates its secret sends two.
pub const SIGNATURES_MAX: usize = 16;

/// How a signature is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Hexadecimal digits, in either case.
    #[default]
    Hex,
    /// RFC 4648 §4, with padding.
    Base64,
    /// RFC 4648 §5, with or without padding.
    Base64url,
}

impl Encoding {
    /// Bytes as text; hexadecimal digits are lower case, base64url has no padding.
    pub fn encode(self, bytes: &[u8]) -> String {
        match self {
            Self::Hex => hex(bytes),
            Self::Base64 => BASE64_STANDARD.encode(bytes),
            Self::Base64url => BASE64_URL_SAFE_NO_PAD.encode(bytes),
        }
    }

    /// A text in the form that [`Encoding::encode`] gives, if it is one at all.
    fn canonical(self, text: &str) -> String {
        match self {
            Self::Hex => text.to_ascii_lowercase(),
            Self::Base64 => text.to_owned(),
            Self::Base64url => text.trim_end_matches('=').to_owned(),
        }
    }
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|half| char::from(DIGITS[usize::from(half)]));
    bytes.iter().flat_map(digits).collect()
}

/// The HMAC of the message that consists of `parts`.
///
/// # Errors
/// `Rejected`: the key is none for this algorithm. HMAC takes any.
pub fn hmac<D: EagerHash>(key: &[u8], parts: &[&[u8]]) -> Result<Vec<u8>, Failure> {
    let mut mac = Hmac::<D>::new_from_slice(key)
        .map_err(|error| Failure::Rejected(format!("the secret cannot be a key of this algorithm: {error}")))?;
    parts.iter().for_each(|part| mac.update(part));
    Ok(mac.finalize().into_bytes().to_vec())
}

/// Checks that one of `signatures` is the HMAC of the message that consists of `parts`, by one of `keys`. Every
/// signature is compared with every key's, in constant time; at most 16 signatures are looked at.
///
/// # Errors
/// Refused, in a sentence: no signature fits.
pub fn check<D: EagerHash>(
    keys: &[impl AsRef<[u8]>],
    encoding: Encoding,
    signatures: &[&str],
    parts: &[&[u8]],
) -> Result<(), Stop> {
    let given: Vec<_> = signatures.iter().take(SIGNATURES_MAX).map(|text| encoding.canonical(text)).collect();
    let (mut found, mut length) = (false, 0);
    for key in keys {
        let expected = encoding.encode(&hmac::<D>(key.as_ref(), parts)?);
        length = expected.len();
        for given in &given {
            found |= constant_time_eq(expected.as_bytes(), given.as_bytes());
        }
    }
    match (found, given.iter().find(|given| given.len() != length)) {
        (true, _) => Ok(()),
        (false, Some(other)) => Err(Stop::Refused(format!(
            "the signature has {} characters, it must have {length}: is it cut, or of another algorithm or encoding?",
            other.len()
        ))),
        (false, None) => Err(mismatch()),
    }
}

/// The values of `name` in a header such as `t=1492774577,v1=5257a8,v1=0b1c`, in order.
pub fn items<'a>(header: &'a str, name: &str) -> Vec<&'a str> {
    let pairs = header.split(',').filter_map(|item| item.trim().split_once('='));
    pairs.filter(|(other, _)| *other == name).map(|(_, value)| value).collect()
}

/// Refused, since no secret fits the signature.
pub fn mismatch() -> Stop {
    Stop::refused("the signature does not fit: is `secret` the sender's secret, and does the call arrive unaltered?")
}
