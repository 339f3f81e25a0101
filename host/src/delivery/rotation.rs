//! Rotations as users give them.

use std::time::Duration;

use serde::Deserialize;

use super::check::Problems;
use super::draft::redacted;
use super::{OVERLAP_DEFAULT, OVERLAP_MAX};
use crate::model::{FieldProblem, Redacted};
use crate::signature::{Scheme, SigningKey};

/// The body of `POST …/endpoints/{id}/rotate`: `{secret?, scheme?, overlap_s?}`.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotationDraft {
    /// The new signing key, as in an endpoint; generated if absent.
    #[serde(default, deserialize_with = "redacted")]
    #[schema(value_type = Option<String>, write_only)]
    pub secret: Option<Redacted>,
    /// How a generated key signs; as the present one, if absent.
    #[serde(default)]
    pub scheme: Option<Scheme>,
    /// How long the former keys go on signing next to the new one, in seconds: at most a week, a day if absent.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 604800, default = 86400)]
    pub overlap_s: Option<u64>,
}

/// A rotation that was checked.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// The new key, if it was given.
    pub key: Option<SigningKey>,
    /// How a generated key is to sign, if that was said.
    pub scheme: Option<Scheme>,
    /// How long the former keys go on signing.
    pub overlap: Duration,
}

impl RotationDraft {
    /// Checks it.
    ///
    /// # Errors
    /// All problems at once, each with its member.
    pub fn check(self) -> Result<Rotation, Vec<FieldProblem>> {
        let mut problems = Problems::default();
        let overlap_s = self.overlap_s.unwrap_or(OVERLAP_DEFAULT.as_secs());
        problems.check_range("overlap_s", overlap_s, 0..=OVERLAP_MAX.as_secs());
        let key = problems.check_secret(self.secret.as_ref(), self.scheme);
        problems.into_result(Rotation { key, scheme: self.scheme, overlap: Duration::from_secs(overlap_s) })
    }
}
