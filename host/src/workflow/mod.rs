//! Workflows: a strict profile of the Open Workflow Specification 1.0.3, parsed into a typed program and interpreted
//! by a pure function.

mod effect;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{DocumentMedia, Fault, PluginRef, Slug};

pub use effect::{Action, Effect, EffectResult, Next, RecordAt, StepContext, StepEvent, Transition};

/// A parsed workflow: validated, expressions compiled; cheap to clone, shared between threads.
#[derive(Clone, Debug)]
pub struct Program(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    name: String,
    webhooks: BTreeSet<Slug>,
    plugins: BTreeSet<PluginRef>,
    sources: BTreeSet<Slug>,
}

/// Why a document is no workflow of this profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// JSON pointer to the place.
    pub path: String,
    /// What is wrong and what to do.
    pub reason: String,
}

/// One task, for display.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
    /// # Errors
    /// Everything in the document that is not of this profile.
    pub fn parse(document: &str, media: DocumentMedia) -> Result<Self, Vec<Refusal>> {
        let _ = (document, media);
        Ok(Self(Arc::new(Inner::default())))
    }

    /// `document.name`.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The webhooks it calls.
    pub fn webhooks(&self) -> &BTreeSet<Slug> {
        &self.0.webhooks
    }

    /// The plugin versions it calls.
    pub fn plugins(&self) -> &BTreeSet<PluginRef> {
        &self.0.plugins
    }

    /// The sources it reads or writes.
    pub fn sources(&self) -> &BTreeSet<Slug> {
        &self.0.sources
    }

    /// It starts itself by a schedule. Never yet: a `schedule` is refused.
    pub fn is_scheduled(&self) -> bool {
        false
    }

    /// Every expression evaluates natively, so a transition never blocks on the sandbox.
    pub fn is_bounded(&self) -> bool {
        true
    }

    /// Its tasks in the order of the document.
    pub fn outline(&self) -> Vec<OutlineItem> {
        Vec::new()
    }
}

/// Where a run stands: opaque outside, JSON in the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    data: Value,
}

impl State {
    /// The state of a run that has not begun.
    pub fn new(input: Value) -> Self {
        Self { data: input }
    }
}

/// Runs all pure tasks up to the next effect, wait or end. Pure and total.
pub fn step(program: &Program, state: State, event: StepEvent, context: &StepContext<'_>) -> Transition {
    let _ = (program, event, context.now);
    let fault = Fault {
        kind: "https://serverlessworkflow.io/spec/1.0.0/errors/runtime".to_owned(),
        status: 500,
        title: "Not implemented".to_owned(),
        detail: None,
        instance: None,
    };
    Transition { state, entries: Vec::new(), next: Next::Faulted(fault) }
}
