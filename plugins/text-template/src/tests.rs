//! Tests of rendering and checking.

use proptest::prelude::*;
use serde_json::{Value, json};
use tenterhook_decode::{Format, decode};
use tenterhook_plugin::{Failure, Field, Request};

use crate::{Config, render};

fn request(method: &str, url: &str) -> Request {
    Request { method: method.into(), url: url.into(), headers: Vec::new(), body: Vec::new() }
}

/// Renders a configuration; the error is the reason of `Invalid`.
fn rendered(config: Value, input: Value, base: Request) -> Result<Request, String> {
    let config: Config = serde_json::from_value(config).unwrap();
    let input = serde_json::from_str(&input.to_string()).unwrap();
    render(&config, &input, base).map_err(|failure| match failure {
        Failure::Invalid(reason) => reason,
        other => panic!("{other:?}"),
    })
}

fn body(format: &str, text: &str, input: Value) -> Result<String, String> {
    let base = request("POST", "https://a.example/");
    rendered(json!({ "format": format, "text": text }), input, base).map(|r| String::from_utf8(r.body).unwrap())
}

fn url(url: &str, input: Value) -> Result<String, String> {
    rendered(json!({ "url": url }), input, request("GET", "")).map(|request| request.url)
}

fn header(value: &str, input: Value) -> Result<String, String> {
    let config = json!({ "headers": [{ "name": "x-test", "value": value }] });
    rendered(config, input, request("GET", "")).map(|request| request.header("X-Test").unwrap().to_owned())
}

/// `ok`, or the reason against the template.
fn checked(format: &str, text: &str) -> String {
    let config = json!({ "format": format, "text": text, "check": true });
    rendered(config, json!({}), request("POST", "")).map_or_else(|reason| reason, |_| "ok".into())
}

#[test]
fn a_quote_in_a_name_does_not_break_json_xml_or_form() {
    let input = json!({ "name": "Anna \"Ann\" <& \\ Co>\n" });
    assert_eq!(body("json", r#"{"a": "{{ name }}"}"#, input.clone()).unwrap(), r#"{"a": "Anna \"Ann\" <& \\ Co>\n"}"#);
    let xml = body("xml", "<a b='{{ name }}'>{{ name }}</a>", input.clone()).unwrap();
    let name = &input["name"];
    assert_eq!(decode(Format::Xml, xml.as_bytes()).unwrap(), json!({"a": {"@b": name, "#text": name}}));
    let form = body("form", "a={{ name }}&b=1", input.clone()).unwrap();
    assert_eq!(decode(Format::Form, form.as_bytes()).unwrap(), json!({"a": name, "b": "1"}));
}

#[test]
fn outside_a_json_string_a_whole_value_is_inserted() {
    let input = json!({ "s": "a\"b", "n": 1.5, "t": true, "z": null, "o": {"b": [1, "x"], "a": null} });
    let text = r#"{"s":{{ s }},"n":{{ n }},"t":{{ t }},"z":{{ z }},"o":{{ o }},"m":{{ m.n.o }},"j":{{ o | tojson }}}"#;
    let expected =
        r#"{"s":"a\"b","n":1.5,"t":true,"z":null,"o":{"b":[1,"x"],"a":null},"m":null,"j":{"b":[1,"x"],"a":null}}"#;
    assert_eq!(body("json", text, input).unwrap(), expected);
}

#[test]
fn inside_a_json_string_values_become_text_and_missing_ones_nothing() {
    let input = json!({ "n": 7, "t": true, "z": null, "o": {"a": "b"} });
    let text = r#"["{{ n }} {{ t }} {{ z }}|{{ missing.a.b }}|{{ o }} {{ o|tojson }}"]"#;
    assert_eq!(body("json", text, input).unwrap(), r#"["7 true ||{\"a\":\"b\"} {\"a\":\"b\"}"]"#);
}

#[test]
fn captured_text_is_escaped_once_when_it_is_inserted() {
    let text = r#"{% set greeting %}Hello "{{ name }}"{% endset %}{"a": "{{ greeting }}", "b": {{ greeting }}}"#;
    let expected = r#"{"a": "Hello \"A\"B\"", "b": "Hello \"A\"B\""}"#.replace("A\"B", "A\\\"B");
    assert_eq!(body("json", text, json!({ "name": "A\"B" })).unwrap(), expected);
}

#[test]
fn nothing_switches_escaping_off() {
    let input = json!({ "name": "\"," });
    assert_eq!(
        body("json", r#""{% autoescape false %}{{ name }}{% endautoescape %}""#, input.clone()).unwrap(),
        r#""\",""#
    );
    assert!(body("json", "\"{{ name|safe }}\"", input.clone()).unwrap_err().contains("filter safe is unknown"));
    assert_eq!(
        body("json", "\"\\{{ name }}\"", input).unwrap_err(),
        "line 1, column 6: a backslash stands before the inserted value: write two of them"
    );
}

#[test]
fn cdata_comments_and_instructions_cannot_be_left_by_what_is_inserted() {
    let input = json!({ "a": "]]><b>&--> ?>", "c": "\u{1}x", "d": "-" });
    let text = "<r><!-- <![CDATA[ {{ a }} {{ d }}--><?p {{ a }}?><![CDATA[{{ a }}]]>|{{ c }}</r>";
    let xml = body("xml", text, input).unwrap();
    assert_eq!(decode(Format::Xml, xml.as_bytes()).unwrap(), json!({"r": "]]><b>&--> ?>|x"}), "{xml}");
}

#[test]
fn values_in_a_url_are_percent_encoded_and_cannot_change_the_path() {
    let input = json!({ "id": "a/b?c=d&e#f ü", "up": "..", "n": 5 });
    assert_eq!(
        url("https://a.example/{{ id }}/{{ n }}?q={{ missing }}", input.clone()).unwrap(),
        "https://a.example/a%2Fb%3Fc%3Dd%26e%23f%20%C3%BC/5?q="
    );
    assert!(url("https://a.example/x/{{ up }}/y", input.clone()).unwrap_err().contains("a segment of the path"));
    assert_eq!(url("https://a.example/?x={{ up }}", input).unwrap(), "https://a.example/?x=..");
}

#[test]
fn a_form_is_the_query_of_get_and_delete_and_the_body_of_post() {
    let config = json!({ "format": "form", "text": "a={{ a }}\n" });
    let of = |method, url| rendered(config.clone(), json!({ "a": "1 2" }), request(method, url)).unwrap();
    assert_eq!(of("GET", "https://a.example/x?y=1#z").url, "https://a.example/x?y=1&a=1+2#z");
    assert_eq!(of("DELETE", "https://a.example/x").url, "https://a.example/x?a=1+2");
    assert_eq!(of("GET", "https://a.example/x?").url, "https://a.example/x?a=1+2");
    let post = of("POST", "https://a.example/x");
    assert_eq!((post.url.as_str(), post.body.as_slice()), ("https://a.example/x", b"a=1+2".as_slice()));
    assert_eq!(post.header("content-type"), Some("application/x-www-form-urlencoded"));
}

#[test]
fn headers_replace_those_of_the_base_and_cannot_be_split() {
    let mut base = request("POST", "");
    base.headers = vec![Field::new("X-A", "old"), Field::new("accept", "*/*")];
    let config = json!({ "headers": [{"name": "x-a", "value": "{{ a }}"}, {"name": "x-a", "value": "2"}] });
    let headers = rendered(config, json!({ "a": "é 1" }), base).unwrap().headers;
    let lines: Vec<_> = headers.iter().map(|field| format!("{}: {}", field.name, field.value)).collect();
    assert_eq!(lines, ["accept: */*", "x-a: é 1", "x-a: 2"]);
    let reason = header("a {{ a }}", json!({ "a": "1\r\nx-b: 2" })).unwrap_err();
    assert_eq!(reason, "header x-test: line 1, column 6: a header cannot hold control characters or line breaks");
}

#[test]
fn a_secret_of_the_template_passes_through_in_headers_and_nowhere_else() {
    assert_eq!(header("Bearer {{secret.sms-key}}", json!({})).unwrap(), "Bearer {{ secret.sms-key }}");
    assert_eq!(
        header("{{  secret.a  }}{{ secret.b }}{{ n }}", json!({"n": 1})).unwrap(),
        "{{ secret.a }}{{ secret.b }}1"
    );
    assert_eq!(
        url("https://a.example/{{ secret.a }}", json!({})).unwrap_err(),
        "url: line 1, column 22: secrets can be inserted into headers only"
    );
    assert!(body("json", "[\"{{ secret.a }}\"]", json!({})).unwrap_err().ends_with("headers only"));
    assert!(header("{{ secret.a | upper }}", json!({})).unwrap_err().contains("a secret must stand alone"));
    assert_eq!(body("json", "[\"{{ record.secret }}\"]", json!({"record": {"secret": 1}})).unwrap(), "[\"1\"]");
}

#[test]
fn data_cannot_ask_for_a_secret() {
    for data in ["{{ secret.a }}", "{ secret.a }}", "\u{1}a\u{2}"] {
        assert!(header("{{ '{' }}{{ data }}", json!({ "data": data })).is_err(), "{data:?}");
    }
    assert!(header("{{ data }}", json!({ "data": "{{secret.a}}" })).unwrap_err().contains("contains `{{`"));
}

#[test]
fn statements_and_filters_work_and_includes_do_not() {
    let text = r#"[{% for x in xs %}{"n": "{{ x.n|upper }}"}{% if not loop.last %},{% endif %}{% endfor %}]"#;
    let input = json!({ "xs": [{"n": "a\""}, {"n": "b"}] });
    assert_eq!(body("json", text, input.clone()).unwrap(), r#"[{"n": "A\""},{"n": "B"}]"#);
    assert_eq!(body("json", "{{ xs | map(attribute='n') | join('-') }}", input).unwrap(), r#""a\"-b""#);
    assert_eq!(
        body("json", "\"{{ a | default('x') }}{{ b | urlencode }}\"", json!({"b": "a b"})).unwrap(),
        "\"xa%20b\""
    );
    assert!(body("json", "{% include 'x' %}", json!({})).unwrap_err().contains("unknown statement include"));
    assert!(body("json", "{% macro m() %}{% endmacro %}", json!({})).unwrap_err().contains("unknown statement macro"));
}

#[test]
fn a_wrong_template_is_refused_with_line_and_column() {
    assert_eq!(
        body("json", "{\n \"a\": {{ a | nope }}\n}", json!({})).unwrap_err(),
        "line 2, column 14: filter nope is unknown"
    );
    let reason = body("json", "{\n\"é\": {{ a + }}}", json!({})).unwrap_err();
    assert!(reason.starts_with("line 2, column 13: unexpected end of"), "{reason}");
    assert!(body("json", &"{{ a }}".repeat(10_000), json!({})).unwrap_err().contains("longer than 65536 bytes"));
}

#[test]
fn work_and_output_are_bounded() {
    let list: Vec<u32> = (0..2000).collect();
    let nested = "{% for a in l %}{% for b in l %}{{ a }}{% endfor %}{% endfor %}";
    assert!(body("json", nested, json!({ "l": list })).unwrap_err().contains("more than 1000000 steps"));
    let big = "x".repeat(1 << 20);
    let reason = body("json", "{% for a in l %}{{ b }}{% endfor %}", json!({ "l": list, "b": big })).unwrap_err();
    assert!(reason.contains("bytes are rendered"), "{reason}");
}

#[test]
fn check_accepts_templates_whose_fields_are_missing() {
    for text in [
        r#"{"to": "{{ record.phone }}", "n": {{ record.n }}, "o": [{{ a }}, {{ {"a": 1} }}]}"#,
        r#"{"sum": {{ record.a + 1 }}, "{{ key }}": {{ record.name | upper }}}"#,
        "{\"a\": {{\n a }}}",
        r#"[{% for x in xs %}{{ x }}{% if not loop.last %},{% endif %}{% endfor %}]"#,
    ] {
        assert_eq!(checked("json", text), "ok", "{text}");
    }
    assert_eq!(checked("xml", "<{{ tag }} a='{{ b }}'>{{ c }}<![CDATA[{{ d }}]]></{{ tag }}>"), "ok");
    assert_eq!(checked("form", "{{ k }}={{ v }}&b=1\n"), "ok");
    assert_eq!(checked("form", ""), "ok");
}

#[test]
fn check_refuses_invalid_documents_in_coordinates_of_the_template() {
    let cases = [
        ("json", "{\n  \"a\": \"{{ record.name }}\",\n  \"b\": {{ n }},\n}", "line 4, column 1: trailing comma"),
        ("json", "{\"a\": {{ a }}{{ b }}}", "line 1, column 14: expected `,` or `}`"),
        ("json", "{\"a\": \"{{ a }}}", "line 1, column 16: EOF while parsing a string"),
        (
            "json",
            "[\"\\{{ a }}\"]",
            "line 1, column 4: a backslash stands before the inserted value: write two of them",
        ),
        ("json", "{{ a", "line 1, column 4: unexpected end of input, expected end of variable block"),
        ("xml", "<a>{{ record.first_name }}</b>", "line 1, column 27: expected `</a>`, but `</b>` was found"),
        ("xml", "<!DOCTYPE a><a/>", "line 1, column 1: a document type (DTD) is not allowed"),
        ("form", "a={{ record.name }}&b", "line 1, column 21: expected name=value: the `=` is missing"),
        ("json", "[{% if true %}1,{% endif %}]", "line 1, column 4: trailing comma (in the rendered text)"),
    ];
    for (format, text, expected) in cases {
        assert_eq!(checked(format, text), expected, "{text}");
    }
}

#[test]
fn input_and_configuration_must_have_their_shapes() {
    assert_eq!(body("json", "1", json!([1])).unwrap_err(), "input: expected a JSON object");
    assert!(serde_json::from_value::<Config>(json!({ "txt": "" })).unwrap_err().to_string().contains("unknown field"));
    let config = json!({ "headers": [{ "name": "a b", "value": "" }] });
    assert!(rendered(config, json!({}), request("GET", "")).unwrap_err().contains("not a header name"));
}

#[test]
fn the_description_is_true_of_the_plugin() {
    let described = <crate::TextTemplate as tenterhook_plugin::Describe>::describe();
    let base = request("POST", "");
    let request = rendered(described.example_config, described.example_input, base).unwrap();
    assert_eq!(request.url, "https://sms.example/v1/accounts/a%201/messages");
    assert_eq!(request.body, br#"{"to": "+4685550123", "text": "Hello Anna \"Ann\"!"}"#);
    assert_eq!(request.header("authorization"), Some("Bearer {{ secret.sms }}"));
}

/// JSON values as inputs have them.
fn any_json() -> impl Strategy<Value = Value> {
    let text = any::<String>().prop_map(Value::String);
    let leaf =
        prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::Bool), any::<i64>().prop_map(Value::from), text];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::hash_map("[a-z]{1,3}", inner, 0..4).prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_is_inserted_the_document_keeps_its_shape(value in any_json()) {
        let input = json!({ "v": value });
        let json = body("json", r#"{"in": "{{ v }}", "out": {{ v }}, "end": 1}"#, input.clone()).unwrap();
        let json: Value = serde_json::from_str(&json).unwrap();
        prop_assert_eq!((&json["out"], &json["end"]), (&value, &json!(1)));
        prop_assert!(json["in"].is_string());

        let xml = body("xml", "<r><a b=\"{{ v }}\" c='{{ v }}'/><d>{{ v }}</d><e><![CDATA[{{ v }}]]></e></r>", input.clone()).unwrap();
        let xml = decode(Format::Xml, xml.as_bytes()).unwrap();
        prop_assert_eq!(xml["r"].as_object().unwrap().keys().collect::<Vec<_>>(), ["a", "d", "e"]);

        let form = body("form", "a={{ v }}&b={{ v }}", input.clone()).unwrap();
        prop_assert_eq!(decode(Format::Form, form.as_bytes()).unwrap().as_object().unwrap().len(), 2);

        let url = url("https://a.example/x{{ v }}/y?z={{ v }}", input).unwrap();
        prop_assert_eq!((url.matches('/').count(), url.matches('?').count(), url.contains('#')), (4, 1, false));
    }

    #[test]
    fn no_template_makes_the_plugin_panic(text in "(\\{\\{|\\}\\}|\\{%|%\\}|\\{|\\}| |a|\\.|\\||\"|'|-|for|in|if|endif|set|\\\\|\n|é|,|:|1){0,25}") {
        for format in ["json", "xml", "form"] {
            let config = json!({ "format": format, "text": text, "url": text, "check": true });
            let _checked = rendered(config, json!({ "a": [1] }), request("GET", ""));
        }
    }

    #[test]
    fn a_template_without_statements_that_passes_the_check_renders_valid_json(value in any_json(), text in "(\\{\\{ v \\}\\}|\\{|\\}|\\[|\\]|\"|,|:|a|1| |\\\\){0,12}") {
        if checked("json", &text) == "ok" {
            let json = body("json", &text, json!({ "v": value })).unwrap();
            prop_assert!(serde_json::from_str::<Value>(&json).is_ok(), "{} -> {}", text, json);
        }
    }
}
