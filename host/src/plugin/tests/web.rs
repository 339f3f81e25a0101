//! `wasi:http`: requests reach the server whole and bounded; nothing else reaches anything.

use expect_test::expect;
use serde_json::{Value, json};

use super::fake::Fake;
use super::*;
use crate::model::DeedOutcome;
use crate::plugin::{PluginError, Reported};

async fn fetch(host: &PluginHost, fake: &Arc<Fake>, requests: Value) -> Result<Reported<String>, PluginError> {
    let plugin = load(host, FETCHER, "fetcher@1.0.0").await;
    let input = json!({ "requests": requests }).to_string();
    host.run(&plugin, call_in("s", "null"), input, Some(Arc::clone(fake) as Arc<_>)).await
}

fn answers(report: &Reported<String>) -> Vec<Value> {
    serde_json::from_str(&report.value).expect("JSON")
}

#[tokio::test]
async fn a_request_reaches_the_server_and_its_answer_the_plugin() {
    let fake = Arc::default();
    let request = json!({ "method": "POST", "scheme": "https", "authority": "api.example:8443", "path": "/long?b=c",
        "headers": { "x-a": "1", "content-length": "200000" }, "body": "0123456789", "times": 20_000 });
    let report = fetch(&host(), &fake, json!([request, { "authority": "b.example" }])).await.expect("it runs");
    let answers = answers(&report);
    assert_eq!(
        (&answers[0]["status"], &answers[0]["headers"]),
        (&json!(201), &json!({ "content-type": "text/plain" }))
    );
    assert_eq!(answers[0]["body"].as_str().map(str::len), Some(140_000));
    let requests = fake.requests.lock().expect("no test panicked");
    assert_eq!((requests[0].method.as_str(), requests[0].url.as_str()), ("POST", "https://api.example:8443/long?b=c"));
    let names: Vec<_> = requests[0].headers.iter().map(|field| field.name.as_str()).collect();
    assert_eq!((names, requests[0].body.len()), (vec!["x-a"], 200_000), "the client frames the message");
    assert_eq!(requests[1].url, "http://b.example/");
    let logged: Vec<_> = report.logs.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(logged, ["POST api.example:8443/long?b=c: 201", "GET b.example/: 201"]);
    let deeds = fake.deeds.lock().expect("no test panicked");
    assert_eq!(
        (deeds[0].target.as_str(), deeds[0].outcome),
        ("POST https://api.example:8443/long?b=c", DeedOutcome::Done)
    );
}

#[tokio::test]
async fn requests_are_bounded_in_number_and_size() {
    let fake = Arc::default();
    let many: Vec<_> = (0..17).map(|_| json!({ "authority": "a.example" })).collect();
    let report = fetch(&host(), &fake, json!(many)).await.expect("it runs");
    let answered = answers(&report);
    assert!(answered[..16].iter().all(|answer| answer["status"] == 201), "{answered:?}");
    expect![[r#"{"error":"ErrorCode::ConnectionLimitReached"}"#]].assert_eq(&answered[16].to_string());
    let fake = Arc::default();
    let large = json!({ "method": "POST", "authority": "a.example", "body": "0123456789", "times": 110_000 });
    let report = fetch(&host(), &fake, json!([large])).await.expect("it runs");
    expect![[r#"[{"error":"ErrorCode::HttpRequestBodySize(None)"}]"#]].assert_eq(&report.value);
    let deeds = fake.deeds.lock().expect("no test panicked");
    assert_eq!(deeds[0].detail.as_deref(), Some("its body exceeds 1048576 bytes"));
    assert!(fake.requests.lock().expect("no test panicked").is_empty());
}

#[tokio::test]
async fn headers_that_frame_the_message_are_refused() {
    for name in ["connection", "transfer-encoding", "host", "upgrade", "proxy-authorization"] {
        let request = json!([{ "authority": "a.example", "headers": { name: "x" } }]);
        let report = fetch(&host(), &Arc::default(), request).await.expect("it runs");
        assert_eq!(report.value, format!(r#"[{{"error":"header {name}: HeaderError::Forbidden"}}]"#));
    }
}

#[tokio::test]
async fn an_answer_that_never_comes_counts_against_the_time_of_the_call() {
    let host = host_with(Limits { action_time_max: Duration::from_millis(100), ..Limits::default() });
    let fake = Arc::new(Fake { stuck: true, ..Fake::default() });
    let error = fetch(&host, &fake, json!([{ "authority": "a.example" }])).await.expect_err("it is stopped");
    assert!(matches!(error, PluginError::TimedOut { .. }), "{error:?}");
    assert_eq!(fake.outcomes()[0].1, DeedOutcome::Unfinished);
    while !fake.stopped.load(std::sync::atomic::Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_flood_of_writes_to_real_streams_is_stopped_at_the_time_limit() {
    let host = host_with(Limits { action_time_max: Duration::from_millis(100), ..Limits::default() });
    let plugin = load(&host, FETCHER, "fetcher@1.0.0").await;
    for text in ["", "x", "x\n"] {
        let (input, fake) = (json!({ "requests": [], "flood": text }).to_string(), Arc::new(Fake::default()));
        let error =
            host.run(&plugin, call_in(text, "null"), input, Some(fake as Arc<_>)).await.expect_err("it is stopped");
        assert!(matches!(error, PluginError::TimedOut { .. }), "{error:?}");
        assert_eq!(error.logs().is_empty(), text.is_empty());
        let bytes: usize = error.logs().iter().map(|line| line.message.len()).sum();
        assert!(bytes < 128 << 10, "{bytes} bytes of log");
    }
}

#[tokio::test]
async fn without_a_server_every_request_is_denied() {
    let plugin = load(&host(), FETCHER, "fetcher@1.0.0").await;
    let input = r#"{"requests":[{"authority":"a.example"}]}"#;
    let report = host().run(&plugin, call_in("s", "null"), input.into(), None).await.expect("it runs");
    expect![[r#"[{"error":"ErrorCode::HttpRequestDenied"}]"#]].assert_eq(&report.value);
}

#[tokio::test]
async fn a_template_that_imports_http_stays_pure() {
    let host = host();
    let plugin = load(&host, FETCHER, "fetcher@1.0.0").await;
    let body = || async {
        let report = host.render(&plugin, call_in("s", "null"), "null".into(), base()).await.expect("it renders");
        String::from_utf8(report.value.expect("a request").body.to_vec()).expect("UTF-8")
    };
    let first = body().await;
    assert!(first.starts_with("[1700000000123,0,"), "clocks stand still, and sleep takes no time: {first}");
    assert_eq!(first, body().await);
    let request = r#"{"authority":"a.example"}"#;
    let error = host.render(&plugin, call_in("t", "null"), request.into(), base()).await.expect_err("it is no action");
    let text = error.to_string();
    assert!(text.contains("of `wasi:http/types@0.2") && text.ends_with("which only actions may use"), "{text}");
}
