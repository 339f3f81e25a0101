//! Workflows: versioned documents.

use std::fmt::Display;

use serde::{Deserialize, Serialize};

use super::{Definition, Digest, Kind, Slug, Time};

/// How a workflow document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DocumentMedia {
    /// `application/yaml`
    Yaml,
    /// `application/json`
    Json,
}

/// One version of a workflow. Saving a changed document makes the next version; runs keep theirs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Workflow {
    /// Its id in URLs.
    pub id: Slug,
    /// 1 for the first document saved, one more for each changed document.
    pub version: u32,
    /// The document as it was given.
    pub document: String,
    /// How it is written.
    pub media: DocumentMedia,
    /// The hash of the document.
    pub digest: Digest,
    /// Ids of the webhooks it calls.
    pub webhooks: Vec<Slug>,
    /// The plugin versions it calls, `name@semver`, as resolved when it was saved.
    pub plugins: Vec<String>,
    /// Ids of the sources it reads or writes by literal name.
    pub sources: Vec<Slug>,
    /// It is started by hand only, so it cannot own a trigger.
    pub manual: bool,
    /// Who saved this version: the name of the API key.
    pub created_by: String,
    /// When this version was saved.
    pub created_at: Time,
}

impl Definition for Workflow {
    const KIND: Kind = Kind::Workflow;
    fn id(&self) -> String {
        self.id.to_string()
    }
}

/// The same, as it is kept for the runs that hold to an older version; id `workflow@number`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkflowVersion(pub Workflow);

impl Definition for WorkflowVersion {
    const KIND: Kind = Kind::WorkflowVersion;
    fn id(&self) -> String {
        version_id(&self.0.id, self.0.version)
    }
}

/// The id of one version of `named`, a workflow or an event type.
pub fn version_id(named: &impl Display, version: u32) -> String {
    format!("{named}@{version:010}")
}
