//! Values of a document in which `${ … }` stands for what an expression gives.

use std::time::Duration;

use serde_json::Value;

use crate::expr::Expression;
use crate::model::Object;

/// A value with expressions in it.
#[derive(Debug)]
pub(super) enum Template {
    Literal(Value),
    Expression(Expression),
    List(Vec<Template>),
    Map(Vec<(String, Template)>),
}

impl Template {
    /// Fills in what `evaluate` gives for each expression.
    pub(super) fn fill<E>(&self, evaluate: &mut dyn FnMut(&Expression) -> Result<Value, E>) -> Result<Value, E> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Expression(expression) => evaluate(expression),
            Self::List(items) => items.iter().map(|item| item.fill(evaluate)).collect(),
            Self::Map(fields) => {
                let filled = fields.iter().map(|(name, field)| Ok((name.clone(), field.fill(evaluate)?)));
                filled.collect::<Result<Object, E>>().map(Value::Object)
            }
        }
    }

    /// A list of templates, a literal if all of them are.
    pub(super) fn list(items: Vec<Self>) -> Self {
        if !items.iter().all(|item| matches!(item, Self::Literal(_))) {
            return Self::List(items);
        }
        Self::Literal(items.into_iter().map(Self::into_literal).collect())
    }

    /// A mapping of templates, a literal if all of them are.
    pub(super) fn map(fields: Vec<(String, Self)>) -> Self {
        if !fields.iter().all(|(_, field)| matches!(field, Self::Literal(_))) {
            return Self::Map(fields);
        }
        Self::Literal(Value::Object(fields.into_iter().map(|(name, field)| (name, field.into_literal())).collect()))
    }

    fn into_literal(self) -> Value {
        match self {
            Self::Literal(value) => value,
            _ => Value::Null,
        }
    }
}

/// A length of time: fixed, or computed when it is needed.
#[derive(Debug)]
pub(super) enum Delay {
    Fixed(Duration),
    /// Gives an ISO 8601 duration.
    Computed(Expression),
}
