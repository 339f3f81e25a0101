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
use super::builtins::{self, Builtins};
use super::compiled::{Compiled, Loaded};
use super::counts::{PluginCounts, Tag};
use super::engine::Core;
use super::error::{PluginError, Refused};
use super::health::{Health, Resting, Use};
use super::pure::{PurePool, Unanswered};
use super::services::Services;
use super::types::{
    Call, InboundRequest, InboundResponse, Judgement, Limits, OutboundRequest, Reported, Secrets, Verdict,
};
use super::{call, upload};
use crate::model::{Digest, PluginVersion};

type Result<T> = std::result::Result<T, PluginError>;

/// How long an action waits for its permit before it is told that the server is busy.
const PERMIT_PATIENCE: Duration = Duration::from_secs(5);
/// What an entry of the memory cache weighs besides its code, in bytes.
const ENTRY_BYTES: u64 = 1024;
/// How many plugins the memory cache expects to hold.
const ENTRIES_EXPECTED: usize = 256;

/// Runs plugins: compiles, caches, calls, limits, and watches them.
pub struct PluginHost {
    pub(super) shared: Arc<Shared>,
    pool: PurePool,
    pub(super) actions: ActionRuntime,
    /// Linked components, and refusals: what does not load now will not load until the server is another.
    pub(super) memory: Cache<Digest, Entry, ByCode>,
    /// Compiling takes all cores but one: one component after the other.
    compiling: Arc<Semaphore>,
    builtins: Builtins,
    hasher: RandomState,
}

/// What calls on other threads need.
pub(super) struct Shared {
    pub(super) core: Arc<Core>,
    health: Health,
    artefacts: Option<Artefacts>,
}

pub(super) type Entry = std::result::Result<Arc<Compiled>, Refused>;

#[derive(Clone)]
pub(super) struct ByCode;

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
        let actions = ActionRuntime::start(limits.actions_max, PERMIT_PATIENCE).map_err(failed)?;
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

    /// What a plugin version of a space (`name@version`) is counted by; `space` is empty for none.
    pub fn tag(&self, space: &str, name: &str) -> Tag {
        self.shared.health.tag(space, name)
    }

    /// As [`Self::load_tagged`], for callers that have no space. `name` is `name@version`, for errors.
    ///
    /// # Errors
    /// As of [`Self::load_tagged`].
    pub async fn load<E>(
        &self,
        digest: Digest,
        name: &str,
        fetch: impl Future<Output = std::result::Result<Bytes, E>>,
    ) -> Result<Loaded>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.load_tagged(digest, self.tag("", name), fetch).await
    }

    /// Loads a plugin version: from memory, from its authenticated artefact on disk, else by compiling what `fetch`
    /// gives. What is in memory is kept there by the calls of this function, so ask anew for each call.
    ///
    /// # Errors
    /// `fetch` failed, its bytes are not those of `digest`, or this server cannot run them.
    pub async fn load_tagged<E>(
        &self,
        digest: Digest,
        tag: Tag,
        fetch: impl Future<Output = std::result::Result<Bytes, E>>,
    ) -> Result<Loaded>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let Tag { name, counters } = tag;
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
        Ok(Loaded { compiled, name, counters, is_on_trial: false })
    }

    /// Drops what is counted of a plugin version that was deleted.
    pub fn forget_counts(&self, space: &str, name: &str) {
        self.shared.health.forget(space, name);
    }

    /// Drops what is kept of a component that no plugin version is any more; running calls end normally.
    pub fn forget(&self, digest: Digest) {
        self.memory.remove(&digest);
        if let Some(artefacts) = &self.shared.artefacts {
            artefacts.remove(digest);
        }
    }

    /// The built-in plugins. The first call loads them all.
    pub fn builtins(&self) -> &[PluginVersion] {
        self.builtins.versions(&self.shared.core, self.shared.artefacts.as_ref(), &self.shared.health)
    }

    /// Loads the built-in plugins of the main job: `text-template`, `field-mapping` and `jq`. Blocks for seconds if
    /// there are no artefacts of them.
    pub fn preload(&self) {
        for name in builtins::PRELOADED {
            self.builtin(name);
        }
    }

    /// A built-in plugin. The first call of each blocks for up to a second if there is no artefact: have
    /// [`Self::preload`] and [`Self::builtins`] called at start, off the async threads.
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
    /// answers for the capabilities that it imports, on the runtime that this is called on. Without, it is a trial: all
    /// are denied, and randomness is fixed.
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
        let permit = self.actions.permit(user).await.ok_or_else(busy)?;
        let (shared, owned) = (Arc::clone(&self.shared), plugin.clone());
        let work = |turns| async move {
            let _permit = permit;
            shared.admit(&owned, user)?;
            let (start, suspect) = (Instant::now(), shared.health.is_failing(user));
            let result = call::run(&shared.core, &owned, call, input, server, (turns, suspect)).await;
            shared.learn(&owned, user, &result, start);
            result
        };
        self.actions.run(work).await.unwrap_or_else(|| Err(lost(plugin)))
    }

    /// Judges a call of a trigger (`inbound-verifier.verify`), like [`Self::render`]. What the plugin says and logs is
    /// masked.
    ///
    /// # Errors
    /// See [`PluginError`].
    pub async fn verify(
        &self,
        plugin: &Loaded,
        call: Call,
        request: InboundRequest,
        secrets: Secrets,
    ) -> Result<Reported<Judgement>> {
        let user = self.user(plugin, &call);
        self.pure(plugin, user, move |core, plugin| call::verify(core, plugin, call, request, &secrets)).await
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

    /// A plugin version of a space was put into quarantine before the server started: it rests but for a call at a time.
    pub fn suspect(&self, space: &str, digest: Digest, faults: u32, reason: &str) {
        self.shared.health.suspect(self.use_of(digest, space, None), faults, reason, Instant::now());
    }

    /// Forgives the faults of a plugin version of a space: it is called again at once.
    pub fn release(&self, space: &str, name: &str, digest: Digest) {
        self.tag(space, name).counters.forgive();
        self.shared.health.forgive(self.use_of(digest, space, None));
    }

    /// What happened to the calls of a plugin version of a space since the server started.
    pub fn counts_of(&self, space: &str, name: &str) -> PluginCounts {
        self.shared.health.counts(space, name).unwrap_or_default()
    }

    /// What happened to the calls of each plugin version (`name@version`) since the server started.
    pub fn counts(&self) -> Vec<(Arc<str>, PluginCounts)> {
        self.shared.health.snapshot()
    }

    /// Who shares a lane and a streak of failures: the calls of a plugin in a space; of a built-in plugin, which every
    /// webhook of a space uses, those with the same configuration.
    pub(super) fn user(&self, plugin: &Loaded, call: &Call) -> Use {
        let config = plugin.compiled.builtin.then_some(call.config.as_str());
        let user = self.use_of(plugin.compiled.digest, &call.space, config);
        // Tries queue apart from what they try.
        if plugin.is_on_trial { !user } else { user }
    }

    fn use_of(&self, digest: Digest, space: &str, config: Option<&str>) -> Use {
        self.hasher.hash_one((digest, space, config))
    }

    pub(super) async fn pure<T: Send + 'static>(
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
    pub(super) async fn compile(&self, bytes: Bytes) -> Option<std::result::Result<Component, Refused>> {
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
        let link = move || {
            let linked = shared.link(&component, digest)?;
            shared.keep(&component, digest);
            Ok(linked)
        };
        let linked = self.actions.blocking(link).await.ok_or_else(lost)?;
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

/// Counts a call that was refused.
fn refused(plugin: &Loaded, error: PluginError) -> PluginError {
    if !plugin.is_on_trial {
        plugin.counters.refused(&plugin.name, &error);
    }
    error
}

impl Shared {
    /// Refuses a use that rests, before it waits.
    fn check(&self, plugin: &Loaded, user: Use) -> Result<()> {
        if plugin.is_on_trial {
            return Ok(());
        }
        self.health.check(user, Instant::now()).map_err(|resting| quarantined(plugin, resting))
    }

    /// Refuses a use that rests, when it is its turn.
    fn admit(&self, plugin: &Loaded, user: Use) -> Result<()> {
        if plugin.is_on_trial {
            return Ok(());
        }
        self.health.admit(user, Instant::now()).map_err(|resting| quarantined(plugin, resting))
    }

    fn learn<T>(&self, plugin: &Loaded, user: Use, result: &Result<T>, start: Instant) {
        if plugin.is_on_trial {
            return;
        }
        let now = Instant::now();
        plugin.counters.ran(&plugin.name, result, now.duration_since(start));
        self.health.learn(user, plugin.counters.faults_max(), result, now);
    }

    /// Runs a call unless its user rests, and learns from how it goes.
    fn watched<T>(&self, plugin: &Loaded, user: Use, job: impl FnOnce(&Core, &Loaded) -> Result<T>) -> Result<T> {
        self.admit(plugin, user)?;
        let start = Instant::now();
        let result = job(&self.core, plugin);
        self.learn(plugin, user, &result, start);
        result
    }

    /// The compiled form of a component, if it is on disk.
    pub(super) fn artefact(&self, digest: Digest) -> Option<Component> {
        self.artefacts.as_ref()?.load(&self.core.engine, digest)
    }

    fn load(&self, digest: Digest) -> Option<Compiled> {
        let component = self.artefact(digest)?;
        Compiled::link(&self.core, &component, digest, false).ok()
    }

    /// Checks and links a compiled component.
    pub(super) fn link(&self, component: &Component, digest: Digest) -> std::result::Result<Compiled, Refused> {
        upload::check_resources(component, &self.core.limits)?;
        upload::link(&self.core, component, digest)
    }

    /// Keeps the compiled form of a component on disk.
    pub(super) fn keep(&self, component: &Component, digest: Digest) {
        if let Some(artefacts) = &self.artefacts {
            artefacts.store(digest, component);
        }
    }
}
