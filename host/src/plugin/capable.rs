//! The capabilities as a plugin imports them (`wit/tenterhook.wit`), over the [`Hub`](super::hub::Hub) of its call.

use wasmtime::component::{HasSelf, Linker};

use super::hub::{Shared, deed};
use super::services::{Trouble, WebhookOutcome};
use super::state::State;
use super::wit::{self, troubles};
use crate::model::Capability;

type Answer<T> = Result<T, troubles::Trouble>;

/// Adds the interfaces of all capabilities but `wasi:http`.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wit::records::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    wit::events::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    wit::webhooks::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    wit::state::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    wit::secrets::add_to_linker::<_, HasSelf<_>>(linker, |state| state)
}

impl From<Trouble> for troubles::Trouble {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Denied(text) => Self::Denied(text),
            Trouble::Missing(text) => Self::Missing(text),
            Trouble::Invalid(text) => Self::Invalid(text),
            Trouble::Exhausted(text) => Self::Exhausted(text),
            Trouble::Unavailable(text) => Self::Unavailable(text),
        }
    }
}

impl troubles::Host for State {}

impl wit::records::Host for State {
    async fn get(&mut self, source: String, key: String) -> Answer<Option<String>> {
        let deed = deed(Capability::Records, "get", format!("{source}/{key}"), None);
        let get = move |services: Shared| async move { services.record(source, key).await };
        Ok(self.hub().perform(deed, 0, get).await?)
    }

    async fn upsert(&mut self, source: String, key: String, fields: String) -> Answer<String> {
        let deed = deed(Capability::Records, "upsert", format!("{source}/{key}"), Some(&fields));
        let bytes = fields.len();
        let upsert = move |services: Shared| async move { services.upsert_record(source, key, fields).await };
        Ok(self.hub().perform(deed, bytes, upsert).await?)
    }
}

impl wit::events::Host for State {
    async fn emit(&mut self, event_type: String, data: String, key: Option<String>) -> Answer<String> {
        let deed = deed(Capability::Events, "emit", event_type.clone(), Some(&data));
        let bytes = data.len();
        let emit = move |services: Shared| async move { services.emit(event_type, data, key).await };
        Ok(self.hub().perform(deed, bytes, emit).await?)
    }
}

impl wit::webhooks::Host for State {
    async fn call(&mut self, webhook: String, data: String) -> Answer<wit::webhooks::Outcome> {
        Ok(match self.hub().call_webhook(webhook, data).await? {
            WebhookOutcome::Accepted { status, fields } => {
                wit::webhooks::Outcome::Accepted(wit::webhooks::Answer { status, fields })
            }
            WebhookOutcome::Failed(reason) | WebhookOutcome::Pretended(reason) => {
                wit::webhooks::Outcome::Failed(reason)
            }
        })
    }
}

impl wit::state::Host for State {
    async fn get(&mut self, key: String) -> Answer<Option<String>> {
        let deed = deed(Capability::State, "get", key.clone(), None);
        let get = move |services: Shared| async move { services.state(key).await };
        Ok(self.hub().perform(deed, 0, get).await?)
    }

    async fn set(&mut self, key: String, value: String) -> Answer<()> {
        let deed = deed(Capability::State, "set", key.clone(), Some(&value));
        let bytes = value.len();
        let set = move |services: Shared| async move { services.set_state(key, Some(value)).await };
        Ok(self.hub().perform(deed, bytes, set).await?)
    }

    async fn delete(&mut self, key: String) -> Answer<()> {
        let deed = deed(Capability::State, "delete", key.clone(), None);
        let delete = move |services: Shared| async move { services.set_state(key, None).await };
        Ok(self.hub().perform(deed, 0, delete).await?)
    }
}

impl wit::secrets::Host for State {
    async fn get(&mut self, name: String) -> Answer<String> {
        let deed = deed(Capability::Secrets, "get", name.clone(), None);
        let get = move |services: Shared| async move { services.secret(name).await };
        let secret: String = self.hub().perform(deed, 0, get).await?;
        self.learn_secret(&secret);
        Ok(secret)
    }
}
