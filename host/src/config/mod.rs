//! Configuration: the embedded `default.toml` < `--config FILE` < `TENTERHOOK_…` < command line.
//!
//! Every problem of every source is reported at once, each with where it came from, before anything else happens.

mod option;
mod read;
mod source;
#[cfg(test)]
mod tests;
mod value;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::model::{AllowRule, Redacted};

pub use option::{ConfigOption, options};
pub use source::{Origin, Sources};
pub use value::{LogFormat, SecretKey};

/// The documented defaults, as a TOML file.
pub const DEFAULT_TOML: &str = include_str!("default.toml");

/// Everything that can be configured, checked: one struct per part of the server.
#[derive(Clone, Debug)]
pub struct Config {
    /// The HTTP server.
    pub http: HttpConfig,
    /// Who may use it.
    pub access: AccessConfig,
    /// Calls to the outside.
    pub egress: EgressConfig,
    /// Plugins.
    pub plugin: PluginConfig,
    /// The run loop.
    pub engine: EngineConfig,
    /// The store.
    pub store: StoreConfig,
    /// Retention.
    pub retention: RetentionConfig,
    /// Logs.
    pub log: LogConfig,
    /// The process.
    pub process: ProcessConfig,
}

/// The HTTP server.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// Where to listen.
    pub listen: SocketAddr,
    /// What trigger URLs begin with, without a slash at the end; by default `http://` and the bound address.
    pub public_url: Option<String>,
    /// Largest body of an inbound or API call, in bytes.
    pub body_bytes_max: usize,
    /// Largest uploaded component, in bytes.
    pub plugin_bytes_max: usize,
    /// Most connections at once.
    pub connections_max: usize,
}

/// Who may use the server, and what protects its secrets.
#[derive(Clone, Debug)]
pub struct AccessConfig {
    /// The admin key to begin with; generated if absent.
    pub admin_key: Option<Redacted>,
    /// Encrypts secrets at rest; kept in a file of the data folder if absent.
    pub secret_key: Option<SecretKey>,
}

/// Calls to the outside.
#[derive(Clone, Debug)]
pub struct EgressConfig {
    /// Private addresses may be called.
    pub allow_private: bool,
    /// These may be called in any case.
    pub allow: Vec<AllowRule>,
}

/// Limits of plugins.
#[derive(Clone, Debug)]
pub struct PluginConfig {
    /// CPU time of one call of a template, mapping or verifier.
    pub template: Duration,
    /// Longest action call.
    pub action: Duration,
    /// Memory of one call, in MiB.
    pub memory_mib: usize,
    /// Where compiled plugins are kept; in the data folder if absent.
    pub cache: Option<PathBuf>,
}

/// The run loop.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Most runs worked on at once.
    pub run_concurrency: usize,
}

/// The store.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// Its folder.
    pub data_dir: PathBuf,
    /// Its page cache, in MiB.
    pub cache_mib: u64,
}

/// How long and how much is kept.
#[derive(Clone, Debug)]
pub struct RetentionConfig {
    /// Events.
    pub events: Kept,
    /// Deliveries and their attempts.
    pub deliveries: Kept,
    /// Runs that have ended.
    pub runs: Kept,
    /// Requests that bins recorded.
    pub bins: Kept,
}

/// How long and how much of one kind is kept.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// How long.
    pub age: Duration,
    /// How much, in MiB; 0 is no limit.
    pub mib: u64,
}

/// Logs.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// How lines are written.
    pub format: LogFormat,
    /// Which lines are written: `tracing-subscriber` filter directives.
    pub level: String,
}

/// The process.
#[derive(Clone, Debug)]
pub struct ProcessConfig {
    /// Worker threads; 0 is one per CPU.
    pub worker_threads: usize,
    /// How long draining may take.
    pub drain: Duration,
    /// Stop when the parent process is gone.
    pub exit_with_parent: bool,
}

impl Config {
    /// Reads and checks all sources.
    ///
    /// # Errors
    /// All problems of all sources, at least one.
    pub fn load(sources: &Sources) -> Result<Self, ConfigErrors> {
        let (figment, problems) = source::merge(sources);
        read::config(&figment, problems)
    }

    /// The defaults, as if nothing were given.
    ///
    /// # Errors
    /// None, unless `default.toml` is broken.
    pub fn defaults() -> Result<Self, ConfigErrors> {
        Self::load(&Sources::default())
    }
}

/// One thing that is wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {reason}")]
pub struct ConfigProblem {
    /// Where it was given.
    pub origin: Origin,
    /// What is wrong, naming the option.
    pub reason: String,
}

/// All that is wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigErrors(pub Vec<ConfigProblem>);
