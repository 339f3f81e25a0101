//! Receivers that mean harm: each fails its own deliveries at most, in bounded time and memory.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::support::api::Api;
use super::support::eventually;
use super::support::receiver::Receiver;
use super::support::server::Server;

/// What a receiver does with a connection.
#[derive(Clone, Copy)]
enum Harm {
    /// A body without end, as fast as it is taken.
    EndlessBody,
    /// A header section without end.
    EndlessHead,
    /// A byte now and then, for ever.
    Drip,
    /// Few bytes that would be a gigabyte once decompressed.
    Bomb,
    /// Sends the server to the metadata service of a cloud.
    Redirect,
    /// Closes while the request is still being sent.
    Close,
    /// Speaks another protocol.
    Gibberish,
}

/// Name, harm, what becomes of the delivery, and its last error.
const CASES: [(&str, Harm, &str, Option<&str>); 7] = [
    ("endless-body", Harm::EndlessBody, "delivered", None),
    ("endless-head", Harm::EndlessHead, "failed", Some("broken")),
    ("drip", Harm::Drip, "failed", Some("timeout")),
    ("bomb", Harm::Bomb, "delivered", None),
    ("redirect", Harm::Redirect, "failed", None),
    ("close", Harm::Close, "failed", Some("broken")),
    ("gibberish", Harm::Gibberish, "failed", Some("broken")),
];

impl Harm {
    async fn serve(self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move { self.act(stream).await.ok() });
            }
        });
        url
    }

    async fn act(self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut request = [0; 16 << 10];
        if matches!(self, Self::Close) {
            stream.read_exact(&mut request[..16]).await?;
            return Ok(());
        }
        if stream.read(&mut request).await? == 0 {
            return Ok(());
        }
        match self {
            Self::EndlessBody => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
                let chunk = [b"10000\r\n".as_slice(), &[b'x'; 65_536], b"\r\n"].concat();
                loop {
                    stream.write_all(&chunk).await?;
                }
            }
            Self::EndlessHead => {
                stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
                loop {
                    stream.write_all(format!("x-{}: {}\r\n", 1, "y".repeat(4_000)).as_bytes()).await?;
                }
            }
            Self::Drip => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").await?;
                loop {
                    stream.write_all(b"z").await?;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
            Self::Bomb => stream.write_all(&bomb()).await,
            Self::Redirect => {
                let answer =
                    b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest/\r\ncontent-length: 0\r\n\r\n";
                stream.write_all(answer).await
            }
            Self::Gibberish | Self::Close => stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await,
        }
    }
}

/// A response whose body is gzip of many zeros: stored blocks of deflate (RFC 1951 §3.2.3) would not be small, so these
/// are the bytes of a run of fixed-Huffman matches (§3.2.6), cut short: nobody may even begin to decode them.
fn bomb() -> Vec<u8> {
    let body = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x63][..], &[0x18; 2_000]].concat();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), &body].concat()
}

async fn delivery(api: &Api, endpoint: &str) -> Value {
    let ended = eventually(&format!("the delivery to {endpoint} ends"), || async {
        let page = api.get(&format!("deliveries?endpoint={endpoint}")).await.expect(200);
        page["items"].get(0).filter(|found| found["status"] != "pending").cloned()
    })
    .await;
    api.get(&format!("deliveries/{}", ended["id"].as_str().expect("an id"))).await.expect(200)
}

#[tokio::test]
async fn a_hostile_receiver_harms_its_own_deliveries_only() {
    let server = Server::start().await;
    let api = server.api("hostile");
    api.put_space().await;
    api.put("event-types/order.paid", &json!({})).await.expect(201);
    let honest = Receiver::answering(200, "text/plain", "").await;
    let once = json!({ "retry_delays_s": [0], "timeout_s": 2 });
    for (name, harm, _, _) in CASES {
        let definition = json!({ "url": harm.serve().await, "event_types": ["order.paid"], "policy": once });
        api.put(&format!("endpoints/{name}"), &definition).await.expect(201);
    }
    api.put("endpoints/honest", &json!({ "url": honest.url, "event_types": ["order.paid"] })).await.expect(201);
    // Large, so that a receiver can close before it has it all.
    let data = json!({ "text": "t".repeat(200_000) });
    api.post("events", &json!({ "type": "order.paid", "data": data })).await.expect(202);
    for (name, _, status, error) in CASES {
        let found = delivery(&api, name).await;
        assert_eq!((&found["status"], found["last_error"].as_str()), (&json!(status), error), "{name}: {found:#}");
        let response = &found["history"][0]["response"];
        match name {
            "endless-body" => assert_eq!(response["body_cut"], true, "{name}: {response:#}"),
            "redirect" => assert_eq!(found["last_status"], 302, "{name}: {found:#}"),
            "bomb" => {
                let kept = response["body"].as_str().expect("a body");
                assert!(
                    response["body_base64"] == true && kept.len() < 4_000,
                    "it is kept as it came: {} bytes",
                    kept.len()
                );
            }
            _ => {}
        }
    }
    assert_eq!(delivery(&api, "honest").await["status"], "delivered");
    assert_eq!(honest.received().len(), 1);
}
