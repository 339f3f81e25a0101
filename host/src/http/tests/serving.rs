//! The accept loop over real sockets: draining, the cap on connections, the remote address.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::Extension;
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::http::hooks::Remote;
use crate::http::serve::serve;
use crate::task::Tasks;

const PATIENCE: Duration = Duration::from_secs(10);

async fn start(router: Router, connections_max: usize) -> (SocketAddr, Tasks) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("an address");
    let tasks = Tasks::new();
    tasks.spawn("accept", serve(listener, router, connections_max, tasks.clone()));
    (addr, tasks)
}

async fn ask(addr: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(addr).await.expect("it accepts");
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("it takes a request");
    stream
}

async fn answer(stream: &mut TcpStream) -> String {
    let mut bytes = vec![0; 4_096];
    let read = tokio::time::timeout(PATIENCE, stream.read(&mut bytes)).await.expect("it answers").expect("bytes");
    String::from_utf8_lossy(&bytes[..read]).into_owned()
}

#[tokio::test]
async fn draining_finishes_the_request_under_way_and_closes_idle_connections() {
    let (entered, mut inside) = mpsc::channel(1);
    let (release, gate) = tokio::sync::watch::channel(false);
    let slow = get(move || {
        let (entered, mut gate) = (entered.clone(), gate.clone());
        async move {
            entered.send(()).await.expect("the test waits");
            gate.wait_for(|open| *open).await.expect("the gate opens");
            "finished"
        }
    });
    let (addr, tasks) = start(Router::new().route("/", slow), 10).await;
    let mut idle = TcpStream::connect(addr).await.expect("it accepts");
    let mut busy = ask(addr).await;
    inside.recv().await.expect("the handler runs");
    tasks.stop();
    release.send(true).expect("the handler waits");
    assert!(answer(&mut busy).await.ends_with("finished"));
    assert!(answer(&mut idle).await.is_empty(), "an idle connection is closed");
    assert!(tasks.drain(PATIENCE).await, "nothing is left");
    assert!(TcpStream::connect(addr).await.is_err(), "it accepts no more");
}

#[tokio::test]
async fn connections_beyond_the_cap_wait_for_a_place() {
    let (addr, tasks) = start(Router::new().route("/", get(async || "hello")), 1).await;
    let mut first = ask(addr).await;
    assert!(answer(&mut first).await.ends_with("hello"));
    let mut second = ask(addr).await;
    let mut byte = [0];
    let early = tokio::time::timeout(Duration::from_millis(50), second.read(&mut byte)).await;
    assert!(early.is_err(), "the second waits while the first is open");
    drop(first);
    assert!(answer(&mut second).await.ends_with("hello"));
    drop(second);
    assert!(tasks.drain(PATIENCE).await);
}

#[tokio::test]
async fn handlers_learn_the_remote_address() {
    let show = get(|Extension(Remote(addr)): Extension<Remote>| async move { addr.to_string() });
    let (addr, tasks) = start(Router::new().route("/", show), 1).await;
    let mut stream = ask(addr).await;
    let own = stream.local_addr().expect("an address").to_string();
    assert!(answer(&mut stream).await.ends_with(&own));
    drop(stream);
    assert!(tasks.drain(PATIENCE).await);
}
