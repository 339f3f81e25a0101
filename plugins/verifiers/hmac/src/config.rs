//! The configuration.

use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::Deserialize;
use tenterhook_plugin::Failure;
use tenterhook_verify::mac::Encoding;
use tenterhook_verify::time::Tolerance;

use crate::template::{self, Part};

/// How a sender signs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The header that has the signature.
    pub header: String,
    /// The name of the items in that header that are signatures; without it the whole value is one.
    pub item: Option<String>,
    /// What stands before a signature.
    #[serde(default)]
    pub prefix: String,
    /// The hash function.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// How the signature is written.
    #[serde(default)]
    pub encoding: Encoding,
    /// What is signed.
    #[serde(default = "body")]
    pub signed: String,
    /// The header that has the timestamp; without it nothing says when the call was sent.
    pub timestamp_header: Option<String>,
    /// The name of the item in that header that is the timestamp; without it the whole value is.
    pub timestamp_item: Option<String>,
    /// What the timestamp counts.
    #[serde(default)]
    pub timestamp_unit: TimestampUnit,
    /// How far the sender's clock may be off.
    #[serde(default)]
    pub tolerance_s: Tolerance,
    /// The header that has the id of the call.
    pub id_header: Option<String>,
    /// Where a JSON body has the id of the call (RFC 6901).
    pub id_pointer: Option<String>,
    /// How the secret is written.
    #[serde(default)]
    pub secret_encoding: SecretEncoding,
}

fn body() -> String {
    "{body}".into()
}

/// A hash function.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// For senders that know no better.
    Sha1,
    /// The usual one.
    #[default]
    Sha256,
    /// The long one.
    Sha512,
}

/// What a timestamp counts since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimestampUnit {
    /// Seconds.
    #[default]
    S,
    /// Milliseconds.
    Ms,
}

/// How a secret is written.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretEncoding {
    /// As it is.
    #[default]
    Text,
    /// Hexadecimal digits.
    Hex,
    /// RFC 4648 §4.
    Base64,
}

impl fmt::Display for SecretEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Hex => "hex",
            Self::Base64 => "base64",
        })
    }
}

impl Config {
    /// Checks what the shape alone does not say; gives the template of what is signed.
    ///
    /// # Errors
    /// `Invalid`, in a sentence.
    pub fn check(&self) -> Result<Vec<Part<'_>>, Failure> {
        let invalid = |reason: &str| Err(Failure::Invalid(format!("config: {reason}")));
        let template = template::parse(&self.signed)?;
        let signs = |part: &Part<'_>| template.contains(part);
        if self.header.is_empty() {
            return invalid("header: name the header that has the signature");
        }
        if !signs(&Part::Body) {
            return invalid("signed: it has no {body}, so nothing would prove the body");
        }
        if self.timestamp_header.is_none() && (signs(&Part::Timestamp) || self.timestamp_item.is_some()) {
            return invalid("timestamp_header: name the header that has the timestamp");
        }
        if self.timestamp_header.is_some() && !signs(&Part::Timestamp) {
            return invalid("signed: it has no {timestamp}, so nothing would prove the timestamp");
        }
        if signs(&Part::Id) && self.id_header.is_none() {
            return invalid("id_header: name the header that has the id, which is {id} in what is signed");
        }
        if self.id_header.is_some() && self.id_pointer.is_some() {
            return invalid("id_header, id_pointer: give one of them");
        }
        if self.id_pointer.as_deref().is_some_and(|pointer| !pointer.starts_with('/')) {
            return invalid("id_pointer: it begins with `/`, such as `/event/id`");
        }
        Ok(template)
    }
}

/// The bytes of hexadecimal digits.
pub fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect()
}

/// The bytes of base64 (RFC 4648 §4).
pub fn bytes_of_base64(text: &str) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(text).ok()
}
