//! What surrounds every API handler: the key is checked, a panic is a problem, the answer is counted.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use http::{Method, StatusCode};

use super::Api;
use super::auth::{Access, admit};
use super::problem::Problem;
use crate::task::panic_text;
use crate::telemetry::HTTP_REQUESTS;

/// The guard of one route.
#[derive(Clone)]
pub struct Guard {
    /// The server.
    pub api: Api,
    /// Who may pass.
    pub access: Access,
    /// The path template, for logs and metrics.
    pub route: &'static str,
}

/// Runs a request past its guard. Written for `axum::middleware::from_fn_with_state`.
pub async fn pass(
    State(guard): State<Guard>,
    ids: Result<RawPathParams, RawPathParamsRejection>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let response = match let_in(&guard, ids, &mut request).await {
        Ok(()) => {
            let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
            answered.unwrap_or_else(|panic| panicked(guard.route, panic_text(&*panic)))
        }
        Err(problem) => problem.into_response(),
    };
    count(guard.route, &method, response.status());
    tracing::debug!(
        route = guard.route,
        method = %method,
        status = response.status().as_u16(),
        elapsed_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        "answered"
    );
    response
}

/// Runs the handler of a route that has no guard: a panic is a problem, the answer is counted.
pub async fn unguarded(
    route: &'static str,
    method: &Method,
    handler: impl Future<Output = Result<Response, Problem>>,
) -> Response {
    let response = match AssertUnwindSafe(handler).catch_unwind().await {
        Ok(answered) => answered.unwrap_or_else(Problem::into_response),
        Err(panic) => panicked(route, panic_text(&*panic)),
    };
    count(route, method, response.status());
    response
}

/// Lets a request in that may pass, with its caller.
async fn let_in(
    guard: &Guard,
    ids: Result<RawPathParams, RawPathParamsRejection>,
    request: &mut Request,
) -> Result<(), Problem> {
    let ids = ids.map_err(|error| Problem::new("bad-request", error.body_text()))?;
    let space = ids.iter().find(|(name, _)| *name == "space").map(|(_, id)| id);
    if let Some(caller) = admit(&guard.api, guard.access, request.headers(), space).await? {
        request.extensions_mut().insert(caller);
    }
    Ok(())
}

/// The answer in place of one that a panic prevented.
fn panicked(route: &'static str, reason: &str) -> Response {
    tracing::error!(route, reason, "a request handler panicked");
    Problem::new("internal", "the server made a mistake; its log says which").into_response()
}

/// Counts an answered request.
fn count(route: &'static str, method: &Method, status: StatusCode) {
    let method = match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    };
    metrics::counter!(HTTP_REQUESTS, "route" => route, "method" => method, "status" => status_word(status))
        .increment(1);
}

/// The status as a static text, so that counting allocates nothing.
fn status_word(status: StatusCode) -> &'static str {
    match status.as_u16() {
        200 => "200",
        201 => "201",
        202 => "202",
        204 => "204",
        304 => "304",
        400 => "400",
        401 => "401",
        403 => "403",
        404 => "404",
        405 => "405",
        408 => "408",
        409 => "409",
        412 => "412",
        413 => "413",
        415 => "415",
        422 => "422",
        500 => "500",
        503 => "503",
        code if code < 500 => "4xx",
        _ => "5xx",
    }
}
