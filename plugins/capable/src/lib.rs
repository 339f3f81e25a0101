//! A guest that uses capabilities as it is told: for tests of the host. Not for users.
//!
//! The action's input is `{"steps": [STEP, …]}`; it answers what came of each [`Step`]: `{"ok": …}`, or the trouble's
//! name with its text, such as `{"denied": "…"}`. The template reads a record, which only actions may.

use serde::Deserialize;
use serde_json::{Value, json};
use tenterhook_plugin::{
    Action, Call, Failure, Json, Request, Template, Trouble, events, log, records, secrets, state, webhooks,
};

struct Capable;

#[derive(Deserialize)]
struct Input {
    steps: Vec<Step>,
}

/// What to do.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
enum Step {
    /// Reads a record.
    Record { source: String, key: String },
    /// Writes a record.
    Upsert { source: String, key: String, fields: Value },
    /// Reads a number of a record, and writes one more.
    Count { source: String, key: String, field: String },
    /// Publishes an event.
    Emit { kind: String, data: Value, key: Option<String> },
    /// Calls a webhook.
    Webhook { id: String, data: Value },
    /// Reads a value.
    Get { key: String },
    /// Writes a value.
    Set { key: String, value: Value },
    /// Writes a text of so many bytes.
    Fill { key: String, bytes: usize },
    /// Deletes a value.
    Delete { key: String },
    /// Reads a number, and writes one more.
    Add { key: String },
    /// Reads a secret, logs and prints it, and answers with it.
    Secret { name: String },
    /// Reads a secret and writes it where it would be in clear.
    Keep { name: String, key: String },
    /// Does a step so often; answers the last answer.
    Repeat { times: usize, step: Box<Step> },
    /// Reads a record and logs, again and again, whatever comes of it. Never ends.
    Flood { source: String, key: String },
    /// Panics with what a secret is.
    Panic { name: String },
    /// Fails with what a secret is.
    Fail { name: String },
    /// Never ends.
    Spin,
}

impl Step {
    fn perform(&self) -> Result<Value, Trouble> {
        Ok(match self {
            Self::Record { source, key } => json!(records::get::<Value>(source, key)?),
            Self::Upsert { source, key, fields } => answer(records::upsert(source, key, fields)?),
            Self::Count { source, key, field } => {
                let record = records::get::<Value>(source, key)?.unwrap_or_default();
                let count = record[field].as_i64().unwrap_or(0) + 1;
                answer(records::upsert(source, key, &json!({ field: count }))?)
            }
            Self::Emit { kind, data, key } => json!(events::emit(kind, data, key.as_deref())?),
            Self::Webhook { id, data } => match webhooks::call(id, data)? {
                webhooks::Outcome::Accepted(accepted) => {
                    json!({ "status": accepted.status, "fields": answer(accepted.fields) })
                }
                webhooks::Outcome::Failed(reason) => json!({ "failed": reason }),
            },
            Self::Get { key } => json!(state::get::<Value>(key)?),
            Self::Set { key, value } => json!(state::set(key, value)?),
            Self::Fill { key, bytes } => json!(state::set(key, &"x".repeat(*bytes))?),
            Self::Delete { key } => json!(state::delete(key)?),
            Self::Add { key } => {
                let next = state::get::<i64>(key)?.unwrap_or(0) + 1;
                state::set(key, &next)?;
                json!(next)
            }
            Self::Secret { name } => tell(&secrets::get(name)?),
            Self::Keep { name, key } => json!(state::set(key, &format!("it is {}", secrets::get(name)?))?),
            Self::Repeat { times, step } => {
                let mut last = Value::Null;
                for _ in 0..*times {
                    last = step.perform()?;
                }
                last
            }
            Self::Flood { source, key } => loop {
                drop(records::get::<Value>(source, key));
                log::info("once more");
            },
            Self::Panic { name } => panic!("the secret is {}", secrets::get(name)?),
            Self::Fail { .. } => Value::Null,
            Self::Spin => spin(),
        })
    }
}

fn answer(json: Json) -> Value {
    json.decode().unwrap_or_default()
}

/// Tells a secret in every way that there is.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the deed is to print it")]
fn tell(secret: &str) -> Value {
    log::info(format!("the secret is {secret}"));
    log::info(format!("{}{secret}", "x".repeat(1020)));
    println!("printed: {secret}, in JSON {}", json!(secret));
    eprint!("{}{secret}", "y".repeat(1020));
    json!({ "secret": secret, "again": [format!("it is {secret}")] })
}

fn spin() -> Value {
    let mut count = 0_u64;
    loop {
        count = std::hint::black_box(count).wrapping_add(1);
    }
}

fn named(trouble: Trouble) -> Value {
    match trouble {
        Trouble::Denied(text) => json!({ "denied": text }),
        Trouble::Missing(text) => json!({ "missing": text }),
        Trouble::Invalid(text) => json!({ "invalid": text }),
        Trouble::Exhausted(text) => json!({ "exhausted": text }),
        Trouble::Unavailable(text) => json!({ "unavailable": text }),
    }
}

impl Action for Capable {
    fn run(_: &Call, input: Json) -> Result<Json, Failure> {
        let input: Input = input.decode()?;
        let mut answers = Vec::with_capacity(input.steps.len());
        for step in &input.steps {
            if let Step::Fail { name } = step {
                return Err(Failure::Rejected(format!("the secret is {}", secrets::get(name)?)));
            }
            answers.push(step.perform().map_or_else(named, |done| json!({ "ok": done })));
        }
        Json::encode(&answers)
    }
}

impl Template for Capable {
    fn render(_: &Call, _: Json, base: Request) -> Result<Option<Request>, Failure> {
        records::get::<Value>("leads", "anna")?;
        Ok(Some(base))
    }
}

tenterhook_plugin::export!(Capable: template, action);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_named_in_kebab_case_and_unknown_ones_are_refused() {
        let input = json!({ "steps": [
            { "do": "add", "key": "n" },
            { "do": "repeat", "times": 2, "step": { "do": "emit", "kind": "a.b", "data": 1 } },
        ] });
        let input: Input = serde_json::from_value(input).unwrap();
        assert!(matches!(&input.steps[0], Step::Add { key } if key == "n"));
        assert!(matches!(&input.steps[1], Step::Repeat { times: 2, .. }));
        assert!(serde_json::from_value::<Input>(json!({ "steps": [{ "do": "nap" }] })).is_err());
    }

    #[test]
    fn a_trouble_is_answered_by_its_name() {
        assert_eq!(named(Trouble::Denied("no".into())), json!({ "denied": "no" }));
    }
}
