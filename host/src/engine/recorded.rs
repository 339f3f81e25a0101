//! What places of use recorded, tried on another version of their plugin: deliveries, calls of webhooks, inbound calls.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::Value;

use crate::model::{
    Attempt, Delivery, DeliveryStatus, Endpoint, EndpointFormat, Exchange, LogLine, Mapping, Object, PluginTrace,
    RequestParts, ResponseParts, Slug, TaskEntry, Template, Time, TracedVerdict, Trigger, Webhook,
};
use crate::plugin::{Call, InboundResponse};
use crate::signature::{ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER};
use crate::store::{DeliveryFilter, Page, RunFilter};
use crate::webhook::Redactor;

use super::attempt::{Made, Notes};
use super::call::{CallSite, CallTrial};
use super::time_travel::{TimeTravel, Tried};
use super::trial::{Outcome, Trial};
use super::{Engine, EngineError, Result, faults};

/// Deliveries or runs read at a time.
const PAGE: usize = 100;
/// Deliveries of an endpoint, or runs, that are looked through at most.
const LOOKED_MAX: usize = 5_000;

type After = (Outcome, Vec<LogLine>);

impl Engine {
    /// The newest deliveries of an endpoint, as if the version made its requests.
    pub(super) async fn travel_endpoint(&self, tried: &Tried<'_>, id: &Slug) -> Result<TimeTravel> {
        let mut endpoint = self.stored_endpoint(tried.space, id).await?.value;
        let config = match (&tried.config, &endpoint.format) {
            (Some(config), _) => config.clone(),
            (None, EndpointFormat::Plugin { config, .. }) => config.clone(),
            (None, _) => Value::Null,
        };
        endpoint.format = EndpointFormat::Plugin { plugin: tried.plugin.clone(), config: config.clone() };
        let filter = DeliveryFilter { endpoint: Some(id.clone()), ..DeliveryFilter::default() };
        let (mut travel, mut looked, mut cursor) = (TimeTravel::default(), 0, None);
        while looked < LOOKED_MAX {
            let slice = self.store.deliveries(tried.space, &filter, Page { cursor, limit: PAGE }).await?;
            looked += slice.items.len();
            for delivery in slice.items {
                self.travel_delivery((tried, &config), &endpoint, delivery, &mut travel).await?;
                if travel.seen() >= tried.last {
                    return Ok(travel);
                }
            }
            cursor = slice.next;
            if cursor.is_none() {
                return Ok(travel);
            }
        }
        travel.stopped = Some(format!("only the newest {LOOKED_MAX} deliveries were looked at"));
        Ok(travel)
    }

    async fn travel_delivery(
        &self,
        (tried, config): (&Tried<'_>, &Value),
        endpoint: &Endpoint,
        delivery: Delivery,
        travel: &mut TimeTravel,
    ) -> Result<()> {
        let id = delivery.id.to_string();
        let view = self.delivery(&delivery.space, delivery.id).await?;
        let Some(before) = view.attempts.last().and_then(|attempt| done(&delivery, attempt)) else {
            return Ok(());
        };
        let Some(event) = self.store.event(&delivery.space, delivery.event).await? else {
            travel.skip(id, "its event has expired");
            return Ok(());
        };
        let mut notes = Notes::default();
        let made = self.made_by(&tried.loaded, endpoint, config, (&delivery, &event), &mut notes).await;
        let after = match made {
            Ok(Made::Form(form, _)) => {
                let redactor = Redactor::new(&form.secrets, &[]);
                Outcome::Request(redactor.sent(form.method, &form.url, &form.headers, &form.body))
            }
            Ok(Made::Drop) => Outcome::Dropped,
            Ok(Made::Unsendable(reason) | Made::Crashed(reason)) => Outcome::Failed { reason },
            Err(error) => Outcome::Failed { reason: error.to_string() },
        };
        travel.take((id, delivery.created_at), before, (after, notes.logs));
        Ok(())
    }

    /// The newest calls of a webhook, as if the version made their requests.
    pub(super) async fn travel_template(&self, tried: &Tried<'_>, id: &Slug) -> Result<TimeTravel> {
        let mut webhook = self.webhook(tried.space, id).await?.webhook;
        let config = match (&tried.config, &webhook.request.template) {
            (Some(config), _) => config.clone(),
            (None, Template::Plugin { config, .. }) => config.clone(),
            (None, Template::Text { .. }) => Value::Null,
        };
        webhook.request.template = Template::Plugin { plugin: tried.plugin.clone(), config };
        let mut travel = TimeTravel::default();
        for Recorded { at, trace, came_to } in self.recorded_calls(tried, id, &mut travel).await? {
            let Some(Value::Object(input)) = &trace.input else {
                let reason = "its input was not kept: it was too large, or an action made the call that knows secrets";
                travel.skip(trace.id, reason);
                continue;
            };
            let before = match came_to {
                CameTo::Exchange(exchange) => Outcome::Request(exchange.request),
                CameTo::Dropped => Outcome::Dropped,
                CameTo::Failed(reason) => Outcome::Failed { reason },
            };
            let after = self.composed(tried, &webhook, &trace, input).await;
            travel.take((trace.id, at), before, after);
        }
        Ok(travel)
    }

    async fn composed(&self, tried: &Tried<'_>, webhook: &Webhook, trace: &PluginTrace, input: &Object) -> After {
        let Tried { space, loaded, .. } = tried;
        let site = CallSite { space, id: &trace.id, now: trace.now, secrets: &[], trial: CallTrial::Version(loaded) };
        let mut logs = Vec::new();
        let composed = match self.compose(&site, webhook, input, &mut logs).await {
            Ok(composed) => composed,
            Err(stop) => {
                let reason =
                    stop.into_fault().map_or_else(|error| error.to_string(), |fault| faults::reason(&fault).to_owned());
                return (Outcome::Failed { reason }, logs);
            }
        };
        let outcome = composed
            .map_or(Outcome::Dropped, |composed| Outcome::Request(Redactor::for_request(&composed).request(&composed)));
        (outcome, logs)
    }

    /// The newest calls of a webhook, as if the version read their responses.
    pub(super) async fn travel_mapping(&self, tried: &Tried<'_>, id: &Slug) -> Result<TimeTravel> {
        let webhook = self.webhook(tried.space, id).await?.webhook;
        let config = match (&tried.config, &webhook.response.mapping) {
            (Some(config), _) => config.clone(),
            (None, Mapping::Plugin { config, .. }) => config.clone(),
            (None, Mapping::Rules { .. }) => Value::Null,
        };
        let mut travel = TimeTravel::default();
        for Recorded { at, trace, came_to } in self.recorded_calls(tried, id, &mut travel).await? {
            let PluginTrace { id, now, verdict, .. } = trace;
            let response = if let CameTo::Exchange(exchange) = came_to { exchange.response } else { None };
            let Some(response) = response else {
                travel.skip(id, "it got no response");
                continue;
            };
            let (Some(verdict), Some(response)) = (verdict, received(response)) else {
                travel.skip(id, "its response was not kept whole");
                continue;
            };
            let call = Call { space: tried.space.to_string(), id: id.clone(), now, config: config.to_string() };
            let run = self.try_out(&tried.loaded, call, Trial::Mapping { response }).await;
            travel.take((id, at), said(verdict), (run.outcome, run.logs));
        }
        Ok(travel)
    }

    /// The newest calls of a webhook, by tasks and by actions, newest first.
    async fn recorded_calls(&self, tried: &Tried<'_>, id: &Slug, travel: &mut TimeTravel) -> Result<Vec<Recorded>> {
        let (mut found, mut looked, mut cursor) = (Vec::new(), 0, None);
        while looked < LOOKED_MAX {
            let slice = self.store.runs(tried.space, &RunFilter::default(), Page { cursor, limit: PAGE }).await?;
            looked += slice.items.len();
            for run in slice.items {
                for entry in self.store.entries(tried.space, run.id).await?.into_iter().rev() {
                    found.extend(calls_of(entry).filter(|call| call.trace.webhook == *id));
                    if found.len() >= tried.last {
                        found.truncate(tried.last);
                        return Ok(found);
                    }
                }
            }
            cursor = slice.next;
            if cursor.is_none() {
                return Ok(found);
            }
        }
        travel.stopped = Some(format!("only the newest {LOOKED_MAX} runs were looked at"));
        Ok(found)
    }

    /// The newest inbound calls of a trigger, as if the version judged them.
    pub(super) async fn travel_trigger(&self, tried: &Tried<'_>, workflow: &Slug) -> Result<TimeTravel> {
        let Trigger { verifier, .. } = self.trigger(tried.space, workflow).await?.trigger;
        let Some(verifier) = verifier else {
            return Err(EngineError::invalid("trigger", "it has no verifier, so none of its calls are kept"));
        };
        let config = tried.config.clone().unwrap_or_else(|| verifier.config.clone());
        let secrets = self.verifier_secrets(tried.space, &verifier).await?;
        let mut travel = TimeTravel::default();
        for (call, kept) in self.judged_calls(tried.space, workflow).await?.into_iter().take(tried.last) {
            let kept = match kept.whole() {
                Ok(kept) => kept,
                Err(reason) => {
                    travel.skip(call.id.to_string(), reason);
                    continue;
                }
            };
            let about = Call {
                space: tried.space.to_string(),
                id: call.id.to_string(),
                now: call.time,
                config: config.to_string(),
            };
            let trial = Trial::Verifier { request: kept.request(), secrets: secrets.clone() };
            let run = self.try_out(&tried.loaded, about, trial).await;
            travel.take((call.id.to_string(), call.time), kept.outcome, (run.outcome, run.logs));
        }
        Ok(travel)
    }
}

/// A call of a webhook, as history has it.
struct Recorded {
    at: Time,
    trace: PluginTrace,
    came_to: CameTo,
}

enum CameTo {
    /// It was sent.
    Exchange(Box<Exchange>),
    /// The template said not to send.
    Dropped,
    /// There was no request, for this reason.
    Failed(String),
}

/// The calls of webhooks that a task made: its own, or those of its action, newest first.
fn calls_of(entry: TaskEntry) -> impl Iterator<Item = Recorded> {
    let TaskEntry { started_at, error, unsent, exchange, deeds, .. } = entry;
    let came_to = error.map_or(CameTo::Dropped, |fault| CameTo::Failed(faults::reason(&fault).to_owned()));
    let unsent = unsent.map(|trace| Recorded { at: started_at, trace, came_to });
    let sent = |mut exchange: Exchange| {
        let trace = exchange.plugins.take()?;
        Some(Recorded { at: exchange.started_at, trace, came_to: CameTo::Exchange(Box::new(exchange)) })
    };
    let by_action = deeds.into_iter().rev().filter_map(|deed| deed.exchange);
    unsent.into_iter().chain(exchange.into_iter().chain(by_action).filter_map(sent))
}

/// What an attempt really was: without the signature, which no plugin makes.
fn done(delivery: &Delivery, attempt: &Attempt) -> Option<Outcome> {
    if let Some(request) = &attempt.request {
        let is_signature = |name: &str| {
            [ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER].iter().any(|header| name.eq_ignore_ascii_case(header))
        };
        let mut request: RequestParts = request.clone();
        request.headers.retain(|field| !is_signature(&field.name));
        return Some(Outcome::Request(request));
    }
    match (&attempt.error, delivery.status) {
        (_, DeliveryStatus::Dropped) => Some(Outcome::Dropped),
        (Some(error), _) => Some(Outcome::Failed { reason: error.detail.clone() }),
        (None, _) => None,
    }
}

/// A response as the mapping got it, if it was kept whole.
fn received(response: ResponseParts) -> Option<InboundResponse> {
    let ResponseParts { status, headers, body, body_base64, body_cut } = response;
    let body = if body_base64 { BASE64_STANDARD.decode(body).ok()?.into() } else { body.into() };
    (!body_cut).then_some(InboundResponse { status, headers, body })
}

fn said(verdict: TracedVerdict) -> Outcome {
    match verdict {
        TracedVerdict::Accepted(fields) => Outcome::Mapped { fields },
        TracedVerdict::Retry(reason) => Outcome::Retry { reason },
        TracedVerdict::Failed(reason) => Outcome::Failed { reason },
    }
}
