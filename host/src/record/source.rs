//! Definitions of sources, as users give them, and their checks.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::{EventName, Field, FieldType, Slug, Source, Time};

/// Most fields of one source: a record is one JSON object that is read and written whole.
pub const FIELDS_MAX: usize = 200;
/// Longest field name, in bytes.
const FIELD_NAME_BYTES_MAX: usize = 64;

/// What is wrong with a source definition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct SourceProblem {
    /// The path of the member: `key`, `fields`, `fields.NAME`.
    pub field: String,
    /// What is wrong and what would be right.
    pub reason: String,
}

impl SourceProblem {
    fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into() }
    }
}

/// The body of `PUT …/sources/{source}`: `{key, fields: {NAME: {type, required?, custom?, description?}}}`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceDraft {
    /// The name of the field whose value is a record's key.
    pub key: String,
    /// The fields by name. A key field that is not among them is added as a required string.
    #[serde(default)]
    pub fields: BTreeMap<String, Field>,
    /// Changes of records are published as events `NAME.create`, `NAME.update` and `NAME.delete`: `lead` makes
    /// `lead.create`, … Not published if absent.
    #[serde(default)]
    pub publishes: Option<EventName>,
}

impl SourceDraft {
    /// Checks the definition and completes it: the key field is there, and required. `existing` is the saved
    /// definition, if there is one: its key field, once chosen, stays, because records are stored under its values.
    ///
    /// # Errors
    /// All problems at once.
    pub fn check(
        mut self,
        id: Slug,
        existing: Option<&Source>,
        created_at: Time,
    ) -> Result<Source, Vec<SourceProblem>> {
        self.fields.entry(self.key.clone()).or_insert_with(key_field).required = true;
        let mut problems = Vec::new();
        if self.fields.len() > FIELDS_MAX {
            let reason = format!("there are {} fields; the limit is {FIELDS_MAX}", self.fields.len());
            problems.push(SourceProblem::new("fields", reason));
        }
        problems.extend(self.fields.keys().filter_map(|name| name_problem(name, &self.key)));
        problems.extend(self.key_problem(existing));
        if problems.is_empty() {
            let created_at = existing.map_or(created_at, |source| source.created_at);
            Ok(Source { id, key: self.key, fields: self.fields, publishes: self.publishes, created_at })
        } else {
            Err(problems)
        }
    }

    fn key_problem(&self, existing: Option<&Source>) -> Option<SourceProblem> {
        let kind = self.fields.get(&self.key)?.kind;
        if !matches!(kind, FieldType::String | FieldType::Number) {
            let reason = "the key field must be of type string or number".to_owned();
            return Some(SourceProblem::new(format!("fields.{}", self.key), reason));
        }
        let existing = existing?;
        let same_kind = existing.fields.get(&existing.key).is_some_and(|field| field.kind == kind);
        (existing.key != self.key || !same_kind).then(|| {
            let reason =
                format!("records are stored by {:?}, so the key and its type stay; make another source", existing.key);
            SourceProblem::new("key", reason)
        })
    }
}

const fn key_field() -> Field {
    Field { kind: FieldType::String, required: true, custom: false, description: None }
}

fn name_problem(name: &str, key: &str) -> Option<SourceProblem> {
    let mut bytes = name.bytes();
    let starts = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    let fits = starts && name.len() <= FIELD_NAME_BYTES_MAX && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_');
    (!fits).then(|| {
        let place = if name == key { "key".to_owned() } else { format!("fields.{name}") };
        let reason = format!(
            "{name:?} is no field name: use 1 to {FIELD_NAME_BYTES_MAX} letters, digits or underscores, not starting with a digit"
        );
        SourceProblem::new(place, reason)
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::{Value, json};

    use super::*;

    fn check(body: Value, existing: Option<&Source>, expected: &Expect) {
        let draft: SourceDraft = serde_json::from_value(body).expect("the shape of a draft");
        let id = "leads".parse().expect("a slug");
        let found = match draft.check(id, existing, Time::from_millis(7)) {
            Ok(source) => serde_json::to_string_pretty(&source).expect("a source serialises"),
            Err(problems) => problems.iter().map(|p| format!("{p}\n")).collect(),
        };
        expected.assert_eq(&found);
    }

    fn saved(body: Value) -> Source {
        let draft: SourceDraft = serde_json::from_value(body).expect("the shape of a draft");
        draft.check("leads".parse().expect("a slug"), None, Time::from_millis(1)).expect("a good draft")
    }

    #[test]
    fn a_key_field_that_is_not_declared_is_a_required_string() {
        check(
            json!({"key": "email", "fields": {"age": {"type": "number"}}}),
            None,
            &expect![[r#"
                {
                  "id": "leads",
                  "key": "email",
                  "fields": {
                    "age": {
                      "type": "number",
                      "required": false,
                      "custom": false
                    },
                    "email": {
                      "type": "string",
                      "required": true,
                      "custom": false
                    }
                  },
                  "created_at": "1970-01-01T00:00:00.007Z"
                }"#]],
        );
    }

    #[test]
    fn every_problem_is_told_at_once() {
        check(
            json!({"key": "at", "fields": {"at": {"type": "date-time"}, "1st": {"type": "string"}, "a-b": {"type": "json"}}}),
            None,
            &expect![[r#"
                fields.1st: "1st" is no field name: use 1 to 64 letters, digits or underscores, not starting with a digit
                fields.a-b: "a-b" is no field name: use 1 to 64 letters, digits or underscores, not starting with a digit
                fields.at: the key field must be of type string or number
            "#]],
        );
    }

    #[test]
    fn an_empty_key_is_named_as_such() {
        check(
            json!({"key": "", "fields": {}}),
            None,
            &expect![[r#"
                key: "" is no field name: use 1 to 64 letters, digits or underscores, not starting with a digit
            "#]],
        );
    }

    #[test]
    fn the_key_of_a_saved_source_stays() {
        let existing = saved(json!({"key": "email", "fields": {}}));
        check(
            json!({"key": "phone", "fields": {}}),
            Some(&existing),
            &expect![[r#"
                key: records are stored by "email", so the key and its type stay; make another source
            "#]],
        );
        check(
            json!({"key": "email", "fields": {"email": {"type": "number"}}}),
            Some(&existing),
            &expect![[r#"
                key: records are stored by "email", so the key and its type stay; make another source
            "#]],
        );
    }

    #[test]
    fn a_second_save_keeps_the_time_of_the_first() {
        let existing = saved(json!({"key": "email", "fields": {}}));
        let draft: SourceDraft = serde_json::from_value(json!({"key": "email", "fields": {"a": {"type": "json"}}}))
            .expect("the shape of a draft");
        let source = draft.check("leads".parse().expect("a slug"), Some(&existing), Time::from_millis(9));
        assert_eq!(source.expect("a good draft").created_at, Time::from_millis(1));
    }

    #[test]
    fn two_hundred_fields_are_the_limit() {
        let fields: BTreeMap<_, _> = (0..FIELDS_MAX).map(|n| (format!("f{n}"), json!({"type": "string"}))).collect();
        check(
            json!({"key": "id", "fields": fields}),
            None,
            &expect![[r#"
                fields: there are 201 fields; the limit is 200
            "#]],
        );
    }
}
