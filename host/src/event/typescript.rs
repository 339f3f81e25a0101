//! Types of event data in TypeScript, for editors, made from JSON Schemas.
//!
//! What has no like in TypeScript (formats, bounds, conditions) is left out; where nothing is left it is `unknown`.
//! An object with declared members has those only, so that editors find a name that is misspelt.

use serde_json::Value;

use super::{BuiltIn, Catalogue};
use crate::model::Object;

/// Schemas inside each other, references followed; what is deeper is `unknown`. Deeper than what people write, and a
/// schema that contains itself comes to an end.
const DEPTH_MAX: usize = 32;
/// One step of indentation.
const INDENT: &str = "  ";
/// The type of what nothing is known about.
const UNKNOWN: &str = "unknown";
/// The type of an object that nothing more is known about.
const ANY_OBJECT: &str = "Record<string, unknown>";

/// Declares the data of the built-in event types: members of the interface `EventData` of `tenterhook.d.ts`, by name.
pub fn event_data_types(catalogue: &Catalogue) -> String {
    let mut text = "\ndeclare namespace tenterhook {\n  interface EventData {\n".to_owned();
    for BuiltIn { definition, .. } in catalogue.iter() {
        let schema = definition.schema.as_ref();
        let data = schema.map_or_else(|| ANY_OBJECT.to_owned(), |schema| type_of(schema, 2));
        text += &member(definition.name.as_str(), false, &data, &definition.description, 2);
    }
    text + "  }\n}\n"
}

/// The type of what fits `schema`, to stand in a line of this level of indentation.
fn type_of(schema: &Value, level: usize) -> String {
    Writer { root: schema, level, depth: 0 }.text(schema)
}

/// Writes the types of the schemas in one document.
#[derive(Clone, Copy)]
struct Writer<'a> {
    /// The document: references are pointers into it.
    root: &'a Value,
    /// How far the line is indented.
    level: usize,
    /// How many schemas this one is inside of, references followed.
    depth: usize,
}

impl<'a> Writer<'a> {
    fn text(self, schema: &Value) -> String {
        self.alternatives(schema).join(" | ")
    }

    /// The members of the union that `schema` is, at least one.
    fn alternatives(self, schema: &Value) -> Vec<String> {
        let inner = Self { depth: self.depth + 1, ..self };
        let schema = match schema {
            Value::Object(schema) if self.depth < DEPTH_MAX => schema,
            Value::Bool(false) => return vec!["never".to_owned()],
            _ => return vec![UNKNOWN.to_owned()],
        };
        let list = |keyword: &str| schema.get(keyword).and_then(Value::as_array);
        let mut parts = vec![inner.own(schema)];
        parts.extend(self.target(schema).map(|target| inner.alternatives(target)));
        parts.extend(list("allOf").into_iter().flatten().map(|part| inner.alternatives(part)));
        for choices in ["anyOf", "oneOf"].into_iter().filter_map(list) {
            parts.push(union(choices.iter().flat_map(|choice| inner.alternatives(choice))));
        }
        intersection(parts)
    }

    /// What the schema says itself, without those that it includes.
    fn own(self, schema: &Object) -> Vec<String> {
        if let Some(value) = schema.get("const") {
            return vec![literal(value)];
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return union(values.iter().map(literal));
        }
        match schema.get("type") {
            Some(Value::String(kind)) => vec![self.of_kind(kind, schema)],
            Some(Value::Array(kinds)) => {
                union(kinds.iter().filter_map(Value::as_str).map(|kind| self.of_kind(kind, schema)))
            }
            // Such a schema is part of one that says it is an object.
            _ if schema.contains_key("properties") || schema.contains_key("required") => vec![self.object(schema)],
            _ => vec![UNKNOWN.to_owned()],
        }
    }

    fn of_kind(self, kind: &str, schema: &Object) -> String {
        match kind {
            "string" | "number" | "boolean" | "null" => kind.to_owned(),
            "integer" => "number".to_owned(),
            "array" => self.array(schema),
            "object" => self.object(schema),
            _ => UNKNOWN.to_owned(),
        }
    }

    fn array(self, schema: &Object) -> String {
        // Beside `prefixItems` it is about the others only.
        let items = schema.get("items").filter(|_| !schema.contains_key("prefixItems"));
        let items = items.map_or_else(|| UNKNOWN.to_owned(), |items| self.text(items));
        format!("Array<{items}>")
    }

    fn object(self, schema: &Object) -> String {
        let mut members = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        let required: Vec<&str> = required.filter_map(Value::as_str).collect();
        for name in &required {
            members.entry(*name).or_insert(Value::Bool(true));
        }
        if members.is_empty() {
            let values = schema.get("additionalProperties").filter(|_| !schema.contains_key("patternProperties"));
            let values = values.map_or_else(|| UNKNOWN.to_owned(), |values| self.text(values));
            return format!("Record<string, {values}>");
        }
        let inner = Self { level: self.level + 1, ..self };
        let mut text = "{\n".to_owned();
        for (name, schema) in &members {
            let optional = !required.contains(&name.as_str());
            text += &member(name, optional, &inner.text(schema), &self.about(schema), inner.level);
        }
        text + &INDENT.repeat(self.level) + "}"
    }

    /// The description of a schema, or of the one that it refers to.
    fn about(self, schema: &Value) -> String {
        let referred = || description(self.target(schema.as_object()?)?);
        description(schema).or_else(referred).unwrap_or_default()
    }

    /// The schema that `schema` refers to, in the same document.
    fn target(self, schema: &Object) -> Option<&'a Value> {
        self.root.pointer(schema.get("$ref")?.as_str()?.strip_prefix('#')?)
    }
}

fn description(schema: &Value) -> Option<String> {
    schema.get("description")?.as_str().map(str::to_owned)
}

/// A member of an object type, in lines of its own.
fn member(name: &str, optional: bool, data: &str, about: &str, level: usize) -> String {
    let indent = INDENT.repeat(level);
    let words: Vec<&str> = about.split_whitespace().collect();
    let comment = if words.is_empty() {
        String::new()
    } else {
        format!("{indent}/** {} */\n", words.join(" ").replace("*/", r"*\/"))
    };
    let mark = if optional { "?" } else { "" };
    format!("{comment}{indent}{}{mark}: {data};\n", key(name))
}

/// The name of a member: quoted, unless it is an identifier.
fn key(name: &str) -> String {
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_' || c == '$';
    if name.starts_with(is_letter) && name.chars().all(|c| is_letter(c) || c.is_ascii_digit()) {
        name.to_owned()
    } else {
        literal(&Value::from(name))
    }
}

/// The type that only this value has. Objects and arrays have none.
fn literal(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) => UNKNOWN.to_owned(),
        // Both end a line in TypeScript, not in JSON.
        plain => plain.to_string().replace('\u{2028}', r"\u2028").replace('\u{2029}', r"\u2029"),
    }
}

/// Each alternative once. `unknown` takes in all others.
fn union(alternatives: impl Iterator<Item = String>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for alternative in alternatives {
        if !found.contains(&alternative) {
            found.push(alternative);
        }
    }
    if found.is_empty() || found.iter().any(|alternative| alternative == UNKNOWN) {
        return vec![UNKNOWN.to_owned()];
    }
    found
}

/// What is all of these unions, as a union. A part that says nothing more than another is left out.
fn intersection(parts: Vec<Vec<String>>) -> Vec<String> {
    let mut kept: Vec<Vec<String>> = Vec::new();
    for part in parts {
        if part != [UNKNOWN] && !kept.contains(&part) {
            kept.push(part);
        }
    }
    if kept.len() > 1 {
        kept.retain(|part| *part != [ANY_OBJECT]);
    }
    if kept.len() < 2 {
        return kept.pop().unwrap_or_else(|| vec![UNKNOWN.to_owned()]);
    }
    let in_brackets = |part: &Vec<String>| match part.as_slice() {
        [one] => one.clone(),
        several => format!("({})", several.join(" | ")),
    };
    vec![kept.iter().map(in_brackets).collect::<Vec<_>>().join(" & ")]
}

#[cfg(test)]
mod tests;
