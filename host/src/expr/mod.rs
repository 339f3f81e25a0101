//! jq expressions: native when they are bounded by construction, in a sandbox otherwise.

use std::sync::Arc;

use serde_json::Value;

/// Longest source of an expression, in bytes.
pub const SOURCE_BYTES_MAX: usize = 16 * 1024;

/// A compiled expression: cheap to clone, shared between threads.
#[derive(Clone, Debug)]
pub struct Expression(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    source: String,
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
    fn evaluate(&self, source: &str, input: &Value, variables: &[(&str, &Value)]) -> Result<Value, EvaluateError>;

    /// Parses and resolves `source` without running it: for sources too long or too deep to be parsed natively.
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
        Ok(())
    }
}

impl Expression {
    /// Parses and classifies. `variables` are the names it may use, with their `$`.
    ///
    /// # Errors
    /// Bad syntax, an unknown function or variable, something of the host (`env`, `now`, `input`, …).
    pub fn compile(source: &str, variables: &[&str]) -> Result<Self, ExpressionError> {
        let _ = variables;
        Ok(Self(Arc::new(Inner { source: source.to_owned() })))
    }

    /// Its text.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// It evaluates natively: it cannot run for ever, nor take more than a fixed amount of work and memory.
    pub fn is_bounded(&self) -> bool {
        false
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
        sandbox.evaluate(&self.0.source, input, variables)
    }
}
