//! What can go wrong with a plugin. Each error names the plugin; the plugin's faults and ours are different variants.

use std::sync::Arc;
use std::time::Duration;

use super::types::interface;
use crate::model::{Digest, Export, LogLine};

/// Why a plugin call, or the loading of a plugin, gave no result. `plugin` is `name@version`.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// The plugin says that its input or configuration is not what it takes.
    #[error("plugin {plugin}: the input or configuration is invalid: {reason}")]
    Invalid {
        /// The plugin.
        plugin: Arc<str>,
        /// In the plugin's words.
        reason: String,
        /// What it logged.
        logs: Vec<LogLine>,
    },
    /// The plugin says that it will never work.
    #[error("plugin {plugin}: rejected: {reason}")]
    Rejected {
        /// The plugin.
        plugin: Arc<str>,
        /// In the plugin's words.
        reason: String,
        /// What it logged.
        logs: Vec<LogLine>,
    },
    /// The plugin says that it may work later.
    #[error("plugin {plugin}: unavailable, may work later: {reason}")]
    Unavailable {
        /// The plugin.
        plugin: Arc<str>,
        /// In the plugin's words.
        reason: String,
        /// What it logged.
        logs: Vec<LogLine>,
    },
    /// The plugin crashed.
    #[error("plugin {plugin}: crashed: {reason}")]
    Trapped {
        /// The plugin.
        plugin: Arc<str>,
        /// How.
        kind: TrapKind,
        /// The panic message, or what the machine says.
        reason: String,
        /// What it logged.
        logs: Vec<LogLine>,
    },
    /// The plugin was stopped because its time was up.
    #[error(
        "plugin {plugin}: stopped because it ran longer than its limit of {} ms{}",
        limit.as_millis(),
        if *is_waiting { ", waiting for what it had asked of the server" } else { "" }
    )]
    TimedOut {
        /// The plugin.
        plugin: Arc<str>,
        /// The limit.
        limit: Duration,
        /// A capability that it used was under way: that is no fault of the plugin.
        is_waiting: bool,
        /// What it logged.
        logs: Vec<LogLine>,
    },
    /// The plugin returned more than it may.
    #[error("plugin {plugin}: its output exceeds the limit of {limit} bytes")]
    OutputTooLarge {
        /// The plugin.
        plugin: Arc<str>,
        /// The limit, in bytes.
        limit: usize,
        /// What it logged.
        logs: Vec<LogLine>,
    },
    /// The plugin returned what is not UTF-8, JSON, a JSON object or a request.
    #[error("plugin {plugin}: its output is not usable: {reason}")]
    BadOutput {
        /// The plugin.
        plugin: Arc<str>,
        /// What is wrong with it.
        reason: String,
        /// What it logged.
        logs: Vec<LogLine>,
    },
    /// The plugin does not implement what it was called for.
    #[error("plugin {plugin} cannot be used here: it does not export `{}`", interface(*wanted))]
    WrongExport {
        /// The plugin.
        plugin: Arc<str>,
        /// What it was called for.
        wanted: Export,
    },
    /// All threads or slots are taken and the queue is full.
    #[error("plugin {plugin}: too many plugin calls are waiting; try again")]
    Busy {
        /// The plugin.
        plugin: Arc<str>,
    },
    /// The plugin crashed or ran out of time too often in a row and is not called for a while.
    #[error(
        "plugin {plugin}: not called because it failed {faults} times in a row; it is tried again in {} s. The last failure: {last}",
        remaining.as_secs() + 1
    )]
    Quarantined {
        /// The plugin.
        plugin: Arc<str>,
        /// Traps and timeouts in a row.
        faults: u32,
        /// Until it is tried again.
        remaining: Duration,
        /// The last failure.
        last: Arc<str>,
    },
    /// The component's bytes could not be fetched from the store.
    #[error("plugin {plugin}: its component could not be read")]
    Fetch {
        /// The plugin.
        plugin: Arc<str>,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The stored bytes are not those that were uploaded.
    #[error("plugin {plugin}: the stored component is damaged: its hash is {found}, expected {expected}")]
    Corrupt {
        /// The plugin.
        plugin: Arc<str>,
        /// The hash at upload.
        expected: Digest,
        /// The hash now.
        found: Digest,
    },
    /// The component is none that this server runs (for example after an upgrade).
    #[error("plugin {plugin}: cannot be loaded")]
    Refused {
        /// The plugin.
        plugin: Arc<str>,
        /// Why.
        source: Refused,
    },
    /// The server's own fault.
    #[error("plugin {plugin}: the plugin host failed: {reason}")]
    Host {
        /// The plugin.
        plugin: Arc<str>,
        /// What happened.
        reason: String,
    },
    /// The engine, its threads or its folder could not be set up.
    #[error("the plugin host could not start: {reason}")]
    Start {
        /// What happened.
        reason: String,
    },
}

/// How a plugin crashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrapKind {
    /// A panic, an abort, an exit, or another instruction that gives up.
    Panic,
    /// It wanted more memory than it may have.
    Memory,
    /// Its calls nest too deeply.
    Stack,
    /// Anything else: a division by zero, an access out of bounds, …
    Other,
}

/// Who can do something about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// Whoever configured or called the plugin.
    Caller,
    /// The plugin's author.
    Plugin,
    /// Whoever runs the server.
    Server,
}

impl PluginError {
    /// What the plugin logged before it failed.
    pub fn logs(&self) -> &[LogLine] {
        match self {
            Self::Invalid { logs, .. }
            | Self::Rejected { logs, .. }
            | Self::Unavailable { logs, .. }
            | Self::Trapped { logs, .. }
            | Self::TimedOut { logs, .. }
            | Self::OutputTooLarge { logs, .. }
            | Self::BadOutput { logs, .. } => logs,
            _ => &[],
        }
    }

    /// The same, without secrets in what the plugin said.
    pub(super) fn masked(mut self, mask: &dyn Fn(&str) -> String) -> Self {
        if let Self::Invalid { reason, .. }
        | Self::Rejected { reason, .. }
        | Self::Unavailable { reason, .. }
        | Self::Trapped { reason, .. }
        | Self::BadOutput { reason, .. } = &mut self
        {
            *reason = mask(reason);
        }
        self
    }

    /// Who can do something about it.
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Invalid { .. } | Self::Rejected { .. } | Self::Unavailable { .. } | Self::WrongExport { .. } => {
                Blame::Caller
            }
            Self::Trapped { .. }
            | Self::TimedOut { .. }
            | Self::OutputTooLarge { .. }
            | Self::BadOutput { .. }
            | Self::Quarantined { .. } => Blame::Plugin,
            Self::Busy { .. }
            | Self::Fetch { .. }
            | Self::Corrupt { .. }
            | Self::Refused { .. }
            | Self::Host { .. }
            | Self::Start { .. } => Blame::Server,
        }
    }

    /// Whether the plugin crashed or ran out of time by itself: so many of these in a row put it to rest.
    pub const fn is_fault(&self) -> bool {
        matches!(self, Self::Trapped { .. } | Self::TimedOut { is_waiting: false, .. })
    }

    /// Whether the same call may work later without anybody changing anything.
    pub const fn is_retriable(&self) -> bool {
        matches!(
            self,
            Self::Unavailable { .. }
                | Self::TimedOut { .. }
                | Self::Busy { .. }
                | Self::Quarantined { .. }
                | Self::Fetch { .. }
                | Self::Host { .. }
        )
    }
}

/// Takes line and column out of `line L, column C: reason`, as plugins tell of a place in a text of their configuration.
pub fn located(text: &str) -> (Option<(usize, usize)>, &str) {
    let parsed = text.strip_prefix("line ").and_then(|rest| {
        let (line, rest) = rest.split_once(", column ")?;
        let (column, reason) = rest.split_once(": ")?;
        Some(((line.parse().ok()?, column.parse().ok()?), reason))
    });
    parsed.map_or((None, text), |(position, reason)| (Some(position), reason))
}

/// Why an upload is not taken. The texts are for the person who uploads and say what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is larger than the server takes.
    #[error("the component has {size} bytes; this server takes up to {limit}")]
    TooLarge {
        /// Its size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// It is not WebAssembly at all.
    #[error("this is not a WebAssembly component: {found}")]
    NotWasm {
        /// What it looks like, and what to send instead.
        found: String,
    },
    /// It is a core module.
    #[error(
        "this is a core WebAssembly module, not a component: build for the target wasm32-wasip2, or run `wasm-tools component new` on it"
    )]
    CoreModule,
    /// It is damaged, or uses WebAssembly features that are switched off.
    #[error("the component is not valid: {reason}")]
    Malformed {
        /// What the validator says.
        reason: String,
    },
    /// It imports what is not offered.
    #[error("the component imports `{import}`, which plugins are not offered; offered are: {offered}")]
    UnknownImport {
        /// The import.
        import: String,
        /// What is offered.
        offered: String,
    },
    /// It imports a known interface in a shape or version that is not offered.
    #[error(
        "the component imports `{import}` which this server offers as `{offered}`; the two do not fit together ({reason}): build the plugin for that version, or use a newer server"
    )]
    ImportMismatch {
        /// The import.
        import: String,
        /// The version offered.
        offered: String,
        /// What does not fit.
        reason: String,
    },
    /// It exports a known interface of a version that is not supported.
    #[error("the component exports `{export}`; this server supports {supported}")]
    UnsupportedVersion {
        /// The export.
        export: String,
        /// The supported versions.
        supported: String,
    },
    /// It exports a known interface in another shape.
    #[error("the component's export `{export}` does not have the functions of that interface: {reason}")]
    ExportMismatch {
        /// The export.
        export: String,
        /// What does not fit.
        reason: String,
    },
    /// It exports none of the interfaces that make a plugin.
    #[error("the component exports {exports}; a plugin exports one or more of {supported}")]
    NoKnownExport {
        /// What it exports.
        exports: String,
        /// What it could export.
        supported: String,
    },
    /// It needs more memory or tables than a plugin gets.
    #[error("the component needs {what}; a plugin gets {limit}")]
    TooDemanding {
        /// What it needs.
        what: String,
        /// What it gets.
        limit: String,
    },
    /// It crashes or loops before any of its functions is called.
    #[error("the component does not start: {reason}")]
    DoesNotStart {
        /// What happened.
        reason: String,
    },
    /// Its `describe` failed, or said something unusable.
    #[error("the component's `describe` is not usable: {reason}")]
    BadDescription {
        /// What is wrong.
        reason: String,
    },
    /// An export does not work with the plugin's own example.
    #[error("the component fails with its own example, in `{export}`: {reason}")]
    FailsItsExample {
        /// The export.
        export: &'static str,
        /// What happened.
        reason: String,
    },
    /// The server's own fault.
    #[error("the component could not be inspected: {reason}")]
    Host {
        /// What happened.
        reason: String,
    },
}
