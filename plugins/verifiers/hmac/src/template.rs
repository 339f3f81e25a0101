//! What is signed: text with parts of the call in braces.
//!
//! | part | what it stands for |
//! | --- | --- |
//! | `{body}` | the body, byte for byte |
//! | `{timestamp}` | the timestamp, as it was sent |
//! | `{id}` | the value of `id_header` |
//! | `{header:NAME}` | the value of the header NAME, which must come once |
//! | `{method}` | the method, such as `POST` |
//! | `{url}` | the URL that was called |
//! | `{path}` | its path and query |
//!
//! `{{` and `}}` are braces.

use tenterhook_plugin::{Failure, InboundRequest};
use tenterhook_verify::Stop;

/// A part of what is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// As it stands.
    Text(&'a str),
    /// The body.
    Body,
    /// The timestamp.
    Timestamp,
    /// The id.
    Id,
    /// A header.
    Header(&'a str),
    /// The method.
    Method,
    /// The URL.
    Url,
    /// The path with the query.
    Path,
}

/// What the parts stand for.
pub struct Values<'a> {
    /// The call.
    pub request: &'a InboundRequest,
    /// The timestamp, as it was sent.
    pub time: Option<&'a str>,
    /// The value of the header that has the id.
    pub id: Option<&'a str>,
}

/// Reads a template.
///
/// # Errors
/// `Invalid`, in a sentence: a brace stands alone, or a part is not known.
pub fn parse(template: &str) -> Result<Vec<Part<'_>>, Failure> {
    let invalid = |reason: String| Failure::Invalid(format!("config: signed: {reason}"));
    let (mut parts, mut rest) = (Vec::new(), template);
    while let Some(at) = rest.find(['{', '}']) {
        let (text, tail) = rest.split_at(at);
        parts.push(Part::Text(text));
        if let Some(after) = tail.strip_prefix("{{").or_else(|| tail.strip_prefix("}}")) {
            parts.push(Part::Text(&tail[..1]));
            rest = after;
            continue;
        }
        let inside = tail.strip_prefix('{').and_then(|tail| tail.split_once('}'));
        let (name, after) = inside.ok_or_else(|| invalid("a brace stands alone: write it twice".into()))?;
        parts.push(named(name).ok_or_else(|| {
            invalid(format!("{{{name}}} is not known: use body, timestamp, id, header:NAME, method, url or path"))
        })?);
        rest = after;
    }
    parts.push(Part::Text(rest));
    parts.retain(|part| *part != Part::Text(""));
    Ok(parts)
}

fn named(name: &str) -> Option<Part<'_>> {
    Some(match name {
        "body" => Part::Body,
        "timestamp" => Part::Timestamp,
        "id" => Part::Id,
        "method" => Part::Method,
        "url" => Part::Url,
        "path" => Part::Path,
        other => Part::Header(other.strip_prefix("header:").filter(|name| !name.is_empty())?),
    })
}

/// The message that consists of the parts.
///
/// # Errors
/// Refused, in a sentence: a header is missing, or came several times.
pub fn message<'a>(template: &[Part<'a>], values: &Values<'a>) -> Result<Vec<&'a [u8]>, Stop> {
    let request = values.request;
    let of = |part: &Part<'a>| {
        Ok(match *part {
            Part::Text(text) => text.as_bytes(),
            Part::Body => &request.body,
            Part::Timestamp => values.time.unwrap_or_default().as_bytes(),
            Part::Id => values.id.unwrap_or_default().as_bytes(),
            Part::Header(name) => request.sole_header(name)?.as_bytes(),
            Part::Method => request.method.as_bytes(),
            Part::Url => request.url.as_bytes(),
            Part::Path => path(&request.url).as_bytes(),
        })
    };
    template.iter().map(of).collect()
}

/// Path and query of a URL, as they stand; `/` if there is no path.
fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find(['/', '?']).map_or("/", |at| &rest[at..])
}
