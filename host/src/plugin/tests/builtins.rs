//! The plugins that come with the server.

use super::*;
use crate::model::Export;
use crate::plugin::{Judgement, Secrets, Verdict, example, trial};

#[tokio::test]
async fn the_built_in_plugins_describe_themselves_and_have_the_servers_version() {
    let host = host();
    let found: Vec<_> = host
        .builtins()
        .iter()
        .map(|version| {
            assert_eq!(version.version.to_string(), env!("CARGO_PKG_VERSION"));
            assert!(version.builtin && version.description.is_some(), "{version:?}");
            (version.name.to_string(), version.exports.clone())
        })
        .collect();
    let expected = [
        ("text-template", vec![Export::Template]),
        ("field-mapping", vec![Export::Mapping]),
        ("jq", vec![Export::Action]),
        ("script", vec![Export::Template, Export::Mapping, Export::Action, Export::Verifier]),
        ("verify-basic-auth", vec![Export::Verifier]),
        ("verify-github", vec![Export::Verifier]),
        ("verify-hmac", vec![Export::Verifier]),
        ("verify-okta", vec![Export::Verifier]),
        ("verify-shopify", vec![Export::Verifier]),
        ("verify-slack", vec![Export::Verifier]),
        ("verify-standard-webhooks", vec![Export::Verifier]),
        ("verify-stripe", vec![Export::Verifier]),
        ("verify-token", vec![Export::Verifier]),
        ("verify-twilio", vec![Export::Verifier]),
        ("verify-x", vec![Export::Verifier]),
    ];
    assert_eq!(found, expected.map(|(name, exports)| (name.to_owned(), exports)));
    assert!(host.builtin("no-such-plugin").is_none());
}

#[tokio::test]
async fn the_built_in_plugins_work() {
    let host = host();
    let builtin = |name| host.builtin(name).expect("it is built in");
    let config = r#"{"format":"json","text":"{\"to\":\"{{ name }}\"}"}"#;
    let input = r#"{"name":"Ann \"A\""}"#.to_owned();
    let report = host.render(&builtin("text-template"), call_in("s", config), input, base()).await.expect("it renders");
    assert_eq!(report.value.expect("a request").body, r#"{"to":"Ann \"A\""}"#);

    let config = r#"{"format":"json","rules":[{"from":".id","to":"sms_id"}]}"#;
    let report = host.map(&builtin("field-mapping"), call_in("s", config), response(r#"{"id":7}"#)).await;
    assert_eq!(report.expect("it maps").value, Verdict::Accepted(r#"{"sms_id":7}"#.into()));

    let input = r#"{"source":".a + $b","input":{"a":1},"variables":{"$b":2},"mode":"evaluate"}"#.to_owned();
    let report = host.run_here(&builtin("jq"), call_in("s", "null"), input).expect("it evaluates");
    assert_eq!(report.value, r#"{"output":3}"#);
}

#[tokio::test]
async fn every_built_in_plugin_works_with_its_own_example() {
    let host = host();
    for version in host.builtins() {
        let name = version.name.as_str();
        let description = version.description.as_ref().expect("it describes itself");
        let plugin = host.builtin(name).expect("it is built in");
        let trials = trial::try_exports(&host, &plugin, description).await;
        let trials = trials.unwrap_or_else(|refused| panic!("{name}: {refused}"));
        let tried: Vec<_> = trials.iter().map(|trial| trial.export).collect();
        assert_eq!(tried, version.exports, "{name}");
        for trial in &trials {
            // The script of the example is a template: as anything else it has no use, which is told.
            let has_use = name != "script" || trial.export == Export::Template;
            let is_told = trial.error.as_deref().is_some_and(|error| error.contains("neither defines a function"));
            assert_eq!((trial.ok, is_told), (has_use, !has_use), "{name}: {trial:?}");
        }
    }
}

/// Trials take any judgement; here the call of the example must be believed, at the time that the example is of.
#[tokio::test]
async fn every_built_in_verifier_accepts_its_own_example() {
    let host = host();
    let mut found = Vec::new();
    for version in host.builtins().iter().filter(|version| version.exports == [Export::Verifier]) {
        let name = version.name.as_str();
        let description = version.description.as_ref().expect("it describes itself");
        let now = description.example_input["now"].as_u64().map_or(NOW, Time::from_millis);
        let call = Call { now, ..call_in("s", &description.example_config.to_string()) };
        let (request, values) = example::received(&description.example_input);
        let secrets = Secrets { values, mask: Box::new(str::to_owned) };
        let plugin = host.builtin(name).expect("it is built in");
        let judged = host.verify(&plugin, call, request, secrets).await;
        let judgement = judged.unwrap_or_else(|error| panic!("{name}: {error}")).value;
        assert!(matches!(judgement, Judgement::Accepted(_)), "{name}: {judgement:?}");
        found.push(name);
    }
    for name in ["verify-hmac", "verify-basic-auth", "verify-token", "verify-okta", "verify-x"] {
        assert!(found.contains(&name), "{name} is not among {found:?}");
    }
}

#[tokio::test]
async fn a_looping_use_of_a_built_in_plugin_rests_alone() {
    let host = host_with(Limits { faults_max: 1, ..Limits::default() });
    let jq = host.builtin("jq").expect("it is built in");
    let evaluate = |source: &str| {
        let input = serde_json::json!({ "source": source, "input": null, "variables": {} });
        host.run_here(&jq, call_in("s", &serde_json::json!(source).to_string()), input.to_string())
    };
    evaluate("def f: 1+f; f").expect_err("it never ends");
    let resting = evaluate("def f: 1+f; f").expect_err("it rests");
    assert!(matches!(resting, crate::plugin::PluginError::Quarantined { .. }), "{resting:?}");
    evaluate("1").expect("other expressions do not");
}
