//! What built-in plugins say against their configuration, before it is saved.
//!
//! A built-in plugin whose configuration has a member `check` looks at the configuration, where that is true, and calls
//! nothing. The member of which line and column tell is the one whose schema names a media type
//! (`contentMediaType`, JSON Schema 2020-12, Validation, §8.4).

use serde_json::Value;

use super::error::{Blame, PluginError, located};
use super::host::PluginHost;
use super::types::{Call, Secrets};
use super::{call, example};
use crate::model::{Export, Time};

/// The member that asks for a check.
const CHECK: &str = "check";

/// Why a plugin does not take a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// Which part of it: a JSON pointer (RFC 6901).
    pub pointer: String,
    /// Line and column in that part, which is a text.
    pub position: Option<(usize, usize)>,
    /// What is wrong, in the plugin's words.
    pub reason: String,
}

impl PluginHost {
    /// Has the built-in plugin `name` check a configuration that its schema takes. `None` if it has nothing against it,
    /// or checks nothing, or if there is no built-in plugin of that name.
    ///
    /// # Errors
    /// The server is at fault, or too busy.
    pub async fn check_config(
        &self,
        space: &str,
        name: &str,
        export: Export,
        config: &Value,
    ) -> Result<Option<Objection>, PluginError> {
        let Some(plugin) = self.builtin(name).map(|plugin| plugin.on_trial()) else { return Ok(None) };
        let call =
            |config: String| Call { space: space.to_owned(), id: CHECK.to_owned(), now: Time::default(), config };
        let user = self.user(&plugin, &call(String::new()));
        let said = self.pure(&plugin, user, call::describe).await?;
        let schema = said.and_then(|said| serde_json::from_str(&said.config_schema).ok()).unwrap_or(Value::Null);
        let Some(asking) = asking(&schema, config) else { return Ok(None) };
        let call = call(asking.to_string());
        let answered = match export {
            Export::Template => self.render(&plugin, call, "{}".to_owned(), example::base()).await.map(drop),
            Export::Mapping => self.map(&plugin, call, example::response(&Value::Null)).await.map(drop),
            Export::Action => self.run(&plugin, call, "null".to_owned(), None).await.map(drop),
            Export::Verifier => {
                let (request, values) = example::received(&Value::Null);
                let secrets = Secrets { values, mask: Box::new(str::to_owned) };
                self.verify(&plugin, call, request, secrets).await.map(drop)
            }
        };
        objection(answered, &schema)
    }
}

/// The configuration with the request for a check, if there is such a thing in its schema.
fn asking(schema: &Value, config: &Value) -> Option<Value> {
    let is_offered = schema.pointer("/properties/check/type").is_some_and(|kind| kind == "boolean");
    let mut members = config.as_object().filter(|_| is_offered)?.clone();
    members.insert(CHECK.to_owned(), true.into());
    Some(Value::Object(members))
}

fn objection(answered: Result<(), PluginError>, schema: &Value) -> Result<Option<Objection>, PluginError> {
    match answered {
        Ok(()) => Ok(None),
        Err(PluginError::Invalid { reason, .. }) => {
            let (position, reason) = located(&reason);
            let pointer = position.and_then(|_| text_member(schema)).unwrap_or_default();
            Ok(Some(Objection { pointer, position, reason: reason.to_owned() }))
        }
        Err(error) if error.blame() == Blame::Server => Err(error),
        Err(error) => Ok(Some(Objection { pointer: String::new(), position: None, reason: error.to_string() })),
    }
}

/// The member that is a text in a language.
fn text_member(schema: &Value) -> Option<String> {
    let members = schema.get("properties")?.as_object()?;
    let (name, _) = members.iter().find(|(_, member)| member.get("contentMediaType").is_some())?;
    Some(format!("/{}", name.replace('~', "~0").replace('/', "~1")))
}
