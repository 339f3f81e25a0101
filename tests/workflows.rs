//! The workflow profile: what it does, what it refuses, and that its expressions can do no harm.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::support::api::Api;
use super::support::receiver::Receiver;
use super::support::{root, server};

fn document(tasks: &str) -> String {
    format!("document: {{ dsl: '1.0.3', namespace: test, name: w, version: '1.0.0' }}\ndo:\n{tasks}")
}

async fn run(api: &Api, id: &str, tasks: &str, input: &Value) -> Value {
    let answer = api.put_workflow(id, &document(tasks)).await;
    assert!(matches!(answer.status, 200 | 201), "{:#}", answer.body);
    api.run(id, input).await
}

#[tokio::test]
async fn data_flows_through_input_output_and_export() {
    let api = server::shared().await.space("workflow-flow").await;
    let tasks = "  - first:
      input: { from: '.order' }
      set: { total: '${ .price + .fee }' }
      output: { as: '.total' }
      export: { as: '{ total: . }' }
  - branch:
      switch:
        - big: { when: '. >= 100', then: large }
        - small: { then: tiny }
  - tiny: { set: { size: tiny }, then: end }
  - large:
      do:
        - skipped: { if: 'false', set: { size: never } }
        - kept: { set: { size: large, total: '${ $context.total }', started: '${ $workflow.input.order.price }' } }
";
    let done = run(&api, "flow", tasks, &json!({ "order": { "price": 95, "fee": 10 } })).await;
    assert_eq!(done["output"], json!({ "size": "large", "total": 105, "started": 95 }), "{done:#}");
    let done = run(&api, "flow", tasks, &json!({ "order": { "price": 1, "fee": 1 } })).await;
    assert_eq!(done["output"], json!({ "size": "tiny" }));
}

#[tokio::test]
async fn a_raised_error_is_caught_by_type_and_otherwise_ends_the_run() {
    let api = server::shared().await.space("workflow-raise").await;
    let raise = "raise: { error: { type: 'https://example.com/errors/stock', status: 410, title: Sold out } }";
    let fault = run(&api, "raise", &format!("  - fail: {{ {raise} }}\n"), &json!({})).await;
    assert_eq!(fault["status"], "faulted");
    assert_eq!((&fault["error"]["status"], &fault["error"]["instance"]), (&json!(410), &json!("/do/0/fail")));
    let tasks = format!(
        "  - attempt:
      try:
        - fail: {{ {raise} }}
      catch:
        errors: {{ with: {{ type: 'https://example.com/errors/stock' }} }}
        as: problem
        do:
          - tell: {{ set: {{ caught: '${{ $problem.title }}' }} }}
"
    );
    let done = run(&api, "caught", &tasks, &json!({})).await;
    assert_eq!(done["output"], json!({ "caught": "Sold out" }), "{done:#}");
}

#[tokio::test]
async fn records_are_inserted_updated_upserted_and_read() {
    let api = server::shared().await.space("workflow-records").await;
    let source = json!({ "key": "id", "fields": { "id": { "type": "string" }, "n": { "type": "number" } } });
    api.put("sources/things", &source).await.expect(201);
    let tasks = "  - make: { call: record-insert, with: { source: things, fields: { id: a, n: 1 } } }
  - change: { call: record-update, with: { source: things, key: a, fields: { n: 2 } } }
  - both: { call: record-upsert, with: { source: things, fields: { id: b, n: 3 } } }
  - read: { call: record-get, with: { source: things, key: a }, output: { as: '.fields' } }
";
    let done = run(&api, "records", tasks, &json!({})).await;
    assert_eq!(done["output"], json!({ "id": "a", "n": 2 }), "{done:#}");
    let again = run(&api, "records", tasks, &json!({})).await;
    assert_eq!((&again["status"], &again["error"]["status"]), (&json!("faulted"), &json!(409)), "{again:#}");
    let wrong = "  - make: { call: record-insert, with: { source: things, fields: { id: c, n: many } } }\n";
    let fault = run(&api, "wrong", wrong, &json!({})).await;
    assert!(fault["error"]["detail"].as_str().is_some_and(|detail| detail.contains("\"n\"")), "{fault:#}");
}

#[tokio::test]
async fn what_the_profile_lacks_is_refused_with_line_and_reason() {
    let api = server::shared().await.space("workflow-refused").await;
    let cases = [
        ("  - a: { for: { each: x, in: '.' }, do: [] }\n", "for", 3),
        ("  - a: { fork: { branches: [] } }\n", "fork", 3),
        ("  - a: { listen: { to: { any: [] } } }\n", "listen", 3),
        ("  - a: { run: { shell: { command: ls } } }\n", "run", 3),
        ("  - ok: { set: { a: 1 } }\n  - a: { call: http, with: { method: get, endpoint: 'http://x' } }\n", "http", 4),
        ("  - ok: { set: { a: 1 } }\n  - a: { set: { a: '${ .a | }' } }\n", "", 4),
        ("  - a: { set: { a: 1 }, colour: red }\n", "colour", 3),
        ("  - a: { set: { a: 1 }, then: nowhere }\n", "nowhere", 3),
        ("  - a: { call: webhook, with: { webhook: '${ .name }' } }\n", "written out", 3),
    ];
    for (tasks, word, line) in cases {
        let problem = api.put_workflow("refused", &document(tasks)).await.expect(422);
        let error = &problem["errors"][0];
        assert_eq!(error["line"], line, "{tasks}{problem:#}");
        assert!(error.to_string().contains(word), "{tasks}{problem:#}");
    }
    let scheduled = document("  - a: { set: { a: 1 } }\n") + "schedule: { every: { minutes: 5 } }\n";
    let problem = api.put_workflow("refused", &scheduled).await.expect(422);
    assert!(problem.to_string().contains("schedule"), "{problem:#}");
    assert_eq!(api.get("workflows/refused").await.problem(404), "workflow-not-found");
}

#[tokio::test]
async fn an_alias_bomb_and_other_garbage_are_refused_fast() {
    let api = server::shared().await.space("workflow-garbage").await;
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (name, former) in "bcdefghij".chars().zip("abcdefghi".chars()) {
        bomb += &format!(
            "{name}: &{name} [*{former}, *{former}, *{former}, *{former}, *{former}, *{former}, *{former}, *{former}]\n"
        );
    }
    let deep = "[".repeat(100_000);
    for garbage in [bomb.as_str(), "", "- - -", "\u{0}", "{", "a: b: c", "%TAG ! x", &deep] {
        let started = Instant::now();
        let answer = api.put_workflow("garbage", garbage).await;
        assert!(matches!(answer.status, 400 | 422), "{answer:?}");
        assert!(started.elapsed() < Duration::from_secs(2), "{:?} for {garbage:.20}", started.elapsed());
    }
    api.get("workflows").await.expect(200);
}

#[tokio::test]
async fn hostile_expressions_fault_their_run_and_hurt_nobody_else() {
    let api = server::shared().await.space("workflow-hostile").await;
    for (number, hostile) in
        ["def f: 1+f; f", "[repeat(1)]", "last(repeat(1))", "[range(1e9)] | length", "\"x\" * 1e9"].iter().enumerate()
    {
        let id = format!("hostile-{number}");
        let fault = run(&api, &id, &format!("  - a: {{ set: {{ a: '${{ {hostile} }}' }} }}\n"), &json!({})).await;
        assert_eq!(fault["status"], "faulted", "{hostile}: {fault:#}");
    }
    let healthy = run(&api, "healthy", "  - a: { set: { a: '${ 1 + 1 }' } }\n", &json!({})).await;
    assert_eq!(healthy["output"], json!({ "a": 2 }));
}

#[tokio::test]
async fn an_expression_sees_nothing_of_the_servers_environment() {
    let api = server::shared().await.space("workflow-env").await;
    for (number, source) in ["env", "$ENV", "env.PATH", "[env] | length", "$ENV.PATH"].iter().enumerate() {
        let id = format!("env-{number}");
        let saved = api.put_workflow(&id, &document(&format!("  - a: {{ set: {{ a: '${{ {source} }}' }} }}\n"))).await;
        if saved.status == 422 {
            continue;
        }
        let done = api.run(&id, &json!({})).await;
        let text = done["output"].to_string() + &done["error"].to_string();
        let path = std::env::var("PATH").expect("a path");
        assert!(!text.contains(&path) && !text.contains("TENTERHOOK"), "{source}: {text}");
    }
}

#[tokio::test]
async fn a_saved_version_stays_and_the_same_document_makes_no_new_one() {
    let api = server::shared().await.space("workflow-versions").await;
    let (one, two) = (document("  - a: { set: { v: 1 } }\n"), document("  - a: { set: { v: 2 } }\n"));
    assert_eq!(api.put_workflow("v", &one).await.expect(201)["version"], 1);
    assert_eq!(api.put_workflow("v", &one).await.expect(200)["version"], 1);
    assert_eq!(api.put_workflow("v", &two).await.expect(200)["version"], 2);
    assert_eq!(api.get("workflows/v/versions/1").await.expect(200)["document"], one);
    assert_eq!(api.run("v", &json!({})).await["output"], json!({ "v": 2 }));
}

#[tokio::test]
async fn lint_names_file_line_and_reason_and_passes_the_examples() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("bad.yaml");
    std::fs::write(&file, document("  - a: { fork: {} }\n")).expect("a file");
    let lint = |path: &std::path::Path| {
        tokio::process::Command::new(env!("CARGO_BIN_EXE_tenterhook")).args(["workflow", "lint"]).arg(path).output()
    };
    let output = lint(&file).await.expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(text.contains("bad.yaml:3:") && text.contains("fork"), "{text}");
    for example in ["lead-form-sms", "missed-call-ticket", "your-own-plugins"] {
        let output = lint(&root().join("examples").join(example).join("workflow.yaml")).await.expect("it runs");
        assert!(output.status.success(), "{example}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[tokio::test]
async fn a_run_can_be_cancelled_listed_and_run_again() {
    let api = server::shared().await.space("workflow-cancel").await;
    api.put_workflow("slow", &document("  - wait: { wait: { hours: 1 } }\n")).await.expect(201);
    let started = api.post("workflows/slow/runs", &json!({ "input": { "n": 1 } })).await.expect(202);
    let id = started["id"].as_str().expect("an id");
    super::support::eventually("it waits", || async {
        let waiting = api.get("runs?workflow=slow&status=waiting").await.expect(200);
        (waiting["items"][0]["id"] == id).then_some(())
    })
    .await;
    assert_eq!(api.post(&format!("runs/{id}/cancel"), &json!({})).await.expect(200)["status"], "cancelled");
    assert_eq!(api.post(&format!("runs/{id}/cancel"), &json!({})).await.problem(409), "run-ended");
    let again = api.post(&format!("runs/{id}/rerun"), &json!({})).await.expect(202);
    let again = api.get(&format!("runs/{}", again["id"].as_str().expect("an id"))).await.expect(200);
    assert_eq!(again["input"], json!({ "n": 1 }));
}

#[tokio::test]
async fn a_repeated_start_with_the_same_key_starts_one_run() {
    let api = server::shared().await.space("workflow-repeat").await;
    api.put_workflow("w", &document("  - a: { set: { v: 1 } }\n")).await.expect(201);
    let start = || async {
        let request = api.request(reqwest::Method::POST, "workflows/w/runs").header("Idempotency-Key", "k-1");
        api.send(request.header("content-type", "application/json").body("{\"input\": {}}")).await.expect(202)
    };
    assert_eq!(start().await["id"], start().await["id"]);
    assert_eq!(api.get("runs").await.expect(200)["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn the_history_shows_every_attempt_with_request_and_response() {
    let api = server::shared().await.space("workflow-history").await;
    let receiver =
        Receiver::start(|number, _| (if number == 0 { 503 } else { 200 }, "application/json", "{\"ok\": true}".into()))
            .await;
    let webhook = json!({ "name": "W", "request": { "method": "POST", "url": receiver.url, "format": "json", "template": { "text": "{}" } },
        "response": { "format": "json", "mapping": { "rules": [{ "from": ".ok", "to": "ok" }] } } });
    api.put("webhooks/w", &webhook).await.expect(201);
    let tasks = "  - attempt:
      try:
        - send: { call: webhook, with: { webhook: w } }
      catch: { retry: { delay: { milliseconds: 10 }, limit: { attempt: { count: 3 } } } }
";
    let done = run(&api, "history", tasks, &json!({ "a": 1 })).await;
    assert_eq!(done["status"], "completed", "{done:#}");
    assert_eq!(done["output"]["fields"], json!({ "ok": true }));
    let sends: Vec<_> = done["tasks"].as_array().expect("tasks").iter().filter(|task| task["name"] == "send").collect();
    assert_eq!(sends.len(), 2, "{done:#}");
    assert_eq!((&sends[0]["status"], &sends[0]["exchange"]["response"]["status"]), (&json!("faulted"), &json!(503)));
    assert_eq!((&sends[1]["attempt"], &sends[1]["exchange"]["response"]["status"]), (&json!(2), &json!(200)));
    assert_eq!(sends[0]["idempotency_key"], sends[1]["idempotency_key"]);
}

#[tokio::test]
async fn a_long_history_of_large_values_is_kept_in_parts_and_a_call_made_once() {
    let api = server::shared().await.space("workflow-large").await;
    let receiver = Receiver::answering(200, "application/json", "{}").await;
    let webhook = json!({ "name": "W", "request": { "method": "POST", "url": receiver.url, "format": "json",
        "template": { "text": "{}" } }, "response": { "format": "json", "mapping": { "rules": [] } } });
    api.put("webhooks/w", &webhook).await.expect(201);
    let passes: String = (0..12).map(|n| format!("  - s{n}: {{ set: '${{ . + {{ n: {n} }} }}' }}\n")).collect();
    let tasks = format!("{passes}  - call: {{ call: webhook, with: {{ webhook: w }} }}\n");
    let run = run(&api, "large", &tasks, &json!({ "text": "x".repeat(900_000) })).await;
    assert_eq!((&run["status"], &run["error"]), (&json!("completed"), &Value::Null));
    assert_eq!(run["tasks"].as_array().map(Vec::len), Some(13));
    assert_eq!(receiver.received().len(), 1, "the call is made once");
}

#[tokio::test]
async fn runs_that_write_the_same_record_at_once_make_each_call_once() {
    const RUNS: usize = 100;
    let api = server::shared().await.space("workflow-contended").await;
    let receiver = Receiver::answering(200, "application/json", "{\"id\": \"x\"}").await;
    let webhook = json!({ "name": "W", "request": { "method": "POST", "url": receiver.url, "format": "json",
        "template": { "text": "{}" } }, "response": { "format": "json",
        "mapping": { "rules": [{ "from": ".id", "to": "answer" }] } } });
    api.put("webhooks/w", &webhook).await.expect(201);
    let text = json!({ "type": "string" });
    let source = json!({ "key": "id", "fields": { "id": text, "answer": text } });
    api.put("sources/hot", &source).await.expect(201);
    api.put("sources/hot/records/one", &json!({ "fields": {} })).await.expect(201);
    let tasks = "  - call: { call: webhook, with: { webhook: w, record: { source: hot, key: one } } }\n";
    api.put_workflow("hot", &document(tasks)).await.expect(201);
    let input = json!({ "input": {} });
    let started = futures_util::future::join_all((0..RUNS).map(|_| api.post("workflows/hot/runs", &input))).await;
    for run in started {
        let id = run.expect(202)["id"].as_str().expect("an id").to_owned();
        assert_eq!(api.finished(&id).await["status"], "completed");
    }
    assert_eq!(receiver.received().len(), RUNS);
    let record = api.get("sources/hot/records/one").await.expect(200);
    assert_eq!((&record["fields"]["answer"], &record["revision"]), (&json!("x"), &json!(RUNS + 1)));
}
