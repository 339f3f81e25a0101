//! jq expressions: native when they are bounded by construction, in a sandbox otherwise.
//!
//! Everything here is written by users and not trusted. A source with few tokens is parsed by jaq's parser (`guard`),
//! its names are resolved (`resolve`, `names`), and if it uses only the bounded part of jq (`plan`) it is interpreted
//! here under a meter (`run`, `meter`). Everything else — recursion, folds, updates, regular expressions, long texts —
//! is for the [`Sandbox`]. jaq's own evaluator never runs in this process.
//!
//! Bounded expressions give what jaq 3.1 gives (a property test compares them), but for: integers beyond 64 bits become
//! floats; a result that is not finite, a field whose name is no text, and `tonumber` of a text that is not exactly one
//! number are errors; an error counts even if another operand has no output; errors are worded for people.

mod functions;
mod guard;
mod meter;
mod names;
mod number;
mod ops;
mod parse;
mod plan;
mod resolve;
mod run;
mod sorting;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use meter::Meter;
use plan::Plan;

/// Longest source of an expression, in bytes.
pub const SOURCE_BYTES_MAX: usize = 16 * 1024;
/// What one evaluation in the sandbox counts as, in units of native work.
const SANDBOX_UNITS: u64 = 10_000;

/// A compiled expression: cheap to clone, shared between threads.
#[derive(Clone, Debug)]
pub struct Expression(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    source: String,
    /// Given variables, in the order of the plan's globals.
    variables: Vec<String>,
    /// Those it reads.
    used: BTreeSet<String>,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// Interpreted here.
    Bounded(Plan),
    /// Parsed here, run in the sandbox.
    Unbounded,
    /// Too long or too deep to be parsed here.
    Unread,
}

/// Why a text is no expression that we run. Positions count from 1, in characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct ExpressionError {
    /// Line within the expression.
    pub line: usize,
    /// Column within that line.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

/// Why an evaluation gave no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluateError {
    /// The expression itself failed: a jq error.
    #[error("{0}")]
    Failed(String),
    /// It needed more time, memory or output than it may have.
    #[error("{0}")]
    Limit(String),
    /// There is no sandbox to run it in, or it is too busy: try later.
    #[error("{0}")]
    Unavailable(String),
}

/// Runs what is not bounded by construction.
pub trait Sandbox: Send + Sync {
    /// Runs `source` with a deadline and a memory cap; blocks the thread. First output, or null.
    ///
    /// # Errors
    /// See [`EvaluateError`].
    fn evaluate(&self, source: &str, input: &Value, variables: &[(&str, &Value)]) -> Result<Value, EvaluateError>;

    /// Parses and resolves `source` without running it: for sources too long or too deep to be parsed natively.
    ///
    /// # Errors
    /// See [`Expression::compile`].
    fn check(&self, source: &str, variables: &[&str]) -> Result<(), ExpressionError>;
}

/// Refuses everything: for tests and lint.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSandbox;

impl Sandbox for NoSandbox {
    fn evaluate(&self, _: &str, _: &Value, _: &[(&str, &Value)]) -> Result<Value, EvaluateError> {
        Err(EvaluateError::Unavailable("this expression needs the sandbox, and there is none here".to_owned()))
    }

    fn check(&self, _: &str, _: &[&str]) -> Result<(), ExpressionError> {
        let message = "this expression is too long to be checked here".to_owned();
        Err(ExpressionError { line: 1, column: 1, message })
    }
}

impl Expression {
    /// Parses and classifies. `variables` are the names it may use, with their `$`.
    ///
    /// A source too long or too deep to be parsed natively is taken unread: see [`Expression::is_unread`].
    ///
    /// # Errors
    /// Bad syntax, an unknown function or variable, something of the host (`env`, `now`, `input`, …), too long.
    pub fn compile(source: &str, variables: &[&str]) -> Result<Self, ExpressionError> {
        if source.len() > SOURCE_BYTES_MAX {
            let message = format!("the expression is longer than {SOURCE_BYTES_MAX} bytes; move it into a plugin");
            return Err(ExpressionError { line: 1, column: 1, message });
        }
        let (form, used) = if guard::is_shallow(source) {
            let term = parse::parse(source)?;
            let names = resolve::resolve(source, &term, variables)?;
            (plan::plan(&term, variables).map_or(Form::Unbounded, Form::Bounded), names.variables)
        } else {
            let mentioned = variables.iter().filter(|name| source.contains(**name));
            (Form::Unread, mentioned.map(|name| (*name).to_owned()).collect())
        };
        let variables = variables.iter().map(|name| (*name).to_owned()).collect();
        Ok(Self(Arc::new(Inner { source: source.to_owned(), variables, used, form })))
    }

    /// Its text.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// It evaluates natively: it cannot run for ever, nor take more than a fixed amount of work and memory.
    pub fn is_bounded(&self) -> bool {
        matches!(self.0.form, Form::Bounded(_))
    }

    /// It was too long or too deep to be parsed here: before it is saved, [`Sandbox::check`] must have seen it.
    pub fn is_unread(&self) -> bool {
        matches!(self.0.form, Form::Unread)
    }

    /// It reads the given variable `name` (with its `$`); others need not be given to [`Expression::evaluate`].
    pub fn uses(&self, name: &str) -> bool {
        self.0.used.contains(name)
    }

    /// The names that it may use, as given to [`Expression::compile`].
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.0.variables.iter().map(String::as_str)
    }

    /// First output, or null if it has none. Bounded expressions run here; others go to `sandbox`.
    ///
    /// # Errors
    /// See [`EvaluateError`].
    pub fn evaluate(
        &self,
        input: &Value,
        variables: &[(&str, &Value)],
        sandbox: &dyn Sandbox,
    ) -> Result<Value, EvaluateError> {
        self.evaluate_counted(input, variables, sandbox, &Cell::new(0))
    }

    /// As [`Expression::evaluate`], and adds the work done to `work`: a unit is a few 10 ns.
    ///
    /// # Errors
    /// See [`EvaluateError`].
    pub fn evaluate_counted(
        &self,
        input: &Value,
        variables: &[(&str, &Value)],
        sandbox: &dyn Sandbox,
        work: &Cell<u64>,
    ) -> Result<Value, EvaluateError> {
        let given = |name: &str| variables.iter().find(|(given, _)| *given == name).map(|(_, value)| *value);
        let Form::Bounded(plan) = &self.0.form else {
            work.set(work.get().saturating_add(SANDBOX_UNITS));
            let used: Vec<_> = self.0.used.iter().filter_map(|name| Some((name.as_str(), given(name)?))).collect();
            return sandbox.evaluate(&self.0.source, input, &used);
        };
        let globals: Vec<&Value> = self.0.variables.iter().map(|name| given(name).unwrap_or(&run::NULL)).collect();
        let meter = Meter::new();
        let first = run::first(plan, input, &globals, &meter);
        work.set(work.get().saturating_add(meter.spent()));
        first.map(|value| value.unwrap_or(Value::Null)).map_err(|stop| match stop {
            run::Stop::Failed(message) => EvaluateError::Failed(message),
            run::Stop::Exhausted | run::Stop::Enough => EvaluateError::Limit(format!(
                "the expression needs more than {} steps on this data; use a plugin for work of this size",
                meter::UNITS_MAX
            )),
        })
    }
}
