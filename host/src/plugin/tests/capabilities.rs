//! Capabilities: what reaches the server, what is counted, and what is kept from the log.

use std::sync::atomic::Ordering;

use expect_test::expect;
use serde_json::{Value, json};

use super::fake::{Fake, SECRET};
use super::*;
use crate::model::DeedOutcome;
use crate::plugin::state::{Log, Stream};
use crate::plugin::{PluginError, Reported};

/// Runs the steps of a call in a space of their own, so that no streak of faults builds up.
async fn run(host: &PluginHost, fake: &Arc<Fake>, steps: Value) -> Result<Reported<String>, PluginError> {
    let plugin = load(host, CAPABLE, "capable@1.0.0").await;
    let (input, space) = (json!({ "steps": steps }).to_string(), steps.to_string());
    host.run(&plugin, call_in(&space, "null"), input, Some(Arc::clone(fake) as Arc<_>)).await
}

async fn answers(fake: &Arc<Fake>, steps: Value) -> Value {
    let report = run(&host(), fake, steps).await.expect("it runs");
    serde_json::from_str(&report.value).expect("JSON")
}

#[tokio::test]
async fn each_function_reaches_the_server_and_is_noted() {
    let cases = [
        (json!({ "do": "record", "source": "leads", "key": "anna" }), json!({ "ok": { "key": "anna" } })),
        (json!({ "do": "record", "source": "none", "key": "anna" }), json!({ "ok": null })),
        (json!({ "do": "upsert", "source": "leads", "key": "a", "fields": { "a": 1 } }), json!({ "ok": { "a": 1 } })),
        (
            json!({ "do": "upsert", "source": "other", "key": "a", "fields": {} }),
            json!({ "denied": "other is not granted" }),
        ),
        (json!({ "do": "emit", "kind": "lead.new", "data": {}, "key": "anna" }), json!({ "ok": "lead.new-anna" })),
        (
            json!({ "do": "webhook", "id": "good", "data": { "b": 2 } }),
            json!({ "ok": { "status": 200, "fields": { "n": 1, "got": { "b": 2 } } } }),
        ),
        (json!({ "do": "webhook", "id": "bad", "data": null }), json!({ "ok": { "failed": "it says no" } })),
        (json!({ "do": "set", "key": "n", "value": 41 }), json!({ "ok": null })),
        (json!({ "do": "add", "key": "n" }), json!({ "ok": 42 })),
        (json!({ "do": "delete", "key": "n" }), json!({ "ok": null })),
        (json!({ "do": "get", "key": "n" }), json!({ "ok": null })),
        (json!({ "do": "secret", "name": "other" }), json!({ "missing": "there is no secret \"other\"" })),
    ];
    let fake = Arc::default();
    let steps: Vec<_> = cases.iter().map(|(step, _)| step).collect();
    let answers = answers(&fake, json!(steps)).await;
    for (number, (step, expected)) in cases.iter().enumerate() {
        assert_eq!(answers[number], *expected, "{step}");
    }
    let deeds = fake.deeds.lock().expect("no test panicked");
    let of = |at: usize| (deeds[at].target.as_str(), deeds[at].outcome, deeds[at].detail.as_deref());
    assert_eq!(of(0), ("leads/anna", DeedOutcome::Done, None));
    assert_eq!(of(2), ("leads/a", DeedOutcome::Done, Some("{\"a\":1}")));
    assert_eq!(of(3), ("other/a", DeedOutcome::Denied, Some("other is not granted")));
    assert_eq!(of(4), ("lead.new", DeedOutcome::Done, Some("{}")));
    assert_eq!(of(6), ("bad", DeedOutcome::Failed, Some("it says no")));
    assert_eq!(deeds.len(), 13, "an addition is two deeds");
}

#[tokio::test]
async fn without_a_server_nothing_is_granted() {
    let plugin = load(&host(), CAPABLE, "capable@1.0.0").await;
    let input = r#"{"steps":[{"do":"add","key":"n"},{"do":"emit","kind":"a","data":1}]}"#;
    let report = host().run(&plugin, call_in("s", "null"), input.into(), None).await.expect("it runs");
    expect![[r#"[{"denied":"`state` is not offered here: nothing is granted"},{"denied":"`events` is not offered here: nothing is granted"}]"#]].assert_eq(&report.value);
}

#[tokio::test]
async fn a_call_has_limits_of_number_and_of_bytes() {
    let fake = Arc::default();
    let repeat = |times: usize, step: Value| json!({ "do": "repeat", "times": times, "step": step });
    let set = json!({ "do": "set", "key": "n", "value": 1 });
    let answered = answers(&fake, json!([repeat(100, set.clone()), set])).await;
    expect![[r#"[{"ok":null},{"exhausted":"this call has used up its 100 calls of `state`"}]"#]]
        .assert_eq(&answered.to_string());
    assert_eq!(fake.outcomes()[100], ("state set".to_owned(), DeedOutcome::Exhausted), "it is noted");
    let call = json!({ "do": "webhook", "id": "good", "data": 1 });
    let answered = answers(&fake, json!([repeat(16, call.clone()), call])).await;
    assert_eq!(answered[1]["exhausted"], "this call has used up its 16 calls of `webhooks`");
    assert_eq!(answered[0]["ok"]["fields"]["n"], 16, "calls are numbered");
    let fill = json!({ "do": "fill", "key": "n", "bytes": 65_534 });
    let answered = answers(&fake, json!([repeat(8, fill.clone()), { "do": "fill", "key": "n", "bytes": 1 }])).await;
    expect![[r#"[{"ok":null},{"exhausted":"this call has used up the 524288 bytes that it may write by `state`"}]"#]]
        .assert_eq(&answered.to_string());
}

#[tokio::test]
async fn a_server_that_never_answers_counts_against_the_time_of_the_call() {
    let host = host_with(Limits { action_time_max: Duration::from_millis(80), ..Limits::default() });
    for step in [
        json!({ "do": "get", "key": "n" }),
        json!({ "do": "record", "source": "leads", "key": "k" }),
        json!({ "do": "webhook", "id": "good", "data": 1 }),
    ] {
        let fake = Arc::new(Fake { stuck: true, ..Fake::default() });
        let error = run(&host, &fake, json!([step])).await.expect_err("it is stopped");
        assert!(matches!(error, PluginError::TimedOut { is_waiting: true, .. }), "{error:?}");
        assert!(!error.is_fault(), "slow servers put no plugin to rest");
        assert_eq!(fake.outcomes()[0].1, DeedOutcome::Unfinished);
        while !fake.stopped.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_flood_of_uses_is_stopped_at_the_time_limit() {
    let host = host_with(Limits { action_time_max: Duration::from_millis(100), ..Limits::default() });
    for (step, noted) in [
        (json!({ "do": "get", "key": "n" }), DeedOutcome::Exhausted),
        (json!({ "do": "upsert", "source": "other", "key": "a", "fields": {} }), DeedOutcome::Exhausted),
        (json!({ "do": "log", "text": "x" }), DeedOutcome::Done),
        (json!({ "do": "print", "text": "x" }), DeedOutcome::Done),
        (json!({ "do": "print", "text": "x\n" }), DeedOutcome::Done),
        (json!({ "do": "secret", "name": "token" }), DeedOutcome::Exhausted),
    ] {
        let fake = Arc::default();
        let error = run(&host, &fake, json!([{ "do": "flood", "step": step }])).await.expect_err("it is stopped");
        assert!(matches!(error, PluginError::TimedOut { .. }), "{step}: {error:?}");
        assert!(error.logs().len() <= 65, "{step}: {} lines", error.logs().len());
        let bytes: usize = error.logs().iter().map(|line| line.message.len()).sum();
        assert!(bytes < 128 << 10, "{step}: {bytes} bytes of log");
        let outcomes = fake.outcomes();
        assert_eq!(outcomes.last().map_or(DeedOutcome::Done, |(_, outcome)| *outcome), noted, "{step}");
    }
}

#[test]
fn no_more_of_a_line_is_masked_than_may_be_shown() {
    let fake = Arc::new(Fake::default());
    let mut log = Log::new(3, 100);
    log.masks = Some((Arc::clone(&fake) as Arc<_>, SECRET.len()));
    let long = "x".repeat(95) + &SECRET.repeat(100_000);
    for _ in 0..100 {
        log.write("info", &long);
    }
    log.print(Stream::Out, (long + "\n").as_bytes());
    log.write("info", &format!("panicked at {SECRET}"));
    assert_eq!(log.panic(), Some("panicked at ***"));
    let masked = fake.masked.load(Ordering::SeqCst);
    assert!(masked < 2_000, "{masked} bytes");
    let lines: Vec<_> = log.finish().into_iter().map(|line| line.message).collect();
    assert_eq!(lines.len(), 4);
    assert!(
        lines[..3].iter().all(|line| line.starts_with("xxx") && line.ends_with('…') && !has_secret(line)),
        "{lines:?}"
    );
    assert_eq!(lines[3], "99 more lines dropped: 3 lines are kept of a call");
}

fn has_secret(text: &str) -> bool {
    text.contains("ss\\word") || text.contains("ss\\\\word") || text.contains("pa\"") || text.contains("pa\\\"")
}

#[tokio::test]
async fn a_secret_that_was_read_is_masked_in_log_print_and_output() {
    let fake = Arc::default();
    let steps = json!([{ "do": "secret", "name": "token" }]);
    let report = run(&host(), &fake, steps).await.expect("it runs");
    expect![[r#"[{"ok":{"secret":"***","again":["it is ***"]}}]"#]].assert_eq(&report.value);
    let logged: Vec<_> = report.logs.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(logged.len(), 4, "{logged:#?}");
    assert_eq!(logged[0], "the secret is ***");
    assert!(logged[1].ends_with("x***"), "masked before it is cut: {}", logged[1]);
    assert_eq!(logged[2], "printed: ***, in JSON \"***\"");
    assert!(logged.iter().all(|line| !has_secret(line)), "{logged:#?}");
    assert!(!has_secret(&report.value) && has_secret(SECRET));
}

#[tokio::test]
async fn a_secret_is_masked_in_what_ends_a_call() {
    let host = host();
    for (step, expected) in [
        ("panic", "capable@1.0.0: crashed: panicked at"),
        ("fail", "plugin capable@1.0.0: rejected: the secret is ***"),
    ] {
        let error = run(&host, &Arc::default(), json!([{ "do": step, "name": "token" }])).await;
        let text = error.expect_err("it fails").to_string();
        assert!(text.contains(expected) && text.contains("the secret is ***") && !has_secret(&text), "{text}");
    }
}

#[tokio::test]
async fn a_template_that_uses_a_capability_ends_with_the_reason() {
    let plugin = load(&host(), CAPABLE, "capable@1.0.0").await;
    let error = host().render(&plugin, call_in("s", "null"), "{}".into(), base()).await.expect_err("it is no action");
    expect!["plugin capable@1.0.0: crashed: it called `get` of `tenterhook:plugin/records@0.1.0`, which only actions may use"].assert_eq(&error.to_string());
}

#[tokio::test]
async fn randomness_is_fixed_in_trials_of_an_action_and_real_otherwise() {
    let host = host();
    let cases = [(CAPABLE, r#"{"steps":[{"do":"random"}]}"#, "null"), (HOSTILE, "{}", r#"{"do":"random"}"#)];
    for (component, input, config) in cases {
        let plugin = load(&host, component, "random@1.0.0").await;
        let run = async |plugin: &Loaded| {
            let services = Some(Arc::new(Fake::default()) as Arc<_>);
            host.run(plugin, call_in("s", config), input.to_owned(), services).await.expect("it runs").value
        };
        let trial = plugin.on_trial();
        let tried = [run(&trial).await, run(&trial).await];
        assert_eq!(tried[0], tried[1], "a trial is the same each time");
        let real = [run(&plugin).await, run(&plugin).await];
        assert!(real[0] != real[1] && real[0] != tried[0] && real[1] != tried[0], "{real:?}");
    }
}
