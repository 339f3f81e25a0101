//! What a run asks the engine to do, and what the engine answers.

use serde_json::Value;

use crate::expr::Sandbox;
use crate::model::{Deed, Exchange, Fault, LogLine, Object, PluginRef, PluginTrace, Slug, TaskEntry, Time, UniqueId};

use super::State;

/// What a transition may know of the outside.
pub struct StepContext<'a> {
    /// The time of this transition.
    pub now: Time,
    /// The run.
    pub run: UniqueId,
    /// Its workflow.
    pub workflow: &'a Slug,
    /// The version of the workflow.
    pub version: u32,
    /// When the run was accepted.
    pub started_at: Time,
    /// Runs the expressions that are not bounded.
    pub sandbox: &'a dyn Sandbox,
}

/// What happened since the last transition.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "one at a time, moved once: a box would cost more")]
pub enum StepEvent {
    /// The run starts, or the time it waited for has come.
    Begin,
    /// The server restarted: if an effect was under way, the same effect, with the same key, is asked for again.
    Resume,
    /// The effect that the last transition asked for is done.
    Done(EffectResult),
}

/// What became of an effect.
#[derive(Clone, Debug, PartialEq)]
pub struct EffectResult {
    /// The task's raw output, or why it failed. `Fault::instance` is filled in if it is `None`.
    pub outcome: Result<Value, Fault>,
    /// The HTTP exchange, for history.
    pub exchange: Option<Exchange>,
    /// A webhook call that was not sent, for history.
    pub unsent: Option<PluginTrace>,
    /// What plugins logged.
    pub logs: Vec<LogLine>,
    /// What an action did with capabilities, for history.
    pub deeds: Vec<Deed>,
    /// When the attempt began.
    pub started_at: Time,
    /// When it ended.
    pub finished_at: Time,
}

/// One transition: the state to store, the history to append, and what to do next.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    /// The next state. Store it with the entries, in one commit.
    pub state: State,
    /// History, oldest first.
    pub entries: Vec<TaskEntry>,
    /// What comes next.
    pub next: Next,
}

/// What comes after a transition.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Do this, then step with [`StepEvent::Done`].
    Effect(Effect),
    /// Step with [`StepEvent::Begin`] at `until`, never earlier. A time that is now means: commit and go on; the
    /// transition was cut because it became long.
    Wait {
        /// When.
        until: Time,
    },
    /// The run has its output.
    Completed(Value),
    /// The run failed.
    Faulted(Fault),
}

/// Something for the engine to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// JSON pointer to the task.
    pub reference: String,
    /// The task's name.
    pub name: String,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// The same for every repeat and every retry of this visit of the task, so that a receiver can tell repeats.
    pub idempotency_key: String,
    /// What to do.
    pub action: Action,
}

/// The kinds of effects.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Call a webhook; the output is `{status, fields, response}`.
    CallWebhook {
        /// Its id.
        webhook: Slug,
        /// The root of the template's context.
        data: Value,
        /// Where the mapped fields are written, in the same commit as the task's entry.
        record: Option<RecordAt>,
    },
    /// Insert a record; the output is the record.
    RecordInsert {
        /// The source.
        source: Slug,
        /// The fields, key field included.
        fields: Object,
    },
    /// Change fields of a record that exists; the output is the record.
    RecordUpdate {
        /// The source.
        source: Slug,
        /// The record's key.
        key: String,
        /// The fields to change.
        fields: Object,
    },
    /// Insert or change a record; the output is the record.
    RecordUpsert {
        /// The source.
        source: Slug,
        /// The fields, key field included.
        fields: Object,
    },
    /// Read a record; the output is the record, or null.
    RecordGet {
        /// The source.
        source: Slug,
        /// The record's key.
        key: String,
    },
    /// Call an action plugin; the output is what it answers.
    CallPlugin {
        /// The plugin, version included.
        plugin: PluginRef,
        /// Its input.
        input: Value,
        /// Its configuration.
        config: Value,
    },
    /// Publish an event; the output is the event.
    Emit {
        /// Its type.
        kind: String,
        /// Its source, an absolute URI.
        source: String,
        /// Its subject.
        subject: Option<String>,
        /// Its data.
        data: Value,
    },
}

/// A record named by a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordAt {
    /// The source.
    pub source: Slug,
    /// The record's key.
    pub key: String,
}
