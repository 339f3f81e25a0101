//! Request bins: URLs that record what they receive, and what they have recorded.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Definition, HeaderField, Kind, Slug, Time, UniqueId};

/// How much of a body is shown where many requests are, in bytes: a page of listings, a live tail.
pub const EXCERPT_BYTES: usize = 16 * 1024;

/// A URL that records what it receives, and answers as it is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Its id in URLs of the API.
    pub id: Slug,
    /// What it is for, for people.
    pub description: String,
    /// The unguessable part of its own URL: `/bin/{token}`.
    pub token: String,
    /// What it answers.
    pub reply: BinReply,
    /// The first requests fail.
    pub fail_first: Option<FailFirst>,
    /// Who made it: the name of the API key.
    pub created_by: String,
    /// When it was made.
    pub created_at: Time,
    /// When it was last saved.
    pub updated_at: Time,
}

impl Definition for Bin {
    const KIND: Kind = Kind::Bin;
    fn id(&self) -> String {
        self.id.to_string()
    }
}

impl Bin {
    /// What a request is answered with that is the `round`th, from 1, since the bin was last saved or cleared.
    pub fn status_of(&self, round: u64) -> u16 {
        match self.fail_first {
            Some(FailFirst { times, status }) if round <= u64::from(times) => status,
            _ => self.reply.status,
        }
    }
}

/// What a bin answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BinReply {
    /// The HTTP status.
    pub status: u16,
    /// The headers; a name may occur several times.
    pub headers: Vec<HeaderField>,
    /// The body; `text/plain` unless a header says otherwise.
    pub body: String,
    /// How long the answer is held back once the request is on disk, in milliseconds.
    pub delay_ms: u32,
}

/// The first requests since a bin was last saved or cleared are answered with another status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FailFirst {
    /// How many.
    pub times: u32,
    /// The status; 500 if absent.
    #[serde(default = "server_error")]
    #[schema(minimum = 200, maximum = 599, default = 500)]
    pub status: u16,
}

const fn server_error() -> u16 {
    500
}

/// A request that a bin recorded. As JSON it lacks what the store keeps beside that: number, status and body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Capture {
    /// Its id.
    pub id: UniqueId,
    /// The space of the bin.
    pub space: Slug,
    /// The bin.
    pub bin: Slug,
    /// Which request of its bin it is, from 1; no number is given twice.
    #[serde(skip)]
    pub number: u64,
    /// When it came.
    pub time: Time,
    /// The HTTP method.
    pub method: String,
    /// The path of the URL, still encoded.
    pub path: String,
    /// The query of the URL, still encoded, without `?`.
    pub query: Option<String>,
    /// The headers, names in lower case; nothing is masked.
    pub headers: Vec<HeaderField>,
    /// The address it came from.
    pub remote: Option<String>,
    /// The status that it was answered with.
    #[serde(skip)]
    pub status: u16,
    /// How long its body is, in bytes.
    pub body_bytes: u64,
    /// Its body, or the beginning of it.
    #[serde(skip)]
    pub body: Bytes,
}

impl Capture {
    /// The same with at most [`EXCERPT_BYTES`] of its body, in memory of its own.
    #[must_use]
    pub fn excerpt(&self) -> Self {
        let kept = &self.body[..self.body.len().min(EXCERPT_BYTES)];
        Self { body: Bytes::copy_from_slice(kept), ..self.clone() }
    }

    /// Whether `body` is only the beginning.
    pub fn is_cut(&self) -> bool {
        (self.body.len() as u64) < self.body_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bin(fail_first: Option<FailFirst>) -> Bin {
        Bin {
            id: "b".parse().expect("a slug"),
            description: String::new(),
            token: "t".to_owned(),
            reply: BinReply { status: 204, headers: Vec::new(), body: String::new(), delay_ms: 0 },
            fail_first,
            created_by: "admin".to_owned(),
            created_at: Time::default(),
            updated_at: Time::default(),
        }
    }

    #[test]
    fn the_first_so_many_requests_fail() {
        for (fail_first, statuses) in [
            (None, [204, 204, 204]),
            (Some(FailFirst { times: 0, status: 500 }), [204, 204, 204]),
            (Some(FailFirst { times: 2, status: 503 }), [503, 503, 204]),
        ] {
            let bin = bin(fail_first);
            assert_eq!([1, 2, 3].map(|round| bin.status_of(round)), statuses, "{fail_first:?}");
        }
    }

    #[test]
    fn an_excerpt_of_a_long_body_says_that_it_is_cut() {
        let whole = |length: usize| Capture {
            id: UniqueId::from_bytes([7; 16]),
            space: "acme".parse().expect("a slug"),
            bin: "b".parse().expect("a slug"),
            number: 3,
            time: Time::default(),
            method: "POST".to_owned(),
            path: "/bin/t".to_owned(),
            query: None,
            headers: Vec::new(),
            remote: None,
            status: 200,
            body_bytes: length as u64,
            body: vec![b'x'; length].into(),
        };
        let short = whole(EXCERPT_BYTES);
        assert_eq!((short.excerpt(), short.is_cut()), (short.clone(), false));
        let long = whole(EXCERPT_BYTES + 1);
        let excerpt = long.excerpt();
        assert_eq!((excerpt.body.len(), excerpt.body_bytes), (EXCERPT_BYTES, EXCERPT_BYTES as u64 + 1));
        assert!(excerpt.is_cut() && !long.is_cut());
    }
}
