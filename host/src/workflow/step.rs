//! The interpreter: from one state and event to the next state, history and what to do next. Pure and total.
//!
//! A run walks through blocks of tasks. Pure tasks follow each other within one transition; it ends at an effect, a
//! wait, the end, or when it has become long. Faults and how they are caught are in `catching`.

use std::cell::Cell;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::model::{Fault, TaskEntry, TaskStatus, Time};

use super::Program;
use super::effect::{Action, Effect, EffectResult, Next, StepContext, StepEvent, Transition};
use super::fault::FaultKind;
use super::limits::{self, HISTORY_PER_TRANSITION, TASKS_PER_RUN_MAX, TASKS_PER_TRANSITION, WORK_PER_TRANSITION};
use super::model::{BlockId, Role, Task, TaskKind, Then, Workflow};
use super::scope::{Given, Scope};
use super::state::{Frame, Pending, State};

/// Runs all pure tasks up to the next effect, wait or end. Pure and total: the same arguments give the same transition,
/// and every state and event gives one.
pub fn step(program: &Program, state: State, event: StepEvent, context: &StepContext<'_>) -> Transition {
    let mut machine =
        Machine { workflow: &program.0, state, context, entries: Vec::new(), work: Cell::new(0), tasks: 0, history: 0 };
    let next = match machine.resume(event) {
        Some(next) => next,
        None => machine.run(),
    };
    Transition { state: machine.state, entries: machine.entries, next }
}

/// How an attempt at a task went, for its history entry.
pub(super) struct Attempt {
    /// When the task began, as expressions see it: the same if the effect is asked for again.
    pub begun_at: Time,
    pub started_at: Time,
    pub finished_at: Time,
    pub number: u32,
    pub key: Option<String>,
    pub exchange: Option<crate::model::Exchange>,
    pub unsent: Option<crate::model::PluginTrace>,
    pub logs: Vec<crate::model::LogLine>,
    pub deeds: Vec<crate::model::Deed>,
}

pub(super) struct Machine<'a> {
    pub workflow: &'a Workflow,
    pub state: State,
    pub context: &'a StepContext<'a>,
    pub entries: Vec<TaskEntry>,
    pub work: Cell<u64>,
    /// Tasks begun in this transition.
    tasks: u32,
    /// Bytes of the values in `entries`, roughly.
    history: usize,
}

impl<'a> Machine<'a> {
    pub(super) fn scope(&self) -> Scope<'_> {
        Scope { workflow: self.workflow, state: &self.state, context: self.context, work: &self.work }
    }

    /// Takes the event in; what comes next, if that is known without running a task.
    fn resume(&mut self, event: StepEvent) -> Option<Next> {
        if !self.state.begun {
            return self.begin_run();
        }
        match (self.state.pending.take(), event) {
            (None, StepEvent::Done(_)) => {
                Some(Next::Faulted(FaultKind::Runtime.fault("a result came that this run did not wait for")))
            }
            (None, StepEvent::Begin | StepEvent::Resume) => None,
            (Some(Pending::Effect { input, started_at }), StepEvent::Done(result)) => {
                self.effect_done(input, started_at, result)
            }
            (Some(Pending::Effect { input, started_at }), _) => self.ask(input, started_at),
            (Some(Pending::Wait { input, started_at, until }), _) if self.context.now >= until => {
                let task = self.current()?;
                let attempt = self.attempt(started_at);
                self.complete(task, input.clone(), input, task.then, attempt)
            }
            (Some(Pending::Retry { until }), _) if self.context.now >= until => None,
            (Some(waiting), _) => {
                let until = waiting.until().unwrap_or(self.context.now);
                self.state.pending = Some(waiting);
                Some(Next::Wait { until })
            }
        }
    }

    fn begin_run(&mut self) -> Option<Next> {
        self.state.begun = true;
        if let Err(fault) = limits::check(&self.state.data, "the input") {
            return Some(Next::Faulted(fault));
        }
        if self.workflow.variables.contains("$workflow") {
            self.state.input = Some(self.state.data.clone());
        }
        if let Some(from) = &self.workflow.input {
            match self
                .scope()
                .fill(from, &self.state.data, Given::default())
                .and_then(|data| checked(data, "the input"))
            {
                Ok(data) => self.state.data = data,
                Err(fault) => return Some(Next::Faulted(Fault { instance: Some("/input/from".to_owned()), ..fault })),
            }
        }
        if self.workflow.variables.contains("$context") {
            self.state.context = self.state.data.clone();
        }
        self.open(0, Value::Null, 0, self.context.now);
        None
    }

    /// Runs tasks until something else must happen.
    fn run(&mut self) -> Next {
        loop {
            if self.tasks >= TASKS_PER_TRANSITION
                || self.work.get() >= WORK_PER_TRANSITION
                || self.history >= HISTORY_PER_TRANSITION
            {
                return Next::Wait { until: self.context.now };
            }
            let next = match self.current() {
                Some(task) => self.begin(task),
                None if self.state.frames.is_empty() => return self.finish(),
                None => self.leave(),
            };
            if let Some(next) = next {
                return next;
            }
        }
    }

    /// The task that the innermost block is at.
    fn current(&self) -> Option<&'a Task> {
        let frame = self.state.frames.last()?;
        let id = self.workflow.blocks.get(frame.block)?.tasks.get(frame.index)?;
        self.workflow.tasks.get(*id)
    }

    /// Enters a block; its first task's raw input is the current data.
    pub(super) fn open(&mut self, block: BlockId, input: Value, attempt: u32, started_at: Time) {
        self.state.frames.push(Frame { block, index: 0, round: 0, attempt, started_at, input, error: None });
    }

    fn begin(&mut self, task: &'a Task) -> Option<Next> {
        self.tasks += 1;
        self.state.tasks = self.state.tasks.saturating_add(1);
        if self.state.tasks > TASKS_PER_RUN_MAX {
            let detail =
                format!("too many steps: a run may begin {TASKS_PER_RUN_MAX} tasks; is there a loop by `then`?");
            let fault = Fault { instance: Some(task.reference.clone()), ..FaultKind::Runtime.fault(detail) };
            return Some(Next::Faulted(fault));
        }
        let now = self.context.now;
        let (input, runs) = match self.prepare(task) {
            Ok(prepared) => prepared,
            Err(fault) => {
                let raw = std::mem::take(&mut self.state.data);
                return self.fail(task, raw, fault, self.attempt(now));
            }
        };
        if !runs {
            let entry = self.entry(task, TaskStatus::Skipped, self.state.data.clone(), self.attempt(now));
            self.entries.push(entry);
            self.go(Then::Continue);
            return None;
        }
        let input = match input {
            Some(input) => input,
            None => std::mem::take(&mut self.state.data),
        };
        self.perform(task, input)
    }

    /// The transformed input, unless it is the raw input, and whether the task runs.
    fn prepare(&self, task: &Task) -> Result<(Option<Value>, bool), Fault> {
        let (scope, raw, about) = (self.scope(), &self.state.data, Some((task, self.context.now)));
        let input = match &task.input {
            Some(from) => {
                let given = Given { task: about, ..Given::default() };
                Some(checked(scope.fill(from, raw, given)?, "the task's input")?)
            }
            None => None,
        };
        let seen = input.as_ref().unwrap_or(raw);
        let given = Given { input: Some(seen), task: about, ..Given::default() };
        let runs = scope.holds(task.condition.as_ref(), seen, given)?;
        Ok((input, runs))
    }

    fn perform(&mut self, task: &'a Task, input: Value) -> Option<Next> {
        let now = self.context.now;
        let given = Given { input: Some(&input), task: Some((task, now)), ..Given::default() };
        match &task.kind {
            TaskKind::Do(block) | TaskKind::Try(block, _) => {
                self.state.data = input.clone();
                self.open(*block, input, 1, now);
                None
            }
            TaskKind::Set(template) => match self.scope().fill(template, &input, given) {
                Ok(output) => self.complete(task, input, output, task.then, self.attempt(now)),
                Err(fault) => self.fail(task, input, fault, self.attempt(now)),
            },
            TaskKind::Switch(cases) => {
                let found = cases.iter().find_map(|case| match self.scope().holds(case.when.as_ref(), &input, given) {
                    Ok(false) => None,
                    Ok(true) => Some(Ok(case.then)),
                    Err(fault) => Some(Err(fault)),
                });
                match found.unwrap_or(Ok(task.then)) {
                    Ok(then) => self.complete(task, input.clone(), input, then, self.attempt(now)),
                    Err(fault) => self.fail(task, input, fault, self.attempt(now)),
                }
            }
            TaskKind::Raise(error) => {
                let (Ok(fault) | Err(fault)) = self.scope().raised(error, &input, given);
                self.fail(task, input, fault, self.attempt(now))
            }
            TaskKind::Wait(delay) => match self.scope().delay(delay, &input, given) {
                Ok(delay) => {
                    let until = now.after(delay);
                    let waiting = self.entry(task, TaskStatus::Waiting, input.clone(), self.attempt(now));
                    self.entries.push(TaskEntry { until: Some(until), ..waiting });
                    self.state.pending = Some(Pending::Wait { input, started_at: now, until });
                    Some(Next::Wait { until })
                }
                Err(fault) => self.fail(task, input, fault, self.attempt(now)),
            },
            TaskKind::Call(_) | TaskKind::Emit(_) => self.ask(input, now),
        }
    }

    /// Asks for the effect of the current task; computed anew when it is asked for again, so the state stays small.
    fn ask(&mut self, input: Value, started_at: Time) -> Option<Next> {
        let task = self.current()?;
        let given = Given { input: Some(&input), task: Some((task, started_at)), ..Given::default() };
        let action = match &task.kind {
            TaskKind::Call(call) => self.scope().call(call, &input, given),
            TaskKind::Emit(emit) => self.scope().emit(emit, &input, given),
            _ => Err(FaultKind::Runtime.fault("this task has no effect")),
        };
        match action {
            Ok(action) => {
                let effect = self.effect(task, action);
                self.state.pending = Some(Pending::Effect { input, started_at });
                Some(Next::Effect(effect))
            }
            Err(fault) => self.fail(task, input, fault, self.attempt(started_at)),
        }
    }

    fn effect(&self, task: &Task, action: Action) -> Effect {
        Effect {
            reference: task.reference.clone(),
            name: task.name.clone(),
            attempt: self.number(),
            idempotency_key: self.key(task),
            action,
        }
    }

    fn effect_done(&mut self, input: Value, started_at: Time, result: EffectResult) -> Option<Next> {
        let task = self.current()?;
        let attempt = Attempt {
            begun_at: started_at,
            started_at: result.started_at,
            finished_at: result.finished_at,
            number: self.number(),
            key: Some(self.key(task)),
            exchange: result.exchange,
            unsent: result.unsent,
            logs: result.logs,
            deeds: result.deeds,
        };
        match result.outcome.and_then(|output| checked(output, "the task's output")) {
            Ok(output) => self.complete(task, input, output, task.then, attempt),
            Err(fault) => self.fail(task, input, fault, attempt),
        }
    }

    /// `output.as`, `export.as`, history, and on.
    pub(super) fn complete(
        &mut self,
        task: &'a Task,
        input: Value,
        raw: Value,
        then: Then,
        attempt: Attempt,
    ) -> Option<Next> {
        let (output, context) = match self.transform(task, &input, raw, attempt.begun_at) {
            Ok(transformed) => transformed,
            Err(fault) => return self.fail(task, input, fault, attempt),
        };
        self.history += limits::weigh(&input) + limits::weigh(&output);
        let entry = self.entry(task, TaskStatus::Completed, input, attempt);
        self.entries.push(TaskEntry { output: Some(output.clone()), ..entry });
        self.state.data = output;
        if let Some(context) = context {
            self.state.context = context;
        }
        self.go(then)
    }

    /// The transformed output, and the new context if there is one.
    fn transform(
        &self,
        task: &Task,
        input: &Value,
        raw: Value,
        begun_at: Time,
    ) -> Result<(Value, Option<Value>), Fault> {
        let given = Given { input: Some(input), task: Some((task, begun_at)), ..Given::default() };
        let output = match &task.output {
            Some(shape) => self.scope().fill(shape, &raw, given)?,
            None => raw,
        };
        let output = checked(output, "the task's output")?;
        let context = match &task.export {
            Some(shape) => {
                let given = Given { output: Some(&output), ..given };
                Some(checked(self.scope().fill(shape, &output, given)?, "the context")?)
            }
            None => None,
        };
        Ok((output, context))
    }

    /// Moves on within the innermost block.
    pub(super) fn go(&mut self, then: Then) -> Option<Next> {
        if then == Then::End {
            self.state.frames.clear();
            return Some(self.finish());
        }
        let frame = self.state.frames.last_mut()?;
        match then {
            Then::Continue => frame.index += 1,
            Then::Exit | Then::End => frame.index = usize::MAX,
            Then::Goto(index) => {
                frame.round = frame.round.saturating_add(u32::from(index <= frame.index));
                frame.index = index;
            }
        }
        None
    }

    /// Closes the innermost block: its owner is complete.
    fn leave(&mut self) -> Option<Next> {
        let frame = self.state.frames.pop()?;
        match self.owner(frame.block) {
            None => Some(self.finish()),
            Some(owner) => self.close(owner, frame),
        }
    }

    /// Completes the owner of a block that was left.
    pub(super) fn close(&mut self, owner: &'a Task, frame: Frame) -> Option<Next> {
        let output = std::mem::take(&mut self.state.data);
        let attempt = self.attempt(frame.started_at);
        self.complete(owner, frame.input, output, owner.then, attempt)
    }

    pub(super) fn owner(&self, block: BlockId) -> Option<&'a Task> {
        self.workflow.tasks.get(self.workflow.blocks.get(block)?.owner?)
    }

    fn finish(&mut self) -> Next {
        let data = std::mem::take(&mut self.state.data);
        let output = match &self.workflow.output {
            Some(shape) => {
                self.scope().fill(shape, &data, Given::default()).and_then(|output| checked(output, "the output"))
            }
            None => Ok(data),
        };
        self.state = State { begun: true, ..State::new(Value::Null) };
        match output {
            Ok(output) => Next::Completed(output),
            Err(fault) => Next::Faulted(Fault { instance: Some("/output/as".to_owned()), ..fault }),
        }
    }

    /// The attempt that a task of the innermost block is at: that of the nearest `try` around it.
    fn number(&self) -> u32 {
        let tries = self
            .state
            .frames
            .iter()
            .rev()
            .filter(|frame| self.workflow.blocks.get(frame.block).is_some_and(|block| block.role == Role::Try));
        tries.map(|frame| frame.attempt).next().unwrap_or(1)
    }

    pub(super) fn attempt(&self, started_at: Time) -> Attempt {
        let finished_at = self.context.now;
        Attempt {
            begun_at: started_at,
            started_at,
            finished_at,
            number: self.number(),
            key: None,
            exchange: None,
            unsent: None,
            logs: Vec::new(),
            deeds: Vec::new(),
        }
    }

    pub(super) fn entry(&self, task: &Task, status: TaskStatus, input: Value, attempt: Attempt) -> TaskEntry {
        TaskEntry {
            reference: task.reference.clone(),
            name: task.name.clone(),
            kind: task.label.to_owned(),
            attempt: attempt.number,
            status,
            input,
            output: None,
            error: None,
            started_at: attempt.started_at,
            finished_at: attempt.finished_at,
            idempotency_key: attempt.key,
            exchange: attempt.exchange,
            unsent: attempt.unsent,
            logs: attempt.logs,
            deeds: attempt.deeds,
            until: None,
        }
    }

    /// The idempotency key of the current visit of `task`: the run, the task, and how often each block around it has
    /// gone backwards. Repeats after a crash and retries bear the same key; the next round of a loop has another.
    fn key(&self, task: &Task) -> String {
        let mut hash = Sha256::new();
        hash.update(self.context.run.as_bytes());
        for frame in &self.state.frames {
            hash.update(frame.round.to_be_bytes());
        }
        hash.update(task.reference.as_bytes());
        hex::encode(&hash.finalize()[..16])
    }
}

fn checked(value: Value, what: &str) -> Result<Value, Fault> {
    limits::check(&value, what).map(|()| value)
}

impl Pending {
    fn until(&self) -> Option<Time> {
        match self {
            Self::Wait { until, .. } | Self::Retry { until } => Some(*until),
            Self::Effect { .. } => None,
        }
    }
}
