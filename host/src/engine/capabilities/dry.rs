//! What a dry run has in place of what is outside: nothing is sent, and nothing is kept.
//!
//! Reads are real, behind what is granted; writes are seen by the same call and then forgotten. What would be sent is
//! made, and shown, and answered by what the dry run names for it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::{Capability, Deed, DeedOutcome, Exchange, LogLine, Method, RequestParts, Webhook};
use crate::plugin::{Fetched, HttpFailure, HttpFailureKind, HttpRequest, InboundResponse, Trouble, WebhookOutcome};
use crate::webhook::{self, Answer, Redactor};

use super::super::call::{CallSite, Stop};
use super::super::trial::MessageDraft;
use super::outbound::outcome_of;
use super::{Capabilities, trouble};

/// What the plugin is told of a webhook without an answer.
const NOT_CALLED: &str = "this is a dry run: the webhook is not called, and the dry run names no answer of it";
/// What history shows of a request without an answer.
const NOT_SENT: &str = "this is a dry run: nothing is sent, and the dry run names no answer to it";

/// What is answered in a dry run in place of those who are not asked.
#[derive(Clone, Debug, Default, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// Of webhooks, by id: the response that the webhook's mapping reads.
    #[serde(default)]
    pub webhooks: BTreeMap<String, MessageDraft>,
    /// To requests, by method and URL, such as `GET https://api.example.org/leads/7`.
    #[serde(default)]
    pub http: BTreeMap<String, MessageDraft>,
}

/// A webhook that is not called.
pub(super) struct Pretended {
    pub(super) outcome: WebhookOutcome,
    pub(super) exchange: Option<Exchange>,
    pub(super) logs: Vec<LogLine>,
}

impl Capabilities {
    /// A call of a webhook, up to the sending, and on from the answer if there is one.
    pub(super) async fn pretend_call(
        &self,
        site: &CallSite<'_>,
        webhook: &Webhook,
        data: &Value,
        answers: &Answers,
    ) -> Result<Pretended, Trouble> {
        let mut pretended = Pretended { outcome: outcome_of(Ok(Answer::nothing())), exchange: None, logs: Vec::new() };
        match self.pretend(site, webhook, data, answers, &mut pretended).await {
            Ok(()) => {}
            Err(stop) => pretended.outcome = outcome_of(Err(stop.into_fault().map_err(trouble)?)),
        }
        Ok(pretended)
    }

    async fn pretend(
        &self,
        site: &CallSite<'_>,
        webhook: &Webhook,
        data: &Value,
        answers: &Answers,
        pretended: &mut Pretended,
    ) -> Result<(), Stop> {
        let context = webhook::root_context(data, None);
        let composed = self.engine.compose(site, webhook, &context, &mut pretended.logs).await?;
        let Some(composed) = composed else { return Ok(()) };
        let redactor = Redactor::for_request(&composed);
        let response = answers.webhooks.get(webhook.id.as_str()).map(|answer| answer.clone().response());
        pretended.exchange =
            Some(self.pretended(&redactor, redactor.request(&composed), response.as_ref(), NOT_CALLED));
        let Some(response) = response else {
            pretended.outcome = WebhookOutcome::Pretended(NOT_CALLED.to_owned());
            return Ok(());
        };
        let (status, body) = (response.status, response.body.clone());
        let verdict = self.engine.map_response(site, webhook, response, &mut pretended.logs).await?;
        pretended.outcome = outcome_of(webhook::reply(status, &body, webhook.response.format, verdict));
        Ok(())
    }

    /// A request that is not sent.
    pub(super) fn pretend_request(
        &self,
        method: Method,
        url: &str,
        request: &HttpRequest,
        answers: &Answers,
    ) -> Fetched {
        let redactor = self.redactor();
        let named = format!("{} {}", request.method, request.url);
        let response = answers.http.get(&named).map(|answer| answer.clone().response());
        let parts = redactor.sent(method, url, &request.headers, &request.body);
        let exchange = self.pretended(&redactor, parts, response.as_ref(), NOT_SENT);
        let failure = || HttpFailure { kind: HttpFailureKind::Pretended, reason: NOT_SENT.to_owned() };
        Fetched { outcome: response.ok_or_else(failure), exchange: Some(exchange) }
    }

    fn pretended(
        &self,
        redactor: &Redactor,
        request: RequestParts,
        response: Option<&InboundResponse>,
        otherwise: &str,
    ) -> Exchange {
        let shown =
            |response: &InboundResponse| redactor.response(response.status, &response.headers, &response.body, false);
        Exchange {
            request,
            response: response.map(shown),
            error: response.is_none().then(|| otherwise.to_owned()),
            started_at: self.engine.clock.now(),
            elapsed_ms: 0,
            plugins: None,
        }
    }
}

/// The deeds of a dry run: what else is done would have been done.
pub(super) fn pretended(mut deeds: Vec<Deed>) -> Vec<Deed> {
    for deed in &mut deeds {
        let Some(would) = would(deed.capability, &deed.call) else { continue };
        if !matches!(deed.outcome, DeedOutcome::Done | DeedOutcome::Pretended) {
            continue;
        }
        deed.outcome = DeedOutcome::Pretended;
        let what = deed.detail.take().filter(|_| deed.exchange.is_none()).unwrap_or_else(|| "it".to_owned());
        deed.detail = Some(format!("would have {would} {what}"));
    }
    deeds
}

/// What would have been done by what reaches outside or is kept.
fn would(capability: Capability, call: &str) -> Option<&'static str> {
    Some(match (capability, call) {
        (Capability::Records, "upsert") => "written",
        (Capability::Events, "emit") => "published",
        (Capability::Webhooks, _) => "called",
        (Capability::State, "set") => "kept",
        (Capability::State, "delete") => "deleted",
        (Capability::Http, _) => "sent",
        _ => return None,
    })
}
