//! Endpoints: outbound subscriptions. Saved when they work, paused, disabled, resumed, rotated, deleted.

use crate::delivery::{CheckedEndpoint, EndpointDraft, RotationDraft};
use crate::model::{
    DefinitionPath, Endpoint, EndpointFormat, EndpointStatus, Export, Kind, Redacted, Saved, Slug, Time,
};
use crate::store::{Draft, Expect, Page, Slice, draft};

use super::endpoint_keys::Issued;
use super::plugins::Need;
use super::{Engine, EngineError, FieldProblem, KeyView, Result, definition_error, unchanged};

/// How often a change is computed anew when others change the same endpoint at the same time.
const CHANGE_TRIES_MAX: usize = 16;
/// Longest reason of a pause, in characters: people read it in a list.
const REASON_CHARS_MAX: usize = 500;

/// An endpoint as it is shown: without what is secret of it, but for what is shown once.
#[derive(Clone, Debug)]
pub struct EndpointView {
    /// The definition.
    pub endpoint: Endpoint,
    /// Its revision.
    pub revision: u64,
    /// The keys that sign now, the newest first.
    pub signing_keys: Vec<KeyView>,
    /// The signing secret, when it was just made or given.
    pub secret: Option<Redacted>,
    /// The envelope secret, when it was just made or given.
    pub envelope_secret: Option<Redacted>,
}

impl EndpointView {
    fn known(saved: Saved<Endpoint>, now: Time) -> Self {
        let Saved { revision, value: endpoint } = saved;
        let signing_keys = KeyView::current(&endpoint, now);
        Self { endpoint, revision, signing_keys, secret: None, envelope_secret: None }
    }
}

/// A definition to save, all of it checked.
struct Given<'a> {
    checked: CheckedEndpoint,
    expect: Expect,
    author: &'a str,
}

impl Engine {
    /// Saves an endpoint; `true` if it was made. Secrets that are not given stay, and so does the status.
    pub async fn save_endpoint(
        &self,
        space: &Slug,
        id: &Slug,
        given: EndpointDraft,
        expect: Expect,
        author: &str,
    ) -> Result<(EndpointView, bool)> {
        self.space(space).await?;
        let checked = given.check().map_err(|problems| EngineError::Invalid { problems })?;
        self.check_outside(space, &checked).await?;
        let given = Given { checked, expect, author };
        for _ in 0..CHANGE_TRIES_MAX {
            match self.try_save(space, id, &given).await {
                Err(EngineError::Changed { .. }) if expect == Expect::Any => {}
                done => return done,
            }
        }
        Err(changed(id))
    }

    /// What a draft cannot check of itself: what the sandbox says of the filter, and that there is such a plugin.
    async fn check_outside(&self, space: &Slug, checked: &CheckedEndpoint) -> Result<()> {
        let mut problems = Vec::new();
        if let Some(filter) = checked.filter()
            && let Err(reason) = self.check_expression(filter).await
        {
            problems.push(FieldProblem::new("filter", reason));
        }
        if let EndpointFormat::Plugin { plugin, config } = checked.format() {
            let need = Need { export: Export::Template, config: Some(config) };
            match self.check_reference(space, "format.plugin", plugin, need).await {
                Ok(()) => {}
                Err(EngineError::Invalid { problems: found }) => problems.extend(found),
                Err(other) => return Err(other),
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(EngineError::Invalid { problems }) }
    }

    /// Saves over what is there now: not over what others do meanwhile, or a status or secret of before came back.
    async fn try_save(&self, space: &Slug, id: &Slug, given: &Given<'_>) -> Result<(EndpointView, bool)> {
        let former = self.definitions.get::<Endpoint>(space, id.as_str()).await?;
        let existing = former.as_ref().map(|saved| &saved.value);
        let checked = given.checked.clone();
        let Issued { secrets, secret, envelope_secret } = self.issue(space, id, &checked, existing)?;
        let now = self.clock.now();
        let endpoint = checked.into_endpoint(id.clone(), existing, secrets, given.author, now);
        let expect = unchanged(former.as_ref(), given.expect);
        let saved = self.store_endpoint(space, endpoint, expect).await?;
        let view = EndpointView { secret, envelope_secret, ..EndpointView::known(saved, now) };
        Ok((view, former.is_none()))
    }

    async fn store_endpoint(&self, space: &Slug, endpoint: Endpoint, expect: Expect) -> Result<Saved<Endpoint>> {
        let draft = self.endpoint_draft(space, &endpoint, expect)?;
        let committed = self.definitions.commit(vec![draft]).await;
        let revision = committed.map_err(|error| definition_error(error, "endpoint", endpoint.id.as_str()))?;
        self.wake(space, &endpoint.id);
        Ok(Saved { revision, value: endpoint })
    }

    /// The draft of an endpoint, with all it refers to.
    pub(super) fn endpoint_draft(&self, space: &Slug, endpoint: &Endpoint, expect: Expect) -> Result<Draft> {
        let mut draft = draft(space, endpoint, expect)?;
        draft.uses.push(DefinitionPath::new(space, Kind::Space, space.as_str()));
        if let EndpointFormat::Plugin { plugin, .. } = &endpoint.format {
            draft.uses.extend(self.plugin_use(space, &plugin.to_string()));
        }
        Ok(draft)
    }

    /// Changes an endpoint, anew where others change it at the same time. A `change` that changes nothing saves
    /// nothing.
    pub(super) async fn change_endpoint(
        &self,
        space: &Slug,
        id: &Slug,
        mut change: impl FnMut(&mut Endpoint, Time) -> Result<()> + Send,
    ) -> Result<Saved<Endpoint>> {
        for _ in 0..CHANGE_TRIES_MAX {
            let former = self.stored_endpoint(space, id).await?;
            let mut endpoint = former.value.clone();
            change(&mut endpoint, self.clock.now())?;
            if endpoint == former.value {
                self.store.settle().await?;
                return Ok(former);
            }
            match self.store_endpoint(space, endpoint, Expect::At(former.revision)).await {
                Err(EngineError::Changed { .. }) => {}
                done => return done,
            }
        }
        Err(changed(id))
    }

    /// An endpoint as it is kept.
    pub(super) async fn stored_endpoint(&self, space: &Slug, id: &Slug) -> Result<Saved<Endpoint>> {
        let saved = self.definitions.get::<Endpoint>(space, id.as_str()).await?;
        saved.ok_or_else(|| EngineError::not_found("endpoint", id))
    }

    /// One endpoint.
    pub async fn endpoint(&self, space: &Slug, id: &Slug) -> Result<EndpointView> {
        Ok(EndpointView::known(self.stored_endpoint(space, id).await?, self.clock.now()))
    }

    /// The endpoints of a space.
    pub async fn endpoints(&self, space: &Slug, page: Page) -> Result<Slice<EndpointView>> {
        self.space(space).await?;
        let now = self.clock.now();
        Ok(self.definitions.list::<Endpoint>(space, page).await?.map(|saved| EndpointView::known(saved, now)))
    }

    /// Deletes an endpoint.
    pub async fn delete_endpoint(&self, space: &Slug, id: &Slug, expect: Expect) -> Result<()> {
        self.remove::<Endpoint>("endpoint", space, id.as_str(), expect).await?;
        // What is due to it is looked at once more, and cancelled.
        self.wake(space, id);
        Ok(())
    }

    /// Pauses an active endpoint: what is due is held. One that is paused stays as it is.
    pub async fn pause_endpoint(
        &self,
        space: &Slug,
        id: &Slug,
        reason: Option<String>,
        author: &str,
    ) -> Result<EndpointView> {
        let reason = stated(reason, || format!("paused by {author}"))?;
        let mut is_news = false;
        let paused = self.change_endpoint(space, id, |endpoint, since| {
            is_news = endpoint.status.is_active();
            match endpoint.status {
                EndpointStatus::Active => endpoint.status = EndpointStatus::Paused { since, reason: reason.clone() },
                EndpointStatus::Paused { .. } => {}
                EndpointStatus::Disabled { .. } => return Err(disabled(id)),
            }
            Ok(())
        });
        let paused = paused.await?;
        if is_news {
            self.tell_stopped(space, &paused.value, "endpoint.paused", &reason).await?;
        }
        Ok(EndpointView::known(paused, self.clock.now()))
    }

    /// Disables an active or paused endpoint: what is due is held. One that is disabled stays as it is.
    pub async fn disable_endpoint(
        &self,
        space: &Slug,
        id: &Slug,
        reason: Option<String>,
        author: &str,
    ) -> Result<EndpointView> {
        let reason = stated(reason, || format!("disabled by {author}"))?;
        let mut is_news = false;
        let disabled = self.change_endpoint(space, id, |endpoint, since| {
            is_news = !matches!(endpoint.status, EndpointStatus::Disabled { .. });
            if is_news {
                endpoint.status = EndpointStatus::Disabled { since, reason: reason.clone() };
            }
            Ok(())
        });
        let disabled = disabled.await?;
        if is_news {
            self.tell_stopped(space, &disabled.value, "endpoint.disabled", &reason).await?;
        }
        Ok(EndpointView::known(disabled, self.clock.now()))
    }

    /// Makes a paused or disabled endpoint active again: what was held is sent.
    pub async fn resume_endpoint(&self, space: &Slug, id: &Slug) -> Result<EndpointView> {
        let resumed = self.change_endpoint(space, id, |endpoint, _| {
            endpoint.status = EndpointStatus::Active;
            Ok(())
        });
        Ok(EndpointView::known(resumed.await?, self.clock.now()))
    }

    /// Gives an endpoint its next signing key; the former ones go on signing for the overlap.
    pub async fn rotate_endpoint(&self, space: &Slug, id: &Slug, given: RotationDraft) -> Result<EndpointView> {
        let rotation = given.check().map_err(|problems| EngineError::Invalid { problems })?;
        let mut secret = None;
        let rotated = self.change_endpoint(space, id, |endpoint, now| {
            secret = Some(self.rotate_keys(space, endpoint, &rotation, now)?);
            endpoint.updated_at = now;
            Ok(())
        });
        let view = EndpointView::known(rotated.await?, self.clock.now());
        Ok(EndpointView { secret, ..view })
    }

    /// The public keys that verify what the endpoint gets now, the newest first.
    pub async fn public_keys(&self, space: &Slug, id: &Slug) -> Result<Vec<KeyView>> {
        let mut keys = self.endpoint(space, id).await?.signing_keys;
        keys.retain(|key| key.public_key.is_some());
        Ok(keys)
    }
}

/// The reason that a user gave, or the one for who gave none.
fn stated(reason: Option<String>, default: impl FnOnce() -> String) -> Result<String> {
    match reason.map(|reason| reason.trim().to_owned()).filter(|reason| !reason.is_empty()) {
        None => Ok(default()),
        Some(reason) if reason.chars().count() > REASON_CHARS_MAX || reason.chars().any(char::is_control) => {
            let rule = format!("use at most {REASON_CHARS_MAX} characters, without line breaks");
            Err(EngineError::invalid("reason", rule))
        }
        Some(reason) => Ok(reason),
    }
}

fn disabled(id: &Slug) -> EngineError {
    let detail = format!("endpoint {:?} is disabled, so it sends nothing already: resume it first", id.as_str());
    EngineError::Refused { code: "endpoint-disabled", detail }
}

fn changed(id: &Slug) -> EngineError {
    EngineError::Changed { what: format!("endpoint {:?}", id.as_str()) }
}
