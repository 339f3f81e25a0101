//! Runs: durable executions of a workflow, and their history.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Deed, Exchange, LogLine, PluginTrace, Slug, Time, UniqueId};

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// It has a task to do now.
    Running,
    /// It waits for a time: a `wait` task or the delay before a retry.
    Waiting,
    /// It reached its end.
    Completed,
    /// An error ended it.
    Faulted,
    /// A user ended it.
    Cancelled,
}

impl RunStatus {
    /// Nothing will happen to it any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Faulted | Self::Cancelled)
    }
}

/// Why a task or run failed: a problem as in RFC 9457 and the Open Workflow Specification's errors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Fault {
    /// A URI that names the kind of error.
    #[serde(rename = "type")]
    pub kind: String,
    /// An HTTP-like status.
    pub status: u16,
    /// The kind in words.
    pub title: String,
    /// What happened this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// JSON pointer to the task in the document, such as `/do/0/callSms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

/// What started a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase", tag = "by")]
pub enum StartedBy {
    /// A call of the workflow's trigger.
    Trigger,
    /// A call of the API.
    Api {
        /// The name of the API key.
        key: String,
    },
    /// A re-run of an earlier run.
    Rerun {
        /// That run.
        of: UniqueId,
    },
}

/// One durable execution of one version of a workflow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: UniqueId,
    /// Its space.
    pub space: Slug,
    /// The workflow.
    pub workflow: Slug,
    /// The version of the workflow that it keeps to.
    pub version: u32,
    /// Where it stands.
    pub status: RunStatus,
    /// What started it.
    pub started_by: StartedBy,
    /// The input, as given.
    pub input: Value,
    /// The interpreter's state (opaque here); absent before the first step and after the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Value>,
    /// The result, once completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// The reason, once faulted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
    /// When it was accepted.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// When it has something to do next; `None` once it is final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Time>,
    /// Counts commits of this run; a commit names the revision it was computed from.
    pub revision: u64,
    /// How many history entries it has.
    pub entries: u32,
}

/// How an attempt at a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TaskStatus {
    /// It gave its output.
    Completed,
    /// It failed; a `try` around it may catch or retry that.
    Faulted,
    /// Its `if` was false.
    Skipped,
    /// It has begun to wait.
    Waiting,
}

/// One line of a run's history: one attempt at one task. Append-only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TaskEntry {
    /// JSON pointer to the task in the document, such as `/do/0/callSms`.
    pub reference: String,
    /// The task's name.
    pub name: String,
    /// What it does: `set`, `switch`, `call webhook`, `emit`, …
    pub kind: String,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// How it ended.
    pub status: TaskStatus,
    /// Its input, after `input.from`.
    pub input: Value,
    /// Its output, after `output.as`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
    /// When the attempt began.
    pub started_at: Time,
    /// When it ended.
    pub finished_at: Time,
    /// The key that every repeat of this attempt bears (header `Idempotency-Key`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// The outbound request and response, secrets masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<Exchange>,
    /// The call of a webhook that was not sent: its template failed, or said not to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsent: Option<PluginTrace>,
    /// What plugins logged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<LogLine>,
    /// What an action did with capabilities, in order; denied and failed uses too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deeds: Vec<Deed>,
    /// For `wait` and retries: until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}
