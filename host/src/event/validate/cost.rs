//! What a schema costs when its references are followed: small documents can stand for huge ones.
//!
//! References make a schema a graph. It must be a tree when unfolded, because a recursion's cost depends on the data
//! and may grow with the power of their depth. Of that tree this computes the size, which bounds the compiler's work
//! and the stack, and how many assertions one value of the data can meet, which bounds the time of a check.

use std::collections::HashMap;

use serde_json::Value;

use super::{At, SchemaProblem};

/// Most schemas, references followed.
const SCHEMAS_MAX: u64 = 10_000;
/// Deepest nesting of schemas, references followed: the validator's stack grows with it.
const LEVELS_MAX: usize = 64;
/// Most assertions per value of the data: an event of 256 KiB has a hundred thousand values at most, and an assertion
/// takes some nanoseconds.
const ASSERTIONS_MAX: u64 = 500;
/// What `uniqueItems` counts for, in assertions: it reads all that is in the array.
const UNIQUE_ITEMS_COST: u64 = 100;

/// How many schemas the root stands for, references followed.
pub(super) fn schemas(root: &Value) -> Result<u64, SchemaProblem> {
    Ok(Costs { root, known: HashMap::new() }.of(root, &At::ROOT, 0)?.schemas)
}

/// The cost of one schema.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    /// Assertions about the value itself, also those of schemas that apply to the same value.
    here: u64,
    /// Assertions that a value inside it can meet.
    inside: u64,
    /// Schemas in all.
    schemas: u64,
    /// How deep schemas that apply to the same value are nested.
    layers: u64,
    /// How deep all schemas are nested.
    height: usize,
}

impl Cost {
    /// Assertions per value, of a value and all values inside it.
    fn per_value(self) -> u64 {
        self.here.max(self.inside)
    }

    /// Adds a schema that applies to the same value.
    fn add_same(&mut self, other: Self) {
        self.here = self.here.saturating_add(other.here);
        self.inside = self.inside.saturating_add(other.inside);
        self.layers = self.layers.max(other.layers + 1);
        self.add_size(other);
    }

    fn add_size(&mut self, other: Self) {
        self.schemas = self.schemas.saturating_add(other.schemas);
        self.height = self.height.max(other.height + 1);
    }

    fn times(mut self, factor: u64) -> Self {
        for count in [&mut self.here, &mut self.inside, &mut self.schemas] {
            *count = count.saturating_mul(factor);
        }
        self
    }
}

/// What the schemas of a keyword apply to.
#[derive(Clone, Copy)]
enum Applies {
    /// The value itself.
    Same,
    /// Members of an object; of all these schemas, at most one to each.
    OneMember,
    /// Members of an object.
    Members,
    /// Items of an array; of all these schemas, at most one to each.
    OneItem,
    /// Items of an array.
    Items,
}

impl Applies {
    fn of(keyword: &str) -> Option<Self> {
        Some(match keyword {
            "allOf" | "anyOf" | "oneOf" | "not" | "if" | "then" | "else" | "dependentSchemas" | "dependencies"
            | "contentSchema" => Self::Same,
            "properties" | "additionalProperties" => Self::OneMember,
            "patternProperties" | "propertyNames" | "unevaluatedProperties" => Self::Members,
            "prefixItems" | "items" | "additionalItems" => Self::OneItem,
            "contains" | "unevaluatedItems" => Self::Items,
            _ => return None,
        })
    }
}

/// Assertions that a value inside can meet: of an object, or of an array.
#[derive(Default)]
struct Inside {
    one_member: u64,
    members: u64,
    one_item: u64,
    items: u64,
}

impl Inside {
    fn add(&mut self, applies: Applies, assertions: u64) {
        match applies {
            Applies::Same => {}
            Applies::OneMember => self.one_member = self.one_member.max(assertions),
            Applies::Members => self.members = self.members.saturating_add(assertions),
            Applies::OneItem => self.one_item = self.one_item.max(assertions),
            Applies::Items => self.items = self.items.saturating_add(assertions),
        }
    }

    fn most(&self) -> u64 {
        self.one_member.saturating_add(self.members).max(self.one_item.saturating_add(self.items))
    }
}

struct Costs<'a> {
    root: &'a Value,
    /// By the address of the schema; none while it is being computed.
    known: HashMap<*const Value, Option<Cost>>,
}

impl<'a> Costs<'a> {
    fn of(&mut self, schema: &'a Value, at: &At<'_>, level: usize) -> Result<Cost, SchemaProblem> {
        let leaf = Cost { here: 1, schemas: 1, ..Cost::default() };
        let Value::Object(members) = schema else { return Ok(leaf) };
        let deep = || at.problem(format!("schemas are nested more than {LEVELS_MAX} deep, references followed"));
        match self.known.get(&std::ptr::from_ref(schema)) {
            Some(None) => {
                return Err(at.problem("the schema contains itself: its cost would depend on the data"));
            }
            Some(Some(known)) if level + known.height <= LEVELS_MAX => return Ok(*known),
            Some(Some(_)) => return Err(deep()),
            None if level > LEVELS_MAX => return Err(deep()),
            None => {}
        }
        self.known.insert(schema, None);
        let mut cost = leaf;
        cost.here = members.len().max(1) as u64;
        let mut inside = Inside::default();
        for (name, value) in members {
            self.add(&mut cost, &mut inside, (name, value), &at.member(name), level)?;
        }
        cost.inside = cost.inside.saturating_add(inside.most());
        // These ask the schemas of the same value again, each at its layer, what they have evaluated.
        if members.contains_key("unevaluatedProperties") || members.contains_key("unevaluatedItems") {
            cost = cost.times(cost.layers + 1);
        }
        check(cost, at)?;
        self.known.insert(schema, Some(cost));
        Ok(cost)
    }

    /// Adds the schemas of one keyword.
    fn add(
        &mut self,
        cost: &mut Cost,
        inside: &mut Inside,
        (name, value): (&str, &'a Value),
        at: &At<'_>,
        level: usize,
    ) -> Result<(), SchemaProblem> {
        if name == "$ref" {
            let Some(text) = value.as_str() else { return Ok(()) };
            let target = text.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
            let target = target.ok_or_else(|| at.problem(format!("{text} is not there")))?;
            cost.add_same(self.of(target, at, level + 1)?);
            return Ok(());
        }
        if let ("enum", Value::Array(options)) = (name, value) {
            // Texts are looked up, other values compared one by one.
            let compared = options.iter().any(|option| !option.is_string() && !option.is_null());
            cost.here = cost.here.saturating_add(if compared { options.len() as u64 } else { 1 });
            return Ok(());
        }
        if name == "uniqueItems" {
            cost.here = cost.here.saturating_add(UNIQUE_ITEMS_COST);
            return Ok(());
        }
        let Some(applies) = Applies::of(name) else { return Ok(()) };
        for part in self.parts(name, value, at, level)? {
            match applies {
                Applies::Same => cost.add_same(part),
                _ => cost.add_size(part),
            }
            inside.add(applies, part.per_value());
        }
        Ok(())
    }

    /// The costs of the schemas that are the value of the keyword `name`, or its items or members.
    fn parts(&mut self, name: &str, value: &'a Value, at: &At<'_>, level: usize) -> Result<Vec<Cost>, SchemaProblem> {
        const MAPS: [&str; 4] = ["properties", "patternProperties", "dependentSchemas", "dependencies"];
        match value {
            Value::Object(members) if MAPS.contains(&name) => {
                members.iter().map(|(member, part)| self.of(part, &at.member(member), level + 1)).collect()
            }
            Value::Array(items) => {
                items.iter().enumerate().map(|(index, part)| self.of(part, &at.item(index), level + 1)).collect()
            }
            _ => Ok(vec![self.of(value, at, level + 1)?]),
        }
    }
}

fn check(cost: Cost, at: &At<'_>) -> Result<(), SchemaProblem> {
    if cost.schemas > SCHEMAS_MAX {
        return Err(at.problem(format!("these are more than {SCHEMAS_MAX} schemas, references followed")));
    }
    if cost.per_value() > ASSERTIONS_MAX {
        let reason = format!("one value would meet more than {ASSERTIONS_MAX} assertions, references followed");
        return Err(at.problem(reason));
    }
    Ok(())
}
