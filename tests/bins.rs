//! Request bins (CL4): a URL that records what it receives, shows it, and answers as it is told.

use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use super::support::api::{Api, client};
use super::support::{eventually, server};

async fn prepared(space: &str, bin: &Value) -> (Api, Value) {
    let api = server::shared().await.space(space).await;
    let made = api.put("bins/b", bin).await.expect(201);
    (api, made)
}

/// A request to what is `below` the URL of a bin.
fn call(bin: &Value, method: &str, below: &str) -> RequestBuilder {
    let url = bin["url"].as_str().expect("a bin has a URL");
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    client().request(method, format!("{url}{below}"))
}

async fn sent(request: RequestBuilder) -> Response {
    request.send().await.expect("the bin answers")
}

async fn status(request: RequestBuilder) -> u16 {
    sent(request).await.status().as_u16()
}

async fn requests(api: &Api) -> Vec<Value> {
    api.get("bins/b/requests").await.expect(200)["items"].as_array().expect("a list").clone()
}

fn header<'a>(request: &'a Value, name: &str) -> Option<&'a str> {
    let headers = request["headers"].as_array().expect("a list");
    headers.iter().find(|field| field["name"] == name).and_then(|field| field["value"].as_str())
}

#[tokio::test]
async fn whatever_is_sent_is_recorded_and_shown_as_it_came() {
    let (api, bin) = prepared("bin-record", &json!({ "description": "what the CRM sends" })).await;
    let hook = call(&bin, "POST", "/orders/7%20a?b=1&b=%2F&c").header("X-Api-Key", "hush-hush").body("gr\u{fc}n");
    assert_eq!(status(hook.header("content-type", "text/x-note")).await, 200);
    let all = requests(&api).await;
    assert_eq!(all.len(), 1);
    let token = bin["url"].as_str().and_then(|url| url.rsplit('/').next()).expect("a token");
    assert_eq!((token.len(), &all[0]["method"], &all[0]["number"]), (32, &json!("POST"), &json!(1)));
    assert_eq!(all[0]["path"], format!("/bin/{token}/orders/7%20a"));
    assert_eq!((&all[0]["query"], &all[0]["body"]), (&json!("b=1&b=%2F&c"), &json!("gr\u{fc}n")));
    assert_eq!((&all[0]["remote"], &all[0]["status"]), (&json!("127.0.0.1"), &json!(200)));
    assert_eq!(
        (header(&all[0], "x-api-key"), header(&all[0], "content-type")),
        (Some("hush-hush"), Some("text/x-note"))
    );
    let (body, time) = (json!([5, false, false]), all[0]["time"].as_str().expect("a time"));
    assert_eq!(json!([all[0]["body_bytes"], all[0]["body_base64"], all[0]["body_cut"]]), body);
    assert!(time.parse::<jiff::Timestamp>().is_ok(), "{time}");

    for (number, method) in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"].iter().enumerate() {
        assert_eq!(status(call(&bin, method, ["", "/"][number % 2])).await, 200, "{method}");
    }
    let methods: Vec<_> = requests(&api).await.iter().map(|request| request["method"].clone()).collect();
    assert_eq!(json!(methods), json!(["PROPFIND", "OPTIONS", "DELETE", "PATCH", "PUT", "HEAD", "GET", "POST"]));
    assert_eq!(status(call(&bin, "GET", "/%ff/..%2f")).await, 200, "a path that is no text is a path");
    assert!(requests(&api).await[0]["path"].as_str().is_some_and(|path| path.ends_with("/%ff/..%2f")));
}

#[tokio::test]
async fn a_body_that_is_no_text_is_base64_and_a_long_one_is_whole_where_it_is_shown_alone() {
    let (api, bin) = prepared("bin-bodies", &json!({})).await;
    assert_eq!(status(call(&bin, "POST", "").body(vec![0xff, 0, 0xfe])).await, 200);
    let long = "\u{fc}".repeat(100_000);
    assert_eq!(status(call(&bin, "POST", "").body(long.clone())).await, 200);
    let all = requests(&api).await;
    assert_eq!((&all[1]["body"], &all[1]["body_base64"]), (&json!("/wD+"), &json!(true)));
    assert_eq!((&all[0]["body_cut"], &all[0]["body_bytes"]), (&json!(true), &json!(200_000)));
    assert_eq!(all[0]["body"], "\u{fc}".repeat(8_192));
    let path = |id: &Value| format!("bins/b/requests/{}", id.as_str().expect("an id"));
    let whole = api.get(&path(&all[0]["id"])).await.expect(200);
    assert_eq!((&whole["body"], &whole["body_cut"]), (&json!(long), &json!(false)));
    assert_eq!(api.get(&path(&json!("01890a5d-ac96-774b-bcce-b302099a8057"))).await.problem(404), "request-not-found");

    assert_eq!(api.send(call(&bin, "POST", "").body(vec![b'x'; 2 << 20])).await.problem(413), "body-too-large");
    assert_eq!(requests(&api).await.len(), 2);
}

#[tokio::test]
async fn the_answer_is_what_the_bin_says() {
    let headers = json!([{ "name": "Content-Type", "value": "application/xml" }, { "name": "Set-Cookie", "value": "a=1" },
        { "name": "Set-Cookie", "value": "b=2" }]);
    let reply = json!({ "status": 202, "headers": headers, "body": "<ok/>" });
    let (api, bin) = prepared("bin-reply", &json!({ "reply": reply })).await;
    let answer = sent(call(&bin, "POST", "")).await;
    assert_eq!(answer.status(), 202);
    assert_eq!(answer.headers()["content-type"], "application/xml");
    assert_eq!(answer.headers().get_all("set-cookie").iter().collect::<Vec<_>>(), ["a=1", "b=2"]);
    assert_eq!(answer.text().await.expect("a body"), "<ok/>");

    let slow = json!({ "reply": { "status": 503, "headers": { "Retry-After": "2" }, "delay_ms": 300 } });
    let changed = api.put("bins/b", &slow).await.expect(200);
    assert_eq!((&changed["url"], &changed["created_at"]), (&bin["url"], &bin["created_at"]));
    let started = Instant::now();
    let answer = sent(call(&bin, "GET", "")).await;
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (503, &"2".parse().expect("a value")));
    assert!(started.elapsed() >= Duration::from_millis(300), "{:?}", started.elapsed());
    assert_eq!(requests(&api).await[0]["status"], 503);
}

#[tokio::test]
async fn the_first_requests_fail_as_often_as_is_said_since_the_bin_was_saved_or_cleared() {
    let failing = json!({ "fail_first": { "times": 2, "status": 502 }, "reply": { "status": 204 } });
    let (api, bin) = prepared("bin-fail", &failing).await;
    let expected = [502, 502, 204, 204];
    for begin in ["saved", "cleared", "saved again"] {
        match begin {
            "cleared" => drop(api.delete("bins/b/requests").await.expect(204)),
            "saved again" => drop(api.put("bins/b", &failing).await.expect(200)),
            _ => {}
        }
        let mut statuses = Vec::new();
        for _ in expected {
            statuses.push(status(call(&bin, "POST", "")).await);
        }
        assert_eq!(statuses, expected, "{begin}");
    }
    let shown: Vec<_> = requests(&api).await.iter().map(|request| request["status"].clone()).collect();
    assert_eq!(json!(shown), json!([204, 204, 502, 502, 204, 204, 502, 502]));
    let together = (0..20).map(|_| status(call(&bin, "POST", "")));
    api.put("bins/b", &failing).await.expect(200);
    let failed = futures_util::future::join_all(together).await.into_iter().filter(|status| *status == 502).count();
    assert_eq!(failed, 2, "at once as well");
}

#[tokio::test]
async fn requests_are_listed_in_pages_cleared_and_gone_with_their_bin() {
    let (api, bin) = prepared("bin-pages", &json!({})).await;
    for number in 1..=7 {
        assert_eq!(status(call(&bin, "POST", "").body(number.to_string())).await, 200);
    }
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("bins/b/requests?limit=3&cursor={cursor}")).await.expect(200);
        let items = page["items"].as_array().expect("a list");
        found.extend(items.iter().map(|item| (item["number"].clone(), item["body"].clone())));
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert_eq!(found, (1..=7).rev().map(|number| (json!(number), json!(number.to_string()))).collect::<Vec<_>>());
    assert_eq!(api.get("bins/b/requests?cursor=garbage").await.problem(400), "bad-cursor");
    let first = requests(&api).await[0]["id"].as_str().expect("an id").to_owned();

    api.delete("bins/b/requests").await.expect(204);
    assert_eq!(requests(&api).await, Vec::<Value>::new());
    assert_eq!(api.get(&format!("bins/b/requests/{first}")).await.problem(404), "request-not-found");
    assert_eq!(status(call(&bin, "POST", "")).await, 200);
    assert_eq!(requests(&api).await[0]["number"], 8, "no number is given twice");

    api.delete("bins/b").await.expect(204);
    assert_eq!(api.send(call(&bin, "POST", "")).await.problem(404), "bin-not-found");
    assert_eq!(api.get("bins/b/requests").await.problem(404), "bin-not-found");
    let anew = api.put("bins/b", &json!({})).await.expect(201);
    assert_ne!(anew["url"], bin["url"]);
    assert_eq!(requests(&api).await, Vec::<Value>::new());
    assert_eq!(api.send(call(&bin, "POST", "")).await.problem(404), "bin-not-found", "the former URL stays dead");
}

#[tokio::test]
async fn the_live_tail_shows_requests_as_they_come_and_no_others() {
    let (api, bin) = prepared("bin-live", &json!({})).await;
    let other = api.put("bins/other", &json!({})).await.expect(201);
    let mut tail = sent(api.request(Method::GET, "bins/b/live")).await;
    assert_eq!(tail.headers()["content-type"], "text/event-stream");
    assert_eq!(status(call(&other, "POST", "").body("not here")).await, 200);
    for body in ["one", "two"] {
        assert_eq!(status(call(&bin, "PUT", "").body(body)).await, 200);
    }
    let mut text = String::new();
    while text.matches("event: captured\n").count() < 2 || !text.ends_with("\n\n") {
        let chunk = tail.chunk().await.expect("a stream").expect("it goes on");
        text.push_str(std::str::from_utf8(&chunk).expect("text"));
    }
    let data: Vec<Value> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).expect("JSON"))
        .collect();
    let shown: Vec<_> = data.iter().map(|request| (&request["number"], &request["body"])).collect();
    assert_eq!(shown, [(&json!(1), &json!("one")), (&json!(2), &json!("two"))]);
    assert_eq!(data[1], requests(&api).await[0], "it is what the listing shows");
}

#[tokio::test]
async fn a_bin_is_listed_saved_on_condition_and_refused_with_all_that_is_wrong() {
    let (api, bin) = prepared("bin-definitions", &json!({ "description": "d" })).await;
    let shown = api.get("bins/b").await;
    assert_eq!((shown.headers["etag"].to_str().ok(), &shown.body), (Some("\"1\""), &bin));
    assert_eq!(bin["reply"], json!({ "status": 200, "headers": [], "body": "", "delay_ms": 0 }));
    assert_eq!(api.get("bins").await.expect(200)["items"], json!([bin]));
    let save = |tag: &'static str| {
        let request = api.request(Method::PUT, "bins/b").header("if-match", tag);
        api.send(request.header("content-type", "application/json").body("{\"description\": \"e\"}"))
    };
    assert_eq!(save("\"1\"").await.expect(200)["description"], "e");
    assert_eq!(save("\"1\"").await.problem(412), "precondition-failed");
    let wrong = json!({ "reply": { "status": 99, "headers": { "Connection": "close" } }, "fail_first": { "times": 1, "status": 1000 } });
    let problem = api.put("bins/b", &wrong).await.expect(422);
    let fields: Vec<_> = problem["errors"].as_array().expect("a list").iter().map(|one| one["field"].clone()).collect();
    assert_eq!(json!(fields), json!(["reply.status", "fail_first.status", "reply.headers.Connection"]));
    assert_eq!(api.get("bins/none").await.problem(404), "bin-not-found");
    assert_eq!(
        api.send(client().get(format!("{}/bin/{}", api.base(), "0".repeat(32)))).await.problem(404),
        "bin-not-found"
    );
}

#[tokio::test]
async fn what_a_bin_recorded_is_there_after_a_crash() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut server = server::Server::open(folder.path(), &[]).await;
    let api = server.api("bin-crash");
    api.put_space().await;
    let bin = api.put("bins/b", &json!({ "fail_first": { "times": 3 } })).await.expect(201);
    let together = (0..2).map(|number| status(call(&bin, "POST", "").body(number.to_string())));
    assert_eq!(futures_util::future::join_all(together).await, [500, 500]);
    server.kill().await;

    let server = server::Server::open(folder.path(), &[]).await;
    let api = server.api("bin-crash");
    assert_eq!(requests(&api).await.len(), 2);
    let path = bin["url"].as_str().and_then(|url| url.find("/bin/").map(|at| &url[at..])).expect("a path");
    let again = || status(client().post(format!("{}{path}", server.url)));
    assert_eq!([again().await, again().await], [500, 200], "it goes on counting");
}

#[tokio::test]
async fn what_is_too_old_goes_and_takes_no_room() {
    let server = server::Server::start_with(&["--retain-bins-s", "1"]).await;
    let api = server.api("bin-old");
    api.put_space().await;
    let bin = api.put("bins/b", &json!({})).await.expect(201);
    for number in 0..3 {
        assert_eq!(status(call(&bin, "POST", "").body(number.to_string())).await, 200);
    }
    eventually("all are gone", || async { requests(&api).await.is_empty().then_some(()) }).await;
    // They are counted just after they have gone.
    eventually("they are counted as pruned, and take no room", || async {
        let metrics = api.get("/metrics").await.expect(200);
        let has = |line: &str| metrics.as_str().is_some_and(|text| text.lines().any(|found| found == line));
        let is_counted = has("tenterhook_pruned_total{kind=\"captures\"} 3");
        (is_counted && has("tenterhook_aging_bytes{kind=\"captures\"} 0")).then_some(())
    })
    .await;
    assert_eq!(status(call(&bin, "POST", "")).await, 200, "the bin stays");
}
