//! Actions that do as they are told: installed with a workflow of their name, and what they are granted.

use serde_json::{Value, json};

use super::api::Api;

/// Uploads a component as version 1.0.0 of `name`, with a workflow that calls it with its input.
pub async fn install(api: &Api, name: &str, component: &[u8]) -> Value {
    let uploaded = api.put_plugin(name, "1.0.0", component).await.expect(201);
    let document = format!(
        "document: {{ dsl: '1.0.3', namespace: test, name: {name}, version: '1.0.0' }}
do:
  - act: {{ call: '{name}:1.0.0@plugins', with: '${{ . }}' }}
"
    );
    api.put_workflow(name, &document).await.expect(201);
    uploaded
}

/// Grants capabilities to that version.
pub async fn grant(api: &Api, name: &str, grants: &Value) {
    api.put(&format!("plugins/{name}/versions/1.0.0/grants"), grants).await.expect(200);
}

/// Runs the plugin `capable` through some steps; the whole run, which must be completed.
pub async fn act(api: &Api, steps: Value) -> Value {
    let run = api.run("capable", &json!({ "steps": steps })).await;
    assert_eq!(run["status"], "completed", "{run:#}");
    run
}

/// What the history says that the first task of a run did.
pub fn deeds(run: &Value) -> &Vec<Value> {
    run["tasks"][0]["deeds"].as_array().unwrap_or_else(|| panic!("no deeds: {run:#}"))
}

/// The outcomes of these, as words.
pub fn outcomes(run: &Value) -> Vec<&str> {
    deeds(run).iter().map(|deed| deed["outcome"].as_str().expect("a word")).collect()
}
