//! One call at a time: what works, and what each misdeed leads to.

#[path = "../../../../plugins/reference/src/work.rs"]
mod reference;

use std::time::{Duration, Instant};

use expect_test::expect;

use super::*;
use crate::model::{Export, HeaderField, LogLine};
use crate::plugin::call::WALL_FACTOR;
use crate::plugin::{Outcome, PluginError, TrapKind, Verdict};

/// What a stop may be late by on a crowded machine.
const SLACK: Duration = Duration::from_secs(2);

/// Renders with the hostile plugin; each deed in a space of its own, so that no streak of faults builds up.
async fn render(deed: &str) -> Result<crate::plugin::Reported<Option<OutboundRequest>>, PluginError> {
    let host = host();
    let plugin = hostile(&host).await;
    host.render(&plugin, call_in(deed, deed), r#"{"in":1}"#.into(), base()).await
}

async fn failure(deed: &str) -> PluginError {
    render(deed).await.expect_err("the deed is a bad one")
}

async fn body(deed: &str) -> String {
    let request = render(deed).await.expect("it renders").value.expect("a request");
    String::from_utf8(request.body.to_vec()).expect("UTF-8")
}

#[tokio::test]
async fn a_template_builds_on_the_base_request() {
    let host = host();
    let plugin = load(&host, REFERENCE, "reference@1.0.0").await;
    let report = host.render(&plugin, call_in("s", "null"), reference::INPUT.into(), base()).await.expect("it renders");
    let request = report.value.expect("a request");
    assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", "https://a.example/x"));
    assert_eq!(request.headers, [HeaderField { name: "content-type".into(), value: "application/json".into() }]);
    assert_eq!(request.body, reference::render(reference::INPUT).expect("it renders natively"));
    assert_eq!(report.logs, []);
    let limit = host.limits().memory_bytes_max;
    assert!(
        (64 << 10..limit).contains(&report.memory_peak),
        "a page at least, below the limit: {}",
        report.memory_peak
    );
}

#[tokio::test]
async fn a_template_may_say_that_nothing_is_to_be_sent() {
    assert_eq!(render(r#"{"do":"nothing"}"#).await.expect("it answers").value, None);
}

#[tokio::test]
async fn a_mapping_reads_a_response_and_an_action_gives_output() {
    let host = host();
    let plugin = hostile(&host).await;
    let call = || call_in("obey", r#"{"do":"obey"}"#);
    let verdict = host.map(&plugin, call(), response("{}")).await.expect("it maps").value;
    assert_eq!(verdict, Verdict::Accepted(r#"{"status":200}"#.into()));
    let output = host.run(&plugin, call(), r#"{"a":1}"#.into(), None).await.expect("it runs").value;
    assert_eq!(output, r#"{"a":1}"#);
    assert_eq!(host.run_here(&plugin, call(), "[2]".into()).expect("it runs here too").value, "[2]");
}

#[tokio::test]
async fn what_a_plugin_does_not_export_cannot_be_called() {
    let host = host();
    let plugin = load(&host, REFERENCE, "reference@1.0.0").await;
    assert_eq!(plugin.exports(), [Export::Template]);
    let error = host.map(&plugin, call_in("s", "null"), response("")).await.expect_err("it is no mapping");
    expect!["plugin reference@1.0.0 cannot be used here: it does not export `response-mapping`"]
        .assert_eq(&error.to_string());
}

#[tokio::test]
async fn an_endless_loop_is_stopped_at_its_limit() {
    let host = host_with(Limits::default());
    let plugin = hostile(&host).await;
    let call = call_in("s", r#"{"do":"loop"}"#);
    let start = Instant::now();
    let error = host.render(&plugin, call, "{}".into(), base()).await.expect_err("it is stopped");
    let (elapsed, limit) = (start.elapsed(), host.limits().pure_time_max);
    assert!(elapsed <= limit * WALL_FACTOR + SLACK, "stopped after {elapsed:?}");
    assert!(matches!(error, PluginError::TimedOut { limit, .. } if limit == Duration::from_millis(50)), "{error:?}");
    expect!["plugin hostile@1.0.0: stopped because it ran longer than its limit of 50 ms"]
        .assert_eq(&error.to_string());
}

#[tokio::test]
async fn a_crash_says_how_and_where() {
    let trapped = |error: PluginError| match error {
        PluginError::Trapped { kind, reason, .. } => (kind, reason),
        other => panic!("not a crash: {other:?}"),
    };
    let (kind, reason) = trapped(failure(r#"{"do":"panic"}"#).await);
    assert_eq!(kind, TrapKind::Panic);
    assert!(reason.contains("panicked at") && reason.contains("the guest panics on purpose"), "{reason}");
    let (kind, reason) = trapped(failure(r#"{"do":"memory"}"#).await);
    assert_eq!(kind, TrapKind::Memory);
    expect!["it needs more memory than its limit of 67108864 bytes"].assert_eq(&reason);
    let (kind, reason) = trapped(failure(r#"{"do":"exit"}"#).await);
    assert_eq!(kind, TrapKind::Panic);
    expect!["the plugin called exit with code 1"].assert_eq(&reason);
    let (_, reason) = trapped(failure(r#"{"do":"stack"}"#).await);
    assert!(reason.contains("nest too deeply"), "{reason}");
}

#[tokio::test]
async fn a_flood_of_log_lines_is_cut_counted_and_harmless() {
    for (deed, level) in [("log-flood", "info"), ("print-flood", "info")] {
        let report = render(&format!(r#"{{"do":"{deed}","bytes":1048576}}"#)).await.expect("it renders anyway");
        let total: usize = report.logs.iter().map(|line| line.message.len()).sum();
        assert!(report.logs.len() <= 65 && total < 80_000, "{deed}: {} lines, {total} bytes", report.logs.len());
        assert_eq!(report.logs[0].level, level);
        assert!(report.logs[0].message.ends_with("… (cut at 1024 bytes)"), "{deed}: {:?}", report.logs[0]);
    }
    let report = render(r#"{"do":"log-flood","bytes":1048576}"#).await.expect("it renders");
    let last = LogLine { level: "warn".into(), message: "192 more lines dropped: 64 lines are kept of a call".into() };
    assert_eq!(report.logs.last(), Some(&last));
}

#[tokio::test]
async fn a_flood_of_output_is_refused_with_the_limit() {
    for bytes in [1_048_577, 3_000_000, 12_000_000] {
        let error = failure(&format!(r#"{{"do":"output-flood","bytes":{bytes}}}"#)).await;
        assert!(matches!(error, PluginError::OutputTooLarge { limit: 1_048_576, .. }), "{bytes}: {error:?}");
    }
}

#[tokio::test]
async fn a_failure_of_the_plugins_own_keeps_its_kind_and_words() {
    let texts = [
        failure(r#"{"do":"invalid"}"#).await.to_string(),
        failure(r#"{"do":"rejected"}"#).await.to_string(),
        failure(r#"{"do":"unavailable"}"#).await.to_string(),
    ];
    expect![[r#"
        plugin hostile@1.0.0: the input or configuration is invalid: on purpose
        plugin hostile@1.0.0: rejected: on purpose
        plugin hostile@1.0.0: unavailable, may work later: on purpose"#]]
    .assert_eq(&texts.join("\n"));
}

#[tokio::test]
async fn output_that_nobody_could_use_is_refused() {
    let host = host();
    let plugin = hostile(&host).await;
    let bad = |deed: &str| call_in(deed, deed);
    let (json, request) = (r#"{"do":"bad-json"}"#, r#"{"do":"bad-request"}"#);
    let errors = [
        failure(request).await,
        host.map(&plugin, bad(json), response("")).await.expect_err("no JSON"),
        host.map(&plugin, bad(request), response("")).await.expect_err("no object"),
        host.run(&plugin, bad(json), "1".into(), None).await.expect_err("no JSON"),
    ];
    for error in errors {
        assert!(matches!(error, PluginError::BadOutput { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn the_same_arguments_give_the_same_bytes() {
    for deed in [r#"{"do":"random"}"#, r#"{"do":"time"}"#, r#"{"do":"obey"}"#] {
        assert_eq!(body(deed).await, body(deed).await, "{deed}");
    }
    assert_eq!(body(r#"{"do":"time"}"#).await, r#"{"unix_ms":1700000000123,"passed_ns":0}"#, "the time is call.now");
    assert_eq!(body(r#"{"do":"env"}"#).await, r#"{"env":{},"args":[]}"#, "there is no environment");
}

#[tokio::test]
async fn an_action_that_loops_is_stopped_by_the_wall_clock() {
    let host = host_with(Limits { action_time_max: Duration::from_millis(30), ..Limits::default() });
    let plugin = hostile(&host).await;
    let start = Instant::now();
    let error =
        host.run(&plugin, call_in("s", r#"{"do":"loop"}"#), "{}".into(), None).await.expect_err("it is stopped");
    let (elapsed, limit) = (start.elapsed(), host.limits().action_time_max);
    assert!(elapsed <= limit + SLACK, "stopped after {elapsed:?}");
    assert!(matches!(error, PluginError::TimedOut { limit, .. } if limit == Duration::from_millis(30)), "{error:?}");
}

#[tokio::test]
async fn a_plugin_that_keeps_crashing_rests_and_others_do_not() {
    let host = host_with(Limits { faults_max: 2, ..Limits::default() });
    let plugin = hostile(&host).await;
    let render =
        |space: &'static str, deed: &'static str| host.render(&plugin, call_in(space, deed), "{}".into(), base());
    for _ in 0..2 {
        render("a", r#"{"do":"panic"}"#).await.expect_err("it panics");
    }
    let error = render("a", r#"{"do":"obey"}"#).await.expect_err("it rests");
    assert!(matches!(&error, PluginError::Quarantined { faults: 2, .. }), "{error:?}");
    assert!(error.to_string().contains("the guest panics on purpose"), "{error}");
    render("b", r#"{"do":"obey"}"#).await.expect("another space is not concerned");

    let counts = host.counts();
    let (name, counts) = &counts[0];
    assert_eq!(&**name, "hostile@1.0.0");
    let of = [Outcome::Panic, Outcome::Ok, Outcome::Quarantined].map(|outcome| counts.of(outcome));
    assert_eq!((counts.calls, of), (3, [2, 1, 1]));
}
