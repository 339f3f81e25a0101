//! Runs as users see them: start, look, cancel, run again.

use std::time::Duration;

use serde_json::Value;

use crate::model::{Run, RunStatus, Slug, StartedBy, TaskEntry, UniqueId, Workflow};
use crate::store::{Acceptance, Accepted, Advance, Load, Page, RepeatKey, RunFilter, Slice, StoreError};

use crate::inbound::InboundError;
use crate::workflow::{self, TooMuch};

use super::{Engine, EngineError, Result};

/// How long a repeat of a call is recognised by its key.
pub(super) const REPEAT_KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// Longest key by which a repeat is recognised, in bytes.
pub(super) const REPEAT_KEY_BYTES_MAX: usize = crate::inbound::REPEAT_KEY_BYTES_MAX;
/// How often a cancellation is tried while the run moves on.
const CANCEL_TRIES_MAX: usize = 100;

/// A run with its history.
#[derive(Clone, Debug)]
pub struct RunView {
    /// The run.
    pub run: Run,
    /// Its history, oldest first.
    pub tasks: Vec<TaskEntry>,
}

impl Engine {
    /// Starts a run by hand. With `repeat`, a second call with the same key answers the first one's run.
    pub async fn start_run(
        &self,
        space: &Slug,
        workflow: &Slug,
        input: Value,
        repeat: Option<String>,
        author: &str,
    ) -> Result<UniqueId> {
        let current = self.current_workflow(space, workflow).await?;
        let by = StartedBy::Api { key: author.to_owned() };
        let run = self.new_run(space, &current, by, input);
        let repeat = repeat.map(|key| repeat_key(format!("run/{space}/{workflow}"), key)).transpose()?;
        self.accept(Acceptance { run, entries: Vec::new(), record: None, events: Vec::new(), repeat }).await
    }

    /// A run that has not begun.
    pub(super) fn new_run(&self, space: &Slug, workflow: &Workflow, by: StartedBy, input: Value) -> Run {
        let now = self.clock.now();
        Run {
            id: UniqueId::generate(),
            space: space.clone(),
            workflow: workflow.id.clone(),
            version: workflow.version,
            status: RunStatus::Running,
            started_by: by,
            input,
            state: None,
            output: None,
            error: None,
            created_at: now,
            updated_at: now,
            due: Some(now),
            revision: 1,
            entries: 0,
        }
    }

    /// Commits a new run, already ended if its workflow has nothing to wait for; answers its id, or that of the run
    /// accepted for the same call before.
    pub(super) async fn accept(&self, mut acceptance: Acceptance) -> Result<UniqueId> {
        check_input(&acceptance.run.input)?;
        self.begin(&mut acceptance).await?;
        let (id, status) = (acceptance.run.id, acceptance.run.status);
        let published = super::live::events_of(&acceptance.events);
        match self.store.accept(acceptance).await? {
            Accepted::New => {
                self.live.tell_published(published);
                metrics::counter!("tenterhook_runs_started_total").increment(1);
                super::run::count_end(status);
                Ok(id)
            }
            Accepted::Repeat(earlier) => Ok(earlier),
        }
    }

    /// One run with its history.
    pub async fn run(&self, space: &Slug, id: UniqueId) -> Result<RunView> {
        let run = self.bare_run(space, id).await?;
        let tasks = self.store.entries(space, id).await?;
        Ok(RunView { run, tasks })
    }

    async fn bare_run(&self, space: &Slug, id: UniqueId) -> Result<Run> {
        self.store.run(space, id).await?.ok_or_else(|| EngineError::not_found("run", id))
    }

    /// Runs of a space, newest first.
    pub async fn runs(&self, space: &Slug, filter: &RunFilter, page: Page) -> Result<Slice<Run>> {
        self.space(space).await?;
        Ok(self.store.runs(space, filter, page).await?)
    }

    /// Ends a run: what is under way is not awaited, and its result is dropped.
    pub async fn cancel_run(&self, space: &Slug, id: UniqueId) -> Result<Run> {
        for _ in 0..CANCEL_TRIES_MAX {
            let mut run = self.bare_run(space, id).await?;
            if run.status.is_final() {
                let detail = format!("the run is {:?} already", run.status).to_lowercase();
                return Err(EngineError::Refused { code: "run-ended", detail });
            }
            run.status = RunStatus::Cancelled;
            run.due = None;
            run.revision += 1;
            run.updated_at = self.clock.now();
            let advance = Advance {
                run: run.clone(),
                entries: Vec::new(),
                records: Vec::new(),
                states: Vec::new(),
                events: Vec::new(),
            };
            match self.store.advance(advance).await {
                Ok(()) => {
                    super::run::count_end(RunStatus::Cancelled);
                    return Ok(run);
                }
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(EngineError::Changed { what: format!("run {id}") })
    }

    /// Starts a new run with the input of an earlier one, on the workflow's current version.
    pub async fn rerun(&self, space: &Slug, id: UniqueId) -> Result<UniqueId> {
        let earlier = self.bare_run(space, id).await?;
        let current = self.current_workflow(space, &earlier.workflow).await?;
        let run = self.new_run(space, &current, StartedBy::Rerun { of: id }, earlier.input);
        self.accept(Acceptance { run, entries: Vec::new(), record: None, events: Vec::new(), repeat: None }).await
    }

    /// Counts for metrics and readiness.
    pub async fn load(&self) -> Result<Load> {
        Ok(self.store.load().await?)
    }

    /// Writes a consistent copy of all data into `sink`.
    pub async fn backup(&self, sink: tokio::sync::mpsc::Sender<bytes::Bytes>) -> Result<()> {
        Ok(self.store.backup(sink).await?)
    }
}

/// An input that no task could take, or that could not be read again, starts nothing.
fn check_input(input: &Value) -> Result<()> {
    match workflow::check_value(input) {
        Ok(()) => Ok(()),
        Err(TooMuch::Large) => Err(InboundError::BodyTooLarge { limit: workflow::VALUE_BYTES_MAX }.into()),
        Err(deep @ TooMuch::Deep) => Err(EngineError::invalid("input", format!("the input {deep}: flatten it"))),
    }
}

/// Checks a sender's key for a call.
pub(super) fn repeat_key(scope: String, key: String) -> Result<RepeatKey> {
    if (1..=REPEAT_KEY_BYTES_MAX).contains(&key.len()) {
        return Ok(RepeatKey { scope, key, keep: REPEAT_KEPT });
    }
    let reason = format!("use 1 to {REPEAT_KEY_BYTES_MAX} bytes");
    Err(EngineError::invalid("Idempotency-Key", reason))
}
