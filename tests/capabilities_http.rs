//! `wasi:http` of actions: only to hosts that are granted by name, with method, scheme and port; never by an address,
//! by a redirect, or to where the server itself may not go.

use serde_json::{Value, json};

use super::support::acting::{deeds, grant, install, outcomes};
use super::support::api::Api;
use super::support::components;
use super::support::receiver::Receiver;
use super::support::server::{self, Server};

const SECRET: &str = "s3cret/of the host";

async fn space(name: &str) -> Api {
    let api = server::shared().await.space(name).await;
    install(&api, "fetcher", components::FETCHER).await;
    api.put("secrets/token", &json!({ "value": SECRET })).await.expect(201);
    api
}

fn port(receiver: &Receiver) -> u16 {
    receiver.url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port")
}

/// The run of a list of requests, which must be completed.
async fn fetch(api: &Api, requests: Value) -> Value {
    let run = api.run("fetcher", &json!({ "requests": requests })).await;
    assert_eq!(run["status"], "completed", "{run:#}");
    run
}

async fn allow(api: &Api, receiver: &Receiver, methods: &[&str]) {
    let host = json!({ "host": "localhost", "methods": methods, "scheme": "http", "port": port(receiver) });
    grant(api, "fetcher", &json!({ "http": [host], "secrets": ["token"] })).await;
}

#[tokio::test]
async fn a_granted_host_is_reached_and_history_has_the_exchange() {
    let api = space("caps-http").await;
    let receiver = Receiver::start(|_, request| {
        (201, "application/json", format!("{{\"echo\": \"{}\"}}", request.header("x-secret")))
    })
    .await;
    allow(&api, &receiver, &["POST"]).await;
    let authority = format!("localhost:{}", port(&receiver));
    let request = json!({ "method": "POST", "authority": authority, "path": "/a?b=c", "secret": "token",
        "headers": { "content-type": "text/plain" }, "body": "hello" });
    let run = fetch(&api, json!([request])).await;
    assert_eq!(run["output"][0]["status"], 201, "{run:#}");
    assert_eq!(run["output"][0]["body"], "{\"echo\": \"***\"}", "what it answers is masked");
    let sent = receiver.received();
    assert_eq!((sent[0].uri.to_string(), sent[0].body.as_str()), ("/a?b=c".to_owned(), "hello"));
    assert_eq!((sent[0].header("x-secret"), sent[0].header("content-type")), (SECRET, "text/plain"));
    assert_eq!(sent[0].header("host"), authority);
    let deed = &deeds(&run)[1];
    assert_eq!(
        (&deed["capability"], &deed["call"], &deed["outcome"]),
        (&json!("http"), &json!("request"), &json!("done"))
    );
    assert_eq!(deed["target"], format!("POST http://{authority}/a?b=c"));
    assert_eq!(deed["exchange"]["request"]["body"], "hello");
    assert_eq!(deed["exchange"]["response"]["body"], "{\"echo\": \"***\"}");
    assert!(!run.to_string().contains("s3cret"), "{run:#}");
    let logged = run["tasks"][0]["logs"][0]["message"].as_str().expect("a line");
    assert_eq!(logged, format!("POST {authority}/a?b=c: 201"));
}

#[tokio::test]
async fn what_is_not_granted_is_not_sent() {
    let api = space("caps-http-denied").await;
    let receiver = Receiver::answering(200, "text/plain", "hi").await;
    let port = port(&receiver);
    let authority = format!("localhost:{port}");
    let run = fetch(&api, json!([{ "authority": authority }])).await;
    assert_eq!(run["output"][0]["error"], "ErrorCode::HttpRequestDenied", "nothing is granted at first");
    let text = format!(
        "GET to http://{authority} is not granted to fetcher@1.0.0: an admin could grant {{\"http\":[{{\"host\":\"localhost\",\"methods\":[\"GET\"],\"scheme\":\"http\",\"port\":{port}}}]}}"
    );
    assert_eq!(deeds(&run)[0]["detail"], text, "{run:#}");

    allow(&api, &receiver, &["GET"]).await;
    let requests = json!([
        { "authority": authority },
        { "authority": format!("LOCALHOST:{port}") },
        { "authority": authority, "method": "POST" },
        { "authority": authority, "scheme": "https" },
        { "authority": "localhost" },
        { "authority": format!("other.localhost:{port}") },
        { "authority": format!("localhost.example:{port}") },
        { "authority": format!("xlocalhost:{port}") },
    ]);
    let run = fetch(&api, requests).await;
    assert_eq!(outcomes(&run), ["done", "done", "denied", "denied", "denied", "denied", "denied", "denied"], "{run:#}");
    assert_eq!(receiver.received().len(), 2);
}

#[tokio::test]
async fn an_address_is_never_granted_in_any_notation() {
    let api = space("caps-http-address").await;
    let receiver = Receiver::answering(200, "text/plain", "hi").await;
    allow(&api, &receiver, &["GET"]).await;
    let port = port(&receiver);
    let hosts = [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "localhost@127.0.0.1",
    ];
    let requests: Vec<_> = hosts.iter().map(|host| json!({ "authority": format!("{host}:{port}") })).collect();
    let run = fetch(&api, json!(requests)).await;
    for (answer, host) in run["output"].as_array().expect("answers").iter().zip(hosts) {
        assert!(answer["error"].is_string(), "{host}: {answer}");
    }
    assert!(outcomes(&run).iter().all(|outcome| *outcome == "denied"), "{run:#}");
    assert!(receiver.received().is_empty());
    for host in hosts {
        let grants = json!({ "http": [{ "host": host.trim_matches(['[', ']']), "methods": ["GET"] }] });
        let answer = api.put("plugins/fetcher/versions/1.0.0/grants", &grants).await;
        assert_eq!(answer.faults(), ["http.0.host"], "{host}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_leads_nowhere_by_itself() {
    let api = space("caps-http-redirect").await;
    let inside = Receiver::answering(200, "text/plain", "the crown jewels").await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let open = listener.local_addr().expect("an address").port();
    let location = format!("http://localhost:{}/", port(&inside));
    let redirect =
        axum::Router::new().fallback(move || async move { (http::StatusCode::FOUND, [("location", location)], "") });
    tokio::spawn(async move { axum::serve(listener, redirect).await });
    let host = json!({ "host": "localhost", "methods": ["GET"], "scheme": "http", "port": open });
    grant(&api, "fetcher", &json!({ "http": [host] })).await;
    let run = fetch(&api, json!([{ "authority": format!("localhost:{open}") }])).await;
    let answer = &run["output"][0];
    assert_eq!((&answer["status"], &answer["body"]), (&json!(302), &json!("")), "{run:#}");
    let next = answer["headers"]["location"].as_str().and_then(|url| url.strip_prefix("http://")).expect("a URL");
    let run = fetch(&api, json!([{ "authority": next.trim_end_matches('/') }])).await;
    assert_eq!(run["output"][0]["error"], "ErrorCode::HttpRequestDenied", "to follow it takes a grant as well");
    assert!(inside.received().is_empty());
}

#[tokio::test]
async fn a_grant_opens_no_address_that_the_server_may_not_call() {
    let server = Server::start_guarded().await;
    let api = server.api("caps-guarded");
    api.put_space().await;
    install(&api, "fetcher", components::FETCHER).await;
    let receiver = Receiver::answering(200, "text/plain", "hi").await;
    let host = json!({ "host": "localhost", "methods": ["GET"], "scheme": "http", "port": port(&receiver) });
    grant(&api, "fetcher", &json!({ "http": [host] })).await;
    let run = fetch(&api, json!([{ "authority": format!("localhost:{}", port(&receiver)) }])).await;
    assert_eq!(run["output"][0]["error"], "ErrorCode::DestinationIpProhibited", "{run:#}");
    assert_eq!(outcomes(&run), ["failed"]);
    assert!(deeds(&run)[0]["detail"].as_str().is_some_and(|text| text.contains("is refused")), "{run:#}");
    assert!(receiver.received().is_empty());
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_refused_whole() {
    let api = space("caps-http-large").await;
    let receiver = Receiver::start(|_, _| (200, "text/plain", "x".repeat(1_100_000))).await;
    allow(&api, &receiver, &["GET"]).await;
    let run = fetch(&api, json!([{ "authority": format!("localhost:{}", port(&receiver)) }])).await;
    assert_eq!(run["output"][0]["error"], "ErrorCode::HttpResponseBodySize(None)", "{run:#}");
    assert_eq!(deeds(&run)[0]["exchange"]["response"]["body_cut"], true);
}
