//! The plugin host: what the rest of the server calls.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use wasmtime::component::Component;

use super::action::ActionRuntime;
use super::artefact::{ArtefactCache, Artefacts};
use super::builtins::Builtins;
use super::compiled::{Compiled, Loaded};
use super::engine::Core;
use super::error::{Blame, PluginError, Refused};
use super::health::{Health, PluginCounts, Resting, Use};
use super::pure::{PurePool, Unanswered};
use super::services::Services;
use super::types::{Call, InboundResponse, Inspection, Limits, OutboundRequest, Reported, Verdict};
use super::{call, upload};
use crate::model::{Digest, PluginVersion};
use crate::telemetry::{PLUGIN_CALLS, PLUGIN_SECONDS};

type Result<T> = std::result::Result<T, PluginError>;

/// How long an action waits for its turn before it is told that the server is busy.
const TURN_PATIENCE: Duration = Duration::from_secs(5);
/// What an entry of the memory cache weighs besides its code, in bytes.
const ENTRY_BYTES: u64 = 1024;
/// How many plugins the memory cache expects to hold.
const ENTRIES_EXPECTED: usize = 256;

/// Runs plugins: compiles, caches, calls, limits, and watches them.
pub struct PluginHost {
    shared: Arc<Shared>,
    pool: PurePool,
    actions: ActionRuntime,
    /// Linked components, and refusals: what does not load now will not load until the server is another.
    memory: Cache<Digest, Entry, ByCode>,
    /// Compiling takes all cores: one after the other.
    compiling: Arc<Semaphore>,
    builtins: Builtins,
    hasher: RandomState,
}

/// What calls on other threads need.
struct Shared {
    core: Arc<Core>,
    health: Health,
    artefacts: Option<Artefacts>,
}

type Entry = std::result::Result<Arc<Compiled>, Refused>;

#[derive(Clone)]
struct ByCode;

impl Weighter<Digest, Entry> for ByCode {
    fn weight(&self, _: &Digest, entry: &Entry) -> u64 {
        ENTRY_BYTES + entry.as_ref().map_or(0, |compiled| compiled.weight)
    }
}

impl PluginHost {
    /// Starts engine and threads. With `cache`, compiled plugins are kept on disk between starts.
    ///
    /// # Errors
    /// The engine cannot be set up on this machine, or the cache's folder cannot be made.
    pub fn start(limits: Limits, cache: Option<ArtefactCache>) -> Result<Arc<Self>> {
        let failed = |error: std::io::Error| PluginError::Start { reason: error.to_string() };
        let core = Core::start(limits)?;
        let limits = &core.limits;
        let artefacts = cache.map(|cache| Artefacts::open(cache, &core.engine)).transpose().map_err(failed)?;
        let pool = PurePool::start(limits.pure_thread_count(), limits.pure_queue_max).map_err(failed)?;
        let actions = ActionRuntime::start(limits.actions_max, TURN_PATIENCE).map_err(failed)?;
        let memory = Cache::with_weighter(ENTRIES_EXPECTED, limits.compiled_bytes_max, ByCode);
        let health = Health::new(limits.faults_max, limits.rest);
        Ok(Arc::new(Self {
            shared: Arc::new(Shared { core, health, artefacts }),
            pool,
            actions,
            memory,
            compiling: Arc::new(Semaphore::new(1)),
            builtins: Builtins::default(),
            hasher: RandomState::new(),
        }))
    }

    /// The limits that calls run under.
    pub fn limits(&self) -> &Limits {
        &self.shared.core.limits
    }

    /// Validates and compiles an upload off the async threads. What is accepted here loads at once afterwards.
    ///
    /// # Errors
    /// Why it is refused, for the person who uploads.
    pub async fn inspect(&self, component: Bytes) -> std::result::Result<Inspection, Refused> {
        upload::check_bytes(&component, self.limits())?;
        let lost = || Refused::Host { reason: "its inspection was cut short".to_owned() };
        let (shared, bytes) = (Arc::clone(&self.shared), component.clone());
        let (digest, stored) = self.actions.blocking(move || shared.recall(&bytes)).await.ok_or_else(lost)?;
        let known = self.memory.get(&digest).and_then(std::result::Result::ok);
        let compiled = match known.map(|known| known.pre.component().clone()).or(stored) {
            Some(compiled) => compiled,
            None => self.compile(component.clone()).await.ok_or_else(lost)??,
        };
        let shared = Arc::clone(&self.shared);
        let (inspection, entry) =
            self.actions.blocking(move || shared.inspect(&component, digest, &compiled)).await.ok_or_else(lost)??;
        self.memory.insert(digest, Ok(entry));
        Ok(inspection)
    }

    /// Loads a plugin version: from memory, from its authenticated artefact on disk, else by compiling what `fetch`
    /// gives. `name` is `name@version`, for errors.
    ///
    /// # Errors
    /// `fetch` failed, its bytes are not those of `digest`, or this server cannot run them.
    pub async fn load<E>(
        &self,
        digest: Digest,
        name: &str,
        fetch: impl Future<Output = std::result::Result<Bytes, E>>,
    ) -> Result<Loaded>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let name: Arc<str> = name.into();
        let entry = match self.memory.get_value_or_guard_async(&digest).await {
            Ok(entry) => entry,
            Err(guard) => {
                let entry = self.produce(digest, &name, fetch).await?;
                // Refused if the entry was removed meanwhile: then it is used this once.
                drop(guard.insert(entry.clone()));
                entry
            }
        };
        let compiled = entry.map_err(|source| PluginError::Refused { plugin: Arc::clone(&name), source })?;
        let counters = self.shared.health.counters(digest, &name);
        Ok(Loaded { compiled, name, counters })
    }

    /// Drops what is kept of a plugin version that was deleted; running calls end normally.
    pub fn forget(&self, digest: Digest) {
        self.memory.remove(&digest);
        self.shared.health.forget(digest);
        if let Some(artefacts) = &self.shared.artefacts {
            artefacts.remove(digest);
        }
    }

    /// The built-in plugins. The first call loads them all.
    pub fn builtins(&self) -> &[PluginVersion] {
        self.builtins.versions(&self.shared.core, self.shared.artefacts.as_ref(), &self.shared.health)
    }

    /// A built-in plugin: `text-template`, `field-mapping` or `jq`. The first call of each blocks for up to a second
    /// if there is no artefact: have [`Self::builtins`] called once at start, off the async threads.
    pub fn builtin(&self, name: &str) -> Option<Loaded> {
        let Shared { core, health, artefacts } = &*self.shared;
        self.builtins.get(name, core, artefacts.as_ref(), health).cloned()
    }

    /// Builds a request (`payload-template.render`) in a fresh instance on a thread of the pure pool; `None`: do not
    /// send. `input` is JSON text, `base` the request to start from.
    ///
    /// # Errors
    /// See [`PluginError`].
    pub async fn render(
        &self,
        plugin: &Loaded,
        call: Call,
        input: String,
        base: OutboundRequest,
    ) -> Result<Reported<Option<OutboundRequest>>> {
        let user = self.user(plugin, &call);
        self.pure(plugin, user, move |core, plugin| call::render(core, plugin, call, input, base)).await
    }

    /// Reads a response (`response-mapping.map`), like [`Self::render`].
    ///
    /// # Errors
    /// See [`PluginError`].
    pub async fn map(&self, plugin: &Loaded, call: Call, response: InboundResponse) -> Result<Reported<Verdict>> {
        let user = self.user(plugin, &call);
        self.pure(plugin, user, move |core, plugin| call::map(core, plugin, call, response)).await
    }

    /// Runs an action (`trigger-action.run`) on the runtime for actions; `input` and result are JSON texts. `services`
    /// answers for the capabilities that it imports, on the runtime that this is called on; without, all are denied.
    ///
    /// # Errors
    /// See [`PluginError`].
    pub async fn run(
        &self,
        plugin: &Loaded,
        call: Call,
        input: String,
        services: Option<Arc<dyn Services>>,
    ) -> Result<Reported<String>> {
        let user = self.user(plugin, &call);
        let server = services.map(|services| (services, Handle::current()));
        self.shared.check(plugin, user)?;
        let busy = || refused(plugin, PluginError::Busy { plugin: Arc::clone(&plugin.name) });
        let turn = self.actions.turn(user).await.ok_or_else(busy)?;
        let (shared, owned) = (Arc::clone(&self.shared), plugin.clone());
        let work = async move {
            let _turn = turn;
            shared.admit(&owned, user)?;
            let start = Instant::now();
            let result = call::run(&shared.core, &owned, call, input, server).await;
            shared.learn(&owned, user, &result, start);
            result
        };
        self.actions.run(work).await.unwrap_or_else(|| Err(lost(plugin)))
    }

    /// [`Self::render`] on this thread, without queue and pool: for callers that are on a thread for such work already.
    ///
    /// # Errors
    /// See [`PluginError`].
    pub fn render_here(
        &self,
        plugin: &Loaded,
        call: Call,
        input: String,
        base: OutboundRequest,
    ) -> Result<Reported<Option<OutboundRequest>>> {
        let user = self.user(plugin, &call);
        self.shared.watched(plugin, user, |core, plugin| call::render(core, plugin, call, input, base))
    }

    /// [`Self::run`] on this thread, with the limits of a template: for actions that only compute, such as `jq`.
    ///
    /// # Errors
    /// See [`PluginError`].
    pub fn run_here(&self, plugin: &Loaded, call: Call, input: String) -> Result<Reported<String>> {
        let user = self.user(plugin, &call);
        self.shared.watched(plugin, user, |core, plugin| call::run_pure(core, plugin, call, input))
    }

    /// Runs host code on the pure pool, for what calls plugins in a blocking way. `owner` says whose work it is:
    /// one owner holds a quarter of the threads at most.
    ///
    /// # Errors
    /// `Busy`, or `Host` if the job panicked.
    pub async fn run_blocking<T: Send + 'static>(
        &self,
        owner: &str,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let lane = self.hasher.hash_one(owner);
        self.pool.run(lane, job).await.map_err(|unanswered| match unanswered {
            Unanswered::Busy => PluginError::Busy { plugin: owner.into() },
            Unanswered::Lost => PluginError::Host { plugin: owner.into(), reason: LOST.to_owned() },
        })
    }

    /// What happened to the calls of each plugin version (`name@version`) since the server started.
    pub fn counts(&self) -> Vec<(Arc<str>, PluginCounts)> {
        self.shared.health.snapshot()
    }

    /// Who shares a lane and a streak of failures: the calls of a plugin in a space; of a built-in plugin, which every
    /// webhook of a space uses, those with the same configuration.
    fn user(&self, plugin: &Loaded, call: &Call) -> Use {
        let config = plugin.compiled.builtin.then_some(call.config.as_str());
        self.hasher.hash_one((plugin.compiled.digest, &call.space, config))
    }

    async fn pure<T: Send + 'static>(
        &self,
        plugin: &Loaded,
        user: Use,
        job: impl FnOnce(&Core, &Loaded) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.shared.check(plugin, user)?;
        let (shared, owned) = (Arc::clone(&self.shared), plugin.clone());
        match self.pool.run(user, move || shared.watched(&owned, user, job)).await {
            Ok(result) => result,
            Err(Unanswered::Busy) => Err(refused(plugin, PluginError::Busy { plugin: Arc::clone(&plugin.name) })),
            Err(Unanswered::Lost) => Err(lost(plugin)),
        }
    }

    /// Compiles at low priority, one component at a time. `None`: the work was lost.
    async fn compile(&self, bytes: Bytes) -> Option<std::result::Result<Component, Refused>> {
        let turn = Arc::clone(&self.compiling).acquire_owned().await.ok()?;
        let shared = Arc::clone(&self.shared);
        let work = move || {
            // Kept until it is done, even if the caller stops waiting.
            let _turn = turn;
            shared.core.compile(&bytes).map_err(|error| upload::malformed(&error))
        };
        self.actions.blocking(work).await
    }

    /// Loads from disk or compiles what `fetch` gives.
    async fn produce<E>(
        &self,
        digest: Digest,
        name: &Arc<str>,
        fetch: impl Future<Output = std::result::Result<Bytes, E>>,
    ) -> Result<Entry>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let lost = || PluginError::Host { plugin: Arc::clone(name), reason: LOST.to_owned() };
        let shared = Arc::clone(&self.shared);
        if let Some(compiled) = self.actions.blocking(move || shared.load(digest)).await.flatten() {
            return Ok(Ok(Arc::new(compiled)));
        }
        let bytes =
            fetch.await.map_err(|error| PluginError::Fetch { plugin: Arc::clone(name), source: error.into() })?;
        let found = Digest::of(&bytes);
        if found != digest {
            return Err(PluginError::Corrupt { plugin: Arc::clone(name), expected: digest, found });
        }
        let component = match self.compile(bytes).await.ok_or_else(lost)? {
            Ok(component) => component,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let shared = Arc::clone(&self.shared);
        let linked = self.actions.blocking(move || shared.link(&component, digest)).await.ok_or_else(lost)?;
        Ok(linked.map(Arc::new))
    }
}

const LOST: &str = "the work was cut short";

fn lost(plugin: &Loaded) -> PluginError {
    PluginError::Host { plugin: Arc::clone(&plugin.name), reason: LOST.to_owned() }
}

fn quarantined(plugin: &Loaded, resting: Resting) -> PluginError {
    let Resting { faults, remaining, last } = resting;
    refused(plugin, PluginError::Quarantined { plugin: Arc::clone(&plugin.name), faults, remaining, last })
}

/// Counts a call that ran, for `/metrics`.
fn count<T>(plugin: &Loaded, result: &Result<T>, elapsed: Duration) {
    let outcome = match result {
        Ok(_) => "ok",
        Err(error) if error.blame() == Blame::Caller => "declined",
        Err(_) => "fault",
    };
    metrics::counter!(PLUGIN_CALLS, "plugin" => Arc::clone(&plugin.name), "outcome" => outcome).increment(1);
    metrics::histogram!(PLUGIN_SECONDS, "plugin" => Arc::clone(&plugin.name)).record(elapsed.as_secs_f64());
}

/// Counts a call that was refused.
fn refused(plugin: &Loaded, error: PluginError) -> PluginError {
    plugin.counters.refused(&error);
    error
}

impl Shared {
    /// Refuses a use that rests, before it waits.
    fn check(&self, plugin: &Loaded, user: Use) -> Result<()> {
        self.health.check(user, Instant::now()).map_err(|resting| quarantined(plugin, resting))
    }

    /// Refuses a use that rests, when it is its turn.
    fn admit(&self, plugin: &Loaded, user: Use) -> Result<()> {
        self.health.admit(user, Instant::now()).map_err(|resting| quarantined(plugin, resting))
    }

    fn learn<T>(&self, plugin: &Loaded, user: Use, result: &Result<T>, start: Instant) {
        let now = Instant::now();
        let elapsed = now.duration_since(start);
        plugin.counters.ran(result, elapsed);
        count(plugin, result, elapsed);
        self.health.learn(user, result, now);
    }

    /// Runs a call unless its user rests, and learns from how it goes.
    fn watched<T>(&self, plugin: &Loaded, user: Use, job: impl FnOnce(&Core, &Loaded) -> Result<T>) -> Result<T> {
        self.admit(plugin, user)?;
        let start = Instant::now();
        let result = job(&self.core, plugin);
        self.learn(plugin, user, &result, start);
        result
    }

    /// The digest of an upload, and its compiled form if it is on disk: an upload may be repeated.
    fn recall(&self, bytes: &[u8]) -> (Digest, Option<Component>) {
        let digest = Digest::of(bytes);
        (digest, self.artefact(digest))
    }

    fn artefact(&self, digest: Digest) -> Option<Component> {
        self.artefacts.as_ref()?.load(&self.core.engine, digest)
    }

    fn load(&self, digest: Digest) -> Option<Compiled> {
        let component = self.artefact(digest)?;
        Compiled::link(&self.core, &component, digest, false).ok()
    }

    /// Checks and links a compiled component, and keeps its artefact.
    fn link(&self, component: &Component, digest: Digest) -> std::result::Result<Compiled, Refused> {
        upload::check_resources(component, &self.core.limits)?;
        let compiled = upload::link(&self.core, component, digest)?;
        if let Some(artefacts) = &self.artefacts {
            artefacts.store(digest, component);
        }
        Ok(compiled)
    }

    fn inspect(
        &self,
        bytes: &[u8],
        digest: Digest,
        component: &Component,
    ) -> std::result::Result<(Inspection, Arc<Compiled>), Refused> {
        let imports = upload::imports(&self.core, component)?;
        let exports = upload::exports(&self.core, component)?;
        let compiled = Arc::new(self.link(component, digest)?);
        let description = upload::try_out(&self.core, &compiled)?;
        Ok((Inspection { digest, size: bytes.len() as u64, exports, imports, description }, compiled))
    }
}
