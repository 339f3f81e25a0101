//! HTTP: the API, the inbound URLs, health and metrics. Nothing below this floor knows statuses or headers of ours.
//!
//! `routes` is the table of all routes; there is one file per resource; `problem` turns errors into answers.

mod answer;
mod auth;
mod body;
mod by_name;
mod failure;
mod grants;
mod guard;
mod openapi;
mod page;
mod problem;
mod routes;
mod serve;

mod bins;
mod deliveries;
mod endpoints;
mod event_types;
mod events;
mod hooks;
mod jobs;
mod keys;
mod live;
mod meta;
mod plugin_trials;
mod plugin_versions;
mod plugins;
mod records;
mod runs;
mod secrets;
mod sources;
mod spaces;
mod triggers;
mod webhooks;
mod workflows;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::task::Tasks;
use crate::telemetry::Metrics;

pub use body::BODY_TIMEOUT;
pub use page::{PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX};
pub use problem::{KINDS, Problem, ProblemField, ProblemKind, ProblemUser};
pub use routes::{document, router};
pub use serve::{HEADER_TIMEOUT, serve};

/// What handlers share.
type Api = Arc<Server>;

/// The HTTP side of a server.
pub struct Server {
    /// The product's behaviour.
    pub engine: Arc<Engine>,
    /// What the URLs of triggers and bins begin with, without a slash at the end.
    pub public_url: String,
    /// Sizes of bodies.
    pub limits: Limits,
    /// For `/metrics`.
    pub metrics: Metrics,
    /// Owns what outlives a handler, such as a backup under way.
    pub tasks: Tasks,
    /// Cancelled when the server begins to drain: `/readyz` says so.
    pub draining: CancellationToken,
}

/// Sizes of bodies, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of inbound and API calls.
    pub body_bytes_max: usize,
    /// Of uploaded components.
    pub plugin_bytes_max: usize,
}
