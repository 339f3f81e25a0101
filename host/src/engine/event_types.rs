//! The event catalogue of a space: the built-in types, those that its users define, and the check of what is published.

use std::sync::Arc;

use quick_cache::sync::Cache;
use serde_json::Value;

use crate::event::{
    BuiltIn, CheckedType, EVENT_BYTES_MAX, EventDraft, EventTypeDraft, Finding, Publication, Validator,
    event_data_types,
};
use crate::model::{
    DefinitionPath, Event, EventName, EventType, EventTypeVersion, FieldProblem, Kind, Object, Saved, Slug, UniqueId,
    version_id,
};
use crate::store::{Draft, Expect, Page, Shared, Slice, draft};

use super::{Engine, EngineError, Result, defect, definition_error, unchanged};

/// Compiled schemas by space, name and version; those of built-in types, which all spaces share, have no space. A
/// version never has another schema, so what is kept holds.
pub(super) type Validators = Cache<(Option<Slug>, EventName, u32), Arc<Validator>>;

/// An event type with what is known of it besides.
#[derive(Clone, Debug)]
pub struct EventTypeView {
    /// The version shown.
    pub event_type: EventType,
    /// The revision of the definition; none of a built-in type, which does not change, and of older versions.
    pub revision: Option<u64>,
    /// It comes with the server.
    pub builtin: bool,
    /// It tells about deliveries: only the server publishes it.
    pub operational: bool,
}

impl From<&BuiltIn> for EventTypeView {
    fn from(built_in: &BuiltIn) -> Self {
        let BuiltIn { definition, operational, .. } = built_in;
        Self { event_type: definition.clone(), revision: None, builtin: true, operational: *operational }
    }
}

impl From<Saved<EventType>> for EventTypeView {
    fn from(saved: Saved<EventType>) -> Self {
        Self { event_type: saved.value, revision: Some(saved.revision), builtin: false, operational: false }
    }
}

impl From<EventTypeVersion> for EventTypeView {
    fn from(version: EventTypeVersion) -> Self {
        Self { event_type: version.0, revision: None, builtin: false, operational: false }
    }
}

/// A type of which users may publish events.
enum Publishable<'a> {
    BuiltIn(&'a BuiltIn),
    Own(Shared<EventType>),
}

impl Engine {
    /// Saves an event type; the same document again changes nothing, another schema makes the next version. `true`
    /// if the type was made.
    pub async fn save_event_type(
        &self,
        space: &Slug,
        name: &EventName,
        given: EventTypeDraft,
        expect: Expect,
        author: &str,
    ) -> Result<(EventTypeView, bool)> {
        self.space(space).await?;
        let former = self.definitions.get::<EventType>(space, name.as_str()).await?;
        let existing = former.as_ref().map(|saved| saved.value.clone());
        let CheckedType { mut definition, validator } = self.checked_type(space, name, given, existing, author).await?;
        if let Some(same) = &former
            && same.value == definition
            && expect != Expect::Absent
        {
            self.store.settle().await?;
            return Ok((same.clone().into(), false));
        }
        if former.is_none() {
            definition.version = self.unused_version(space, name).await?;
        }
        let drafts = event_type_drafts(space, &definition, former.as_ref(), expect)?;
        let committed = self.definitions.commit(drafts).await;
        let revision = committed.map_err(|error| definition_error(error, "event type", name.as_str()))?;
        if let Some(validator) = validator {
            self.validators.insert((Some(space.clone()), name.clone(), definition.version), Arc::new(validator));
        }
        Ok((Saved { revision, value: definition }.into(), former.is_none()))
    }

    /// Checks a definition, on the plugin threads: a large schema takes its time.
    async fn checked_type(
        &self,
        space: &Slug,
        name: &EventName,
        given: EventTypeDraft,
        existing: Option<EventType>,
        author: &str,
    ) -> Result<CheckedType> {
        let (catalogue, now) = (Arc::clone(&self.catalogue), self.clock.now());
        let (name, author) = (name.clone(), author.to_owned());
        let check = move || given.check(name, &catalogue, existing.as_ref(), &author, now);
        let checked = self.plugins.run_blocking(space.as_str(), check).await?;
        checked.map_err(|problems| EngineError::Invalid { problems })
    }

    /// Versions of a deleted type stay, so one made anew counts on after them.
    async fn unused_version(&self, space: &Slug, name: &EventName) -> Result<u32> {
        let mut version = 1;
        while self.definitions.get::<EventTypeVersion>(space, &version_id(name, version)).await?.is_some() {
            version += 1;
        }
        Ok(version)
    }

    /// One event type: its current version, or the one asked for.
    pub async fn event_type(&self, space: &Slug, name: &EventName, version: Option<u32>) -> Result<EventTypeView> {
        self.space(space).await?;
        let current = self.current_type(space, name).await?;
        let Some(version) = version.filter(|version| *version != current.event_type.version) else {
            return Ok(current);
        };
        let id = version_id(name, version);
        let found = if current.builtin { None } else { self.definitions.get::<EventTypeVersion>(space, &id).await? };
        Ok(found.ok_or_else(|| EngineError::not_found("event type version", id))?.value.into())
    }

    async fn current_type(&self, space: &Slug, name: &EventName) -> Result<EventTypeView> {
        if let Some(built_in) = self.catalogue.get(name.as_str()) {
            return Ok(built_in.into());
        }
        let saved = self.definitions.get::<EventType>(space, name.as_str()).await?;
        Ok(saved.ok_or_else(|| EngineError::not_found("event type", name))?.into())
    }

    /// The event types of a space, the built-in ones first.
    pub async fn event_types(&self, space: &Slug, page: Page) -> Result<Slice<EventTypeView>> {
        self.space(space).await?;
        let first = page.cursor.is_none();
        let mut slice = self.definitions.list::<EventType>(space, page).await?.map(EventTypeView::from);
        if first {
            slice.items.splice(0..0, self.catalogue.iter().map(EventTypeView::from));
        }
        Ok(slice)
    }

    /// The data of the built-in event types, declared in TypeScript.
    pub fn built_in_data_types(&self) -> String {
        event_data_types(&self.catalogue)
    }

    /// Versions of an event type, newest first.
    pub async fn event_type_versions(
        &self,
        space: &Slug,
        name: &EventName,
        page: Page,
    ) -> Result<Slice<EventTypeView>> {
        let current = self.event_type(space, name, None).await?;
        if current.builtin {
            return Ok(Slice { items: vec![current], next: None });
        }
        let newest = current.event_type.version;
        let slice = self.versions_page::<EventTypeVersion>(space, name.as_str(), newest, page).await?;
        Ok(slice.map(EventTypeView::from))
    }

    /// Deletes an event type: none is published any more. Its versions and its events stay.
    pub async fn delete_event_type(&self, space: &Slug, name: &EventName, expect: Expect) -> Result<()> {
        if self.catalogue.get(name.as_str()).is_some() {
            let detail = format!("event type {:?} comes with the server and cannot be deleted", name.as_str());
            return Err(EngineError::Refused { code: "builtin-event-type", detail });
        }
        self.remove::<EventType>("event type", space, name.as_str(), expect).await
    }

    /// Checks an event that `source`, a URI reference, publishes in `space`, which exists. Its type must be in the
    /// catalogue and not one that only the server publishes; its data must fit the schema, where those of built-in
    /// types are completed by null for what they leave out.
    pub(super) async fn checked_event(&self, space: &Slug, draft: EventDraft, source: &str) -> Result<Event> {
        let (id, now, bytes_max) = (UniqueId::generate(), self.clock.now(), EVENT_BYTES_MAX);
        let found = self.publishable(space, &draft.kind).await?;
        let (mut event, event_type) = match (draft.check(&Publication { id, space, source, now, bytes_max }), found) {
            (Ok(event), Ok(event_type)) => (event, event_type),
            (Ok(_), Err(problem)) => return Err(EngineError::Invalid { problems: vec![problem] }),
            (Err(mut problems), found) => {
                problems.extend(found.err().filter(|_| problems.iter().all(|problem| problem.field != "type")));
                return Err(EngineError::Invalid { problems });
            }
        };
        self.fit(&mut event, &event_type).await?;
        Ok(event)
    }

    /// Checks an event that a workflow emits. Its type need not be in the catalogue; where it is, the data must fit,
    /// and one that only the server publishes is refused.
    pub(super) async fn checked_emission(&self, mut event: Event) -> Result<Event> {
        match self.publishable(&event.space, &event.kind).await? {
            Ok(event_type) => self.fit(&mut event, &event_type).await?,
            Err(problem) if self.catalogue.get(&event.kind).is_some() => {
                return Err(EngineError::Invalid { problems: vec![problem] });
            }
            Err(_) => {}
        }
        Ok(event)
    }

    /// Completes and checks the data of an event of a known type.
    async fn fit(&self, event: &mut Event, event_type: &Publishable<'_>) -> Result<()> {
        if let (Publishable::BuiltIn(built_in), Some(data)) = (event_type, event.data.as_object_mut()) {
            built_in.complete(data);
        }
        let validator = match event_type {
            Publishable::BuiltIn(built_in) => self.validator(None, &built_in.definition)?,
            Publishable::Own(own) => self.validator(Some(&event.space), own)?,
        };
        match validator {
            Some(validator) => self.check_data(event, validator).await,
            None => Ok(()),
        }
    }

    /// Sets what the data of a built-in type may leave out to null.
    pub(super) fn complete_data(&self, kind: &str, data: &mut Object) {
        if let Some(built_in) = self.catalogue.get(kind) {
            built_in.complete(data);
        }
    }

    /// The example of a type, if it is known and has one.
    pub(super) async fn example(&self, space: &Slug, name: &str) -> Result<Option<Value>> {
        let Ok(name) = name.parse::<EventName>() else { return Ok(None) };
        match self.current_type(space, &name).await {
            Ok(view) => Ok(view.event_type.example),
            Err(EngineError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The type of this name, or why users cannot publish events of it.
    async fn publishable(&self, space: &Slug, name: &str) -> Result<Result<Publishable<'_>, FieldProblem>> {
        if let Some(built_in) = self.catalogue.get(name) {
            let reason = || format!("events of type {name:?} tell about deliveries: only the server publishes them");
            let refused = built_in.operational.then(|| FieldProblem::new("type", reason()));
            return Ok(refused.map_or(Ok(Publishable::BuiltIn(built_in)), Err));
        }
        if let Err(invalid) = name.parse::<EventName>() {
            return Ok(Err(FieldProblem::new("type", invalid.to_string())));
        }
        let own = self.definitions.shared::<EventType>(space, name).await?;
        Ok(own.map(Publishable::Own).ok_or_else(|| {
            let reason = format!(
                "there is no event type {name:?} in this space: define it first (PUT …/event-types/{name}), or publish \
                 one that GET …/event-types lists"
            );
            FieldProblem::new("type", reason)
        }))
    }

    /// The compiled schema of a type that is built in, or saved in the space `owner`.
    fn validator(&self, owner: Option<&Slug>, event_type: &EventType) -> Result<Option<Arc<Validator>>> {
        let Some(schema) = &event_type.schema else { return Ok(None) };
        let at = (owner.cloned(), event_type.name.clone(), event_type.version);
        if let Some(validator) = self.validators.get(&at) {
            return Ok(Some(validator));
        }
        let validator = Arc::new(Validator::compile(schema).map_err(|problem| defect(&problem))?);
        self.validators.insert(at, Arc::clone(&validator));
        Ok(Some(validator))
    }

    /// Checks the data of an event; on the plugin threads, where that may take long.
    async fn check_data(&self, event: &mut Event, validator: Arc<Validator>) -> Result<()> {
        let checked = if validator.is_quick(&event.data) {
            validator.check(&event.data)
        } else {
            let data = std::mem::take(&mut event.data);
            let check = move || (validator.check(&data), data);
            let (checked, data) = self.plugins.run_blocking(event.space.as_str(), check).await?;
            event.data = data;
            checked
        };
        checked.map_err(|found: Vec<Finding>| EngineError::Invalid {
            problems: found.into_iter().map(FieldProblem::from).collect(),
        })
    }
}

/// The drafts of a type and of its version. A new version is one that nobody made meanwhile.
fn event_type_drafts(
    space: &Slug,
    event_type: &EventType,
    former: Option<&Saved<EventType>>,
    expect: Expect,
) -> Result<Vec<Draft>> {
    let mut current = draft(space, event_type, unchanged(former, expect))?;
    current.uses.push(DefinitionPath::new(space, Kind::Space, space.as_str()));
    let is_new = former.is_none_or(|former| former.value.version != event_type.version);
    let kept = if is_new { Expect::Absent } else { Expect::Any };
    let version = draft(space, &EventTypeVersion(event_type.clone()), kept)?;
    Ok(vec![current, version])
}
