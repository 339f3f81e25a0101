//! Finds unknown and refused names before anything runs.

use std::collections::BTreeSet;

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Pattern, Term};
use jaq_core::path::Part;

use super::parse::error_at;
use super::{ExpressionError, names};

/// What an expression refers to.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The given variables that it reads, with their `$`.
    pub variables: BTreeSet<String>,
}

/// Checks every name in `term` against the functions of jq, its own definitions and the given `variables`.
pub(super) fn resolve(source: &str, term: &Term<&str>, variables: &[&str]) -> Result<Names, ExpressionError> {
    let mut resolver =
        Resolver { source, given: variables, functions: Vec::new(), locals: Vec::new(), names: Names::default() };
    resolver.term(term)?;
    Ok(resolver.names)
}

struct Resolver<'s, 'v> {
    source: &'s str,
    given: &'v [&'v str],
    functions: Vec<(&'s str, usize)>,
    locals: Vec<&'s str>,
    names: Names,
}

type Checked = Result<(), ExpressionError>;

impl<'s> Resolver<'s, '_> {
    fn term(&mut self, term: &Term<&'s str>) -> Checked {
        match term {
            Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) | Term::Arr(None) => Ok(()),
            Term::Str(format, parts) => self.text(*format, parts),
            Term::Arr(Some(inner)) | Term::Neg(inner) | Term::Label(_, inner) => self.term(inner),
            Term::Obj(entries) => entries.iter().try_for_each(|(key, value)| {
                self.term(key)?;
                value.as_ref().map_or(Ok(()), |value| self.term(value))
            }),
            Term::BinOp(left, op, right) => self.binary(left, op, right),
            Term::Fold(_, items, pattern, arguments) => self.fold(items, pattern, arguments),
            Term::TryCatch(body, handler) => {
                self.term(body)?;
                handler.as_ref().map_or(Ok(()), |handler| self.term(handler))
            }
            Term::IfThenElse(branches, otherwise) => {
                branches.iter().try_for_each(|(condition, branch)| {
                    self.term(condition)?;
                    self.term(branch)
                })?;
                otherwise.as_ref().map_or(Ok(()), |otherwise| self.term(otherwise))
            }
            Term::Def(definitions, body) => self.definitions(definitions, body),
            Term::Call(name, arguments) => {
                self.function(name, arguments.len())?;
                arguments.iter().try_for_each(|argument| self.term(argument))
            }
            Term::Var(name) => self.variable(name),
            Term::Path(head, path) => {
                self.term(head)?;
                path.0.iter().try_for_each(|(part, _)| match part {
                    Part::Index(index) => self.term(index),
                    Part::Range(from, upto) => from.iter().chain(upto).try_for_each(|bound| self.term(bound)),
                })
            }
        }
    }

    fn text(&mut self, format: Option<&'s str>, parts: &[StrPart<&'s str, Term<&'s str>>]) -> Checked {
        if let Some(format) = format {
            self.function(format, 0)?;
        }
        parts.iter().try_for_each(|part| match part {
            StrPart::Term(term) => self.term(term),
            StrPart::Str(_) | StrPart::Char(_) => Ok(()),
        })
    }

    fn binary(&mut self, left: &Term<&'s str>, op: &BinaryOp<&'s str>, right: &Term<&'s str>) -> Checked {
        self.term(left)?;
        match op {
            BinaryOp::Pipe(Some(pattern)) => self.with_pattern(pattern, |this| this.term(right)),
            _ => self.term(right),
        }
    }

    fn fold(&mut self, items: &Term<&'s str>, pattern: &Pattern<&'s str>, arguments: &[Term<&'s str>]) -> Checked {
        self.term(items)?;
        let Some((start, steps)) = arguments.split_first() else { return Ok(()) };
        self.term(start)?;
        self.with_pattern(pattern, |this| steps.iter().try_for_each(|step| this.term(step)))
    }

    fn with_pattern(&mut self, pattern: &Pattern<&'s str>, body: impl FnOnce(&mut Self) -> Checked) -> Checked {
        let outer = self.locals.len();
        self.pattern(pattern)?;
        body(self)?;
        self.locals.truncate(outer);
        Ok(())
    }

    fn pattern(&mut self, pattern: &Pattern<&'s str>) -> Checked {
        match pattern {
            Pattern::Var(name) => self.locals.push(name),
            Pattern::Arr(items) => items.iter().try_for_each(|item| self.pattern(item))?,
            Pattern::Obj(entries) => entries.iter().try_for_each(|(key, value)| {
                self.term(key)?;
                self.pattern(value)
            })?,
        }
        Ok(())
    }

    fn definitions(&mut self, definitions: &[jaq_core::load::parse::Def<&'s str>], body: &Term<&'s str>) -> Checked {
        let outer = self.functions.len();
        for definition in definitions {
            let (functions, locals) = (self.functions.len(), self.locals.len());
            self.functions.push((definition.name, definition.args.len()));
            for argument in &definition.args {
                match argument.starts_with('$') {
                    true => self.locals.push(argument),
                    false => self.functions.push((argument, 0)),
                }
            }
            self.term(&definition.body)?;
            self.functions.truncate(functions + 1);
            self.locals.truncate(locals);
        }
        self.term(body)?;
        self.functions.truncate(outer);
        Ok(())
    }

    fn function(&self, name: &'s str, arity: usize) -> Checked {
        if self.functions.contains(&(name, arity)) {
            return Ok(());
        }
        if let Some(reason) = names::refusal(name) {
            return Err(error_at(self.source, name, &format!("`{name}` is not available: {reason}")));
        }
        if names::is_known(name, arity) {
            return Ok(());
        }
        let known = names::arities(name);
        let message = match known.as_slice() {
            [] => format!("there is no function `{name}`"),
            arities => format!("`{name}` takes {} arguments, not {arity}", arities.join(" or ")),
        };
        Err(error_at(self.source, name, &message))
    }

    fn variable(&mut self, name: &'s str) -> Checked {
        if self.locals.contains(&name) {
            return Ok(());
        }
        if self.given.contains(&name) {
            self.names.variables.insert(name.to_owned());
            return Ok(());
        }
        let message = match name {
            "$ENV" => "`$ENV` is not available: expressions cannot read the environment of the server".to_owned(),
            "$secrets" => "`$secrets` is not available: a webhook's definition inserts secrets itself".to_owned(),
            _ => format!("there is no variable `{name}` here; there is {}", self.given.join(", ")),
        };
        Err(error_at(self.source, name, &message))
    }
}
