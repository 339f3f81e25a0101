//! A trigger's verifier: asked whether a call comes from whom it claims.

use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::inbound::{self, InboundError, Judged, RawRequest, VerifiedRequest};
use crate::model::{HeaderField, JudgedCall, Redacted, Slug, Time, Trigger, TriggerVerifier, UniqueId};
use crate::plugin::{self, Acceptance, Blame, Call, InboundRequest, InboundResponse, PluginError, Reported};

use super::receive::InboundCall;
use super::trial::{self, Outcome};
use super::triggers::signing_place;
use super::{Engine, EngineError, Result};

/// Largest body of a call that is kept for trials of other versions.
const KEPT_BODY_BYTES_MAX: usize = 256 << 10;

/// What is sealed of a call.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub(super) enum Kept {
    /// All of it.
    Whole(Box<KeptCall>),
    /// Only that it came: its body is too large.
    TooLarge {
        /// The size of the body.
        body_bytes: usize,
    },
}

/// A call, and what the verifier said of it.
#[derive(serde::Serialize, serde::Deserialize)]
pub(super) struct KeptCall {
    method: String,
    url: String,
    headers: Vec<HeaderField>,
    body: String,
    /// What the verifier said of it.
    pub(super) outcome: Outcome,
}

impl Kept {
    fn of(request: InboundRequest, outcome: Outcome) -> Self {
        let InboundRequest { method, url, headers, body } = request;
        if body.len() > KEPT_BODY_BYTES_MAX {
            return Self::TooLarge { body_bytes: body.len() };
        }
        Self::Whole(Box::new(KeptCall { method, url, headers, body: BASE64_STANDARD.encode(&body), outcome }))
    }

    /// The call, or why it is not there.
    pub(super) fn whole(self) -> std::result::Result<KeptCall, String> {
        match self {
            Self::Whole(call) => Ok(*call),
            Self::TooLarge { body_bytes } => Err(format!(
                "its body of {body_bytes} bytes was not kept: bodies of up to {KEPT_BODY_BYTES_MAX} bytes are"
            )),
        }
    }
}

impl KeptCall {
    /// The call.
    pub(super) fn request(&self) -> InboundRequest {
        InboundRequest {
            method: self.method.clone(),
            url: self.url.clone(),
            headers: self.headers.clone(),
            body: BASE64_STANDARD.decode(&self.body).unwrap_or_default().into(),
        }
    }
}

/// What a verifier says of a call that it does not refuse.
pub(super) enum Judgement {
    /// The call is what it claims.
    Verified(Box<VerifiedRequest>),
    /// It is to be answered at once.
    Answered(InboundResponse),
}

impl Engine {
    /// Has `verifier` judge a call.
    pub(super) async fn judge(
        &self,
        space: &Slug,
        trigger: &Trigger,
        verifier: &TriggerVerifier,
        call: InboundCall,
    ) -> Result<Judgement> {
        inbound::expect_enabled(trigger)?;
        let secrets = self.verifier_secrets(space, verifier).await?;
        let (id, url) = (UniqueId::generate(), call.url.clone());
        let loaded = self.load_plugin(space, &verifier.plugin, &id.to_string()).await?;
        let raw = call.into_raw(self.clock.now());
        let about = Call {
            space: space.to_string(),
            id: id.to_string(),
            now: raw.received_at,
            config: verifier.config.to_string(),
        };
        let request = request_of(&raw, url);
        let at = (id, raw.received_at);
        let judged = self.plugins.verify(&loaded, about, request.clone(), trial::secrets_of(secrets)).await;
        self.learn(space, &loaded, &judged).await;
        self.keep_judged((space, trigger), at, request, &judged).await;
        let judged = judged.map_err(|error| refusal(&error))?;
        for line in &judged.logs {
            tracing::debug!(plugin = loaded.name(), level = line.level, "{}", line.message);
        }
        match judged.value {
            plugin::Judgement::Accepted(Acceptance { id, payload }) => {
                let payload = payload.map(|text| serde_json::from_str(&text)).transpose();
                let payload = payload.map_err(|error| super::defect(&error))?;
                let id = id.filter(|id| !id.is_empty());
                Ok(Judgement::Verified(Box::new(inbound::accept(raw, Judged { id, payload })?)))
            }
            plugin::Judgement::Refused(reason) => Err(InboundError::NotVerified(reason).into()),
            plugin::Judgement::Answered(response) => Ok(Judgement::Answered(response)),
        }
    }

    /// Keeps a call for trials of other versions, sealed; of one with a large body only that it came. A call that is lost
    /// here is none of the sender's.
    async fn keep_judged(
        &self,
        (space, trigger): (&Slug, &Trigger),
        (id, time): (UniqueId, Time),
        request: InboundRequest,
        judged: &std::result::Result<Reported<plugin::Judgement>, PluginError>,
    ) {
        let outcome = match judged {
            Ok(report) => trial::judged(report.value.clone()),
            Err(error) => Outcome::Failed { reason: error.to_string() },
        };
        let is_refused = matches!(outcome, Outcome::Refused { .. } | Outcome::Failed { .. });
        let kept = async {
            let text = serde_json::to_string(&Kept::of(request, outcome)).map_err(|error| super::defect(&error))?;
            let sealed = self.vault.seal(&signing_place(space, &trigger.workflow), &text)?;
            let (space, workflow) = (space.clone(), trigger.workflow.clone());
            self.store.keep_judged(JudgedCall { id, space, workflow, time, is_refused, sealed }).await?;
            Ok::<_, EngineError>(())
        };
        if let Err(error) = kept.await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a judged call could not be kept");
        }
    }

    /// The newest calls that the verifier of a trigger judged, newest first.
    pub(super) async fn judged_calls(&self, space: &Slug, workflow: &Slug) -> Result<Vec<(JudgedCall, Kept)>> {
        let mut found = Vec::new();
        for call in self.store.judged(space, workflow).await? {
            let text = self.vault.unseal(&signing_place(space, workflow), &call.sealed)?;
            let kept = serde_json::from_str(text.reveal()).map_err(|error| super::defect(&error))?;
            found.push((call, kept));
        }
        Ok(found)
    }

    /// The secrets that a trigger names for its verifier. One that was deleted meanwhile refuses the call, rather than
    /// let the verifier decide without it.
    pub(super) async fn verifier_secrets(
        &self,
        space: &Slug,
        verifier: &TriggerVerifier,
    ) -> Result<Vec<(String, Redacted)>> {
        let mut secrets = Vec::with_capacity(verifier.secrets.len());
        for (name, id) in &verifier.secrets {
            let Some(value) = self.secret(space, id.as_str()).await? else {
                let reason = format!("its secret {:?} does not exist any more", id.as_str());
                return Err(InboundError::VerifierFailed(reason).into());
            };
            secrets.push((name.clone(), value));
        }
        Ok(secrets)
    }
}

fn request_of(raw: &RawRequest, url: String) -> InboundRequest {
    let field = |(name, value): (&http::HeaderName, &http::HeaderValue)| HeaderField {
        name: name.as_str().to_owned(),
        value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
    };
    InboundRequest {
        method: raw.method.clone(),
        url,
        headers: raw.headers.iter().map(field).collect(),
        body: raw.body.clone(),
    }
}

/// A verifier that says no by an error refuses the call; one that fails, or is none, leaves it open whether the call was
/// right.
fn refusal(error: &PluginError) -> EngineError {
    let reason = error.to_string();
    let is_none = matches!(error, PluginError::WrongExport { .. });
    let refuses = error.blame() == Blame::Caller && !error.is_retriable() && !is_none;
    EngineError::from(if refuses { InboundError::NotVerified(reason) } else { InboundError::VerifierFailed(reason) })
}
