//! Definitions: what users configure (as opposed to what happens). They share one life: saved with a revision,
//! listed, refused while used, deleted.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Slug;

/// The kinds of definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A tenant. Its own `space` is itself.
    Space,
    /// An API key, by its id.
    ApiKey,
    /// A data source.
    Source,
    /// A named secret of a space.
    Secret,
    /// One version of a plugin, id `name@semver`.
    Plugin,
    /// A "Call Webhook" definition.
    Webhook,
    /// The current version of a workflow.
    Workflow,
    /// An older or current version of a workflow, id `workflow@number`.
    WorkflowVersion,
    /// The trigger of a workflow, under the workflow's id.
    Trigger,
    /// A subscription to events.
    Endpoint,
    /// Work on many deliveries.
    Job,
    /// An entry of the event catalogue, under its name, which holds dots.
    EventType,
    /// An older or current version of an entry of the event catalogue, id `name@number`.
    EventTypeVersion,
    /// A request bin.
    Bin,
    /// A plugin under its name: which of its versions is live.
    PluginLine,
    /// What is granted to a plugin version, under its id.
    Grants,
}

impl Kind {
    /// The word for it in messages and store keys.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Space => "space",
            Self::ApiKey => "api-key",
            Self::Source => "source",
            Self::Secret => "secret",
            Self::Plugin => "plugin-version",
            Self::Webhook => "webhook",
            Self::Workflow => "workflow",
            Self::WorkflowVersion => "workflow-version",
            Self::Trigger => "trigger",
            Self::Endpoint => "endpoint",
            Self::EventType => "event-type",
            Self::Job => "job",
            Self::EventTypeVersion => "event-type-version",
            Self::Bin => "bin",
            Self::PluginLine => "plugin",
            Self::Grants => "grants",
        }
    }
}

/// Where a definition lives: space, kind, id (the id may hold `@`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DefinitionPath {
    /// The space it belongs to.
    pub space: Slug,
    /// What it is.
    pub kind: Kind,
    /// Its id within space and kind.
    pub id: String,
}

impl DefinitionPath {
    /// The path of `id`, a `kind`, in `space`.
    pub fn new(space: &Slug, kind: Kind, id: impl Into<String>) -> Self {
        Self { space: space.clone(), kind, id: id.into() }
    }
}

impl fmt::Display for DefinitionPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.kind.word(), self.id)
    }
}

/// A type that is stored as a definition (JSON, by serde).
pub trait Definition: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Its kind.
    const KIND: Kind;

    /// Its id within its space.
    fn id(&self) -> String;
}

/// A definition with the revision the store gave it: 1 when created, one more at each save.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved<T> {
    /// Counts saves; the `ETag` of the API.
    pub revision: u64,
    /// The definition.
    pub value: T,
}
