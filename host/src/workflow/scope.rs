//! What expressions see: data and the variables of the specification (dsl.md, "Runtime expression arguments").

use std::cell::Cell;

use serde_json::{Value, json};

use crate::expr::Expression;
use crate::model::{Fault, Time};

use super::effect::StepContext;
use super::fault::{self, FaultKind};
use super::limits::WORK_MAX;
use super::model::{Task, Workflow};
use super::state::State;
use super::value::Template;

/// Evaluates for one transition.
pub(super) struct Scope<'a> {
    pub workflow: &'a Workflow,
    pub state: &'a State,
    pub context: &'a StepContext<'a>,
    pub work: &'a Cell<u64>,
}

/// What belongs to the place of one expression.
#[derive(Clone, Copy, Default)]
pub(super) struct Given<'a> {
    pub input: Option<&'a Value>,
    pub output: Option<&'a Value>,
    pub task: Option<(&'a Task, Time)>,
    /// An error that is being caught: its variable and itself.
    pub error: Option<(&'a str, &'a Value)>,
}

impl Scope<'_> {
    /// The value of `expression` on `data`.
    pub(super) fn evaluate(&self, expression: &Expression, data: &Value, given: Given<'_>) -> Result<Value, Fault> {
        let task = match given.task {
            Some((task, started_at)) if expression.uses("$task") => json!({
                "name": task.name,
                "reference": task.reference,
                "input": given.input,
                "output": given.output,
                "startedAt": moment(started_at),
            }),
            _ => Value::Null,
        };
        let workflow = match expression.uses("$workflow") {
            true => json!({
                "id": self.context.run.to_string(),
                "name": self.context.workflow.as_str(),
                "version": self.context.version,
                "input": self.state.input,
                "startedAt": moment(self.context.started_at),
            }),
            false => Value::Null,
        };
        let runtime = match expression.uses("$runtime") {
            true => json!({ "name": "tenterhook", "version": env!("CARGO_PKG_VERSION"), "metadata": {} }),
            false => Value::Null,
        };
        let mut variables: Vec<(&str, &Value)> = Vec::with_capacity(8);
        variables.extend(given.error);
        for frame in self.state.frames.iter().rev() {
            if let (Some(error), Some(name)) = (&frame.error, self.workflow.error_variable(frame.block)) {
                variables.push((name, error));
            }
        }
        variables.push(("$context", &self.state.context));
        variables.extend(given.input.map(|input| ("$input", input)));
        variables.extend(given.output.map(|output| ("$output", output)));
        variables.extend([("$task", &task), ("$workflow", &workflow), ("$runtime", &runtime)]);
        let value = expression
            .evaluate_counted(data, &variables, self.context.sandbox, self.work)
            .map_err(|error| fault::of_evaluation(&error))?;
        match self.work.get() {
            ..=WORK_MAX => Ok(value),
            _ => Err(FaultKind::Expression.fault("the expressions of this task together need too much work")),
        }
    }

    /// `template` filled in.
    pub(super) fn fill(&self, template: &Template, data: &Value, given: Given<'_>) -> Result<Value, Fault> {
        template.fill(&mut |expression| self.evaluate(expression, data, given))
    }

    /// `condition` is absent or neither false nor null.
    pub(super) fn holds(&self, condition: Option<&Expression>, data: &Value, given: Given<'_>) -> Result<bool, Fault> {
        match condition {
            None => Ok(true),
            Some(condition) => {
                let value = self.evaluate(condition, data, given)?;
                Ok(!matches!(value, Value::Null | Value::Bool(false)))
            }
        }
    }
}

/// A date-time descriptor of the specification.
fn moment(time: Time) -> Value {
    let millis = time.as_millis();
    json!({ "iso8601": time.to_string(), "epoch": { "seconds": millis / 1_000, "milliseconds": millis } })
}
