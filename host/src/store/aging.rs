//! What ages: the kinds that retention cleans up.

use std::ops::{Index, IndexMut};

/// A kind of object that is cleaned up by age and by size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prunable {
    /// Events.
    Events,
    /// Deliveries and their attempts; those that are held or due go too.
    Deliveries,
    /// Runs that have ended, and their history.
    Runs,
    /// Requests that bins recorded.
    Captures,
}

impl Prunable {
    /// All kinds. Deliveries come before their events, so that none is left without.
    pub const ALL: [Self; 4] = [Self::Deliveries, Self::Events, Self::Runs, Self::Captures];

    /// As metrics name it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Deliveries => "deliveries",
            Self::Runs => "runs",
            Self::Captures => "captures",
        }
    }
}

/// One thing for each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByKind<T> {
    /// For events.
    pub events: T,
    /// For deliveries.
    pub deliveries: T,
    /// For runs.
    pub runs: T,
    /// For recorded requests.
    pub captures: T,
}

impl<T> Index<Prunable> for ByKind<T> {
    type Output = T;

    fn index(&self, kind: Prunable) -> &T {
        match kind {
            Prunable::Events => &self.events,
            Prunable::Deliveries => &self.deliveries,
            Prunable::Runs => &self.runs,
            Prunable::Captures => &self.captures,
        }
    }
}

impl<T> IndexMut<Prunable> for ByKind<T> {
    fn index_mut(&mut self, kind: Prunable) -> &mut T {
        match kind {
            Prunable::Events => &mut self.events,
            Prunable::Deliveries => &mut self.deliveries,
            Prunable::Runs => &mut self.runs,
            Prunable::Captures => &mut self.captures,
        }
    }
}

/// What a clean-up removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// How many objects.
    pub items: u64,
    /// About how many bytes.
    pub bytes: u64,
    /// There are more.
    pub more: bool,
}
