//! One attempt: make the request, sign it, send it, decide, commit.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use crate::delivery::{self, Decision, EndpointEffect, Form, Next, Outcome};
use crate::egress::{self, SendError};
use crate::model::{
    Attempt, AttemptError, AttemptForm, AttemptTiming, Delivery, DeliveryStatus, Endpoint, EndpointFormat,
    EndpointStatus, ErrorClass, Event, LogLine, PluginRef, Time,
};
use crate::plugin::{Call, Loaded, OutboundRequest};
use crate::store::{DeliveryStep, Draft, DueDelivery, Expect, StoreError};
use crate::telemetry::DELIVERY_ATTEMPTS;
use crate::webhook::Redactor;

use super::targets::{Counted, Target};
use super::{Engine, EngineError, Happening, Result};

/// How often the result of an attempt is computed anew because the delivery or the endpoint changed meanwhile.
const COMMIT_TRIES_MAX: usize = 20;

/// What is sent, or why nothing is.
pub(super) enum Made {
    Form(Box<Form>, Option<AttemptForm>),
    /// The template says not to send the event.
    Drop,
    /// There is no request to send.
    Unsendable(String),
    /// There is none because the template crashed or ran out of time.
    Crashed(String),
}

/// What is known of the template plugin of an attempt.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) plugin: Option<PluginRef>,
    pub(super) logs: Vec<LogLine>,
}

/// An attempt that is over, whatever becomes of its delivery.
struct Ended {
    attempt: Attempt,
    status: Option<u16>,
    retry_after: Option<String>,
    at: Time,
    jitter: f64,
    /// The template crashed, of which the receiver knows nothing.
    crashed: bool,
}

impl Engine {
    /// Makes one attempt of a claimed delivery. `permit` is given back when the exchange is over: its commit holds up
    /// nobody.
    pub(super) async fn attempt(&self, target: &Target, due: DueDelivery, permit: OwnedSemaphorePermit) -> Result<()> {
        let DueDelivery { delivery, event } = due;
        let Some(event) = event else { return self.cancel(delivery).await };
        let mut notes = Notes::default();
        let made = self.make(target, &delivery, &event, &mut notes).await?;
        let started_at = self.clock.now();
        let mut attempt = Attempt {
            number: delivery.attempts + 1,
            started_at,
            request: None,
            form: None,
            response: None,
            error: None,
            timing: AttemptTiming {
                queue_ms: millis(started_at.since(delivery.due.unwrap_or(started_at))),
                ..AttemptTiming::default()
            },
            plugin: notes.plugin,
            logs: notes.logs,
        };
        let (mut status, mut retry_after) = (None, None);
        let crashed = matches!(made, Made::Crashed(_));
        match made {
            Made::Drop => return self.drop_delivery(delivery, attempt).await,
            Made::Unsendable(detail) | Made::Crashed(detail) => {
                attempt.error = Some(AttemptError { class: ErrorClass::Unsendable, detail });
            }
            Made::Form(form, by) => {
                attempt.form = by;
                let form = form.unmasked(&target.headers);
                let sent = self.send(target, &form, &event, &mut attempt).await;
                (status, retry_after) =
                    sent.map_or((None, None), |response| (Some(response.status), retry_after_of(&response)));
            }
        }
        drop(permit);
        let ended = Ended { attempt, status, retry_after, at: self.clock.now(), jitter: super::chance(), crashed };
        count(&ended);
        self.settle_attempt(target, delivery, &event, ended).await
    }

    /// The request of a delivery. `Err` only for trouble of ours.
    async fn make(&self, target: &Target, delivery: &Delivery, event: &Event, notes: &mut Notes) -> Result<Made> {
        let endpoint = &*target.endpoint;
        if let EndpointFormat::Plugin { .. } = &endpoint.format {
            return self.made(endpoint, (delivery, event), notes).await;
        }
        let by = AttemptForm { format: endpoint.format.clone(), method: endpoint.method };
        Ok(match delivery::build(endpoint, event, target.envelope.as_ref()) {
            Ok(form) => Made::Form(Box::new(form), Some(by)),
            Err(error) => Made::Unsendable(error.to_string()),
        })
    }

    /// The request that the endpoint's plugin makes of a delivery.
    async fn made(
        &self,
        endpoint: &Endpoint,
        (delivery, event): (&Delivery, &Event),
        notes: &mut Notes,
    ) -> Result<Made> {
        let EndpointFormat::Plugin { plugin, config } = &endpoint.format else {
            return Err(EngineError::Internal("the format of the endpoint is no plugin".to_owned()));
        };
        let id = delivery.id.to_string();
        let loaded = match self.load_plugin(&event.space, plugin, &id).await {
            Ok(loaded) => loaded,
            Err(EngineError::NotFound { .. }) => return Ok(Made::Unsendable(format!("there is no plugin {plugin}"))),
            Err(other) => return Err(other),
        };
        self.made_by(&loaded, endpoint, config, (delivery, event), notes).await
    }

    /// The request that a plugin makes of a delivery.
    pub(super) async fn made_by(
        &self,
        loaded: &Loaded,
        endpoint: &Endpoint,
        config: &Value,
        (delivery, event): (&Delivery, &Event),
        notes: &mut Notes,
    ) -> Result<Made> {
        notes.plugin = loaded.name().parse().ok();
        let id = delivery.id.to_string();
        // The same for all attempts, so that a template, which is pure, makes the same request for all.
        let call = Call { space: event.space.to_string(), id, now: delivery.created_at, config: config.to_string() };
        let Form { method, url, headers, body, .. } = delivery::base(endpoint);
        let base = OutboundRequest { method: method.as_str().to_owned(), url, headers, body };
        let rendered = self.plugins.render(loaded, call, delivery::event_input(event).to_string(), base).await;
        self.learn(&event.space, loaded, &rendered).await;
        let rendered = match rendered {
            Ok(report) => {
                notes.logs.extend(report.logs);
                report.value
            }
            Err(error) if error.is_retriable() && error.logs().is_empty() => return Err(error.into()),
            Err(error) => {
                notes.logs.extend(error.logs().iter().cloned());
                let made = if error.is_fault() { Made::Crashed } else { Made::Unsendable };
                return Ok(made(error.to_string()));
            }
        };
        let Some(OutboundRequest { method, url, headers, body }) = rendered else { return Ok(Made::Drop) };
        Ok(match delivery::from_plugin(endpoint, &method, &url, headers, body) {
            Ok(form) => Made::Form(Box::new(form), None),
            Err(error) => Made::Unsendable(error.to_string()),
        })
    }

    /// Sends a form, signed, and notes both sides of the exchange in `attempt`.
    async fn send(
        &self,
        target: &Target,
        form: &Form,
        event: &Event,
        attempt: &mut Attempt,
    ) -> Option<egress::Response> {
        let headers = form.signed(target.keys(attempt.started_at), &event.webhook_id(), attempt.started_at);
        let redactor = Redactor::new(&form.secrets, &[]);
        // A body that is made from the event can be made again.
        let kept: &[u8] = if attempt.form.is_some() { b"" } else { &form.body };
        attempt.request = Some(redactor.sent(form.method, &form.url, &headers, kept));
        let request = egress::Request {
            method: form.method,
            url: form.url.clone(),
            headers,
            body: form.body.clone(),
            timeout: Duration::from_secs(target.endpoint.policy.timeout_s.into()),
        };
        match self.egress.send(request).await {
            Ok(response) => {
                let timing = &mut attempt.timing;
                timing.connect_ms = response.connect.map(millis);
                timing.first_byte_ms = Some(millis(response.head));
                timing.body_ms = Some(millis(response.elapsed.saturating_sub(response.head)));
                attempt.response =
                    Some(redactor.response(response.status, &response.headers, &response.body, response.cut));
                Some(response)
            }
            Err(error) => {
                let detail = redactor.text(&error.to_string());
                attempt.error = Some(AttemptError { class: class_of(&error), detail });
                None
            }
        }
    }

    /// Commits what an attempt came to: the delivery's next state, the attempt, how the endpoint fares, its pause, and
    /// the events that tell of it.
    async fn settle_attempt(&self, target: &Target, delivery: Delivery, event: &Event, ended: Ended) -> Result<()> {
        // Counted at once, and once: as soon as the commit is seen, the next attempt may count further.
        let counted = target.count(ended.is_success());
        let is_told = self.tell_attempt(target, delivery, event, (&ended, counted)).await;
        if !matches!(is_told, Ok(true)) {
            target.leave_untold(counted);
        }
        is_told.map(drop)
    }

    /// `false`: the delivery is over already, and nothing is committed.
    async fn tell_attempt(
        &self,
        target: &Target,
        delivery: Delivery,
        event: &Event,
        (ended, counted): (&Ended, Counted),
    ) -> Result<bool> {
        let (space, id) = (delivery.space.clone(), delivery.id);
        let mut stored = Some(delivery);
        for _ in 0..COMMIT_TRIES_MAX {
            let Some(delivery) = stored.filter(|delivery| !delivery.status.is_final()) else { return Ok(false) };
            let step = self.step_of(target, delivery, event, (ended, counted)).await?;
            let (after, published) = (Arc::new(step.delivery.clone()), super::live::events_of(&step.events));
            match self.store.advance_delivery(step).await {
                Ok(()) => {
                    self.live.tell(|| Happening::Delivery(after));
                    self.live.tell_published(published);
                    return Ok(true);
                }
                Err(StoreError::Conflict { .. }) => stored = self.store.delivery(&space, id).await?,
                Err(error) => return Err(error.into()),
            }
        }
        Err(EngineError::Changed { what: format!("delivery {id}") })
    }

    async fn step_of(
        &self,
        target: &Target,
        delivery: Delivery,
        event: &Event,
        (ended, counted): (&Ended, Counted),
    ) -> Result<DeliveryStep> {
        let number = delivery.attempts + 1;
        let Counted { former, failures } = counted;
        let Decision { next, endpoint: effect } = delivery::decide(&delivery::Attempt {
            policy: &target.endpoint.policy,
            number: number - delivery.attempts_before,
            outcome: ended.outcome(),
            now: ended.at,
            failures,
            jitter: ended.jitter,
        });
        let effect = if ended.crashed { EndpointEffect::None } else { effect };
        let (status, due) = match next {
            Next::Delivered => (DeliveryStatus::Delivered, None),
            Next::RetryAt(at) => (DeliveryStatus::Pending, Some(at)),
            Next::Failed => (DeliveryStatus::Failed, None),
        };
        let delivery = Delivery {
            status,
            due,
            attempts: number,
            last_status: ended.status,
            last_error: ended.attempt.error.as_ref().map(|error| error.class),
            updated_at: ended.at,
            revision: delivery.revision + 1,
            ..delivery
        };
        let mut news = Vec::new();
        let endpoint = self.stopped(target, effect, ended).await?;
        if endpoint.is_some() {
            target.health().stopped_at = Some(ended.at);
            news.push(self.stopped_event(target, effect, failures, ended));
        } else if ended.is_success() == Some(true) && former.stopped_at.is_some() {
            let data = json!({ "endpoint": about(target), "stopped_at": former.stopped_at });
            news.push(self.operational(&target.lane, "endpoint.recovered", data));
        }
        if status == DeliveryStatus::Failed && !delivery::is_operational(&event.kind) {
            news.push(self.operational(&target.lane, "delivery.failed", failed_data(target, &delivery, event, ended)));
        }
        let events = self.publications(news).await?;
        let health = *target.health();
        Ok(DeliveryStep {
            attempt: Some(Attempt { number, ..ended.attempt.clone() }),
            health: (health != former).then_some(health),
            endpoint,
            events,
            delivery,
        })
    }

    /// The endpoint as it is after an attempt that stops it, if it is still active and the same.
    async fn stopped(&self, target: &Target, effect: EndpointEffect, ended: &Ended) -> Result<Option<Draft>> {
        let since = ended.at;
        let status = match effect {
            EndpointEffect::None => return Ok(None),
            EndpointEffect::Pause => EndpointStatus::Paused { since, reason: PAUSED.to_owned() },
            EndpointEffect::Disable => EndpointStatus::Disabled { since, reason: GONE.to_owned() },
        };
        let Target { lane, .. } = target;
        let current = self.definitions.shared::<Endpoint>(&lane.space, lane.endpoint.as_str()).await?;
        let Some(current) = current.filter(|endpoint| endpoint.status.is_active()) else { return Ok(None) };
        let endpoint = Endpoint { status, ..Endpoint::clone(&current) };
        self.endpoint_draft(&lane.space, &endpoint, Expect::At(current.saved().revision)).map(Some)
    }

    fn stopped_event(&self, target: &Target, effect: EndpointEffect, failures: u32, ended: &Ended) -> Event {
        let (kind, reason) = match effect {
            EndpointEffect::Disable => ("endpoint.disabled", GONE),
            _ => ("endpoint.paused", PAUSED),
        };
        let data = json!({
            "endpoint": about(target),
            "reason": reason,
            "consecutive_failures": failures,
            "last_failure": ended.failure(),
        });
        self.operational(&target.lane, kind, data)
    }

    /// Ends a delivery that the template says not to send.
    async fn drop_delivery(&self, delivery: Delivery, attempt: Attempt) -> Result<()> {
        let delivery = Delivery {
            status: DeliveryStatus::Dropped,
            due: None,
            attempts: delivery.attempts + 1,
            updated_at: self.clock.now(),
            revision: delivery.revision + 1,
            ..delivery
        };
        match self.store.advance_delivery(DeliveryStep { attempt: Some(attempt), ..DeliveryStep::of(delivery) }).await {
            Ok(()) | Err(StoreError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Why failures paused an endpoint.
const PAUSED: &str = "too many attempts in a row failed";
/// Why an answer disabled it.
const GONE: &str = "the receiver answered 410 Gone";

impl Ended {
    fn outcome(&self) -> Outcome<'_> {
        match (self.status, &self.attempt.error) {
            (Some(status), _) => Outcome::Answered { status, retry_after: self.retry_after.as_deref() },
            (None, error) => Outcome::Unanswered(error.as_ref().map_or(ErrorClass::Broken, |error| error.class)),
        }
    }

    /// Whether the endpoint did its part; `None` if a template crashed, which is put to rest itself.
    fn is_success(&self) -> Option<bool> {
        (!self.crashed).then(|| self.outcome().is_success())
    }

    /// The failure, as operational events tell it.
    fn failure(&self) -> Value {
        let error = match (&self.attempt.error, self.status) {
            (Some(error), _) => error.class.word(),
            (None, Some(410)) => "gone",
            (None, _) => "status",
        };
        let detail = self.attempt.error.as_ref().map(|error| error.detail.as_str());
        json!({ "at": self.at, "status": self.status, "error": error, "detail": detail })
    }
}

fn about(target: &Target) -> Value {
    json!({ "id": target.lane.endpoint, "url": target.endpoint.url })
}

fn failed_data(target: &Target, delivery: &Delivery, event: &Event, ended: &Ended) -> Value {
    json!({
        "endpoint": about(target),
        "delivery": delivery.id,
        "event": { "id": event.webhook_id(), "type": event.kind },
        "attempts": delivery.attempts,
        "last_failure": ended.failure(),
    })
}

/// `Retry-After`, if it came once.
fn retry_after_of(response: &egress::Response) -> Option<String> {
    let mut found = response.headers.iter().filter(|field| field.name.eq_ignore_ascii_case("retry-after"));
    match (found.next(), found.next()) {
        (Some(field), None) => Some(field.value.clone()),
        _ => None,
    }
}

const fn class_of(error: &SendError) -> ErrorClass {
    match error {
        SendError::Dns { .. } => ErrorClass::Dns,
        SendError::Connect { .. } => ErrorClass::Connect,
        SendError::Tls { .. } => ErrorClass::Tls,
        SendError::Timeout { .. } => ErrorClass::Timeout,
        SendError::Forbidden(_) => ErrorClass::RefusedAddress,
        SendError::TooLarge { .. } => ErrorClass::TooLarge,
        SendError::Broken { .. } => ErrorClass::Broken,
        SendError::BadUrl { .. } | SendError::BadHeader { .. } => ErrorClass::Unsendable,
    }
}

fn count(ended: &Ended) {
    let outcome = match (&ended.attempt.error, ended.status) {
        (Some(error), _) => error.class.word(),
        (None, Some(200..=299)) => "delivered",
        (None, _) => "refused",
    };
    metrics::counter!(DELIVERY_ATTEMPTS, "outcome" => outcome).increment(1);
}

fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
