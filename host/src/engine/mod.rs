//! The engine joins the siblings below it. Its story files read as prose: [`receive`] an inbound call, [`run`] a
//! run, [`call`] a webhook, [`act`] by a plugin, [`publish`] an event, [`deliver`] it, record a request in one of
//! the [`bins`]. The others are what users do to definitions.

mod access;
mod act;
mod attempt;
mod bins;
mod call;
mod capabilities;
mod deliver;
mod deliveries;
mod difference;
mod endpoint_keys;
mod endpoints;
mod error;
mod event_types;
mod expressions;
mod faults;
mod grants;
mod jobs;
mod judge;
mod live;
mod operational;
mod perform;
mod plugins;
mod publish;
mod receive;
mod recorded;
mod retention;
mod run;
mod runs;
mod sandbox;
mod sources;
mod targets;
#[cfg(test)]
mod tests;
mod time_travel;
mod trial;
mod triggers;
mod unkept;
mod versions;
mod webhooks;
mod workflows;

use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::clock::Clock;
use crate::egress::Egress;
use crate::event::Catalogue;
use crate::expr::Expression;
use crate::model::{Definition, Saved, Slug, Time};
use crate::plugin::{PluginHost, Tag};
use crate::store::{Definitions, Expect, Store, StoreError};
use crate::vault::Vault;
use crate::workflow::Program;

pub use crate::model::FieldProblem;
pub use crate::record::SourceDraft;
pub use access::DEFAULT_SPACE;
pub use bins::{BinCall, BinDraft, Captured, ReplyDraft};
pub use capabilities::Answers;
pub use deliveries::{DeliveryView, TestSent};
pub use endpoint_keys::KeyView;
pub use endpoints::EndpointView;
pub use error::{EngineError, Result};
pub use event_types::EventTypeView;
pub use grants::{Access, GrantsDraft};
pub use live::Happening;
pub use plugins::{
    PluginOverview, PluginSettings, PluginVersionView, StartedUpload, Upload, UploadStarted, UploadTurn, schema_fault,
};
pub use publish::{BATCH_EVENTS_MAX, Receipt};
pub use receive::{InboundCall, Received};
pub use retention::Retention;
pub use runs::RunView;
pub use sources::RecordMode;
pub use time_travel::{TimeTravel, TimeTravelDraft};
pub use trial::{DryRun, DryRunDraft};
pub use triggers::{TriggerDraft, TriggerView};
pub use webhooks::{TestReport, WebhookView};
pub use workflows::WorkflowView;

/// Parsed workflow versions kept in memory.
const PROGRAM_CACHE_ENTRIES: usize = 1_000;
/// Plugin versions of which the counters are at hand.
const PLUGIN_CACHE_ENTRIES: usize = 10_000;
/// Compiled expressions of triggers kept in memory.
const EXPRESSION_CACHE_ENTRIES: usize = 10_000;
/// Compiled schemas of event types kept in memory: one that is made to be large takes some megabytes.
const VALIDATOR_CACHE_ENTRIES: usize = 500;

/// How the engine is set.
#[derive(Clone, Copy, Debug)]
pub struct EngineOptions {
    /// How many runs may have a step under way at once.
    pub run_concurrency: usize,
    /// How long and how much is kept.
    pub retention: Retention,
}

/// What the engine works with; made by the composition root.
pub struct Parts {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The plugin runtime.
    pub plugins: Arc<PluginHost>,
    /// The outbound HTTP client.
    pub egress: Arc<Egress>,
    /// What seals secrets.
    pub vault: Arc<Vault>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Settings.
    pub options: EngineOptions,
}

/// The product's behaviour, without HTTP.
pub struct Engine {
    store: Arc<dyn Store>,
    definitions: Definitions,
    plugins: Arc<PluginHost>,
    egress: Arc<Egress>,
    vault: Arc<Vault>,
    clock: Arc<dyn Clock>,
    options: EngineOptions,
    home: Slug,
    programs: Cache<(Slug, Slug, u32), Program>,
    /// What plugin versions are counted by; by space and `name@version`.
    tags: Cache<(Slug, String), Tag>,
    /// Places for uploads in memory.
    uploads: Arc<tokio::sync::Semaphore>,
    uploading: plugins::AtWork,
    /// Held while components become versions; alone by who removes those that no version is.
    components: tokio::sync::RwLock<()>,
    expressions: Cache<String, Expression>,
    targets: targets::Targets,
    live: live::Live,
    /// Actions that write the same take turns.
    turns: act::Turns,
    /// A job was started.
    jobs_changed: tokio::sync::Notify,
    /// The built-in event types.
    catalogue: Arc<Catalogue>,
    validators: event_types::Validators,
}

impl Engine {
    /// Joins the parts.
    ///
    /// # Errors
    /// Never in practice: the name of the default space is a valid id, and the built-in event types can be read.
    pub fn new(parts: Parts) -> Result<Self> {
        let home = DEFAULT_SPACE.parse().map_err(|error| EngineError::Internal(format!("{error}")))?;
        let catalogue = Catalogue::load().map_err(|error| defect(&error))?;
        Ok(Self {
            definitions: Definitions::new(Arc::clone(&parts.store)),
            store: parts.store,
            plugins: parts.plugins,
            egress: parts.egress,
            vault: parts.vault,
            clock: parts.clock,
            options: parts.options,
            home,
            programs: Cache::new(PROGRAM_CACHE_ENTRIES),
            tags: Cache::new(PLUGIN_CACHE_ENTRIES),
            uploads: Arc::new(tokio::sync::Semaphore::new(plugins::UPLOADS_MAX)),
            uploading: plugins::AtWork::default(),
            components: tokio::sync::RwLock::default(),
            expressions: Cache::new(EXPRESSION_CACHE_ENTRIES),
            targets: targets::Targets::default(),
            live: live::Live::default(),
            turns: act::Turns::default(),
            jobs_changed: tokio::sync::Notify::new(),
            catalogue: Arc::new(catalogue),
            validators: Cache::new(VALIDATOR_CACHE_ENTRIES),
        })
    }

    /// Now, by the server's clock.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// Deletes a definition; a clear error if it is missing or used.
    async fn remove<T: Definition>(&self, what: &'static str, space: &Slug, id: &str, expect: Expect) -> Result<()> {
        match self.definitions.delete::<T>(space, id, expect).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(EngineError::not_found(what, id)),
            Err(error) => Err(definition_error(error, what, id)),
        }
    }
}

/// What a save expects that was computed from `former` and may be told more by its caller: nothing that others change
/// meanwhile is overwritten.
fn unchanged<T>(former: Option<&Saved<T>>, expect: Expect) -> Expect {
    match (former, expect) {
        (None, Expect::Any) => Expect::Absent,
        (Some(saved), Expect::Any) => Expect::At(saved.revision),
        (_, stated) => stated,
    }
}

/// Says in the user's words why a definition was not saved or deleted.
fn definition_error(error: StoreError, what: &'static str, id: &str) -> EngineError {
    match error {
        StoreError::InUse { users, .. } => EngineError::InUse { what, id: id.to_owned(), users },
        StoreError::Missing { path } => EngineError::invalid(
            path.kind.word(),
            format!("{path} does not exist in space {:?}: make it first", path.space.as_str()),
        ),
        StoreError::Conflict { .. } => EngineError::Changed { what: format!("{what} {id:?}") },
        other => other.into(),
    }
}

/// A number from 0 to 1, by chance.
fn chance() -> f64 {
    f64::from(getrandom::u32().unwrap_or(u32::MAX / 2)) / f64::from(u32::MAX)
}

/// Something that cannot happen did: say what.
fn defect(error: &dyn std::error::Error) -> EngineError {
    EngineError::Internal(error.to_string())
}
