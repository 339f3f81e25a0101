//! Reading a tree with all its faults: places with their JSON pointers, refusals, texts, values and expressions.

use serde_json::Value;

use crate::expr::{Expression, ExpressionError};
use crate::model::Slug;

use super::document::{Entry, Node, NodeKind, escaped};
use super::model::{Unread, Workflow};
use super::place::Place;
use super::value::{Delay, Template};
use super::{Refusal, duration};

/// Most refusals reported of one document.
const REFUSALS_MAX: usize = 100;

/// A node and the way to it.
#[derive(Clone, Debug)]
pub(super) struct At<'n> {
    pub node: &'n Node,
    pub path: String,
}

impl<'n> At<'n> {
    pub(super) fn place(&self) -> Place {
        Place { line: self.node.line, column: self.node.column, path: self.path.clone() }
    }

    /// The fields, if it is a mapping.
    pub(super) fn fields(&self) -> Option<impl Iterator<Item = (&'n Entry, Self)>> {
        let NodeKind::Map(entries) = &self.node.kind else { return None };
        let path = self.path.clone();
        Some(entries.iter().map(move |entry| {
            let path = format!("{path}/{}", escaped(&entry.name));
            (entry, At { node: &entry.value, path })
        }))
    }

    /// The field `name`, if it is a mapping that has it.
    pub(super) fn field(&self, name: &str) -> Option<Self> {
        let NodeKind::Map(entries) = &self.node.kind else { return None };
        let entry = entries.iter().find(|entry| entry.name == name)?;
        Some(At { node: &entry.value, path: format!("{}/{}", self.path, escaped(name)) })
    }

    /// The items, if it is a list.
    pub(super) fn items(&self) -> Option<impl Iterator<Item = Self>> {
        let NodeKind::List(items) = &self.node.kind else { return None };
        let path = self.path.clone();
        Some(items.iter().enumerate().map(move |(index, node)| At { node, path: format!("{path}/{index}") }))
    }
}

/// Collects the workflow and the refusals.
#[derive(Default)]
pub(super) struct Reader {
    pub workflow: Workflow,
    pub refusals: Vec<Refusal>,
    /// Variables that hold caught errors, outermost first, with their `$`.
    pub errors: Vec<String>,
}

/// What `${ … }` holds, if the whole of `text` is one.
pub(super) fn inner_expression(text: &str) -> Option<&str> {
    text.trim().strip_prefix("${")?.strip_suffix('}')
}

impl Reader {
    pub(super) fn refuse(&mut self, at: &At<'_>, reason: impl Into<String>) {
        self.refuse_at(at.node.line, at.node.column, &at.path, reason);
    }

    pub(super) fn refuse_at(&mut self, line: usize, column: usize, path: &str, reason: impl Into<String>) {
        if self.refusals.len() < REFUSALS_MAX {
            self.refusals.push(Refusal { line, column, path: path.to_owned(), reason: reason.into() });
        }
    }

    /// Refuses everything but the `known` fields, with the reason for those of `unsupported`; `false` if `at` is no
    /// mapping.
    pub(super) fn only(&mut self, at: &At<'_>, known: &[&str], unsupported: &[(&str, &str)]) -> bool {
        let Some(fields) = at.fields() else {
            self.refuse(at, format!("expected a mapping with {}, found {}", known.join(", "), at.node.describe()));
            return false;
        };
        for (entry, field) in fields.filter(|(entry, _)| !known.contains(&entry.name.as_str())) {
            let reason = match unsupported.iter().find(|(name, _)| *name == entry.name) {
                Some((name, reason)) => format!("`{name}` is not supported: {reason}"),
                None => format!("`{}` is not known here; known are {}", entry.name, known.join(", ")),
            };
            self.refuse_at(entry.line, entry.column, &field.path, reason);
        }
        true
    }

    /// The field `name`, refused if it is missing.
    pub(super) fn required<'n>(&mut self, at: &At<'n>, name: &str) -> Option<At<'n>> {
        let field = at.field(name);
        if field.is_none() {
            self.refuse(at, format!("`{name}` is missing"));
        }
        field
    }

    /// A text.
    pub(super) fn text<'n>(&mut self, at: &At<'n>) -> Option<&'n str> {
        match &at.node.kind {
            NodeKind::Text(text, _) => Some(text),
            NodeKind::Number(number) => {
                self.refuse(at, format!("expected a text, found the number {number}; write it in quotes"));
                None
            }
            _ => {
                self.refuse(at, format!("expected a text, found {}", at.node.describe()));
                None
            }
        }
    }

    /// A text without expressions, for names that must be known before a run: `what` they are.
    pub(super) fn literal<'n>(&mut self, at: &At<'n>, what: &str) -> Option<&'n str> {
        let text = self.text(at)?;
        if text.contains("${") {
            let reason =
                format!("{what} must be written out, so that it is known where it is used; for a choice use `switch`");
            self.refuse(at, reason);
            return None;
        }
        Some(text)
    }

    /// An id written out.
    pub(super) fn slug(&mut self, at: &At<'_>, what: &str) -> Option<Slug> {
        match self.literal(at, what)?.parse() {
            Ok(slug) => Some(slug),
            Err(error) => {
                self.refuse(at, error.to_string());
                None
            }
        }
    }

    /// A whole number from 0 to `most`.
    pub(super) fn count(&mut self, at: &At<'_>, most: u32) -> Option<u32> {
        let count = match &at.node.kind {
            NodeKind::Number(number) => number.as_u64().and_then(|count| u32::try_from(count).ok()),
            _ => None,
        };
        if count.is_none_or(|count| count > most) {
            self.refuse(at, format!("expected a whole number from 0 to {most}, found {}", at.node.describe()));
            return None;
        }
        count
    }

    /// A value in which texts `${ … }` are expressions.
    pub(super) fn template(&mut self, at: &At<'_>, variables: &[&str]) -> Option<Template> {
        match &at.node.kind {
            NodeKind::Text(text, _) => match inner_expression(text) {
                Some(_) => self.expression(at, variables).map(Template::Expression),
                None if text.contains("${") => {
                    let reason =
                        "an expression must be the whole text; to insert into a text write ${ \"… \\(.name) …\" }";
                    self.refuse(at, reason);
                    None
                }
                None => Some(Template::Literal(Value::String(text.clone()))),
            },
            NodeKind::List(_) => {
                let items: Vec<_> = at.items()?.map(|item| self.template(&item, variables)).collect();
                items.into_iter().collect::<Option<_>>().map(Template::list)
            }
            NodeKind::Map(_) => {
                let fields: Vec<_> = at
                    .fields()?
                    .map(|(entry, field)| Some((entry.name.clone(), self.template(&field, variables)?)))
                    .collect();
                fields.into_iter().collect::<Option<_>>().map(Template::map)
            }
            _ => Some(Template::Literal(at.node.to_value())),
        }
    }

    /// A template whose texts are expressions even without `${ }`, if `at` is a text.
    pub(super) fn filter(&mut self, at: &At<'_>, variables: &[&str]) -> Option<Template> {
        match &at.node.kind {
            NodeKind::Text(..) => self.expression(at, variables).map(Template::Expression),
            _ => self.template(at, variables),
        }
    }

    /// An expression, in `${ }` or bare. `true` and `false` are taken as such.
    pub(super) fn expression(&mut self, at: &At<'_>, variables: &[&str]) -> Option<Expression> {
        let (text, offset) = match &at.node.kind {
            NodeKind::Text(text, offset) => (text.as_str(), *offset),
            NodeKind::Bool(true) => ("true", Some(0)),
            NodeKind::Bool(false) => ("false", Some(0)),
            _ => {
                self.refuse(at, format!("expected an expression, found {}", at.node.describe()));
                return None;
            }
        };
        let source = inner_expression(text).unwrap_or(text);
        let before = text.find(source).map_or(0, |at| text[..at].chars().count());
        let errors = std::mem::take(&mut self.errors);
        let known: Vec<&str> = variables.iter().copied().chain(errors.iter().map(String::as_str)).collect();
        let compiled = Expression::compile(source, &known);
        self.errors = errors;
        match compiled {
            Ok(expression) => {
                self.note(at, &expression);
                Some(expression)
            }
            Err(error) => {
                self.refuse_expression(at, &error, offset.map(|offset| offset + before));
                None
            }
        }
    }

    /// `offset`: columns from the node's start to the expression's first, if both stand on one line.
    fn refuse_expression(&mut self, at: &At<'_>, error: &ExpressionError, offset: Option<usize>) {
        let reason = format!("the expression is not right: {}", error.message);
        match offset {
            Some(offset) if error.line == 1 => {
                self.refuse_at(at.node.line, at.node.column + offset + error.column - 1, &at.path, reason);
            }
            _ => {
                let place = format!(" (line {}, column {} of the expression)", error.line, error.column);
                self.refuse(at, reason + &place);
            }
        }
    }

    fn note(&mut self, at: &At<'_>, expression: &Expression) {
        self.workflow.unbounded |= !expression.is_bounded();
        let used = expression.variables().filter(|name| expression.uses(name)).map(str::to_owned);
        self.workflow.variables.extend(used);
        if expression.is_unread() {
            self.workflow.unread.push(Unread { expression: expression.clone(), place: at.place() });
        }
    }

    /// A duration: a mapping of units or ISO 8601.
    pub(super) fn duration(&mut self, at: &At<'_>) -> Option<std::time::Duration> {
        const UNITS: [(&str, f64); 5] = [
            ("days", 86_400_000.0),
            ("hours", 3_600_000.0),
            ("minutes", 60_000.0),
            ("seconds", 1_000.0),
            ("milliseconds", 1.0),
        ];
        let read = match &at.node.kind {
            NodeKind::Text(text, _) => duration::parse_iso(text),
            NodeKind::Map(entries) if !entries.is_empty() => {
                self.only(at, &UNITS.map(|(unit, _)| unit), &[]);
                let mut millis = 0.0;
                for (unit, factor) in UNITS {
                    if let Some(field) = at.field(unit) {
                        millis += f64::from(self.count(&field, u32::MAX)?) * factor;
                    }
                }
                duration::limited(millis)
            }
            _ => Err(format!("expected a duration such as {{ minutes: 5 }} or PT5M, found {}", at.node.describe())),
        };
        read.map_err(|reason| self.refuse(at, reason)).ok()
    }

    /// A duration, or an expression that gives one.
    pub(super) fn delay(&mut self, at: &At<'_>, variables: &[&str]) -> Option<Delay> {
        match &at.node.kind {
            NodeKind::Text(text, _) if inner_expression(text).is_some() => {
                self.expression(at, variables).map(Delay::Computed)
            }
            _ => self.duration(at).map(Delay::Fixed),
        }
    }
}
