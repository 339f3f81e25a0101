//! The types that option values have, and how each is read from text or from a TOML value.

use std::fmt;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, Engine as _};
use figment::value::Value;

use crate::model::{AllowRule, BadAllowRule, Redacted};

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// The key that seals secrets at rest.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey([u8; 32]);

impl SecretKey {
    /// The 32 bytes, for the vault.
    pub const fn reveal(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A type of option value. The error says what is wrong and what to write; it never repeats a secret.
pub(super) trait OptionValue: Sized {
    /// From text: a variable, an argument, or a TOML string.
    fn from_text(text: &str) -> Result<Self, String>;

    /// From another TOML value.
    fn from_value(value: &Value) -> Result<Self, String> {
        Err(format!("a {} is not what is expected here: write a text in quotes", kind(value)))
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(..) => "text",
        Value::Char(..) => "character",
        Value::Bool(..) => "true or false",
        Value::Num(..) => "number",
        Value::Empty(..) => "nothing",
        Value::Dict(..) => "table",
        Value::Array(..) => "list",
    }
}

impl OptionValue for SocketAddr {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| format!("{text:?} is no address and port; write for example 127.0.0.1:8080"))
    }
}

impl OptionValue for PathBuf {
    fn from_text(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("the path is empty".to_owned()) } else { Ok(text.into()) }
    }
}

impl OptionValue for bool {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err(format!("{text:?} is neither true nor false")),
        }
    }

    fn from_value(value: &Value) -> Result<Self, String> {
        value.to_bool().ok_or_else(|| format!("a {} is neither true nor false", kind(value)))
    }
}

impl OptionValue for u64 {
    fn from_text(text: &str) -> Result<Self, String> {
        text.replace('_', "").parse().map_err(|_| format!("{text:?} is no whole number"))
    }

    fn from_value(value: &Value) -> Result<Self, String> {
        let number = value.to_i128().and_then(|number| Self::try_from(number).ok());
        number.ok_or_else(|| format!("a {} is not expected here: write a whole number", kind(value)))
    }
}

/// Checks that `number` is within `range`.
pub(super) fn within(number: u64, range: &RangeInclusive<u64>) -> Result<u64, String> {
    if range.contains(&number) {
        Ok(number)
    } else {
        Err(format!("{number} is not between {} and {}", range.start(), range.end()))
    }
}

impl OptionValue for Vec<AllowRule> {
    fn from_text(text: &str) -> Result<Self, String> {
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(allowance).collect()
    }

    fn from_value(value: &Value) -> Result<Self, String> {
        let parts = value.as_array().ok_or_else(|| format!("a {} is not expected here: write a list", kind(value)))?;
        parts.iter().map(|part| allowance(part.as_str().ok_or("every item is a text in quotes")?)).collect()
    }
}

fn allowance(text: &str) -> Result<AllowRule, String> {
    text.parse().map_err(|error: BadAllowRule| error.to_string())
}

impl OptionValue for LogFormat {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(format!("{text:?} is neither text nor json")),
        }
    }
}

impl OptionValue for Redacted {
    fn from_text(text: &str) -> Result<Self, String> {
        let sendable = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        if sendable { Ok(Self::new(text.to_owned())) } else { Err("write printable ASCII without spaces".to_owned()) }
    }

    fn from_value(_: &Value) -> Result<Self, String> {
        Err("write it in quotes".to_owned())
    }
}

impl OptionValue for SecretKey {
    fn from_text(text: &str) -> Result<Self, String> {
        let hex = || hex::decode(text).ok();
        let base64 = || BASE64_STANDARD.decode(text).or_else(|_| BASE64_STANDARD_NO_PAD.decode(text)).ok();
        let bytes = if text.len() == 64 { hex() } else { base64() };
        bytes.and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or_else(|| {
            "write 32 bytes as 64 hex digits or as base64 (`openssl rand -hex 32` makes some)".to_owned()
        })
    }

    fn from_value(_: &Value) -> Result<Self, String> {
        Err("write it in quotes".to_owned())
    }
}

/// The URL that callers use.
pub(super) struct PublicUrl(pub String);

impl OptionValue for PublicUrl {
    fn from_text(text: &str) -> Result<Self, String> {
        let url = url::Url::parse(text).map_err(|error| format!("{text:?} is no URL: {error}"))?;
        let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        if !matches!(url.scheme(), "http" | "https") || !plain {
            return Err(format!("{text:?} must be http:// or https:// without user, query and fragment"));
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }
}

/// Filter directives of `tracing-subscriber`.
pub(super) struct LogLevel(pub String);

impl OptionValue for LogLevel {
    fn from_text(text: &str) -> Result<Self, String> {
        let known = !text.trim().is_empty() && tracing_subscriber::EnvFilter::try_new(text).is_ok();
        let word = !text.contains(['=', ',', ':', '[']);
        let level = ["off", "error", "warn", "info", "debug", "trace"].contains(&text.to_lowercase().as_str());
        if known && (!word || level) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("{text:?} is no log level; write error, warn, info, debug, trace or directives"))
        }
    }
}
