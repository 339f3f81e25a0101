//! Request bodies: bounded in size and in time, then read as what they should be.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, header};
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;

use super::Api;
use super::by_name::ByName;
use super::problem::Problem;
use crate::model::{Digest, DigestOf};

/// The header that names a call (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// How long the body of a request may take to arrive: a caller that dribbles gives its connection back.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a body was not read.
#[derive(Debug)]
pub enum BodyError {
    /// It is, or says it is, larger than this, in bytes.
    TooLarge(usize),
    /// It took longer than [`BODY_TIMEOUT`].
    TooSlow,
    /// The connection broke.
    Broken,
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge(limit) => Self::body_too_large(limit),
            BodyError::TooSlow => Self::body_too_slow(BODY_TIMEOUT),
            BodyError::Broken => Self::bad_body("the body ended before its end".to_owned(), None),
        }
    }
}

/// After a body was found too large, so much of it is still read and dropped: a caller that is still sending would
/// otherwise see a broken connection instead of the answer.
const DISCARD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Reads a whole body of up to `limit` bytes. A body that came in one piece is not copied.
///
/// # Errors
/// The body is too large, too slow or broken.
pub async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, BodyError> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let waits = headers.contains_key(header::EXPECT);
    let work = async {
        match announced {
            // The caller asks before it sends (RFC 9110 §10.1.1): the answer is no.
            Some(length) if length > limit && waits => Err(BodyError::TooLarge(limit)),
            Some(length) if length > limit => discard(body, limit).await,
            _ => collect(body, limit).await,
        }
    };
    tokio::time::timeout(BODY_TIMEOUT, work).await.unwrap_or(Err(BodyError::TooSlow))
}

async fn collect(mut body: Body, limit: usize) -> Result<Bytes, BodyError> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
        if first.len() + rest.len() + data.len() > limit {
            return discard(body, limit).await;
        }
        if first.is_empty() && rest.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&std::mem::take(&mut first));
            }
            rest.extend_from_slice(&data);
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

/// Reads and drops what is left of a body that is too large.
async fn discard(mut body: Body, limit: usize) -> Result<Bytes, BodyError> {
    let mut dropped = 0;
    while let Some(Ok(frame)) = body.frame().await {
        dropped += frame.data_ref().map_or(0, Bytes::len);
        if dropped > DISCARD_BYTES_MAX {
            break;
        }
    }
    Err(BodyError::TooLarge(limit))
}

/// How long an upload may take in all: 20 MB at 300 kbit/s. Within it, no pause may be longer than [`BODY_TIMEOUT`].
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(600);
/// What an upload's buffer has room for at first, whatever the caller announces.
const UPLOAD_BUFFER_BYTES: usize = 1 << 20;

/// Reads a large body of up to `limit` bytes, and hashes it as it comes. It may take long, as long as it goes on.
///
/// # Errors
/// The body is too large, too slow or broken.
pub async fn read_upload(headers: &HeaderMap, body: Body, limit: usize) -> Result<(Bytes, Digest), BodyError> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let work = async {
        match announced {
            Some(length) if length > limit && headers.contains_key(header::EXPECT) => Err(BodyError::TooLarge(limit)),
            Some(length) if length > limit => discard(body, limit).await.map(|_| (Bytes::new(), Digest::of(b""))),
            _ => collect_upload(body, announced.unwrap_or(0), limit).await,
        }
    };
    tokio::time::timeout(UPLOAD_TIMEOUT, work).await.unwrap_or(Err(BodyError::TooSlow))
}

async fn collect_upload(mut body: Body, announced: usize, limit: usize) -> Result<(Bytes, Digest), BodyError> {
    let mut content = BytesMut::with_capacity(announced.min(UPLOAD_BUFFER_BYTES));
    let mut digest = DigestOf::default();
    loop {
        let frame = tokio::time::timeout(BODY_TIMEOUT, body.frame()).await.map_err(|_| BodyError::TooSlow)?;
        let Some(frame) = frame else { return Ok((content.freeze(), digest.finish())) };
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
        if content.len() + data.len() > limit {
            discard(body, limit).await?;
            return Err(BodyError::TooLarge(limit));
        }
        digest.update(&data);
        content.extend_from_slice(&data);
    }
}

/// The media type of a body, lower case, without parameters.
pub fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// A JSON body, read into `T`. Problems name line, column and the path of the field.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Api> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let media = media_type(&parts.headers);
        if let Some(media) = media.filter(|media| media != "application/json" && !media.ends_with("+json")) {
            return Err(Problem::unsupported_media_type(&media, "application/json"));
        }
        parse_json(&read(&parts.headers, body, api.limits.body_bytes_max).await?).map(Self)
    }
}

/// A JSON body that may be left out.
pub struct OptionalJson<T>(pub Option<T>);

impl<T: DeserializeOwned> FromRequest<Api> for OptionalJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read(&parts.headers, body, api.limits.body_bytes_max).await?;
        if bytes.is_empty() { Ok(Self(None)) } else { parse_json(&bytes).map(|value| Self(Some(value))) }
    }
}

/// One JSON value or a list of them.
pub struct OneOrMany<T> {
    /// All of them.
    pub items: Vec<T>,
    /// It was a list.
    pub is_list: bool,
}

impl<T: DeserializeOwned> FromRequest<Api> for OneOrMany<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read(&parts.headers, body, api.limits.body_bytes_max).await?;
        let is_list = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
        let items = if is_list { parse_json(&bytes)? } else { vec![parse_json(&bytes)?] };
        Ok(Self { items, is_list })
    }
}

/// Reads `bytes` as JSON. What has named fields is an object, never an array of their values.
///
/// # Errors
/// A problem `bad-json` if it is no JSON, `invalid` if it is JSON of another shape.
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(ByName(&mut deserializer)).map_err(|error| {
        let field = error.path().to_string();
        shape_problem(field, error.inner())
    })?;
    deserializer.end().map_err(|error| shape_problem(".".to_owned(), &error))?;
    Ok(value)
}

fn shape_problem(field: String, error: &serde_json::Error) -> Problem {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    let reason = text.strip_suffix(position.as_str()).unwrap_or(&text).to_owned();
    if error.is_data() {
        Problem::invalid_field(&field, reason, (error.line(), error.column()))
    } else {
        Problem::bad_body(format!("the body is no JSON: {reason}"), Some((error.line(), error.column())))
    }
}

/// The caller's name for the call, from the header `Idempotency-Key`.
///
/// # Errors
/// A problem `bad-idempotency-key` if it came more than once or is no text.
pub fn repeat_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter().map(HeaderValue::to_str);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(Ok(key)), None) => Ok(Some(key.to_owned())),
        _ => Err(Problem::new("bad-idempotency-key", "send the header Idempotency-Key once, as printable ASCII")),
    }
}
