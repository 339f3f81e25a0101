//! Tests of definitions.

use expect_test::{Expect, expect};

use super::*;
use crate::model::{HEADER_VALUE_BYTES_MAX, HEADERS_MAX, Mapping, Template};

fn problems(body: Value, expected: &Expect) {
    let problems = checked(body).expect_err("refused");
    expected.assert_eq(&problems.iter().map(|problem| format!("{problem}\n")).collect::<String>());
}

fn unreadable(body: Value, part: &str) {
    let error = serde_json::from_value::<WebhookDraft>(body).expect_err("no draft").to_string();
    assert!(error.contains(part), "{error}");
}

#[test]
fn a_good_definition_is_kept_as_given() {
    let webhook = webhook(body());
    assert_eq!((webhook.name.as_str(), webhook.timeout_ms, webhook.created_by.as_str()), ("Send SMS", 15_000, "admin"));
    assert_eq!(webhook.request.headers[0], field("Authorization", "Bearer {{ secret.sms_key }}"));
    assert!(matches!(webhook.request.template, Template::Text { .. }));
}

#[test]
fn a_save_keeps_who_made_it_and_when() {
    let first = webhook(body());
    let second = checked(body()).expect("a good definition");
    let second = second.into_webhook(first.id.clone(), Some(&first), "other", Time::from_millis(9));
    assert_eq!(
        (second.created_by.as_str(), second.created_at, second.updated_at),
        ("admin", first.created_at, Time::from_millis(9))
    );
}

#[test]
fn headers_are_an_object_or_a_list() {
    let list = json!([{"name": "Authorization", "value": "Bearer {{ secret.sms_key }}"}, {"name": "X-Campaign", "value": "{{ data.campaign }}"}]);
    assert_eq!(webhook(body_with("/request/headers", list)), webhook(body()));
    assert_eq!(webhook(body_with("/request/headers", Value::Null)).request.headers, []);
    unreadable(body_with("/request/headers", json!({"X-A": 1})), "the value of header \"X-A\" must be a string");
    unreadable(body_with("/request/headers", json!("X-A: 1")), "headers must be an object {NAME: VALUE} or a list");
}

#[test]
fn what_is_left_out_has_its_default() {
    let mut short = body();
    short["request"].as_object_mut().expect("an object").remove("headers");
    short["response"].as_object_mut().expect("an object").remove("mapping");
    short.as_object_mut().expect("an object").remove("description");
    let webhook = webhook(short);
    assert_eq!((webhook.description.as_str(), webhook.request.headers.len()), ("", 0));
    assert_eq!(webhook.response.mapping, Mapping::Rules { rules: Vec::new() });
}

#[test]
fn unknown_members_methods_and_formats_are_refused() {
    let mut unknown = body();
    unknown["request"]["bdoy"] = json!(1);
    unreadable(unknown, "unknown field `bdoy`");
    unreadable(body_with("/request/method", json!("HEAD")), "unknown variant `HEAD`");
    unreadable(body_with("/request/format", json!("yaml")), "unknown variant `yaml`");
    unreadable(body_with("/request/template", json!({"plugin": "a b"})), "letters, digits");
}

#[test]
fn plugins_take_a_configuration_and_texts_do_not() {
    let plugin = json!({"plugin": "acme@1.2.3", "config": {"a": 1}});
    let webhook = webhook(body_with("/request/template", plugin.clone()));
    assert!(matches!(&webhook.request.template, Template::Plugin { plugin, .. } if plugin.to_string() == "acme@1.2.3"));
    for (pointer, value, reason) in [
        (
            "/request/template",
            json!({}),
            expect![[r"
            request.template: give text, or plugin and config
        "]],
        ),
        (
            "/request/template",
            json!({"text": "{}", "plugin": "acme"}),
            expect![[r"
            request.template: give either text or plugin, not both
        "]],
        ),
        (
            "/request/template",
            json!({"text": "{}", "config": {}}),
            expect![[r"
            request.template.config: only a plugin takes a configuration
        "]],
        ),
        (
            "/response/mapping",
            json!({"rules": [], "plugin": "acme"}),
            expect![[r"
            response.mapping: give either rules or plugin, not both
        "]],
        ),
        (
            "/response/mapping",
            json!({"rules": [], "config": {}}),
            expect![[r"
            response.mapping.config: only a plugin takes a configuration
        "]],
        ),
    ] {
        problems(body_with(pointer, value), &reason);
    }
}

#[test]
fn every_problem_is_told_at_once_with_its_path() {
    let bad = json!({
        "name": " ",
        "timeout_ms": 60_001,
        "request": {
            "method": "POST", "url": "ftp://x", "format": "json",
            "headers": [
                {"name": "Host", "value": "x"}, {"name": "X A", "value": "x"}, {"name": "X-A", "value": "a\nb"},
                {"name": "webhook-id", "value": "x"}, {"name": "x-a", "value": "again"},
            ],
            "template": {"text": "{{ secret.sms_key }}"},
        },
        "response": {"format": "json", "mapping": {"rules": [{"from": " ", "to": ""}, {"from": ".a", "to": "a"}]}},
    });
    problems(
        bad,
        &expect![[r#"
            name: use 1 to 200 characters, without line breaks
            timeout_ms: 60001 is not within 1 to 60000
            request.url: it must begin with http:// or https:// and a host
            request.headers.Host: the server sets this header itself
            request.headers.X A: its name is not a token (RFC 9110 §5.1)
            request.headers.X-A: its value holds a line break or another control character
            request.headers.webhook-id: the server sets this header itself
            request.headers.x-a: the header is given twice
            request.template.text: secret "sms_key" can be inserted in header values only
            response.mapping.rules[0].to: name the field that gets the value, in 1 to 100 bytes
            response.mapping.rules[0].from: give a jq expression of 1 to 16384 bytes
        "#]],
    );
}

#[test]
fn values_are_inserted_after_the_host_only() {
    for url in [
        "http://{{ data.host }}/",
        "https://api.{{ data.host }}/",
        "https://api.example:{{ data.port }}/",
        "https://{{ data.a / data.b }}/",
        "{{ data.url }}",
        "http{{ data.s }}://api.example/",
        "https://{% if a %}x{% endif %}.example/",
        "https://{# x #}api.example/",
        "https://api.example{{ data.x }}",
        "https://user@api.example/",
        "https://:pw@api.example/",
        "https:///path",
        "https://",
        "//api.example/",
        "https://api.example\\@evil.example/",
        " https://api.example/",
        "https://api.example/\n",
        "/path",
        "https://a b/",
        "https://api.example:99999/",
        "https://[::1/",
        "https://api.example/?k={{ secret.sms_key }}",
    ] {
        let problems = checked(body_with("/request/url", json!(url))).expect_err(url);
        assert_eq!(problems.iter().map(|p| p.field.as_str()).collect::<Vec<_>>(), ["request.url"], "{url}");
    }
    for url in [
        "https://api.example",
        "HTTPS://api.example:8443/a/{{ data.b }}?c={{ record.d }}#e",
        "http://127.0.0.1:9/{{ x }}",
        "https://api.example?x={{ record.key }}",
        "http://[::1]:8080/{% if a %}b{% endif %}",
        "https://bücher.example/",
    ] {
        assert!(checked(body_with("/request/url", json!(url))).is_ok(), "{url}");
    }
}

#[test]
fn sizes_are_limited() {
    for (pointer, value, place) in [
        ("/name", json!("x".repeat(201)), "name"),
        ("/description", json!("x".repeat(4001)), "description"),
        ("/request/url", json!(format!("https://api.example/{}", "x".repeat(URL_BYTES_MAX))), "request.url"),
        ("/request/template/text", json!("x".repeat(TEMPLATE_BYTES_MAX + 1)), "request.template.text"),
        ("/request/headers", json!({"X-A": "x".repeat(HEADER_VALUE_BYTES_MAX + 1)}), "request.headers.X-A"),
        ("/request/headers", (0..=HEADERS_MAX).map(|n| (format!("X-{n}"), json!("x"))).collect(), "request.headers"),
        (
            "/response/mapping/rules",
            json!(vec![json!({"from": ".", "to": "x"}); RULES_MAX + 1]),
            "response.mapping.rules",
        ),
        (
            "/response/mapping/rules/0/from",
            json!(".".repeat(EXPRESSION_BYTES_MAX + 1)),
            "response.mapping.rules[0].from",
        ),
        ("/response/mapping/rules/0/to", json!("x".repeat(101)), "response.mapping.rules[0].to"),
    ] {
        let problems = checked(body_with(pointer, value)).expect_err(pointer);
        assert_eq!(problems.iter().map(|p| p.field.as_str()).collect::<Vec<_>>(), [place]);
    }
}
