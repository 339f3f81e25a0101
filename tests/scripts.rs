//! Scripts where users put them: in workflows, webhooks, endpoints and triggers. They run there, and what does not work
//! is refused when it is saved.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha512;

use super::support::api::{Answer, Api};
use super::support::{components, server};

fn document(tasks: &str) -> String {
    format!("document: {{ dsl: '1.0.3', namespace: test, name: w, version: '1.0.0' }}\ndo:\n{tasks}")
}

/// The only error of a problem: field, line, column and reason.
#[track_caller]
fn fault(answer: Answer) -> (String, Value, Value, String) {
    let problem = answer.expect(422);
    let [error] = problem["errors"].as_array().map_or(&[][..], Vec::as_slice) else { panic!("{problem:#}") };
    let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
    (text("field"), error["line"].clone(), error["column"].clone(), text("reason"))
}

async fn space(name: &str) -> Api {
    server::shared().await.space(name).await
}

const SCORE: &str = "  - score:
      input: { from: .lead }
      run:
        script:
          language: javascript
          arguments: { bonus: '${ $workflow.input.bonus }' }
          code: |
            console.log('scoring', input.name);
            const run = ({ name, seats }, call) => ({ text: `${ name }: ${ seats * 2 + call.config.bonus }` });
";

#[tokio::test]
async fn a_script_is_a_step_of_a_workflow_and_in_its_history() {
    let api = space("scripts-run").await;
    let saved = api.put_workflow("score", &document(SCORE)).await.expect(201);
    assert_eq!(
        (&saved["plugins"], &saved["outline"][0]["kind"]),
        (&json!(["script"]), &json!("run script")),
        "{saved:#}"
    );
    let run = api.run("score", &json!({ "lead": { "name": "Ann", "seats": 20 }, "bonus": 2 })).await;
    assert_eq!(run["output"], json!({ "text": "Ann: 42" }), "{run:#}");
    let task = &run["tasks"][0];
    assert_eq!((&task["kind"], &task["input"]["seats"]), (&json!("run script"), &json!(20)));
    assert_eq!(task["logs"][0]["message"], "scoring Ann");
    assert!(task["idempotency_key"].is_string(), "{task:#}");
}

#[tokio::test]
async fn what_a_script_throws_is_an_error_of_the_language_with_line_and_column() {
    let api = space("scripts-throw").await;
    let tasks = "  - attempt:
      try:
        - work:
            run:
              script:
                language: js
                code: |
                  if (input.retry) throw new Retry('not yet');
                  if (input.reject) throw new Reject('never');
                    return input.lead.phone.length;
      catch:
        as: problem
        when: '$problem.status == 503'
        do:
          - later: { set: { later: '${ $problem.detail }' } }
";
    api.put_workflow("throw", &document(tasks)).await.expect(201);
    let run = api.run("throw", &json!({ "lead": {} })).await;
    assert_eq!(run["status"], "faulted", "{run:#}");
    let (error, detail) = (&run["error"], run["error"]["detail"].as_str().expect("a text"));
    assert_eq!((&error["status"], &error["instance"]), (&json!(500), &json!("/do/0/attempt/try/0/work")), "{run:#}");
    assert!(detail.contains("line 3, column 10: TypeError: cannot read property 'length'"), "{detail}");
    let run = api.run("throw", &json!({ "reject": true })).await;
    assert!(run["error"]["detail"].as_str().is_some_and(|text| text.ends_with("rejected: never")), "{run:#}");
    let run = api.run("throw", &json!({ "retry": true })).await;
    assert!(run["output"]["later"].as_str().is_some_and(|text| text.ends_with("not yet")), "{run:#}");
}

#[tokio::test]
async fn a_script_that_does_not_work_is_refused_where_it_stands() {
    let api = space("scripts-refused").await;
    let broken = document(&SCORE.replace("seats * 2 +", "seats * * 2 +"));
    let expected = ("/do/0/score/run/script/code".to_owned(), json!(11), json!(84));
    let (field, line, column, reason) = fault(api.put_workflow("w", &broken).await);
    assert_eq!((field, line, column), expected, "{reason}");
    let other = document(&SCORE.replace("const run", "const score"));
    let (field, line, _, reason) = fault(api.put_workflow("w", &other).await);
    assert_eq!((field, line), (expected.0, json!(11)));
    assert_eq!(reason, "the script neither defines a function `run` nor returns a value");
    let json = json!({
        "document": { "dsl": "1.0.3", "namespace": "test", "name": "w", "version": "1.0.0" },
        "do": [{ "a": { "run": { "script": { "language": "js", "code": "const a = 1;\nreturn a +" } } } }],
    });
    let (field, line, _, reason) = fault(api.put("workflows/w", &json).await);
    assert_eq!((field.as_str(), line), ("/do/0/a/run/script/code", json!(1)));
    assert!(reason.ends_with("(line 2, column 11 of the text)"), "a text with escapes: {reason}");
    let long = document(&format!(
        "  - a: {{ run: {{ script: {{ language: js, code: 'return 1;{}' }} }} }}\n",
        " ".repeat(70_000)
    ));
    assert_eq!(fault(api.put_workflow("w", &long).await).0, "/do/0/a/run/script/code");
    assert_eq!(api.get("workflows/w").await.problem(404), "workflow-not-found");
}

#[tokio::test]
async fn lint_checks_scripts_without_a_server() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lint = async |text: &str| {
        let file = folder.path().join("w.yaml");
        std::fs::write(&file, document(text)).expect("a file");
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_tenterhook"));
        let output = command.args(["workflow", "lint", "w.yaml"]).current_dir(folder.path()).output().await;
        let output = output.expect("it runs");
        let told = String::from_utf8([output.stdout, output.stderr].concat()).expect("a text");
        (output.status.code(), told)
    };
    assert_eq!(lint(SCORE).await, (Some(0), String::new()));
    let useless = "the script neither defines a function `run` nor returns a value";
    assert_eq!(lint(&SCORE.replace("const run", "const a")).await, (Some(1), format!("w.yaml:11:110: {useless}\n")));
    let (status, told) = lint(&SCORE.replace("language: javascript", "language: python")).await;
    assert_eq!(status, Some(1));
    assert!(told.starts_with("w.yaml:7:21: `python` is not supported"), "{told}");
}

#[tokio::test]
async fn scripts_of_webhooks_endpoints_and_triggers_are_checked_when_they_are_saved() {
    let api = space("scripts-checked").await;
    api.put("event-types/order.paid", &json!({})).await.expect(201);
    api.put_workflow("w", &document("  - a: { set: { a: 1 } }\n")).await.expect(201);
    let url = "https://a.example/x";
    let template = |script: &str| json!({ "plugin": "script", "config": { "script": script } });
    let webhook = |request: Value, mapping: Value| {
        json!({ "name": "w", "request": { "method": "POST", "url": url, "format": "json", "template": request },
            "response": { "format": "json", "mapping": mapping } })
    };
    let endpoint = |script: &str| {
        let config = json!({ "script": script });
        json!({ "url": url, "event_types": ["order.paid"], "format": { "type": "plugin", "plugin": "script", "config": config } })
    };
    let trigger =
        |script: &str| json!({ "type": "trigger", "verifier": { "plugin": "script", "config": { "script": script } } });
    let good = [
        ("webhooks/a", webhook(template("return {}"), template("return {}"))),
        ("endpoints/a", endpoint("export const render = (input) => input;")),
        ("workflows/w/trigger", trigger("export const verify = () => true;")),
    ];
    for (path, body) in &good {
        api.put(path, body).await.expect(201);
    }
    let syntax = "const a = 1;\n  a +;";
    let other = "const other = () => 1;";
    for (path, field, body) in [
        ("webhooks/a", "request.template.config/script", webhook(template(syntax), template("return {}"))),
        ("webhooks/a", "response.mapping.config/script", webhook(template("return {}"), template(syntax))),
        ("endpoints/a", "format.config/script", endpoint(syntax)),
        ("workflows/w/trigger", "verifier.config/script", trigger(syntax)),
    ] {
        let expected = (field.to_owned(), json!(2), json!(6), "unexpected token in expression: ';'".to_owned());
        assert_eq!(fault(api.put(path, &body).await), expected, "{path}: nothing but the configuration changed");
    }
    for (path, name, body) in [
        ("webhooks/a", "render", webhook(template(other), template("return {}"))),
        ("webhooks/a", "map", webhook(template("return {}"), template(other))),
        ("endpoints/a", "render", endpoint(other)),
        ("workflows/w/trigger", "verify", trigger(other)),
    ] {
        let (_, line, column, reason) = fault(api.put(path, &body).await);
        let expected = format!("the script neither defines a function `{name}` nor returns a value");
        assert_eq!((line, column, reason), (json!(1), json!(23), expected), "{path}");
    }
    for (path, body) in &good {
        api.put(path, body).await.expect(200);
    }
}

#[tokio::test]
async fn a_script_says_who_calls_a_trigger() {
    let api = space("scripts-verify").await;
    api.put("secrets/sender", &json!({ "value": "It's a Secret to Everybody" })).await;
    api.put_workflow("w", &document("  - keep: { set: { payload: '${ .payload }' } }\n")).await.expect(201);
    let script = "export function verify(request, secrets, call) {
      const signature = request.headers.get('x-signature') ?? '';
      if (!equal(hmac('sha512', secrets.key, request.body).toHex(), signature)) return { refused: 'a wrong signature' };
      return { id: request.json().id, payload: { ...request.json(), by: call.config.by } };
    }";
    let config = json!({ "script": script, "config": { "by": "script" } });
    let verifier = json!({ "plugin": "script", "secrets": { "key": "sender" }, "config": config });
    let trigger = api.put("workflows/w/trigger", &json!({ "type": "trigger", "verifier": verifier })).await.expect(201);
    let body = r#"{"id":"call-7","name":"Änn"}"#;
    let mut mac = Hmac::<Sha512>::new_from_slice(b"It's a Secret to Everybody").expect("any length is taken");
    mac.update(body.as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    let call = |signature: &str| {
        let call = api.call(&trigger).header("content-type", "application/json").body(body);
        call.header("x-signature", signature.to_owned())
    };
    let first = api.send(call(&signature)).await.expect(202);
    assert_eq!(first, api.send(call(&signature)).await.expect(202), "a repeat is known by its id");
    let run = api.finished(first["run"].as_str().expect("a run")).await;
    assert_eq!(run["output"]["payload"], json!({ "id": "call-7", "name": "Änn", "by": "script" }), "{run:#}");
    assert_eq!(api.send(call(&signature.replace('a', "b"))).await.problem(401), "not-verified");
}

#[tokio::test]
async fn the_configuration_of_a_plugin_stands_in_the_metadata_of_the_task() {
    let api = space("scripts-config").await;
    let tasks = "  - a:
      call: script@plugins
      with: { n: '${ .n }' }
      metadata: { config: { script: 'return input.n + call.config', config: '${ .n * 2 }' } }
  - b:
      call: script@plugins
      metadata: { config: { script: 'return input + 1', config: null } }
";
    api.put_workflow("w", &document(tasks)).await.expect(201);
    assert_eq!(api.run("w", &json!({ "n": 2 })).await["output"], 7);
    let none = document("  - a: { call: script@plugins }\n");
    let (field, line, column, reason) = fault(api.put_workflow("w", &none).await);
    assert_eq!((field.as_str(), line, column), ("/do/0/a/call", json!(3), json!(16)), "{reason}");
    let wrong = document("  - a: { call: script@plugins, metadata: { config: { script: 7 } } }\n");
    let (field, ..) = fault(api.put_workflow("w", &wrong).await);
    assert_eq!(field, "/do/0/a/metadata/config/script");
    let broken = document("  - a: { call: script@plugins, metadata: { config: { script: 'return (' } } }\n");
    let (field, line, _, reason) = fault(api.put_workflow("w", &broken).await);
    assert_eq!((field.as_str(), line), ("/do/0/a/metadata/config/script", json!(3)), "{reason}");
}

#[tokio::test]
async fn a_version_that_does_not_take_the_configuration_of_a_workflow_is_not_promoted() {
    let api = space("scripts-promote").await;
    api.put_plugin("mine", "1.0.0", components::HOSTILE).await.expect(201);
    api.put_plugin("mine", "2.0.0", components::ACTION).await.expect(201);
    let version = json!({ "version": "2.0.0" });
    let promote = || api.post("plugins/mine/promote", &version);
    let configured = document("  - a: { call: mine@plugins, metadata: { config: { a: 1 } } }\n");
    api.put_workflow("w", &configured).await.expect(201);
    let refused = promote().await;
    let detail = refused.body["detail"].as_str().expect("a text");
    assert!(detail.contains("workflow \"w\": config: "), "it takes none: {detail}");
    assert_eq!(refused.problem(409), "plugin-version-unfit");
    for changing in
        ["  - a: { call: mine@plugins }\n", "  - a: { call: mine@plugins, metadata: { config: '${ .a }' } }\n"]
    {
        api.put_workflow("w", &document(changing)).await.expect(200);
        promote().await.expect(200);
        assert_eq!(fault(api.put_workflow("w", &configured).await).0, "/do/0/a/metadata/config");
        api.post("plugins/mine/rollback", &json!({})).await.expect(200);
    }
}
