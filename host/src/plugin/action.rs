//! The runtime for actions: threads of its own, so that a looping action never delays the server, and turns.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::AbortOnDropHandle;

use super::engine::cores;
use super::pure::LaneKey;

/// What part of the permits one plugin may hold.
const SHARE: usize = 4;

/// Runs actions. Dropping it stops them at their next wait or tick.
pub(super) struct ActionRuntime {
    runtime: Option<Runtime>,
    handle: Handle,
    permits: Arc<Semaphore>,
    lanes: Mutex<HashMap<LaneKey, Arc<Semaphore>>>,
    lane_max: usize,
    /// How long a call waits for its turn.
    patience: Duration,
}

/// A turn: given back when dropped.
pub(super) struct Turn {
    _permit: OwnedSemaphorePermit,
    _lane: OwnedSemaphorePermit,
}

impl ActionRuntime {
    /// How many threads there are: half as many as cores.
    pub fn threads() -> usize {
        cores().div_ceil(2)
    }

    /// Starts the threads.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn start(actions_max: usize, patience: Duration) -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(Self::threads())
            .thread_name("plugin-action")
            // Guests yield each millisecond: look at timers, wake-ups and new calls every time, not every 61st.
            .event_interval(1)
            .global_queue_interval(1)
            .enable_time()
            .build()?;
        let handle = runtime.handle().clone();
        Ok(Self {
            runtime: Some(runtime),
            handle,
            permits: Arc::new(Semaphore::new(actions_max)),
            lanes: Mutex::default(),
            lane_max: (actions_max / SHARE).max(1),
            patience,
        })
    }

    /// Waits for a turn; `None` if it did not come in time.
    pub async fn turn(&self, lane: LaneKey) -> Option<Turn> {
        let own = self.lane(lane);
        tokio::time::timeout(self.patience, async {
            let lane = own.acquire_owned().await.ok()?;
            let permit = Arc::clone(&self.permits).acquire_owned().await.ok()?;
            Some(Turn { _permit: permit, _lane: lane })
        })
        .await
        .ok()
        .flatten()
    }

    fn lane(&self, key: LaneKey) -> Arc<Semaphore> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.retain(|_, lane| Arc::strong_count(lane) > 1);
        Arc::clone(lanes.entry(key).or_insert_with(|| Arc::new(Semaphore::new(self.lane_max))))
    }

    /// Runs `future` here; it ends when the caller stops waiting. `None`: it panicked, or the server stops.
    pub async fn run<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> Option<T> {
        match AbortOnDropHandle::new(self.handle.spawn(future)).await {
            Ok(value) => Some(value),
            Err(error) => {
                tracing::error!(%error, "an action's task was lost");
                None
            }
        }
    }

    /// Runs blocking work that belongs to plugins, such as compiling, on a thread of its own.
    pub async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        match self.handle.spawn_blocking(work).await {
            Ok(value) => Some(value),
            Err(error) => {
                tracing::error!(%error, "a plugin's blocking work was lost");
                None
            }
        }
    }
}

impl Drop for ActionRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // May run on any thread, also one that must not block.
            runtime.shutdown_background();
        }
    }
}
