//! The answer of a call: from response and verdict to the task's output, or to a fault.

use serde_json::{Value, json};
use tenterhook_decode::{Format, decode};

use crate::model::{BodyFormat, Fault, Object};

/// The type of faults of the wire (Open Workflow Specification 1.0, "Standard error types").
const COMMUNICATION: &str = "https://serverlessworkflow.io/spec/1.0.0/errors/communication";
/// The type of faults of time.
const TIMEOUT: &str = "https://serverlessworkflow.io/spec/1.0.0/errors/timeout";
/// The type of faults of our own side or a plugin's.
const RUNTIME: &str = "https://serverlessworkflow.io/spec/1.0.0/errors/runtime";

/// What the mapping plugin made of the response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The call worked; the JSON object of fields.
    Accepted(String),
    /// It may work later.
    Retry(String),
    /// It failed.
    Failed(String),
}

/// A call that worked.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The mapped fields, for the record.
    pub fields: Object,
    /// The task's output: `{status, fields, response}`.
    pub output: Value,
}

impl Answer {
    /// The answer of a call that the template said not to send: it is done, without status and response.
    pub fn nothing() -> Self {
        Self { fields: Object::new(), output: json!({ "status": null, "fields": {}, "response": null }) }
    }
}

/// The answer to a call. `response` in the output is the body decoded in the definition's format; if that
/// fails, its text; null if it is empty.
///
/// # Errors
/// The verdict is not that the call worked, or the fields are no JSON object.
pub fn reply(status: u16, body: &[u8], format: BodyFormat, verdict: Verdict) -> Result<Answer, Fault> {
    let fault_status = if status >= 400 { status } else { 502 };
    let fields = match verdict {
        Verdict::Accepted(fields) => fields,
        Verdict::Retry(reason) => {
            return Err(fault(COMMUNICATION, fault_status, "The webhook call may work later", reason));
        }
        Verdict::Failed(reason) => return Err(fault(COMMUNICATION, fault_status, "The webhook call failed", reason)),
    };
    let fields: Object = serde_json::from_str(&fields)
        .map_err(|error| fault(RUNTIME, 500, "The response mapping gave no JSON object", error.to_string()))?;
    let response = match body {
        [] => Value::Null,
        body => decode(decoder(format), body).unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned().into()),
    };
    let output = json!({ "status": status, "fields": fields, "response": response });
    Ok(Answer { fields, output })
}

const fn decoder(format: BodyFormat) -> Format {
    match format {
        BodyFormat::Json => Format::Json,
        BodyFormat::Form => Format::Form,
        BodyFormat::Xml => Format::Xml,
    }
}

/// The fault of a call that got no response.
pub fn unreachable_fault(reason: String, timed_out: bool) -> Fault {
    if timed_out {
        fault(TIMEOUT, 408, "The webhook did not answer in time", reason)
    } else {
        fault(COMMUNICATION, 502, "The webhook could not be reached", reason)
    }
}

fn fault(kind: &str, status: u16, title: &str, detail: String) -> Fault {
    Fault { kind: kind.to_owned(), status, title: title.to_owned(), detail: Some(detail), instance: None }
}
