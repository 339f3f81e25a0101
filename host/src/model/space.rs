//! Spaces (tenants) and the API keys that open them.

use serde::{Deserialize, Serialize};

use super::{Definition, Digest, Kind, Slug, Time};

/// A tenant; every other object belongs to one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Space {
    /// Its id in URLs.
    pub id: Slug,
    /// Its name for people.
    pub name: String,
    /// When it was made.
    pub created_at: Time,
}

impl Definition for Space {
    const KIND: Kind = Kind::Space;
    fn id(&self) -> String {
        self.id.to_string()
    }
}

/// What a key may do; each role may do all that the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads everything but secrets.
    Viewer,
    /// Also writes definitions and records, and starts runs.
    Integrator,
    /// Also manages keys, spaces, secrets and backups.
    Admin,
}

/// An API key. The key itself is shown once; only its hash is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its id, to name it when it is deleted.
    pub id: Slug,
    /// What it is for, for people.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The space it opens; `None` opens every space.
    pub space: Option<Slug>,
    /// [`Key::hash`](super::Key::hash) of the key.
    pub hash: Digest,
    /// When it was made.
    pub created_at: Time,
}

impl Definition for ApiKey {
    const KIND: Kind = Kind::ApiKey;
    fn id(&self) -> String {
        self.id.to_string()
    }
}
