//! The live tail: what is published and delivered, as it happens on this server. Nothing is kept for it; who is too
//! slow misses some and is told how many.

use std::sync::Arc;

use tokio::sync::broadcast::{self, Receiver, Sender};

use crate::model::{Delivery, Event, Slug};

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
}

impl Happening {
    /// The space it happened in.
    pub fn space(&self) -> &Slug {
        match self {
            Self::Published(event) => &event.space,
            Self::Delivery(delivery) => &delivery.space,
        }
    }

    /// The type of its event.
    pub fn kind(&self) -> &str {
        match self {
            Self::Published(event) => &event.kind,
            Self::Delivery(delivery) => &delivery.kind,
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
}

impl Engine {
    /// Watches everything that happens from now on, in all spaces.
    pub fn watch(&self) -> Receiver<Happening> {
        self.live.0.subscribe()
    }
}
