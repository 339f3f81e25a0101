//! minijinja, set up for one text: few filters, nothing of the world, bounded work.

use std::collections::HashSet;

use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value, filters, tests};
use tenterhook_decode::{DecodeError, escape};

use crate::insert::{JsonText, capture, insert, json};
use crate::place::Target;
use crate::sink::Sink;

/// The longest template: what people write is far shorter, and parsing takes time proportional to it.
pub const TEMPLATE_BYTES_MAX: usize = 64 << 10;
/// How many steps of the template engine one text may take: a loop over some thousand items.
const STEPS_MAX: u64 = 1_000_000;
/// How deep loops and blocks may lie in each other: the stack of an instance holds more.
const NESTING_MAX: usize = 50;

/// A filter or test by name, and how to add it.
type Addition = (&'static str, fn(&mut Environment<'_>));

/// Filters. A template gets those whose name occurs in it: adding all of them costs more than most templates.
pub const FILTERS: &[Addition] = &[
    ("abs", |env| env.add_filter("abs", filters::abs)),
    ("bool", |env| env.add_filter("bool", filters::bool)),
    ("capitalize", |env| env.add_filter("capitalize", filters::capitalize)),
    ("default", |env| env.add_filter("default", filters::default)),
    ("dictsort", |env| env.add_filter("dictsort", filters::dictsort)),
    ("first", |env| env.add_filter("first", filters::first)),
    ("float", |env| env.add_filter("float", filters::float)),
    ("format", |env| env.add_filter("format", filters::format)),
    ("int", |env| env.add_filter("int", filters::int)),
    ("items", |env| env.add_filter("items", filters::items)),
    ("join", |env| env.add_filter("join", filters::join)),
    ("last", |env| env.add_filter("last", filters::last)),
    ("length", |env| env.add_filter("length", filters::length)),
    ("list", |env| env.add_filter("list", filters::list)),
    ("lower", |env| env.add_filter("lower", filters::lower)),
    ("map", |env| env.add_filter("map", filters::map)),
    ("max", |env| env.add_filter("max", filters::max)),
    ("min", |env| env.add_filter("min", filters::min)),
    ("reject", |env| env.add_filter("reject", filters::reject)),
    ("rejectattr", |env| env.add_filter("rejectattr", filters::rejectattr)),
    ("replace", |env| env.add_filter("replace", filters::replace)),
    ("reverse", |env| env.add_filter("reverse", filters::reverse)),
    ("round", |env| env.add_filter("round", filters::round)),
    ("select", |env| env.add_filter("select", filters::select)),
    ("selectattr", |env| env.add_filter("selectattr", filters::selectattr)),
    ("sort", |env| env.add_filter("sort", filters::sort)),
    ("split", |env| env.add_filter("split", filters::split)),
    ("string", |env| env.add_filter("string", filters::string)),
    ("sum", |env| env.add_filter("sum", filters::sum)),
    ("title", |env| env.add_filter("title", filters::title)),
    ("tojson", |env| env.add_filter("tojson", to_json)),
    ("trim", |env| env.add_filter("trim", filters::trim)),
    ("unique", |env| env.add_filter("unique", filters::unique)),
    ("upper", |env| env.add_filter("upper", filters::upper)),
    ("urlencode", |env| env.add_filter("urlencode", url_encode)),
];

/// Tests (`is defined`). As with filters, a template gets those that it names.
pub const TESTS: &[Addition] = &[
    ("boolean", |env| env.add_test("boolean", tests::is_boolean)),
    ("defined", |env| env.add_test("defined", tests::is_defined)),
    ("divisibleby", |env| env.add_test("divisibleby", tests::is_divisibleby)),
    ("endingwith", |env| env.add_test("endingwith", tests::is_endingwith)),
    ("eq", |env| env.add_test("eq", tests::is_eq)),
    ("even", |env| env.add_test("even", tests::is_even)),
    ("ge", |env| env.add_test("ge", tests::is_ge)),
    ("gt", |env| env.add_test("gt", tests::is_gt)),
    ("in", |env| env.add_test("in", tests::is_in)),
    ("le", |env| env.add_test("le", tests::is_le)),
    ("lt", |env| env.add_test("lt", tests::is_lt)),
    ("mapping", |env| env.add_test("mapping", tests::is_mapping)),
    ("ne", |env| env.add_test("ne", tests::is_ne)),
    ("none", |env| env.add_test("none", tests::is_none)),
    ("number", |env| env.add_test("number", tests::is_number)),
    ("odd", |env| env.add_test("odd", tests::is_odd)),
    ("sequence", |env| env.add_test("sequence", tests::is_sequence)),
    ("startingwith", |env| env.add_test("startingwith", tests::is_startingwith)),
    ("string", |env| env.add_test("string", tests::is_string)),
    ("undefined", |env| env.add_test("undefined", tests::is_undefined)),
];

/// Why a text does not render.
#[derive(Debug)]
pub struct TemplateError {
    /// Where, in coordinates of the template, and why.
    pub error: DecodeError,
    /// Whether another input could render: the template itself is not at fault.
    pub depends_on_input: bool,
}

/// Renders one text.
///
/// # Errors
/// The text is too long, is no template, or takes too many steps; an operation does not fit its values.
pub fn render(source: &str, target: Target, input: &Value) -> Result<String, TemplateError> {
    if source.len() > TEMPLATE_BYTES_MAX {
        return Err(at(source, 0, format!("the text is longer than {TEMPLATE_BYTES_MAX} bytes")));
    }
    if !source.contains(['{', '}']) {
        return Ok(source.to_owned());
    }
    let sink = Sink::new(target);
    let env = environment(source, &sink);
    let template = env.template_from_str(source).map_err(|error| explain(source, &error))?;
    if source.contains("secret") && is_using(&template.undeclared_variables(false)) {
        let offset = source.find("secret").unwrap_or_default();
        let reason = match target {
            Target::Header => "a secret must stand alone, as in `Bearer {{ secret.NAME }}`",
            Target::Body(_) | Target::Url => "secrets can be inserted into headers only",
        };
        return Err(at(source, offset, reason.to_owned()));
    }
    let mut writer = sink.clone();
    template.render_captured_to(input.clone(), &mut writer).map_err(|error| explain(source, &error))?;
    String::from_utf8(sink.take()).map_err(|error| at(source, 0, format!("the text is not UTF-8: {error}")))
}

fn is_using(variables: &HashSet<String>) -> bool {
    variables.contains("secret")
}

fn environment<'source>(source: &str, sink: &Sink) -> Environment<'source> {
    let mut env = Environment::empty();
    env.set_undefined_behavior(UndefinedBehavior::Chainable);
    env.set_debug(true);
    env.set_fuel(Some(STEPS_MAX));
    env.set_recursion_limit(NESTING_MAX);
    for (_, add) in FILTERS.iter().chain(TESTS).filter(|(name, _)| source.contains(name)) {
        add(&mut env);
    }
    let sink = sink.clone();
    env.set_formatter(move |out, _state, value| {
        let (place, writes) = (sink.place(), sink.writes());
        out.write_str("")?;
        match sink.writes() == writes {
            true => capture(out, value),
            false => insert(out, place, value),
        }
    });
    env
}

/// The filter `tojson`: the value as JSON text.
fn to_json(value: &Value, _options: Kwargs) -> Result<Value, Error> {
    Ok(Value::from_object(JsonText(json(value)?)))
}

/// The filter `urlencode`: text as a part of a URL, for URLs in bodies.
fn url_encode(value: &str) -> Result<String, Error> {
    let mut out = String::new();
    escape::url(value, &mut out)?;
    Ok(out)
}

/// What went wrong, where.
fn explain(source: &str, error: &Error) -> TemplateError {
    let message = match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => format!("the template takes more than {STEPS_MAX} steps"),
        (ErrorKind::WriteFailure, _) => {
            std::error::Error::source(error).map_or_else(|| error.kind().to_string(), ToString::to_string)
        }
        (_, Some(detail)) => detail.to_owned(),
        (kind, None) => kind.to_string(),
    };
    let depends_on_input = matches!(
        error.kind(),
        ErrorKind::InvalidOperation
            | ErrorKind::UndefinedError
            | ErrorKind::NonPrimitive
            | ErrorKind::NonKey
            | ErrorKind::CannotUnpack
            | ErrorKind::BadSerialization
    );
    let mut explained = match error.range() {
        Some(range) => at(source, range.start, message),
        None => {
            let error = DecodeError { line: error.line().unwrap_or(1), column: 1, message };
            TemplateError { error, depends_on_input: false }
        }
    };
    explained.depends_on_input = depends_on_input;
    explained
}

/// An error at a byte offset of the template.
fn at(source: &str, offset: usize, message: String) -> TemplateError {
    let before = source.get(..offset).unwrap_or(source);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    let column = before[line_start..].chars().count() + 1;
    TemplateError { error: DecodeError { line, column, message }, depends_on_input: false }
}
