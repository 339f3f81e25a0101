//! Faults: into history, and up through the blocks to a `try` that catches them.

use serde_json::Value;

use crate::expr::Expression;
use crate::model::{Fault, TaskEntry, TaskStatus};

use super::effect::Next;
use super::fault::{self, canonical};
use super::model::{Catch, Role, Task, TaskKind};
use super::retry::Failed;
use super::scope::Given;
use super::state::{Frame, Pending};
use super::step::{Attempt, Machine};

/// What a `try` makes of a fault.
enum Verdict {
    /// It is not for this `try`.
    Pass(Fault),
    Retry(crate::model::Time),
    Handle,
    /// Nothing more is to be done about it.
    Swallow,
}

impl<'a> Machine<'a> {
    /// Ends an attempt at `task` with `fault`.
    pub(super) fn fail(&mut self, task: &'a Task, input: Value, fault: Fault, attempt: Attempt) -> Option<Next> {
        let instance = fault.instance.clone().or_else(|| Some(task.reference.clone()));
        let fault = Fault { instance, ..fault };
        let entry = self.entry(task, TaskStatus::Faulted, input, attempt);
        self.entries.push(TaskEntry { error: Some(fault.clone()), ..entry });
        self.unwind(fault)
    }

    /// Leaves blocks until a `try` catches `fault`.
    fn unwind(&mut self, mut fault: Fault) -> Option<Next> {
        while let Some(frame) = self.state.frames.pop() {
            let Some(owner) = self.owner(frame.block) else { break };
            if let (TaskKind::Try(_, catch), Some(Role::Try)) = (&owner.kind, self.role(&frame)) {
                match self.verdict(owner, catch, &frame, fault.clone()) {
                    Verdict::Pass(passed) => fault = passed,
                    Verdict::Retry(until) => return Some(self.retry(frame, until)),
                    Verdict::Handle => return self.handle(catch, frame, &fault),
                    Verdict::Swallow => {
                        self.state.data = frame.input.clone();
                        return self.close(owner, frame);
                    }
                }
            }
            let attempt = self.attempt(frame.started_at);
            let entry = self.entry(owner, TaskStatus::Faulted, frame.input, attempt);
            self.entries.push(TaskEntry { error: Some(fault.clone()), ..entry });
        }
        self.state.frames.clear();
        Some(Next::Faulted(fault))
    }

    fn role(&self, frame: &Frame) -> Option<Role> {
        self.workflow.blocks.get(frame.block).map(|block| block.role)
    }

    fn verdict(&self, owner: &Task, catch: &Catch, frame: &Frame, fault: Fault) -> Verdict {
        let decided = self.decide(owner, catch, frame, &fault);
        match decided {
            Ok(Some(verdict)) => verdict,
            Ok(None) => Verdict::Pass(fault),
            // A condition that fails is a fault of the `try` itself, for those around it.
            Err(failed) => {
                let instance = failed.instance.clone().or_else(|| Some(owner.reference.clone()));
                Verdict::Pass(Fault { instance, ..failed })
            }
        }
    }

    /// Retry while the policy says so; then `catch.do`; without it the fault goes on if there was a policy.
    fn decide(&self, owner: &Task, catch: &Catch, frame: &Frame, fault: &Fault) -> Result<Option<Verdict>, Fault> {
        let error = fault::to_value(fault);
        let passes = |variable: &str, when: &Option<Expression>, except: &Option<Expression>| -> Result<bool, Fault> {
            let given = Given {
                input: Some(&frame.input),
                output: None,
                task: Some((owner, frame.started_at)),
                error: Some((variable, &error)),
            };
            let holds = |condition| self.scope().holds(condition, &frame.input, given);
            Ok(holds(when.as_ref())? && (except.is_none() || !holds(except.as_ref())?))
        };
        let matches = catch.with.iter().all(|(name, wanted)| member(fault, name).as_ref() == Some(wanted));
        if !matches || !passes(&catch.variable, &catch.when, &catch.except_when)? {
            return Ok(None);
        }
        if let Some(policy) = &catch.retry
            && passes(&catch.retry_variable, &policy.when, &policy.except_when)?
        {
            let failed = Failed {
                run: self.context.run,
                reference: &owner.reference,
                attempt: frame.attempt,
                first_at: frame.started_at,
                now: self.context.now,
            };
            if let Some(until) = policy.next(&failed) {
                return Ok(Some(Verdict::Retry(until)));
            }
        }
        Ok(match (&catch.block, &catch.retry) {
            (Some(_), _) => Some(Verdict::Handle),
            (None, Some(_)) => None,
            (None, None) => Some(Verdict::Swallow),
        })
    }

    fn retry(&mut self, frame: Frame, until: crate::model::Time) -> Next {
        if let Some(entry) = self.entries.last_mut() {
            entry.until = Some(until);
        }
        self.state.data = frame.input.clone();
        let attempt = frame.attempt.saturating_add(1);
        self.state.frames.push(Frame { index: 0, round: 0, attempt, ..frame });
        self.state.pending = Some(Pending::Retry { until });
        Next::Wait { until }
    }

    fn handle(&mut self, catch: &Catch, frame: Frame, fault: &Fault) -> Option<Next> {
        let block = catch.block?;
        self.state.data = frame.input.clone();
        let error = Some(fault::to_value(fault));
        self.state.frames.push(Frame { block, index: 0, round: 0, attempt: 0, error, ..frame });
        None
    }
}

/// A member of an error, as filters name it; types in one spelling.
fn member(fault: &Fault, name: &str) -> Option<Value> {
    let text = |text: &str| Some(Value::from(text));
    match name {
        "type" => text(&canonical(&fault.kind)),
        "status" => Some(fault.status.into()),
        "title" => text(&fault.title),
        "detail" => text(fault.detail.as_deref()?),
        "instance" => text(fault.instance.as_deref()?),
        _ => None,
    }
}
