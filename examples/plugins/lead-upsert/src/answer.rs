//! What the CRM answers: its id of the lead, or why not.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tenterhook_plugin::{Call, Failure, Json, Mapping, Response, Verdict};

use crate::{Config, LeadUpsert, Service};

/// Codes of Salesforce that mean: try again.
const RETRY_CODES: [&str; 3] = ["UNABLE_TO_LOCK_ROW", "REQUEST_LIMIT_EXCEEDED", "SERVER_UNAVAILABLE"];

/// The answer to a batch. With some errors its status is 207, and the errors are in the list.
#[derive(Deserialize)]
struct Batch {
    #[serde(default)]
    results: Vec<Identified>,
    #[serde(default)]
    errors: Vec<Problem>,
    /// What a batch says that was refused whole.
    #[serde(default)]
    message: Option<String>,
}

/// An object of the CRM.
#[derive(Deserialize)]
struct Identified {
    id: String,
}

#[derive(Deserialize)]
struct Problem {
    #[serde(default, rename = "errorCode")]
    code: String,
    #[serde(default)]
    message: String,
}

impl Mapping for LeadUpsert {
    fn map(call: &Call, response: Response) -> Result<Verdict, Failure> {
        let config: Config = call.config()?;
        if response.is_temporary() {
            return Ok(Verdict::Retry(format!("the CRM answers {}", response.status)));
        }
        let found = match config.service {
            Service::Hubspot => batch(&response),
            Service::Salesforce => one(&response),
        };
        match found {
            Ok(Some(id)) => Json::encode(&json!({ config.keep_id_in: id })).map(Verdict::Accepted),
            Ok(None) => Json::encode(&json!({})).map(Verdict::Accepted),
            Err(verdict) => Ok(verdict),
        }
    }
}

fn batch(response: &Response) -> Result<Option<String>, Verdict> {
    let batch: Batch = read(response)?;
    let problem = batch.errors.into_iter().map(|problem| problem.message).chain(batch.message).next();
    match (problem, batch.results.into_iter().next()) {
        (Some(problem), _) => Err(failed(response, &problem)),
        (None, Some(lead)) if response.is_success() => Ok(Some(lead.id)),
        (None, _) => Err(failed(response, "no lead")),
    }
}

fn one(response: &Response) -> Result<Option<String>, Verdict> {
    match response.status {
        // Older versions of the API say nothing of a lead that was there before.
        204 => Ok(None),
        200 | 201 => read::<Identified>(response).map(|lead| Some(lead.id)),
        300 => Err(failed(response, "several leads have this id")),
        _ => {
            let problems: Vec<Problem> = read(response)?;
            let text = |problem: &Problem| format!("{}: {}", problem.code, problem.message);
            let texts = problems.iter().map(text).collect::<Vec<_>>().join("; ");
            match problems.iter().any(|problem| RETRY_CODES.contains(&problem.code.as_str())) {
                true => Err(Verdict::Retry(texts)),
                false => Err(failed(response, &texts)),
            }
        }
    }
}

fn read<T: DeserializeOwned>(response: &Response) -> Result<T, Verdict> {
    response.json().map_err(|_| failed(response, "something else than expected"))
}

fn failed(response: &Response, what: &str) -> Verdict {
    Verdict::Failed(format!("the CRM answers {}: {what}", response.status))
}
