//! Who calls, and whether they may: the bearer key, its role, its space.

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, header};

use super::Api;
use super::problem::Problem;
use crate::model::{ApiKey, Role};
use crate::store::Shared;

/// Who may use a route; stated for each in the route table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone, without a key.
    Open,
    /// Any key.
    AnyKey,
    /// A key of at least this role that opens the space in the path; where the path has none, one that opens every
    /// space.
    Role(Role),
}

/// The key that a request bears; present behind every route that is not open.
#[derive(Clone, Debug)]
pub struct Caller(pub Shared<ApiKey>);

impl Caller {
    /// The name of the key: the author of what the request makes.
    pub fn name(&self) -> &str {
        &self.0.name
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let missing = || Problem::new("internal", "a handler wants a caller, but its route is open");
        parts.extensions.get::<Self>().cloned().ok_or_else(missing)
    }
}

/// The caller of a request, if `access` lets it in. `space` is the one in the path.
///
/// # Errors
/// A problem 401 without a known key, 403 with one that does not suffice.
pub async fn admit(
    api: &Api,
    access: Access,
    headers: &HeaderMap,
    space: Option<&str>,
) -> Result<Option<Caller>, Problem> {
    if access == Access::Open {
        return Ok(None);
    }
    let key = api.engine.authenticate(bearer(headers)?).await?;
    let key = key.ok_or_else(|| Problem::new("wrong-key", "the API key is not known; was it deleted?"))?;
    if let Access::Role(needed) = access {
        check_role(&key, needed)?;
        check_space(&key, space)?;
    }
    Ok(Some(Caller(key)))
}

/// The key of an `Authorization: Bearer KEY` header (RFC 6750 §2.1).
fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let missing = || Problem::new("no-key", "send an API key as Authorization: Bearer KEY");
    let value = headers.get(header::AUTHORIZATION).ok_or_else(missing)?;
    let (scheme, key) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(missing)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(key.trim()) } else { Err(missing()) }
}

fn check_role(key: &ApiKey, needed: Role) -> Result<(), Problem> {
    if key.role >= needed {
        return Ok(());
    }
    let (has, needs) = (role_word(key.role), role_word(needed));
    Err(Problem::new("forbidden", format!("key {:?} has the role {has}; this takes {needs}", key.name)))
}

fn check_space(key: &ApiKey, wanted: Option<&str>) -> Result<(), Problem> {
    let detail = match (&key.space, wanted) {
        (None, _) => return Ok(()),
        (Some(own), Some(wanted)) if own.as_str() == wanted => return Ok(()),
        (Some(own), Some(wanted)) => format!("key {:?} opens space {own} only, not {wanted:?}", key.name),
        (Some(own), None) => format!("key {:?} opens space {own} only; this takes one for all spaces", key.name),
    };
    Err(Problem::new("forbidden", detail))
}

const fn role_word(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Integrator => "integrator",
        Role::Admin => "admin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Key, Time};

    fn key(role: Role, space: Option<&str>) -> ApiKey {
        ApiKey {
            id: "k1".parse().expect("an id"),
            name: "crm".to_owned(),
            role,
            space: space.map(|space| space.parse().expect("an id")),
            hash: Key::hash("th_x"),
            created_at: Time::default(),
        }
    }

    fn bearer_of(value: &str) -> Result<String, String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, value.parse().expect("a header value"));
        bearer(&headers).map(str::to_owned).map_err(|problem| problem.code.into_owned())
    }

    #[test]
    fn a_role_may_do_what_lower_ones_may() {
        assert!(check_role(&key(Role::Admin, None), Role::Viewer).is_ok());
        assert!(check_role(&key(Role::Integrator, None), Role::Integrator).is_ok());
        let problem = check_role(&key(Role::Viewer, None), Role::Integrator).expect_err("a viewer writes nothing");
        assert_eq!((problem.status, problem.code.as_ref()), (403, "forbidden"));
        assert_eq!(problem.detail, "key \"crm\" has the role viewer; this takes integrator");
    }

    #[test]
    fn a_key_of_one_space_opens_no_other_and_nothing_above_spaces() {
        assert!(check_space(&key(Role::Admin, None), Some("a")).is_ok());
        assert!(check_space(&key(Role::Admin, None), None).is_ok());
        assert!(check_space(&key(Role::Admin, Some("a")), Some("a")).is_ok());
        for wanted in [Some("b"), None] {
            let problem = check_space(&key(Role::Admin, Some("a")), wanted).expect_err("not its space");
            assert_eq!((problem.status, problem.code.as_ref()), (403, "forbidden"));
        }
    }

    #[test]
    fn the_key_comes_as_a_bearer_token() {
        assert_eq!(bearer_of("Bearer th_abc"), Ok("th_abc".to_owned()));
        assert_eq!(bearer_of("bearer  th_abc "), Ok("th_abc".to_owned()));
        for bad in ["Basic dXNlcg==", "Bearer", "th_abc"] {
            assert_eq!(bearer_of(bad), Err("no-key".to_owned()), "{bad}");
        }
    }
}
