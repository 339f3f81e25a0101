//! Where the capabilities of one call meet: they are counted, noted, and asked of the server.
//!
//! The server answers on the runtime that the call came from: connections and files are at home there, and no looping
//! plugin is in their way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;

use super::services::{DeedEnd, Services, Trouble, WebhookCall, WebhookOutcome};
use crate::model::{Capability, Deed, DeedOutcome};

/// What answers the calls of one action.
pub(super) type Shared = Arc<dyn Services>;
/// That, and where it does.
pub(super) type Server = (Shared, Handle);

/// How often a capability may be used in one call of an action, and how many bytes may be written.
struct Limit {
    calls: u32,
    bytes: usize,
}

/// The figures are promised in `wit/tenterhook.wit`; what is written has to fit into one commit of 3 MiB. (What a
/// record takes there, with the fields that it had and the event that tells of it, only the server knows: it counts
/// that too.)
const fn limit(capability: Capability) -> Limit {
    match capability {
        Capability::Records | Capability::Events => Limit { calls: 100, bytes: 1 << 20 },
        Capability::Webhooks => Limit { calls: 16, bytes: 1 << 20 },
        Capability::State => Limit { calls: 100, bytes: 512 << 10 },
        Capability::Secrets => Limit { calls: 100, bytes: 0 },
        Capability::Http => Limit { calls: 16, bytes: 0 },
    }
}

/// What is used of a capability.
#[derive(Clone, Copy, Debug, Default)]
struct Used {
    calls: u32,
    bytes: usize,
}

/// The capabilities of one call. Without a server, nothing is granted.
#[derive(Default)]
pub(super) struct Hub {
    server: Option<Server>,
    used: [Used; Capability::ALL.len()],
    /// The longest secret that was read, in bytes.
    longest_secret: Option<usize>,
    /// How many uses are under way.
    open: Arc<AtomicUsize>,
}

/// A use of a capability that is under way.
pub(super) struct Noted {
    services: Option<Shared>,
    number: usize,
    open: Arc<AtomicUsize>,
}

impl Noted {
    /// Notes how it ended.
    pub fn end(self, end: DeedEnd) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        if let Some(services) = self.services {
            services.end(self.number, end);
        }
    }
}

/// A deed that begins. `detail`: what is written, if anything is.
pub(super) fn deed(capability: Capability, call: &str, target: String, detail: Option<&str>) -> Deed {
    let (call, detail) = (call.to_owned(), detail.map(str::to_owned));
    Deed { capability, call, target, outcome: DeedOutcome::Unfinished, detail, exchange: None }
}

impl Hub {
    /// The capabilities that `server` offers.
    pub fn new(server: Option<Server>) -> Self {
        Self { server, ..Self::default() }
    }

    /// Who masks secrets, and the longest one, once one was read.
    pub fn masks(&self) -> Option<(Shared, usize)> {
        let (services, _) = self.server.as_ref()?;
        Some((Arc::clone(services), self.longest_secret?))
    }

    /// A secret was read.
    pub fn learn_secret(&mut self, secret: &str) {
        self.longest_secret = Some(self.longest_secret.unwrap_or(0).max(secret.len()));
    }

    /// The server, to ask it later.
    pub fn server(&self) -> Option<Server> {
        self.server.clone()
    }

    /// Notes that a use begins.
    pub fn begin(&self, deed: Deed) -> Noted {
        let services = self.server.as_ref().map(|(services, _)| Arc::clone(services));
        let number = services.as_ref().map_or(0, |services| services.note(deed));
        self.open.fetch_add(1, Ordering::Relaxed);
        Noted { services, number, open: Arc::clone(&self.open) }
    }

    /// Whether a use is under way, or was when the call was stopped: it was the server's time then.
    pub fn is_asking(&self) -> bool {
        self.open.load(Ordering::Relaxed) > 0
    }

    /// Counts a use that writes `bytes`.
    ///
    /// # Errors
    /// It is one too many, or too much.
    pub fn charge(&mut self, capability: Capability, bytes: usize) -> Result<(), Trouble> {
        let (limit, used) = (limit(capability), &mut self.used[capability as usize]);
        let word = capability.word();
        if used.calls >= limit.calls {
            let text = format!("this call has used up its {} calls of `{word}`", limit.calls);
            return Err(Trouble::Exhausted(text));
        }
        used.calls += 1;
        if bytes > limit.bytes - used.bytes {
            let text = format!("this call has used up the {} bytes that it may write by `{word}`", limit.bytes);
            return Err(Trouble::Exhausted(text));
        }
        used.bytes += bytes;
        Ok(())
    }

    /// How often a capability was used so far.
    pub fn calls(&self, capability: Capability) -> u32 {
        self.used[capability as usize].calls
    }

    /// Notes, counts and asks.
    pub async fn perform<T, F>(
        &mut self,
        deed: Deed,
        bytes: usize,
        work: impl FnOnce(Shared) -> F + Send,
    ) -> Result<T, Trouble>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Trouble>> + Send + 'static,
    {
        let capability = deed.capability;
        let noted = self.begin(deed);
        let done = match self.charge(capability, bytes) {
            Ok(()) => ask(self.server.as_ref(), capability, work).await,
            Err(trouble) => Err(trouble),
        };
        noted.end(end_of(&done));
        done
    }

    /// As [`Self::perform`], of a webhook call.
    pub async fn call_webhook(&mut self, webhook: String, data: String) -> Result<WebhookOutcome, Trouble> {
        let noted = self.begin(deed(Capability::Webhooks, "call", webhook.clone(), None));
        let called = match self.charge(Capability::Webhooks, data.len()) {
            Ok(()) => {
                let number = self.calls(Capability::Webhooks);
                let call = move |services: Shared| async move { services.call_webhook(webhook, data, number).await };
                ask(self.server.as_ref(), Capability::Webhooks, call).await
            }
            Err(trouble) => Err(trouble),
        };
        let mut end = end_of(&called);
        let called = called.map(|WebhookCall { outcome, exchange }| {
            end.exchange = exchange;
            outcome
        });
        match &called {
            Ok(WebhookOutcome::Failed(reason)) => {
                (end.outcome, end.reason) = (DeedOutcome::Failed, Some(reason.clone()));
            }
            Ok(WebhookOutcome::Pretended(_)) => end.outcome = DeedOutcome::Pretended,
            _ => {}
        }
        noted.end(end);
        called
    }
}

/// How a use ended that was done or not.
fn end_of<T>(done: &Result<T, Trouble>) -> DeedEnd {
    let trouble = done.as_ref().err();
    DeedEnd {
        outcome: trouble.map_or(DeedOutcome::Done, Trouble::outcome),
        reason: trouble.map(|trouble| trouble.text().to_owned()),
        exchange: None,
    }
}

/// Has the server do `work` at home; stops it if the caller stops waiting.
async fn ask<T, F>(
    server: Option<&Server>,
    capability: Capability,
    work: impl FnOnce(Shared) -> F + Send,
) -> Result<T, Trouble>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Trouble>> + Send + 'static,
{
    let Some((services, home)) = server else {
        return Err(Trouble::Denied(format!("`{}` is not offered here: nothing is granted", capability.word())));
    };
    let task = AbortOnDropHandle::new(home.spawn(work(Arc::clone(services))));
    task.await.unwrap_or_else(|error| {
        tracing::error!(%error, capability = capability.word(), "a use of a capability was lost");
        Err(Trouble::Unavailable("the server could not do it".to_owned()))
    })
}
