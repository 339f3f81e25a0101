//! Jobs: work that goes on by itself, with progress: on many deliveries, or on an uploaded plugin.

use serde::{Deserialize, Serialize};

use super::{Definition, Kind, Slug, Time, UniqueId};

/// A job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Job {
    /// Its id.
    pub id: UniqueId,
    /// The endpoint whose deliveries it makes, if it makes any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Slug>,
    /// What it does.
    #[serde(flatten)]
    pub task: JobTask,
    /// Where it stands.
    pub status: JobStatus,
    /// How many events or deliveries it has looked at.
    pub looked_at: u64,
    /// How many deliveries it has made due.
    pub sent: u64,
    /// Where it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Who started it: the name of the API key.
    pub created_by: String,
    /// When it was started.
    pub created_at: Time,
    /// When it last made progress.
    pub updated_at: Time,
}

/// What a job does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "task", rename_all = "kebab-case")]
pub enum JobTask {
    /// Sends the failed deliveries of the endpoint again.
    RetryFailed {
        /// Those made at this time or later.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Time>,
    },
    /// Sends events of a time range to the endpoint, if it takes them, whether it got them before or not.
    Replay {
        /// Those accepted at this time or later.
        since: Time,
        /// Those accepted before this time.
        until: Time,
        /// Of this type only.
        #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
        kind: Option<String>,
    },
    /// Makes a version of an uploaded component.
    UploadPlugin {
        /// The plugin.
        plugin: Slug,
        /// The version.
        #[schema(value_type = String)]
        version: semver::Version,
        /// How far it is.
        stage: UploadStage,
    },
}

/// How far an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum UploadStage {
    /// All of it is here.
    Received,
    /// It is looked at: whether it is a component.
    Validating,
    /// It waits for the compiler, or is being compiled.
    Compiling,
    /// Its imports and exports are looked at, and its exports are called with its own example.
    Trying,
    /// It is a version of its plugin now.
    Staged,
    /// It is not taken; `error` says why.
    Refused,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobStatus {
    /// It goes on.
    Running,
    /// It is done.
    Completed,
    /// It could not go on.
    Failed,
    /// A user ended it.
    Cancelled,
}

impl Definition for Job {
    const KIND: Kind = Kind::Job;
    fn id(&self) -> String {
        self.id.to_string()
    }
}
