//! What requests look like.

use bytes::Bytes;
use expect_test::{Expect, expect};

use super::*;
use crate::model::Method;
use crate::signature::{SigningKey, VerifyingKey, sign};

/// A form as text: request line, headers, body.
fn shown(form: &Form) -> String {
    let headers: String = form.headers.iter().map(|field| format!("{}: {}\n", field.name, field.value)).collect();
    format!("{} {}\n{headers}\n{}", form.method, form.url, String::from_utf8_lossy(&form.body))
}

fn form(members: Value, event: &Event, expected: &Expect) {
    let built = build(&endpoint(members), event, Some(&envelope()));
    expected.assert_eq(&built.map_or_else(|error| error.to_string(), |form| shown(&form)));
}

fn missed_call() -> Event {
    event(
        "call_missed",
        json!({"userID": "u-1", "callID": "c-1", "originatingNumberE164": "+441234", "created": 1_700_000_000}),
    )
}

fn lead() -> Event {
    event(
        "lead.create",
        json!({"email": "a@b.c", "first name": "J & <J>", "tags": ["x", 1], "score": 0.5, "note": null}),
    )
}

#[test]
fn an_event_is_type_timestamp_and_data() {
    form(
        json!({}),
        &lead(),
        &expect![[r#"
        POST https://example.org/in
        Content-Type: application/json

        {"type":"lead.create","timestamp":"2023-11-14T22:13:20.123Z","data":{"email":"a@b.c","first name":"J & <J>","tags":["x",1],"score":0.5,"note":null}}"#]],
    );
}

#[test]
fn a_lead_is_an_envelope_with_its_secret() {
    form(
        json!({"format": {"type": "lead"}, "method": "PUT"}),
        &event("lead.delete", json!({"id": 1})),
        &expect![[r#"
        PUT https://example.org/in
        Content-Type: application/json

        {"id_space":"acme","event":"lead.delete","secret":"wh_0123456789abcdef","payload":{"id":1}}"#]],
    );
    let lead_endpoint = endpoint(json!({"format": {"type": "lead"}}));
    let built = build(&lead_endpoint, &lead(), Some(&envelope())).unwrap_or_else(|error| panic!("{error}"));
    assert!(built.secrets == [envelope()], "history masks it");
    assert_eq!(build(&lead_endpoint, &lead(), None).err(), Some(FormError::NoEnvelopeSecret));
}

#[test]
fn the_flat_form_of_a_call_has_the_nine_fields_of_its_catalogue() {
    form(
        json!({"format": {"type": "flat"}}),
        &missed_call(),
        &expect![[r#"
        POST https://example.org/in
        Content-Type: application/json

        {"object":"event","eventType":"call_missed","userID":"u-1","callID":"c-1","originatingNumberE164":"+441234","created":1700000000}"#]],
    );
}

#[test]
fn what_lies_deeper_is_joined_and_nothing_is_lost() {
    let data = json!({
        "object": "lead", "eventType": "call_missed", "a": {"b": 1, "c": [true, {"d": null}]}, "a_b": 2, "a_b_2": 3,
        "empty": {}, "none": []
    });
    form(
        json!({"format": {"type": "flat"}}),
        &event("call_missed", data),
        &expect![[r#"
        POST https://example.org/in
        Content-Type: application/json

        {"object":"event","eventType":"call_missed","object_2":"lead","a_b":1,"a_c_0":true,"a_c_1_d":null,"a_b_2":2,"a_b_2_2":3,"empty":null,"none":null,"created":1700000000}"#]],
    );
    form(
        json!({"format": {"type": "flat"}}),
        &event("x", json!([1, "b"])),
        &expect![[r#"
        POST https://example.org/in
        Content-Type: application/json

        {"object":"event","eventType":"x","data_0":1,"data_1":"b","created":1700000000}"#]],
    );
}

#[test]
fn a_form_is_the_flat_fields_encoded() {
    form(
        json!({"format": {"type": "form"}, "method": "PATCH"}),
        &lead(),
        &expect![[r#"
        PATCH https://example.org/in
        Content-Type: application/x-www-form-urlencoded

        object=event&eventType=lead.create&email=a%40b.c&first+name=J+%26+%3CJ%3E&tags_0=x&tags_1=1&score=0.5&note=&created=1700000000"#]],
    );
}

#[test]
fn get_and_delete_carry_the_flat_fields_in_the_query() {
    form(
        json!({"method": "GET", "url": "https://example.org/in?k=1", "headers": {"X-A": "b"}}),
        &missed_call(),
        &expect![[r#"
        GET https://example.org/in?k=1&object=event&eventType=call_missed&userID=u-1&callID=c-1&originatingNumberE164=%2B441234&created=1700000000
        X-A: b

    "#]],
    );
    for (url, expected) in [
        ("https://example.org/in", "https://example.org/in?object=event"),
        ("https://example.org", "https://example.org?object=event"),
        ("https://example.org/in?", "https://example.org/in?object=event"),
        ("https://example.org/in?a&", "https://example.org/in?a&object=event"),
    ] {
        let built = build(&endpoint(json!({"method": "DELETE", "url": url})), &missed_call(), None);
        let built = built.unwrap_or_else(|error| panic!("{error}"));
        assert!(built.url.starts_with(expected) && built.body.is_empty(), "{}", built.url);
    }
}

#[test]
fn an_xml_document_says_the_types_of_its_values() {
    form(
        json!({"format": {"type": "xml"}}),
        &lead(),
        &expect![[r#"
        POST https://example.org/in
        Content-Type: application/xml

        <?xml version="1.0" encoding="UTF-8"?>
        <event><id>07070707-0707-0707-0707-070707070707</id><type>lead.create</type><timestamp>2023-11-14T22:13:20.123Z</timestamp><data><email>a@b.c</email><first_x0020_name>J &amp; &lt;J&gt;</first_x0020_name><tags type="array"><item>x</item><item type="number">1</item></tags><score type="number">0.5</score><note type="null"></note></data></event>
    "#]],
    );
    let names =
        json!({"": 1, "1a": 2, "a:b": 3, "_x0020_": 4, "Xml": 5, "ü": 6, "</data>": 7, "e": {}, "\u{1F600}": 8});
    form(
        json!({"format": {"type": "xml"}}),
        &event("x", names),
        &expect![[r#"
        POST https://example.org/in
        Content-Type: application/xml

        <?xml version="1.0" encoding="UTF-8"?>
        <event><id>07070707-0707-0707-0707-070707070707</id><type>x</type><timestamp>2023-11-14T22:13:20.123Z</timestamp><data><_x_ type="number">1</_x_><_x0031_a type="number">2</_x0031_a><a_x003A_b type="number">3</a_x003A_b><_x005F_x0020_ type="number">4</_x005F_x0020_><_x0058_ml type="number">5</_x0058_ml><ü type="number">6</ü><_x003C__x002F_data_x003E_ type="number">7</_x003C__x002F_data_x003E_><e type="object"></e><😀 type="number">8</😀></data></event>
    "#]],
    );
}

#[test]
fn a_cloud_event_travels_in_the_body_or_in_headers() {
    let event = Event { subject: Some("Jürgen \"J\" 100%".to_owned()), ..event("lead.create", json!({"a": 1})) };
    form(
        json!({"format": {"type": "cloudevents", "mode": "structured"}}),
        &event,
        &expect![[r#"
        POST https://example.org/in
        Content-Type: application/cloudevents+json

        {"specversion":"1.0","id":"07070707-0707-0707-0707-070707070707","source":"/workflows/lead-sms","type":"lead.create","subject":"Jürgen \"J\" 100%","time":"2023-11-14T22:13:20.123Z","datacontenttype":"application/json","data":{"a":1}}"#]],
    );
    form(
        json!({"format": {"type": "cloudevents", "mode": "binary"}, "headers": {"X-A": "b"}}),
        &event,
        &expect![[r#"
        POST https://example.org/in
        Content-Type: application/json
        ce-specversion: 1.0
        ce-id: 07070707-0707-0707-0707-070707070707
        ce-source: /workflows/lead-sms
        ce-type: lead.create
        ce-time: 2023-11-14T22:13:20.123Z
        ce-subject: J%C3%BCrgen%20%22J%22%20100%25
        X-A: b

        {"a":1}"#]],
    );
    let anonymous = Event { source: String::new(), subject: Some(String::new()), ..event };
    form(
        json!({"format": {"type": "cloudevents", "mode": "structured"}}),
        &anonymous,
        &expect![[r#"
        POST https://example.org/in
        Content-Type: application/cloudevents+json

        {"specversion":"1.0","id":"07070707-0707-0707-0707-070707070707","source":"/spaces/acme","type":"lead.create","time":"2023-11-14T22:13:20.123Z","datacontenttype":"application/json","data":{"a":1}}"#]],
    );
}

#[test]
fn a_content_type_of_the_endpoint_wins() {
    let members = json!({"headers": {"content-type": "application/vnd.acme+json", "Authorization": "Bearer t"}});
    form(
        members,
        &event("x", json!(1)),
        &expect![[r#"
        POST https://example.org/in
        content-type: application/vnd.acme+json
        Authorization: ***

        {"type":"x","timestamp":"2023-11-14T22:13:20.123Z","data":1}"#]],
    );
}

#[test]
fn attempts_differ_in_time_and_signature_only() {
    let key = SigningKey::from_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a key");
    for format in ["event", "lead", "flat", "form", "xml"] {
        let endpoint = endpoint(json!({"format": {"type": format}, "headers": {"X-A": "b"}}));
        let build = || build(&endpoint, &lead(), Some(&envelope())).unwrap_or_else(|error| panic!("{error}"));
        let (first, again) = (build(), build());
        assert!(first == again);
        let signed = |form: &Form, second: u64| form.signed([&key], "msg_1", Time::from_millis(second * 1000 + 999));
        let (early, late) = (signed(&first, 1), signed(&again, 3601));
        let differing: Vec<_> = early.iter().zip(&late).filter(|(a, b)| a != b).map(|(a, _)| a.name.as_str()).collect();
        assert_eq!(differing, ["webhook-timestamp", "webhook-signature"], "{format}");
        assert_eq!(header(&late, "webhook-id"), Some("msg_1"));
        assert_eq!(header(&late, "webhook-timestamp"), Some("3601"));
        let signature = sign([&key], "msg_1", Time::from_millis(3_601_000), &again.body);
        assert_eq!(header(&late, "webhook-signature"), Some(signature.as_str()));
    }
}

#[test]
fn a_signed_request_verifies_by_the_library_and_by_us() {
    use crate::clock::Clock as _;
    let now = crate::clock::SystemClock.now(); // the library reads the clock itself
    let key = SigningKey::generate(crate::signature::Scheme::V1).expect("randomness");
    for method in ["POST", "GET"] {
        let built = build(&endpoint(json!({"method": method})), &lead(), None).unwrap_or_else(|e| panic!("{e}"));
        let headers = built.signed([&key], "msg_1", now);
        let map: http::HeaderMap = headers
            .iter()
            .map(|field| (field.name.parse().expect("a name"), field.value.parse().expect("a value")))
            .collect::<Vec<(http::HeaderName, http::HeaderValue)>>()
            .into_iter()
            .collect();
        let library = svix::webhooks::Webhook::new(key.to_text().reveal()).expect("a verifier");
        assert!(library.verify(&built.body, &map).is_ok(), "{method}");
        let of = |name| header(&headers, name);
        let ours = crate::signature::SignedHeaders::check(
            of("webhook-id"),
            of("webhook-timestamp"),
            of("webhook-signature"),
            now,
        );
        let verifying = VerifyingKey::from_text(key.to_text().reveal()).expect("a key");
        assert_eq!(ours.and_then(|headers| headers.verify(&[verifying], &built.body)), Ok(()), "{method}");
    }
}

#[test]
fn what_grows_too_large_is_refused() {
    let wide: serde_json::Map<_, _> = (0..50).map(|n| (format!("n{n}"), Value::Null)).collect();
    let steep = event("x", json!({ "p".repeat(100_000): wide }));
    let too_large = |what, limit| Err(FormError::TooLarge { what, limit });
    assert_eq!(flat_fields(&steep), too_large("body", BODY_BYTES_MAX));
    let large = event("x", json!("&".repeat(BODY_BYTES_MAX / 4)));
    assert_eq!(
        build(&endpoint(json!({"format": {"type": "xml"}})), &large, None).err(),
        too_large("body", BODY_BYTES_MAX).err()
    );
    let long = event("x", json!("x".repeat(URL_BYTES_MAX)));
    assert_eq!(build(&endpoint(json!({"method": "GET"})), &long, None).err(), too_large("URL", URL_BYTES_MAX).err());
    assert!(build(&endpoint(json!({})), &long, None).is_ok());
}

#[test]
fn a_name_that_collides_ten_thousand_times_costs_little() {
    // Every split of the same joined name: a_a_…_a.
    let mut data = json!(0);
    let mut members = serde_json::Map::new();
    for depth in 0..20 {
        data = json!({ "a": data });
        for n in 0..500 {
            members.insert(format!("{}{n}", "a_".repeat(depth)), json!(n));
        }
    }
    members.insert("a".to_owned(), data);
    members.extend((0..10_000).map(|n| (format!("b_{n}"), json!(0))));
    members.insert("b".to_owned(), json!((1..=10_000).collect::<Vec<_>>()));
    let leaves = members.len() - 2 + 1 + 10_000;
    let fields = flat_fields(&event("x", Value::Object(members))).expect("it fits");
    assert_eq!(fields.len(), leaves + 3);
}

#[test]
fn a_plugin_begins_with_the_endpoint_and_ends_within_bounds() {
    let plugin = json!({"format": {"type": "plugin", "plugin": "slack@1.0.0"}, "headers": {"X-A": "b"}});
    let endpoint = endpoint(plugin);
    assert_eq!(build(&endpoint, &lead(), None).err(), Some(FormError::IsPlugin));
    expect![[r#"
        POST https://example.org/in
        X-A: b

    "#]]
    .assert_eq(&shown(&base(&endpoint)));
    let field = |name: &str, value: &str| HeaderField { name: name.to_owned(), value: value.to_owned() };
    let good =
        from_plugin(&endpoint, "PUT", "https://example.org/other?a=b", vec![field("X-B", "c")], Bytes::from("y"));
    let good = good.unwrap_or_else(|error| panic!("{error}"));
    assert!(good.method == Method::Put && good.url.ends_with("/other?a=b") && good.body == "y");
    let with = |method: &str, url: &str, header: HeaderField| {
        from_plugin(&endpoint, method, url, vec![header], Bytes::new()).err().map(|error| error.to_string())
    };
    let fine = || field("X-B", "c");
    for (refused, part) in [
        (with("HEAD", "https://example.org/in", fine()), "method \"HEAD\""),
        (with("post", "https://example.org/in", fine()), "method \"post\""),
        (with("POST", "https://evil.example/in", fine()), "must go to https://example.org"),
        (with("POST", "http://example.org/in", fine()), "must go to https://example.org"),
        (with("POST", "https://example.org:8443/in", fine()), "must go to https://example.org"),
        (with("POST", "https://u@example.org/in", fine()), "must go to https://example.org"),
        (with("POST", "/in", fine()), "must go to https://example.org"),
        (with("POST", "https://example.org/in", field("X-B", "a\r\nX-Evil: 1")), "line break"),
        (with("POST", "https://example.org/in", field("X B", "a")), "not a token"),
        (with("POST", "https://example.org/in", field("Webhook-Signature", "v1,x")), "sets this header itself"),
        (with("POST", "https://example.org/in", field("Host", "x")), "sets this header itself"),
        (with("POST", &format!("https://example.org/{}", "x".repeat(URL_BYTES_MAX)), fine()), "URL exceeds"),
    ] {
        assert!(refused.as_deref().is_some_and(|text| text.contains(part)), "{part}: {refused:?}");
    }
}
