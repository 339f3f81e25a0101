//! Places in JSON: pointers (RFC 6901) in which `*` stands for any name or number.

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

/// A place below the root.
#[derive(Debug)]
pub struct Place {
    way: Vec<Step>,
    last: Step,
}

#[derive(Debug)]
enum Step {
    Any,
    Named(String),
}

impl Place {
    fn parse(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix('/').ok_or_else(|| format!("{text:?} does not begin with a slash"))?;
        let step = |part: &str| match part {
            "*" => Step::Any,
            part => Step::Named(part.replace("~1", "/").replace("~0", "~")),
        };
        let mut way: Vec<Step> = rest.split('/').map(step).collect();
        let last = way.pop().ok_or("the place is empty")?;
        Ok(Self { way, last })
    }

    /// Calls `visit` with each value at this place.
    pub fn visit(&self, value: &mut Value, visit: &mut dyn FnMut(&mut Value)) {
        walk(value, &self.way, &mut |parent| self.last.children(parent, visit));
    }

    /// Takes away what is at this place. In an array null stays, so that the others keep their numbers.
    pub fn drop_from(&self, value: &mut Value) {
        walk(value, &self.way, &mut |parent| match (parent, &self.last) {
            (Value::Object(members), Step::Any) => members.clear(),
            (Value::Object(members), Step::Named(name)) => drop(members.shift_remove(name)),
            (parent, last) => last.children(parent, &mut |child| *child = Value::Null),
        });
    }
}

impl Step {
    fn children(&self, parent: &mut Value, visit: &mut dyn FnMut(&mut Value)) {
        match (parent, self) {
            (Value::Object(members), Self::Any) => members.values_mut().for_each(visit),
            (Value::Array(values), Self::Any) => values.iter_mut().for_each(visit),
            (Value::Object(members), Self::Named(name)) => members.get_mut(name).into_iter().for_each(visit),
            (Value::Array(values), Self::Named(name)) => {
                let index = name.parse().ok().filter(|index: &usize| index.to_string() == *name);
                index.and_then(|index| values.get_mut(index)).into_iter().for_each(visit);
            }
            _ => {}
        }
    }
}

fn walk(value: &mut Value, way: &[Step], visit: &mut dyn FnMut(&mut Value)) {
    match way.split_first() {
        None => visit(value),
        Some((step, rest)) => step.children(value, &mut |child| walk(child, rest, visit)),
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}
