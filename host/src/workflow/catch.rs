//! Tree to workflow: `catch` and `retry`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::document::NodeKind;
use super::fault::canonical;
use super::model::{Catch, RaisedError};
use super::reader::{At, Reader};
use super::retry::{Backoff, DELAY_DEFAULT, RETRIES_DEFAULT, RETRIES_MAX, RetryPolicy};
use super::tasks::BODY_VARIABLES;

/// The variable that holds a caught error unless `catch.as` names another.
pub(super) const ERROR_VARIABLE: &str = "$error";

/// What `use` defines; `None` where a definition was refused.
pub(super) struct Definitions {
    pub retries: BTreeMap<String, Option<RetryPolicy>>,
    pub errors: BTreeMap<String, Option<Arc<RaisedError>>>,
}

/// Everything of a `catch` but its `do`, which the caller reads with the error variable in scope.
pub(super) fn read(reader: &mut Reader, at: &At<'_>, definitions: &Definitions) -> Option<Catch> {
    const UNSUPPORTED: [(&str, &str); 1] = [("then", "put `then` on the `try` task, or into `catch.do`")];
    if !reader.only(at, &["errors", "as", "when", "exceptWhen", "retry", "do"], &UNSUPPORTED) {
        return None;
    }
    let variable = match at.field("as") {
        None => ERROR_VARIABLE.to_owned(),
        Some(name) => variable_name(reader, &name).map_or(ERROR_VARIABLE.to_owned(), |name| format!("${name}")),
    };
    let with = at.field("errors").map(|errors| filter(reader, &errors)).unwrap_or_default();
    reader.errors.push(variable.clone());
    let mut condition = |name| at.field(name).and_then(|field| reader.expression(&field, &BODY_VARIABLES));
    let (when, except_when) = (condition("when"), condition("exceptWhen"));
    let retry_at = at.field("retry");
    let named = retry_at.as_ref().is_some_and(|retry| matches!(retry.node.kind, NodeKind::Text(..)));
    let retry = retry_at.and_then(|retry| match &retry.node.kind {
        NodeKind::Text(name, _) => match definitions.retries.get(name) {
            Some(policy) => policy.clone(),
            None => {
                reader.refuse(&retry, format!("there is no retry policy `{name}` under use.retries"));
                None
            }
        },
        _ => retry_policy(reader, &retry),
    });
    let retry_variable = if named { ERROR_VARIABLE.to_owned() } else { variable.clone() };
    reader.errors.pop();
    Some(Catch { with, variable, when, except_when, retry, retry_variable, block: None })
}

fn variable_name<'n>(reader: &mut Reader, at: &At<'n>) -> Option<&'n str> {
    const TAKEN: [&str; 8] = ["context", "input", "output", "task", "workflow", "runtime", "secrets", "authorization"];
    let name = reader.literal(at, "the variable")?;
    let is_word = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_word || name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty() || TAKEN.contains(&name) {
        reader.refuse(
            at,
            format!("{name:?} cannot name a variable; use letters, digits and _, and no name of the language"),
        );
        return None;
    }
    Some(name)
}

/// `errors.with`: members that an error must have, types in one spelling.
fn filter(reader: &mut Reader, errors: &At<'_>) -> Vec<(String, Value)> {
    if !reader.only(errors, &["with"], &[]) {
        return Vec::new();
    }
    let Some(with) = reader.required(errors, "with") else { return Vec::new() };
    reader.only(&with, &["type", "status", "instance", "title", "detail"], &[]);
    let mut members = Vec::new();
    for (entry, field) in with.fields().into_iter().flatten() {
        match entry.name.as_str() {
            "status" => {
                if let Some(status) = reader.count(&field, 999) {
                    members.push((entry.name.clone(), status.into()));
                }
            }
            name => {
                if let Some(text) = reader.literal(&field, "a filter of errors") {
                    let text = if name == "type" { canonical(text) } else { text.to_owned() };
                    members.push((name.to_owned(), text.into()));
                }
            }
        }
    }
    members
}

/// A retry policy, inline or of `use.retries`. The error variable must be in scope.
pub(super) fn retry_policy(reader: &mut Reader, at: &At<'_>) -> Option<RetryPolicy> {
    if !reader.only(at, &["when", "exceptWhen", "delay", "backoff", "limit", "jitter"], &[]) {
        return None;
    }
    let mut condition = |name| at.field(name).and_then(|field| reader.expression(&field, &BODY_VARIABLES));
    let (when, except_when) = (condition("when"), condition("exceptWhen"));
    let delay = match at.field("delay") {
        Some(delay) => reader.duration(&delay)?,
        None => DELAY_DEFAULT,
    };
    let backoff = match at.field("backoff") {
        Some(backoff) => read_backoff(reader, &backoff, delay)?,
        None => Backoff::Constant,
    };
    let (count, total) = match at.field("limit") {
        Some(limit) => read_limit(reader, &limit)?,
        None => (RETRIES_DEFAULT, None),
    };
    let jitter = match at.field("jitter") {
        Some(jitter) => {
            reader.only(&jitter, &["from", "to"], &[]);
            let from = reader.required(&jitter, "from").and_then(|from| reader.duration(&from))?;
            let to = reader.required(&jitter, "to").and_then(|to| reader.duration(&to))?;
            if from > to {
                reader.refuse(&jitter, "`from` must not be longer than `to`");
            }
            Some((from, to))
        }
        None => None,
    };
    Some(RetryPolicy { when, except_when, delay, backoff, count, total, jitter })
}

fn read_backoff(reader: &mut Reader, at: &At<'_>, delay: std::time::Duration) -> Option<Backoff> {
    reader.only(at, &["constant", "linear", "exponential"], &[]);
    let named: Vec<_> = at.fields()?.collect();
    let [(entry, field)] = named.as_slice() else {
        reader.refuse(at, "expected one of constant, linear, exponential");
        return None;
    };
    match entry.name.as_str() {
        "linear" => {
            reader.only(field, &["increment"], &[]);
            let increment = field.field("increment").and_then(|increment| reader.duration(&increment));
            Some(Backoff::Linear(increment.unwrap_or(delay)))
        }
        "exponential" => {
            reader.only(field, &["factor"], &[]);
            let Some(factor) = field.field("factor") else { return Some(Backoff::Exponential(2.0)) };
            let number = match &factor.node.kind {
                NodeKind::Number(number) => number.as_f64().filter(|number| *number >= 1.0),
                _ => None,
            };
            if number.is_none() {
                reader.refuse(&factor, "expected a number of at least 1");
            }
            number.map(Backoff::Exponential)
        }
        _ => {
            reader.only(field, &[], &[]);
            Some(Backoff::Constant)
        }
    }
}

fn read_limit(reader: &mut Reader, at: &At<'_>) -> Option<(u32, Option<std::time::Duration>)> {
    const UNSUPPORTED: [(&str, &str); 1] =
        [("duration", "one attempt is limited by the webhook's timeout; limit all of them by `limit.duration`")];
    reader.only(at, &["attempt", "duration"], &[]);
    let count = match at.field("attempt") {
        Some(attempt) => {
            reader.only(&attempt, &["count"], &UNSUPPORTED);
            match attempt.field("count") {
                Some(count) => reader.count(&count, RETRIES_MAX)?,
                None => RETRIES_DEFAULT,
            }
        }
        None => RETRIES_MAX,
    };
    let total = at.field("duration").and_then(|total| reader.duration(&total));
    Some((count, total))
}
