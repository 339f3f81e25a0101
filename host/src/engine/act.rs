//! The story of an action: take what is granted to it, call it, and hand on what it wrote; call it again if others
//! changed that before it was committed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::Value;
use tokio::sync::OwnedMutexGuard;

use crate::model::{Capability, Export, LogLine, PluginRef, Run, Slug};
use crate::plugin::{Loaded, Services};
use crate::workflow::{Action, Effect, EffectResult};

use super::call::{CallSite, LOG_LINES_MAX, Stop};
use super::capabilities::{About, Capabilities, Done, Writes, dropped, followed};
use super::perform::Performed;
use super::{Engine, EngineError, Result, faults};

/// How often an action is called for one task. Those that are called again take turns, so each time one of them is done.
const TRIES_MAX: u32 = 100;

/// Whose turn it is, of actions of one plugin in a space whose writes met.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<(Slug, Slug), Weak<Turn>>>);

type Turn = tokio::sync::Mutex<()>;

impl Turns {
    async fn take(&self, space: &Slug, plugin: &Slug) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|_, turn| turn.strong_count() > 0);
            let turn = turns.entry((space.clone(), plugin.clone())).or_default();
            turn.upgrade().unwrap_or_else(|| {
                let new = Arc::default();
                *turn = Arc::downgrade(&new);
                new
            })
        };
        turn.lock_owned().await
    }
}

/// How often an action was called again for its task, and its turn once it was.
#[derive(Default)]
pub(super) struct Again {
    times: u32,
    turn: Option<OwnedMutexGuard<()>>,
}

impl Engine {
    /// Calls an action plugin with an input and a configuration.
    pub(super) async fn call_action(
        self: &Arc<Self>,
        run: &Run,
        effect: &Effect,
        plugin: &PluginRef,
        given: (&Value, &Value),
    ) -> Result<Performed> {
        let started_at = self.clock.now();
        let loaded = self.load_plugin(&run.space, plugin, &effect.idempotency_key).await;
        let capabilities = match &loaded {
            Ok(loaded) if loaded.uses_capabilities() => Some(self.capabilities(run, effect, loaded).await?),
            _ => None,
        };
        let mut logs = Vec::new();
        let services = capabilities.clone().map(|capabilities| capabilities as Arc<dyn Services>);
        let acted = match loaded {
            Ok(loaded) => self.run_action(&loaded, self.call_site(run, effect), (given, services), &mut logs).await,
            Err(error) => Err(error.into()),
        };
        let done = capabilities.map_or_else(Done::default, |capabilities| capabilities.finish(acted.is_ok()));
        let Done { writes, deeds, logs: others } = done;
        logs.extend(others);
        logs.truncate(LOG_LINES_MAX);
        let outcome = match acted {
            Ok(output) => Ok(output),
            Err(stop) => Err(stop.into_fault()?),
        };
        let finished_at = self.clock.now();
        let result = EffectResult { outcome, exchange: None, unsent: None, logs, deeds, started_at, finished_at };
        Ok(if writes.is_empty() {
            Performed::Done(result)
        } else {
            Performed::Action { result, writes: Box::new(writes) }
        })
    }

    async fn capabilities(self: &Arc<Self>, run: &Run, effect: &Effect, plugin: &Loaded) -> Result<Arc<Capabilities>> {
        let about = About {
            space: run.space.clone(),
            // What is granted is granted to the version that is called.
            plugin: plugin.name().parse().map_err(EngineError::Internal)?,
            key: effect.idempotency_key.clone(),
            run: run.id,
            now: run.created_at,
        };
        Capabilities::new(self, about, None).await
    }

    async fn run_action(
        &self,
        plugin: &Loaded,
        site: CallSite<'_>,
        ((input, config), services): ((&Value, &Value), Option<Arc<dyn Services>>),
        logs: &mut Vec<LogLine>,
    ) -> Result<Value, Stop> {
        let report = self.plugins.run(plugin, site.call(config), input.to_string(), services).await;
        self.learn(site.space, plugin, &report).await;
        let report = report.map_err(|error| Stop::plugin(error, logs))?;
        logs.extend(report.logs);
        let output = serde_json::from_str(&report.value);
        output.map_err(|error| faults::configuration(format!("{:?} returned no JSON: {error}", Export::Action)).into())
    }

    /// Calls an action once more, in its turn: what it wrote was changed by others before it was committed.
    pub(super) async fn act_again(
        self: &Arc<Self>,
        run: &Run,
        effect: &Effect,
        (former, writes): (EffectResult, &Writes),
        again: &mut Again,
    ) -> Result<Performed> {
        again.times += 1;
        if again.times >= TRIES_MAX {
            return Ok(Performed::Done(given_up(former)));
        }
        if let (Action::CallPlugin { plugin, .. }, None) = (&effect.action, &again.turn) {
            again.turn = Some(self.turns.take(&run.space, &plugin.name).await);
        }
        let capability = if writes.states.is_empty() { Capability::Records } else { Capability::State };
        let mut performed = self.perform(run, effect).await?;
        if let Performed::Action { result, .. } | Performed::Done(result) = &mut performed {
            let deeds = std::mem::take(&mut result.deeds);
            result.deeds = followed(former.deeds, capability, again.times, deeds);
            result.started_at = former.started_at;
        }
        Ok(performed)
    }
}

/// The result of an action that is not called again any more, although what it wrote was changed by others.
fn given_up(former: EffectResult) -> EffectResult {
    EffectResult { outcome: Err(faults::contended(TRIES_MAX)), deeds: dropped(former.deeds), ..former }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{Deed, DeedOutcome, Time};

    #[test]
    fn of_an_action_that_is_given_up_no_write_is_said_to_be_done() {
        let deed = |capability, call: &str, outcome| {
            let (call, target) = (call.to_owned(), "x".to_owned());
            Deed { capability, call, target, outcome, detail: None, exchange: None }
        };
        let deeds = vec![
            deed(Capability::Webhooks, "call", DeedOutcome::Done),
            deed(Capability::State, "get", DeedOutcome::Done),
            deed(Capability::State, "set", DeedOutcome::Done),
            deed(Capability::Records, "upsert", DeedOutcome::Denied),
            deed(Capability::Records, "upsert", DeedOutcome::Done),
            deed(Capability::Events, "emit", DeedOutcome::Done),
        ];
        let (started_at, finished_at) = (Time::default(), Time::default());
        let result = given_up(EffectResult {
            outcome: Ok(json!(1)),
            exchange: None,
            unsent: None,
            logs: Vec::new(),
            deeds,
            started_at,
            finished_at,
        });
        use DeedOutcome::{Denied, Done, Dropped};
        let outcomes: Vec<_> = result.deeds.iter().map(|deed| deed.outcome).collect();
        assert_eq!(outcomes, [Done, Done, Dropped, Denied, Dropped, Dropped]);
        assert_eq!(result.outcome.expect_err("it failed").status, 409);
    }
}
