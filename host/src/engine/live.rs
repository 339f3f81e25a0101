//! The live tail: what is published, delivered and recorded, as it happens on this server. Nothing is kept for it; who is too
//! slow misses some and is told how many.

use std::sync::Arc;

use tokio::sync::broadcast::{self, Receiver, Sender};

use crate::model::{Capture, Delivery, Event, Slug};
use crate::store::Publication;

use super::Engine;

/// How many happenings a slow watcher may fall behind.
const BEHIND_MAX: usize = 1_024;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Happening {
    /// An event is on disk.
    Published(Arc<Event>),
    /// A delivery changed: an attempt is over.
    Delivery(Arc<Delivery>),
    /// A bin recorded a request; this is its excerpt.
    Captured(Arc<Capture>),
}

impl Happening {
    /// The space it happened in.
    pub fn space(&self) -> &Slug {
        match self {
            Self::Published(event) => &event.space,
            Self::Delivery(delivery) => &delivery.space,
            Self::Captured(capture) => &capture.space,
        }
    }

    /// The type of its event, if it is about one.
    pub fn kind(&self) -> Option<&str> {
        match self {
            Self::Published(event) => Some(&event.kind),
            Self::Delivery(delivery) => Some(&delivery.kind),
            Self::Captured(_) => None,
        }
    }
}

/// Tells happenings to whoever watches.
pub(super) struct Live(Sender<Happening>);

impl Default for Live {
    fn default() -> Self {
        Self(broadcast::channel(BEHIND_MAX).0)
    }
}

impl Live {
    /// Tells of something, if anybody watches.
    pub(super) fn tell(&self, happening: impl FnOnce() -> Happening) {
        if self.0.receiver_count() > 0 {
            // The last watcher may have gone just now.
            self.0.send(happening()).ok();
        }
    }

    /// Tells of events that were published.
    pub(super) fn tell_published(&self, events: Vec<Arc<Event>>) {
        events.into_iter().for_each(|event| self.tell(|| Happening::Published(event)));
    }
}

/// The events of publications that are to be committed.
pub(super) fn events_of(publications: &[Publication]) -> Vec<Arc<Event>> {
    publications.iter().map(|publication| Arc::clone(&publication.event)).collect()
}

impl Engine {
    /// Watches everything that happens from now on, in all spaces.
    pub fn watch(&self) -> Receiver<Happening> {
        self.live.0.subscribe()
    }
}
