//! Capabilities, function by function: what they refuse, and what history has of it.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use super::*;
use crate::engine::RecordMode;
use crate::engine::capabilities::{About, Capabilities};
use crate::model::{Capability, Deed, DeedOutcome, Digest, Grants, Redacted, UniqueId};
use crate::plugin::{Services as _, Trouble};
use crate::record::SourceDraft;
use crate::store::Expect;

/// Uses capabilities as its input says.
const CAPABLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/capable.wasm"));
/// With the characters that JSON encoders treat differently.
const SECRET: &str = "päss/wörd";

/// A space with the source `leads` and the secret `token`.
async fn bench() -> Bench {
    let bench = Bench::start().await;
    let fields = json!({ "id": { "type": "string" }, "note": { "type": "string" } });
    let source: SourceDraft = draft(json!({ "key": "id", "fields": fields }));
    bench.engine.save_source(&bench.space, &slug("leads"), source, Expect::Any).await.expect("a source");
    let secret = Redacted::new(SECRET.to_owned());
    bench.engine.put_secret(&bench.space, &slug("token"), &secret).await.expect("a secret");
    bench
}

/// A call of an action to which everything there is was granted.
async fn call(bench: &Bench) -> Arc<Capabilities> {
    let granted = json!({ "records": [{ "source": "leads", "write": true }], "events": ["order.*"], "state": true,
        "secrets": ["token"] });
    let grants = Grants {
        plugin: "mine@1.0.0".parse().expect("a version"),
        granted: draft(granted),
        granted_by: "ada".to_owned(),
        granted_at: bench.now(),
    };
    bench.engine.definitions.save(&bench.space, &grants, Expect::Any).await.expect("granted");
    let (space, plugin) = (bench.space.clone(), grants.plugin);
    let about = About { space, plugin, key: "key".to_owned(), run: UniqueId::generate(), now: bench.now() };
    Capabilities::new(&bench.engine, about, None).await.expect("a call")
}

fn text(text: &str) -> String {
    text.to_owned()
}

#[track_caller]
fn is_invalid<T: std::fmt::Debug>(done: Result<T, Trouble>, what: &str) {
    assert!(matches!(&done, Err(Trouble::Invalid(reason)) if reason.contains("holds a secret")), "{what}: {done:?}");
}

#[tokio::test]
async fn a_secret_is_not_kept_however_it_is_escaped() {
    let bench = bench().await;
    let call = call(&bench).await;
    assert_eq!(call.secret(text("token")).await, Ok(text(SECRET)));
    for spelling in ["päss/wörd", r"p\u00e4ss\/w\u00F6rd", r"\u0070\u00e4ss\u002fwörd", r"p\\u00e4ss/w\\u00f6rd"] {
        for value in [format!(r#"{{"note":"it is {spelling}."}}"#), format!(r#"{{"{spelling}":1}}"#)] {
            is_invalid(call.emit(text("order.paid"), value.clone(), None).await, &value);
            is_invalid(call.set_state(text("k"), Some(value)).await, spelling);
        }
        let fields = format!(r#"{{"note":"{spelling}"}}"#);
        is_invalid(call.upsert_record(text("leads"), text("anna"), fields.clone()).await, spelling);
        let (target, detail) = (format!("leads/{spelling}"), Some(fields));
        let deed = Deed {
            target,
            detail,
            capability: Capability::State,
            call: text("set"),
            outcome: DeedOutcome::Done,
            exchange: None,
        };
        call.note(deed);
    }
    is_invalid(call.set_state(text("k"), Some(r#"{"a":"päss/wörd","a":1}"#.to_owned())).await, "a covered member");
    call.set_state(text("k"), Some(text(r#"{"note":"p\u00e4ss"}"#))).await.expect("a part of it is none");
    let done = call.finish(true);
    assert_eq!((done.writes.records.len(), done.writes.events.len(), done.writes.states.len()), (0, 0, 1));
    for deed in done.deeds {
        assert_eq!((deed.target.as_str(), deed.detail.as_deref()), ("leads/***", Some(r#"{"note":"***"}"#)));
    }
}

#[tokio::test]
async fn a_secret_is_no_key_and_no_type() {
    let bench = bench().await;
    bench.engine.put_secret(&bench.space, &slug("token"), &Redacted::new(text("s3cret"))).await.expect("another");
    let call = call(&bench).await;
    let (fields, data) = (text("{}"), text("{}"));
    call.set_state(text("is-s3cret"), Some(data.clone())).await.expect("it is not known yet");
    assert_eq!(call.secret(text("token")).await, Ok(text("s3cret")));
    is_invalid(call.emit(text("order.paid"), data.clone(), Some(text("my s3cret key"))).await, "an event's key");
    is_invalid(call.emit(text("order.s3cret"), data.clone(), None).await, "an event's type");
    is_invalid(call.upsert_record(text("leads"), text("s3cret"), fields).await, "a record's key");
    is_invalid(call.set_state(text("s3cret"), Some(data)).await, "a value's key");
    let done = call.finish(true);
    assert_eq!((done.writes.records.len(), done.writes.events.len(), done.writes.states.len()), (0, 0, 1));
}

#[tokio::test]
async fn a_record_counts_as_it_is_kept_and_twice_where_its_source_tells_of_it() {
    let bench = bench().await;
    let fields = json!({ "id": { "type": "string" }, "note": { "type": "string" }, "n": { "type": "number" } });
    let note = "x".repeat(200 << 10);
    for (publishes, fitting) in [(json!(null), 5), (json!("lead"), 2)] {
        let source: SourceDraft = draft(json!({ "key": "id", "fields": fields, "publishes": publishes }));
        bench.engine.save_source(&bench.space, &slug("leads"), source, Expect::Any).await.expect("a source");
        let call = call(&bench).await;
        for number in 0..6 {
            let whole: crate::model::Object = draft(json!({ "note": note }));
            let key = format!("{fitting}-{number}").parse().expect("a key");
            let leads = slug("leads");
            let written = bench.engine.write_record(&bench.space, &leads, Some(&key), &whole, RecordMode::Upsert);
            written.await.expect("written");
            // A call writes little, and what is kept is the whole record.
            for n in 0..3 {
                let done = call.upsert_record(text("leads"), key.to_string(), json!({ "n": n }).to_string()).await;
                let is_full = matches!(&done, Err(Trouble::Exhausted(reason)) if reason.contains("1048576 bytes"));
                assert!(if number < fitting { done.is_ok() } else { is_full }, "{publishes} {number}");
            }
        }
        assert_eq!(call.finish(true).writes.records.len(), fitting);
    }
}

#[tokio::test]
async fn a_call_fills_the_room_that_is_left_for_state_and_no_more() {
    let bench = bench().await;
    let call = call(&bench).await;
    let long = |bytes: usize| Some(format!("\"{}\"", "x".repeat(bytes - 2)));
    let mut kept = 0;
    while kept < 1100 && call.set_state(format!("k{kept}"), long(64 << 10)).await.is_ok() {
        kept += 1;
    }
    assert_eq!(kept, 1023, "1024 of them have 64 MiB without what each takes besides");
    let is_full = |done: Result<(), Trouble>| matches!(done, Err(Trouble::Exhausted(text)) if text.contains("is full"));
    for key in ["k0", "k1"] {
        call.set_state(text(key), long(32 << 10)).await.expect("a smaller value instead");
    }
    call.set_state(text("one more"), long(64 << 10)).await.expect("in the room that they left");
    assert!(is_full(call.set_state(text("last"), long(2)).await));
    call.set_state(text("k2"), None).await.expect("deleted");
    call.set_state(text("last"), long(2)).await.expect("in its room");
}

#[tokio::test]
async fn what_history_keeps_of_a_flood_is_bounded() {
    let bench = bench().await;
    let host =
        PluginHost::start(plugin::Limits { action_time_max: Duration::from_millis(200), ..Default::default() }, None);
    let host = host.expect("a plugin host");
    let fetch = async { Ok::<_, Infallible>(Bytes::from_static(CAPABLE)) };
    let capable = host.load(Digest::of(CAPABLE), "capable@1.0.0", fetch).await.expect("it loads");
    for step in
        [json!({ "do": "get", "key": "n" }), json!({ "do": "webhook", "id": "no", "data": "x".repeat(100_000) })]
    {
        let capabilities = call(&bench).await;
        let about = plugin::Call { space: step.to_string(), id: text("call"), now: bench.now(), config: text("null") };
        let input = json!({ "steps": [{ "do": "set", "key": "k", "value": 1 }, { "do": "flood", "step": step }] });
        let done = host.run(&capable, about, input.to_string(), Some(Arc::clone(&capabilities) as Arc<_>)).await;
        assert!(matches!(done, Err(plugin::PluginError::TimedOut { .. })), "{done:?}");
        let deeds = capabilities.finish(false).deeds;
        assert!((61..=161).contains(&deeds.len()), "{} deeds", deeds.len());
        assert_eq!((deeds[0].call.as_str(), deeds[0].outcome), ("set", DeedOutcome::Dropped));
        let bytes: usize =
            deeds.iter().map(|deed| deed.target.len() + deed.detail.as_ref().map_or(0, String::len)).sum();
        assert!(bytes < 100_000, "{bytes} bytes");
    }
}
