//! The story of a run: claim it, step it, perform the effect, commit, and on.
//!
//! A completed effect is committed, with all it wrote, before the next one begins; so a crash repeats at most the
//! effect under way, and with the same idempotency key.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::model::{RecordChange, Run, RunStatus, StateChange, TaskEntry};
use crate::store::{Acceptance, Advance, Publication, StoreError};
use crate::workflow::{self, Effect, Next, Program, State, StepContext, StepEvent, Transition};

use super::act::Again;
use super::perform::Performed;
use super::unkept::UnderWay;
use super::{Engine, EngineError, Result};

/// Most runs claimed at a time.
const CLAIM_MAX: usize = 64;
/// How long a run rests after the store or a definition failed it, before it is tried again.
const TROUBLE_REST: Duration = Duration::from_secs(5);
/// How long the loop rests after a claim failed.
const CLAIM_REST: Duration = Duration::from_secs(1);
/// Longest rest between tries to keep what a performed effect gave.
const COMPLETE_REST_MAX: Duration = Duration::from_secs(1);

impl Engine {
    /// The run loop: until `stop`, claims due runs and drives each in a task of `tasks`.
    pub async fn drive(self: Arc<Self>, tasks: TaskTracker, stop: CancellationToken) {
        let slots = Arc::new(Semaphore::new(self.options.run_concurrency));
        while let Some(permits) = take_slots(&slots, &stop).await {
            let claimed = tokio::select! {
                () = stop.cancelled() => return,
                claimed = self.store.claim(permits.num_permits()) => claimed,
            };
            match claimed {
                Ok(runs) => self.spawn(runs, permits, &tasks, &stop),
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "claiming runs failed");
                    tokio::time::sleep(CLAIM_REST).await;
                }
            }
        }
    }

    fn spawn(
        self: &Arc<Self>,
        runs: Vec<Run>,
        mut permits: OwnedSemaphorePermit,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) {
        for run in runs {
            let (engine, stop, permit) = (Arc::clone(self), stop.clone(), permits.split(1));
            tasks.spawn(async move {
                engine.drive_run(run, &stop).await;
                drop(permit);
            });
        }
    }

    /// Drives one claimed run until it waits, ends, or has to rest.
    async fn drive_run(self: &Arc<Self>, run: Run, stop: &CancellationToken) {
        let (space, id) = (run.space.clone(), run.id);
        let done = match self.advance_run(run, stop).await {
            Err(EngineError::Store(error @ StoreError::TooLarge { .. })) => {
                self.give_up(&space, id, error.to_string(), None).await
            }
            done => done,
        };
        match done {
            Ok(()) | Err(EngineError::Store(StoreError::Conflict { .. })) => {}
            Err(error) => {
                tracing::error!(run = %id, error = &error as &dyn std::error::Error, "a run could not go on; it will be tried again");
                self.store.release(id, self.clock.now().after(TROUBLE_REST)).await;
            }
        }
    }

    async fn advance_run(self: &Arc<Self>, mut run: Run, stop: &CancellationToken) -> Result<()> {
        let program = self.program(&run.space, &run.workflow, run.version).await?;
        let mut transition = self.resume(&run, &program).await?;
        while let Next::Effect(effect) = &transition.next {
            let performed = self.perform(&run, effect).await?;
            match self.complete(run, &program, transition, performed).await? {
                None => return Ok(()),
                Some(next) => (run, transition) = next,
            }
            if stop.is_cancelled() {
                self.store.release(run.id, self.clock.now()).await;
                return Ok(());
            }
        }
        let (step, _) = self.next_revision(run, transition);
        self.commit(step).await
    }

    /// Takes a performed effect into the run and commits both; answers where the run goes on, if it does at once.
    /// Where a record changed under it, or the sandbox is busy, tries again until it is kept, the run was cancelled, it
    /// is too large, or the store failed. The effect itself is not repeated here, but for an action that wrote what
    /// others changed.
    async fn complete(
        self: &Arc<Self>,
        mut run: Run,
        program: &Program,
        before: Transition,
        mut performed: Performed,
    ) -> Result<Option<(Run, Transition)>> {
        let (space, id, revision) = (run.space.clone(), run.id, run.revision);
        let (mut pause, mut again) = (Duration::from_millis(1), Again::default());
        loop {
            let error = match self.try_complete(run, program, &before, &performed).await {
                Ok(next) => return Ok(next),
                Err(error) => error,
            };
            if matches!(error, EngineError::Store(StoreError::TooLarge { .. })) {
                let under_way = UnderWay { program, before, performed };
                return self.give_up(&space, id, error.to_string(), Some(under_way)).await.map(|()| None);
            }
            let is_conflict = matches!(error, EngineError::Store(StoreError::Conflict { .. }));
            let stored = if is_conflict || is_busy(&error) { self.store.run(&space, id).await? } else { None };
            run = match stored {
                Some(stored) if stored.revision == revision => stored,
                moved_on => {
                    self.tell_cancelled(moved_on, UnderWay { program, before, performed }).await;
                    return Err(error);
                }
            };
            match (performed, &before.next) {
                (Performed::Action { result, writes }, Next::Effect(effect)) if is_conflict => {
                    performed = self.act_again(&run, effect, (result, &writes), &mut again).await?;
                }
                (same, _) => {
                    performed = same;
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(COMPLETE_REST_MAX);
                }
            }
        }
    }

    async fn try_complete(
        &self,
        run: Run,
        program: &Program,
        before: &Transition,
        performed: &Performed,
    ) -> Result<Option<(Run, Transition)>> {
        let settled = self.settle(&run, performed).await?;
        let mut after = self.step(&run, program, before.state.clone(), StepEvent::Done(settled.result)).await?;
        after.entries.splice(0..0, before.entries.iter().cloned());
        let (mut step, next) = self.next_revision(run, after);
        (step.records, step.states) = (settled.records, settled.states);
        step.events = self.publications(settled.events).await?;
        self.commit(step).await?;
        Ok(next)
    }

    /// The next revision of a run after a transition; and what goes on from it at once, if an effect is next.
    pub(super) fn next_revision(&self, run: Run, transition: Transition) -> (Step, Option<(Run, Transition)>) {
        let Transition { state, entries, next } = transition;
        let mut run = Run { revision: run.revision + 1, updated_at: self.clock.now(), ..run };
        run.entries += u32::try_from(entries.len()).unwrap_or(u32::MAX);
        let effect = apply(&mut run, &state, next);
        let next =
            effect.map(|effect| (run.clone(), Transition { state, entries: Vec::new(), next: Next::Effect(effect) }));
        (Step { run, entries, records: Vec::new(), states: Vec::new(), events: Vec::new() }, next)
    }

    pub(super) async fn commit(&self, step: Step) -> Result<()> {
        let status = step.run.status;
        let Step { run, entries, records, states, events } = step;
        let published = super::live::events_of(&events);
        self.store.advance(Advance { run, entries, records, states, events }).await?;
        self.live.tell_published(published);
        count_end(status);
        Ok(())
    }

    /// Steps a new run whose workflow has no effects to its end, so that its acceptance is its only commit.
    pub(super) async fn begin(&self, acceptance: &mut Acceptance) -> Result<()> {
        let run = &acceptance.run;
        let program = self.program(&run.space, &run.workflow, run.version).await?;
        if !program.is_pure() || !program.is_bounded() {
            return Ok(());
        }
        let mut transition = self.resume(run, &program).await?;
        acceptance.entries = std::mem::take(&mut transition.entries);
        acceptance.run.entries = u32::try_from(acceptance.entries.len()).unwrap_or(u32::MAX);
        apply(&mut acceptance.run, &transition.state, transition.next);
        Ok(())
    }

    /// Takes up a run where its state stands.
    async fn resume(&self, run: &Run, program: &Program) -> Result<Transition> {
        let (state, event) = match &run.state {
            None => (State::new(run.input.clone()), StepEvent::Begin),
            Some(state) => {
                let state = serde_json::from_value(state.clone());
                (state.map_err(|error| super::defect(&error))?, StepEvent::Resume)
            }
        };
        self.step(run, program, state, event).await
    }

    /// One transition; on the plugin threads where an expression needs the sandbox.
    pub(super) async fn step(
        &self,
        run: &Run,
        program: &Program,
        state: State,
        event: StepEvent,
    ) -> Result<Transition> {
        let facts = StepFacts { run: run.id, workflow: run.workflow.clone(), version: run.version };
        let (started_at, now) = (run.created_at, self.clock.now());
        let owner = format!("{}/{}", run.space, run.workflow);
        let sandbox = self.sandbox_for(&owner);
        let (program, bounded) = (program.clone(), program.is_bounded());
        let step = move || {
            let context = StepContext {
                now,
                run: facts.run,
                workflow: &facts.workflow,
                version: facts.version,
                started_at,
                sandbox: &sandbox,
            };
            workflow::step(&program, state, event, &context)
        };
        if bounded { Ok(step()) } else { Ok(self.plugins.run_blocking(&owner, step).await?) }
    }
}

/// Whether the same may work later.
fn is_busy(error: &EngineError) -> bool {
    match error {
        EngineError::Plugin(error) => error.is_retriable(),
        EngineError::Busy { .. } => true,
        _ => false,
    }
}

struct StepFacts {
    run: crate::model::UniqueId,
    workflow: crate::model::Slug,
    version: u32,
}

/// One commit of a run, before it is handed to the store.
pub(super) struct Step {
    run: Run,
    entries: Vec<TaskEntry>,
    records: Vec<RecordChange>,
    states: Vec<StateChange>,
    events: Vec<Publication>,
}

/// Puts a transition's outcome into the run; answers the effect that is next, if one is.
fn apply(run: &mut Run, state: &State, next: Next) -> Option<Effect> {
    let state = || serde_json::to_value(state).ok();
    (run.state, run.due) = (None, None);
    match next {
        Next::Effect(effect) => {
            (run.status, run.state) = (RunStatus::Running, state());
            return Some(effect);
        }
        Next::Wait { until } => (run.status, run.state, run.due) = (RunStatus::Waiting, state(), Some(until)),
        Next::Completed(output) => (run.status, run.output) = (RunStatus::Completed, Some(output)),
        Next::Faulted(fault) => (run.status, run.error) = (RunStatus::Faulted, Some(fault)),
    }
    None
}

/// Waits for at least one free slot and takes all that are free, up to [`CLAIM_MAX`]; `None` once stopped.
async fn take_slots(slots: &Arc<Semaphore>, stop: &CancellationToken) -> Option<OwnedSemaphorePermit> {
    let first = tokio::select! {
        () = stop.cancelled() => return None,
        permit = Arc::clone(slots).acquire_owned() => permit.ok()?,
    };
    let more = slots.available_permits().min(CLAIM_MAX - 1);
    let mut permits = first;
    if let Ok(further) = Arc::clone(slots).try_acquire_many_owned(u32::try_from(more).unwrap_or(0)) {
        permits.merge(further);
    }
    Some(permits)
}

/// Counts a run that ended.
pub(super) fn count_end(status: RunStatus) {
    let status = match status {
        RunStatus::Completed => "completed",
        RunStatus::Faulted => "faulted",
        RunStatus::Cancelled => "cancelled",
        RunStatus::Running | RunStatus::Waiting => return,
    };
    metrics::counter!("tenterhook_runs_finished_total", "status" => status).increment(1);
}
