//! The inbound URLs of triggers: the hot path. A bounded body, one engine call, a small answer.

use std::net::SocketAddr;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

use super::Api;
use super::body::{self, BodyError};
use super::guard::unguarded;
use super::problem::Problem;
use crate::engine::{EngineError, InboundCall, Received};
use crate::inbound::InboundError;
use crate::model::{HeaderField, UniqueId};
use crate::plugin::InboundResponse;
use crate::telemetry::ACCEPT_SECONDS;

/// The path of inbound URLs.
pub const PATH: &str = "/in/{token}";

/// The address a request came from; set by the accept loop.
#[derive(Clone, Copy, Debug)]
pub struct Remote(pub SocketAddr);

/// An accepted call.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ReceivedAnswer {
    /// The run that the call started.
    run: UniqueId,
}

/// Receives a call of a trigger. The key comes as `X-Api-Key`, as `Authorization: Bearer`, or as a Standard Webhooks
/// signature; the body is JSON, a form or XML. `Idempotency-Key` or `webhook-id` recognises repeats.
#[utoipa::path(post, path = "", tag = "inbound",
    request_body(content(
        (Object = "application/json"),
        (Object = "application/x-www-form-urlencoded"),
        (String = "application/xml")), description = "Any body"),
    responses((status = 202, description = "Record and run are on disk", body = ReceivedAnswer)))]
pub async fn receive_post(State(api): State<Api>, request: Request) -> Response {
    answer(api, request).await
}

/// Receives a call of a trigger by PUT, as by POST.
#[utoipa::path(put, path = "", tag = "inbound",
    request_body(content(
        (Object = "application/json"),
        (Object = "application/x-www-form-urlencoded"),
        (String = "application/xml")), description = "Any body"),
    responses((status = 202, description = "Record and run are on disk", body = ReceivedAnswer)))]
pub async fn receive_put(State(api): State<Api>, request: Request) -> Response {
    answer(api, request).await
}

/// Receives a call of a trigger whose verifier answers challenges: a handshake by GET.
#[utoipa::path(get, path = "", tag = "inbound",
    responses(
        (status = 200, description = "What the trigger's verifier answers", body = String),
        (status = 202, description = "The verifier took it as a call: record and run are on disk", body = ReceivedAnswer)))]
pub async fn receive_get(State(api): State<Api>, request: Request) -> Response {
    answer(api, request).await
}

async fn answer(api: Api, request: Request) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let response = unguarded(PATH, &method, async { receive(&api, request).await.map(shown) }).await;
    metrics::histogram!(ACCEPT_SECONDS).record(started.elapsed().as_secs_f64());
    response
}

async fn receive(api: &Api, request: Request) -> Result<Received, Problem> {
    let (parts, content) = request.into_parts();
    let token = parts.uri.path().strip_prefix("/in/").unwrap_or_default();
    // Whoever does not know a trigger's URL has no body kept in memory.
    api.engine.expect_trigger(token).await?;
    let read = body::read(&parts.headers, content, api.limits.body_bytes_max).await;
    let mut call = InboundCall {
        token: token.to_owned(),
        method: parts.method.as_str().to_owned(),
        url: format!("{}{}", api.public_url, parts.uri.path_and_query().map_or("/", |path| path.as_str())),
        query: parts.uri.query().map(str::to_owned),
        remote: parts.extensions.get::<Remote>().map(|remote| remote.0.ip().to_string()),
        headers: parts.headers,
        body: Bytes::new(),
    };
    match read {
        Ok(bytes) => {
            call.body = bytes;
            Ok(api.engine.receive(call).await?)
        }
        Err(BodyError::TooLarge(limit)) => {
            let error = EngineError::from(InboundError::BodyTooLarge { limit });
            api.engine.reject(&call, &error).await;
            Err(error.into())
        }
        Err(error) => Err(error.into()),
    }
}

fn shown(received: Received) -> Response {
    match received {
        Received::Run(run) => accepted(run),
        Received::Answered(response) => answered(response),
    }
}

/// What a verifier answers; what belongs to the connection or to browsers is left out.
fn answered(answer: InboundResponse) -> Response {
    const LEFT_OUT: [&str; 6] =
        ["connection", "content-length", "keep-alive", "set-cookie", "transfer-encoding", "upgrade"];
    let InboundResponse { status, headers, body } = answer;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    for HeaderField { name, value } in headers {
        if LEFT_OUT.iter().any(|out| name.eq_ignore_ascii_case(out)) {
            continue;
        }
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// 202 `{"run": "…"}`, written by hand: it is the most frequent answer.
fn accepted(run: UniqueId) -> Response {
    let mut response = Response::new(Body::from(format!("{{\"run\":\"{run}\"}}")));
    *response.status_mut() = StatusCode::ACCEPTED;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
