//! Request bins through the router: what does not need a network.

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::Request;
use serde_json::json;

use super::Bench;

impl Bench {
    /// The path of the URL of a new bin.
    async fn bin(&self, definition: &str) -> String {
        let made = self.call("PUT", "bins/b", definition).await;
        let url = made.body["url"].as_str().expect("a bin has a URL");
        url.strip_prefix("https://hooks.example").expect("the public URL").to_owned()
    }
}

#[tokio::test]
async fn a_reply_that_is_held_back_holds_up_no_server_that_stops() {
    let bench = Bench::start().await;
    let path = bench.bin("{\"reply\": {\"status\": 202, \"delay_ms\": 30000}}").await;
    let mut held_back = std::pin::pin!(bench.call("POST", &path, "1"));
    loop {
        tokio::select! {
            answer = held_back.as_mut() => panic!("it came at once: {answer:?}"),
            listed = bench.call("GET", "bins/b/requests", "") => {
                if listed.body["items"][0]["status"] == 202 {
                    break;
                }
            }
        }
    }
    bench.tasks.stop();
    assert_eq!(held_back.await.status, 202);
}

#[tokio::test]
async fn a_body_for_no_bin_is_not_read() {
    let bench = Bench::start().await;
    let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[0; 1_000])));
    let call = Request::builder().method("POST").uri("/bin/0123").body(Body::from_stream(endless));
    assert_eq!(bench.send(call.expect("a request")).await.problem(), (404, "bin-not-found"));
}

#[tokio::test]
async fn a_bin_of_one_space_is_none_of_another() {
    let bench = Bench::start().await;
    let path = bench.bin("{}").await;
    assert_eq!(bench.call("POST", &path, "{}").await.status, 200);
    let id = bench.call("GET", "bins/b/requests", "").await.body["items"][0]["id"].clone();
    bench.call("PUT", "/api/v1/spaces/other", "{\"name\": \"Other\"}").await;
    bench.call("PUT", "/api/v1/spaces/other/bins/b", "{}").await;
    let id = id.as_str().expect("an id");
    for (space, status) in [("default", 200), ("other", 404)] {
        let found = bench.call("GET", &format!("/api/v1/spaces/{space}/bins/b/requests/{id}"), "").await;
        assert_eq!(found.status, status, "{space}");
    }
    assert_eq!(bench.call("GET", "/api/v1/spaces/other/bins/b/requests", "").await.body["items"], json!([]));
}
