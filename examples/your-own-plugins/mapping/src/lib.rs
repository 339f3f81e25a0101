//! A mapping plugin: reads the answer of a help desk to a new ticket.
//!
//! What rules cannot say: this help desk answers 200 to everything and writes in the body that it is busy.

use serde::Deserialize;
use serde_json::json;
use tenterhook_plugin::{Call, Describe, Description, Failure, Json, Mapping, Response, Verdict};

struct HelpdeskTicket;

/// The configuration, at each place of use.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Codes, beside `busy`, that mean: try again.
    retry_codes: Vec<String>,
}

#[derive(Deserialize)]
struct Answer {
    ticket: Option<Ticket>,
    error: Option<Problem>,
}

#[derive(Deserialize)]
struct Ticket {
    number: String,
    #[serde(default)]
    link: Option<String>,
}

#[derive(Deserialize)]
struct Problem {
    code: String,
    #[serde(default)]
    message: String,
}

/// What the answer means.
fn verdict(config: &Config, response: &Response) -> Result<Verdict, Failure> {
    if response.is_temporary() {
        return Ok(Verdict::Retry(format!("the help desk answers {}", response.status)));
    }
    let answer: Answer = match response.json() {
        Ok(answer) => answer,
        Err(_) => return Ok(Verdict::Failed(format!("the help desk answers {}, and no JSON", response.status))),
    };
    match (answer.error, answer.ticket) {
        (Some(problem), _) if problem.code == "busy" || config.retry_codes.contains(&problem.code) => {
            Ok(Verdict::Retry(format!("the help desk is {}", problem.code)))
        }
        (Some(problem), _) => Ok(Verdict::Failed(format!("{}: {}", problem.code, problem.message))),
        (None, Some(ticket)) if response.is_success() => {
            Json::encode(&json!({ "ticket": ticket.number, "ticket_link": ticket.link })).map(Verdict::Accepted)
        }
        (None, _) => Ok(Verdict::Failed(format!("the help desk answers {}, and no ticket", response.status))),
    }
}

impl Mapping for HelpdeskTicket {
    fn map(call: &Call, response: Response) -> Result<Verdict, Failure> {
        let config: Option<Config> = call.config()?;
        verdict(&config.unwrap_or_default(), &response)
    }
}

impl Describe for HelpdeskTicket {
    fn describe() -> Description {
        let schema = json!({
            "type": ["object", "null"],
            "properties": { "retry_codes": { "type": "array", "items": { "type": "string" } } },
            "additionalProperties": false,
        });
        let summary = "Reads the ticket number in the answer of a help desk.";
        Description::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), summary)
            .config(schema, json!({ "retry_codes": ["maintenance"] }))
            .input(json!({ "ticket": { "number": "T-1042", "link": "https://desk.example/t/1042" } }))
    }
}

tenterhook_plugin::export!(HelpdeskTicket: mapping, describe);
tenterhook_plugin::bump_allocator!();

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict_of(status: u16, body: &str) -> Verdict {
        let config = serde_json::from_value(HelpdeskTicket::describe().example_config).unwrap();
        verdict(&config, &Response { status, headers: Vec::new(), body: body.as_bytes().to_vec() }).unwrap()
    }

    #[test]
    fn the_ticket_number_and_link_are_read() {
        let Verdict::Accepted(fields) = verdict_of(200, &HelpdeskTicket::describe().example_input.to_string()) else {
            panic!("not accepted")
        };
        assert_eq!(fields.as_str(), r#"{"ticket":"T-1042","ticket_link":"https://desk.example/t/1042"}"#);
    }

    #[test]
    fn a_busy_help_desk_is_asked_again_although_it_answers_200() {
        assert_eq!(verdict_of(200, r#"{"error":{"code":"busy"}}"#), Verdict::Retry("the help desk is busy".into()));
        assert!(matches!(verdict_of(200, r#"{"error":{"code":"maintenance"}}"#), Verdict::Retry(_)));
        assert!(matches!(verdict_of(503, "<html>"), Verdict::Retry(_)));
    }

    #[test]
    fn any_other_problem_fails_with_its_message() {
        let problem = r#"{"error":{"code":"no_such_queue","message":"queue 7"}}"#;
        assert_eq!(verdict_of(200, problem), Verdict::Failed("no_such_queue: queue 7".into()));
        assert!(matches!(verdict_of(200, "{}"), Verdict::Failed(_)));
        assert!(matches!(verdict_of(404, "not found"), Verdict::Failed(_)));
    }
}
