//! Bodies: from bytes of a media type to one JSON value.

use http::header;
use serde_json::Value;
use tenterhook_decode::{DecodeError, Format, decode};

use super::{InboundError, RawRequest, VerifiedRequest};

/// What [`decode_body`] understands, for messages.
pub const SUPPORTED_MEDIA_TYPES: &str =
    "application/json (or +json), application/x-www-form-urlencoded, or application/xml (or text/xml, +xml)";

/// The payload: what the trigger's verifier made of the body, else the body as one JSON value, by its media type.
///
/// - `application/json`, `text/json`, `…+json`: the value;
/// - `application/x-www-form-urlencoded`: an object of strings, arrays for repeated names;
/// - `application/xml`, `text/xml`, `…+xml`: an object with the root element;
/// - no body and no media type: null; a body without media type: JSON, if it is.
///
/// # Errors
/// `unsupported-media-type` for other types, charsets but UTF-8, and content codings; `bad-body` with line and column.
pub fn decode_body(verified: &VerifiedRequest) -> Result<Value, InboundError> {
    if let Some(payload) = verified.payload() {
        return Ok(payload.clone());
    }
    let raw = verified.raw();
    refuse_coding(raw)?;
    if raw.header_count("content-type") == 0 {
        return decode_untyped(&raw.body);
    }
    let unsupported = |found: &str| InboundError::UnsupportedMediaType { found: found.to_owned() };
    let content_type = raw.content_type().ok_or_else(|| unsupported("a Content-Type that came twice or is no text"))?;
    let media = MediaType::parse(content_type);
    let format = media.format().ok_or_else(|| unsupported(&format!("the media type {:?}", shortened(content_type))))?;
    match media.charset {
        Some(charset) if !is_utf8(charset) => Err(unsupported(&format!("the charset {:?}", shortened(charset)))),
        _ => decoded(format, &raw.body),
    }
}

fn refuse_coding(raw: &RawRequest) -> Result<(), InboundError> {
    let codings = raw.headers.get_all(header::CONTENT_ENCODING).iter();
    let other = codings
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .find(|coding| !coding.trim().is_empty() && !coding.trim().eq_ignore_ascii_case("identity"));
    match other {
        Some(coding) => {
            Err(InboundError::UnsupportedMediaType { found: format!("the content coding {:?}", shortened(&coding)) })
        }
        None => Ok(()),
    }
}

fn decode_untyped(body: &[u8]) -> Result<Value, InboundError> {
    if body.is_empty() {
        return Ok(Value::Null);
    }
    decoded(Format::Json, body)
        .map_err(|_| InboundError::UnsupportedMediaType { found: "a body without Content-Type".to_owned() })
}

/// The start of a text that the sender chose.
fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

fn is_utf8(charset: &str) -> bool {
    ["utf-8", "utf8", "us-ascii"].iter().any(|name| charset.eq_ignore_ascii_case(name))
}

/// A media type (RFC 9110 §8.3.1), as far as it matters here.
struct MediaType<'a> {
    essence: &'a str,
    charset: Option<&'a str>,
}

impl<'a> MediaType<'a> {
    fn parse(text: &'a str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default();
        let charset = parts.filter_map(|part| part.split_once('=')).find_map(|(name, value)| {
            name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
        });
        Self { essence, charset }
    }

    fn format(&self) -> Option<Format> {
        let essence = self.essence.to_ascii_lowercase();
        let (_, subtype) = essence.split_once('/')?;
        match essence.as_str() {
            "application/json" | "text/json" => Some(Format::Json),
            "application/x-www-form-urlencoded" => Some(Format::Form),
            "application/xml" | "text/xml" => Some(Format::Xml),
            _ if subtype.ends_with("+json") => Some(Format::Json),
            _ if subtype.ends_with("+xml") => Some(Format::Xml),
            _ => None,
        }
    }
}

fn decoded(format: Format, body: &[u8]) -> Result<Value, InboundError> {
    decode(format, body).map_err(|DecodeError { line, column, message }| InboundError::BadBody {
        format,
        line,
        column,
        reason: message,
    })
}
