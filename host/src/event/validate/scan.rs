//! What can be said of a schema without knowing what its parts mean: size, depth, references, regular expressions.
//!
//! The scan goes through the whole document, places where no schema is meant included: a reference may lead there.

use serde_json::Value;

use super::regex::automata;
use super::{At, SCHEMA_BYTES_MAX, SchemaProblem};

/// Deepest nesting of a schema as it is written.
const DEPTH_MAX: usize = 64;
/// Most references.
const REFS_MAX: usize = 256;
/// Most regular expressions.
const REGEXES_MAX: usize = 64;
/// Longest regular expression, in bytes: translating one takes time by the square of its length.
const REGEX_BYTES_MAX: usize = 512;
/// The automata of all regular expressions, in bytes: making them takes time, and matching memory.
const AUTOMATA_BYTES_MAX: usize = 1024 * 1024;
/// What `$schema` says, if anything.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Outline {
    /// There is an `anyOf` or `oneOf`.
    pub(super) alternatives: bool,
    refs: usize,
    regexes: usize,
    automata_bytes: usize,
}

/// Scans a schema.
pub(super) fn scan(schema: &Value) -> Result<Outline, SchemaProblem> {
    if !schema.is_object() {
        return Err(At::ROOT.problem("a schema is a JSON object"));
    }
    let mut outline = Outline::default();
    outline.walk(schema, &At::ROOT, 0)?;
    let bytes = schema.to_string().len();
    if bytes > SCHEMA_BYTES_MAX {
        return Err(At::ROOT.problem(format!("the schema has {bytes} bytes; the limit is {SCHEMA_BYTES_MAX}")));
    }
    Ok(outline)
}

impl Outline {
    fn walk(&mut self, value: &Value, at: &At<'_>, depth: usize) -> Result<(), SchemaProblem> {
        if depth > DEPTH_MAX {
            return Err(at.problem(format!("the schema is nested more than {DEPTH_MAX} deep")));
        }
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.walk(item, &at.item(index), depth + 1)?;
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    let at = at.member(name);
                    self.member(name, member, &at, depth)?;
                    self.walk(member, &at, depth + 1)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// One member of an object. Where the keyword's value is of another type, the name is not meant as the keyword.
    fn member(&mut self, name: &str, value: &Value, at: &At<'_>, depth: usize) -> Result<(), SchemaProblem> {
        match (name, value) {
            ("$ref", Value::String(target)) => self.reference(target, at),
            ("pattern", Value::String(regex)) => self.regex(regex, at),
            ("patternProperties", Value::Object(members)) => {
                members.keys().try_for_each(|regex| self.regex(regex, &at.member(regex)))
            }
            ("anyOf" | "oneOf", Value::Array(_)) => {
                self.alternatives = true;
                Ok(())
            }
            ("$schema", Value::String(dialect)) if dialect.trim_end_matches('#') != DIALECT => {
                Err(at.problem(format!("write JSON Schema 2020-12: {DIALECT}")))
            }
            ("$id" | "$schema", Value::String(_)) if depth > 0 => {
                Err(at.problem(format!("{name} stands at the root only: schemas in schemas are not supported")))
            }
            ("$dynamicRef" | "$dynamicAnchor" | "$recursiveRef", Value::String(_))
            | ("$recursiveAnchor", Value::Bool(_))
            | ("$vocabulary", Value::Object(_)) => {
                Err(at.problem(format!("{name} is not supported; write $ref and a JSON pointer such as #/$defs/name")))
            }
            _ => Ok(()),
        }
    }

    fn reference(&mut self, target: &str, at: &At<'_>) -> Result<(), SchemaProblem> {
        self.refs += 1;
        if self.refs > REFS_MAX {
            return Err(at.problem(format!("there are more than {REFS_MAX} references")));
        }
        if target != "#" && (!target.starts_with("#/") || target.contains('%')) {
            let reason = "references stay in the schema: write # and a JSON pointer, without %, such as #/$defs/name";
            return Err(at.problem(reason));
        }
        Ok(())
    }

    fn regex(&mut self, regex: &str, at: &At<'_>) -> Result<(), SchemaProblem> {
        self.regexes += 1;
        if self.regexes > REGEXES_MAX {
            return Err(at.problem(format!("there are more than {REGEXES_MAX} regular expressions")));
        }
        if regex.len() > REGEX_BYTES_MAX {
            let reason = format!("the regular expression has {} bytes; the limit is {REGEX_BYTES_MAX}", regex.len());
            return Err(at.problem(reason));
        }
        self.automata_bytes += automata(regex).map_err(|reason| at.problem(reason))?;
        if self.automata_bytes > AUTOMATA_BYTES_MAX {
            let limit = AUTOMATA_BYTES_MAX / 1024;
            return Err(at.problem(format!("the regular expressions so far take more than {limit} KiB as automata")));
        }
        Ok(())
    }
}
