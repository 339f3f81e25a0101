//! Scripted receivers: HTTP servers that record what they get and answer as told.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode, Uri};
use tokio::net::TcpListener;

/// One recorded request.
#[derive(Clone, Debug)]
pub struct Received {
    /// The HTTP method.
    pub method: Method,
    /// Path and query.
    pub uri: Uri,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
}

impl Received {
    /// A header's text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }
}

type Script = dyn Fn(usize, &Received) -> (u16, &'static str, String) + Send + Sync;

/// A receiver on a port of its own; stops with the test's runtime.
#[derive(Clone)]
pub struct Receiver {
    /// Its base URL.
    pub url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    /// A receiver that answers as `script` says: the number of the request (from 0) and the request → status,
    /// content type, body.
    pub async fn start(
        script: impl Fn(usize, &Received) -> (u16, &'static str, String) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let received = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Script> = Arc::new(script);
        let app = Router::new().fallback(answer).with_state((Arc::clone(&received), script));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, received }
    }

    /// A receiver that answers every request alike.
    pub async fn answering(status: u16, kind: &'static str, body: &str) -> Self {
        let body = body.to_owned();
        Self::start(move |_, _| (status, kind, body.clone())).await
    }

    /// What it received so far.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no test panicked here").clone()
    }
}

type Shared = (Arc<Mutex<Vec<Received>>>, Arc<Script>);

async fn answer(
    State((received, script)): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = Received { method, uri, headers, body: String::from_utf8_lossy(&body).into_owned() };
    let number = {
        let mut all = received.lock().expect("no test panicked here");
        all.push(request.clone());
        all.len() - 1
    };
    let (status, kind, body) = script(number, &request);
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [("content-type", kind)], body).into_response()
}
