//! A mapping: reads the answer of a help desk to a new ticket.

use serde::Deserialize;
use serde_json::json;
use tenterhook_plugin::{Call, Describe, Description, Failure, Json, Mapping, Response, Verdict, log};

struct MyPlugin;

/// What of the answer is used.
#[derive(Deserialize)]
struct Answer {
    id: String,
}

/// What an answer means.
fn verdict(response: &Response) -> Result<Verdict, Failure> {
    let status = response.status;
    if response.is_temporary() {
        return Ok(Verdict::Retry(format!("the help desk answers {status}")));
    }
    if !response.is_success() {
        return Ok(Verdict::Failed(format!("the help desk answers {status}")));
    }
    match response.json::<Answer>() {
        Ok(answer) => Json::encode(&json!({ "ticket": answer.id })).map(Verdict::Accepted),
        Err(_) => Ok(Verdict::Failed("the answer has no id".to_owned())),
    }
}

impl Mapping for MyPlugin {
    fn map(_call: &Call, response: Response) -> Result<Verdict, Failure> {
        log::debug(format!("status {}", response.status));
        verdict(&response)
    }
}

impl Describe for MyPlugin {
    fn describe() -> Description {
        Description::new("my-plugin", env!("CARGO_PKG_VERSION"), "Reads the answer of a help desk to a new ticket.")
            .config(json!({ "type": "null" }), json!(null))
            .input(json!({ "id": "T-1042" }))
    }
}

tenterhook_plugin::export!(MyPlugin: mapping, describe);
tenterhook_plugin::bump_allocator!();

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict_of(status: u16, body: &str) -> Verdict {
        verdict(&Response { status, headers: Vec::new(), body: body.into() }).unwrap()
    }

    #[test]
    fn the_ticket_is_read() {
        let Verdict::Accepted(fields) = verdict_of(201, r#"{"id":"T-7"}"#) else { panic!("not accepted") };
        assert_eq!(fields.as_str(), r#"{"ticket":"T-7"}"#);
    }

    #[test]
    fn a_busy_help_desk_is_asked_again_and_any_other_trouble_is_told() {
        assert!(matches!(verdict_of(503, "busy"), Verdict::Retry(_)));
        assert_eq!(verdict_of(404, ""), Verdict::Failed("the help desk answers 404".to_owned()));
        assert_eq!(verdict_of(200, "{}"), Verdict::Failed("the answer has no id".to_owned()));
    }
}
