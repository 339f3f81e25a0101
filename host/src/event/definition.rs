//! Event types as users define them, and their check.

use serde::Deserialize;
use serde_json::Value;

use super::{Catalogue, DESCRIPTION_BYTES_MAX, FieldProblem, SCHEMA_BYTES_MAX, Validator};
use crate::model::{EventName, EventType, Time};

/// The body of `PUT …/event-types/{name}`: `{description?, schema?, example?, deprecated?}`.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventTypeDraft {
    /// What happened when such an event is published, for people.
    #[serde(default)]
    pub description: String,
    /// What the data of its events must be like: JSON Schema 2020-12. Without one, any object will do.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub schema: Option<Value>,
    /// The data of an example, which must fit the schema.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub example: Option<Value>,
    /// Still published, but no longer to be built upon.
    #[serde(default)]
    pub deprecated: bool,
}

/// A checked definition, and its schema ready to use.
#[derive(Debug)]
pub struct CheckedType {
    /// The definition.
    pub definition: EventType,
    /// Its schema, compiled, if it has one.
    pub validator: Option<Validator>,
}

impl EventTypeDraft {
    /// Checks the definition of the type `name`. `existing` is the saved one, if there is one: another schema makes
    /// the next version; who made it, and when, stay. `by` and `now` are for a new one.
    ///
    /// # Errors
    /// All problems at once; those of the schema begin with `/schema`, those of the example with `/example`.
    pub fn check(
        self,
        name: EventName,
        catalogue: &Catalogue,
        existing: Option<&EventType>,
        by: &str,
        now: Time,
    ) -> Result<CheckedType, Vec<FieldProblem>> {
        let mut problems = Vec::new();
        if catalogue.get(name.as_str()).is_some() {
            problems.push(FieldProblem::new("name", format!("{:?} is built in; choose another name", name.as_str())));
        }
        if self.description.len() > DESCRIPTION_BYTES_MAX {
            let reason = format!("it has {} bytes; the limit is {DESCRIPTION_BYTES_MAX}", self.description.len());
            problems.push(FieldProblem::new("description", reason));
        }
        let validator = self.schema.as_ref().map(Validator::compile).transpose().unwrap_or_else(|problem| {
            problems.push(FieldProblem::new(format!("/schema{}", problem.pointer), problem.reason));
            None
        });
        if let Some(example) = &self.example {
            problems.extend(example_problems(example, validator.as_ref()));
        }
        if problems.is_empty() {
            Ok(CheckedType { definition: self.into_type(name, existing, by, now), validator })
        } else {
            Err(problems)
        }
    }

    fn into_type(self, name: EventName, existing: Option<&EventType>, by: &str, now: Time) -> EventType {
        let version = match existing {
            None => 1,
            Some(existing) if existing.schema == self.schema => existing.version,
            Some(existing) => existing.version.saturating_add(1),
        };
        EventType {
            name,
            description: self.description,
            version,
            schema: self.schema,
            example: self.example,
            deprecated: self.deprecated,
            created_at: existing.map_or(now, |existing| existing.created_at),
            created_by: existing.map_or_else(|| by.to_owned(), |existing| existing.created_by.clone()),
        }
    }
}

fn example_problems(example: &Value, validator: Option<&Validator>) -> Vec<FieldProblem> {
    if !example.is_object() {
        return vec![FieldProblem::new("/example", "the data of an event are a JSON object")];
    }
    let bytes = example.to_string().len();
    if bytes > SCHEMA_BYTES_MAX {
        return vec![FieldProblem::new("/example", format!("it has {bytes} bytes; the limit is {SCHEMA_BYTES_MAX}"))];
    }
    let found = validator.map(|validator| validator.check(example)).and_then(Result::err).unwrap_or_default();
    found.into_iter().map(|finding| FieldProblem::new(format!("/example{}", finding.pointer), finding.reason)).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    fn check(name: &str, body: Value, existing: Option<&EventType>) -> Result<EventType, Vec<FieldProblem>> {
        let draft: EventTypeDraft = serde_json::from_value(body).expect("the shape of a draft");
        let catalogue = Catalogue::load().expect("the files are good");
        let name = name.parse().expect("a name");
        draft.check(name, &catalogue, existing, "ada", Time::from_millis(7)).map(|checked| checked.definition)
    }

    fn refused(name: &str, body: Value, expected: &Expect) {
        let problems = check(name, body, None).expect_err("a refusal");
        expected.assert_eq(&problems.iter().map(|problem| format!("{problem}\n")).collect::<String>());
    }

    #[test]
    fn a_definition_without_anything_is_a_type() {
        let made = check("order.paid", json!({}), None).expect("a good draft");
        expect![[r#"
            {
              "name": "order.paid",
              "description": "",
              "version": 1,
              "deprecated": false,
              "created_at": "1970-01-01T00:00:00.007Z",
              "created_by": "ada"
            }"#]]
        .assert_eq(&serde_json::to_string_pretty(&made).expect("serialises"));
    }

    #[test]
    fn another_schema_makes_the_next_version_and_the_same_one_does_not() {
        let schema = |kind: &str| json!({"properties": {"a": {"type": kind}, "b": {}}});
        let first = check("order.paid", json!({"schema": schema("string")}), None).expect("a good draft");
        let first = EventType { created_by: "eve".to_owned(), created_at: Time::from_millis(1), ..first };
        let same = json!({"schema": {"properties": {"b": {}, "a": {"type": "string"}}}, "deprecated": true});
        let same = check("order.paid", same, Some(&first)).expect("a good draft");
        assert_eq!((same.version, same.deprecated), (1, true));
        let other = check("order.paid", json!({"schema": schema("number")}), Some(&same)).expect("a good draft");
        assert_eq!((other.version, other.created_by.as_str(), other.created_at), (2, "eve", Time::from_millis(1)));
        let none = check("order.paid", json!({}), Some(&other)).expect("a good draft");
        assert_eq!(none.version, 3);
    }

    #[test]
    fn every_problem_is_told_at_once() {
        refused(
            "lead.create",
            json!({"description": "x".repeat(5000), "schema": {"properties": {"a": {"type": "strin"}}}, "example": 1}),
            &expect![[r#"
                name: "lead.create" is built in; choose another name
                description: it has 5000 bytes; the limit is 4096
                /schema/properties/a/type: the value is not valid under any of the schemas listed in the 'anyOf' keyword
                /example: the data of an event are a JSON object
            "#]],
        );
    }

    #[test]
    fn an_example_fits_the_schema() {
        refused(
            "order.paid",
            json!({"schema": {"properties": {"a": {"items": {"type": "string"}}}}, "example": {"a": ["b", 1]}}),
            &expect![[r#"
                /example/a/1: the value is not of type "string"
            "#]],
        );
    }
}
