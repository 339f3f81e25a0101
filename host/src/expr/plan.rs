//! The bounded part of jq, as a tree that is interpreted natively; what does not fit in it goes to the sandbox.
//!
//! Bounded means: no definitions, recursion, folds, ranges, updates or regular expressions. So the tree's depth bounds
//! the stack, the depth of values grows by at most the size of the tree, and a meter bounds work and memory.

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Pattern, Term};
use jaq_core::ops::{Cmp, Math};
use jaq_core::path::{Opt, Part as TermPart};
use serde_json::Value;

use super::functions::{Binary, Unary};
use super::number;

/// A bounded expression.
#[derive(Debug)]
pub(super) enum Plan {
    Input,
    Literal(Value),
    /// The n-th innermost binding.
    Local(usize),
    /// The n-th given variable.
    Global(usize),
    Array(Option<Box<Plan>>),
    Object(Vec<(Plan, Plan)>),
    Text(Format, Vec<TextPart>),
    Negate(Box<Plan>),
    Pipe(Box<Plan>, Box<Plan>),
    /// Binds parts of each output of the first to variables, for the second.
    Bind(Box<Plan>, Vec<Vec<Value>>, Box<Plan>),
    Comma(Box<Plan>, Box<Plan>),
    Alternative(Box<Plan>, Box<Plan>),
    /// `and` (stops at false) and `or` (stops at true).
    Logic(Box<Plan>, bool, Box<Plan>),
    Math(Box<Plan>, Math, Box<Plan>),
    Compare(Box<Plan>, Cmp, Box<Plan>),
    Try(Box<Plan>),
    If(Box<Plan>, Box<Plan>, Box<Plan>),
    /// Each part may be optional (`?`).
    Path(Box<Plan>, Vec<(Part, bool)>),
    Empty,
    Raise(Box<Plan>),
    First(Box<Plan>),
    /// Whether any output is true.
    Any(Box<Plan>),
    Call(Unary),
    Apply(Binary, Box<Plan>),
}

/// One part of a path.
#[derive(Debug)]
pub(super) enum Part {
    Index(Plan),
    Slice(Option<Plan>, Option<Plan>),
    Each,
}

/// One part of an interpolated text.
#[derive(Debug)]
pub(super) enum TextPart {
    Fixed(String),
    Inserted(Plan),
}

/// How inserted values become text.
#[derive(Clone, Copy, Debug)]
pub(super) enum Format {
    Text,
    Json,
    Uri,
    Html,
    Base64,
}

/// The plan of `term`, or `None` if it is not bounded. Names must have been resolved.
pub(super) fn plan(term: &Term<&str>, globals: &[&str]) -> Option<Plan> {
    Planner { globals, locals: Vec::new() }.term(term)
}

struct Planner<'s, 'g> {
    globals: &'g [&'g str],
    locals: Vec<&'s str>,
}

impl<'s> Planner<'s, '_> {
    fn boxed(&mut self, term: &Term<&'s str>) -> Option<Box<Plan>> {
        self.term(term).map(Box::new)
    }

    fn term(&mut self, term: &Term<&'s str>) -> Option<Plan> {
        Some(match term {
            Term::Id => Plan::Input,
            Term::Num(digits) => Plan::Literal(number::literal(digits)?),
            Term::Str(format, parts) => self.text(*format, parts)?,
            Term::Arr(None) => Plan::Array(None),
            Term::Arr(Some(inner)) => Plan::Array(Some(self.boxed(inner)?)),
            Term::Obj(entries) => {
                Plan::Object(entries.iter().map(|(key, value)| self.entry(key, value.as_ref())).collect::<Option<_>>()?)
            }
            Term::Neg(inner) => Plan::Negate(self.boxed(inner)?),
            Term::BinOp(left, op, right) => self.binary(left, op, right)?,
            Term::TryCatch(body, None) => Plan::Try(self.boxed(body)?),
            Term::IfThenElse(branches, otherwise) => self.branches(branches, otherwise.as_deref())?,
            Term::Call(name, arguments) => self.call(name, arguments)?,
            Term::Var(name) => self.variable(name)?,
            Term::Path(head, path) => {
                let head = self.boxed(head)?;
                let parts = path.0.iter().map(|(part, opt)| self.part(part, *opt)).collect::<Option<_>>()?;
                Plan::Path(head, parts)
            }
            Term::Recurse
            | Term::Label(..)
            | Term::Break(_)
            | Term::Fold(..)
            | Term::TryCatch(_, Some(_))
            | Term::Def(..) => return None,
        })
    }

    fn text(&mut self, format: Option<&str>, parts: &[StrPart<&'s str, Term<&'s str>>]) -> Option<Plan> {
        let format = match format {
            None | Some("@text") => Format::Text,
            Some("@json") => Format::Json,
            Some("@uri") => Format::Uri,
            Some("@html") => Format::Html,
            Some("@base64") => Format::Base64,
            Some(_) => return None,
        };
        let mut merged: Vec<TextPart> = Vec::new();
        for part in parts {
            let fixed = match part {
                StrPart::Term(term) => {
                    merged.push(TextPart::Inserted(self.term(term)?));
                    continue;
                }
                StrPart::Str(text) => (*text).to_owned(),
                StrPart::Char(c) => c.to_string(),
            };
            match merged.last_mut() {
                Some(TextPart::Fixed(text)) => text.push_str(&fixed),
                _ => merged.push(TextPart::Fixed(fixed)),
            }
        }
        Some(match merged.as_mut_slice() {
            [] => Plan::Literal(Value::String(String::new())),
            [TextPart::Fixed(text)] => Plan::Literal(Value::String(std::mem::take(text))),
            _ => Plan::Text(format, merged),
        })
    }

    fn entry(&mut self, key: &Term<&'s str>, value: Option<&Term<&'s str>>) -> Option<(Plan, Plan)> {
        Some(match (key, value) {
            (Term::Var(name), None) => (Plan::Literal(Value::String(name[1..].to_owned())), self.variable(name)?),
            (key, None) => {
                let index = Part::Index(self.term(key)?);
                (self.term(key)?, Plan::Path(Box::new(Plan::Input), vec![(index, false)]))
            }
            (key, Some(value)) => (self.term(key)?, self.term(value)?),
        })
    }

    fn binary(&mut self, left: &Term<&'s str>, op: &BinaryOp<&'s str>, right: &Term<&'s str>) -> Option<Plan> {
        let left = self.boxed(left)?;
        if let BinaryOp::Pipe(Some(pattern)) = op {
            let mut variables = Vec::new();
            pattern_variables(pattern, &mut Vec::new(), &mut variables)?;
            let outer = self.locals.len();
            self.locals.extend(variables.iter().map(|(name, _)| *name));
            let right = self.boxed(right);
            self.locals.truncate(outer);
            return Some(Plan::Bind(left, variables.into_iter().map(|(_, steps)| steps).collect(), right?));
        }
        let right = self.boxed(right)?;
        Some(match op {
            BinaryOp::Pipe(_) => Plan::Pipe(left, right),
            BinaryOp::Comma => Plan::Comma(left, right),
            BinaryOp::Alt => Plan::Alternative(left, right),
            BinaryOp::Or => Plan::Logic(left, true, right),
            BinaryOp::And => Plan::Logic(left, false, right),
            BinaryOp::Math(op) => Plan::Math(left, *op, right),
            BinaryOp::Cmp(op) => Plan::Compare(left, *op, right),
            BinaryOp::Assign | BinaryOp::Update | BinaryOp::UpdateMath(_) | BinaryOp::UpdateAlt => return None,
        })
    }

    fn branches(
        &mut self,
        branches: &[(Term<&'s str>, Term<&'s str>)],
        otherwise: Option<&Term<&'s str>>,
    ) -> Option<Plan> {
        let mut plan = match otherwise {
            Some(term) => self.term(term)?,
            None => Plan::Input,
        };
        for (condition, branch) in branches.iter().rev() {
            plan = Plan::If(self.boxed(condition)?, self.boxed(branch)?, Box::new(plan));
        }
        Some(plan)
    }

    fn variable(&self, name: &str) -> Option<Plan> {
        match self.locals.iter().rev().position(|local| *local == name) {
            Some(local) => Some(Plan::Local(local)),
            None => self.globals.iter().position(|global| *global == name).map(Plan::Global),
        }
    }

    fn part(&mut self, part: &TermPart<Term<&'s str>>, opt: Opt) -> Option<(Part, bool)> {
        let mut single = |term: &Term<&'s str>| self.term(term).filter(Plan::is_single);
        let part = match part {
            TermPart::Index(index) => Part::Index(single(index)?),
            TermPart::Range(None, None) => Part::Each,
            TermPart::Range(from, upto) => {
                let from = from.as_ref().map(|from| single(from).ok_or(())).transpose().ok()?;
                Part::Slice(from, upto.as_ref().map(|upto| single(upto).ok_or(())).transpose().ok()?)
            }
        };
        Some((part, matches!(opt, Opt::Optional)))
    }

    fn call(&mut self, name: &str, arguments: &[Term<&'s str>]) -> Option<Plan> {
        match arguments {
            [] => nullary(name),
            [argument] => {
                let argument = self.boxed(argument)?;
                Some(match name {
                    "error" => Plan::Raise(argument),
                    "first" => Plan::First(argument),
                    "map" => Plan::Array(Some(Box::new(Plan::Pipe(each(), argument)))),
                    "select" => Plan::If(argument, Box::new(Plan::Input), Box::new(Plan::Empty)),
                    "any" => Plan::Any(Box::new(Plan::Pipe(each(), argument))),
                    "all" => all(Plan::Pipe(each(), argument)),
                    "with_entries" => Plan::Pipe(
                        Box::new(Plan::Call(Unary::ToEntries)),
                        Box::new(Plan::Pipe(
                            Box::new(Plan::Array(Some(Box::new(Plan::Pipe(each(), argument))))),
                            Box::new(Plan::Call(Unary::FromEntries)),
                        )),
                    ),
                    _ => Plan::Apply(Binary::named(name)?, argument),
                })
            }
            _ => None,
        }
    }
}

/// Plans of functions without arguments.
fn nullary(name: &str) -> Option<Plan> {
    let literal = |value: Value| Some(Plan::Literal(value));
    match name {
        "null" => literal(Value::Null),
        "true" => literal(Value::Bool(true)),
        "false" => literal(Value::Bool(false)),
        "empty" => Some(Plan::Empty),
        "error" => Some(Plan::Raise(Box::new(Plan::Input))),
        "not" => Some(negated(Plan::Input)),
        "first" => Some(Plan::Path(Box::new(Plan::Input), vec![(Part::Index(Plan::Literal(0.into())), false)])),
        "last" => Some(Plan::Path(Box::new(Plan::Input), vec![(Part::Index(Plan::Literal((-1).into())), false)])),
        "values" => {
            let present = Plan::Compare(Box::new(Plan::Input), Cmp::Ne, Box::new(Plan::Literal(Value::Null)));
            Some(Plan::If(Box::new(present), Box::new(Plan::Input), Box::new(Plan::Empty)))
        }
        "any" => Some(Plan::Any(each())),
        "all" => Some(all(*each())),
        _ => Unary::named(name).map(Plan::Call),
    }
}

fn each() -> Box<Plan> {
    Box::new(Plan::Path(Box::new(Plan::Input), vec![(Part::Each, false)]))
}

fn negated(plan: Plan) -> Plan {
    let truth = |value| Box::new(Plan::Literal(Value::Bool(value)));
    Plan::If(Box::new(plan), truth(false), truth(true))
}

/// All outputs are true: none is untrue.
fn all(plan: Plan) -> Plan {
    let any_untrue = Plan::Any(Box::new(Plan::Pipe(Box::new(plan), Box::new(negated(Plan::Input)))));
    negated(any_untrue)
}

/// Each variable of `pattern`, in order, with the way to it. `None` for computed keys.
fn pattern_variables<'s>(
    pattern: &Pattern<&'s str>,
    steps: &mut Vec<Value>,
    variables: &mut Vec<(&'s str, Vec<Value>)>,
) -> Option<()> {
    match pattern {
        Pattern::Var(name) => variables.push((name, steps.clone())),
        Pattern::Arr(items) => {
            for (index, item) in items.iter().enumerate() {
                steps.push(index.into());
                pattern_variables(item, steps, variables)?;
                steps.pop();
            }
        }
        Pattern::Obj(entries) => {
            for (key, value) in entries {
                let Term::Str(None, parts) = key else { return None };
                let [StrPart::Str(key)] = parts.as_slice() else { return None };
                steps.push(Value::String((*key).to_owned()));
                pattern_variables(value, steps, variables)?;
                steps.pop();
            }
        }
    }
    Some(())
}

impl Plan {
    /// It has at most one output.
    pub(super) fn is_single(&self) -> bool {
        match self {
            Self::Input | Self::Literal(_) | Self::Local(_) | Self::Global(_) | Self::Array(_) | Self::Empty => true,
            Self::Raise(_) | Self::First(_) | Self::Any(_) | Self::Call(_) => true,
            Self::Object(entries) => entries.iter().all(|(key, value)| key.is_single() && value.is_single()),
            Self::Text(_, parts) => parts.iter().all(|part| match part {
                TextPart::Fixed(_) => true,
                TextPart::Inserted(plan) => plan.is_single(),
            }),
            Self::Negate(inner) | Self::Try(inner) | Self::Apply(_, inner) => inner.is_single(),
            Self::Comma(..) => false,
            Self::Pipe(left, right)
            | Self::Bind(left, _, right)
            | Self::Alternative(left, right)
            | Self::Logic(left, _, right)
            | Self::Math(left, _, right)
            | Self::Compare(left, _, right) => left.is_single() && right.is_single(),
            Self::If(condition, branch, otherwise) => {
                condition.is_single() && branch.is_single() && otherwise.is_single()
            }
            Self::Path(head, parts) => head.is_single() && parts.iter().all(|(part, _)| !matches!(part, Part::Each)),
        }
    }
}
