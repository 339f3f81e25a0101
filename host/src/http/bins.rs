//! Request bins: URLs that record what they receive, and a look at what they received.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::sse::{Event as SseEvent, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

use super::Api;
use super::answer::{Answer, Condition, Result};
use super::auth::Caller;
use super::body::{self, Json};
use super::guard::unguarded;
use super::hooks::Remote;
use super::live::{self, Shown};
use super::page::{At, Listing, PageQuery, Query};
use super::problem::Problem;
use crate::engine::{BinCall, BinDraft, Captured, Happening};
use crate::model::{Bin, BinReply, BodyText, Capture, FailFirst, HeaderField, Saved, Slug, Time, UniqueId};

/// The path of a bin's URL.
pub const PATH: &str = "/bin/{token}";
/// What is below it leads to the bin as well.
pub const PATHS_BELOW: [&str; 2] = ["/bin/{token}/", "/bin/{token}/{*rest}"];
/// What a browser must not do with a reply: it is shown as if it came from another server, so that no page that a bin
/// replies can act for somebody who uses this one (Content Security Policy Level 3 §6.3.2).
const SANDBOX: HeaderValue = HeaderValue::from_static("sandbox");

/// A bin.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BinAnswer {
    /// Its id.
    id: Slug,
    /// What it is for, for people.
    description: String,
    /// The URL that records what it receives, by any method; so does everything below it.
    url: String,
    /// What it answers.
    reply: BinReply,
    /// The first requests since it was last saved or cleared are answered with another status.
    #[serde(skip_serializing_if = "Option::is_none")]
    fail_first: Option<FailFirst>,
    /// Who made it: the name of the API key.
    created_by: String,
    /// When it was made.
    created_at: Time,
    /// When it was last saved.
    updated_at: Time,
}

/// A request that a bin recorded.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CaptureAnswer {
    /// Its id.
    id: UniqueId,
    /// Which request of its bin it is, from 1.
    number: u64,
    /// When it came.
    time: Time,
    /// The HTTP method.
    method: String,
    /// The path of the URL, as sent.
    path: String,
    /// The query of the URL, as sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    /// The headers as they came, names in lower case. Keys, cookies and signatures are shown.
    headers: Vec<HeaderField>,
    /// The body: text, or base64 if it is no UTF-8 (see `body_base64`).
    body: String,
    /// The body above is base64.
    body_base64: bool,
    /// The body above is only the beginning; ask for this one request to see it whole.
    body_cut: bool,
    /// How long the body is, in bytes.
    body_bytes: u64,
    /// The address it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    remote: Option<String>,
    /// The status that it was answered with.
    status: u16,
}

impl From<Capture> for CaptureAnswer {
    fn from(capture: Capture) -> Self {
        let body_cut = capture.is_cut();
        let BodyText { text, base64 } = BodyText::of(&capture.body, body_cut);
        Self {
            id: capture.id,
            number: capture.number,
            time: capture.time,
            method: capture.method,
            path: capture.path,
            query: capture.query,
            headers: capture.headers,
            body: text,
            body_base64: base64,
            body_cut,
            body_bytes: capture.body_bytes,
            remote: capture.remote,
            status: capture.status,
        }
    }
}

/// Lists the request bins of a space.
#[utoipa::path(get, path = "", tag = "bins", params(PageQuery), responses(
    (status = 200, description = "A page of bins", body = Listing<BinAnswer>)))]
pub async fn list_bins(
    State(api): State<Api>,
    At(space): At<Slug>,
    Query(query): Query<PageQuery>,
) -> Result<Answer<Listing<BinAnswer>>> {
    let slice = api.engine.bins(&space, query.page()?).await?;
    Ok(Answer::ok(Listing::of(slice, |saved| shown(&api, saved.value))))
}

/// Shows a request bin.
#[utoipa::path(get, path = "", tag = "bins", responses((status = 200, description = "The bin", body = BinAnswer)))]
pub async fn get_bin(State(api): State<Api>, At((space, id)): At<(Slug, Slug)>) -> Result<Answer<BinAnswer>> {
    let Saved { revision, value } = api.engine.bin(&space, &id).await?;
    Ok(Answer::ok(shown(&api, value)).at(revision))
}

/// Makes or changes a request bin: a URL that records whatever is sent to it. The URL stays when the bin is changed.
/// Each save lets the first requests fail again, if `fail_first` says so. Takes `If-Match` and `If-None-Match: *`.
#[utoipa::path(put, path = "", tag = "bins", request_body = BinDraft, responses(
    (status = 201, description = "Made", body = BinAnswer), (status = 200, description = "Changed", body = BinAnswer)))]
pub async fn save_bin(
    State(api): State<Api>,
    At((space, id)): At<(Slug, Slug)>,
    condition: Condition,
    caller: Caller,
    Json(draft): Json<BinDraft>,
) -> Result<Answer<BinAnswer>> {
    let saved = api.engine.save_bin(&space, &id, draft, condition.0, caller.name()).await;
    let (Saved { revision, value }, created) = saved.map_err(|error| condition.problem(error))?;
    Ok(Answer::saved(shown(&api, value), created).at(revision))
}

/// Deletes a request bin with all that it recorded: its URL never works again.
#[utoipa::path(delete, path = "", tag = "bins", responses((status = 204, description = "Deleted")))]
pub async fn delete_bin(
    State(api): State<Api>,
    At((space, id)): At<(Slug, Slug)>,
    condition: Condition,
) -> Result<StatusCode> {
    let deleted = api.engine.delete_bin(&space, &id, condition.0).await;
    deleted.map_err(|error| condition.problem(error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the requests that a bin recorded, newest first; the newest 1,000 are kept. Bodies longer than 16 KiB are shown
/// in part. Nothing is masked: who may see the bin sees the keys, cookies and signatures that were sent to it.
#[utoipa::path(get, path = "", tag = "bins", params(PageQuery), responses(
    (status = 200, description = "A page of requests", body = Listing<CaptureAnswer>)))]
pub async fn list_captures(
    State(api): State<Api>,
    At((space, id)): At<(Slug, Slug)>,
    Query(query): Query<PageQuery>,
) -> Result<Answer<Listing<CaptureAnswer>>> {
    let slice = api.engine.captures(&space, &id, query.page()?).await?;
    Ok(Answer::ok(Listing::of(slice, CaptureAnswer::from)))
}

/// Shows a request that a bin recorded, with its whole body and nothing masked.
#[utoipa::path(get, path = "", tag = "bins", responses(
    (status = 200, description = "The request", body = CaptureAnswer)))]
pub async fn get_capture(
    State(api): State<Api>,
    At((space, id, request)): At<(Slug, Slug, UniqueId)>,
) -> Result<Answer<CaptureAnswer>> {
    Ok(Answer::ok(api.engine.captured(&space, &id, request).await?.into()))
}

/// Removes all requests that a bin recorded. Its first ones fail again, if `fail_first` says so.
#[utoipa::path(delete, path = "", tag = "bins", responses((status = 204, description = "Removed")))]
pub async fn clear_bin(State(api): State<Api>, At((space, id)): At<(Slug, Slug)>) -> Result<StatusCode> {
    api.engine.clear_bin(&space, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shows the requests that a bin records from now on, until the connection is closed: `event: captured` with a request,
/// a body longer than 16 KiB in part; `event: missed` with a number if the reader was too slow.
#[utoipa::path(get, path = "", tag = "bins", responses(
    (status = 200, description = "A stream of server-sent events", body = String, content_type = "text/event-stream")))]
pub async fn watch_bin(
    State(api): State<Api>,
    At((space, id)): At<(Slug, Slug)>,
) -> Result<Sse<impl Stream<Item = Shown>>> {
    api.engine.bin(&space, &id).await?;
    Ok(live::tail(api, move |happening| match happening {
        Happening::Captured(capture) if capture.space == space && capture.bin == id => {
            let event = SseEvent::default().event("captured").id(capture.id.to_string());
            event.json_data(CaptureAnswer::from(Capture::clone(capture))).ok()
        }
        _ => None,
    }))
}

/// Records a request of any method, to this path or any below it, and answers what the bin is told to, once the request
/// is on disk.
#[utoipa::path(post, path = "", tag = "inbound",
    request_body(content((String = "*/*")), description = "Any body, or none"),
    responses((status = 200, description = "On disk; status, headers and body are the bin's", body = String,
        content_type = "*/*")))]
pub async fn receive(State(api): State<Api>, request: Request) -> Response {
    let method = request.method().clone();
    unguarded(PATH, &method, record(&api, request)).await
}

async fn record(api: &Api, request: Request) -> Result<Response> {
    let (parts, content) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let token = path.split('/').nth(2).unwrap_or_default().to_owned();
    // Whoever does not know a bin's URL has no body kept in memory.
    api.engine.expect_bin(&token).await?;
    let body = body::read(&parts.headers, content, api.limits.body_bytes_max).await?;
    let captured = api.engine.capture(BinCall {
        token,
        method: parts.method.as_str().to_owned(),
        path,
        query: parts.uri.query().map(str::to_owned),
        remote: parts.extensions.get::<Remote>().map(|remote| remote.0.ip().to_string()),
        headers: parts.headers,
        body,
    });
    let Captured { bin, status } = captured.await?;
    hold_back(api, bin.reply.delay_ms).await;
    reply(&bin.reply, status)
}

/// Waits, but holds up no server that stops.
async fn hold_back(api: &Api, delay_ms: u32) {
    if delay_ms > 0 {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(delay_ms.into())) => {}
            () = api.draining.cancelled() => {}
        }
    }
}

fn reply(reply: &BinReply, status: u16) -> Result<Response> {
    let unsendable = |what: &str| Problem::new("internal", format!("the bin's {what} cannot be sent: save it again"));
    let mut response = Body::from(reply.body.clone()).into_response();
    *response.status_mut() = StatusCode::from_u16(status).map_err(|_| unsendable("status"))?;
    let headers = response.headers_mut();
    for HeaderField { name, value } in &reply.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unsendable("header"))?;
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).map_err(|_| unsendable("header"))?);
    }
    if !reply.body.is_empty() {
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        headers.entry(header::CONTENT_TYPE).or_insert(text);
    }
    headers.append(header::CONTENT_SECURITY_POLICY, SANDBOX);
    Ok(response)
}

fn shown(api: &Api, bin: Bin) -> BinAnswer {
    BinAnswer {
        url: format!("{}/bin/{}", api.public_url, bin.token),
        id: bin.id,
        description: bin.description,
        reply: bin.reply,
        fail_first: bin.fail_first,
        created_by: bin.created_by,
        created_at: bin.created_at,
        updated_at: bin.updated_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[(&str, &str)], body: &str) -> BinReply {
        let field = |(name, value): &(&str, &str)| HeaderField { name: (*name).into(), value: (*value).into() };
        BinReply { status: 201, headers: headers.iter().map(field).collect(), body: body.to_owned(), delay_ms: 0 }
    }

    fn text(response: &Response, name: HeaderName) -> Vec<&[u8]> {
        response.headers().get_all(name).iter().map(HeaderValue::as_bytes).collect()
    }

    #[test]
    fn a_reply_is_plain_text_unless_it_says_otherwise() {
        let types = |reply: &BinReply| {
            let response = super::reply(reply, 404).expect("a response");
            assert_eq!(response.status(), 404);
            text(&response, header::CONTENT_TYPE).concat()
        };
        assert_eq!(types(&of(&[], "hello")), b"text/plain; charset=utf-8");
        assert_eq!(types(&of(&[("Content-Type", "text/html")], "<b>hello</b>")), b"text/html");
        assert_eq!(types(&of(&[], "")), b"");
    }

    #[test]
    fn a_reply_has_its_headers_in_order_and_no_browser_lets_it_act_for_this_server() {
        let given = of(&[("Set-Cookie", "a=1"), ("Content-Security-Policy", "none"), ("set-cookie", "b=\u{fc}")], "");
        let response = super::reply(&given, 200).expect("a response");
        assert_eq!(text(&response, header::SET_COOKIE), [&b"a=1"[..], "b=\u{fc}".as_bytes()]);
        assert_eq!(text(&response, header::CONTENT_SECURITY_POLICY), [&b"none"[..], b"sandbox"]);
    }
}
