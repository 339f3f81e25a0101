//! A small client of the API: sends, checks the status, answers JSON.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::eventually;

/// A client with a key, in a space.
#[derive(Clone)]
pub struct Api {
    client: reqwest::Client,
    base: String,
    space: String,
    key: String,
}

/// An answer: status, headers, body.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The response headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body as JSON, or as a JSON string.
    pub body: Value,
}

impl Answer {
    /// The body, if the status is `status`.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{:#}", self.body);
        self.body
    }

    /// The revision of what was answered.
    #[track_caller]
    pub fn revision(&self) -> &str {
        let tag = self.headers.get("etag").and_then(|value| value.to_str().ok()).expect("an ETag");
        tag.trim_matches('"')
    }

    /// The fields at fault, if the status is 422.
    #[track_caller]
    pub fn faults(self) -> Vec<String> {
        let problem = self.expect(422);
        let errors = problem["errors"].as_array().expect("the fields at fault").iter();
        errors.map(|error| error["field"].as_str().expect("a name").to_owned()).collect()
    }

    /// The problem's code, if the status is `status` and the body a problem document.
    #[track_caller]
    pub fn problem(self, status: u16) -> String {
        let kind = self.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or("");
        assert_eq!(kind, "application/problem+json", "{:#}", self.body);
        let body = self.expect(status);
        assert_eq!(body["status"], status);
        body["code"].as_str().expect("a problem has a code").to_owned()
    }
}

impl Api {
    /// A client of the server at `base`.
    pub fn new(base: &str, space: &str, key: &str) -> Self {
        let client = client();
        Self { client, base: base.to_owned(), space: space.to_owned(), key: key.to_owned() }
    }

    /// The same client with another key.
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    /// The server's base URL.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// A request to a path of the space.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = match path.strip_prefix('/') {
            Some(path) => format!("{}/{path}", self.base),
            None => format!("{}/api/v1/spaces/{}/{path}", self.base, self.space),
        };
        self.client.request(method, url).bearer_auth(&self.key)
    }

    /// Sends a request.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.expect("the server answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("a whole answer");
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer { status, headers, body }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// PUT of JSON.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PUT, path).header("content-type", "application/json").body(body.to_string()))
            .await
    }

    /// PUT of JSON if it is still at this revision; `*`: if there is none.
    pub async fn put_if(&self, path: &str, revision: &str, body: &Value) -> Answer {
        let request = self.request(Method::PUT, path).header("content-type", "application/json");
        let request = match revision {
            "*" => request.header("if-none-match", "*"),
            revision => request.header("if-match", format!("\"{revision}\"")),
        };
        self.send(request.body(body.to_string())).await
    }

    /// POST of JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).header("content-type", "application/json").body(body.to_string()))
            .await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// PUT of a workflow document in YAML.
    pub async fn put_workflow(&self, id: &str, yaml: &str) -> Answer {
        let request = self.request(Method::PUT, &format!("workflows/{id}"));
        self.send(request.header("content-type", "application/yaml").body(yaml.to_owned())).await
    }

    /// PUT of a plugin version.
    pub async fn put_plugin(&self, name: &str, version: &str, component: &[u8]) -> Answer {
        let request = self.request(Method::PUT, &format!("plugins/{name}/versions/{version}"));
        self.send(request.header("content-type", "application/wasm").body(component.to_vec())).await
    }

    /// Makes the space.
    pub async fn put_space(&self) {
        let body = json!({ "name": self.space });
        let answer = self.put(&format!("/api/v1/spaces/{}", self.space), &body).await;
        assert!(matches!(answer.status, 200 | 201), "{answer:?}");
    }

    /// A call of a trigger, without API key of the API.
    pub fn call(&self, trigger: &Value) -> RequestBuilder {
        let url = trigger["url"].as_str().expect("a trigger has a URL");
        let path = url.find("/in/").map(|at| &url[at..]).expect("a trigger's URL");
        self.client.post(format!("{}{path}", self.base))
    }

    /// Starts a run by hand and waits for its end.
    pub async fn run(&self, workflow: &str, input: &Value) -> Value {
        let started = self.post(&format!("workflows/{workflow}/runs"), &json!({ "input": input })).await.expect(202);
        self.finished(started["id"].as_str().expect("a run has an id")).await
    }

    /// The run with this id, once it ended.
    pub async fn finished(&self, run: &str) -> Value {
        eventually("the run ends", || async {
            let run = self.get(&format!("runs/{run}")).await.expect(200);
            (!matches!(run["status"].as_str(), Some("running" | "waiting"))).then_some(run)
        })
        .await
    }
}

/// An HTTP client that follows no redirects.
pub fn client() -> reqwest::Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder()
        .pool_max_idle_per_host(0)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .expect("an HTTP client")
}
