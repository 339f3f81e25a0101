//! The nouns of the product. This floor imports nothing of ours but its own files.

mod allow_rule;
mod bin;
mod capability;
mod definition;
mod delivery;
mod endpoint;
mod event;
mod event_type;
mod exchange;
mod header;
mod id;
mod job;
mod plugin;
mod plugin_line;
mod problem;
mod record;
mod run;
mod secret;
mod sensitive;
mod source;
mod space;
mod state;
mod time;
mod trigger;
mod value;
mod webhook;
mod workflow;

pub use allow_rule::{AllowRule, BadAllowRule};
pub use bin::{Bin, BinReply, Capture, EXCERPT_BYTES, FailFirst};
pub use capability::{Capability, Deed, DeedOutcome, Granted, Grants, HttpGrant, RecordGrant, Scheme};
pub use definition::{Definition, DefinitionPath, Kind, Saved};
pub use delivery::{Attempt, AttemptError, AttemptForm, AttemptTiming, Delivery, DeliveryStatus};
pub use endpoint::{
    CloudEventsMode, DeliveryPolicy, Endpoint, EndpointFormat, EndpointHealth, EndpointSecrets, EndpointStatus,
    ErrorClass, OnStuck, Ordered, RETRY_DELAYS_S, SigningSecret,
};
pub use event::Event;
pub use event_type::{EventType, EventTypeVersion};
pub use exchange::{BodyText, Exchange, HeaderField, LogLine, PluginTrace, RequestParts, ResponseParts, TracedVerdict};
pub use header::{HEADER_VALUE_BYTES_MAX, HEADERS_MAX, HeadersDraft};
pub use id::{Digest, DigestOf, EventName, ExternalId, InvalidId, Key, RecordKey, Slug, UniqueId};
pub use job::{Job, JobStatus, JobTask, UploadStage};
pub use plugin::{Description, Export, PluginRef, PluginVersion, Trial};
pub use plugin_line::{Canary, Plugin, Quarantine, Standing};
pub use problem::FieldProblem;
pub use record::{Record, RecordChange, RecordExpect};
pub use run::{Fault, Run, RunStatus, StartedBy, TaskEntry, TaskStatus};
pub use secret::{Redacted, Sealed, Secret};
pub use sensitive::{MASK, is_sensitive};
pub use source::{Field, FieldType, Source};
pub use space::{ApiKey, Role, Space};
pub use state::{PluginState, STATE_BYTES_MAX, STATE_ENTRIES_MAX, StateChange, StateExpect, StateSize};
pub use time::{Time, is_date_time};
pub use trigger::{JudgedCall, Rejection, Trigger, TriggerKind, TriggerVerifier};
pub use value::{VALUE_DEPTH_MAX, nests_deeper};
pub use webhook::{BodyFormat, Mapping, MappingRule, Method, RequestSpec, ResponseSpec, Template, Webhook};
pub use workflow::{DocumentMedia, Workflow, WorkflowVersion, version_id};

/// A JSON object, member order kept.
pub type Object = serde_json::Map<String, serde_json::Value>;
