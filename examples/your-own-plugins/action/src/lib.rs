//! An action plugin: a step of a workflow that scores a lead and names its segment.

use serde::{Deserialize, Serialize};
use serde_json::json;
use tenterhook_plugin::{Action, Call, Describe, Description, Failure, Json};

struct LeadScore;

/// The input: the task's `with`.
#[derive(Deserialize)]
struct Input {
    lead: Lead,
    #[serde(default)]
    weights: Weights,
}

/// The fields of a lead that count; any of them may be null or missing.
#[derive(Deserialize)]
struct Lead {
    email: Option<String>,
    phone: Option<String>,
    company_role: Option<String>,
    contract_value: Option<f64>,
    email_bounce_score: Option<f64>,
}

/// How much each part counts, in points.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Weights {
    reachable: f64,
    decides: f64,
    worth: f64,
    /// The contract value that gives all points of `worth`.
    worth_full: f64,
}

impl Default for Weights {
    fn default() -> Self {
        Self { reachable: 30.0, decides: 30.0, worth: 40.0, worth_full: 20_000.0 }
    }
}

/// The output.
#[derive(Debug, PartialEq, Serialize)]
struct Score {
    /// 0 to the sum of the weights, rounded.
    score: u32,
    segment: &'static str,
}

/// Providers whose addresses say nothing of a company.
const PRIVATE_MAIL: &[&str] = &["gmail.com", "outlook.com", "yahoo.com", "gmx.net", "web.de"];
/// Words in the roles of people who decide.
const DECIDING_ROLES: &[&str] = &["head", "chief", "director", "founder", "owner", "vp", "ceo", "cto"];

fn score(lead: &Lead, weights: &Weights) -> Score {
    let bounces = lead.email_bounce_score.unwrap_or_default().clamp(0.0, 1.0);
    let by_mail = match lead.email.as_deref().and_then(|email| email.split_once('@')) {
        Some((_, host)) if PRIVATE_MAIL.contains(&host) => 0.3,
        Some(_) => 0.7,
        None => 0.0,
    };
    let by_phone = if lead.phone.as_deref().is_some_and(|phone| !phone.is_empty()) { 0.3 } else { 0.0 };
    let role = lead.company_role.as_deref().unwrap_or_default().to_lowercase();
    let decides = role.split(|c: char| !c.is_alphanumeric()).any(|word| DECIDING_ROLES.contains(&word));
    let worth = (lead.contract_value.unwrap_or_default() / weights.worth_full.max(1.0)).clamp(0.0, 1.0);
    let points = weights.reachable * (by_mail * (1.0 - bounces) + by_phone)
        + if decides { weights.decides } else { 0.0 }
        + weights.worth * worth;
    let share = points / (weights.reachable + weights.decides + weights.worth).max(1.0);
    let segment = match share {
        share if share >= 0.7 => "hot",
        share if share >= 0.35 => "warm",
        _ => "cold",
    };
    Score { score: points.round() as u32, segment }
}

impl Action for LeadScore {
    fn run(_call: &Call, input: Json) -> Result<Json, Failure> {
        let input: Input = input.decode()?;
        Json::encode(&score(&input.lead, &input.weights))
    }
}

impl Describe for LeadScore {
    fn describe() -> Description {
        let lead = json!({
            "email": "anna@nordlicht.example", "phone": "+46 8 5550 1234",
            "company_role": "Head of Support", "contract_value": 12_500, "email_bounce_score": 0.0,
        });
        Description::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), "Scores a lead and names its segment.")
            .config(json!({ "type": "null" }), json!(null))
            .input(json!({ "lead": lead }))
    }
}

tenterhook_plugin::export!(LeadScore: action, describe);
tenterhook_plugin::bump_allocator!();

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(input: serde_json::Value) -> String {
        let call = Call { space: "s".into(), id: "i".into(), now: 0, config: "null".into() };
        LeadScore::run(&call, Json::from_text(input.to_string())).unwrap().into_text()
    }

    #[test]
    fn a_reachable_decider_with_a_large_contract_is_hot() {
        assert_eq!(scored(LeadScore::describe().example_input), r#"{"score":85,"segment":"hot"}"#);
    }

    #[test]
    fn an_unknown_lead_is_cold_and_weights_can_be_given() {
        assert_eq!(scored(json!({ "lead": { "email": null } })), r#"{"score":0,"segment":"cold"}"#);
        let input = json!({ "lead": { "contract_value": 50 }, "weights": { "worth_full": 100 } });
        assert_eq!(scored(input), r#"{"score":20,"segment":"cold"}"#);
    }

    #[test]
    fn wrong_input_is_refused_with_the_reason() {
        let call = Call { space: "s".into(), id: "i".into(), now: 0, config: "null".into() };
        let failure = LeadScore::run(&call, Json::from_text("{}")).unwrap_err();
        assert!(matches!(failure, Failure::Invalid(reason) if reason.contains("missing field `lead`")));
    }
}
