//! The life of a plugin version: staged, tried, promoted, rolled back, quarantined, deleted.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::support::api::{Answer, Api};
use super::support::receiver::{Received, Receiver};
use super::support::server::{self, Server};
use super::support::{components, eventually};

async fn space(name: &str) -> Api {
    let api = server::shared().await.space(name).await;
    api.put("event-types/order.paid", &json!({})).await.expect(201);
    api
}

/// An endpoint whose requests a plugin makes.
fn endpoint(url: &str, plugin: &str, config: Value) -> Value {
    let policy = json!({ "retry_delays_s": [0, 1, 1, 1, 1, 1, 1, 1], "jitter": 0, "pause_after": 3, "concurrency": 8 });
    let format = json!({ "type": "plugin", "plugin": plugin, "config": config });
    json!({ "url": url, "event_types": ["order.*"], "format": format, "policy": policy })
}

async fn publish(api: &Api, number: usize) {
    api.post("events", &json!({ "type": "order.paid", "data": { "n": number } })).await.expect(202);
}

/// The plugin versions that made the requests of the deliveries of the space, oldest first, once all are delivered.
async fn makers(api: &Api, deliveries: usize) -> Vec<String> {
    let all = eventually(&format!("{deliveries} are delivered"), || async {
        let listed = api.get("deliveries?status=delivered&limit=200").await.expect(200);
        let items = listed["items"].as_array().expect("a list").clone();
        (items.len() == deliveries).then_some(items)
    })
    .await;
    let mut makers = Vec::new();
    for delivery in all.iter().rev() {
        let shown = api.get(&format!("deliveries/{}", delivery["id"].as_str().expect("an id"))).await.expect(200);
        let last = shown["history"].as_array().and_then(|history| history.last()).expect("an attempt");
        makers.push(last["plugin"].as_str().expect("its plugin").to_owned());
    }
    makers
}

/// `live previous canary` of a plugin, and the state of each version, newest first.
fn standing(plugin: &Value) -> String {
    let versions = plugin["versions"].as_array().expect("a list").iter();
    let states: Vec<_> = versions.map(|version| format!("{}={}", version["version"], version["state"])).collect();
    let pointers = [&plugin["live"], &plugin["previous"], &plugin["canary"]["version"]];
    let pointers = pointers.map(|pointer| pointer.as_str().unwrap_or("-"));
    format!("{}; {}", pointers.join(" "), states.join(" ").replace('"', ""))
}

async fn promote(api: &Api, name: &str, version: &str) -> Answer {
    api.post(&format!("plugins/{name}/promote"), &json!({ "version": version })).await
}

#[tokio::test]
async fn a_version_is_staged_promoted_and_rolled_back_and_references_follow() {
    let api = space("versions-life").await;
    let receiver = Receiver::answering(200, "text/plain", "").await;
    let first = api.put_plugin("mine", "1.0.0", components::REFERENCE).await.expect(201);
    assert_eq!(first["state"], "live", "the first version is live at once: {first:#}");
    let trial = &first["trial"][0];
    assert_eq!((&trial["export"], &trial["ok"]), (&json!("template"), &json!(true)), "{first:#}");
    api.put("endpoints/follows", &endpoint(&receiver.url, "mine", json!(null))).await.expect(201);
    let second = components::stamped(components::REFERENCE, "2");
    assert_eq!(api.put_plugin("mine", "2.0.0", &second).await.expect(201)["state"], "staged");
    publish(&api, 1).await;
    assert_eq!(makers(&api, 1).await, ["mine@1.0.0"], "what is staged is not called");

    let before = api.get("plugins/mine").await;
    assert_eq!(standing(&before.body), "1.0.0 - -; 2.0.0=staged 1.0.0=live");
    let used_by = json!([{ "kind": "endpoint", "id": "follows" }]);
    assert_eq!(before.body["used_by"], used_by);
    let counts = &before.body["versions"][1]["counts"];
    assert_eq!((&counts["calls"], &counts["outcomes"]), (&json!(1), &json!({ "ok": 1 })), "{counts:#}");
    assert!(counts["memory_peak_bytes"].as_u64().is_some_and(|bytes| bytes >= 64 << 10), "{counts:#}");
    assert_eq!(counts["times"].as_array().map(Vec::len), Some(1), "{counts:#}");

    assert_eq!(promote(&api, "mine", "3.0.0").await.problem(404), "plugin-version-not-found");
    let promoted = promote(&api, "mine", "2.0.0").await;
    assert_eq!(standing(&promoted.body), "2.0.0 1.0.0 -; 2.0.0=live 1.0.0=previous");
    publish(&api, 2).await;
    assert_eq!(makers(&api, 2).await, ["mine@1.0.0", "mine@2.0.0"]);

    let stale = api.request(reqwest::Method::POST, "plugins/mine/rollback");
    let stale = stale.header("if-match", format!("\"{}\"", before.revision()));
    assert_eq!(api.send(stale).await.problem(412), "precondition-failed");
    let back = api.post("plugins/mine/rollback", &json!({})).await.expect(200);
    assert_eq!(standing(&back), "1.0.0 2.0.0 -; 2.0.0=previous 1.0.0=live");
    publish(&api, 3).await;
    assert_eq!(makers(&api, 3).await[2], "mine@1.0.0");
    let again = api.post("plugins/mine/rollback", &json!({})).await.expect(200);
    assert_eq!(standing(&again), "2.0.0 1.0.0 -; 2.0.0=live 1.0.0=previous", "a rollback can be taken back");
}

#[tokio::test]
async fn the_settings_of_a_plugin_are_its_own_and_those_of_built_in_ones_cannot_be_changed() {
    let api = space("versions-settings").await;
    assert_eq!(api.get("plugins/mine").await.problem(404), "plugin-not-found");
    assert_eq!(api.put("plugins/mine", &json!({})).await.problem(404), "plugin-not-found");
    api.put_plugin("mine", "1.0.0", components::REFERENCE).await.expect(201);
    assert_eq!(api.post("plugins/mine/rollback", &json!({})).await.problem(409), "no-previous-version");
    let saved = api.put("plugins/mine", &json!({ "fall_back": true, "faults_max": 3 })).await;
    assert_eq!(saved.revision(), "2");
    assert_eq!((&saved.body["fall_back"], &saved.body["faults_max"]), (&json!(true), &json!(3)));
    assert_eq!(api.put("plugins/mine", &json!({ "faults_max": 0 })).await.faults(), ["faults_max"]);
    let stale = api.put_if("plugins/mine", "1", &json!({})).await;
    assert_eq!(stale.problem(412), "precondition-failed");
    assert_eq!(
        api.put("plugins/mine/canary", &json!({ "version": "1.0.0", "percent": 5 })).await.faults(),
        ["version"]
    );
    assert_eq!(
        api.put("plugins/mine/canary", &json!({ "version": "1.0.0", "percent": 0 })).await.faults(),
        ["percent"]
    );

    let builtin = api.get("plugins/text-template").await.expect(200);
    assert_eq!((&builtin["builtin"], &builtin["versions"][0]["state"]), (&json!(true), &json!("live")));
    assert_eq!(api.put("plugins/text-template", &json!({})).await.problem(409), "builtin-plugin");
    assert_eq!(api.delete("plugins/text-template").await.problem(409), "builtin-plugin");
    api.delete("plugins/mine").await.expect(204);
    assert_eq!(api.get("plugins/mine").await.problem(404), "plugin-not-found");
    assert_eq!(api.get("plugins/mine/versions/1.0.0").await.problem(404), "plugin-version-not-found");
}

/// Whether the share of a canary has a call, computed as the documentation says.
fn is_in_share(version: &str, percent: u64, call: &str) -> bool {
    let hash = Sha256::digest(format!("mine@{version}\0{call}").as_bytes());
    let first: [u8; 8] = hash[..8].try_into().expect("eight bytes");
    u64::from_be_bytes(first) % 100 < percent
}

#[tokio::test]
async fn a_canary_gets_its_share_of_the_calls_and_repeats_meet_the_same_version() {
    const DELIVERIES: usize = 1_000;
    let api = space("versions-canary").await;
    // Every tenth request is refused once, so that there are repeats.
    let script = |number: usize, _: &Received| {
        let status = if number.is_multiple_of(10) { 503 } else { 200 };
        (status, "text/plain", String::new())
    };
    let receiver = Receiver::start(script).await;
    api.put_plugin("mine", "1.0.0", components::REFERENCE).await.expect(201);
    api.put_plugin("mine", "2.0.0", components::HOSTILE).await.expect(201);
    let mut definition = endpoint(&receiver.url, "mine", json!({ "do": "obey" }));
    definition["policy"] = json!({ "retry_delays_s": [0, 0, 0, 0, 0], "pause_after": 0, "concurrency": 16 });
    api.put("endpoints/follows", &definition).await.expect(201);
    let canary = json!({ "version": "2.0.0", "percent": 20 });
    let set = api.put("plugins/mine/canary", &canary).await.expect(200);
    assert_eq!(standing(&set), "1.0.0 - 2.0.0; 2.0.0=canary 1.0.0=live");

    for batch in 0..DELIVERIES / 100 {
        let event = |number: usize| json!({ "type": "order.paid", "data": { "n": batch * 100 + number } });
        api.post("events", &Value::Array((0..100).map(event).collect())).await.expect(202);
    }
    let (mut calls, mut cursor) = (BTreeMap::new(), String::new());
    eventually("all are delivered", || async {
        let pending = api.get("deliveries?status=pending&limit=1").await.expect(200);
        (pending["items"] == json!([])).then_some(())
    })
    .await;
    while calls.len() < DELIVERIES {
        let page = api.get(&format!("deliveries?status=delivered&limit=200&cursor={cursor}")).await.expect(200);
        for item in page["items"].as_array().expect("a list") {
            let (event, id) = (item["event"].as_str().expect("an id"), item["id"].as_str().expect("an id"));
            calls.insert(event.to_owned(), id.to_owned());
        }
        cursor = page["next"].as_str().unwrap_or("").to_owned();
        assert!(!cursor.is_empty() || calls.len() == DELIVERIES, "{} are delivered", calls.len());
    }
    let mut met: BTreeMap<String, BTreeSet<bool>> = BTreeMap::new();
    for request in receiver.received() {
        let by_canary = serde_json::from_str::<Value>(&request.body).is_ok_and(|body| body["type"] == "order.paid");
        met.entry(request.header("webhook-id").to_owned()).or_default().insert(by_canary);
    }
    assert!(receiver.received().len() > DELIVERIES, "there were repeats");
    let mut share = 0;
    for (event, call) in &calls {
        let expected = is_in_share("2.0.0", 20, call);
        share += usize::from(expected);
        assert_eq!(met[event], BTreeSet::from([expected]), "delivery {call}");
    }
    assert!((140..=260).contains(&share), "20 per cent of 1,000, give or take: {share}");

    let ended = api.delete("plugins/mine/canary").await.expect(200);
    assert_eq!(standing(&ended), "1.0.0 - -; 2.0.0=staged 1.0.0=live");
}

#[tokio::test]
async fn a_version_that_keeps_crashing_is_quarantined_and_the_one_before_it_is_called_again() {
    let api = space("versions-quarantine").await;
    let (receiver, alarm) =
        (Receiver::answering(200, "text/plain", "").await, Receiver::answering(200, "text/plain", "").await);
    api.put_plugin("mine", "1.0.0", components::REFERENCE).await.expect(201);
    api.put_plugin("mine", "2.0.0", components::HOSTILE).await.expect(201);
    api.put("plugins/mine", &json!({ "fall_back": true, "faults_max": 4 })).await.expect(200);
    let follows = endpoint(&receiver.url, "mine", json!({ "do": "panic" }));
    api.put("endpoints/follows", &follows).await.expect(201);
    let watch = json!({ "url": alarm.url, "event_types": ["plugin.*", "endpoint.*"] });
    api.put("endpoints/alarm", &watch).await.expect(201);
    promote(&api, "mine", "2.0.0").await.expect(200);
    for number in 0..6 {
        publish(&api, number).await;
    }
    let told = eventually("the quarantine is told", || async { alarm.received().first().cloned() }).await;
    let told: Value = serde_json::from_str(&told.body).expect("JSON");
    assert_eq!(told["type"], "plugin.quarantined", "no endpoint is paused for a template that crashes: {told:#}");
    let data = &told["data"];
    assert_eq!(data["plugin"], json!({ "name": "mine", "version": "2.0.0" }));
    assert_eq!((&data["fell_back_to"], &data["canary_ended"]), (&json!("1.0.0"), &json!(false)), "{data:#}");
    assert!(data["reason"].as_str().is_some_and(|reason| reason.contains("the guest panics on purpose")), "{data:#}");

    eventually("no call is lost", || async { (receiver.received().len() >= 6).then_some(()) }).await;
    assert_eq!(api.get("deliveries?status=failed").await.expect(200)["items"], json!([]));
    let shown = api.get("plugins/mine").await.expect(200);
    assert_eq!(standing(&shown), "1.0.0 2.0.0 -; 2.0.0=previous 1.0.0=live");
    let ill = &shown["versions"][0];
    assert!(ill["quarantine"]["faults"].as_u64().is_some_and(|faults| faults >= 4), "{ill:#}");
    assert_eq!(ill["counts"]["outcomes"]["panic"], ill["counts"]["calls"], "{ill:#}");

    let released = api.post("plugins/mine/versions/2.0.0/release", &json!({})).await.expect(200);
    assert!(released["versions"][0].get("quarantine").is_none(), "{released:#}");
    assert_eq!(released["versions"][0]["counts"]["faults_in_a_row"], 0);
    let told = eventually("the release is told", || async { alarm.received().get(1).cloned() }).await;
    let told: Value = serde_json::from_str(&told.body).expect("JSON");
    assert_eq!(
        (&told["type"], &told["data"]["released_by"]),
        (&json!("plugin.recovered"), &json!("admin")),
        "{told:#}"
    );
}

#[tokio::test]
async fn a_canary_that_crashes_ends_and_one_that_is_not_to_fall_back_stays_and_recovers() {
    let api = space("versions-canary-ill").await;
    let receiver = Receiver::answering(200, "text/plain", "").await;
    api.put_plugin("mine", "1.0.0", components::REFERENCE).await.expect(201);
    api.put_plugin("mine", "2.0.0", components::HOSTILE).await.expect(201);
    api.put("plugins/mine", &json!({ "faults_max": 1 })).await.expect(200);
    api.put("endpoints/follows", &endpoint(&receiver.url, "mine", json!({ "do": "panic" }))).await.expect(201);
    api.put("plugins/mine/canary", &json!({ "version": "2.0.0", "percent": 100 })).await.expect(200);
    publish(&api, 1).await;
    assert_eq!(makers(&api, 1).await, ["mine@1.0.0"], "its repeat meets the live version");
    let shown = api.get("plugins/mine").await.expect(200);
    assert_eq!(standing(&shown), "1.0.0 - -; 2.0.0=staged 1.0.0=live", "a canary ends by itself, set so or not");
    assert_eq!(shown["versions"][0]["quarantine"]["faults"], 1);

    let promoted = promote(&api, "mine", "2.0.0").await.expect(200);
    assert!(promoted["versions"][0].get("quarantine").is_none(), "promoting releases: {promoted:#}");
    publish(&api, 2).await;
    let ill = eventually("it is quarantined again", || async {
        let shown = api.get("plugins/mine").await.expect(200);
        shown["versions"][0].get("quarantine").is_some().then_some(shown)
    })
    .await;
    assert_eq!(standing(&ill), "2.0.0 1.0.0 -; 2.0.0=live 1.0.0=previous", "it is not set to fall back");
    api.put("endpoints/follows", &endpoint(&receiver.url, "mine", json!({ "do": "obey" }))).await.expect(200);
    api.post("plugins/mine/versions/2.0.0/release", &json!({})).await.expect(200);
    assert_eq!(makers(&api, 2).await, ["mine@1.0.0", "mine@2.0.0"], "what waited is delivered");
}

#[tokio::test]
async fn a_version_that_does_not_do_what_its_followers_need_is_not_promoted() {
    let api = space("versions-unfit").await;
    api.put_plugin("mine", "1.0.0", components::HOSTILE).await.expect(201);
    api.put_plugin("mine", "2.0.0", components::MAPPING).await.expect(201);
    api.put_plugin("mine", "3.0.0", components::TEMPLATE).await.expect(201);
    let crm = "http://127.0.0.1:9/";
    api.put("endpoints/crm", &endpoint(crm, "mine", json!({ "channel": 7 }))).await.expect(201);
    let webhook = json!({ "name": "W", "request": { "method": "POST", "url": crm, "format": "json",
            "template": { "plugin": "mine", "config": { "channel": "#a" } } },
        "response": { "format": "json", "mapping": { "plugin": "mine" } } });
    api.put("webhooks/hook", &webhook).await.expect(201);
    let workflow =
        "document: { dsl: '1.0.3', namespace: t, name: w, version: '1.0.0' }\ndo: [ { a: { call: mine@plugins } } ]\n";
    api.put_workflow("flow", workflow).await.expect(201);
    let canary = json!({ "version": "2.0.0", "percent": 1 });
    for refused in [promote(&api, "mine", "2.0.0").await, api.put("plugins/mine/canary", &canary).await] {
        let used_by = json!([{ "kind": "webhook", "id": "hook" }, { "kind": "workflow", "id": "flow" },
            { "kind": "endpoint", "id": "crm" }]);
        assert_eq!(refused.body["used_by"], used_by, "{refused:?}");
        assert_eq!(refused.problem(409), "plugin-version-unfit");
    }
    let refused = promote(&api, "mine", "3.0.0").await;
    let detail = refused.body["detail"].as_str().expect("a text").to_owned();
    for reason in [
        "webhook \"hook\": plugin mine@3.0.0 exports payload-template, not response-mapping",
        "workflow \"flow\": plugin mine@3.0.0 exports payload-template, not trigger-action",
        "endpoint \"crm\": config/channel: ",
    ] {
        assert!(detail.contains(reason), "{reason}: {detail}");
    }
    assert!(!detail.contains("webhook \"hook\": config"), "its own configuration would do: {detail}");

    for path in ["webhooks/hook", "endpoints/crm", "workflows/flow"] {
        api.delete(path).await.expect(204);
    }
    promote(&api, "mine", "3.0.0").await.expect(200);
    let misset = api.put("endpoints/crm", &endpoint(crm, "mine", json!({ "channel": 7 }))).await;
    assert_eq!(misset.faults(), ["format.config/channel"]);
    api.put("endpoints/crm", &endpoint(crm, "mine@1.0.0", json!({ "channel": 7 }))).await.expect(201);
    api.post("plugins/mine/rollback", &json!({})).await.expect(200);
}

#[tokio::test]
async fn what_is_referred_to_is_not_deleted_and_its_users_are_named() {
    let api = space("versions-delete").await;
    for (number, version) in ["1.0.0", "2.0.0", "3.0.0", "4.0.0"].into_iter().enumerate() {
        let component = components::stamped(components::REFERENCE, &number.to_string());
        api.put_plugin("mine", version, &component).await.expect(201);
    }
    promote(&api, "mine", "2.0.0").await.expect(200);
    promote(&api, "mine", "3.0.0").await.expect(200);
    api.put("plugins/mine/canary", &json!({ "version": "4.0.0", "percent": 10 })).await.expect(200);
    let hook = "http://127.0.0.1:9/";
    api.put("endpoints/pinned", &endpoint(hook, "mine@1.0.0", json!(null))).await.expect(201);
    for (version, kind, id) in [
        ("1.0.0", "endpoint", "pinned"),
        ("2.0.0", "plugin", "mine"),
        ("3.0.0", "plugin", "mine"),
        ("4.0.0", "plugin", "mine"),
    ] {
        let refused = api.delete(&format!("plugins/mine/versions/{version}")).await;
        assert_eq!(refused.body["used_by"], json!([{ "kind": kind, "id": id }]), "{version}: {refused:?}");
        assert_eq!(refused.problem(409), "in-use");
    }
    assert_eq!(api.delete("plugins/mine").await.problem(409), "in-use", "a version of it is pinned");
    api.put("endpoints/pinned", &endpoint(hook, "mine", json!(null))).await.expect(200);
    api.delete("plugins/mine/versions/1.0.0").await.expect(204);
    let refused = api.delete("plugins/mine").await;
    assert_eq!(refused.body["used_by"], json!([{ "kind": "endpoint", "id": "pinned" }]), "{refused:?}");
    api.delete("endpoints/pinned").await.expect(204);
    let shown = api.get("plugins/mine").await.expect(200);
    assert_eq!(standing(&shown), "3.0.0 2.0.0 4.0.0; 4.0.0=canary 3.0.0=live 2.0.0=previous");
    api.delete("plugins/mine").await.expect(204);
    let listed = api.get("plugins").await.expect(200);
    assert!(listed["items"].as_array().expect("a list").iter().all(|plugin| plugin["builtin"] == true), "{listed:#}");
}

#[tokio::test]
async fn a_run_in_flight_keeps_the_version_that_its_workflow_named() {
    let api = space("versions-in-flight").await;
    for (number, version) in ["1.0.0", "2.0.0", "3.0.0"].into_iter().enumerate() {
        let component = components::stamped(components::ACTION, &number.to_string());
        api.put_plugin("score", version, &component).await.expect(201);
    }
    promote(&api, "score", "2.0.0").await.expect(200);
    promote(&api, "score", "3.0.0").await.expect(200);
    let workflow = |call: &str| {
        format!(
            "document: {{ dsl: '1.0.3', namespace: t, name: w, version: '1.0.0' }}\ndo:\n  - rest: {{ wait: {{ seconds: 2 }} }}\n  - score: {{ call: '{call}', with: {{ lead: {{ email: 'a@b.example' }} }} }}\n"
        )
    };
    api.put_workflow("flow", &workflow("score:1.0.0@plugins")).await.expect(201);
    let run = api.post("workflows/flow/runs", &json!({ "input": {} })).await.expect(202);
    api.put_workflow("flow", &workflow("score@plugins")).await.expect(200);
    let refused = api.delete("plugins/score/versions/1.0.0").await;
    assert_eq!(refused.body["used_by"], json!([{ "kind": "workflow-version", "id": "flow@1" }]), "{refused:?}");
    assert_eq!(refused.problem(409), "in-use");
    let run = api.finished(run["id"].as_str().expect("an id")).await;
    assert_eq!(run["status"], "completed", "{run:#}");
    let next = api.run("flow", &json!({})).await;
    assert_eq!(next["status"], "completed", "{next:#}");
    let shown = api.get("plugins/score").await.expect(200);
    let calls = |index: usize| shown["versions"][index]["counts"]["calls"].as_u64().expect("a number");
    assert_eq!((calls(0), calls(1), calls(2)), (1, 0, 1), "3.0.0 is live, 1.0.0 was named: {shown:#}");
    api.delete("plugins/score/versions/1.0.0").await.expect(204);
    assert_eq!(api.delete("plugins/score").await.problem(409), "in-use", "the workflow follows it");
}

#[tokio::test]
async fn an_upload_may_go_on_by_itself_and_its_job_says_how_far_it_is() {
    let api = space("versions-async").await;
    let put = |name: &str, component: Vec<u8>| {
        let request = api.request(reqwest::Method::PUT, &format!("plugins/{name}/versions/1.0.0"));
        request.header("content-type", "application/wasm").header("prefer", "respond-async").body(component)
    };
    let ended = |answer: Answer| {
        let api = api.clone();
        async move {
            let id = answer.body["id"].as_str().expect("an id").to_owned();
            let location = answer.headers["location"].to_str().expect("a path").to_owned();
            assert_eq!(location, format!("/api/v1/spaces/versions-async/jobs/{id}"));
            eventually("the job ends", || async {
                let job = api.get(&format!("jobs/{id}")).await.expect(200);
                (job["status"] != "running").then_some(job)
            })
            .await
        }
    };
    let component = components::stamped(components::REFERENCE, "async");
    let answer = api.send(put("mine", component.clone())).await;
    assert_eq!((answer.status, &answer.headers["preference-applied"]), (202, &"respond-async".parse().expect("text")));
    assert_eq!((&answer.body["task"], &answer.body["stage"]), (&json!("upload-plugin"), &json!("received")));
    let job = ended(answer).await;
    assert_eq!((&job["status"], &job["stage"]), (&json!("completed"), &json!("staged")), "{job:#}");
    assert_eq!(api.get("plugins/mine/versions/1.0.0").await.expect(200)["state"], "live");
    assert_eq!(api.send(put("mine", component)).await.status, 200, "it is there already");

    let cut = components::REFERENCE[..components::REFERENCE.len() / 2].to_vec();
    let job = ended(api.send(put("other", cut)).await).await;
    assert_eq!((&job["status"], &job["stage"]), (&json!("failed"), &json!("refused")), "{job:#}");
    assert!(job["error"].as_str().is_some_and(|error| error.contains("not valid")), "{job:#}");
    assert_eq!(api.get("plugins/other").await.problem(404), "plugin-not-found");
    assert_eq!(api.send(put("other", b"no component".to_vec())).await.problem(422), "component-refused", "at once");
}

#[tokio::test]
async fn a_configuration_schema_must_take_the_plugins_own_example() {
    let api = space("versions-example").await;
    // `mention_from` is a number in the example; now its schema wants a string.
    let misdescribed = components::reworded(components::TEMPLATE, "number", "string");
    let refused = api.put_plugin("mine", "1.0.0", &misdescribed).await;
    let detail = refused.body["detail"].as_str().expect("a text").to_owned();
    assert!(detail.contains("example-config/mention_from does not fit config-schema"), "{detail}");
    assert_eq!(refused.problem(422), "component-refused");
}

#[tokio::test]
async fn a_component_built_against_an_older_interface_works() {
    let api = space("versions-older").await;
    let receiver = Receiver::answering(200, "text/plain", "").await;
    let uploaded = api.put_plugin("older", "1.0.0", components::OLDER).await.expect(201);
    assert_eq!(uploaded["exports"], json!(["template"]));
    let definition = endpoint(&receiver.url, "older", json!({ "url": format!("{}/older", receiver.url) }));
    api.put("endpoints/follows", &definition).await.expect(201);
    publish(&api, 7).await;
    assert_eq!(makers(&api, 1).await, ["older@1.0.0"]);
    let request = receiver.received().remove(0);
    assert_eq!(request.uri.path(), "/older", "it was not told what the endpoint would send");
    let body: Value = serde_json::from_str(&request.body).expect("JSON");
    assert_eq!((&body["space"], &body["input"]["data"]), (&json!("versions-older"), &json!({ "n": 7 })), "{body:#}");
}

#[tokio::test]
async fn an_upload_that_a_crash_interrupts_is_said_to_have_failed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut server = Server::open(folder.path(), &[]).await;
    let api = server.api("default");
    // Compiled forms are kept over runs of the tests: this one is new each time.
    let component = components::stamped(components::REFERENCE, &format!("{:?}", std::time::Instant::now()));
    let put = api.request(reqwest::Method::PUT, "plugins/mine/versions/1.0.0");
    let put = put.header("content-type", "application/wasm").header("prefer", "respond-async").body(component);
    let started = api.send(put).await.expect(202);
    server.kill().await;
    let server = Server::open(folder.path(), &[]).await;
    let api = server.api("default");
    let path = format!("jobs/{}", started["id"].as_str().expect("an id"));
    let job = eventually("the job is given up", || async {
        let job = api.get(&path).await.expect(200);
        (job["status"] != "running").then_some(job)
    })
    .await;
    assert_eq!(job["status"], "failed", "{job:#}");
    assert!(job["error"].as_str().is_some_and(|error| error.contains("upload it again")), "{job:#}");
}
