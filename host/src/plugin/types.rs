//! What goes into and comes out of a plugin, and the limits it runs under.

use std::time::Duration;

use bytes::Bytes;

use super::engine::cores;
use super::pure::STAND_INS_MAX;
use crate::model::{Description, Digest, Export, HeaderField, LogLine, Redacted, Time, Trial};

/// What a call is about (`call` in the WIT).
#[derive(Clone, Debug)]
pub struct Call {
    /// The space.
    pub space: String,
    /// The delivery or task; the same for every repeat.
    pub id: String,
    /// The time that the plugin sees, the same for every attempt.
    pub now: Time,
    /// The plugin's configuration at this place of use: JSON text, `null` if there is none.
    pub config: String,
}

/// A request that a template builds on, or built (`request` in the WIT).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundRequest {
    /// One of GET, POST, PUT, PATCH, DELETE.
    pub method: String,
    /// Absolute, http or https.
    pub url: String,
    /// Its headers, without control characters.
    pub headers: Vec<HeaderField>,
    /// Its body.
    pub body: Bytes,
}

/// A response that a mapping reads (`response` in the WIT).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboundResponse {
    /// The HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<HeaderField>,
    /// Its body, as capped by whoever received it.
    pub body: Bytes,
}

/// What a response means (`verdict` in the WIT).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The call worked: the text of a JSON object of field values.
    Accepted(String),
    /// The call may work later, for this reason.
    Retry(String),
    /// The call failed, for this reason.
    Failed(String),
}

/// A call of a trigger (`inbound-request` in the WIT).
#[derive(Clone, Debug)]
pub struct InboundRequest {
    /// The HTTP method.
    pub method: String,
    /// The URL that the sender called, absolute, with its query.
    pub url: String,
    /// Its headers, as they came.
    pub headers: Vec<HeaderField>,
    /// Its body.
    pub body: Bytes,
}

/// The secrets of a verifier.
pub struct Secrets {
    /// By name.
    pub values: Vec<(String, Redacted)>,
    /// Takes them out of a text.
    pub mask: Box<dyn Fn(&str) -> String + Send>,
}

/// A call that is what it claims (`acceptance` in the WIT).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// The sender's name for the call.
    pub id: Option<String>,
    /// JSON text in place of the decoded body.
    pub payload: Option<String>,
}

/// What a verifier says of a call (`judgement` in the WIT).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is what it claims.
    Accepted(Acceptance),
    /// It is not, for this reason.
    Refused(String),
    /// It is to be answered at once.
    Answered(InboundResponse),
}

/// A result and what the plugin did on the way.
#[derive(Clone, Debug)]
pub struct Reported<T> {
    /// The result.
    pub value: T,
    /// What it logged, capped; the last line tells how much was dropped.
    pub logs: Vec<LogLine>,
    /// From the first to the last moment of the call itself, without waiting for a thread.
    pub elapsed: Duration,
    /// The most linear memory that it had, all memories together, in bytes.
    pub memory_peak: usize,
}

impl<T> Reported<T> {
    /// The same report of another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Reported<U> {
        Reported { value: f(self.value), logs: self.logs, elapsed: self.elapsed, memory_peak: self.memory_peak }
    }
}

/// What an uploaded component turned out to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Inspection {
    /// The hash of its bytes.
    pub digest: Digest,
    /// Its size, in bytes.
    pub size: u64,
    /// What it implements; never empty.
    pub exports: Vec<Export>,
    /// The interfaces it imports, with versions.
    pub imports: Vec<String>,
    /// What it says of itself, if it exports `describe`.
    pub description: Option<Description>,
    /// How its exports did with its own example; empty if it gave none.
    pub trial: Vec<Trial>,
}

/// The interface that an export is, without package and version.
pub const fn interface(export: Export) -> &'static str {
    match export {
        Export::Template => "payload-template",
        Export::Mapping => "response-mapping",
        Export::Action => "trigger-action",
        Export::Verifier => "inbound-verifier",
    }
}

/// What plugins may use. The defaults suit a small server; every figure has its reason beside it. Plugin authors read
/// those that concern them in `wit/tenterhook.wit`.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Largest component taken, in bytes. Rust and C plugins have 0.1 MB, JavaScript on QuickJS 1.6 MB.
    pub component_bytes_max: usize,
    /// CPU time of one call of a template, mapping or verifier. On a crowded machine a call may take four times as long
    /// by the wall clock before it is stopped, so that waiting for a CPU is not blamed on the plugin.
    pub pure_time_max: Duration,
    /// Wall-clock time of one action call, host waits included.
    pub action_time_max: Duration,
    /// CPU time of `describe` at upload: interpreters take long to start.
    pub describe_time_max: Duration,
    /// Linear memory of one call, all memories together, in bytes.
    pub memory_bytes_max: usize,
    /// What a call may return, in bytes.
    pub output_bytes_max: usize,
    /// Log lines kept of one call; the rest is counted.
    pub log_lines_max: usize,
    /// Bytes kept of one log line.
    pub log_line_bytes_max: usize,
    /// Threads for pure calls; one plugin may hold a quarter of them. Zero: four per core.
    pub pure_threads: usize,
    /// Pure calls waiting for a thread, in all; one plugin may hold a quarter of them.
    pub pure_queue_max: usize,
    /// Actions running at once; one plugin may hold a quarter of them.
    pub actions_max: usize,
    /// Memory for compiled plugins, in bytes of machine code and data.
    pub compiled_bytes_max: u64,
    /// Traps and timeouts in a row after which a plugin rests.
    pub faults_max: u32,
    /// How long it rests.
    pub rest: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            component_bytes_max: 20 << 20,
            pure_time_max: Duration::from_millis(50),
            action_time_max: Duration::from_secs(5),
            describe_time_max: Duration::from_secs(1),
            memory_bytes_max: 64 << 20,
            output_bytes_max: 1 << 20,
            log_lines_max: 64,
            log_line_bytes_max: 1024,
            pure_threads: 0,
            pure_queue_max: 4096,
            actions_max: 64,
            compiled_bytes_max: 512 << 20,
            faults_max: 20,
            rest: Duration::from_secs(60),
        }
    }
}

impl Limits {
    /// How many threads pure calls get on this machine.
    pub(super) fn pure_thread_count(&self) -> usize {
        if self.pure_threads > 0 {
            return self.pure_threads;
        }
        4 * cores()
    }

    /// How many instances may be alive: a slot per pure thread and action, and some for callers' own threads.
    pub(super) fn slots(&self) -> usize {
        self.pure_thread_count() + STAND_INS_MAX + self.actions_max + SPARE_SLOTS
    }
}

/// Instances that uploads and blocking calls on other threads may use at once.
const SPARE_SLOTS: usize = 32;
