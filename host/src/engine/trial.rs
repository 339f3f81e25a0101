//! Dry runs: a plugin version on a given input, with nothing sent and nothing kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::model::{
    BodyText, Deed, Export, HeaderField, HeadersDraft, LogLine, PluginRef, PluginVersion, Redacted, RequestParts,
    ResponseParts, Slug, Time, UniqueId,
};
use crate::plugin::{
    Acceptance, Call, InboundRequest, InboundResponse, Judgement, Loaded, OutboundRequest, PluginError, Reported,
    Secrets, Services, Verdict, example,
};
use crate::webhook::Redactor;

use super::capabilities::{About, Answers, Capabilities};
use super::{Engine, EngineError, Result};

/// What a dry run runs. What is left out comes from the plugin's own examples.
#[derive(Clone, Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DryRunDraft {
    /// Which of the plugin's exports.
    pub export: Export,
    /// The input of a template or an action.
    #[serde(default)]
    pub input: Option<Value>,
    /// The configuration.
    #[serde(default)]
    pub config: Option<Value>,
    /// The request that a template begins with; the call that a verifier judges.
    #[serde(default)]
    pub request: Option<MessageDraft>,
    /// The response that a mapping reads.
    #[serde(default)]
    pub response: Option<MessageDraft>,
    /// The secrets of a verifier, by name. They are not kept.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    pub secrets: BTreeMap<String, SecretText>,
    /// The time that the plugin sees; now, if absent.
    #[serde(default)]
    pub now: Option<Time>,
    /// The id of the call; a new one, if absent.
    #[serde(default)]
    pub id: Option<String>,
    /// What an action gets in place of the answers of those that it would call.
    #[serde(default)]
    pub answers: Option<Answers>,
}

/// A secret in a request body: its `Debug` says nothing.
#[derive(Clone, Debug)]
pub struct SecretText(pub Redacted);

impl<'de> serde::Deserialize<'de> for SecretText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Redacted::new(text)))
    }
}

/// A request or response that a plugin is tried on.
#[derive(Clone, Debug, Default, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MessageDraft {
    /// Of a request: POST, if absent.
    #[serde(default)]
    pub method: Option<String>,
    /// Of a request: the absolute URL.
    #[serde(default)]
    pub url: Option<String>,
    /// Of a response: 200, if absent.
    #[serde(default)]
    pub status: Option<u16>,
    /// The headers.
    #[serde(default)]
    pub headers: HeadersDraft,
    /// The body: a text as it is, any other value as JSON.
    #[serde(default)]
    pub body: Value,
}

/// What a plugin is called with.
pub(super) enum Trial {
    Template { input: String, base: OutboundRequest },
    Mapping { response: InboundResponse },
    Action { input: String },
    Verifier { request: InboundRequest, secrets: Vec<(String, Redacted)> },
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// The template made this request.
    Request(RequestParts),
    /// The template says not to send.
    Dropped,
    /// The mapping read these fields.
    Mapped {
        /// A JSON object.
        fields: Value,
    },
    /// The mapping says that the call may work later.
    Retry {
        /// Why.
        reason: String,
    },
    /// The mapping says that the call failed; or the plugin gave no result.
    Failed {
        /// Why.
        reason: String,
    },
    /// The action's result.
    Output {
        /// Any JSON.
        output: Value,
    },
    /// The verifier believes the call.
    Verified {
        /// The sender's name for the call.
        id: Option<String>,
        /// What it makes of the body; absent if that is left to the server.
        payload: Option<Value>,
    },
    /// The verifier does not.
    Refused {
        /// Why.
        reason: String,
    },
    /// The verifier answers the call.
    Answered(ResponseParts),
}

/// A dry run that is over.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct DryRun {
    /// What came of it.
    pub outcome: Outcome,
    /// What the plugin logged.
    pub logs: Vec<LogLine>,
    /// What an action used of what is granted to it, and what it would have done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deeds: Vec<Deed>,
    /// How long the call took, in milliseconds.
    pub elapsed_ms: f64,
}

impl Engine {
    /// Runs a plugin version on `draft`: nothing is sent, written or published. An action reads what is granted to it.
    pub async fn dry_run(
        self: &Arc<Self>,
        space: &Slug,
        name: &Slug,
        version: &semver::Version,
        draft: DryRunDraft,
    ) -> Result<DryRun> {
        self.space(space).await?;
        let plugin = self.bare_version(space, name, version).await?;
        if !plugin.exports.contains(&draft.export) {
            let exports = plugin.exports.iter().map(|export| export.word()).collect::<Vec<_>>().join(", ");
            return Err(EngineError::invalid("export", format!("the plugin exports {exports}")));
        }
        let exact = PluginRef { name: name.clone(), version: Some(version.clone()) };
        let loaded = self.load_plugin(space, &exact, "").await?.on_trial();
        let config = draft.config.clone().unwrap_or_else(|| own(&plugin, |said| &said.example_config));
        let call = Call {
            space: space.to_string(),
            id: draft.id.clone().unwrap_or_else(|| UniqueId::generate().to_string()),
            now: draft.now.unwrap_or_else(|| self.clock.now()),
            config: config.to_string(),
        };
        let answers = draft.answers.clone().unwrap_or_default();
        match draft.trial(&plugin) {
            Trial::Action { input } if loaded.uses_capabilities() => {
                let (key, run) = (call.id.clone(), UniqueId::generate());
                let about = About { space: space.clone(), plugin: exact, key, run, now: call.now };
                let capabilities = Capabilities::new(self, about, Some(answers)).await?;
                Ok(self.try_action(&loaded, call, input, &capabilities).await)
            }
            trial => Ok(self.try_out(&loaded, call, trial).await),
        }
    }

    async fn try_action(&self, loaded: &Loaded, call: Call, input: String, capabilities: &Arc<Capabilities>) -> DryRun {
        let services = Arc::clone(capabilities) as Arc<dyn Services>;
        let mut run = told(self.plugins.run(loaded, call, input, Some(services)).await, given);
        let done = capabilities.finish(!matches!(run.outcome, Outcome::Failed { .. }));
        run.deeds = done.deeds;
        run.logs.extend(done.logs);
        run
    }

    /// Calls a plugin and tells what came of it, whatever that is.
    pub(super) async fn try_out(&self, loaded: &Loaded, call: Call, trial: Trial) -> DryRun {
        match trial {
            Trial::Template { input, base } => told(self.plugins.render(loaded, call, input, base).await, rendered),
            Trial::Mapping { response } => told(self.plugins.map(loaded, call, response).await, mapped),
            Trial::Action { input } => told(self.plugins.run(loaded, call, input, None).await, given),
            Trial::Verifier { request, secrets } => {
                told(self.plugins.verify(loaded, call, request, secrets_of(secrets)).await, judged)
            }
        }
    }
}

/// What a verifier gets.
pub(super) fn secrets_of(values: Vec<(String, Redacted)>) -> Secrets {
    let known: Vec<_> = values.iter().map(|(_, secret)| secret.clone()).collect();
    let redactor = Redactor::new(&known, &[]);
    Secrets { values, mask: Box::new(move |text| redactor.text(text)) }
}

impl DryRunDraft {
    /// What is called; what the draft leaves out is as an upload takes the plugin's own example.
    fn trial(self, plugin: &PluginVersion) -> Trial {
        let own = own(plugin, |said| &said.example_input);
        match self.export {
            Export::Template => {
                let base = self.request.map_or_else(example::base, MessageDraft::outbound);
                Trial::Template { input: self.input.unwrap_or(own).to_string(), base }
            }
            Export::Action => Trial::Action { input: self.input.unwrap_or(own).to_string() },
            Export::Mapping => Trial::Mapping {
                response: self.response.map_or_else(|| example::response(&own), MessageDraft::response),
            },
            Export::Verifier => {
                let (mut request, mut secrets) = example::received(&own);
                if let Some(given) = self.request {
                    request = given.inbound();
                }
                if !self.secrets.is_empty() {
                    secrets = self.secrets.into_iter().map(|(name, SecretText(value))| (name, value)).collect();
                }
                Trial::Verifier { request, secrets }
            }
        }
    }
}

impl MessageDraft {
    fn bytes(&self) -> Bytes {
        match &self.body {
            Value::Null => Bytes::new(),
            Value::String(text) => text.clone().into(),
            other => other.to_string().into(),
        }
    }

    fn outbound(self) -> OutboundRequest {
        let body = self.bytes();
        let OutboundRequest { method, url, .. } = example::base();
        let (method, url) = (self.method.unwrap_or(method), self.url.unwrap_or(url));
        OutboundRequest { method, url, headers: self.headers.0, body }
    }

    fn inbound(self) -> InboundRequest {
        let OutboundRequest { method, url, headers, body } = self.outbound();
        InboundRequest { method, url, headers, body }
    }

    /// As a response.
    pub(super) fn response(self) -> InboundResponse {
        let body = self.bytes();
        InboundResponse { status: self.status.unwrap_or(200), headers: self.headers.0, body }
    }
}

/// What a plugin says of itself.
fn own(plugin: &PluginVersion, of: impl Fn(&crate::model::Description) -> &Value) -> Value {
    plugin.description.as_ref().map_or(Value::Null, |said| of(said).clone())
}

fn told<T>(result: Result<Reported<T>, PluginError>, outcome: impl FnOnce(T) -> Outcome) -> DryRun {
    match result {
        Ok(Reported { value, logs, elapsed, .. }) => {
            let elapsed_ms = elapsed.as_secs_f64() * 1e3;
            DryRun { outcome: outcome(value), logs, deeds: Vec::new(), elapsed_ms }
        }
        Err(error) => DryRun {
            outcome: Outcome::Failed { reason: error.to_string() },
            logs: error.logs().to_vec(),
            deeds: Vec::new(),
            elapsed_ms: 0.0,
        },
    }
}

/// What an action gave.
fn given(output: String) -> Outcome {
    Outcome::Output { output: parsed(&output) }
}

fn rendered(request: Option<OutboundRequest>) -> Outcome {
    request.map_or(Outcome::Dropped, |OutboundRequest { method, url, headers, body }| {
        let BodyText { text, base64 } = BodyText::of(&body, false);
        let headers = headers.into_iter().map(HeaderField::masked).collect();
        Outcome::Request(RequestParts { method, url, headers, body: text, body_base64: base64, body_cut: false })
    })
}

/// What a mapping said.
pub(super) fn mapped(verdict: Verdict) -> Outcome {
    match verdict {
        Verdict::Accepted(fields) => Outcome::Mapped { fields: parsed(&fields) },
        Verdict::Retry(reason) => Outcome::Retry { reason },
        Verdict::Failed(reason) => Outcome::Failed { reason },
    }
}

/// What a verifier said.
pub(super) fn judged(judgement: Judgement) -> Outcome {
    match judgement {
        Judgement::Accepted(Acceptance { id, payload }) => {
            Outcome::Verified { id, payload: payload.as_deref().map(parsed) }
        }
        Judgement::Refused(reason) => Outcome::Refused { reason },
        Judgement::Answered(InboundResponse { status, headers, body }) => {
            let BodyText { text, base64 } = BodyText::of(&body, false);
            Outcome::Answered(ResponseParts { status, headers, body: text, body_base64: base64, body_cut: false })
        }
    }
}

/// JSON that the plugin host has checked already.
fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| json!(text))
}
