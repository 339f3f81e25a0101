//! Events that tell about deliveries themselves: endpoints can subscribe to them like to any other.

use serde_json::{Value, json};

use crate::model::{Endpoint, Event, Slug, UniqueId};
use crate::store::Lane;

use super::{Engine, Result};

impl Engine {
    /// An event about the endpoint of `lane`.
    pub(super) fn operational(&self, lane: &Lane, kind: &str, data: Value) -> Event {
        Event {
            id: UniqueId::generate(),
            external_id: None,
            space: lane.space.clone(),
            kind: kind.to_owned(),
            time: self.clock.now(),
            source: "urn:tenterhook:deliveries".to_owned(),
            subject: Some(lane.endpoint.to_string()),
            key: None,
            data,
            run: None,
        }
    }

    /// Tells that a user paused (`endpoint.paused`) or disabled (`endpoint.disabled`) an endpoint.
    pub(super) async fn tell_stopped(&self, space: &Slug, endpoint: &Endpoint, kind: &str, reason: &str) -> Result<()> {
        let lane = Lane { space: space.clone(), endpoint: endpoint.id.clone() };
        let failures = self.store.health(&lane).await?.failures;
        let data = json!({
            "endpoint": { "id": endpoint.id, "url": endpoint.url },
            "reason": reason,
            "consecutive_failures": failures,
            "last_failure": null,
        });
        let publication = self.publication(self.operational(&lane, kind, data)).await?;
        self.commit_publications(vec![publication]).await.map(drop)
    }
}
