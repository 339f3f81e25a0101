//! An action plugin: gives a lead points for what it does, and tells once when it has enough of them.
//!
//! The score is written into the lead's record. What belongs to nobody but the plugin (which events have been counted,
//! and whether the lead has been told of) is in its state. Both, and the event, become durable together with the task,
//! or not at all.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tenterhook_plugin::{Action, Call, Describe, Description, Failure, Json, events, records, state};

struct LeadScoring;

/// The input: the task's `with`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    event: Event,
    /// The source of the lead's record, which has a number field `score`.
    source: String,
    /// The record's key.
    lead: String,
    /// Points by type of event; they may be negative. Other types give none.
    points: BTreeMap<String, i64>,
    /// From this score on a lead is qualified.
    threshold: i64,
}

/// What is needed of the event.
#[derive(Deserialize)]
struct Event {
    /// The same for every repeat.
    id: String,
    #[serde(rename = "type")]
    kind: String,
}

/// What the plugin knows of a lead.
#[derive(Default, Deserialize, Serialize)]
struct Standing {
    score: i64,
    /// It was told that the lead is qualified.
    told: bool,
    /// The ids of the last events that counted.
    counted: VecDeque<String>,
}

/// The output.
#[derive(Serialize)]
struct Output {
    score: i64,
    /// What this event added.
    added: i64,
    /// The lead became qualified with this event.
    qualified_now: bool,
}

/// What is needed of the record.
#[derive(Deserialize)]
struct Record {
    #[serde(default)]
    score: Option<f64>,
}

/// The event that tells of a qualified lead.
const QUALIFIED: &str = "lead.qualified";
/// How many events are remembered for each lead, so that a repeat does not count twice.
const COUNTED_MAX: usize = 50;

impl Standing {
    /// Counts an event; whether the lead became qualified. A score does not fall below 0.
    fn count(&mut self, event: &Event, points: i64, threshold: i64) -> bool {
        self.score = self.score.saturating_add(points).max(0);
        self.counted.push_back(event.id.clone());
        if self.counted.len() > COUNTED_MAX {
            self.counted.pop_front();
        }
        let qualified_now = !self.told && self.score >= threshold;
        self.told |= qualified_now;
        qualified_now
    }
}

/// What is known of the lead. One that the plugin sees for the first time starts with the score of its record.
fn standing(input: &Input, key: &str) -> Result<Standing, Failure> {
    if let Some(standing) = state::get(key)? {
        return Ok(standing);
    }
    let record: Option<Record> = records::get(&input.source, &input.lead)?;
    let record =
        record.ok_or_else(|| Failure::Rejected(format!("there is no {:?} in {}", input.lead, input.source)))?;
    // A float becomes the nearest integer that there is.
    Ok(Standing { score: record.score.unwrap_or_default().round() as i64, ..Standing::default() })
}

impl Action for LeadScoring {
    fn run(_call: &Call, input: Json) -> Result<Json, Failure> {
        let input: Input = input.decode()?;
        let key = format!("{}/{}", input.source, input.lead);
        let mut standing = standing(&input, &key)?;
        let points = input.points.get(&input.event.kind).copied().unwrap_or_default();
        if points == 0 || standing.counted.contains(&input.event.id) {
            return Json::encode(&Output { score: standing.score, added: 0, qualified_now: false });
        }
        let before = standing.score;
        let qualified_now = standing.count(&input.event, points, input.threshold);
        if qualified_now {
            let data = json!({
                "source": input.source,
                "lead": input.lead,
                "score": standing.score,
                "threshold": input.threshold,
                "by": { "id": input.event.id, "type": input.event.kind },
            });
            events::emit(QUALIFIED, &data, Some(&input.lead))?;
        }
        records::upsert(&input.source, &input.lead, &json!({ "score": standing.score }))?;
        state::set(&key, &standing)?;
        Json::encode(&Output { score: standing.score, added: standing.score - before, qualified_now })
    }
}

impl Describe for LeadScoring {
    fn describe() -> Description {
        let summary = "Gives a lead points for what it does, and tells once when it has enough of them.";
        Description::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), summary)
            .config(json!({ "type": "null" }), Value::Null)
            .capabilities(["records", "events", "state"])
            .input(json!({
                "event": { "id": "0198f3a2-6c1e-7b40-9d55-2f6a4c1b7a04", "type": "campaign.email.reply" },
                "source": "leads",
                "lead": "0198f3a2-6c1e-7b40-9d55-2f6a4c1b7e01",
                "points": {
                    "campaign.email.open": 1,
                    "campaign.email.click": 5,
                    "campaign.email.reply": 20,
                    "campaign.email.unsubscribe": -30,
                    "meeting.booked": 40,
                },
                "threshold": 50,
            }))
    }
}

tenterhook_plugin::export!(LeadScoring: action, describe);
tenterhook_plugin::bump_allocator!();

#[cfg(test)]
mod tests;
