//! The route table, the OpenAPI document and the table of problems agree with each other and with the engine.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use expect_test::expect;
use http::Method;
use serde_json::Value;

use crate::engine::{EngineError, FieldProblem};
use crate::expr::EvaluateError;
use crate::http::auth::Access;
use crate::http::openapi::ids;
use crate::http::problem::{KINDS, Problem, kind_of};
use crate::http::routes::{document, table};
use crate::inbound::InboundError;
use crate::model::{DefinitionPath, Kind};
use crate::plugin::{PluginError, Refused};
use crate::record::RecordError;
use crate::store::StoreError;

fn openapi() -> Value {
    serde_json::to_value(document()).expect("the document serialises")
}

#[test]
fn the_document_has_every_route_of_the_table_and_no_other() {
    let document = openapi();
    assert_eq!(document["openapi"], "3.1.0");
    let mut operations = BTreeSet::new();
    for row in table() {
        let method = row.method.as_str().to_lowercase();
        let operation = &document["paths"][row.path][&method];
        assert!(operation.is_object(), "{method} {} is not in the document", row.path);
        operations.insert((row.path.to_owned(), method));
    }
    let documented = document["paths"].as_object().expect("paths").iter();
    let documented: BTreeSet<_> = documented
        .flat_map(|(path, item)| item.as_object().expect("an item").keys().map(|method| (path.clone(), method.clone())))
        .collect();
    assert_eq!(documented, operations);
}

#[test]
fn every_operation_is_complete() {
    let document = openapi();
    let mut names = BTreeSet::new();
    for row in table() {
        let operation = &document["paths"][row.path][row.method.as_str().to_lowercase()];
        let place = format!("{} {}", row.method, row.path);
        let name = operation["operationId"].as_str().expect("a name");
        assert!(names.insert(name.to_owned()), "{place}: the name {name} is taken");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{place} has no summary");
        assert!(operation["tags"][0].is_string(), "{place} has no tag");
        assert_eq!(operation["security"].as_array().map(Vec::is_empty), Some(row.access == Access::Open), "{place}");
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        for id in ids(row.path) {
            let known = parameters.iter().any(|p| p["name"] == id && p["in"] == "path" && p["required"] == true);
            assert!(known, "{place} lacks the parameter {id}");
        }
        let responses = operation["responses"].as_object().expect("responses");
        assert!(responses.keys().any(|status| status.starts_with('2')), "{place} never succeeds");
        assert!(responses["default"]["content"]["application/problem+json"].is_object(), "{place}");
        let takes_body = matches!(row.method, Method::PUT | Method::PATCH);
        assert!(!takes_body || operation["requestBody"].is_object(), "{place} has no body");
    }
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    let document = openapi();
    let mut open = vec![&document];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    let pointer = reference.strip_prefix('#').expect("a local reference");
                    assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
                }
                open.extend(members.values());
            }
            _ => {}
        }
    }
}

#[test]
fn every_kind_of_problem_has_a_code_of_its_own_and_a_status_that_fits() {
    let codes: BTreeSet<_> = KINDS.iter().map(|kind| kind.code).collect();
    assert_eq!(codes.len(), KINDS.len());
    for kind in KINDS {
        assert!((400..600).contains(&kind.status), "{kind:?}");
        assert!(kind.status != 503 || kind.retriable, "{kind:?}");
        assert_eq!(kind_of(kind.code), kind);
    }
    assert_eq!(kind_of("no such code").code, "internal");
}

fn store_failure() -> StoreError {
    StoreError::Unavailable("disk full".into())
}

fn in_use() -> EngineError {
    let space = "default".parse().expect("an id");
    let users = vec![DefinitionPath::new(&space, Kind::Workflow, "flow")];
    EngineError::InUse { what: "webhook", id: "sms".to_owned(), users }
}

fn unfit() -> EngineError {
    let space = "default".parse().expect("an id");
    let users = vec![DefinitionPath::new(&space, Kind::Endpoint, "crm")];
    EngineError::Unfit { users, detail: "mine@2.0.0 exports nothing of use".to_owned() }
}

fn inbound(error: InboundError) -> EngineError {
    error.into()
}

fn mapping(reason: EvaluateError) -> EngineError {
    inbound(InboundError::MappingFailed { field: "email".to_owned(), reason })
}

fn errors_of_each_kind() -> Vec<EngineError> {
    let located = FieldProblem { field: "do".to_owned(), reason: "bad".to_owned(), line: Some(3), column: Some(7) };
    vec![
        EngineError::not_found("webhook", "sms"),
        EngineError::not_found("plugin version", "x@1.0.0"),
        EngineError::Exists { what: "workflow", id: "a".to_owned() },
        EngineError::Invalid { problems: vec![located] },
        EngineError::Changed { what: "source \"s\"".to_owned() },
        in_use(),
        unfit(),
        EngineError::Refused { code: "run-ended", detail: "the run is completed already".to_owned() },
        EngineError::Component(Refused::TooLarge { size: 30, limit: 20 }),
        EngineError::Component(Refused::CoreModule),
        EngineError::Plugin(PluginError::Busy { plugin: "p@1.0.0".into() }),
        EngineError::Plugin(PluginError::Rejected {
            plugin: "p@1.0.0".into(),
            reason: "no".to_owned(),
            logs: Vec::new(),
        }),
        inbound(InboundError::UnknownTrigger),
        inbound(InboundError::NoKey("send the key")),
        inbound(InboundError::WrongKey("not the key")),
        inbound(InboundError::WrongSignature("not signed by the secret")),
        inbound(InboundError::BodyTooLarge { limit: 5 }),
        inbound(InboundError::UnsupportedMediaType { found: "text/csv".to_owned() }),
        inbound(InboundError::BadBody {
            format: tenterhook_decode::Format::Json,
            line: 1,
            column: 2,
            reason: "?".to_owned(),
        }),
        mapping(EvaluateError::Failed("?".to_owned())),
        mapping(EvaluateError::Limit("too long".to_owned())),
        mapping(EvaluateError::Unavailable("busy".to_owned())),
        inbound(InboundError::BadIdempotencyKey("is empty")),
        EngineError::Record(RecordError::Exists { key: "a".parse().expect("a key") }),
        EngineError::Record(RecordError::Missing { key: "a".parse().expect("a key") }),
        EngineError::Record(RecordError::MissingField { field: "email".to_owned() }),
        EngineError::Store(StoreError::BadCursor),
        EngineError::Store(StoreError::Conflict { what: "run".to_owned() }),
        EngineError::Store(store_failure()),
        EngineError::Internal("a bug with details".to_owned()),
    ]
}

#[test]
fn errors_of_the_engine_become_these_problems() {
    let mut shown = String::new();
    for error in errors_of_each_kind() {
        let problem = Problem::from(error);
        let Problem { status, code, retriable, detail, errors, used_by, .. } = problem;
        let more = if errors.is_empty() { String::new() } else { format!(" {errors:?}") };
        let users = if used_by.is_empty() { String::new() } else { format!(" {used_by:?}") };
        writeln!(shown, "{status} {code} {retriable} {detail}{more}{users}").expect("a string takes it");
    }
    expect![[r#"
        404 webhook-not-found false there is no webhook "sms"
        404 plugin-version-not-found false there is no plugin version "x@1.0.0"
        409 exists false workflow "a" exists already
        422 invalid false do: bad [ProblemField { field: "do", reason: "bad", line: Some(3), column: Some(7) }]
        409 changed true source "s" has changed meanwhile: read it again
        409 in-use false webhook "sms" is in use [ProblemUser { kind: "workflow", id: "flow" }]
        409 plugin-version-unfit false mine@2.0.0 exports nothing of use [ProblemUser { kind: "endpoint", id: "crm" }]
        409 run-ended false the run is completed already
        413 body-too-large false the body exceeds 20 bytes
        422 component-refused false this is a core WebAssembly module, not a component: build for the target wasm32-wasip2, or run `wasm-tools component new` on it
        503 plugin-unavailable true plugin p@1.0.0: too many plugin calls are waiting; try again
        422 plugin-failed false plugin p@1.0.0: rejected: no
        404 unknown-trigger false no trigger has this URL
        401 no-key false send the key
        401 wrong-key false not the key
        401 wrong-signature false not signed by the secret
        413 body-too-large false the body exceeds 5 bytes
        415 unsupported-media-type false text/csv is not understood; send application/json (or +json), application/x-www-form-urlencoded, or application/xml (or text/xml, +xml), in UTF-8
        400 bad-body false the body is no valid JSON: line 1, column 2: ? [ProblemField { field: ".", reason: "?", line: Some(1), column: Some(2) }]
        422 mapping-failed false field "email" cannot be mapped: ? [ProblemField { field: "email", reason: "?", line: None, column: None }]
        422 mapping-failed false field "email" cannot be mapped: too long [ProblemField { field: "email", reason: "too long", line: None, column: None }]
        503 mapping-unavailable true field "email" cannot be mapped: busy [ProblemField { field: "email", reason: "busy", line: None, column: None }]
        400 bad-idempotency-key false the header Idempotency-Key is empty: send it once, as 1 to 256 bytes of ASCII
        409 record-exists false a record with key "a" exists already
        404 record-missing false there is no record with key "a"
        422 bad-record false field "email" is required [ProblemField { field: "email", reason: "field \"email\" is required", line: None, column: None }]
        400 bad-cursor false the cursor is not one that this server gave out
        409 changed true run has changed meanwhile
        503 store-unavailable true the server's log says what happened
        500 internal false the server's log says what happened
    "#]].assert_eq(&shown);
}
