//! Plugin versions: uploaded components, immutable, addressed `name@semver` and by content.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Definition, Digest, Kind, Slug, Time};

/// What a plugin can implement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Export {
    /// `payload-template`: builds a request.
    Template,
    /// `response-mapping`: reads a response.
    Mapping,
    /// `trigger-action`: a step of a workflow.
    Action,
    /// `inbound-verifier`: says who calls a trigger.
    Verifier,
}

impl Export {
    /// As the API names it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Template => "template",
            Self::Mapping => "mapping",
            Self::Action => "action",
            Self::Verifier => "verifier",
        }
    }
}

/// What a plugin says of itself (its `describe` export).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Description {
    /// Its own name.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// JSON Schema of its configuration.
    pub config_schema: Value,
    /// Capabilities it asks for.
    pub capabilities: Vec<String>,
    /// An example configuration.
    pub example_config: Value,
    /// An example input.
    pub example_input: Value,
}

/// How one export did with the plugin's own example, when the version was uploaded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Trial {
    /// The export that was tried.
    pub export: Export,
    /// It gave a result.
    pub ok: bool,
    /// Why it gave none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How long it took, in milliseconds.
    pub elapsed_ms: f64,
}

/// One uploaded version of a plugin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PluginVersion {
    /// The plugin's name.
    pub name: Slug,
    /// Its version.
    #[schema(value_type = String)]
    pub version: semver::Version,
    /// The content hash of the component.
    pub digest: Digest,
    /// The size of the component, in bytes.
    pub size: u64,
    /// What it implements.
    pub exports: Vec<Export>,
    /// The interfaces it imports, with versions.
    pub imports: Vec<String>,
    /// What it says of itself, if it exports `describe`.
    pub description: Option<Description>,
    /// How its exports did with its own example; empty if it gave none.
    #[serde(default)]
    pub trial: Vec<Trial>,
    /// Comes with the server; cannot be deleted.
    pub builtin: bool,
    /// Who uploaded it: the name of the API key.
    pub created_by: String,
    /// When it was uploaded.
    pub created_at: Time,
}

impl Definition for PluginVersion {
    const KIND: Kind = Kind::Plugin;
    fn id(&self) -> String {
        self.to_string()
    }
}

/// `name@version`.
impl fmt::Display for PluginVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

/// How a definition names a plugin: `name@semver`, or `name` for the version that is live when it is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PluginRef {
    /// The plugin's name.
    pub name: Slug,
    /// The version, if one is named.
    pub version: Option<semver::Version>,
}

impl utoipa::PartialSchema for PluginRef {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .examples(["slack-message@1.2.0", "slack-message"])
            .into()
    }
}

impl utoipa::ToSchema for PluginRef {}

impl fmt::Display for PluginRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some(version) => write!(f, "{}@{version}", self.name),
            None => self.name.fmt(f),
        }
    }
}

impl FromStr for PluginRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, version) = match text.split_once('@') {
            Some((name, version)) => (name, Some(version)),
            None => (text, None),
        };
        let name = name.parse::<Slug>().map_err(|error| error.to_string())?;
        let version = version
            .map(|v| v.parse().map_err(|e| format!("plugin version {v:?}: {e}; write name@1.2.3")))
            .transpose()?;
        Ok(Self { name, version })
    }
}

impl TryFrom<String> for PluginRef {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<PluginRef> for String {
    fn from(plugin: PluginRef) -> Self {
        plugin.to_string()
    }
}
