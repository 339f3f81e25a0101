//! The server itself: what it is, health, metrics, its API document, a copy of its data.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream;
use http::header;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use super::Api;
use super::answer::{Answer, Result};
use super::auth::Caller;
use super::keys::KeyView;
use super::problem::Problem;
use crate::engine::EngineError;
use crate::store::Prunable;
use crate::telemetry::{AGING_BYTES, DUE_LANES, DUE_RUNS, HELD_LANES, LIVE_RUNS, STORE_BYTES};

/// Chunks of a backup that wait for a slow reader.
const BACKUP_CHUNKS_WAITING: usize = 16;

/// What this server is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AboutAnswer {
    /// `tenterhook`.
    name: &'static str,
    /// Its version.
    version: &'static str,
    /// Where its API is described.
    openapi: &'static str,
}

/// Health.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct HealthAnswer {
    /// `ok`.
    status: &'static str,
}

/// Says what this server is.
#[utoipa::path(get, path = "", tag = "server", responses((status = 200, description = "The server", body = AboutAnswer)))]
pub async fn root() -> Answer<AboutAnswer> {
    let version = env!("CARGO_PKG_VERSION");
    Answer::ok(AboutAnswer { name: "tenterhook", version, openapi: "/api/v1/openapi.json" })
}

/// Says that the process runs.
#[utoipa::path(get, path = "", tag = "server", responses((status = 200, description = "It runs", body = HealthAnswer)))]
pub async fn healthz() -> Answer<HealthAnswer> {
    Answer::ok(HealthAnswer { status: "ok" })
}

/// Says whether the server takes calls: its store answers, and it is not draining.
#[utoipa::path(get, path = "", tag = "server", responses(
    (status = 200, description = "It takes calls", body = HealthAnswer)))]
pub async fn readyz(State(api): State<Api>) -> Result<Answer<HealthAnswer>> {
    if api.draining.is_cancelled() {
        return Err(Problem::new("not-ready", "the server is shutting down"));
    }
    api.engine.load().await?;
    Ok(Answer::ok(HealthAnswer { status: "ok" }))
}

/// Shows the metrics in the Prometheus text format.
#[utoipa::path(get, path = "", tag = "server", responses(
    (status = 200, description = "All metrics", body = String, content_type = "text/plain")))]
pub async fn show_metrics(State(api): State<Api>) -> Result<Response> {
    let load = api.engine.load().await?;
    #[expect(clippy::cast_precision_loss, reason = "gauges are floating-point; counts stay far below 2^53")]
    for (name, value) in [
        (LIVE_RUNS, load.live_runs),
        (DUE_RUNS, load.due_runs),
        (DUE_LANES, load.due_lanes),
        (HELD_LANES, load.held_lanes),
        (STORE_BYTES, load.disk_bytes),
    ] {
        metrics::gauge!(name).set(value as f64);
    }
    for kind in Prunable::ALL {
        #[expect(clippy::cast_precision_loss, reason = "bytes on a disk stay far below 2^53")]
        metrics::gauge!(AGING_BYTES, "kind" => kind.word()).set(load.aging_bytes[kind] as f64);
    }
    let text = api.metrics.render();
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

/// Shows this document.
#[utoipa::path(get, path = "", tag = "server", responses(
    (status = 200, description = "OpenAPI 3.1", body = Object)))]
pub async fn show_openapi() -> Response {
    static DOCUMENT: OnceLock<Bytes> = OnceLock::new();
    let document = DOCUMENT.get_or_init(|| serde_json::to_vec(&super::document()).unwrap_or_default().into());
    ([(header::CONTENT_TYPE, "application/json")], document.clone()).into_response()
}

/// Shows the types of scripts (`run: script`, and the plugin `script`) and of the data of all built-in event types, for
/// editors that know TypeScript.
#[utoipa::path(get, path = "", tag = "server", responses(
    (status = 200, description = "Declarations in TypeScript", body = String, content_type = "text/plain")))]
pub async fn show_script_types(State(api): State<Api>) -> Response {
    const SCRIPTS: &str = include_str!("../../../plugins/script/types/tenterhook.d.ts");
    static DOCUMENT: OnceLock<Bytes> = OnceLock::new();
    let document = DOCUMENT.get_or_init(|| (SCRIPTS.to_owned() + &api.engine.built_in_data_types()).into());
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], document.clone()).into_response()
}

/// Shows whose key the request bears.
#[utoipa::path(get, path = "", tag = "keys", responses((status = 200, description = "The key", body = KeyView)))]
pub async fn show_me(Caller(key): Caller) -> Answer<KeyView> {
    Answer::ok(KeyView::of(key.saved().value.clone(), None))
}

/// Streams a consistent copy of everything while the server keeps working. A copy that is cut short ends without the
/// end of the HTTP message.
#[utoipa::path(get, path = "", tag = "server", responses(
    (status = 200, description = "For `tenterhook restore`", body = Vec<u8>, content_type = "application/octet-stream")))]
pub async fn backup(State(api): State<Api>) -> Response {
    let (sink, chunks) = mpsc::channel(BACKUP_CHUNKS_WAITING);
    let (done, outcome) = oneshot::channel();
    let engine = Arc::clone(&api.engine);
    api.tasks.spawn("backup", async move {
        // The reader has gone if nobody takes the outcome.
        drop(done.send(engine.backup(sink).await));
    });
    let body = Body::from_stream(stream::unfold((chunks, Some(outcome)), next_chunk));
    let name = "attachment; filename=\"tenterhook.backup\"";
    ([(header::CONTENT_TYPE, "application/octet-stream"), (header::CONTENT_DISPOSITION, name)], body).into_response()
}

type BackupState = (mpsc::Receiver<Bytes>, Option<oneshot::Receiver<core::result::Result<(), EngineError>>>);

/// The next chunk; after the last one an error, if the copy is not whole.
async fn next_chunk((mut chunks, outcome): BackupState) -> Option<(std::io::Result<Bytes>, BackupState)> {
    if let Some(chunk) = chunks.recv().await {
        return Some((Ok(chunk), (chunks, outcome)));
    }
    match outcome?.await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => {
            tracing::error!(reason = %error, "a backup failed");
            Some((Err(std::io::Error::other("the backup failed")), (chunks, None)))
        }
        Err(_) => Some((Err(std::io::Error::other("the backup was interrupted")), (chunks, None))),
    }
}

/// Answers a path that does not exist.
pub async fn no_route(request: Request) -> core::result::Result<Infallible, Problem> {
    Err(Problem::new("not-found", format!("there is nothing at {}", request.uri().path())))
}

/// Answers a method that a path does not take.
pub async fn wrong_method(request: Request) -> core::result::Result<Infallible, Problem> {
    let detail =
        format!("{} does not take {}; the header Allow says what it takes", request.uri().path(), request.method());
    Err(Problem::new("method-not-allowed", detail))
}
