//! Workflows: a strict profile of the Open Workflow Specification 1.0.3, parsed into a typed program and interpreted
//! by a pure function.
//!
//! Text → tree with positions (`document`, `json`) → typed workflow or refusals (`parse`, `tasks`, `calls`, `catch`,
//! `reader`) → [`step`]: state and event to state, history and what to do next (`step`, `catching`, `scope`, `action`,
//! `retry`).
//! Nothing here does I/O, reads a clock or knows the store.

mod action;
mod calls;
mod catch;
mod catching;
mod document;
mod duration;
mod effect;
mod fault;
mod json;
mod limits;
mod lint;
mod model;
mod parse;
mod place;
mod reader;
mod retry;
mod scope;
mod state;
mod step;
mod tasks;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::expr::Sandbox;
use crate::model::{DocumentMedia, PluginRef, Slug};

pub use effect::{Action, Effect, EffectResult, Next, RecordAt, StepContext, StepEvent, Transition};
pub use fault::FaultKind;
pub use limits::{TooMuch, VALUE_BYTES_MAX, check_value};
pub use lint::report;
pub use place::{Configured, Place, PluginCall};
pub use state::State;
pub use step::step;

/// A parsed workflow: validated, expressions compiled; cheap to clone, shared between threads.
#[derive(Clone, Debug)]
pub struct Program(Arc<model::Workflow>);

/// Why a document is no workflow of this profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Refusal {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// JSON pointer to the place (RFC 6901).
    pub path: String,
    /// What is wrong and what to do.
    pub reason: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.reason)?;
        if self.path.is_empty() { Ok(()) } else { write!(f, " (at {})", self.path) }
    }
}

/// One task, for display.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct OutlineItem {
    /// The task's name.
    pub name: String,
    /// JSON pointer to the task, as in history.
    pub reference: String,
    /// What it does: `set`, `call webhook`, …
    pub kind: String,
    /// How many tasks it is nested in.
    pub depth: usize,
}

impl Program {
    /// Parses a document; all refusals at once, in the order of the document.
    ///
    /// Expressions too long to be parsed natively are taken unread: see [`Program::check_unread`].
    ///
    /// # Errors
    /// Everything in the document that is not of this profile.
    pub fn parse(document: &str, media: DocumentMedia) -> Result<Self, Vec<Refusal>> {
        parse::parse(document, media).map(|workflow| Self(Arc::new(workflow)))
    }

    /// Has the sandbox check the expressions that [`Program::parse`] took unread; blocks the thread if there are any.
    ///
    /// # Errors
    /// Those that are not right.
    pub fn check_unread(&self, sandbox: &dyn Sandbox) -> Result<(), Vec<Refusal>> {
        let refusals: Vec<Refusal> = self
            .0
            .unread
            .iter()
            .filter_map(|unread| {
                let names: Vec<&str> = unread.expression.variables().collect();
                let error = sandbox.check(unread.expression.source(), &names).err()?;
                let reason = format!("the expression is not right: {error} (of the expression)");
                Some(unread.place.refuse(reason))
            })
            .collect();
        if refusals.is_empty() { Ok(()) } else { Err(refusals) }
    }

    /// `document.name`.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The webhooks it calls, each with the first place that does.
    pub fn webhooks(&self) -> &BTreeMap<Slug, Place> {
        &self.0.webhooks
    }

    /// The plugin versions it calls, each with the first place that does.
    pub fn plugins(&self) -> &BTreeMap<PluginRef, Place> {
        &self.0.plugins
    }

    /// Its calls of plugins, with what is known of their configurations before a run.
    pub fn plugin_calls(&self) -> &[PluginCall] {
        &self.0.plugin_calls
    }

    /// The sources it reads or writes, each with the first place that does.
    pub fn sources(&self) -> &BTreeMap<Slug, Place> {
        &self.0.sources
    }

    /// It is started by hand only (`document.metadata.start: manual`), so it cannot own a trigger.
    pub fn is_manual(&self) -> bool {
        self.0.manual
    }

    /// It has no effects: its first transition ends it or has it wait.
    pub fn is_pure(&self) -> bool {
        self.0.tasks.iter().all(|task| !matches!(task.kind, model::TaskKind::Call(_) | model::TaskKind::Emit(_)))
    }

    /// Every expression evaluates natively, so a transition never blocks on the sandbox.
    pub fn is_bounded(&self) -> bool {
        !self.0.unbounded
    }

    /// Its tasks in the order of the document.
    pub fn outline(&self) -> &[OutlineItem] {
        &self.0.outline
    }
}

impl model::Workflow {
    /// The variable that holds the caught error in a block of a `catch`.
    fn error_variable(&self, block: model::BlockId) -> Option<&str> {
        let owner = self.tasks.get(self.blocks.get(block)?.owner?)?;
        match &owner.kind {
            model::TaskKind::Try(_, catch) => Some(&catch.variable),
            _ => None,
        }
    }
}
