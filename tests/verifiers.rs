//! Inbound verifiers: a plugin says who calls a trigger, in place of key and signature.

use std::fs;
use std::process::Command;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tenterhook::clock::{Clock as _, SystemClock};

use super::support::api::{Api, client};
use super::support::tools::{kept, run, version_of};
use super::support::{components, read, server};

const NOTHING: &str = "document: { dsl: '1.0.3', namespace: test, name: nothing, version: '1.0.0' }
do:
  - keep: { set: { payload: '${ .payload }' } }
";
const SECRET: &str = "It's a Secret to Everybody";

/// A space with a workflow whose trigger has this verifier.
async fn prepared(space: &str, verifier: Value) -> (Api, Value) {
    let api = server::shared().await.space(space).await;
    api.put("secrets/sender", &json!({ "value": SECRET })).await;
    api.put_workflow("nothing", NOTHING).await.expect(201);
    let trigger = json!({ "type": "trigger", "verifier": verifier });
    let trigger = api.put("workflows/nothing/trigger", &trigger).await.expect(201);
    (api, trigger)
}

fn hex_mac(parts: &[&str]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length is taken");
    parts.iter().for_each(|part| mac.update(part.as_bytes()));
    hex::encode(mac.finalize().into_bytes())
}

#[tokio::test]
async fn a_call_that_its_verifier_believes_starts_a_run_once() {
    let verifier = json!({ "plugin": "verify-github", "secrets": { "secret": "sender" } });
    let (api, trigger) = prepared("verify-github", verifier).await;
    let pinned = trigger["verifier"]["plugin"].as_str().expect("a plugin");
    assert!(pinned.starts_with("verify-github"), "{trigger:#}");
    let body = r#"{"zen":"Keep it logically awesome."}"#;
    let call = |id: &str, signature: &str| {
        api.call(&trigger)
            .header("content-type", "application/json")
            .header("x-github-event", "push")
            .header("x-github-delivery", id)
            .header("x-hub-signature-256", format!("sha256={signature}"))
            .body(body)
    };
    let first = api.send(call("d-1", &hex_mac(&[body]))).await.expect(202);
    let again = api.send(call("d-1", &hex_mac(&[body]))).await.expect(202);
    assert_eq!(first["run"], again["run"], "a repeat of the sender's is the same run");
    let run = api.finished(first["run"].as_str().expect("a run")).await;
    assert_eq!(run["output"]["payload"]["zen"], "Keep it logically awesome.", "{run:#}");

    let wrong = api.send(call("d-2", &hex_mac(&["other"]))).await;
    assert_eq!(wrong.problem(401), "not-verified");
    let bare = api.call(&trigger).header("x-api-key", trigger["api_key"].as_str().expect("a key")).body(body);
    assert_eq!(api.send(bare).await.problem(401), "not-verified", "the key is no way around the verifier");
    let rejections = api.get("workflows/nothing/trigger/rejections").await.expect(200);
    assert_eq!(rejections["total"], 2, "{rejections:#}");
    assert!(!rejections.to_string().contains("Everybody"), "no secret in a reason: {rejections:#}");
    assert_eq!(api.get("runs?workflow=nothing").await.expect(200)["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_challenge_is_answered_at_once_and_starts_nothing() {
    let verifier = json!({ "plugin": "verify-slack", "secrets": { "secret": "sender" } });
    let (api, trigger) = prepared("verify-slack", verifier).await;
    let body = r#"{"type":"url_verification","challenge":"3eZbrw1aB"}"#;
    let seconds = SystemClock.now().as_millis() / 1_000;
    let signature = hex_mac(&["v0:", &seconds.to_string(), ":", body]);
    let call = |time: String| {
        api.call(&trigger)
            .header("content-type", "application/json")
            .header("x-slack-request-timestamp", time)
            .header("x-slack-signature", format!("v0={signature}"))
            .body(body)
    };
    let answer = api.send(call(seconds.to_string())).await;
    assert_eq!((answer.status, &answer.body), (200, &json!("3eZbrw1aB")));
    assert_eq!(api.send(call((seconds - 1_000).to_string())).await.problem(401), "not-verified");
    assert_eq!(api.get("runs?workflow=nothing").await.expect(200)["items"], json!([]));

    let token = trigger["url"].as_str().and_then(|url| url.rsplit('/').next()).expect("a URL");
    let by_get = api.request(reqwest::Method::GET, &format!("/in/{token}"));
    assert_eq!(api.send(by_get).await.problem(401), "not-verified", "the verifier is asked for GET too");
}

/// A GET of a trigger's URL, with this query, as its sender makes it: without a key of the API.
fn by_get(api: &Api, trigger: &Value, query: &str) -> reqwest::RequestBuilder {
    let path = trigger["url"].as_str().and_then(|url| url.find("/in/").map(|at| &url[at..])).expect("a trigger's URL");
    client().get(format!("{}{path}{query}", api.base()))
}

#[tokio::test]
async fn a_challenge_of_x_that_comes_by_get_is_answered_and_starts_nothing() {
    let verifier = json!({ "plugin": "verify-x", "secrets": { "secret": "sender" } });
    let (api, trigger) = prepared("verify-x", verifier).await;
    let token = "NTc3ZTQ4LWZm";
    let tag = BASE64_STANDARD.encode(hex::decode(hex_mac(&[token])).expect("hex digits"));
    let answer = api.send(by_get(&api, &trigger, &format!("?crc_token={token}&nonce=OGZh"))).await;
    assert_eq!((answer.status, &answer.body), (200, &json!({ "response_token": format!("sha256={tag}") })));
    let kind = answer.headers.get("content-type").and_then(|value| value.to_str().ok());
    assert_eq!(kind, Some("application/json"));
    for query in ["", "?crc_token=", "?nonce=OGZh"] {
        assert_eq!(api.send(by_get(&api, &trigger, query)).await.problem(401), "not-verified", "{query:?}");
    }
    assert_eq!(api.get("runs?workflow=nothing").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn the_one_time_verification_of_okta_is_answered_and_starts_nothing() {
    let verifier = json!({ "plugin": "verify-okta", "secrets": { "secret": "sender" } });
    let (api, trigger) = prepared("verify-okta", verifier).await;
    let challenge = "Me_rShK8JHsTnbyYrWXCEoMGbM_zsZ6k0hLPZ_Pg";
    let ask = |secret: &str| by_get(&api, &trigger, "").header("authorization", secret);
    let answer = api.send(ask(SECRET).header("x-okta-verification-challenge", challenge)).await;
    assert_eq!((answer.status, &answer.body), (200, &json!({ "verification": challenge })));
    let kind = answer.headers.get("content-type").and_then(|value| value.to_str().ok());
    assert_eq!(kind, Some("application/json"));
    let forged = api.send(ask("another secret").header("x-okta-verification-challenge", challenge)).await;
    assert_eq!(forged.problem(401), "not-verified");
    assert_eq!(api.send(ask(SECRET)).await.problem(401), "not-verified", "there is no challenge");
    assert_eq!(api.get("runs?workflow=nothing").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn only_a_trigger_with_a_verifier_takes_get() {
    let (api, trigger) = prepared("verify-none", Value::Null).await;
    let token = trigger["url"].as_str().and_then(|url| url.rsplit('/').next()).expect("a URL");
    let by_get = api.request(reqwest::Method::GET, &format!("/in/{token}"));
    let refused = api.send(by_get).await;
    assert_eq!(refused.headers.get("allow").and_then(|value| value.to_str().ok()), Some("POST, PUT"), "{refused:?}");
    assert_eq!(refused.problem(405), "method-not-allowed");
}

#[tokio::test]
async fn a_verifier_that_cannot_work_is_refused_when_it_is_saved() {
    let (api, _) = prepared("verify-refused", Value::Null).await;
    let faults = async |verifier: Value| {
        api.put("workflows/nothing/trigger", &json!({ "type": "trigger", "verifier": verifier })).await.faults()
    };
    assert_eq!(faults(json!({ "plugin": "nobody" })).await, ["verifier.plugin"]);
    assert_eq!(faults(json!({ "plugin": "text-template" })).await, ["verifier.plugin"]);
    let unknown = json!({ "plugin": "verify-github", "secrets": { "secret": "nowhere" } });
    assert_eq!(faults(unknown).await, ["verifier.secrets.secret"]);
    let verifier = json!({ "plugin": "verify-github", "secrets": { "secret": "sender" } });
    api.put("workflows/nothing/trigger", &json!({ "type": "trigger", "verifier": verifier })).await.expect(200);
    assert_eq!(api.delete("secrets/sender").await.problem(409), "in-use");
}

#[tokio::test]
async fn a_version_that_is_no_verifier_is_not_promoted_where_a_trigger_asks_it() {
    let (api, _) = prepared("verify-unfit", Value::Null).await;
    api.put_plugin("guard", "1.0.0", components::VERIFIER).await.expect(201);
    let verifier = json!({ "plugin": "guard", "secrets": { "secret": "sender" } });
    api.put("workflows/nothing/trigger", &json!({ "type": "trigger", "verifier": verifier })).await.expect(200);
    api.put_plugin("guard", "2.0.0", components::TEMPLATE).await.expect(201);
    let refused = api.post("plugins/guard/promote", &json!({ "version": "2.0.0" })).await;
    assert_eq!(refused.body["used_by"], json!([{ "kind": "trigger", "id": "nothing" }]), "{refused:?}");
    assert_eq!(refused.problem(409), "plugin-version-unfit");
}

/// The calls that the providers' own libraries sign now, for the triggers at these URLs (`VERIFIER=URL`): a line each.
fn signed(urls: &[String]) -> Vec<Value> {
    let files = [".npmrc", "package.json", "package-lock.json", "sign.js"];
    let files = files.map(|name| (name, read(&format!("tests/providers/{name}"))));
    let folder = kept("providers", (version_of("node", "--version"), &files), |folder| {
        files.iter().for_each(|(name, content)| fs::write(folder.join(name), content).expect("a copy"));
        run(Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]).arg(folder));
    });
    let lines = run(Command::new("node").arg(folder.join("sign.js")).args(urls));
    lines.lines().map(|line| serde_json::from_str(line).expect("a line")).collect()
}

#[tokio::test]
async fn what_the_providers_own_libraries_sign_is_taken_and_nothing_else() {
    let verifiers = ["verify-stripe", "verify-github", "verify-shopify", "verify-twilio", "verify-standard-webhooks"];
    let mut triggers = Vec::new();
    for name in verifiers {
        let verifier = json!({ "plugin": name, "secrets": { "secret": "sender" } });
        triggers.push((name, prepared(&format!("signed-{name}"), verifier).await));
    }
    let url = |trigger: &Value| trigger["url"].as_str().expect("a URL").to_owned();
    let urls: Vec<_> = triggers.iter().map(|(name, (_, trigger))| format!("{name}={}", url(trigger))).collect();
    let calls = signed(&urls);
    for (name, (api, trigger)) in &triggers {
        let mut accepted = 0;
        for call in calls.iter().filter(|call| call["verifier"] == *name) {
            let (what, input) = (&call["what"], &call["input"]);
            api.put("secrets/sender", &json!({ "value": input["secrets"]["secret"] })).await;
            let at = input["url"].as_str().and_then(|url| url.find("/in/").map(|at| &url[at..])).expect("a URL");
            let body = input["body"].as_str().expect("a body").to_owned();
            let send = |body: String| {
                let headers = input["headers"].as_object().expect("headers").iter();
                let request = headers.fold(api.request(reqwest::Method::POST, at), |request, (name, value)| {
                    request.header(name, value.as_str().expect("a value"))
                });
                api.send(request.body(body))
            };
            let forged = send(format!("{body} ")).await;
            assert_eq!(forged.problem(401), "not-verified", "{name}, {what}: another body");
            let is_empty = body.is_empty();
            let answer = send(body).await;
            if is_empty {
                assert_eq!(answer.problem(400), "bad-body", "{name}, {what}: it is verified, but no JSON");
            } else if call["expect"].get("refused").is_some() {
                assert_eq!(answer.problem(401), "not-verified", "{name}, {what}");
            } else {
                assert_eq!(answer.status, 202, "{name}, {what}: {:#}", answer.body);
                accepted += 1;
            }
        }
        assert!(accepted >= 3, "{name}: {accepted} of {} for {}", calls.len(), url(trigger));
    }
}
