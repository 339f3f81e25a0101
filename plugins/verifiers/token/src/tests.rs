//! Tokens in headers and in the query, and calls that have none.

use serde_json::{Value, json};
use tenterhook_verify::testing::{Judged, Trial, check_description, check_junk, check_signed};

use super::*;

fn in_header() -> Trial {
    let trial = Trial::new("open sesame").config(json!({ "header": "Authorization", "prefix": "Bearer " }));
    trial.header("authorization", "Bearer open sesame")
}

fn in_query(query: &str) -> Trial {
    let trial = Trial::new("open sesame").config(json!({ "parameter": "token" }));
    trial.to("POST", &format!("https://hooks.example/in/a?{query}"))
}

#[test]
fn a_token_in_a_header_is_accepted_with_its_prefix() {
    assert_eq!(in_header().judge::<Token>(), Judged::Accepted(None, None));
    let named = in_header().config(json!({ "header": "authorization", "prefix": "Bearer " }));
    check_signed::<Token>(&named, &["authorization"]);
    for (value, reason) in [
        ("open sesame", "must begin with `Bearer `"),
        ("bearer open sesame", "must begin with `Bearer `"),
        ("Bearer open", "is not right"),
        ("Bearer open sesame ", "is not right"),
        ("Bearer ", "is not right"),
    ] {
        assert!(in_header().with("authorization", value).judge::<Token>().reason().contains(reason), "{value}");
    }
}

#[test]
fn a_token_in_the_query_is_decoded_and_must_come_once() {
    for query in ["token=open+sesame", "a=b&token=open%20sesame&c", "%74oken=open+sesame#token=x"] {
        check_signed::<Token>(&in_query(query), &[]);
    }
    for query in ["", "a=b", "Token=open+sesame", "token=open+sesame&token=open+sesame", "a#?token=open+sesame"] {
        assert!(in_query(query).judge::<Token>().reason().contains("`token` must be in the query once"), "{query}");
    }
    for query in ["token", "token=", "token=open", "token=open+sesame+"] {
        assert!(in_query(query).judge::<Token>().reason().contains("is not right"), "{query}");
    }
}

#[test]
fn a_configuration_names_one_place() {
    for config in [json!({}), json!({ "header": "a", "parameter": "b" }), json!({ "header": "" }), Value::Null] {
        assert!(matches!(in_header().config(config).judge::<Token>(), Judged::Invalid(_)));
    }
}

#[test]
fn junk_is_refused() {
    check_junk::<Token>(&in_header(), &["authorization"], false);
}

#[test]
fn the_description_is_whole() {
    check_description::<Token>();
}
