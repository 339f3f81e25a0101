//! An action: a step of a workflow that scores a lead.

use serde::{Deserialize, Serialize};
use serde_json::json;
use tenterhook_plugin::{Action, Call, Describe, Description, Failure, Json, log};

struct MyPlugin;

/// What of the task's `with` is used.
#[derive(Deserialize)]
struct Lead {
    email: Option<String>,
    contract_value: Option<f64>,
}

/// The task's output.
#[derive(Debug, PartialEq, Serialize)]
struct Score {
    score: u32,
    segment: &'static str,
}

fn score(lead: &Lead) -> Score {
    let reachable = if lead.email.as_ref().is_some_and(|email| email.contains('@')) { 40 } else { 0 };
    let worth = match lead.contract_value.unwrap_or_default() {
        value if value >= 10_000.0 => 60,
        value if value >= 1_000.0 => 30,
        _ => 0,
    };
    let score = reachable + worth;
    Score { score, segment: if score >= 70 { "hot" } else { "cold" } }
}

impl Action for MyPlugin {
    fn run(_call: &Call, input: Json) -> Result<Json, Failure> {
        let lead: Lead = input.decode()?;
        let score = score(&lead);
        log::debug(format!("a {} lead", score.segment));
        Json::encode(&score)
    }
}

impl Describe for MyPlugin {
    fn describe() -> Description {
        Description::new("my-plugin", env!("CARGO_PKG_VERSION"), "Scores a lead.")
            .config(json!({ "type": "null" }), json!(null))
            .input(json!({ "email": "anna@example.com", "contract_value": 12_500 }))
    }
}

tenterhook_plugin::export!(MyPlugin: action, describe);
tenterhook_plugin::bump_allocator!();

#[cfg(test)]
mod tests {
    use super::*;

    fn score_of(lead: serde_json::Value) -> Score {
        score(&serde_json::from_value(lead).unwrap())
    }

    #[test]
    fn a_reachable_lead_with_a_large_contract_is_hot() {
        assert_eq!(score_of(MyPlugin::describe().example_input), Score { score: 100, segment: "hot" });
    }

    #[test]
    fn what_is_not_known_counts_nothing() {
        assert_eq!(score_of(json!({ "email": null })), Score { score: 0, segment: "cold" });
        assert_eq!(score_of(json!({ "contract_value": 1_000 })), Score { score: 30, segment: "cold" });
    }
}
