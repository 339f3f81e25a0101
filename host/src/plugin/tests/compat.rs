//! Components that were built against an older version of the interface.

use super::*;
use crate::model::{Export, HeaderField, LogLine};
use crate::plugin::PluginError;

/// A template built against version 0.0.9.
const OLDER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/older.wasm"));

#[tokio::test]
async fn a_component_of_an_older_version_is_taken_for_what_it_is() {
    let inspection = host().inspect(Bytes::from_static(OLDER)).await.expect("it is taken");
    assert_eq!(inspection.exports, [Export::Template]);
    assert!(inspection.imports.iter().any(|name| name == "tenterhook:plugin/log@0.0.9"), "{:?}", inspection.imports);
    assert!(!inspection.imports.iter().any(|name| name.ends_with("@0.1.0")), "{:?}", inspection.imports);
    assert_eq!(inspection.description, None, "that version had no `describe`");
}

#[tokio::test]
async fn it_is_called_and_heard_in_its_own_shape() {
    let host = host();
    let plugin = load(&host, OLDER, "older@1.0.0").await;
    let render =
        |config: &'static str, input: &'static str| host.render(&plugin, call_in("s", config), input.into(), base());
    let report = render(r#"{"url":"https://b.example/y"}"#, r#"{"n":1}"#).await.expect("it renders");
    let request = report.value.expect("a request");
    assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", "https://b.example/y"));
    assert_eq!(request.headers, [HeaderField { name: "content-type".into(), value: "application/json".into() }]);
    assert_eq!(request.body, r#"{"space":"s","id":"call-1","input":{"n":1}}"#);
    let line = LogLine { level: "info".into(), message: "to https://b.example/y".into() };
    assert_eq!(report.logs, [line], "a line without a level is information");

    assert_eq!(render(r#"{"nothing":true}"#, "{}").await.expect("it answers").value, None);
    let invalid = render("null", "{}").await.expect_err("it has no URL");
    assert!(matches!(&invalid, PluginError::Invalid { reason, .. } if reason == "url is missing"), "{invalid:?}");
    let rejected = render(r#"{"url":"https://b.example"}"#, "{").await.expect_err("no JSON");
    assert!(matches!(rejected, PluginError::Rejected { .. }), "{rejected:?}");
    let error = host.map(&plugin, call_in("s", "null"), response("")).await.expect_err("it is no mapping");
    assert!(matches!(error, PluginError::WrongExport { wanted: Export::Mapping, .. }), "{error:?}");
}

#[tokio::test]
async fn what_that_version_never_had_is_not_offered_in_it() {
    let component = r#"(component (import "tenterhook:plugin/describe@0.0.9" (instance)))"#;
    let bytes = wat::parse_str(component).expect("valid text");
    let refused = host().inspect(bytes.into()).await.expect_err("0.0.9 had nothing of that name").to_string();
    assert!(refused.contains("`tenterhook:plugin/describe@0.0.9`"), "{refused}");
    let component =
        r#"(component (instance $none) (export "tenterhook:plugin/response-mapping@0.0.9" (instance $none)))"#;
    let bytes = wat::parse_str(component).expect("valid text");
    let refused = host().inspect(bytes.into()).await.expect_err("0.0.9 had templates only").to_string();
    assert!(refused.contains("supports `tenterhook:plugin/response-mapping@0.1`"), "{refused}");
}
