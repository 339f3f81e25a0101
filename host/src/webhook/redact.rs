//! Masking: what history keeps of an exchange.

use std::borrow::Cow;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;

use super::ComposedRequest;
use super::notation::{Notation, SPELLING_FACTOR};
use crate::model::{BodyText, HeaderField, MASK, Method, Redacted, RequestParts, ResponseParts, is_sensitive};

/// What is kept of a body, in bytes.
pub const BODY_BYTES_KEPT: usize = 16 * 1024;
/// Shortest secret that is looked for in URLs and bodies, in bytes: shorter ones are part of ordinary words. (Headers
/// that held a secret are masked whole, whatever its length.)
const SEARCHED_BYTES_MIN: usize = 4;

/// Masks the secrets of one call, in every [`Notation`].
pub struct Redactor {
    /// The secrets, and what they are in Basic credentials.
    needles: Vec<String>,
    /// Bytes with which one of these may begin, in some notation.
    beginnings: Box<[bool; 256]>,
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
        let mut needles: Vec<String> =
            searched.flat_map(|secret| [secret.to_owned(), BASE64_STANDARD.encode(secret)]).collect();
        needles.sort_unstable();
        needles.dedup();
        let beginnings = beginnings(&needles);
        Self { needles, beginnings, headers: headers.to_vec() }
    }

    /// Whether there is nothing to mask in texts.
    pub fn is_idle(&self) -> bool {
        self.needles.is_empty()
    }

    /// Whether a text holds a secret.
    pub fn finds_in(&self, text: &str) -> bool {
        matches!(self.masked(text.as_bytes()), Cow::Owned(_))
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

    /// The beginning of a text without the secrets: `max` bytes of it, and `…` where it goes on. No more of the text is
    /// looked at than a secret may take that begins there.
    pub fn beginning(&self, text: &str, max: usize) -> String {
        let reach = self.needles.iter().map(String::len).max().unwrap_or(0) * SPELLING_FACTOR;
        let seen = &text.as_bytes()[..text.floor_char_boundary(max.saturating_add(reach))];
        let (masked, end) = self.masked_until(seen, text.floor_char_boundary(max));
        let mut masked = String::from_utf8_lossy(&masked).into_owned();
        if end < text.len() {
            masked.push('…');
        }
        masked
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
        self.masked_until(bytes, bytes.len()).0
    }

    /// The bytes up to `end`, masked, and how many that is: more if a secret lies across `end`.
    fn masked_until<'a>(&self, bytes: &'a [u8], end: usize) -> (Cow<'a, [u8]>, usize) {
        let mut masked = Vec::new();
        let (mut at, mut copied) = (0, 0);
        while let Some(byte) = bytes[..end].get(at) {
            match self.beginnings[usize::from(*byte)].then(|| self.spelled(&bytes[at..])).flatten() {
                Some(length) => {
                    masked.extend_from_slice(&bytes[copied..at]);
                    masked.extend_from_slice(MASK.as_bytes());
                    at += length;
                    copied = at;
                }
                None => at += 1,
            }
        }
        if copied == 0 {
            return (Cow::Borrowed(&bytes[..end]), end);
        }
        masked.extend_from_slice(&bytes[copied..end.max(copied)]);
        (Cow::Owned(masked), end.max(copied))
    }

    /// The length of the longest spelling of a secret that `bytes` begin with.
    fn spelled(&self, bytes: &[u8]) -> Option<usize> {
        let in_all = |needle: &String| {
            Notation::ALL.into_iter().filter_map(|notation| notation.spells(bytes, needle.as_bytes())).max()
        };
        self.needles.iter().filter_map(in_all).max()
    }
}

struct KeptBody {
    text: String,
    base64: bool,
    cut: bool,
}

/// With which bytes a spelling of these may begin: their own, and those that begin an escape.
fn beginnings(needles: &[String]) -> Box<[bool; 256]> {
    let mut beginnings = Box::new([false; 256]);
    for first in needles.iter().filter_map(|needle| needle.bytes().next()) {
        for byte in [first, b'\\', b'%', b'&'] {
            beginnings[usize::from(byte)] = true;
        }
        beginnings[usize::from(b'+')] |= first == b' ';
    }
    beginnings
}
