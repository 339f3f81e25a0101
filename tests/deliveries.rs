//! Deliveries: signed, retried, held, in order, looked at, sent again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::support::api::Api;
use super::support::receiver::{Received, Receiver};
use super::support::{eventually, server};

async fn api(space: &str) -> Api {
    let api = server::shared().await.space(space).await;
    api.put("event-types/order.paid", &json!({})).await.expect(201);
    api
}

/// An endpoint that takes orders, with a retry list in whole seconds.
fn endpoint(url: &str, policy: &Value) -> Value {
    json!({ "url": url, "event_types": ["order.*"], "policy": policy })
}

async fn publish(api: &Api, data: &Value) -> String {
    let receipt = api.post("events", &json!({ "type": "order.paid", "data": data })).await.expect(202);
    receipt["id"].as_str().expect("an id").to_owned()
}

async fn received(receiver: &Receiver, count: usize) -> Vec<Received> {
    let what = format!("{count} requests");
    eventually(&what, || async {
        let received = receiver.received();
        (received.len() >= count).then_some(received)
    })
    .await
}

/// The only delivery of the space, once it stands so.
async fn delivery(api: &Api, status: &str) -> Value {
    eventually(&format!("a delivery that is {status}"), || async {
        let listed = api.get(&format!("deliveries?status={status}")).await.expect(200);
        let id = listed["items"][0]["id"].as_str()?.to_owned();
        Some(api.get(&format!("deliveries/{id}")).await.expect(200))
    })
    .await
}

async fn endpoint_status(api: &Api, id: &str, state: &str) {
    eventually(&format!("endpoint {id} is {state}"), || async {
        let endpoint = api.get(&format!("endpoints/{id}")).await.expect(200);
        (endpoint["status"]["state"] == state).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_event_arrives_signed_and_the_attempt_is_kept() {
    let api = api("deliver-one").await;
    let receiver = Receiver::answering(200, "text/plain", "thanks").await;
    let saved = api.put("endpoints/shop", &endpoint(&receiver.url, &json!({}))).await.expect(201);
    let secret = saved["secret"].as_str().expect("shown once").to_owned();
    let event = publish(&api, &json!({ "n": 1 })).await;
    let request = received(&receiver, 1).await.remove(0);
    assert_eq!(request.header("webhook-id"), event);
    let webhook = standardwebhooks::Webhook::new(&secret).expect("a secret");
    webhook.verify(request.body.as_bytes(), &request.headers).expect("the signature is right");
    let body: Value = serde_json::from_str(&request.body).expect("JSON");
    assert_eq!((&body["type"], &body["data"]), (&json!("order.paid"), &json!({ "n": 1 })));

    let delivery = delivery(&api, "delivered").await;
    assert_eq!((&delivery["attempts"], &delivery["last_status"]), (&json!(1), &json!(200)));
    let attempt = &delivery["history"][0];
    assert_eq!(attempt["request"]["body"], request.body.as_str(), "the exact request is shown");
    assert_eq!(attempt["response"]["body"], "thanks");
    let timing = &attempt["timing"];
    assert!(timing["connect_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{timing}");
    assert!(timing["first_byte_ms"].as_f64() >= timing["connect_ms"].as_f64(), "{timing}");
}

#[tokio::test]
async fn a_failure_is_retried_with_the_same_id_until_it_works() {
    let api = api("deliver-retry").await;
    let script = |number, _: &Received| {
        if number < 2 { (503, "text/plain", "no".into()) } else { (204, "text/plain", String::new()) }
    };
    let receiver = Receiver::start(script).await;
    api.put("endpoints/shop", &endpoint(&receiver.url, &json!({ "retry_delays_s": [0, 0, 0] }))).await.expect(201);
    let event = publish(&api, &json!({})).await;
    for request in received(&receiver, 3).await {
        assert_eq!(request.header("webhook-id"), event);
    }
    let delivery = delivery(&api, "delivered").await;
    assert_eq!(delivery["attempts"], 3);
    let statuses: Vec<_> =
        delivery["history"].as_array().expect("a list").iter().map(|a| a["response"]["status"].clone()).collect();
    assert_eq!(statuses, [503, 503, 204]);
}

#[tokio::test]
async fn what_fails_for_good_is_told_and_can_be_sent_again() {
    let api = api("deliver-fail").await;
    let script = |number, _: &Received| {
        if number < 2 { (500, "text/plain", "broken".into()) } else { (200, "text/plain", String::new()) }
    };
    let receiver = Receiver::start(script).await;
    let alarm = Receiver::answering(200, "text/plain", "").await;
    api.put("endpoints/shop", &endpoint(&receiver.url, &json!({ "retry_delays_s": [0, 0] }))).await.expect(201);
    let watch = json!({ "url": alarm.url, "event_types": ["delivery.failed"] });
    api.put("endpoints/alarm", &watch).await.expect(201);
    publish(&api, &json!({ "n": 7 })).await;
    let failed = delivery(&api, "failed").await;
    assert_eq!((&failed["attempts"], &failed["last_status"]), (&json!(2), &json!(500)));
    let told: Value = serde_json::from_str(&received(&alarm, 1).await[0].body).expect("JSON");
    assert_eq!((&told["type"], &told["data"]["delivery"]), (&json!("delivery.failed"), &failed["id"]));
    assert_eq!(api.get("deliveries?status_class=5xx").await.expect(200)["items"].as_array().map(Vec::len), Some(1));

    let path = format!("deliveries/{}/retry", failed["id"].as_str().expect("an id"));
    assert_eq!(api.post(&path, &json!({})).await.expect(202)["status"], "pending");
    eventually("it is delivered", || async {
        let now = api.get(&format!("deliveries/{}", failed["id"].as_str()?)).await.expect(200);
        (now["status"] == "delivered" && now["attempts"] == 3).then_some(())
    })
    .await;
}

#[tokio::test]
async fn ten_failures_in_a_row_pause_the_endpoint_and_resuming_brings_all_in_order() {
    let api = api("deliver-pause").await;
    let script = |number, _: &Received| {
        if number < 10 { (500, "text/plain", "no".into()) } else { (200, "text/plain", String::new()) }
    };
    let receiver = Receiver::start(script).await;
    let alarm = Receiver::answering(200, "text/plain", "").await;
    let policy = json!({ "retry_delays_s": [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "concurrency": 1 });
    api.put("endpoints/shop", &endpoint(&receiver.url, &policy)).await.expect(201);
    api.put("endpoints/alarm", &json!({ "url": alarm.url, "event_types": ["endpoint.*"] })).await.expect(201);
    publish(&api, &json!({ "n": 0 })).await;
    endpoint_status(&api, "shop", "paused").await;
    assert_eq!(receiver.received().len(), 10, "paused after the tenth failure");
    let told: Value = serde_json::from_str(&received(&alarm, 1).await[0].body).expect("JSON");
    assert_eq!((&told["type"], &told["data"]["consecutive_failures"]), (&json!("endpoint.paused"), &json!(10)));
    for n in 1..5 {
        publish(&api, &json!({ "n": n })).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(receiver.received().len(), 10, "what is due is held");
    api.post("endpoints/shop/resume", &json!({})).await.expect(200);
    let all = received(&receiver, 15).await;
    let numbers: Vec<Value> =
        all[10..].iter().map(|r| serde_json::from_str::<Value>(&r.body).expect("JSON")["data"]["n"].clone()).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4], "in the order of age");
    let recovered: Value = serde_json::from_str(&received(&alarm, 2).await[1].body).expect("JSON");
    assert_eq!(recovered["type"], "endpoint.recovered");
}

#[tokio::test]
async fn failures_at_the_same_time_are_counted_each() {
    let api = api("deliver-pause-at-once").await;
    let receiver = Receiver::answering(500, "text/plain", "no").await;
    let policy = json!({ "retry_delays_s": [0, 3600], "concurrency": 10 });
    api.put("endpoints/shop", &endpoint(&receiver.url, &policy)).await.expect(201);
    let batch: Vec<Value> = (0..10).map(|n| json!({ "type": "order.paid", "data": { "n": n } })).collect();
    api.post("events", &json!(batch)).await.expect(202);
    endpoint_status(&api, "shop", "paused").await;
    assert_eq!(receiver.received().len(), 10);
}

#[tokio::test]
async fn a_resumed_endpoint_counts_its_failures_anew() {
    let api = api("deliver-resume").await;
    let script = |number, _: &Received| {
        if number < 13 { (500, "text/plain", "no".into()) } else { (200, "text/plain", String::new()) }
    };
    let receiver = Receiver::start(script).await;
    let policy = json!({ "retry_delays_s": vec![0; 15], "concurrency": 1 });
    api.put("endpoints/shop", &endpoint(&receiver.url, &policy)).await.expect(201);
    publish(&api, &json!({})).await;
    endpoint_status(&api, "shop", "paused").await;
    api.post("endpoints/shop/resume", &json!({})).await.expect(200);
    assert_eq!(delivery(&api, "delivered").await["attempts"], 14);
}

#[tokio::test]
async fn gone_disables_and_errors_are_told_apart() {
    let api = api("deliver-errors").await;
    let gone = Receiver::answering(410, "text/plain", "gone").await;
    let once = json!({ "retry_delays_s": [0] });
    api.put("endpoints/gone", &endpoint(&gone.url, &once)).await.expect(201);
    api.put("endpoints/closed", &endpoint("http://127.0.0.1:1/", &once)).await.expect(201);
    api.put("endpoints/nowhere", &endpoint("http://does-not-exist.invalid/", &once)).await.expect(201);
    let plain = Receiver::answering(200, "text/plain", "").await;
    api.put("endpoints/tls", &endpoint(&plain.url.replace("http:", "https:"), &once)).await.expect(201);
    let elsewhere = Receiver::answering(302, "text/plain", "").await;
    api.put("endpoints/redirect", &endpoint(&elsewhere.url, &once)).await.expect(201);
    publish(&api, &json!({})).await;
    endpoint_status(&api, "gone", "disabled").await;
    for (id, class) in [("closed", "connect"), ("nowhere", "dns"), ("tls", "tls")] {
        let failed = eventually(id, || async {
            let listed = api.get(&format!("deliveries?endpoint={id}&status=failed")).await.expect(200);
            listed["items"].get(0).cloned()
        })
        .await;
        assert_eq!(failed["last_error"], class, "{id}: {failed:#}");
    }
    let failed = delivery_of(&api, "redirect", "failed").await;
    assert_eq!(failed["last_status"], 302, "a redirect is a failure and is not followed");
}

async fn delivery_of(api: &Api, endpoint: &str, status: &str) -> Value {
    eventually(&format!("a delivery to {endpoint} that is {status}"), || async {
        let listed = api.get(&format!("deliveries?endpoint={endpoint}&status={status}")).await.expect(200);
        listed["items"].get(0).cloned()
    })
    .await
}

#[tokio::test]
async fn a_slow_endpoint_delays_nobody_else() {
    let api = api("deliver-slow").await;
    let slow = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", slow.local_addr().expect("an address"));
    api.put("endpoints/slow", &endpoint(&url, &json!({ "timeout_s": 60 }))).await.expect(201);
    let quick = Receiver::answering(200, "text/plain", "").await;
    api.put("endpoints/quick", &endpoint(&quick.url, &json!({}))).await.expect(201);
    for n in 0..50 {
        publish(&api, &json!({ "n": n })).await;
    }
    // The slow one accepts connections and says nothing; all of the quick one's arrive all the same.
    received(&quick, 50).await;
    let pending = api.get("deliveries?endpoint=slow&status=pending&limit=200").await.expect(200);
    assert_eq!(pending["items"].as_array().map(Vec::len), Some(50));
    drop(slow);
}

#[tokio::test]
async fn a_rate_is_enforced() {
    let api = api("deliver-rate").await;
    let receiver = Receiver::answering(200, "text/plain", "").await;
    api.put("endpoints/paced", &endpoint(&receiver.url, &json!({ "rate_per_s": 20 }))).await.expect(201);
    let start = Instant::now();
    let batch: Vec<Value> = (0..11).map(|n| json!({ "type": "order.paid", "data": { "n": n } })).collect();
    api.post("events", &json!(batch)).await.expect(202);
    received(&receiver, 11).await;
    assert!(start.elapsed() >= Duration::from_millis(480), "11 at 20 a second took {:?}", start.elapsed());
}

#[tokio::test]
async fn concurrency_is_used_and_enforced() {
    let api = api("deliver-concurrency").await;
    let (now, most, all) =
        (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counts = (Arc::clone(&now), Arc::clone(&most), Arc::clone(&all));
    let app = axum::Router::new().fallback(move || {
        let (now, most, all) = counts.clone();
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(30)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            all.fetch_add(1, Ordering::SeqCst);
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    api.put("endpoints/three", &endpoint(&url, &json!({ "concurrency": 3 }))).await.expect(201);
    let batch: Vec<Value> = (0..15).map(|n| json!({ "type": "order.paid", "data": { "n": n } })).collect();
    api.post("events", &json!(batch)).await.expect(202);
    eventually("all arrived", || async { (all.load(Ordering::SeqCst) == 15).then_some(()) }).await;
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn events_of_one_key_arrive_one_after_the_other() {
    let api = api("deliver-ordered").await;
    let script = |number, _: &Received| {
        if number < 2 { (500, "text/plain", String::new()) } else { (200, "text/plain", String::new()) }
    };
    let receiver = Receiver::start(script).await;
    let policy = json!({ "retry_delays_s": [0, 0, 0, 0], "ordered": { "on_stuck": "block" }, "concurrency": 8 });
    api.put("endpoints/shop", &endpoint(&receiver.url, &policy)).await.expect(201);
    let batch: Vec<Value> =
        (0..6).map(|n| json!({ "type": "order.paid", "key": "customer-1", "data": { "n": n } })).collect();
    api.post("events", &json!(batch)).await.expect(202);
    let all = received(&receiver, 8).await;
    let numbers: Vec<Value> =
        all.iter().map(|r| serde_json::from_str::<Value>(&r.body).expect("JSON")["data"]["n"].clone()).collect();
    assert_eq!(numbers, [0, 0, 0, 1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn failed_ones_and_a_time_range_are_sent_again_by_jobs() {
    let api = api("deliver-jobs").await;
    let broken = Receiver::answering(500, "text/plain", "").await;
    let policy = json!({ "retry_delays_s": [0], "pause_after": 0 });
    api.put("endpoints/shop", &endpoint(&broken.url, &policy)).await.expect(201);
    for n in 0..5 {
        publish(&api, &json!({ "n": n })).await;
    }
    eventually("all have failed", || async {
        let failed = api.get("deliveries?status=failed").await.expect(200);
        (failed["items"].as_array().map(Vec::len) == Some(5)).then_some(())
    })
    .await;
    let works = Receiver::answering(200, "text/plain", "").await;
    api.put("endpoints/shop", &endpoint(&works.url, &policy)).await.expect(200);
    let job = api.post("endpoints/shop/retry-failed", &json!({})).await.expect(202);
    assert_eq!(received(&works, 5).await.len(), 5);
    assert_eq!(ended(&api, &job).await["sent"], 5);

    let late = Receiver::answering(200, "text/plain", "").await;
    api.put("endpoints/late", &endpoint(&late.url, &policy)).await.expect(201);
    let replay = json!({ "since": "2020-01-01T00:00:00Z", "type": "order.paid" });
    let job = api.post("endpoints/late/replay", &replay).await.expect(202);
    let replayed = received(&late, 5).await;
    let numbers: Vec<Value> =
        replayed.iter().map(|r| serde_json::from_str::<Value>(&r.body).expect("JSON")["data"]["n"].clone()).collect();
    let mut sorted = numbers.clone();
    sorted.sort_by_key(|n| n.as_u64());
    assert_eq!(sorted, [0, 1, 2, 3, 4]);
    let job = ended(&api, &job).await;
    assert_eq!((&job["looked_at"], &job["sent"]), (&json!(5), &json!(5)));
    assert_eq!(
        api.post("endpoints/late/replay", &json!({ "since": "2020-01-01T00:00:00Z", "until": "2019-01-01T00:00:00Z" }))
            .await
            .problem(422),
        "invalid"
    );
}

async fn ended(api: &Api, job: &Value) -> Value {
    let path = format!("jobs/{}", job["id"].as_str().expect("an id"));
    eventually("the job ends", || async {
        let job = api.get(&path).await.expect(200);
        (job["status"] == "completed").then_some(job)
    })
    .await
}

#[tokio::test]
async fn a_test_event_goes_to_one_endpoint_and_a_deleted_one_gets_nothing() {
    let api = api("deliver-test").await;
    let receiver = Receiver::answering(200, "text/plain", "").await;
    let definition = json!({ "url": receiver.url, "event_types": ["lead.create"] });
    api.put("endpoints/crm", &definition).await.expect(201);
    api.post("endpoints/crm/test", &json!({})).await.expect(202);
    let body: Value = serde_json::from_str(&received(&receiver, 1).await[0].body).expect("JSON");
    assert_eq!(body["type"], "lead.create");
    api.post("endpoints/crm/pause", &json!({})).await.expect(200);
    api.post("endpoints/crm/test", &json!({ "type": "lead.create", "data": { "a": 1 } })).await.expect(202);
    api.delete("endpoints/crm").await.expect(204);
    delivery(&api, "cancelled").await;
    assert_eq!(receiver.received().len(), 1);
}
