//! jq programs (jaq), compiled with no more of the standard library than they use, and with nothing of the host.
//!
//! Compiling a program with all of jaq's library takes some 650 µs in WebAssembly; with what a typical rule uses it
//! takes a few µs. Shared by the plugins `field-mapping` and `jq`, and by the host for what it may run natively.
//!
//! A program is untrusted: it may run for ever, recurse until the stack ends, or make values of any size. Whoever runs
//! it outside a sandbox must know that it does not. The same holds for parsing: it recurses as deep as the source nests.
//!
//! What jq offers of the world is not there: `env` and `$ENV` are `{}`, `debug` and `stderr` do nothing, and `now`,
//! `halt`, `halt_error`, `input`, `inputs`, `localtime`, `strflocaltime` and modules are refused when compiling.

mod library;
mod names;
mod value;

#[cfg(test)]
#[path = "../build/print.rs"]
mod print;
#[cfg(test)]
mod tests;

pub use jaq_json::Val;
pub use value::{DEPTH_MAX, from_val, to_val};

use std::fmt;

use jaq_core::data::JustLut;
use jaq_core::load::{Arena, Error as LoadError, File, Loader, span};
use jaq_core::{Compiler, Ctx, Vars, compile};
use serde_json::Value;

/// A compiled program. Cheap to run many times.
pub struct Program {
    filter: jaq_core::Filter<JustLut<Val>>,
    variables: usize,
    takes_env: bool,
}

/// Why a source is no program, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// The reason.
    pub message: String,
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for CompileError {}

/// The variable that holds the environment; always `{}`.
const ENV: &str = "$ENV";

impl Program {
    /// Compiles a source. `variables`: the names of the global variables, each with its `$`, in the order of their
    /// values when run.
    ///
    /// # Errors
    /// The first error: line, column and reason.
    pub fn compile(source: &str, variables: &[&str]) -> Result<Self, CompileError> {
        let (definitions, functions) = library::for_source(source);
        let arena = Arena::default();
        let modules = Loader::new(definitions).load(&arena, File { code: source, path: () }).map_err(|errors| {
            let error = errors.into_iter().map(|(_, error)| explain_load(source, error)).next();
            error.unwrap_or_else(|| at(source, 0, "the program cannot be read".into()))
        })?;
        let takes_env = source.contains(ENV) && !variables.contains(&ENV);
        let globals = variables.iter().copied().chain(takes_env.then_some(ENV));
        let compiled = Compiler::default().with_funs(functions).with_global_vars(globals).compile(modules);
        let filter = compiled.map_err(|errors| {
            let error = errors.into_iter().flat_map(|(_, errors)| errors).next();
            error
                .map_or_else(|| at(source, 0, "the program cannot be compiled".into()), |e| explain_compile(source, &e))
        })?;
        Ok(Self { filter, variables: variables.len(), takes_env })
    }

    /// The first output of the program; `None` if it has none. `variables`: the values, in the order of their names.
    ///
    /// # Errors
    /// The error that the program ends with, as text.
    ///
    /// # Panics
    /// If there are not as many values as there were names: a mistake of the caller.
    pub fn run_first(&self, input: Val, variables: impl IntoIterator<Item = Val>) -> Result<Option<Val>, String> {
        let mut variables: Vec<Val> = variables.into_iter().collect();
        assert_eq!(variables.len(), self.variables, "one value for each variable");
        variables.extend(self.takes_env.then(|| Val::obj(Default::default())));
        let context = Ctx::<JustLut<Val>>::new(&self.filter.lut, Vars::new(variables));
        match self.filter.id.run((context, input)).next() {
            None => Ok(None),
            Some(Ok(value)) => Ok(Some(value)),
            Some(Err(exception)) => Err(match exception.get_err() {
                Ok(error) => match error.into_val() {
                    Val::TStr(text) => String::from_utf8_lossy(&text).into_owned(),
                    other => other.to_string(),
                },
                Err(_) => "the program breaks out of itself".to_owned(),
            }),
        }
    }

    /// [`Self::run_first`] on JSON values.
    ///
    /// # Errors
    /// The error that the program ends with, or that its output has no JSON form.
    pub fn run_json(&self, input: &Value, variables: &[&Value]) -> Result<Option<Value>, String> {
        let output = self.run_first(to_val(input), variables.iter().map(|value| to_val(value)))?;
        output.map(|value| from_val(&value)).transpose()
    }
}

/// An error at a byte offset of the source.
fn at(source: &str, offset: usize, message: String) -> CompileError {
    let before = source.get(..offset).unwrap_or(source);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    CompileError { line, column: before[line_start..].chars().count() + 1, message }
}

/// An error at a part of the source.
fn at_part(source: &str, part: &str, message: String) -> CompileError {
    let whole = source.as_bytes().as_ptr_range();
    let is_inside = (whole.start..=whole.end).contains(&part.as_ptr());
    at(source, if is_inside { span(source, part).start } else { 0 }, message)
}

fn explain_load(source: &str, error: LoadError<&str>) -> CompileError {
    let first = match error {
        LoadError::Io(errors) => {
            errors.into_iter().next().map(|(path, _)| (path, "modules cannot be imported here".to_owned()))
        }
        LoadError::Lex(errors) => {
            errors.into_iter().next().map(|(expected, found)| (found, expectation(expected.as_str(), found)))
        }
        LoadError::Parse(errors) => {
            errors.into_iter().next().map(|(expected, found)| (found, expectation(expected.as_str(), found)))
        }
    };
    match first {
        Some((part, message)) => at_part(source, part, message),
        None => at(source, 0, "the program cannot be read".into()),
    }
}

fn expectation(expected: &str, found: &str) -> String {
    /// What is shown of what was found, in characters.
    const FOUND_SHOWN: usize = 30;
    let expected = match expected {
        "" => "the end",
        other => other,
    };
    match found.chars().take(FOUND_SHOWN).collect::<String>() {
        found if found.is_empty() => format!("expected {expected}, found the end"),
        found => format!("expected {expected}, found `{found}`"),
    }
}

fn explain_compile(source: &str, (name, undefined): &compile::Error<&str>) -> CompileError {
    let message = match undefined {
        compile::Undefined::Filter(_) if names::REFUSED.contains(name) => {
            format!("`{name}` is not available: expressions see their input and variables only")
        }
        compile::Undefined::Filter(arity) => format!("the filter `{name}/{arity}` is not defined"),
        other => format!("the {} `{name}` is not defined", other.as_str()),
    };
    at_part(source, name, message)
}
