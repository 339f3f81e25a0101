//! Expressions of definitions: checked when saved, compiled once, evaluated natively or on the plugin threads.

use std::sync::Arc;

use serde_json::Value;

use crate::expr::{EvaluateError, Expression, NoSandbox, Sandbox as _};

use super::Engine;
use super::sandbox::JqSandbox;

impl Engine {
    /// Checks an expression; the error has line and column.
    pub(super) async fn check_expression(&self, source: &str) -> Result<(), String> {
        let expression = self.expression(source)?;
        if expression.is_bounded() {
            return Ok(());
        }
        let (sandbox, owner, source) = (self.sandbox(), source, source.to_owned());
        let checked = self.plugins.run_blocking(owner, move || sandbox.check(&source, &[])).await;
        checked.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }

    /// The first output of an expression of `owner` (`space/workflow`) over `input`. Where it needs the sandbox, it
    /// shares the owner's lane, and rests for the owner alone if it keeps failing.
    pub(super) async fn evaluate(&self, owner: &str, source: &str, input: &Value) -> Result<Value, EvaluateError> {
        let expression = self.expression(source).map_err(EvaluateError::Failed)?;
        if expression.is_bounded() {
            return expression.evaluate(input, &[], &NoSandbox);
        }
        let (sandbox, input) = (self.sandbox_for(owner), input.clone());
        let evaluated = self.plugins.run_blocking(owner, move || expression.evaluate(&input, &[], &sandbox)).await;
        evaluated.unwrap_or_else(|error| Err(EvaluateError::Unavailable(error.to_string())))
    }

    /// Where expressions are checked that cannot be read here: what is in them counts, not whose they are.
    pub(super) fn sandbox(&self) -> JqSandbox {
        self.sandbox_for("")
    }

    /// Where expressions of `owner` run that are not proven bounded.
    pub(super) fn sandbox_for(&self, owner: &str) -> JqSandbox {
        JqSandbox::new(Arc::clone(&self.plugins), owner.to_owned())
    }

    fn expression(&self, source: &str) -> Result<Expression, String> {
        if let Some(expression) = self.expressions.get(source) {
            return Ok(expression);
        }
        let expression = Expression::compile(source, &[]).map_err(|error| error.to_string())?;
        self.expressions.insert(source.to_owned(), expression.clone());
        Ok(expression)
    }
}
