//! A verifier: takes calls that have the right token in a header, and answers challenges.

use serde_json::{Value, json};
use tenterhook_plugin::{
    Call, Describe, Description, Failure, InboundRequest, Judgement, Response, Secret, Verifier, constant_time_eq, log,
};

struct MyPlugin;

/// The header that has the token.
const HEADER: &str = "x-token";

/// What a call is.
fn judgement(request: &InboundRequest, secrets: &[Secret]) -> Result<Judgement, Failure> {
    let Some(token) = Secret::find(secrets, "token") else {
        return Err(Failure::Invalid("the trigger names no secret `token`".to_owned()));
    };
    let given = request.header(HEADER).unwrap_or_default();
    if !constant_time_eq(given.as_bytes(), token.as_bytes()) {
        return Ok(Judgement::refused(format!("{HEADER} is missing or wrong")));
    }
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    if let Some(challenge) = body["challenge"].as_str() {
        let body = challenge.as_bytes().to_vec();
        return Ok(Judgement::Answered(Response { status: 200, headers: Vec::new(), body }));
    }
    Ok(match request.header("x-event-id") {
        Some(id) => Judgement::accepted_as(id),
        None => Judgement::accepted(),
    })
}

impl Verifier for MyPlugin {
    fn verify(_call: &Call, request: InboundRequest, secrets: &[Secret]) -> Result<Judgement, Failure> {
        log::debug(format!("{} bytes", request.body.len()));
        judgement(&request, secrets)
    }
}

impl Describe for MyPlugin {
    fn describe() -> Description {
        Description::new("my-plugin", env!("CARGO_PKG_VERSION"), "Takes calls that have the right token.")
            .config(json!({ "type": "null" }), json!(null))
            .input(json!({
                "headers": { "x-token": "example", "x-event-id": "e-1" },
                "body": "{}",
                "secrets": { "token": "example" },
            }))
    }
}

tenterhook_plugin::export!(MyPlugin: verifier, describe);
tenterhook_plugin::bump_allocator!();

#[cfg(test)]
mod tests {
    use tenterhook_plugin::Field;

    use super::*;

    fn judge(token: &str, body: &str) -> Judgement {
        let request = InboundRequest {
            method: "POST".into(),
            url: "https://hooks.example/in/t".into(),
            headers: vec![Field::new("X-Token", token), Field::new("x-event-id", "e-1")],
            body: body.into(),
        };
        judgement(&request, &[Secret::new("token", "right")]).unwrap()
    }

    #[test]
    fn the_right_token_is_accepted_under_the_senders_id() {
        assert!(matches!(judge("right", "{}"), Judgement::Accepted(call) if call.id.as_deref() == Some("e-1")));
    }

    #[test]
    fn another_token_is_refused() {
        assert!(matches!(judge("wrong", "{}"), Judgement::Refused(reason) if reason == "x-token is missing or wrong"));
    }

    #[test]
    fn a_challenge_is_answered() {
        let Judgement::Answered(answer) = judge("right", r#"{"challenge":"abc"}"#) else { panic!("not answered") };
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"abc"[..]));
    }
}
