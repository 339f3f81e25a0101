//! The nouns of the product. This floor imports nothing of ours but its own files.

mod allow_rule;
mod definition;
mod event;
mod exchange;
mod id;
mod plugin;
mod record;
mod run;
mod secret;
mod sensitive;
mod source;
mod space;
mod time;
mod trigger;
mod value;
mod webhook;
mod workflow;

pub use allow_rule::{AllowRule, BadAllowRule};
pub use definition::{Definition, DefinitionPath, Kind, Saved};
pub use event::Event;
pub use exchange::{Exchange, HeaderField, LogLine, RequestParts, ResponseParts};
pub use id::{Digest, InvalidId, Key, RecordKey, Slug, UniqueId};
pub use plugin::{Description, Export, PluginRef, PluginVersion};
pub use record::{Record, RecordChange, RecordExpect};
pub use run::{Fault, Run, RunStatus, StartedBy, TaskEntry, TaskStatus};
pub use secret::{Redacted, Sealed, Secret};
pub use sensitive::{MASK, is_sensitive};
pub use source::{Field, FieldType, Source};
pub use space::{ApiKey, Role, Space};
pub use time::Time;
pub use trigger::{Rejection, Trigger, TriggerKind};
pub use value::{VALUE_DEPTH_MAX, nests_deeper};
pub use webhook::{BodyFormat, Mapping, MappingRule, Method, RequestSpec, ResponseSpec, Template, Webhook};
pub use workflow::{DocumentMedia, Workflow, WorkflowVersion, version_id};

/// A JSON object, member order kept.
pub type Object = serde_json::Map<String, serde_json::Value>;
