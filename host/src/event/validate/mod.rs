//! Schemas of event data: JSON Schema 2020-12, in a profile whose cost is bounded before anything is compiled.
//!
//! What is not in the profile is refused, never ignored: references leave the document nowhere (`$ref` is `#` or
//! `#/…`), schemas do not contain themselves (a recursion's cost depends on the data), there are no dynamic
//! references and no embedded resources (`$id` below the root). Regular expressions are those of ECMA-262 that a
//! small automaton can match: no look-around, no back-references, no `\b`. `format` is checked for the formats of the
//! standard, except `regex`; others are remarks.

mod cost;
mod regex;
mod scan;
mod unique;

use std::borrow::Cow;
use std::sync::LazyLock;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, PatternOptions, ValidationError, ValidationOptions};
use serde_json::Value;

/// Largest schema, in bytes of JSON: what people write by hand.
pub const SCHEMA_BYTES_MAX: usize = 64 * 1024;
/// Most findings of one check: who mends ten comes again.
pub const FINDINGS_MAX: usize = 10;

/// Largest program of a regular expression, in bytes; [`regex`] has refused those that make a difference.
const PROGRAM_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Longest reason of a finding, in characters: it may quote names from the data.
const REASON_CHARS_MAX: usize = 300;
/// Looking for all findings keeps each error of each schema at each value, so it is done only up to this product of
/// the two numbers; beyond, the first finding must do.
const DETAIL_MAX: u64 = 200_000;
/// Up to this product of the two numbers a check takes about a millisecond at most.
const QUICK_MAX: u64 = 200_000;

/// Why a schema is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{pointer:?}: {reason}")]
pub struct SchemaProblem {
    /// Where in the schema: a JSON pointer (RFC 6901), empty for all of it.
    pub pointer: String,
    /// What is wrong and what would be right.
    pub reason: String,
}

/// One thing in the data that does not fit the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where in the data: the JSON pointer (RFC 6901) of a value that is there, empty for all of it.
    pub pointer: String,
    /// What is wrong with it.
    pub reason: String,
}

/// A compiled schema. Compiling takes up to milliseconds, checking microseconds: keep it.
#[derive(Debug)]
pub struct Validator {
    inner: jsonschema::Validator,
    /// How many schemas it has, references followed.
    schemas: u64,
    /// It has alternatives: their errors hold copies of the data.
    alternatives: bool,
}

impl Validator {
    /// Checks and compiles `schema`, a JSON object.
    ///
    /// # Errors
    /// The first thing about it that is wrong, or not in the profile, or too large.
    pub fn compile(schema: &Value) -> Result<Self, SchemaProblem> {
        let outline = scan::scan(schema)?;
        let schemas = cost::schemas(schema)?;
        // Its references stay in the document, so its own name does not matter; it could be that of a metaschema.
        let mut anonymous = schema.clone();
        if let Some(members) = anonymous.as_object_mut() {
            members.shift_remove("$id");
        }
        let inner = OPTIONS.build(&anonymous).map_err(|error| refusal(&error))?;
        Ok(Self { inner, schemas, alternatives: outline.alternatives })
    }

    /// Whether checking `data` takes about a millisecond at most: what takes longer should not hold up other work.
    pub fn is_quick(&self, data: &Value) -> bool {
        is_small(data, QUICK_MAX / self.schemas.max(1))
    }

    /// Checks `data`.
    ///
    /// # Errors
    /// What does not fit: up to [`FINDINGS_MAX`], only the first where the data are very large.
    pub fn check(&self, data: &Value) -> Result<(), Vec<Finding>> {
        if self.inner.is_valid(data) {
            return Ok(());
        }
        let found: Vec<Finding> = if is_small(data, DETAIL_MAX / self.schemas.max(1)) {
            self.inner.iter_errors(data).take(FINDINGS_MAX).map(|error| finding(&error)).collect()
        } else if self.alternatives {
            Vec::new()
        } else {
            self.inner.validate(data).err().iter().map(finding).collect()
        };
        if found.is_empty() {
            let reason = "it does not fit the schema, and is too large to say where".to_owned();
            return Err(vec![Finding { pointer: String::new(), reason }]);
        }
        Err(found)
    }
}

static OPTIONS: LazyLock<ValidationOptions<'static>> = LazyLock::new(|| {
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .offline()
        .should_validate_formats(true)
        .with_format("regex", |_: &str| true)
        .with_keyword("uniqueItems", unique::unique_items)
        .with_pattern_options(PatternOptions::regex().size_limit(PROGRAM_BYTES_MAX))
});

fn refusal(error: &ValidationError<'_>) -> SchemaProblem {
    let place = error.instance_path().as_str();
    // An error of compiling is about no instance.
    let place = if place.is_empty() { error.schema_path().as_str() } else { place };
    let reason = match error.kind() {
        ValidationErrorKind::Format { format } if format == "regex" => {
            "it is no regular expression of ECMA-262 that can be matched in linear time".to_owned()
        }
        _ => reason(error),
    };
    SchemaProblem { pointer: place.to_owned(), reason }
}

fn finding(error: &ValidationError<'_>) -> Finding {
    Finding { pointer: error.instance_path().as_str().to_owned(), reason: reason(error) }
}

/// What is wrong, without the value itself: it may be long, or not for every eye.
fn reason(error: &ValidationError<'_>) -> String {
    let whole = error.masked_with("the value").to_string();
    match whole.char_indices().nth(REASON_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &whole[..end]),
        None => whole,
    }
}

/// Whether `data` have at most `limit` values, long texts counting as several.
fn is_small(data: &Value, limit: u64) -> bool {
    let mut rest = vec![data];
    let mut size = 0_u64;
    while let Some(value) = rest.pop() {
        let text = value.as_str().map_or(0, str::len) as u64;
        size += 1 + text / 64;
        if size > limit {
            return false;
        }
        match value {
            Value::Array(items) => rest.extend(items),
            Value::Object(members) => rest.extend(members.values()),
            _ => {}
        }
    }
    true
}

/// A place in a schema, from the root.
struct At<'a> {
    above: Option<&'a At<'a>>,
    name: Cow<'a, str>,
}

impl<'a> At<'a> {
    const ROOT: Self = Self { above: None, name: Cow::Borrowed("") };

    fn member(&'a self, name: &'a str) -> Self {
        Self { above: Some(self), name: Cow::Borrowed(name) }
    }

    fn item(&'a self, index: usize) -> Self {
        Self { above: Some(self), name: Cow::Owned(index.to_string()) }
    }

    fn problem(&self, reason: impl Into<String>) -> SchemaProblem {
        let mut names = Vec::new();
        let mut at = self;
        while let Some(above) = at.above {
            names.push(format!("/{}", at.name.replace('~', "~0").replace('/', "~1")));
            at = above;
        }
        SchemaProblem { pointer: names.into_iter().rev().collect(), reason: reason.into() }
    }
}

#[cfg(test)]
mod tests;
