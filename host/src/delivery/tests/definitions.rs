//! Endpoints as users give them.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};

use super::*;
use crate::model::{Definition as _, EndpointStatus, FieldProblem, Sealed};
use crate::signature::Scheme;

fn draft(body: Value) -> EndpointDraft {
    serde_json::from_value(body).expect("the shape of a draft")
}

/// The problems of a draft with these members besides URL and event types.
fn problems(members: Value, expected: &Expect) {
    let mut body = json!({"url": "https://example.org/in", "event_types": ["*"]});
    body.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
    let problems = draft(body).check().err().unwrap_or_default();
    expected.assert_eq(&problems.iter().map(|problem| format!("{problem}\n")).collect::<String>());
}

fn unreadable(members: Value, part: &str) {
    let mut body = json!({"url": "https://example.org/in", "event_types": ["*"]});
    body.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
    let error = serde_json::from_value::<EndpointDraft>(body).expect_err("no draft").to_string();
    assert!(error.contains(part), "{error}");
}

#[test]
fn what_is_absent_has_its_default() {
    let endpoint = endpoint(json!({}));
    let stored = serde_json::to_value(&endpoint).expect("it serialises");
    let shown: String = stored.as_object().expect("an object").iter().map(|(n, v)| format!("{n}: {v}\n")).collect();
    expect![[r#"
        id: "crm"
        description: ""
        url: "https://example.org/in"
        event_types: ["*"]
        filter: null
        method: "POST"
        headers: []
        format: {"type":"event"}
        policy: {"retry_delays_s":[0,5,300,1800,7200,18000,36000,50400,72000,86400],"jitter":0.2,"timeout_s":15,"concurrency":4,"rate_per_s":null,"pause_after":10,"ordered":null}
        secrets: {"signing":[],"envelope":null}
        status: {"state":"active"}
        created_by: "admin"
        created_at: "1970-01-01T00:00:00.001Z"
        updated_at: "1970-01-01T00:00:00.001Z"
    "#]]
    .assert_eq(&shown);
    assert_eq!((Endpoint::KIND.word(), endpoint.id()), ("endpoint", "crm".to_owned()));
}

#[test]
fn every_setting_reads_back_as_stored() {
    for (method, format) in [
        ("POST", json!({"type": "event"})),
        ("PATCH", json!({"type": "lead"})),
        ("GET", json!({"type": "flat"})),
        ("DELETE", json!({"type": "form"})),
        ("PUT", json!({"type": "xml"})),
        ("POST", json!({"type": "cloudevents", "mode": "structured"})),
        ("POST", json!({"type": "cloudevents", "mode": "binary"})),
        ("POST", json!({"type": "plugin", "plugin": "slack@1.2.3", "config": {"channel": "#a"}})),
    ] {
        for on_stuck in [json!("block"), json!({"skip_after": 2})] {
            let endpoint = endpoint(json!({
                "description": "CRM", "method": method, "format": format, "filter": ".data.amount > 1",
                "event_types": ["lead.*", "call_missed", "a-b.c_1"], "headers": {"Authorization": "Bearer t"},
                "policy": {
                    "retry_delays_s": [1, 2, 3], "jitter": 0.5, "timeout_s": 60, "concurrency": 64, "rate_per_s": 0.5,
                    "pause_after": 0, "ordered": {"on_stuck": on_stuck}
                }
            }));
            let stored = serde_json::to_value(&endpoint).expect("it serialises");
            assert_eq!(stored["format"], format);
            assert_eq!(stored["policy"]["ordered"]["on_stuck"], on_stuck);
            assert_eq!(serde_json::from_value::<Endpoint>(stored).expect("it reads back"), endpoint);
        }
    }
}

#[test]
fn every_problem_is_told_at_once_with_its_place() {
    problems(
        json!({
            "description": "x".repeat(4001),
            "url": "ftp://example.org/",
            "event_types": ["lead.", "*.create", "lead.*.x", "", "ä", "lead.create"],
            "filter": ".a |",
            "method": "GET",
            "format": {"type": "xml"},
            "headers": {"Host": "x"},
            "policy": {"jitter": 0.6},
            "secret": "whsec_AAAA",
            "envelope_secret": "secret"
        }),
        &expect![[r#"
            description: use at most 4000 characters
            url: it must begin with http:// or https:// and a host
            event_types[0]: "lead." is no event type: write lead.create, lead.* or *, of letters, digits, _ and -, joined by dots, at most 256 bytes
            event_types[1]: "*.create" is no event type: write lead.create, lead.* or *, of letters, digits, _ and -, joined by dots, at most 256 bytes
            event_types[2]: "lead.*.x" is no event type: write lead.create, lead.* or *, of letters, digits, _ and -, joined by dots, at most 256 bytes
            event_types[3]: "" is no event type: write lead.create, lead.* or *, of letters, digits, _ and -, joined by dots, at most 256 bytes
            event_types[4]: "ä" is no event type: write lead.create, lead.* or *, of letters, digits, _ and -, joined by dots, at most 256 bytes
            filter: line 1, column 5: expected term, found the end
            headers.Host: the server sets this header itself
            format: GET has no body, so it cannot carry "xml": use "flat", whose fields become query parameters
            policy.jitter: 0.6 is not within 0 to 0.5
            secret: the secret has 3 bytes; use 24 to 64
            envelope_secret: write wh_ and 16 to 128 hexadecimal digits
        "#]],
    );
}

#[test]
fn headers_that_cannot_be_set_are_named() {
    problems(
        json!({
            "headers": {
                "Host": "x", "webhook-id": "x", "Transfer-Encoding": "chunked", "Content-Length": "1", "X Y": "z",
                "X-Break": "a\r\nb", "X-Key": "{{ secret.key }}"
            }
        }),
        &expect![[r#"
            headers.Host: the server sets this header itself
            headers.webhook-id: the server sets this header itself
            headers.Transfer-Encoding: the server sets this header itself
            headers.Content-Length: the server sets this header itself
            headers.X Y: its name is not a token (RFC 9110 §5.1)
            headers.X-Break: its value holds a line break or another control character
            headers.X-Key: values cannot be inserted into the headers of an endpoint
        "#]],
    );
}

#[test]
fn numbers_above_their_bounds_are_named() {
    problems(
        json!({
            "policy": {
                "retry_delays_s": [0, 604_801], "jitter": 0.6, "timeout_s": 61, "concurrency": 65, "rate_per_s": 0,
                "pause_after": 10_001, "ordered": {"on_stuck": {"skip_after": 3}}
            }
        }),
        &expect![[r#"
            policy.retry_delays_s[1]: 604801 seconds are more than a week (604800)
            policy.timeout_s: 61 is not within 1 to 60
            policy.concurrency: 65 is not within 1 to 64
            policy.pause_after: 10001 is not within 0 to 10000
            policy.jitter: 0.6 is not within 0 to 0.5
            policy.rate_per_s: 0 is not within 0.001 to 10000
            policy.ordered.on_stuck.skip_after: 3 is not within 1 to 2
        "#]],
    );
}

#[test]
fn the_url_is_one_that_can_be_called() {
    for bad in [
        "",
        "/path",
        "example.org",
        "http://",
        "https://user@example.org/",
        "https://:pw@example.org/",
        "https://example.org/#part",
        "https://example.org/a b",
        " https://example.org/",
        "https://example.org/\n",
        "https://example.org\\@evil.example/",
        "https://example.org/{{ data.id }}",
        &format!("https://example.org/{}", "x".repeat(4096)),
    ] {
        let problems = draft(json!({"url": bad, "event_types": ["*"]})).check().expect_err(bad);
        assert_eq!(problems.iter().map(|p| p.field.as_str()).collect::<Vec<_>>(), ["url"], "{bad}");
    }
    for good in ["http://localhost:8080", "https://example.org/a?b=c", "HTTPS://bücher.example/", "http://[::1]/"] {
        assert!(draft(json!({"url": good, "event_types": ["*"]})).check().is_ok(), "{good}");
    }
}

#[test]
fn numbers_below_their_bounds_are_named() {
    problems(
        json!({"policy": {"retry_delays_s": [], "timeout_s": 0, "concurrency": 0, "jitter": -0.1}}),
        &expect![[r#"
            policy.retry_delays_s: give 1 to 50 delays; the first is the one before the first attempt
            policy.timeout_s: 0 is not within 1 to 60
            policy.concurrency: 0 is not within 1 to 64
            policy.jitter: -0.1 is not within 0 to 0.5
        "#]],
    );
    problems(
        json!({"policy": {"retry_delays_s": vec![0; 51], "ordered": {"on_stuck": {"skip_after": 0}}}}),
        &expect![[r#"
            policy.retry_delays_s: give 1 to 50 delays; the first is the one before the first attempt
            policy.ordered.on_stuck.skip_after: 0 is not within 1 to 51
        "#]],
    );
}

#[test]
fn lists_and_texts_have_bounds() {
    problems(
        json!({"event_types": []}),
        &expect![[r#"
        event_types: name the event types that it takes, or give ["*"] for all
    "#]],
    );
    problems(
        json!({"event_types": vec!["a"; 201]}),
        &expect![[r#"
        event_types: there are 201; the limit is 200
    "#]],
    );
    problems(
        json!({"event_types": ["x".repeat(257)]}),
        &expect![[r#"
        event_types[0]: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" is no event type: write lead.create, lead.* or *, of letters, digits, _ and -, joined by dots, at most 256 bytes
    "#]],
    );
    problems(
        json!({"filter": " "}),
        &expect![[r#"
        filter: give a jq condition of 1 to 16384 bytes, or leave it out
    "#]],
    );
    let headers: serde_json::Map<_, _> = (0..51).map(|n| (format!("X-{n}"), json!("x"))).collect();
    problems(
        json!({"headers": headers}),
        &expect![[r#"
        headers: there are 51 headers; the limit is 50
    "#]],
    );
    problems(
        json!({"headers": [{"name": "X-A", "value": "1"}, {"name": "x-a", "value": "2"}]}),
        &expect![[r#"
        headers.x-a: the header is given twice
    "#]],
    );
}

#[test]
fn formats_without_a_body_are_refused_for_get_and_delete() {
    for format in [json!({"type": "lead"}), json!({"type": "xml"}), json!({"type": "cloudevents", "mode": "binary"})] {
        for method in ["GET", "DELETE"] {
            let draft = draft(json!({"url": "https://a.b/", "event_types": ["*"], "method": method, "format": format}));
            assert_eq!(draft.check().expect_err("refused")[0].field, "format");
        }
    }
    problems(
        json!({
            "format": {"type": "cloudevents", "mode": "binary"},
            "headers": {"Content-Type": "a/b", "CE-Id": "x", "X-Ce-Y": "z"}
        }),
        &expect![[r#"
            headers.Content-Type: format "cloudevents" sets this header itself
            headers.CE-Id: format "cloudevents" sets this header itself
        "#]],
    );
}

#[test]
fn what_is_not_understood_is_refused() {
    unreadable(json!({"colour": "red"}), "unknown field `colour`");
    unreadable(json!({"policy": {"retries": 3}}), "unknown field `retries`");
    unreadable(json!({"policy": {"timeout_s": -1}}), "invalid value");
    unreadable(json!({"policy": {"ordered": {"on_stuck": "wait"}}}), "unknown variant `wait`");
    unreadable(json!({"format": {"type": "json"}}), "unknown variant `json`");
    unreadable(json!({"format": {"type": "event", "mode": "binary"}}), "unknown field `mode`");
    unreadable(json!({"format": {"type": "cloudevents"}}), "missing field `mode`");
    unreadable(json!({"method": "HEAD"}), "unknown variant `HEAD`");
    unreadable(json!({"headers": {"X-A": 1}}), "must be a string");
}

#[test]
fn a_key_is_given_or_made() {
    let shared = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let base = json!({"url": "https://a.b/", "event_types": ["*"]});
    let check = |members: Value| {
        let mut body = base.clone();
        body.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
        draft(body).check()
    };
    let given = check(json!({"secret": shared, "scheme": "v1"})).expect("good");
    assert_eq!(given.given_key().map(|key| key.to_text().reveal().to_owned()).as_deref(), Some(shared));
    assert!(!format!("{given:?}").contains("MfKQ"), "not in Debug");
    let made = check(json!({"scheme": "v1a"})).expect("good");
    assert!(made.given_key().is_none() && made.scheme() == Some(Scheme::V1a));
    let problem = check(json!({"secret": shared, "scheme": "v1a"})).expect_err("refused");
    assert_eq!(problem[0].to_string(), "scheme: the given secret is one of v1: leave this out");
    let lead = check(json!({"format": {"type": "lead"}, "envelope_secret": "wh_0123456789abcdef"})).expect("good");
    assert!(lead.needs_envelope_secret() && lead.given_envelope_secret().is_some());
    assert!(!format!("{:?}", draft(json!({"url": "", "event_types": [], "secret": shared}))).contains("MfKQ"));
}

#[test]
fn a_masked_header_keeps_its_value() {
    let sealed = BTreeMap::from([("authorization".to_owned(), Sealed("c2VhbGVk".to_owned()))]);
    let mut former = endpoint(json!({"headers": {"Authorization": "***", "X-Note": "a"}}));
    former.secrets.headers = sealed;
    let save = |headers: Value, existing: Option<&Endpoint>| {
        let checked =
            draft(json!({"url": "https://a.b/", "event_types": ["*"], "headers": headers})).check().expect("good");
        let secrets = checked.secret_headers(existing)?;
        let saved = checked.into_endpoint(slug("crm"), existing, EndpointSecrets::default(), "", Time::from_millis(1));
        let fields: Vec<_> =
            saved.headers.into_iter().map(|field| format!("{}: {}", field.name, field.value)).collect();
        let secrets: Vec<_> =
            secrets.into_iter().map(|(name, value)| (name, value.map(|value| value.reveal().to_owned()))).collect();
        Ok::<_, Vec<FieldProblem>>((fields, secrets))
    };
    let fields = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let masked = json!({"authorization": "***", "X-Note": "***"});
    let kept = (fields(&["authorization: ***", "X-Note: ***"]), vec![("authorization".to_owned(), None)]);
    assert_eq!(save(masked.clone(), Some(&former)), Ok(kept));
    let other = save(json!({"Authorization": "Bearer u"}), Some(&former));
    let given = ("authorization".to_owned(), Some("Bearer u".to_owned()));
    assert_eq!(other, Ok((fields(&["Authorization: ***"]), vec![given])), "no secret value among the headers");
    for (headers, existing) in [(masked, None), (json!({"X-Api-Key": "***"}), Some(&former))] {
        let problems = save(headers, existing).expect_err("nothing to keep");
        assert!(problems.len() == 1 && problems[0].field.starts_with("headers."), "{problems:?}");
    }
}

#[test]
fn a_later_save_keeps_status_author_and_birth() {
    let since = Time::from_millis(5);
    let status = EndpointStatus::Paused { since, reason: "10 failures in a row".to_owned() };
    let former = Endpoint { status: status.clone(), ..endpoint(json!({})) };
    let checked = draft(json!({"url": "https://new.example/", "event_types": ["a"]})).check().expect("good");
    let saved =
        checked.into_endpoint(slug("crm"), Some(&former), EndpointSecrets::default(), "other", Time::from_millis(9));
    assert_eq!((saved.created_by.as_str(), saved.created_at), ("admin", Time::from_millis(1)));
    assert_eq!(
        (saved.status, saved.updated_at, saved.url.as_str()),
        (status, Time::from_millis(9), "https://new.example/")
    );
}
