//! Tests of what the API does not reach, over a real store in a temporary folder, with a clock that stands still.

mod capabilities;
mod endpoints;
mod event_types;
mod plugins;

use std::sync::{Arc, OnceLock};

use serde::de::DeserializeOwned;
use serde_json::Value;
use tempfile::TempDir;

use super::{Engine, EngineError, EngineOptions, Parts, Retention};
use crate::egress::{Egress, EgressLimits, EgressPolicy};
use crate::model::{Slug, Time};
use crate::plugin::{self, PluginHost};
use crate::store::contract::TestClock;
use crate::store::sled::{Options, Sled};
use crate::vault::Vault;

/// An engine without a network.
struct Bench {
    engine: Arc<Engine>,
    clock: TestClock,
    space: Slug,
    _folder: TempDir,
}

fn plugins() -> Arc<PluginHost> {
    static SHARED: OnceLock<Arc<PluginHost>> = OnceLock::new();
    Arc::clone(SHARED.get_or_init(|| PluginHost::start(plugin::Limits::default(), None).expect("a plugin host")))
}

impl Bench {
    async fn start() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let clock = TestClock::new();
        let store = Sled::open(folder.path(), Arc::new(clock.clone()), Options::default()).expect("a store");
        let parts = Parts {
            store: Arc::new(store),
            plugins: plugins(),
            egress: Arc::new(Egress::new(EgressPolicy::default(), EgressLimits::default()).expect("a client")),
            vault: Arc::new(Vault::with_key([7; 32])),
            clock: Arc::new(clock.clone()),
            options: EngineOptions { run_concurrency: 1, retention: Retention::default() },
        };
        let engine = Arc::new(Engine::new(parts).expect("an engine"));
        let space = slug("acme");
        engine.save_space(&space, "Acme".to_owned()).await.expect("a space");
        Self { engine, clock, space, _folder: folder }
    }

    fn now(&self) -> Time {
        self.engine.clock.now()
    }
}

fn slug(text: &str) -> Slug {
    text.parse().expect("an id")
}

fn draft<T: DeserializeOwned>(body: Value) -> T {
    serde_json::from_value(body).expect("the shape of a draft")
}

/// The problems of what was refused as not valid, a line each.
#[track_caller]
fn problems<T: std::fmt::Debug>(result: Result<T, EngineError>) -> String {
    match result {
        Err(EngineError::Invalid { problems }) => problems.iter().map(|problem| format!("{problem}\n")).collect(),
        other => panic!("not refused as invalid: {other:?}"),
    }
}
