//! The composition root: the only place that names every concrete part. Starts them in order, and drains.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Kept, PluginConfig, RetentionConfig};
use crate::egress::{Egress, EgressError, EgressLimits, EgressPolicy};
use crate::engine::{DEFAULT_SPACE, Engine, EngineError, EngineOptions, Parts, Retention};
use crate::http::{self, Limits, Server};
use crate::model::{InvalidId, Kind, Redacted, Slug};
use crate::plugin::{self, ArtefactCache, PluginError, PluginHost};
use crate::store::sled::{Options, Sled};
use crate::store::{ByKind, Page, Store, StoreError};
use crate::task::Tasks;
use crate::telemetry::Metrics;
use crate::vault::{Vault, VaultError};

/// The file in the data folder that holds the key of the secrets, unless one is configured.
const KEY_FILE: &str = "secret.key";
/// The folder in the data folder that holds compiled plugins, unless one is configured.
const PLUGIN_CACHE: &str = "plugin-cache";
/// How often observed times move into the histograms.
const METRICS_TIDY_INTERVAL: Duration = Duration::from_secs(5);

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be opened.
    #[error("the store in {folder} cannot be opened: {source}")]
    Store {
        /// The data folder.
        folder: String,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The key of the secrets cannot be had.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// There is data, but the key of its secrets is not there.
    #[error(
        "{folder} holds data but not the file {KEY_FILE}: copy it from where the data comes from, or set --secret-key; \
         where there are no secrets to read, `openssl rand -hex 32` makes a new one"
    )]
    KeyMissing {
        /// The data folder.
        folder: String,
    },
    /// The plugin runtime cannot be set up.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// The outbound client cannot be set up.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// The first space or key cannot be made.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The name of the default space is not valid.
    #[error(transparent)]
    Space(#[from] InvalidId),
    /// The listener has no address.
    #[error("the listener has no address: {0}")]
    Listener(#[source] std::io::Error),
    /// A thread that was opening something panicked.
    #[error("a part of the server crashed while it started")]
    Crashed(#[from] tokio::task::JoinError),
}

/// A running server.
pub struct Running {
    /// Where it listens.
    pub addr: SocketAddr,
    /// What its URLs begin with, without a slash at the end.
    pub url: String,
    /// The admin key, if one was generated at this start: show it once.
    pub admin_key: Option<Redacted>,
    requests: Tasks,
    runs: Tasks,
    store: Arc<dyn Store>,
    drain: Duration,
}

/// Starts every part, in order, on a listener that the caller bound.
///
/// # Errors
/// The first part that does not start; those before it are stopped.
pub async fn start(config: Config, listener: TcpListener) -> Result<Running, StartError> {
    let addr = listener.local_addr().map_err(StartError::Listener)?;
    let url = config.http.public_url.clone().unwrap_or_else(|| format!("http://{addr}"));
    let metrics = Metrics::start();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = open_store(&config, Arc::clone(&clock)).await?;
    match join(&config, clock, Arc::clone(&store)).await {
        Ok((engine, admin_key)) => {
            let (requests, runs) = (Tasks::new(), Tasks::new());
            runs.spawn("run-loop", Arc::clone(&engine).drive(runs.tracker().clone(), runs.stopping().clone()));
            runs.spawn("delivery-loop", Arc::clone(&engine).deliver(runs.tracker().clone(), runs.stopping().clone()));
            runs.spawn("jobs", Arc::clone(&engine).work_jobs(runs.stopping().clone()));
            runs.spawn("clean-up", Arc::clone(&engine).clean_up(runs.stopping().clone()));
            runs.spawn("metrics", tidy(metrics.clone(), runs.clone()));
            let server = Server {
                engine,
                public_url: url.clone(),
                limits: limits(&config),
                metrics,
                draining: requests.stopping().clone(),
                tasks: requests.clone(),
            };
            let router = http::router(server);
            requests.spawn("accept", http::serve(listener, router, config.http.connections_max, requests.clone()));
            tracing::info!(%addr, url, data = %config.store.data_dir.display(), "started");
            Ok(Running { addr, url, admin_key, requests, runs, store, drain: config.process.drain })
        }
        Err(error) => {
            close(&*store).await;
            Err(error)
        }
    }
}

impl Running {
    /// Takes no more calls, lets requests and runs under way finish within the configured deadline, closes the store.
    /// `false` if the deadline passed: what was under way goes on at the next start.
    pub async fn stop(self) -> bool {
        let deadline = Instant::now() + self.drain;
        self.requests.stop();
        self.runs.stop();
        let requests = self.requests.drain(deadline - Instant::now()).await;
        let runs = self.runs.drain(deadline.saturating_duration_since(Instant::now())).await;
        close(&*self.store).await;
        tracing::info!(requests_finished = requests, runs_finished = runs, "stopped");
        requests && runs
    }
}

async fn open_store(config: &Config, clock: Arc<dyn Clock>) -> Result<Arc<dyn Store>, StartError> {
    let folder = config.store.data_dir.clone();
    let mut options = Options::default();
    options.cache_bytes = config.store.cache_mib << 20;
    let opened = tokio::task::spawn_blocking(move || Sled::open(&folder, clock, options)).await?;
    let failed = |source| StartError::Store { folder: config.store.data_dir.display().to_string(), source };
    Ok(Arc::new(opened.map_err(failed)?))
}

/// Everything above the store: vault, plugins, egress, engine; then the first space and key.
async fn join(
    config: &Config,
    clock: Arc<dyn Clock>,
    store: Arc<dyn Store>,
) -> Result<(Arc<Engine>, Option<Redacted>), StartError> {
    let vault = open_vault(config, &*store).await?;
    let cache = config.plugin.cache.clone().unwrap_or_else(|| config.store.data_dir.join(PLUGIN_CACHE));
    let cache = ArtefactCache { folder: cache, key: vault.derive("plugin-cache") };
    let plugins = start_plugins(&config.plugin, config.http.plugin_bytes_max, cache).await?;
    let policy = EgressPolicy { allow_private: config.egress.allow_private, allow: config.egress.allow.clone() };
    let egress = Arc::new(Egress::new(policy, EgressLimits::default())?);
    let options =
        EngineOptions { run_concurrency: config.engine.run_concurrency, retention: retention(&config.retention) };
    let engine = Engine::new(Parts { store, plugins, egress, vault: Arc::new(vault), clock, options })?;
    let admin_key = engine.bootstrap(config.access.admin_key.as_ref()).await?;
    Ok((Arc::new(engine), admin_key))
}

fn retention(config: &RetentionConfig) -> Retention {
    let RetentionConfig { events, deliveries, runs, bins } = *config;
    let bytes_max = |kept: Kept| (kept.mib > 0).then_some(kept.mib << 20);
    Retention {
        age: ByKind { events: events.age, deliveries: deliveries.age, runs: runs.age, captures: bins.age },
        bytes_max: ByKind {
            events: bytes_max(events),
            deliveries: bytes_max(deliveries),
            runs: bytes_max(runs),
            captures: bytes_max(bins),
        },
    }
}

/// The vault with the configured key, or with the one in the data folder, which is made at the first start only.
async fn open_vault(config: &Config, store: &dyn Store) -> Result<Vault, StartError> {
    if let Some(key) = &config.access.secret_key {
        return Ok(Vault::with_key(*key.reveal()));
    }
    let file = config.store.data_dir.join(KEY_FILE);
    if !exists(&file).await && holds_data(store).await.map_err(EngineError::from)? {
        return Err(StartError::KeyMissing { folder: config.store.data_dir.display().to_string() });
    }
    Ok(tokio::task::spawn_blocking(move || Vault::open(&file)).await??)
}

async fn exists(file: &Path) -> bool {
    let file = file.to_owned();
    tokio::task::spawn_blocking(move || file.exists()).await.unwrap_or(false)
}

async fn holds_data(store: &dyn Store) -> Result<bool, StoreError> {
    let Ok(home) = DEFAULT_SPACE.parse::<Slug>() else { return Ok(false) };
    let spaces = store.definitions(&home, Kind::Space, Page { cursor: None, limit: 1 }).await?;
    Ok(!spaces.items.is_empty())
}

/// The plugin runtime, with the built-in plugins of the main job loaded: their first call must not wait for a compiler.
/// The others are loaded in the background.
async fn start_plugins(
    config: &PluginConfig,
    component_bytes_max: usize,
    cache: ArtefactCache,
) -> Result<Arc<PluginHost>, StartError> {
    let limits = plugin::Limits {
        component_bytes_max,
        pure_time_max: config.template,
        action_time_max: config.action,
        memory_bytes_max: config.memory_mib << 20,
        ..plugin::Limits::default()
    };
    let started = tokio::task::spawn_blocking(move || {
        let host = PluginHost::start(limits, Some(cache))?;
        host.preload();
        Ok::<_, StartError>(host)
    });
    let host = started.await??;
    let others = Arc::clone(&host);
    drop(tokio::task::spawn_blocking(move || {
        tracing::debug!(plugins = others.builtins().len(), "the built-in plugins are loaded");
    }));
    Ok(host)
}

fn limits(config: &Config) -> Limits {
    Limits { body_bytes_max: config.http.body_bytes_max, plugin_bytes_max: config.http.plugin_bytes_max }
}

async fn tidy(metrics: Metrics, tasks: Tasks) {
    let mut ticks = tokio::time::interval(METRICS_TIDY_INTERVAL);
    loop {
        tokio::select! {
            () = tasks.stopping().cancelled() => return,
            _ = ticks.tick() => metrics.tidy(),
        }
    }
}

async fn close(store: &dyn Store) {
    if let Err(error) = store.close().await {
        tracing::error!(reason = %error, "the store did not close cleanly");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    async fn started(folder: &Path, flags: &[(&str, &str)]) -> Result<Running, StartError> {
        let folder = folder.to_str().expect("a path");
        let given = [("listen", "127.0.0.1:0"), ("data-dir", folder), ("store-cache-mib", "8")];
        let flags = given.iter().chain(flags).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let config = Config::load(&Sources { flags, ..Sources::default() }).expect("a configuration");
        let listener = TcpListener::bind(config.http.listen).await.expect("a free port");
        start(config, listener).await
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_starts_drains_and_starts_again_on_its_data() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let first = started(folder.path(), &[]).await.expect("it starts");
        assert!(first.admin_key.is_some(), "the first start makes a key");
        assert_eq!(first.url, format!("http://{}", first.addr));
        let locked = started(folder.path(), &[]).await.err().expect("one server per folder");
        assert!(matches!(locked, StartError::Store { source: StoreError::Locked { .. }, .. }), "{locked}");

        let other = tempfile::tempdir().expect("a temporary folder");
        let second = started(other.path(), &[("admin-key", "th_given")]).await.expect("two servers in one process");
        assert!(second.admin_key.is_none(), "a given key is not shown");
        assert!(second.stop().await && first.stop().await, "nothing is under way");

        let again = started(folder.path(), &[]).await.expect("it starts again");
        assert!(again.admin_key.is_none(), "a key is made at the first start only");
        assert!(again.stop().await);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn data_without_its_secret_key_is_not_opened_with_a_new_one() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert!(started(folder.path(), &[]).await.expect("it starts").stop().await);
        std::fs::remove_file(folder.path().join(KEY_FILE)).expect("there is a key file");
        let refused = started(folder.path(), &[]).await.err().expect("the key is missing");
        assert!(matches!(refused, StartError::KeyMissing { .. }), "{refused}");
        let key = "ab".repeat(32);
        assert!(started(folder.path(), &[("secret-key", &key)]).await.expect("it starts with a key").stop().await);
    }
}
