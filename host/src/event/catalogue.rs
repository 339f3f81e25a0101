//! The built-in event types: their descriptions, schemas and examples, from the JSON files in `catalogue/`.
//!
//! A file has `$defs`, which its schemas share, and `types` by name: `description`, `schema`, `example`. An example
//! may be `like` that of another type of its file, with other members. The `$defs` of `common.json` are for all files.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::model::{EventName, EventType, Object, Time};

/// Parts of schemas that the files share.
const COMMON: &str = include_str!("catalogue/common.json");
/// The file of the types that tell about deliveries. Only the server publishes them.
const OPERATIONAL: &str = "operational.json";
/// The files.
const FILES: [(&str, &str); 6] = [
    ("lead.json", include_str!("catalogue/lead.json")),
    ("campaign.json", include_str!("catalogue/campaign.json")),
    ("label.json", include_str!("catalogue/label.json")),
    ("call.json", include_str!("catalogue/call.json")),
    ("meeting.json", include_str!("catalogue/meeting.json")),
    (OPERATIONAL, include_str!("catalogue/operational.json")),
];

/// The built-in event types by name.
#[derive(Clone, Debug)]
pub struct Catalogue {
    types: BTreeMap<String, BuiltIn>,
}

/// A built-in event type.
#[derive(Clone, Debug)]
pub struct BuiltIn {
    /// The type; it has a schema and an example.
    pub definition: EventType,
    /// It tells about deliveries, so only the server publishes it.
    pub operational: bool,
    /// The members of the data that may be null.
    nullable: Vec<String>,
}

/// Why the built-in types cannot be read: a mistake in a file of ours.
#[derive(Debug, thiserror::Error)]
#[error("the built-in event types of {file} cannot be read")]
pub struct CatalogueError {
    file: &'static str,
    #[source]
    source: serde_json::Error,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Family {
    #[serde(rename = "$defs")]
    defs: Object,
    types: BTreeMap<EventName, Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    description: String,
    schema: Object,
    like: Option<EventName>,
    example: Object,
}

impl Catalogue {
    /// Reads the files.
    ///
    /// # Errors
    /// One of them is not what it must be.
    pub fn load() -> Result<Self, CatalogueError> {
        let common = read("common.json", COMMON)?.defs;
        let mut types = BTreeMap::new();
        for (file, text) in FILES {
            let family = read(file, text)?;
            let defs: Object = common.clone().into_iter().chain(family.defs).collect();
            for (name, entry) in &family.types {
                let base = entry.like.as_ref().and_then(|like| family.types.get(like));
                let example = base.map(|base| base.example.clone()).unwrap_or_default();
                let example = example.into_iter().chain(entry.example.clone()).collect();
                let built_in = BuiltIn::new(name, entry, &defs, example, file == OPERATIONAL);
                types.insert(name.to_string(), built_in);
            }
        }
        Ok(Self { types })
    }

    /// The built-in type `name`.
    pub fn get(&self, name: &str) -> Option<&BuiltIn> {
        self.types.get(name)
    }

    /// All built-in types, by name.
    pub fn iter(&self) -> impl Iterator<Item = &BuiltIn> {
        self.types.values()
    }
}

impl BuiltIn {
    fn new(name: &EventName, entry: &Entry, defs: &Object, example: Object, operational: bool) -> Self {
        let definition = EventType {
            name: name.clone(),
            description: entry.description.clone(),
            version: 1,
            schema: Some(whole_schema(name, entry, defs)),
            example: Some(Value::Object(example)),
            deprecated: false,
            created_at: Time::default(),
            created_by: "tenterhook".to_owned(),
        };
        let mut nullable = Vec::new();
        collect_nullable(&entry.schema, defs, &mut nullable);
        Self { definition, operational, nullable }
    }

    /// Sets the members that `data` leaves out, and that may be null, to null: receivers find every field there.
    pub fn complete(&self, data: &mut Object) {
        for name in self.nullable.iter().filter(|name| !data.contains_key(*name)).cloned().collect::<Vec<_>>() {
            data.insert(name, Value::Null);
        }
    }
}

fn read(file: &'static str, text: &str) -> Result<Family, CatalogueError> {
    serde_json::from_str(text).map_err(|source| CatalogueError { file, source })
}

/// A schema that stands alone: with the definitions that it uses, and no others.
fn whole_schema(name: &EventName, entry: &Entry, defs: &Object) -> Value {
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".to_owned(), json!(name));
    schema.extend(entry.schema.clone());
    let mut used = Vec::new();
    entry.schema.values().for_each(|part| collect_used(part, defs, &mut used));
    if !used.is_empty() {
        let used = defs.iter().filter(|(name, _)| used.contains(&name.as_str()));
        let used: Object = used.map(|(name, def)| (name.clone(), def.clone())).collect();
        schema.insert("$defs".to_owned(), Value::Object(used));
    }
    Value::Object(schema)
}

/// The names of the definitions that `part` refers to, and those refer to.
fn collect_used<'a>(part: &Value, defs: &'a Object, used: &mut Vec<&'a str>) {
    match part {
        Value::Array(items) => items.iter().for_each(|item| collect_used(item, defs, used)),
        Value::Object(members) => members.values().for_each(|member| collect_used(member, defs, used)),
        Value::String(text) => {
            let Some((name, def)) = text.strip_prefix("#/$defs/").and_then(|name| defs.get_key_value(name)) else {
                return;
            };
            if !used.contains(&name.as_str()) {
                used.push(name);
                collect_used(def, defs, used);
            }
        }
        _ => {}
    }
}

/// The properties that may be null, of a schema and of those that it includes by `$ref` and `allOf`.
fn collect_nullable(schema: &Object, defs: &Object, found: &mut Vec<String>) {
    let target = |schema: &Object| {
        let name = schema.get("$ref")?.as_str()?.strip_prefix("#/$defs/")?;
        defs.get(name)?.as_object()
    };
    let says_null = |schema: &Object| {
        let types = schema.get("type").and_then(Value::as_array);
        types.is_some_and(|types| types.iter().any(|kind| kind == "null"))
    };
    if let Some(included) = target(schema) {
        collect_nullable(included, defs, found);
    }
    for included in schema.get("allOf").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object) {
        collect_nullable(included, defs, found);
    }
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let Some(property) = property.as_object() else { continue };
        if says_null(property) || target(property).is_some_and(says_null) {
            found.push(name.clone());
        }
    }
}

#[cfg(test)]
mod tests;
