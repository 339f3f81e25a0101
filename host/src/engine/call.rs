//! The story of a webhook call: plan, render, fill in secrets, send, mask for history, map, answer.

use std::time::Duration;

use serde_json::Value;

use crate::egress::{self, SendError};
use crate::model::{
    Exchange, Fault, LogLine, Mapping, Object, PluginTrace, Record, Redacted, Slug, Time, TracedVerdict, Webhook,
};
use crate::plugin::{self, Call, InboundResponse, Loaded, OutboundRequest};
use crate::webhook::{self, Answer, ComposedRequest, Redactor, RenderStep, Rendered, Verdict};

use super::{Engine, EngineError, Result, faults};

/// The built-in plugin that renders text templates.
pub(super) const TEXT_TEMPLATE: &str = "text-template";
/// The built-in plugin that maps responses by rules.
pub(super) const FIELD_MAPPING: &str = "field-mapping";
/// Largest input of a template that is kept for other versions of it, in bytes of JSON.
const TRACE_BYTES_MAX: usize = 64 << 10;
/// Logged lines kept of one call, all its plugins together.
pub(super) const LOG_LINES_MAX: usize = 200;

/// What a call is about, for its plugins and its receiver.
pub(super) struct CallSite<'a> {
    /// The space.
    pub(super) space: &'a Slug,
    /// The same for every repeat: the idempotency key.
    pub(super) id: &'a str,
    /// The time that plugins see.
    pub(super) now: Time,
    /// Secrets that the data may hold besides: masked too.
    pub(super) secrets: &'a [Redacted],
    /// Whether it is made, or only tried.
    pub(super) trial: CallTrial<'a>,
}

/// Whether a call is made, or only tried.
#[derive(Clone, Copy)]
pub(super) enum CallTrial<'a> {
    /// It is made.
    None,
    /// It is tried, with the webhook's own plugins.
    Own,
    /// It is tried, with a version in place of the template plugin.
    Version(&'a Loaded),
}

/// A call that was made, or that failed on the way.
pub(super) struct Called {
    /// The answer, or why there is none.
    pub(super) outcome: Result<Answer, Fault>,
    /// What was sent and what came back, if it came that far.
    pub(super) exchange: Option<Exchange>,
    /// What its template got, if it was not sent.
    pub(super) unsent: Option<PluginTrace>,
    /// What plugins logged.
    pub(super) logs: Vec<LogLine>,
}

impl Called {
    /// A call that never was sent.
    pub(super) fn failed(fault: Fault) -> Self {
        Self { outcome: Err(fault), exchange: None, unsent: None, logs: Vec::new() }
    }
}

impl CallSite<'_> {
    pub(super) fn call(&self, config: &Value) -> Call {
        Call { space: self.space.to_string(), id: self.id.to_owned(), now: self.now, config: config.to_string() }
    }

    /// A plugin as it is called here.
    fn on_trial(&self, plugin: Loaded) -> Loaded {
        if matches!(self.trial, CallTrial::None) { plugin } else { plugin.on_trial() }
    }
}

impl Engine {
    /// Calls a webhook. `Err` only for trouble of ours; everything else is in the outcome.
    pub(super) async fn call_webhook(
        &self,
        site: &CallSite<'_>,
        webhook: &Slug,
        data: &Value,
        record: Option<&Record>,
    ) -> Result<Called> {
        let shared = self.definitions.shared::<Webhook>(site.space, webhook.as_str()).await?;
        let Some(shared) = shared else {
            return Ok(Called::failed(faults::of(EngineError::not_found("webhook", webhook))?));
        };
        let mut called = Called { outcome: Ok(Answer::nothing()), exchange: None, unsent: None, logs: Vec::new() };
        let context = webhook::root_context(data, record);
        let verdict = match self.make_call(site, &shared, &context, &mut called).await {
            Ok(verdict) => verdict,
            Err(stop) => {
                let fault = stop.into_fault()?;
                let verdict = crashed(called.exchange.as_ref(), &fault);
                called.outcome = Err(fault);
                verdict
            }
        };
        let trace = PluginTrace { verdict, ..trace_of(site, &shared, context) };
        match &mut called.exchange {
            Some(exchange) => exchange.plugins = Some(trace),
            None => called.unsent = Some(trace),
        }
        called.logs.truncate(LOG_LINES_MAX);
        Ok(called)
    }

    /// Makes the call; what its mapping said, or nothing if the template said not to send.
    async fn make_call(
        &self,
        site: &CallSite<'_>,
        webhook: &Webhook,
        context: &Object,
        called: &mut Called,
    ) -> Result<Option<TracedVerdict>, Stop> {
        let Some(composed) = self.compose(site, webhook, context, &mut called.logs).await? else {
            return Ok(None);
        };
        let egress::Response { status, headers, body, .. } = self.exchange(&composed, called).await?;
        let received = InboundResponse { status, headers, body: body.clone() };
        let verdict = self.map_response(site, webhook, received, &mut called.logs).await?;
        let said = traced(&verdict);
        called.outcome = webhook::reply(status, &body, webhook.response.format, verdict);
        Ok(Some(said))
    }

    /// The request of a call, its secrets filled in; `None` if the template says not to send.
    pub(super) async fn compose(
        &self,
        site: &CallSite<'_>,
        webhook: &Webhook,
        context: &Object,
        logs: &mut Vec<LogLine>,
    ) -> Result<Option<ComposedRequest>, Stop> {
        let Some(rendered) = self.render(site, webhook, context, logs).await? else { return Ok(None) };
        let secrets = self.secrets_of(site.space, webhook).await?;
        let find = |name: &str| secrets.iter().find(|(id, _)| id == name).map(|(_, value)| value.clone());
        let mut composed = webhook::finish(webhook, rendered, &find, site.id)?;
        composed.secrets.extend_from_slice(site.secrets);
        Ok(Some(composed))
    }

    /// Runs the template plugins; `None` if one of them says not to send.
    pub(super) async fn render(
        &self,
        site: &CallSite<'_>,
        webhook: &Webhook,
        context: &Object,
        logs: &mut Vec<LogLine>,
    ) -> Result<Option<Rendered>, Stop> {
        let input = serde_json::to_string(context).map_err(|error| super::defect(&error))?;
        let (base, steps) = webhook::plan(webhook);
        let mut request = outbound(base);
        for step in steps {
            let (plugin, config) = self.template(site, &step).await?;
            let plugin = site.on_trial(plugin);
            let report = self.plugins.render(&plugin, site.call(config), input.clone(), request).await;
            self.learn(site.space, &plugin, &report).await;
            let report = report.map_err(|error| Stop::plugin(error, logs))?;
            logs.extend(report.logs);
            match report.value {
                Some(next) => request = next,
                None => return Ok(None),
            }
        }
        let OutboundRequest { method, url, headers, body } = request;
        Ok(Some(Rendered { method, url, headers, body }))
    }

    async fn template<'a>(&self, site: &CallSite<'_>, step: &'a RenderStep) -> Result<(plugin::Loaded, &'a Value)> {
        match step {
            RenderStep::Text { config } => Ok((self.builtin(TEXT_TEMPLATE)?, config)),
            RenderStep::Plugin { plugin, config } => Ok(match site.trial {
                CallTrial::Version(version) => (version.clone(), config),
                _ => (self.load_plugin(site.space, plugin, site.id).await?, config),
            }),
        }
    }

    pub(super) fn builtin(&self, name: &str) -> Result<plugin::Loaded> {
        self.plugins
            .builtin(name)
            .ok_or_else(|| EngineError::Internal(format!("the built-in plugin {name} is missing")))
    }

    /// The secrets that a definition names, those that exist.
    async fn secrets_of(&self, space: &Slug, webhook: &Webhook) -> Result<Vec<(String, Redacted)>> {
        let mut secrets = Vec::new();
        for name in webhook::secret_names(&webhook.request) {
            if let Some(value) = self.secret(space, &name).await? {
                secrets.push((name, value));
            }
        }
        Ok(secrets)
    }

    /// Sends the request and keeps the exchange, masked, for history.
    async fn exchange(&self, composed: &ComposedRequest, called: &mut Called) -> Result<egress::Response, Stop> {
        let redactor = Redactor::for_request(composed);
        let started_at = self.clock.now();
        let request = egress::Request {
            method: composed.method,
            url: composed.url.clone(),
            headers: composed.headers.clone(),
            body: composed.body.clone(),
            timeout: composed.timeout,
        };
        let sent = self.egress.send(request).await;
        let outcome = sent.as_ref().map_or_else(SendError::code, |_| "answered");
        metrics::counter!("tenterhook_egress_total", "outcome" => outcome).increment(1);
        let response = sent.as_ref().ok();
        called.exchange = Some(Exchange {
            request: redactor.request(composed),
            response: response.map(|r| redactor.response(r.status, &r.headers, &r.body, r.cut)),
            error: sent.as_ref().err().map(|error| redactor.text(&error.to_string())),
            started_at,
            elapsed_ms: millis(response.map_or_else(|| self.clock.now().since(started_at), |r| r.elapsed)),
            plugins: None,
        });
        let response = sent?;
        if response.cut {
            return Err(faults::cut(response.status, response.body.len()).into());
        }
        // A receiver may echo what it got: what is made of its answer holds no secret either.
        let body = redactor.bytes(&response.body);
        let headers = response.headers.iter().map(|field| redactor.field(field)).collect();
        Ok(egress::Response { body, headers, ..response })
    }

    /// Has the mapping say what a response means.
    pub(super) async fn map_response(
        &self,
        site: &CallSite<'_>,
        webhook: &Webhook,
        response: InboundResponse,
        logs: &mut Vec<LogLine>,
    ) -> Result<Verdict, Stop> {
        let (plugin, config) = match &webhook.response.mapping {
            Mapping::Rules { rules } => {
                let config = serde_json::json!({ "format": webhook.response.format.word(), "rules": rules });
                (self.builtin(FIELD_MAPPING)?, config)
            }
            Mapping::Plugin { plugin, config } => {
                (self.load_plugin(site.space, plugin, site.id).await?, config.clone())
            }
        };
        let report = self.plugins.map(&plugin, site.call(&config), response).await;
        self.learn(site.space, &plugin, &report).await;
        let report = report.map_err(|error| Stop::plugin(error, logs))?;
        logs.extend(report.logs);
        Ok(match report.value {
            plugin::Verdict::Accepted(fields) => Verdict::Accepted(fields),
            plugin::Verdict::Retry(reason) => Verdict::Retry(reason),
            plugin::Verdict::Failed(reason) => Verdict::Failed(reason),
        })
    }
}

/// What is kept of a call for other versions of its plugins. What the template got is not, where an action made the call
/// that knows secrets.
fn trace_of(site: &CallSite<'_>, webhook: &Webhook, context: Object) -> PluginTrace {
    let is_kept = |input: &Value| site.secrets.is_empty() && input.to_string().len() <= TRACE_BYTES_MAX;
    PluginTrace {
        webhook: webhook.id.clone(),
        id: site.id.to_owned(),
        now: site.now,
        input: Some(Value::Object(context)).filter(is_kept),
        verdict: None,
    }
}

/// What a call came to whose mapping crashed: nothing, if there was no whole response for it.
fn crashed(exchange: Option<&Exchange>, fault: &Fault) -> Option<TracedVerdict> {
    let response = exchange?.response.as_ref()?;
    (!response.body_cut).then(|| TracedVerdict::Failed(faults::reason(fault).to_owned()))
}

fn traced(verdict: &Verdict) -> TracedVerdict {
    match verdict {
        Verdict::Accepted(fields) => {
            TracedVerdict::Accepted(serde_json::from_str(fields).unwrap_or_else(|_| fields.as_str().into()))
        }
        Verdict::Retry(reason) => TracedVerdict::Retry(reason.clone()),
        Verdict::Failed(reason) => TracedVerdict::Failed(reason.clone()),
    }
}

/// Why a call ended before its answer was read.
pub(super) enum Stop {
    /// The task fails with this.
    Fault(Fault),
    /// An error that becomes a fault, or trouble of ours.
    Error(EngineError),
}

impl Stop {
    /// A plugin failed; what it logged is kept.
    pub(super) fn plugin(error: plugin::PluginError, logs: &mut Vec<LogLine>) -> Self {
        logs.extend(error.logs().iter().cloned());
        Self::Error(error.into())
    }

    /// The fault of the task; `Err` for trouble of ours.
    pub(super) fn into_fault(self) -> Result<Fault> {
        match self {
            Self::Fault(fault) => Ok(fault),
            Self::Error(error) => faults::of(error),
        }
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<EngineError> for Stop {
    fn from(error: EngineError) -> Self {
        Self::Error(error)
    }
}

impl From<SendError> for Stop {
    fn from(error: SendError) -> Self {
        Self::Fault(faults::send(&error))
    }
}

impl From<webhook::ComposeError> for Stop {
    fn from(error: webhook::ComposeError) -> Self {
        Self::Fault(faults::configuration(error.to_string()))
    }
}

fn outbound(request: Rendered) -> OutboundRequest {
    let Rendered { method, url, headers, body } = request;
    OutboundRequest { method, url, headers, body }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
