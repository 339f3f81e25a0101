//! Masking: what history keeps of an exchange.

use std::borrow::Cow;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::ComposedRequest;
use crate::model::{BodyText, HeaderField, MASK, Method, Redacted, RequestParts, ResponseParts, is_sensitive};

/// What is kept of a body, in bytes.
pub const BODY_BYTES_KEPT: usize = 16 * 1024;
/// Shortest secret that is looked for in URLs and bodies, in bytes: shorter ones are part of ordinary words. (Headers
/// that held a secret are masked whole, whatever its length.)
const SEARCHED_BYTES_MIN: usize = 4;

/// Masks the secrets of one call.
pub struct Redactor {
    /// Every spelling of every secret, longest first.
    needles: Vec<String>,
    /// Names of headers that held a secret.
    headers: Vec<String>,
}

impl Redactor {
    /// For the secrets that were filled into `request`.
    pub fn for_request(request: &ComposedRequest) -> Self {
        Self::new(&request.secrets, &request.secret_headers)
    }

    /// For these secrets, and headers that held one.
    pub fn new(secrets: &[Redacted], headers: &[String]) -> Self {
        let searched = secrets.iter().map(Redacted::reveal).filter(|secret| secret.len() >= SEARCHED_BYTES_MIN);
        let mut needles: Vec<String> = searched.flat_map(spellings).collect();
        needles.sort_by_key(|needle| std::cmp::Reverse(needle.len()));
        needles.dedup();
        Self { needles, headers: headers.to_vec() }
    }

    /// The request as history keeps it.
    pub fn request(&self, request: &ComposedRequest) -> RequestParts {
        self.sent(request.method, &request.url, &request.headers, &request.body)
    }

    /// A request of these parts as history keeps it.
    pub fn sent(&self, method: Method, url: &str, headers: &[HeaderField], body: &[u8]) -> RequestParts {
        let body = self.kept(body, false);
        RequestParts {
            method: method.as_str().to_owned(),
            url: self.text(url),
            headers: self.fields(headers),
            body: body.text,
            body_base64: body.base64,
            body_cut: body.cut,
        }
    }

    /// The response as history keeps it. `cut`: its body was cut already while it was read.
    pub fn response(&self, status: u16, headers: &[HeaderField], body: &Bytes, cut: bool) -> ResponseParts {
        let body = self.kept(body, cut);
        ResponseParts {
            status,
            headers: self.fields(headers),
            body: body.text,
            body_base64: body.base64,
            body_cut: body.cut,
        }
    }

    /// A text without the secrets, such as an error message.
    pub fn text(&self, text: &str) -> String {
        match self.masked(text.as_bytes()) {
            Cow::Borrowed(_) => text.to_owned(),
            Cow::Owned(masked) => String::from_utf8_lossy(&masked).into_owned(),
        }
    }

    /// A body without the secrets.
    pub fn bytes(&self, body: &Bytes) -> Bytes {
        match self.masked(body) {
            Cow::Borrowed(_) => body.clone(),
            Cow::Owned(masked) => masked.into(),
        }
    }

    /// A header without the secrets, whatever its name.
    pub fn field(&self, field: &HeaderField) -> HeaderField {
        HeaderField { name: field.name.clone(), value: self.text(&field.value) }
    }

    fn fields(&self, fields: &[HeaderField]) -> Vec<HeaderField> {
        let masked = |field: &HeaderField| {
            let whole =
                is_sensitive(&field.name) || self.headers.iter().any(|name| name.eq_ignore_ascii_case(&field.name));
            let value = if whole { MASK.to_owned() } else { self.text(&field.value) };
            HeaderField { name: field.name.clone(), value }
        };
        fields.iter().map(masked).collect()
    }

    /// Masks first, then cuts: a secret across the cut would be shown in part.
    fn kept(&self, body: &[u8], cut_before: bool) -> KeptBody {
        let masked = self.masked(body);
        let cut = masked.len() > BODY_BYTES_KEPT;
        let kept = &masked[..masked.len().min(BODY_BYTES_KEPT)];
        let cut = cut || cut_before;
        let BodyText { text, base64 } = BodyText::of(kept, cut);
        KeptBody { text, base64, cut }
    }

    fn masked<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        if !self.needles.iter().any(|needle| find(bytes, needle.as_bytes()).is_some()) {
            return Cow::Borrowed(bytes);
        }
        let mut masked = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            match self.needles.iter().find(|needle| rest.starts_with(needle.as_bytes())) {
                Some(needle) => {
                    masked.extend_from_slice(MASK.as_bytes());
                    rest = &rest[needle.len()..];
                }
                None => {
                    masked.push(*first);
                    rest = &rest[1..];
                }
            }
        }
        Cow::Owned(masked)
    }
}

struct KeptBody {
    text: String,
    base64: bool,
    cut: bool,
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut start = 0;
    while let Some(at) = bytes[start..].iter().position(|byte| *byte == first) {
        if bytes[start + at..].starts_with(needle) {
            return Some(start + at);
        }
        start += at + 1;
    }
    None
}

/// A secret as it is, and as it stands in JSON, URLs, XML and Basic credentials: receivers echo what they got.
fn spellings(secret: &str) -> Vec<String> {
    let json = serde_json::Value::from(secret).to_string();
    let json = json[1..json.len() - 1].to_owned();
    let percent = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    let xml = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let base64 = BASE64_STANDARD.encode(secret);
    vec![secret.to_owned(), json, percent, xml, base64]
}
