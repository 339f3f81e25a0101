//! A scripted receiver: a TCP server that plays a script on every connection.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What the receiver does next on a connection. At the end of the script it closes.
#[derive(Clone, Copy)]
pub(super) enum Step {
    /// Writes a text.
    Send(&'static str),
    /// Writes a text again and again, as fast as it is taken.
    SendForEver(&'static str),
    /// Writes a text again and again, with pauses that defeat a timeout per read.
    Drip(&'static str),
    /// Reads another request.
    NextRequest,
    /// Does nothing, for ever.
    Hang,
}

pub(super) struct Receiver {
    authority: String,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Receiver {
    /// Plays `script` once a request was read.
    pub(super) async fn start(script: &[Step]) -> Self {
        Self::bind("127.0.0.1:0", true, script).await
    }

    /// Plays `script` at once.
    pub(super) async fn start_unasked(script: &[Step]) -> Self {
        Self::bind("127.0.0.1:0", false, script).await
    }

    pub(super) async fn start_at(address: &str, script: &[Step]) -> Self {
        Self::bind(address, true, script).await
    }

    async fn bind(address: &str, read_first: bool, script: &[Step]) -> Self {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let authority = listener.local_addr().expect("an address").to_string();
        let (connections, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (count, log, script) = (Arc::clone(&connections), Arc::clone(&requests), script.to_vec());
        let task = tokio::spawn(async move {
            let mut playing = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                playing.spawn(play(stream, read_first, script.clone(), Arc::clone(&log)));
            }
        });
        Self { authority, connections, requests, task }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.authority)
    }

    /// Address and port.
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    pub(super) fn port(&self) -> &str {
        self.authority.rsplit(':').next().expect("a port")
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The requests so far, whole.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no test panics while it writes").clone()
    }
}

async fn play(mut stream: TcpStream, read_first: bool, script: Vec<Step>, log: Arc<Mutex<Vec<String>>>) {
    if read_first {
        read_request(&mut stream, &log).await;
    }
    for step in script {
        match step {
            Step::Send(text) => {
                if stream.write_all(text.as_bytes()).await.is_err() {
                    return;
                }
            }
            Step::SendForEver(text) => while stream.write_all(text.as_bytes()).await.is_ok() {},
            Step::Drip(text) => {
                while stream.write_all(text.as_bytes()).await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            Step::NextRequest => read_request(&mut stream, &log).await,
            Step::Hang => std::future::pending().await,
        }
    }
}

/// Reads a request with `Content-Length` framing and notes it.
async fn read_request(stream: &mut TcpStream, log: &Mutex<Vec<String>>) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            if body.len() >= length.unwrap_or(0) {
                log.lock().expect("no test panics while it writes").push(text);
                return;
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}
