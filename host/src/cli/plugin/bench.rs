//! A plugin host on this machine: the server's own, with the server's limits.

use std::convert::Infallible;
use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::ask::{Ask, judgement_json, request_json, verdict_json};
use super::cache;
use super::role::Role;
use super::stand_in::StandIn;
use crate::model::Time;
use crate::plugin::{Call, Inspection, Limits, Loaded, PluginError, PluginHost, Refused, Reported, Secrets, Services};

/// What a call is about, besides its input.
#[derive(Clone)]
pub(super) struct Setting {
    /// JSON text.
    pub config: String,
    pub now: Time,
    pub id: String,
    /// What answers for the capabilities of an action; none: all are denied.
    pub server: Option<Arc<StandIn>>,
}

/// A host for one component.
pub(super) struct Bench {
    host: Arc<PluginHost>,
    runtime: Runtime,
}

impl Bench {
    /// Starts a host.
    ///
    /// # Errors
    /// The engine cannot be set up on this machine.
    pub fn start(limits: Limits) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // One call at a time.
        let host = PluginHost::start(Limits { pure_threads: 1, actions_max: 1, ..limits }, cache::open())?;
        Ok(Self { host, runtime })
    }

    pub fn limits(&self) -> &Limits {
        self.host.limits()
    }

    /// Compiles and inspects a component, as an upload would.
    pub fn inspect(&self, component: &Bytes) -> Result<Inspection, Refused> {
        self.runtime.block_on(self.host.inspect(component.clone()))
    }

    /// Makes an inspected component ready to be called.
    ///
    /// # Errors
    /// It does not load, although its inspection went well.
    pub fn load(&self, inspection: &Inspection, component: &Bytes) -> anyhow::Result<Loaded> {
        let name = inspection.description.as_ref().map_or("plugin", |said| said.name.as_str());
        let fetch = async { Ok::<_, Infallible>(component.clone()) };
        // As on trial, so that the same call gives the same.
        let loaded = self.runtime.block_on(self.host.load(inspection.digest, name, fetch));
        loaded.map(|loaded| loaded.on_trial()).context("it does not load")
    }

    /// Calls a plugin; what it answers is JSON, `null` for a template that sends nothing.
    pub fn call(&self, plugin: &Loaded, ask: Ask, setting: &Setting) -> Result<Reported<Value>, PluginError> {
        let Setting { config, now, id, server } = setting.clone();
        let call = Call { space: "default".to_owned(), id, now, config };
        self.runtime.block_on(async {
            Ok(match ask {
                Ask::Template { input, base } => {
                    let report = self.host.render(plugin, call, input, base).await?;
                    report.map(|request| request.as_ref().map_or(Value::Null, request_json))
                }
                Ask::Mapping(response) => {
                    self.host.map(plugin, call, response).await?.map(|verdict| verdict_json(&verdict))
                }
                Ask::Action { input } => {
                    let server = server.map(|server| server as Arc<dyn Services>);
                    let report = self.host.run(plugin, call, input, server).await?;
                    report.map(|json| serde_json::from_str(&json).unwrap_or_default())
                }
                Ask::Verifier { request, secrets } => {
                    // They are the author's own.
                    let secrets = Secrets { values: secrets, mask: Box::new(str::to_owned) };
                    let report = self.host.verify(plugin, call, request, secrets).await?;
                    report.map(|judgement| judgement_json(&judgement))
                }
            })
        })
    }

    /// How long a call of this kind may take.
    pub fn time_max(&self, role: Role) -> std::time::Duration {
        match role {
            Role::Action => self.limits().action_time_max,
            Role::Template | Role::Mapping | Role::Verifier => self.limits().pure_time_max,
        }
    }
}
