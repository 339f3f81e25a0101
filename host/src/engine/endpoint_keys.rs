//! The secrets of endpoints: made or given, sealed, replaced, opened for those who sign.

use std::collections::BTreeMap;

use crate::delivery::{CheckedEndpoint, Rotation, current_secrets, generate_envelope_secret, rotated};
use crate::model::{Endpoint, EndpointSecrets, Kind, Redacted, Sealed, SigningSecret, Slug, Time};
use crate::signature::{Scheme, SigningKey};
use crate::vault::Place;

use super::{Engine, EngineError, Result, defect};

/// A signing key of an endpoint, without what is secret of it.
#[derive(Clone, Debug, PartialEq, serde::Serialize, utoipa::ToSchema)]
pub struct KeyView {
    /// How it signs.
    pub scheme: Scheme,
    /// The key that verifies, of scheme `v1a`: `whpk_` and base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    /// When it was made or given.
    pub created_at: Time,
    /// It signs until then, next to the one that replaced it; absent for the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

impl KeyView {
    /// The keys that sign at `now`, the newest first.
    pub(super) fn current(endpoint: &Endpoint, now: Time) -> Vec<Self> {
        current_secrets(&endpoint.secrets.signing, now).map(Self::from).collect()
    }
}

impl From<&SigningSecret> for KeyView {
    fn from(secret: &SigningSecret) -> Self {
        let SigningSecret { public_key, created_at, until, .. } = secret.clone();
        Self { scheme: scheme(secret), public_key, created_at, until }
    }
}

/// The secrets of an endpoint that is saved, and those of them that are new: they are shown once.
pub(super) struct Issued {
    /// All of them, sealed.
    pub secrets: EndpointSecrets,
    /// The new signing key.
    pub secret: Option<Redacted>,
    /// The new envelope secret.
    pub envelope_secret: Option<Redacted>,
}

impl Engine {
    /// The keys that sign the deliveries of `endpoint` at `now`, the newest first.
    ///
    /// # Errors
    /// One of them does not open.
    pub(super) fn signing_keys(&self, space: &Slug, endpoint: &Endpoint, now: Time) -> Result<Vec<SigningKey>> {
        let open = |secret: &SigningSecret| {
            let text = self.vault.unseal(&place(space, &endpoint.id), &secret.sealed)?;
            SigningKey::from_text(text.reveal()).map_err(|error| defect(&error))
        };
        current_secrets(&endpoint.secrets.signing, now).map(open).collect()
    }

    /// The secret in the envelope of format `lead`, if the endpoint has one.
    ///
    /// # Errors
    /// It does not open.
    pub(super) fn envelope_secret(&self, space: &Slug, endpoint: &Endpoint) -> Result<Option<Redacted>> {
        let sealed = endpoint.secrets.envelope.as_ref();
        Ok(sealed.map(|sealed| self.vault.unseal(&place(space, &endpoint.id), sealed)).transpose()?)
    }

    /// The secret values of the endpoint's headers, by the name in lower case.
    ///
    /// # Errors
    /// One of them does not open.
    pub(super) fn header_values(&self, space: &Slug, endpoint: &Endpoint) -> Result<BTreeMap<String, Redacted>> {
        let open = |(name, sealed): (&String, &Sealed)| {
            Ok((name.clone(), self.vault.unseal(&place(space, &endpoint.id), sealed)?))
        };
        endpoint.secrets.headers.iter().map(open).collect()
    }

    /// The secrets of an endpoint that is saved as `checked` over `existing`: what is given replaces what is there,
    /// what is neither given nor there is generated.
    pub(super) fn issue(
        &self,
        space: &Slug,
        id: &Slug,
        checked: &CheckedEndpoint,
        existing: Option<&Endpoint>,
    ) -> Result<Issued> {
        let former = existing.map(|endpoint| endpoint.secrets.clone()).unwrap_or_default();
        let fresh = self.fresh_key(space, id, checked, former.signing.first())?;
        let signing = match &fresh {
            Some(key) => vec![self.sealed_key(space, id, key)?],
            None => former.signing,
        };
        let envelope_secret = self.fresh_envelope(space, id, checked, former.envelope.as_ref())?;
        let sealed = envelope_secret.as_ref().map(|secret| self.vault.seal(&place(space, id), secret.reveal()));
        let envelope = sealed.transpose()?.or(former.envelope);
        let headers = self.sealed_headers(space, id, checked, existing)?;
        let secret = fresh.map(|key| key.to_text());
        Ok(Issued { secrets: EndpointSecrets { signing, envelope, headers }, secret, envelope_secret })
    }

    fn sealed_headers(
        &self,
        space: &Slug,
        id: &Slug,
        checked: &CheckedEndpoint,
        existing: Option<&Endpoint>,
    ) -> Result<BTreeMap<String, Sealed>> {
        let given = checked.secret_headers(existing).map_err(|problems| EngineError::Invalid { problems })?;
        let mut sealed = BTreeMap::new();
        for (name, value) in given {
            let kept = existing.and_then(|endpoint| endpoint.secrets.headers.get(&name)).cloned();
            let value = value.map(|value| self.vault.seal(&place(space, id), value.reveal())).transpose()?;
            sealed.extend(value.or(kept).map(|value| (name, value)));
        }
        Ok(sealed)
    }

    /// The signing key that a save gives an endpoint, if it is another than the one it has.
    fn fresh_key(
        &self,
        space: &Slug,
        id: &Slug,
        checked: &CheckedEndpoint,
        newest: Option<&SigningSecret>,
    ) -> Result<Option<SigningKey>> {
        match (checked.given_key(), newest) {
            (Some(given), Some(newest)) if self.holds(space, id, &newest.sealed, &given.to_text()) => Ok(None),
            (Some(given), _) => Ok(Some(given.clone())),
            (None, None) => generate_key(checked.scheme().unwrap_or(Scheme::V1)).map(Some),
            (None, Some(newest)) if checked.scheme().is_none_or(|wanted| wanted == scheme(newest)) => Ok(None),
            (None, Some(newest)) => {
                let present = scheme(newest).version();
                let reason =
                    format!("the endpoint signs by {present}: rotate its key to change that, or leave this out");
                Err(EngineError::invalid("scheme", reason))
            }
        }
    }

    /// The envelope secret that a save gives an endpoint, if it is another than the one it has.
    fn fresh_envelope(
        &self,
        space: &Slug,
        id: &Slug,
        checked: &CheckedEndpoint,
        former: Option<&Sealed>,
    ) -> Result<Option<Redacted>> {
        match (checked.given_envelope_secret(), former) {
            (Some(given), Some(former)) if self.holds(space, id, former, given) => Ok(None),
            (Some(given), _) => Ok(Some(given.clone())),
            (None, None) if checked.needs_envelope_secret() => {
                generate_envelope_secret().map(Some).map_err(|error| no_randomness(&error))
            }
            (None, _) => Ok(None),
        }
    }

    /// Gives `endpoint` its next signing key; the former ones go on signing for the overlap. Answers the key's text.
    pub(super) fn rotate_keys(
        &self,
        space: &Slug,
        endpoint: &mut Endpoint,
        rotation: &Rotation,
        now: Time,
    ) -> Result<Redacted> {
        let id = endpoint.id.clone();
        let signing = &mut endpoint.secrets.signing;
        let key = match &rotation.key {
            Some(given) => given.clone(),
            None => generate_key(rotation.scheme.or(signing.first().map(scheme)).unwrap_or(Scheme::V1))?,
        };
        let text = key.to_text();
        if signing.first().is_some_and(|newest| self.holds(space, &id, &newest.sealed, &text)) {
            return Err(EngineError::invalid("secret", "it is the one that the endpoint has: give another, or none"));
        }
        // A former key that comes back does not sign twice.
        signing.retain(|former| !self.holds(space, &id, &former.sealed, &text));
        *signing = rotated(signing, self.sealed_key(space, &id, &key)?, rotation.overlap, now);
        Ok(text)
    }

    fn sealed_key(&self, space: &Slug, id: &Slug, key: &SigningKey) -> Result<SigningSecret> {
        Ok(SigningSecret {
            sealed: self.vault.seal(&place(space, id), key.to_text().reveal())?,
            public_key: key.public_text(),
            created_at: self.clock.now(),
            until: None,
        })
    }

    /// Whether `sealed` is `text`. One that does not open is not, and so can be replaced.
    fn holds(&self, space: &Slug, id: &Slug, sealed: &Sealed, text: &Redacted) -> bool {
        self.vault.unseal(&place(space, id), sealed).is_ok_and(|opened| opened == *text)
    }
}

/// What the secrets of an endpoint are sealed for.
fn place<'a>(space: &'a Slug, id: &'a Slug) -> Place<'a> {
    Place { space, kind: Kind::Endpoint, id: id.as_str() }
}

/// Only key pairs have a public key.
fn scheme(secret: &SigningSecret) -> Scheme {
    if secret.public_key.is_some() { Scheme::V1a } else { Scheme::V1 }
}

fn generate_key(scheme: Scheme) -> Result<SigningKey> {
    SigningKey::generate(scheme).map_err(|error| no_randomness(&error))
}

fn no_randomness(error: &getrandom::Error) -> EngineError {
    EngineError::Internal(format!("no randomness: {error}"))
}
