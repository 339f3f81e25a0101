//! A server that answers capabilities from memory, and can be slow for ever.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;

use crate::model::{Deed, DeedOutcome, HeaderField};
use crate::plugin::{DeedEnd, Fetched, HttpRequest, InboundResponse, Services, Trouble, WebhookCall, WebhookOutcome};

/// The secret that it knows, with characters that JSON escapes.
pub(super) const SECRET: &str = "pa\"ss\\word";

#[derive(Default)]
pub(super) struct Fake {
    /// Answers nothing, ever.
    pub stuck: bool,
    /// A call of something was stopped before it was done.
    pub stopped: Arc<AtomicBool>,
    pub states: Mutex<BTreeMap<String, String>>,
    pub deeds: Mutex<Vec<Deed>>,
    pub requests: Mutex<Vec<HttpRequest>>,
    /// How many bytes it was given to mask.
    pub masked: AtomicUsize,
}

struct Stopped(Arc<AtomicBool>);

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Fake {
    pub(super) fn outcomes(&self) -> Vec<(String, DeedOutcome)> {
        let deeds = self.deeds.lock().expect("no test panicked");
        deeds.iter().map(|deed| (format!("{} {}", deed.capability.word(), deed.call), deed.outcome)).collect()
    }

    async fn wait(&self) {
        if self.stuck {
            let _stopped = Stopped(Arc::clone(&self.stopped));
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl Services for Fake {
    async fn record(&self, source: String, key: String) -> Result<Option<String>, Trouble> {
        self.wait().await;
        Ok((source == "leads").then(|| format!("{{\"key\":{key:?}}}")))
    }

    async fn upsert_record(&self, source: String, _: String, fields: String) -> Result<String, Trouble> {
        match source.as_str() {
            "leads" => Ok(fields),
            _ => Err(Trouble::Denied(format!("{source} is not granted"))),
        }
    }

    async fn emit(&self, event_type: String, _: String, key: Option<String>) -> Result<String, Trouble> {
        Ok(format!("{event_type}-{}", key.unwrap_or_default()))
    }

    async fn call_webhook(&self, webhook: String, data: String, number: u32) -> Result<WebhookCall, Trouble> {
        self.wait().await;
        let outcome = match webhook.as_str() {
            "good" => WebhookOutcome::Accepted { status: 200, fields: format!("{{\"n\":{number},\"got\":{data}}}") },
            _ => WebhookOutcome::Failed("it says no".to_owned()),
        };
        Ok(WebhookCall { outcome, exchange: None })
    }

    async fn state(&self, key: String) -> Result<Option<String>, Trouble> {
        self.wait().await;
        Ok(self.states.lock().expect("no test panicked").get(&key).cloned())
    }

    async fn set_state(&self, key: String, value: Option<String>) -> Result<(), Trouble> {
        let mut states = self.states.lock().expect("no test panicked");
        match value {
            Some(value) => drop(states.insert(key, value)),
            None => drop(states.remove(&key)),
        }
        Ok(())
    }

    async fn secret(&self, name: String) -> Result<String, Trouble> {
        match name.as_str() {
            "token" => Ok(SECRET.to_owned()),
            _ => Err(Trouble::Missing(format!("there is no secret {name:?}"))),
        }
    }

    async fn http(&self, request: HttpRequest) -> Fetched {
        self.wait().await;
        let times = if request.url.contains("long") { 20_000 } else { 1 };
        self.requests.lock().expect("no test panicked").push(request);
        let headers = [("content-type", "text/plain"), ("transfer-encoding", "chunked")];
        let headers = headers.map(|(name, value)| HeaderField { name: name.to_owned(), value: value.to_owned() });
        let body = Bytes::from("answer ".repeat(times));
        Fetched { outcome: Ok(InboundResponse { status: 201, headers: headers.into(), body }), exchange: None }
    }

    fn note(&self, deed: Deed) -> usize {
        let mut deeds = self.deeds.lock().expect("no test panicked");
        deeds.push(deed);
        deeds.len() - 1
    }

    fn end(&self, number: usize, end: DeedEnd) {
        let deed = &mut self.deeds.lock().expect("no test panicked")[number];
        deed.outcome = end.outcome;
        deed.detail = end.reason.or(deed.detail.take());
    }

    fn mask(&self, text: &str) -> String {
        self.masked.fetch_add(text.len(), Ordering::SeqCst);
        text.replace(SECRET, "***").replace("pa\\\"ss\\\\word", "***")
    }
}
