//! Resolving behind the guard: the HTTP client gets vetted addresses only, and connects to exactly those.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::EgressPolicy;

/// Finds the addresses of a host name. Tests bring their own.
#[async_trait]
pub trait Lookup: Send + Sync + 'static {
    /// All addresses of `host`, in order of preference.
    ///
    /// # Errors
    /// The name cannot be resolved.
    async fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The operating system's resolver, with its hosts file and its order of preference (RFC 6724).
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// A name has no address.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub(super) struct Unresolved {
    /// The name.
    pub(super) host: String,
    /// What the resolver said.
    pub(super) reason: String,
}

/// Resolves, then vets: one address that is not allowed refuses the whole name.
pub(super) struct GuardedResolver {
    policy: Arc<EgressPolicy>,
    lookup: Arc<dyn Lookup>,
}

impl GuardedResolver {
    pub(super) fn new(policy: Arc<EgressPolicy>, lookup: Arc<dyn Lookup>) -> Self {
        Self { policy, lookup }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (policy, lookup) = (Arc::clone(&self.policy), Arc::clone(&self.lookup));
        Box::pin(async move { resolve_vetted(&policy, lookup.as_ref(), name.as_str()).await })
    }
}

async fn resolve_vetted(
    policy: &EgressPolicy,
    lookup: &dyn Lookup,
    host: &str,
) -> Result<Addrs, Box<dyn Error + Send + Sync>> {
    let unresolved = |reason: String| Unresolved { host: host.to_owned(), reason };
    let addresses = lookup.lookup(host).await.map_err(|error| unresolved(error.to_string()))?;
    if addresses.is_empty() {
        return Err(unresolved("the name has no address".to_owned()).into());
    }
    for address in &addresses {
        policy.vet(host, *address)?;
    }
    // Port 0 stands for the port of the URL.
    Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))))
}
