//! Expressions of definitions: checked when saved, compiled once, evaluated natively or on the plugin threads.

use std::sync::Arc;

use serde_json::Value;

use crate::expr::{Expression, Sandbox as _};

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

    /// The first output of an expression over `input`.
    pub(super) async fn evaluate(&self, source: &str, input: &Value) -> Result<Value, String> {
        let expression = self.expression(source)?;
        let sandbox = self.sandbox();
        if expression.is_bounded() {
            return expression.evaluate(input, &[], &sandbox).map_err(|error| error.to_string());
        }
        let input = input.clone();
        let evaluated = self.plugins.run_blocking(source, move || expression.evaluate(&input, &[], &sandbox)).await;
        evaluated.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }

    /// Where expressions run that are not proven bounded.
    pub(super) fn sandbox(&self) -> JqSandbox {
        JqSandbox::new(Arc::clone(&self.plugins))
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
