//! Request bins: what users do to them, and the story of a request to one: find the bin, keep the request, answer.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use serde::Deserialize;

use crate::model::{
    Bin, BinReply, Capture, DefinitionPath, FailFirst, HEADER_VALUE_BYTES_MAX, HEADERS_MAX, HeaderField, HeadersDraft,
    Kind, Saved, Slug, UniqueId,
};
use crate::store::{CAPTURES_KEPT, CaptureDraft, Expect, Page, Shared, Slice, StoreError, draft};

use super::access::generate_token;
use super::{Engine, EngineError, FieldProblem, Happening, Result, definition_error};

/// Longest description, in characters.
const DESCRIPTION_CHARS_MAX: usize = 4_000;
/// Largest body of a reply, in bytes: it is part of a definition, which is held in memory.
const REPLY_BYTES_MAX: usize = 64 * 1024;
/// Longest delay of a reply, in milliseconds: longer than callers wait, and each delayed one holds a connection.
const DELAY_MS_MAX: u32 = 30_000;
/// What can be answered: 1xx are interim responses, which cannot end an exchange (RFC 9110 §15.2).
const STATUSES: std::ops::RangeInclusive<u16> = 200..=599;
/// Headers of a reply that are the server's business: framing and connection (RFC 9110 §7.6, RFC 9112 §6).
const RESERVED: [&str; 8] =
    ["connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];
/// Requests removed in one commit: few, as other commits wait for it.
const CLEAR_ITEMS: usize = 100;
/// How often a request is kept anew because its bin was saved meanwhile.
const CAPTURE_TRIES_MAX: usize = 20;

/// A bin, as given by a user.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BinDraft {
    /// What it is for, for people.
    #[serde(default)]
    pub description: String,
    /// What it answers.
    #[serde(default)]
    pub reply: ReplyDraft,
    /// The first requests since it was last saved or cleared are answered with another status: to see how a sender
    /// repeats.
    #[serde(default)]
    pub fail_first: Option<FailFirst>,
}

/// What a bin answers; what is absent has its default.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplyDraft {
    /// The HTTP status: 200 to 599; 200 if absent.
    #[serde(default = "ok")]
    #[schema(minimum = 200, maximum = 599, default = 200)]
    pub status: u16,
    /// The headers; a list may name one several times.
    #[serde(default)]
    #[schema(example = json!({"Retry-After": "2"}))]
    pub headers: HeadersDraft,
    /// The body, at most 64 KiB; `text/plain` unless a header says otherwise.
    #[serde(default)]
    pub body: String,
    /// How long the answer is held back once the request is on disk, in milliseconds.
    #[serde(default)]
    #[schema(maximum = 30000, default = 0)]
    pub delay_ms: u32,
}

const fn ok() -> u16 {
    200
}

impl Default for ReplyDraft {
    fn default() -> Self {
        Self { status: ok(), headers: HeadersDraft::default(), body: String::new(), delay_ms: 0 }
    }
}

/// A request to a bin's URL, its body already read and bounded.
#[derive(Clone, Debug)]
pub struct BinCall {
    /// The unguessable part of the URL.
    pub token: String,
    /// The HTTP method.
    pub method: String,
    /// The path of the URL, still encoded.
    pub path: String,
    /// The query, without `?`.
    pub query: Option<String>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Where it came from.
    pub remote: Option<String>,
}

/// A request that is on disk.
#[derive(Clone, Debug)]
pub struct Captured {
    /// The bin, as it was then.
    pub bin: Shared<Bin>,
    /// The status to answer.
    pub status: u16,
}

impl Engine {
    /// Saves a bin. Its URL is made once and stays over later saves.
    pub async fn save_bin(
        &self,
        space: &Slug,
        id: &Slug,
        given: BinDraft,
        expect: Expect,
        author: &str,
    ) -> Result<(Saved<Bin>, bool)> {
        self.space(space).await?;
        let problems = problems(&given);
        if !problems.is_empty() {
            return Err(EngineError::Invalid { problems });
        }
        let former = self.definitions.get::<Bin>(space, id.as_str()).await?;
        let created = former.is_none();
        // Not over a save or a deletion meanwhile: the URL must stay.
        let expect = match (expect, &former) {
            (Expect::Any, Some(saved)) => Expect::At(saved.revision),
            (Expect::Any, None) => Expect::Absent,
            (stated, _) => stated,
        };
        let bin = self.bin_of(id, given, former.map(|saved| saved.value), author)?;
        let mut draft = draft(space, &bin, expect)?;
        draft.uses.push(DefinitionPath::new(space, Kind::Space, space.as_str()));
        draft.alias = Some(bin.token.clone());
        let committed = self.definitions.commit(vec![draft]).await;
        let revision = committed.map_err(|error| definition_error(error, "bin", id.as_str()))?;
        Ok((Saved { revision, value: bin }, created))
    }

    fn bin_of(&self, id: &Slug, given: BinDraft, former: Option<Bin>, author: &str) -> Result<Bin> {
        let BinDraft { description, reply, fail_first } = given;
        let ReplyDraft { status, headers: HeadersDraft(headers), body, delay_ms } = reply;
        let reply = BinReply { status, headers, body, delay_ms };
        let now = self.clock.now();
        Ok(match former {
            Some(former) => Bin { description, reply, fail_first, updated_at: now, ..former },
            None => Bin {
                id: id.clone(),
                description,
                token: generate_token()?,
                reply,
                fail_first,
                created_by: author.to_owned(),
                created_at: now,
                updated_at: now,
            },
        })
    }

    /// One bin.
    pub async fn bin(&self, space: &Slug, id: &Slug) -> Result<Saved<Bin>> {
        self.definitions.get(space, id.as_str()).await?.ok_or_else(|| EngineError::not_found("bin", id))
    }

    /// The bins of a space.
    pub async fn bins(&self, space: &Slug, page: Page) -> Result<Slice<Saved<Bin>>> {
        self.space(space).await?;
        Ok(self.definitions.list(space, page).await?)
    }

    /// Deletes a bin and what it recorded; its URL never works again.
    pub async fn delete_bin(&self, space: &Slug, id: &Slug, expect: Expect) -> Result<()> {
        let bin = self.bin(space, id).await?;
        self.remove::<Bin>("bin", space, id.as_str(), expect).await?;
        self.clear(&bin.value.token).await
    }

    /// The requests of a bin, newest first, as excerpts.
    pub async fn captures(&self, space: &Slug, id: &Slug, page: Page) -> Result<Slice<Capture>> {
        let bin = self.bin(space, id).await?;
        Ok(self.store.captures(&bin.value.token, page).await?)
    }

    /// One request of a bin, whole.
    pub async fn captured(&self, space: &Slug, id: &Slug, request: UniqueId) -> Result<Capture> {
        let bin = self.bin(space, id).await?;
        let found = self.store.captured(space, &bin.value.token, request).await?;
        found.ok_or_else(|| EngineError::not_found("request", request))
    }

    /// Removes all requests of a bin; its first ones fail again, if that is said.
    pub async fn clear_bin(&self, space: &Slug, id: &Slug) -> Result<()> {
        let bin = self.bin(space, id).await?;
        self.clear(&bin.value.token).await
    }

    async fn clear(&self, token: &str) -> Result<()> {
        let kept = usize::try_from(CAPTURES_KEPT).unwrap_or(usize::MAX);
        // More may come meanwhile; after so many commits those that were there are gone, as the oldest go first.
        for _ in 0..=kept.div_ceil(CLEAR_ITEMS) {
            if !self.store.clear_captures(token, CLEAR_ITEMS).await?.more {
                break;
            }
        }
        Ok(())
    }

    /// Whether requests with this token have a bin.
    pub async fn expect_bin(&self, token: &str) -> Result<()> {
        self.find_bin(token).await.map(drop)
    }

    async fn find_bin(&self, token: &str) -> Result<Shared<Bin>> {
        let found = self.definitions.find_shared::<Bin>(token).await?;
        found.ok_or_else(|| EngineError::not_found("bin", token))
    }

    /// Records a request: `Ok` once it is on disk.
    pub async fn capture(&self, call: BinCall) -> Result<Captured> {
        for _ in 0..CAPTURE_TRIES_MAX {
            let bin = self.find_bin(&call.token).await?;
            let draft = CaptureDraft { capture: self.capture_of(&bin, &call), bin: bin.clone() };
            match self.store.capture(draft).await {
                Ok(capture) => {
                    // The whole body would stay in memory as long as somebody may watch.
                    self.live.tell(|| Happening::Captured(Arc::new(capture.excerpt())));
                    return Ok(Captured { bin, status: capture.status });
                }
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(EngineError::Changed { what: "the bin".to_owned() })
    }

    fn capture_of(&self, bin: &Shared<Bin>, call: &BinCall) -> Capture {
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = call.headers.iter();
        Capture {
            id: UniqueId::generate(),
            space: bin.space().clone(),
            bin: bin.id.clone(),
            number: 0,
            time: self.clock.now(),
            method: call.method.clone(),
            path: call.path.clone(),
            query: call.query.clone(),
            headers: headers.map(|(name, value)| HeaderField { name: name.to_string(), value: text(value) }).collect(),
            remote: call.remote.clone(),
            status: 0,
            body_bytes: call.body.len() as u64,
            body: call.body.clone(),
        }
    }
}

/// All that is wrong with a bin.
fn problems(given: &BinDraft) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    let mut add = |field: &str, reason: String| problems.push(FieldProblem::new(field, reason));
    let BinDraft { description, reply, fail_first } = given;
    if description.chars().count() > DESCRIPTION_CHARS_MAX {
        add("description", format!("it is longer than {DESCRIPTION_CHARS_MAX} characters"));
    }
    let status = |status: u16| format!("{status} is not within {} to {}", STATUSES.start(), STATUSES.end());
    if !STATUSES.contains(&reply.status) {
        add("reply.status", status(reply.status));
    }
    if let Some(fail) = fail_first.filter(|fail| !STATUSES.contains(&fail.status)) {
        add("fail_first.status", status(fail.status));
    }
    if reply.body.len() > REPLY_BYTES_MAX {
        add("reply.body", format!("it has {} bytes; the limit is {REPLY_BYTES_MAX}", reply.body.len()));
    }
    if reply.delay_ms > DELAY_MS_MAX {
        add("reply.delay_ms", format!("{} is more than {DELAY_MS_MAX}", reply.delay_ms));
    }
    if reply.headers.0.len() > HEADERS_MAX {
        add("reply.headers", format!("there are {}; the limit is {HEADERS_MAX}", reply.headers.0.len()));
    }
    for field in &reply.headers.0 {
        if let Some(reason) = header_problem(field) {
            add(&format!("reply.headers.{}", field.name), reason);
        }
    }
    problems
}

/// Why a reply cannot have a header. Unlike in a request, one may come several times.
fn header_problem(field: &HeaderField) -> Option<String> {
    let Ok(name) = HeaderName::from_bytes(field.name.as_bytes()) else {
        return Some("its name is not a token (RFC 9110 §5.1)".to_owned());
    };
    if RESERVED.contains(&name.as_str()) {
        return Some("the server sets this header itself".to_owned());
    }
    if field.value.len() > HEADER_VALUE_BYTES_MAX {
        return Some(format!("its value exceeds {HEADER_VALUE_BYTES_MAX} bytes"));
    }
    field.value_problem().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::{Value, json};

    use super::*;

    fn check(draft: Value, expected: Expect) {
        let draft: BinDraft = serde_json::from_value(draft).expect("the shape of a draft");
        let lines: Vec<_> = problems(&draft).iter().map(ToString::to_string).collect();
        expected.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn what_is_absent_has_its_default() {
        let draft: BinDraft = serde_json::from_value(json!({ "fail_first": { "times": 3 } })).expect("a draft");
        assert_eq!(draft.fail_first, Some(FailFirst { times: 3, status: 500 }));
        let ReplyDraft { status, headers, body, delay_ms } = draft.reply;
        assert_eq!((status, headers.0.len(), body.as_str(), delay_ms), (200, 0, "", 0));
        for unknown in [json!({ "colour": 1 }), json!({ "reply": { "colour": 1 } }), json!({ "fail_first": {} })] {
            assert!(serde_json::from_value::<BinDraft>(unknown.clone()).is_err(), "{unknown}");
        }
    }

    #[test]
    fn a_reply_at_its_limits_is_right() {
        let headers = json!([{ "name": "Set-Cookie", "value": "a=1" }, { "name": "set-cookie", "value": "b=\u{fc}" }]);
        let reply = json!({ "status": 599, "headers": headers, "body": "x".repeat(65_536), "delay_ms": 30_000 });
        let fail = json!({ "times": 4_294_967_295_u32, "status": 200 });
        check(json!({ "description": "d", "reply": reply, "fail_first": fail }), expect![""]);
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let headers =
            json!({ "a b": "", "Content-Length": "3", "x-split": "a\r\nb", "x-long": "x".repeat(8_193), "ok": "" });
        let reply = json!({ "status": 199, "headers": headers, "body": "x".repeat(65_537), "delay_ms": 30_001 });
        let draft =
            json!({ "description": "d".repeat(4_001), "reply": reply, "fail_first": { "times": 1, "status": 600 } });
        check(
            draft,
            expect![[r#"
                description: it is longer than 4000 characters
                reply.status: 199 is not within 200 to 599
                fail_first.status: 600 is not within 200 to 599
                reply.body: it has 65537 bytes; the limit is 65536
                reply.delay_ms: 30001 is more than 30000
                reply.headers.a b: its name is not a token (RFC 9110 §5.1)
                reply.headers.Content-Length: the server sets this header itself
                reply.headers.x-split: its value holds a line break or another control character
                reply.headers.x-long: its value exceeds 8192 bytes"#]],
        );
    }
}
