//! The API over a real engine on a real store in a temporary folder, without a network.

mod bins;
mod documents;
mod requests;
mod resources;
mod serving;

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt as _;

use super::{Api, Limits, Server, router};
use crate::clock::SystemClock;
use crate::egress::{Egress, EgressLimits, EgressPolicy};
use crate::engine::{Engine, EngineOptions, Parts, Retention};
use crate::model::{Redacted, Role};
use crate::plugin::{self, PluginHost};
use crate::store::sled::{Options, Sled};
use crate::task::Tasks;
use crate::telemetry::Metrics;
use crate::vault::Vault;

const ADMIN: &str = "th_admin-key-of-the-http-tests";
const BODY_BYTES_MAX: usize = 10_000;

/// A server without a listener.
struct Bench {
    router: Router,
    engine: Arc<Engine>,
    tasks: Tasks,
    _folder: TempDir,
}

fn server(engine: &Arc<Engine>, tasks: &Tasks) -> Server {
    Server {
        engine: Arc::clone(engine),
        public_url: "https://hooks.example".to_owned(),
        limits: Limits { body_bytes_max: BODY_BYTES_MAX, plugin_bytes_max: BODY_BYTES_MAX },
        metrics: Metrics::start(),
        draining: tasks.stopping().clone(),
        tasks: tasks.clone(),
    }
}

/// An answer.
#[derive(Debug)]
struct Shown {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Shown {
    fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Status and code, of an answer that must be a problem document.
    #[track_caller]
    fn problem(&self) -> (u16, &str) {
        assert_eq!(self.header(header::CONTENT_TYPE), "application/problem+json", "{self:?}");
        assert_eq!(self.body["status"], self.status.as_u16(), "{self:?}");
        let code = self.body["code"].as_str().expect("a code");
        assert_eq!(self.body["type"], format!("urn:tenterhook:problem:{code}"));
        assert!(self.body["detail"].as_str().is_some_and(|text| !text.is_empty()), "{self:?}");
        (self.status.as_u16(), code)
    }
}

fn plugins() -> Arc<PluginHost> {
    static SHARED: OnceLock<Arc<PluginHost>> = OnceLock::new();
    Arc::clone(SHARED.get_or_init(|| PluginHost::start(plugin::Limits::default(), None).expect("a plugin host")))
}

impl Bench {
    async fn start() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let clock = Arc::new(SystemClock);
        let store = Sled::open(folder.path(), Arc::clone(&clock) as _, Options::default()).expect("a store");
        let parts = Parts {
            store: Arc::new(store),
            plugins: plugins(),
            egress: Arc::new(Egress::new(EgressPolicy::default(), EgressLimits::default()).expect("a client")),
            vault: Arc::new(Vault::with_key([7; 32])),
            clock,
            options: EngineOptions { run_concurrency: 1, retention: Retention::default() },
        };
        let engine = Arc::new(Engine::new(parts).expect("an engine"));
        engine.bootstrap(Some(&Redacted::new(ADMIN.to_owned()))).await.expect("a first key");
        let tasks = Tasks::new();
        Self { router: router(server(&engine, &tasks)), engine, tasks, _folder: folder }
    }

    fn api(&self) -> Api {
        Arc::new(server(&self.engine, &self.tasks))
    }

    async fn key(&self, role: Role, space: Option<&str>) -> String {
        let space = space.map(|space| space.parse().expect("an id"));
        let (_, key) = self.engine.create_key("test".to_owned(), role, space).await.expect("a key");
        key.reveal().to_owned()
    }

    async fn send(&self, request: Request<Body>) -> Shown {
        let response = self.router.clone().oneshot(request).await.expect("the router answers");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a whole body").to_bytes();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Shown { status: parts.status, headers: parts.headers, body }
    }

    async fn call(&self, method: &str, path: &str, body: &str) -> Shown {
        self.send(request(method, path, body)).await
    }
}

/// A request of the admin, its body called JSON.
fn request(method: &str, path: &str, body: &str) -> Request<Body> {
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/api/v1/spaces/default/{path}") };
    let mut builder = Request::builder().method(method).uri(path);
    builder = builder.header(header::AUTHORIZATION, format!("Bearer {ADMIN}"));
    if !body.is_empty() {
        builder = builder.header(header::CONTENT_TYPE, "application/json");
    }
    builder.body(Body::from(body.to_owned())).expect("a request")
}
