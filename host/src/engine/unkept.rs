//! What a run did stays in its history where the result does not: it is too large for a commit, or the run was cancelled
//! meanwhile.

use serde_json::Value;

use crate::model::{Fault, Run, RunStatus, Slug, TaskEntry, UniqueId};
use crate::store::StoreError;
use crate::workflow::{Next, Program, State, StepEvent, Transition};

use super::perform::Performed;
use super::{Engine, EngineError, Result, faults};

/// An effect that was performed, in a run that cannot take its result.
pub(super) struct UnderWay<'a> {
    /// The workflow.
    pub(super) program: &'a Program,
    /// The transition that asked for it.
    pub(super) before: Transition,
    /// What came of it.
    pub(super) performed: Performed,
}

impl Engine {
    /// Ends a run whose next step never will fit into a commit, rather than repeat the step for ever. What it did last
    /// is told without what was to be written.
    pub(super) async fn give_up(
        &self,
        space: &Slug,
        id: UniqueId,
        reason: String,
        last: Option<UnderWay<'_>>,
    ) -> Result<()> {
        let Some(run) = self.store.run(space, id).await?.filter(|run| !run.status.is_final()) else { return Ok(()) };
        let fault = faults::too_large(reason);
        let entries = match last {
            Some(last) => self.told(&run, last, fault.clone()).await,
            None => Vec::new(),
        };
        let fault = entries.last().and_then(|entry| entry.error.clone()).unwrap_or(fault);
        let end = |entries| {
            let next = Next::Faulted(fault.clone());
            self.next_revision(run.clone(), Transition { state: State::new(Value::Null), entries, next }).0
        };
        match self.commit(end(entries)).await {
            Err(EngineError::Store(StoreError::TooLarge { .. })) => self.commit(end(Vec::new())).await,
            done => done,
        }
    }

    /// Tells in the history of a run what reached outside while it was cancelled. Trouble of ours is logged: the run is
    /// over.
    pub(super) async fn tell_cancelled(&self, run: Option<Run>, last: UnderWay<'_>) {
        let Some(run) = run.filter(|run| run.status == RunStatus::Cancelled) else { return };
        if !last.performed.reaches_outside() {
            return;
        }
        let entries = self.told(&run, last, faults::cancelled()).await;
        if let Err(error) = self.store.add_entries(&run.space, run.id, entries).await {
            tracing::error!(run = %run.id, error = &error as &dyn std::error::Error, "what a cancelled run did was not kept");
        }
    }

    /// The history of an effect whose result is not kept, with what came before it in its transition.
    async fn told(&self, run: &Run, last: UnderWay<'_>, fault: Fault) -> Vec<TaskEntry> {
        let UnderWay { program, before, performed } = last;
        let result = performed.unkept(fault, self.clock.now());
        match self.step(run, program, before.state, StepEvent::Done(result)).await {
            // The first entry is the task's own; what follows from its fault is not done.
            Ok(after) => before.entries.into_iter().chain(after.entries.into_iter().take(1)).collect(),
            Err(error) => {
                tracing::error!(run = %run.id, error = &error as &dyn std::error::Error, "what a run did was not told");
                before.entries
            }
        }
    }
}
