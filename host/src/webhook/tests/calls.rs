//! Tests of composing requests and reading answers.

use bytes::Bytes;
use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::model::{BodyFormat, Fault, Record};

fn show_plan(body: Value, expected: &Expect) {
    let (base, steps) = plan(&webhook(body));
    let headers: Vec<_> = base.headers.iter().map(|field| field.name.as_str()).collect();
    let mut found = format!("{} {} {headers:?}\n", base.method, base.url);
    for step in steps {
        found += &match step {
            RenderStep::Text { config } => format!("text {config}\n"),
            RenderStep::Plugin { plugin, config } => format!("{plugin} {config}\n"),
        };
    }
    expected.assert_eq(&found);
}

#[test]
fn a_text_is_one_call_of_the_text_template() {
    show_plan(
        body(),
        &expect![[r#"
            POST https://sms.example/v1/{{ data.account }}/messages?to={{ record.phone }} []
            text {"url":"https://sms.example/v1/{{ data.account }}/messages?to={{ record.phone }}","headers":[{"name":"Authorization","value":"Bearer {{ secret.sms_key }}"},{"name":"X-Campaign","value":"{{ data.campaign }}"}],"format":"json","text":"{\"to\": {{ record.phone }}}"}
        "#]],
    );
}

#[test]
fn a_plugin_comes_after_the_text_template_only_if_values_are_inserted() {
    let plugin = json!({"plugin": "acme@1.2.3", "config": {"a": 1}});
    show_plan(
        body_with("/request/template", plugin.clone()),
        &expect![[r#"
            POST https://sms.example/v1/{{ data.account }}/messages?to={{ record.phone }} []
            text {"url":"https://sms.example/v1/{{ data.account }}/messages?to={{ record.phone }}","headers":[{"name":"Authorization","value":"Bearer {{ secret.sms_key }}"},{"name":"X-Campaign","value":"{{ data.campaign }}"}],"format":"json"}
            acme@1.2.3 {"a":1}
        "#]],
    );
    let mut literal = body_with("/request/template", plugin);
    literal["request"]["url"] = json!("https://sms.example/v1");
    literal["request"]["headers"] = json!({"X-Campaign": "spring"});
    show_plan(
        literal,
        &expect![[r#"
            POST https://sms.example/v1 ["X-Campaign"]
            acme@1.2.3 {"a":1}
        "#]],
    );
}

fn rendered(headers: &[(&str, &str)]) -> Rendered {
    Rendered {
        method: "POST".to_owned(),
        url: "https://sms.example/v1/7/messages".to_owned(),
        headers: headers.iter().map(|(name, value)| field(name, value)).collect(),
        body: Bytes::from_static(b"{}"),
    }
}

fn composed(rendered: Rendered) -> Result<ComposedRequest, ComposeError> {
    finish(&webhook(body()), rendered, &secrets, "run-1/do/0")
}

fn lines(headers: &[HeaderField]) -> Vec<String> {
    headers.iter().map(|field| format!("{}: {}", field.name, field.value)).collect()
}

#[test]
fn a_finished_request_bears_its_secrets_and_an_idempotency_key() {
    let request = composed(rendered(&[("Authorization", "Bearer {{ secret.sms_key }}"), ("X-Campaign", "spring")]));
    let request = request.expect("composed");
    assert_eq!(
        lines(&request.headers),
        [
            "Authorization: Bearer s3cr\"et/Value",
            "X-Campaign: spring",
            "Content-Type: application/json",
            "Idempotency-Key: run-1/do/0"
        ]
    );
    assert_eq!(request.secret_headers, ["Authorization"]);
    assert_eq!(request.timeout.as_millis(), 15_000);
}

#[test]
fn a_content_type_is_added_only_to_a_body_that_has_none() {
    let own = composed(rendered(&[("content-type", "application/vnd.sms+json")])).expect("composed");
    assert_eq!(lines(&own.headers), ["content-type: application/vnd.sms+json", "Idempotency-Key: run-1/do/0"]);
    let empty = composed(Rendered { body: Bytes::new(), ..rendered(&[]) }).expect("composed");
    assert_eq!(lines(&empty.headers), ["Idempotency-Key: run-1/do/0"]);
}

#[test]
fn a_stranger_cannot_pull_a_secret_into_the_request() {
    // The value of X-Campaign came from data: the definition does not name this secret.
    let error = composed(rendered(&[("X-Campaign", "{{ secret.crm_password }}")])).err().expect("refused");
    assert_eq!(
        error.to_string(),
        "header \"X-Campaign\" came out naming secret \"crm_password\", which no header of the webhook's definition names"
    );
}

#[test]
fn a_secret_that_the_space_lacks_is_an_error() {
    let definition = webhook(body_with("/request/headers", json!({"X-Key": "{{ secret.other }}"})));
    let error =
        finish(&definition, rendered(&[("X-Key", "{{ secret.other }}")]), &secrets, "k").err().expect("refused");
    assert_eq!(error, ComposeError::UnknownSecret { name: "other".to_owned() });
}

#[test]
fn text_that_only_looks_like_a_secret_stays() {
    for value in ["{{ x }}", "{{", "{{ secret. }}", "{{ secret.a b }}", "}} {{ secret", "{{secret}}"] {
        let request = composed(rendered(&[("X-Campaign", value)])).expect("composed");
        assert_eq!(request.headers[0].value, value);
        assert!(request.secrets.is_empty());
    }
}

#[test]
fn secrets_go_to_the_host_of_the_definition_only() {
    let bearer = [("Authorization", "Bearer {{ secret.sms_key }}")];
    for url in
        ["https://evil.example/", "http://sms.example/v1", "https://sms.example:444/", "https://sms.example.evil.org/"]
    {
        let diverted = Rendered { url: url.to_owned(), ..rendered(&bearer) };
        assert!(matches!(composed(diverted), Err(ComposeError::Diverted { .. })), "{url}");
        let without_secret = Rendered { url: url.to_owned(), ..rendered(&[]) };
        assert!(composed(without_secret).is_ok(), "{url}");
    }
    for url in ["https://sms.example:443/other", "HTTPS://SMS.example/?x"] {
        assert!(composed(Rendered { url: url.to_owned(), ..rendered(&bearer) }).is_ok(), "{url}");
    }
}

#[test]
fn what_a_template_may_not_do_is_refused() {
    for method in ["HEAD", "post", "CONNECT", "", "GET / HTTP/1.1\r\nX:"] {
        let error = composed(Rendered { method: method.to_owned(), ..rendered(&[]) }).err();
        assert!(matches!(error, Some(ComposeError::BadMethod { .. })), "{method}");
    }
    for url in ["file:///etc/passwd", "ftp://x/", "/x", "", "https://", "javascript:x", "https://a b/"] {
        let error = composed(Rendered { url: url.to_owned(), ..rendered(&[]) }).err();
        assert!(matches!(error, Some(ComposeError::BadUrl { .. })), "{url}");
    }
    for (name, value) in [
        ("Host", "x"),
        ("Content-Length", "1"),
        ("Idempotency-Key", "x"),
        ("webhook-id", "x"),
        ("X A", "x"),
        ("X-A", "a\r\nX-B: c"),
        ("X-A", "\0"),
    ] {
        let error = composed(rendered(&[(name, value)])).err();
        assert!(matches!(error, Some(ComposeError::BadHeader { .. })), "{name}: {value:?}");
    }
}

#[test]
fn a_secret_with_a_line_break_is_refused_without_being_shown() {
    let broken = |_: &str| Some(Redacted::new("s3cret\r\nX-B: c".to_owned()));
    let bearer = rendered(&[("Authorization", "Bearer {{ secret.sms_key }}")]);
    let error = finish(&webhook(body()), bearer, &broken, "k").err().expect("refused");
    assert!(!error.to_string().contains("s3cret"), "{error}");
}

fn record() -> Record {
    let Value::Object(fields) = json!({
        "phone": "+44", "key": "a field named key", "fields": "a field named fields", "first_name": "Ada"
    }) else {
        panic!()
    };
    Record {
        source: "leads".parse().expect("a slug"),
        key: "ada".parse().expect("a key"),
        fields,
        created_at: Time::from_millis(0),
        updated_at: Time::from_millis(0),
        revision: 1,
    }
}

#[test]
fn the_context_has_the_data_its_members_and_the_record() {
    let data = json!({"campaign": "spring", "data": "inner", "record": {"key": "other"}});
    let context = Value::Object(root_context(&data, Some(&record())));
    assert_eq!((&context["campaign"], &context["data"]), (&json!("spring"), &data));
    assert_eq!(context["record"]["first_name"], "Ada");
    assert_eq!(context["record"]["fields"]["first_name"], "Ada");
    assert_eq!(context["record"]["key"], "a field named key", "a field wins");
    assert_eq!(context["record"]["revision"], 1, "the record's own members stay");
    assert_eq!(context["record"]["fields"]["fields"], "a field named fields");
}

#[test]
fn a_record_within_the_data_is_hoisted_too() {
    let data = json!({"record": {"key": "ada", "fields": {"first_name": "Ada"}}});
    assert_eq!(root_context(&data, None)["record"]["first_name"], "Ada");
    let plain = json!({"record": {"fields": {"first_name": "Ada"}}});
    assert_eq!(root_context(&plain, None)["record"], plain["record"], "that is no record");
    assert_eq!(Value::Object(root_context(&json!([1]), None)), json!({"data": [1]}));
}

fn answered(status: u16, body: &[u8], verdict: Verdict) -> Result<Answer, Fault> {
    reply(status, body, BodyFormat::Json, verdict)
}

#[test]
fn an_accepted_answer_gives_status_fields_and_response() {
    let accepted = || Verdict::Accepted("{\"sms_id\": 7}".to_owned());
    let answer = answered(201, b"{\"id\": 7}", accepted()).expect("accepted");
    assert_eq!(answer.output, json!({"status": 201, "fields": {"sms_id": 7}, "response": {"id": 7}}));
    assert_eq!(Value::Object(answer.fields), json!({"sms_id": 7}));
    let xml = reply(200, b"<r><id>7</id></r>", BodyFormat::Xml, accepted()).expect("accepted");
    assert_eq!(xml.output["response"], json!({"r": {"id": "7"}}));
    assert_eq!(answered(204, b"", accepted()).expect("accepted").output["response"], Value::Null);
    assert_eq!(answered(200, b"oops \xff", accepted()).expect("accepted").output["response"], "oops \u{fffd}");
}

#[test]
fn other_verdicts_are_faults_that_a_workflow_can_catch() {
    let fault = |status, verdict| {
        let fault = answered(status, b"", verdict).expect_err("a fault");
        let kind = fault.kind.rsplit('/').next().unwrap_or_default().to_owned();
        format!("{kind} {}: {}: {}", fault.status, fault.title, fault.detail.unwrap_or_default())
    };
    let retry = |text: &str| Verdict::Retry(text.to_owned());
    assert_eq!(fault(503, retry("status 503")), "communication 503: The webhook call may work later: status 503");
    let failed = Verdict::Failed("no credit".to_owned());
    assert_eq!(fault(200, failed), "communication 502: The webhook call failed: no credit");
    for bad in ["[]", "null", "{", ""] {
        let fault = fault(200, Verdict::Accepted(bad.to_owned()));
        assert!(fault.starts_with("runtime 500: The response mapping gave no JSON object: "), "{fault}");
    }
    assert_eq!(unreachable_fault(String::new(), true).status, 408);
    assert_eq!(unreachable_fault(String::new(), false).status, 502);
}

proptest! {
    #[test]
    fn no_rendered_header_lets_a_line_break_or_an_unnamed_secret_out(value in "[ -~\r\n{}]{0,60}", stray in "[a-z]{1,8}") {
        let value = format!("{value}{{{{ secret.{stray} }}}}{value}");
        match composed(rendered(&[("X-Campaign", &value)])) {
            Ok(request) => prop_assert!(request.secrets.is_empty() && !value.contains(['\r', '\n'])),
            Err(error) => {
                let refused = matches!(error, ComposeError::StraySecret { .. } | ComposeError::BadHeader { .. });
                prop_assert!(refused, "{error}");
            }
        }
    }
}
