//! A workflow as the interpreter runs it: tasks and blocks in flat tables, expressions compiled, names resolved.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::expr::Expression;
use crate::model::{PluginRef, Slug};

use super::OutlineItem;
use super::place::{Place, PluginCall};
use super::retry::RetryPolicy;
use super::value::{Delay, Template};

/// Index of a block in [`Workflow::blocks`].
pub(super) type BlockId = usize;
/// Index of a task in [`Workflow::tasks`].
pub(super) type TaskId = usize;

/// A whole workflow. Block 0 is the outermost `do`.
#[derive(Debug, Default)]
pub(super) struct Workflow {
    pub name: String,
    pub input: Option<Template>,
    pub output: Option<Template>,
    pub tasks: Vec<Task>,
    pub blocks: Vec<Block>,
    /// What it refers to, and where it does so first.
    pub webhooks: BTreeMap<Slug, Place>,
    pub plugins: BTreeMap<PluginRef, Place>,
    /// Every call of a plugin, in the order of the document.
    pub plugin_calls: Vec<PluginCall>,
    pub sources: BTreeMap<Slug, Place>,
    pub outline: Vec<OutlineItem>,
    /// Given variables that some expression reads.
    pub variables: BTreeSet<String>,
    /// It is started by hand only.
    pub manual: bool,
    /// Some expression needs the sandbox.
    pub unbounded: bool,
    /// Expressions that could not be parsed here, and where they stand.
    pub unread: Vec<Unread>,
}

/// An expression that must be checked in the sandbox before the workflow is saved.
#[derive(Clone, Debug)]
pub(super) struct Unread {
    pub expression: Expression,
    pub place: Place,
}

/// A list of tasks.
#[derive(Debug)]
pub(super) struct Block {
    pub tasks: Vec<TaskId>,
    /// The task that it belongs to; none for the outermost.
    pub owner: Option<TaskId>,
    pub role: Role,
}

/// What a block is to its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Do,
    Try,
    Catch,
}

/// One task.
#[derive(Debug)]
pub(super) struct Task {
    pub name: String,
    /// JSON pointer.
    pub reference: String,
    /// As shown in history.
    pub label: &'static str,
    pub kind: TaskKind,
    pub condition: Option<Expression>,
    pub input: Option<Template>,
    pub output: Option<Template>,
    pub export: Option<Template>,
    pub then: Then,
}

/// Where to go after a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Continue,
    /// Out of this block.
    Exit,
    /// To the end of the run.
    End,
    /// To the task with this index in the same block.
    Goto(usize),
}

/// What a task does.
#[derive(Debug)]
pub(super) enum TaskKind {
    Do(BlockId),
    Set(Template),
    Switch(Vec<Case>),
    Call(Call),
    Emit(Emit),
    Raise(Arc<RaisedError>),
    Try(BlockId, Box<Catch>),
    Wait(Delay),
}

/// One case of a `switch`; without a condition it is the default.
#[derive(Debug)]
pub(super) struct Case {
    pub when: Option<Expression>,
    pub then: Then,
}

/// What a `call` calls. Absent data is the task's input.
#[derive(Debug)]
pub(super) enum Call {
    Webhook {
        webhook: Slug,
        data: Option<Template>,
        record: Option<(Slug, Template)>,
    },
    RecordInsert {
        source: Slug,
        fields: Option<Template>,
    },
    RecordUpdate {
        source: Slug,
        key: Template,
        fields: Option<Template>,
    },
    RecordUpsert {
        source: Slug,
        fields: Option<Template>,
    },
    RecordGet {
        source: Slug,
        key: Template,
    },
    /// Absent configuration is null.
    Plugin {
        plugin: PluginRef,
        input: Option<Template>,
        config: Option<Template>,
    },
}

/// The event of an `emit`.
#[derive(Debug)]
pub(super) struct Emit {
    pub kind: Template,
    pub source: Option<Template>,
    pub subject: Option<Template>,
    pub data: Option<Template>,
}

/// The error of a `raise`.
#[derive(Debug)]
pub(super) struct RaisedError {
    pub kind: Template,
    pub status: Template,
    pub title: Option<Template>,
    pub detail: Option<Template>,
    pub instance: Option<Template>,
}

/// What a `try` does about errors.
#[derive(Debug, Default)]
pub(super) struct Catch {
    /// Members that an error must have.
    pub with: Vec<(String, serde_json::Value)>,
    /// The variable that holds the error, with its `$`.
    pub variable: String,
    pub when: Option<Expression>,
    pub except_when: Option<Expression>,
    pub retry: Option<RetryPolicy>,
    /// The variable that holds the error in the conditions of `retry`: policies of `use.retries` see the usual one.
    pub retry_variable: String,
    pub block: Option<BlockId>,
}
