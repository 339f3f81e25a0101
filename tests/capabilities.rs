//! Capabilities of actions: nothing is granted until an admin grants it, narrowly; and history tells what was done.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::acting::{act, deeds, grant, install, outcomes};
use super::support::api::Api;
use super::support::receiver::Receiver;
use super::support::{components, server};

const GRANTS: &str = "plugins/capable/versions/1.0.0/grants";
const SECRET: &str = "kéy-4711\"/x";

/// A space with the plugin `capable`, three sources, two webhooks and two secrets.
async fn space(name: &str) -> (Api, Receiver) {
    let api = server::shared().await.space(name).await;
    install(&api, "capable", components::CAPABLE).await;
    let source = json!({ "key": "id", "fields": { "id": { "type": "string" }, "n": { "type": "number" } } });
    for id in ["leads", "scores", "others"] {
        api.put(&format!("sources/{id}"), &source).await.expect(201);
        api.put(&format!("sources/{id}/records/anna"), &json!({ "fields": { "n": 1 } })).await.expect(201);
    }
    let receiver =
        Receiver::start(|_, request| (200, "application/json", format!("{{\"got\": {}}}", request.body))).await;
    for id in ["tell", "other"] {
        let webhook = json!({ "name": id,
            "request": { "method": "POST", "url": receiver.url, "format": "json", "template": { "text": "{{ data }}" } },
            "response": { "format": "json", "mapping": { "rules": [{ "from": ".got", "to": "got" }] } } });
        api.put(&format!("webhooks/{id}"), &webhook).await.expect(201);
    }
    for id in ["token", "other"] {
        api.put(&format!("secrets/{id}"), &json!({ "value": SECRET })).await.expect(201);
    }
    (api, receiver)
}

/// One use of each capability.
fn one_of_each() -> Value {
    json!([
        { "do": "record", "source": "leads", "key": "anna" },
        { "do": "upsert", "source": "scores", "key": "anna", "fields": { "n": 2 } },
        { "do": "emit", "kind": "order.shipped", "data": { "n": 1 }, "key": "anna" },
        { "do": "webhook", "id": "tell", "data": { "n": 3 } },
        { "do": "set", "key": "n", "value": [1, "two"] },
        { "do": "get", "key": "n" },
        { "do": "secret", "name": "token" },
    ])
}

fn narrow() -> Value {
    json!({ "records": [{ "source": "leads" }, { "source": "scores", "write": true }], "events": ["order.*"],
        "webhooks": ["tell"], "state": true, "secrets": ["token"] })
}

#[tokio::test]
async fn what_a_plugin_imports_is_shown_and_nothing_of_it_is_granted() {
    let (api, receiver) = space("caps-none").await;
    let shown = api.get("plugins/capable/versions/1.0.0").await.expect(200);
    assert_eq!(shown["capabilities"], json!(["records", "events", "webhooks", "state", "secrets"]), "{shown:#}");
    let nothing = json!({ "records": [], "events": [], "webhooks": [], "state": false, "secrets": [], "http": [] });
    assert_eq!(shown["granted"], nothing, "{shown:#}");
    assert_eq!(api.get(GRANTS).await.expect(200), nothing);
    let run = act(&api, one_of_each()).await;
    let told: Vec<_> = run["output"].as_array().expect("answers").iter().map(|answer| &answer["denied"]).collect();
    let texts = [
        "reading records of source \"leads\" is not granted to capable@1.0.0: an admin could grant {\"records\":[{\"source\":\"leads\"}]}",
        "writing records of source \"scores\" is not granted to capable@1.0.0: an admin could grant {\"records\":[{\"source\":\"scores\",\"write\":true}]}",
        "publishing \"order.shipped\" is not granted to capable@1.0.0: an admin could grant {\"events\":[\"order.shipped\"]}",
        "calling webhook \"tell\" is not granted to capable@1.0.0: an admin could grant {\"webhooks\":[\"tell\"]}",
        "keeping state is not granted to capable@1.0.0: an admin could grant {\"state\":true}",
        "keeping state is not granted to capable@1.0.0: an admin could grant {\"state\":true}",
        "reading secret \"token\" is not granted to capable@1.0.0: an admin could grant {\"secrets\":[\"token\"]}",
    ];
    assert_eq!(told, texts, "{run:#}");
    assert_eq!(outcomes(&run), ["denied"; 7]);
    assert_eq!(deeds(&run)[0]["detail"], texts[0], "the history says so too");
    assert!(receiver.received().is_empty());
    // What a denial says an admin could grant does it.
    let grants = texts[1].split("could grant ").nth(1).and_then(|text| serde_json::from_str::<Value>(text).ok());
    grant(&api, "capable", &grants.expect("JSON")).await;
    assert_eq!(
        outcomes(&act(&api, one_of_each()).await),
        ["denied", "done", "denied", "denied", "denied", "denied", "denied"]
    );
}

#[tokio::test]
async fn a_narrow_grant_holds_for_what_it_names_alone() {
    let (api, _) = space("caps-narrow").await;
    grant(&api, "capable", &narrow()).await;
    let run = act(&api, one_of_each()).await;
    assert_eq!(outcomes(&run), ["done"; 7], "{run:#}");
    let answers = &run["output"];
    assert_eq!(answers[0]["ok"], json!({ "id": "anna", "n": 1 }));
    assert_eq!(answers[1]["ok"], json!({ "n": 2, "id": "anna" }), "all fields: {run:#}");
    assert_eq!(answers[3]["ok"], json!({ "status": 200, "fields": { "got": { "n": 3 } } }));
    assert_eq!(answers[5]["ok"], json!([1, "two"]), "a call sees its own writes");
    assert_eq!(api.get("sources/scores/records/anna").await.expect(200)["fields"]["n"], 2);
    let events = api.get("events?type=order.shipped").await.expect(200);
    let event = &events["items"][0];
    assert_eq!((&event["id"], &event["key"], &event["data"]["n"]), (&answers[2]["ok"], &json!("anna"), &json!(1)));
    assert_eq!(event["source"], "urn:tenterhook:plugin:capable");
}

#[tokio::test]
async fn a_neighbour_of_what_is_granted_is_denied_and_what_is_wrong_is_told() {
    let (api, receiver) = space("caps-neighbours").await;
    grant(&api, "capable", &narrow()).await;
    let neighbours = json!([
        { "do": "record", "source": "others", "key": "anna" },
        { "do": "upsert", "source": "leads", "key": "anna", "fields": { "n": 2 } },
        { "do": "emit", "kind": "order", "data": 1 },
        { "do": "emit", "kind": "orders.shipped", "data": 1 },
        { "do": "webhook", "id": "other", "data": 1 },
        { "do": "secret", "name": "other" },
    ]);
    let run = act(&api, neighbours).await;
    assert_eq!(outcomes(&run), ["denied"; 6], "{run:#}");
    assert!(receiver.received().is_empty());
    assert_eq!(api.get("sources/leads/records/anna").await.expect(200)["fields"]["n"], 1);

    let strange = json!([
        { "do": "upsert", "source": "scores", "key": "anna", "fields": { "none": 2 } },
        { "do": "upsert", "source": "scores", "key": "anna", "fields": [1] },
        { "do": "upsert", "source": "scores", "key": "anna", "fields": { "id": "berta" } },
        { "do": "record", "source": "leads", "key": "" },
        { "do": "get", "key": "" },
        { "do": "fill", "key": "n", "bytes": 65_536 },
        { "do": "record", "source": "leads", "key": "nobody" },
    ]);
    let run = act(&api, strange).await;
    assert_eq!(outcomes(&run)[..6], ["invalid"; 6], "{run:#}");
    assert_eq!(run["output"][6], json!({ "ok": null }));
}

#[tokio::test]
async fn only_an_admin_grants_and_only_what_can_be_granted() {
    let (api, _) = space("caps-admin").await;
    let key = json!({ "name": "builder", "role": "integrator", "space": "caps-admin" });
    let key = api.post("/api/v1/keys", &key).await.expect(201);
    let builder = api.with_key(key["key"].as_str().expect("shown once"));
    assert_eq!(builder.put(GRANTS, &narrow()).await.problem(403), "forbidden");
    assert_eq!(builder.delete(GRANTS).await.problem(403), "forbidden");
    builder.get(GRANTS).await.expect(200);
    for (bad, field) in [
        (json!({ "events": ["order.*.x"] }), "events.0"),
        (json!({ "http": [{ "host": "api.example.org", "methods": ["GET"] }] }), "http"),
        (json!({ "records": [{ "source": "missing" }] }), "source"),
        (json!({ "webhooks": ["missing"] }), "webhook"),
        (json!({ "secrets": ["missing"] }), "secret"),
        (json!({ "like": "2.0.0" }), "like"),
        (json!({ "like": "1.0.0", "state": true }), "like"),
    ] {
        let faults = api.put(GRANTS, &bad).await.faults();
        assert!(faults.contains(&field.to_owned()), "{bad}: {faults:?}");
    }
    for bad in [json!({ "files": true }), json!({ "records": [{ "source": "leads", "delete": true }] })] {
        assert!(matches!(api.put(GRANTS, &bad).await.status, 400 | 422), "{bad}");
    }
}

#[tokio::test]
async fn grants_are_of_one_version_and_hold_what_they_name() {
    let (api, _) = space("caps-versions").await;
    let builtin = api.get("plugins").await.expect(200)["items"][0].clone();
    let path = |end: &str| {
        let (name, version) =
            (builtin["name"].as_str().expect("a name"), builtin["version"].as_str().expect("a version"));
        format!("plugins/{name}/versions/{version}{end}")
    };
    assert_eq!(api.put(&path("/grants"), &json!({ "state": true })).await.problem(409), "builtin-plugin");

    let saved = api.put(GRANTS, &narrow()).await;
    let revision = saved.revision().to_owned();
    saved.expect(200);
    assert_eq!(api.put_if(GRANTS, "99", &json!({})).await.problem(412), "precondition-failed");
    api.put_if(GRANTS, &revision, &narrow()).await.expect(200);
    api.delete("sources/leads/records/anna").await.expect(204);
    for used in ["sources/leads", "webhooks/tell", "secrets/token"] {
        let refused = api.delete(used).await;
        assert_eq!(refused.body["used_by"][0]["kind"], "grants", "{refused:?}");
    }
    // Another version has nothing until it is told to take over what this one has.
    api.put_plugin("capable", "1.1.0", components::FETCHER).await.expect(201);
    let other = "plugins/capable/versions/1.1.0/grants";
    assert_eq!(api.get(other).await.expect(200)["secrets"], json!([]));
    let taken = api.put(other, &json!({ "like": "1.0.0" })).await.expect(200);
    assert_eq!((&taken["secrets"], &taken["state"]), (&json!(["token"]), &json!(false)), "what it imports: {taken:#}");
    api.delete(GRANTS).await.expect(204);
    assert_eq!(outcomes(&act(&api, one_of_each()).await), ["denied"; 7]);
}

#[tokio::test]
async fn other_spaces_are_out_of_reach() {
    let (mine, _) = space("caps-mine").await;
    let (theirs, _) = space("caps-theirs").await;
    for api in [&mine, &theirs] {
        grant(api, "capable", &narrow()).await;
    }
    theirs.put("sources/leads/records/berta", &json!({ "fields": { "n": 7 } })).await.expect(201);
    act(&theirs, json!([{ "do": "set", "key": "k", "value": "theirs" }])).await;
    let run = act(
        &mine,
        json!([
            { "do": "record", "source": "leads", "key": "berta" },
            { "do": "get", "key": "k" },
            { "do": "record", "source": "caps-theirs/leads", "key": "berta" },
            { "do": "record", "source": "../caps-theirs/leads", "key": "berta" },
            { "do": "set", "key": "k", "value": "mine" },
            { "do": "upsert", "source": "scores", "key": "anna", "fields": { "n": 99 } },
        ]),
    )
    .await;
    assert_eq!(run["output"][0], json!({ "ok": null }), "{run:#}");
    assert_eq!(run["output"][1], json!({ "ok": null }));
    assert_eq!(outcomes(&run), ["done", "done", "denied", "denied", "done", "done"]);
    let kept = act(&theirs, json!([{ "do": "get", "key": "k" }])).await;
    assert_eq!(kept["output"][0], json!({ "ok": "theirs" }));
    assert_eq!(theirs.get("sources/scores/records/anna").await.expect(200)["fields"]["n"], 1);
}

#[tokio::test]
async fn what_an_action_did_is_in_the_history_without_secrets() {
    let (api, receiver) = space("caps-history").await;
    grant(&api, "capable", &narrow()).await;
    let run = act(
        &api,
        json!([
            { "do": "secret", "name": "token" },
            { "do": "webhook", "id": "tell", "data": { "n": 1 } },
            { "do": "webhook", "id": "tell", "data": { "n": 2 } },
            { "do": "keep", "name": "token", "key": "clear" },
        ]),
    )
    .await;
    let task = &run["tasks"][0];
    let key = task["idempotency_key"].as_str().expect("a key");
    let sent = receiver.received();
    let keys: Vec<_> = sent.iter().map(|request| request.header("idempotency-key").to_owned()).collect();
    assert!(keys[0].starts_with(&format!("{key}-1-")) && keys[1].starts_with(&format!("{key}-2-")), "{keys:?}");
    let call = &deeds(&run)[1];
    assert_eq!(
        (&call["capability"], &call["call"], &call["target"]),
        (&json!("webhooks"), &json!("call"), &json!("tell"))
    );
    assert_eq!(
        (&call["exchange"]["request"]["body"], &call["exchange"]["response"]["status"]),
        (&json!("{\"n\":1}"), &json!(200))
    );
    assert_eq!(deeds(&run)[3]["call"], "get");
    assert_eq!(run["output"][0]["ok"]["secret"], "***");
    assert_eq!(task["logs"][0]["message"], "the secret is ***");
    assert!(run["output"][3]["invalid"].as_str().is_some_and(|text| text.contains("not kept in clear")), "{run:#}");
    let text = run.to_string();
    assert!(!text.contains("4711"), "a secret is in the history: {run:#}");
}

#[tokio::test]
async fn an_action_that_fails_tells_what_it_did_and_no_secret() {
    let (api, _) = space("caps-fails").await;
    grant(&api, "capable", &narrow()).await;
    for (step, outcome) in [("panic", "crashed"), ("fail", "rejected")] {
        let run = api.run("capable", &json!({ "steps": [{ "do": step, "name": "token" }] })).await;
        let detail = run["error"]["detail"].as_str().expect("a reason");
        assert!(detail.contains(outcome) && detail.contains("the secret is ***"), "{run:#}");
        assert_eq!(outcomes(&run), ["done"], "what it did before it failed");
        assert!(!run.to_string().contains("4711"), "{run:#}");
    }
}

#[tokio::test]
async fn an_action_that_fails_keeps_nothing() {
    let (api, _) = space("caps-failed").await;
    grant(&api, "capable", &narrow()).await;
    let steps = json!([
        { "do": "upsert", "source": "scores", "key": "anna", "fields": { "n": 50 } },
        { "do": "emit", "kind": "order.lost", "data": 1 },
        { "do": "set", "key": "n", "value": 50 },
        { "do": "get", "key": "n" },
        { "do": "fail", "name": "token" },
    ]);
    let run = api.run("capable", &json!({ "steps": steps })).await;
    assert_eq!(run["status"], "faulted", "{run:#}");
    assert_eq!(outcomes(&run), ["dropped", "dropped", "dropped", "done", "done"]);
    assert_eq!(api.get("sources/scores/records/anna").await.expect(200)["fields"]["n"], 1);
    assert_eq!(api.get("events?type=order.lost").await.expect(200)["items"], json!([]));
    assert_eq!(act(&api, json!([{ "do": "get", "key": "n" }])).await["output"][0], json!({ "ok": null }));
}

#[tokio::test]
async fn with_a_version_goes_what_is_granted_and_with_the_last_one_what_the_plugin_kept() {
    let (api, _) = space("caps-deleted").await;
    grant(&api, "capable", &narrow()).await;
    act(&api, json!([{ "do": "set", "key": "n", "value": 1 }])).await;
    assert_eq!(api.delete("plugins/capable/versions/1.0.0").await.problem(409), "in-use");
    assert_eq!(api.get(GRANTS).await.expect(200)["state"], true, "a refused deletion takes nothing back");
    let (staged, its_grants) = ("plugins/capable/versions/2.0.0", "plugins/capable/versions/2.0.0/grants");
    api.put_plugin("capable", "2.0.0", components::CAPABLE).await.expect(201);
    api.put(its_grants, &json!({ "like": "1.0.0" })).await.expect(200);
    api.delete(staged).await.expect(204);
    assert_eq!(api.get(its_grants).await.problem(404), "plugin-version-not-found");
    api.put_plugin("capable", "2.0.0", components::CAPABLE).await.expect(201);
    assert_eq!(api.get(its_grants).await.expect(200)["state"], false, "what was granted went with it");
    let get = json!([{ "do": "get", "key": "n" }]);
    assert_eq!(act(&api, get.clone()).await["output"][0], json!({ "ok": 1 }), "another version was there all the time");
    api.delete("workflows/capable").await.expect(204);
    api.delete("plugins/capable").await.expect(204);
    install(&api, "capable", components::CAPABLE).await;
    grant(&api, "capable", &json!({ "state": true })).await;
    assert_eq!(act(&api, get).await["output"][0], json!({ "ok": null }));
    let request = api.request(Method::GET, "plugins/capable/versions/1.0.0");
    assert_eq!(api.send(request).await.expect(200)["granted"]["state"], true);
}
