//! Time travel: a plugin version on what a place of use recorded, compared with what was really done. Nothing is sent.

use serde_json::{Map, Value};

use crate::model::{Export, LogLine, PluginRef, Slug, Time};
use crate::plugin::Loaded;

use super::difference::{Difference, differences};
use super::trial::Outcome;
use super::{Engine, EngineError, Result};

/// Most recorded calls of one comparison.
const LAST_MAX: usize = 500;
/// How many, unless it is said.
const LAST_DEFAULT: usize = 50;

/// Which recorded calls a version is tried on: those of one endpoint, webhook or trigger.
#[derive(Clone, Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeTravelDraft {
    /// The deliveries of this endpoint.
    #[serde(default)]
    pub endpoint: Option<Slug>,
    /// The calls of this webhook.
    #[serde(default)]
    pub webhook: Option<Slug>,
    /// The inbound calls of this workflow's trigger.
    #[serde(default)]
    pub trigger: Option<Slug>,
    /// Of a webhook: whether the version is tried as its `template` or as its `mapping`.
    #[serde(default)]
    pub export: Option<Export>,
    /// The newest so many: 1 to 500, by default 50.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 500)]
    pub last: Option<usize>,
    /// The configuration to try; that of the place of use, if absent.
    #[serde(default)]
    pub config: Option<Value>,
}

/// What would have been different.
#[derive(Clone, Debug, Default, serde::Serialize, utoipa::ToSchema)]
pub struct TimeTravel {
    /// How many recorded calls were compared.
    pub compared: usize,
    /// Of these, without difference.
    pub same: usize,
    /// Those with differences, newest first.
    pub different: Vec<Changed>,
    /// Those that could not be tried.
    pub skipped: Vec<Skipped>,
    /// Why there may be older ones that were not looked at; absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
}

/// A recorded call that would have gone otherwise.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Changed {
    /// The delivery, the call's idempotency key, or the id of the inbound call.
    pub id: String,
    /// When it was.
    pub at: Time,
    /// What was really done.
    pub before: Outcome,
    /// What the version would have done.
    pub after: Outcome,
    /// Where the two differ.
    pub differences: Vec<Difference>,
    /// What the version logged.
    pub logs: Vec<LogLine>,
}

/// A recorded call that could not be tried.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Skipped {
    /// As of [`Changed`].
    pub id: String,
    /// Why.
    pub reason: String,
}

/// The version that is tried.
pub(super) struct Tried<'a> {
    pub(super) space: &'a Slug,
    pub(super) plugin: PluginRef,
    pub(super) loaded: Loaded,
    pub(super) config: Option<Value>,
    pub(super) last: usize,
}

impl Engine {
    /// Tries a version on what a place of use recorded.
    pub async fn time_travel(
        &self,
        space: &Slug,
        name: &Slug,
        version: &semver::Version,
        draft: TimeTravelDraft,
    ) -> Result<TimeTravel> {
        self.space(space).await?;
        let found = self.bare_version(space, name, version).await?;
        let last = draft.last.unwrap_or(LAST_DEFAULT);
        if !(1..=LAST_MAX).contains(&last) {
            return Err(EngineError::invalid("last", format!("give 1 to {LAST_MAX}")));
        }
        let wanted = wanted(&draft)?;
        if !found.exports.contains(&wanted) {
            let exports = found.exports.iter().map(|export| export.word()).collect::<Vec<_>>().join(", ");
            let reason = format!("there it would be used as {}, and it exports {exports}", wanted.word());
            return Err(EngineError::invalid("export", reason));
        }
        let plugin = PluginRef { name: name.clone(), version: Some(version.clone()) };
        let loaded = self.load_plugin(space, &plugin, "").await?.on_trial();
        let tried = Tried { space, plugin, loaded, config: draft.config, last };
        match (draft.endpoint, draft.webhook, draft.trigger) {
            (Some(endpoint), ..) => self.travel_endpoint(&tried, &endpoint).await,
            (_, Some(webhook), _) if wanted == Export::Mapping => self.travel_mapping(&tried, &webhook).await,
            (_, Some(webhook), _) => self.travel_template(&tried, &webhook).await,
            (.., Some(trigger)) => self.travel_trigger(&tried, &trigger).await,
            (None, None, None) => Err(EngineError::invalid("endpoint", NO_PLACE)),
        }
    }
}

const NO_PLACE: &str = "name one place of use: an `endpoint`, a `webhook` or a `trigger`";

/// The export that the place of use needs.
fn wanted(draft: &TimeTravelDraft) -> Result<Export> {
    let places = [&draft.endpoint, &draft.webhook, &draft.trigger];
    if places.iter().filter(|place| place.is_some()).count() != 1 {
        return Err(EngineError::invalid("endpoint", NO_PLACE));
    }
    match (draft.export, &draft.webhook, &draft.trigger) {
        (Some(export @ (Export::Template | Export::Mapping)), Some(_), _) => Ok(export),
        (_, Some(_), _) => {
            Err(EngineError::invalid("export", "say what it is tried as in the webhook: `template` or `mapping`"))
        }
        (Some(Export::Verifier) | None, None, Some(_)) => Ok(Export::Verifier),
        (Some(Export::Template) | None, None, None) => Ok(Export::Template),
        (Some(_), ..) => Err(EngineError::invalid("export", "leave it out: the place of use has only one")),
    }
}

impl TimeTravel {
    /// Takes in what came of one recorded call.
    pub(super) fn take(&mut self, (id, at): (String, Time), before: Outcome, (after, logs): (Outcome, Vec<LogLine>)) {
        let differences = differences(&comparable(&before), &comparable(&after));
        if differences.is_empty() && (is_cut(&before) || is_cut(&after)) {
            return self.skip(id, "its body is longer than what is kept; what is kept is the same");
        }
        self.compared += 1;
        if differences.is_empty() {
            self.same += 1;
        } else {
            self.different.push(Changed { id, at, before, after, differences, logs });
        }
    }

    /// Notes a recorded call that cannot be tried.
    pub(super) fn skip(&mut self, id: String, reason: impl Into<String>) {
        self.skipped.push(Skipped { id, reason: reason.into() });
    }

    /// How many recorded calls were looked at.
    pub(super) fn seen(&self) -> usize {
        self.compared + self.skipped.len()
    }
}

/// Whether only the beginning of its body is there.
fn is_cut(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Request(request) => request.body_cut,
        Outcome::Answered(response) => response.body_cut,
        _ => false,
    }
}

/// An outcome so that people see what differs: headers by their names, a JSON body as what it says, a plugin's reason
/// without the version's name.
fn comparable(outcome: &Outcome) -> Value {
    let Ok(mut value) = serde_json::to_value(outcome) else { return Value::Null };
    let Some(members) = value.as_object_mut() else { return value };
    if let Some(Value::Array(fields)) = members.get("headers") {
        let by_name = headers_by_name(fields);
        members.insert("headers".to_owned(), by_name);
    }
    if let Some(Value::String(reason)) = members.get("reason")
        && let Some((_, reason)) = reason.strip_prefix("plugin ").and_then(|rest| rest.split_once(": "))
    {
        let reason = reason.to_owned();
        members.insert("reason".to_owned(), reason.into());
    }
    if let Some(Value::String(body)) = members.get("body")
        && let Ok(parsed @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(body)
    {
        members.insert("body".to_owned(), parsed);
    }
    value
}

fn headers_by_name(fields: &[Value]) -> Value {
    let mut names: Map<String, Value> = Map::new();
    for field in fields {
        let name = field["name"].as_str().unwrap_or_default().to_ascii_lowercase();
        let value = field["value"].as_str().unwrap_or_default();
        let joined = match names.get(&name).and_then(Value::as_str) {
            Some(former) => format!("{former}, {value}"),
            None => value.to_owned(),
        };
        names.insert(name, joined.into());
    }
    Value::Object(names)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::RequestParts;

    fn draft(body: Value) -> TimeTravelDraft {
        serde_json::from_value(body).expect("the shape of a draft")
    }

    #[test]
    fn one_place_of_use_decides_what_the_version_is_tried_as() {
        for (body, export) in [
            (json!({ "endpoint": "crm" }), Some(Export::Template)),
            (json!({ "trigger": "flow" }), Some(Export::Verifier)),
            (json!({ "webhook": "sms", "export": "mapping" }), Some(Export::Mapping)),
            (json!({ "webhook": "sms", "export": "template" }), Some(Export::Template)),
            (json!({ "webhook": "sms" }), None),
            (json!({ "webhook": "sms", "export": "action" }), None),
            (json!({ "endpoint": "crm", "export": "mapping" }), None),
            (json!({ "endpoint": "crm", "trigger": "flow" }), None),
            (json!({}), None),
        ] {
            assert_eq!(wanted(&draft(body.clone())).ok(), export, "{body}");
        }
    }

    #[test]
    fn what_differs_is_told_by_header_name_and_place_in_the_body() {
        let request = |body: &str, header: (&str, &str)| {
            let headers = json!([{ "name": header.0, "value": header.1 }]);
            let parts =
                json!({ "kind": "request", "method": "POST", "url": "https://a.b/", "headers": headers, "body": body });
            serde_json::from_value::<Outcome>(parts).expect("an outcome")
        };
        let mut travel = TimeTravel::default();
        let at = |id: &str| (id.to_owned(), Time::from_millis(1));
        let before = || request(r#"{"a": 1, "b": 2}"#, ("X-A", "1"));
        travel.take(at("same"), before(), (request(r#"{"b": 2, "a": 1}"#, ("x-a", "1")), vec![]));
        travel.take(at("other"), before(), (request(r#"{"a": 1, "b": 3}"#, ("X-A", "2")), vec![]));
        travel.take(at("dropped"), before(), (Outcome::Dropped, vec![]));
        let failed = |version: &str| Outcome::Failed { reason: format!("plugin mine@{version}: rejected: no phone") };
        travel.take(at("failed"), failed("1.0.0"), (failed("2.0.0"), vec![]));
        let cut = || match before() {
            Outcome::Request(request) => Outcome::Request(RequestParts { body_cut: true, ..request }),
            other => other,
        };
        travel.take(at("cut"), cut(), (cut(), vec![]));
        assert_eq!(travel.skipped.len(), 1, "what was cut may differ behind the cut");
        travel.skip("gone".into(), "its event has expired");
        assert_eq!((travel.compared, travel.same, travel.seen()), (4, 2, 6));
        let paths: Vec<_> = travel.different[0].differences.iter().map(|difference| &*difference.path).collect();
        assert_eq!(paths, ["/body/b", "/headers/x-a"]);
        assert!(travel.different[1].differences.iter().any(|difference| difference.path == "/kind"));
    }
}
