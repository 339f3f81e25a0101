//! JSON, form and XML bodies: [`decode`] them into one JSON value, [`check`] them, [`escape`] text for them.
//!
//! Used by the host for inbound bodies and by the built-in plugins, so that one convention holds everywhere:
//! - **JSON** (RFC 8259, UTF-8): the value itself. At most 128 levels deep.
//! - **Form** (`application/x-www-form-urlencoded`, URL standard §5.1): an object of strings; a name that occurs
//!   several times has an array of strings.
//! - **XML** (1.0, UTF-8): `{"root": …}`, see [`xml`].
//!
//! Whoever calls limits the size of the body: time and memory are proportional to it.

pub mod escape;
mod form;
mod position;
pub mod xml;

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

/// The format of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `application/json`.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `application/xml`.
    Xml,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "JSON",
            Self::Form => "form",
            Self::Xml => "XML",
        })
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "json" => Ok(Self::Json),
            "form" => Ok(Self::Form),
            "xml" => Ok(Self::Xml),
            other => Err(format!("unknown format {other:?}: use json, form or xml")),
        }
    }
}

/// Why a body is not a document of its format, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {message}")]
pub struct DecodeError {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// The reason.
    pub message: String,
}

/// Decodes a body into JSON. Never panics; an empty body is an error in JSON and XML, and `{}` in form.
///
/// # Errors
/// Where and why the body is not a document of this format.
pub fn decode(format: Format, body: &[u8]) -> Result<Value, DecodeError> {
    match format {
        Format::Json => json(body),
        Format::Form => Ok(form::decode(body)),
        Format::Xml => xml::decode(position::text(body)?),
    }
}

/// Checks that `text` is a document of this format, as people write it: a form must consist of `name=value` pairs
/// joined by `&`, with every other character percent-encoded, where [`decode`] takes anything.
///
/// # Errors
/// Where and why the text is not a document of this format.
pub fn check(format: Format, text: &str) -> Result<(), DecodeError> {
    match format {
        Format::Json => serde_json::from_str::<Value>(text)
            .map(|_| ())
            .map_err(|error| position::of_json_error(text.as_bytes(), &error)),
        Format::Form => form::check(text),
        Format::Xml => xml::decode(text).map(|_| ()),
    }
}

fn json(body: &[u8]) -> Result<Value, DecodeError> {
    // A byte order mark is not JSON, but senders add it, and RFC 8259 §8.1 lets parsers ignore it.
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    serde_json::from_slice(body).map_err(|error| position::of_json_error(body, &error))
}
