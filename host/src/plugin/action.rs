//! Where actions run: threads of their own, so that a looping action never delays the server, in turns.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;

use super::engine::cores;
use super::pure::LaneKey;
use super::turns::Turns;

/// What part of the permits one plugin may hold.
const SHARE: usize = 4;

/// Runs actions. Dropping it stops them at their next wait or tick.
pub(super) struct ActionRuntime {
    workers: Vec<Worker>,
    permits: Arc<Semaphore>,
    lanes: Mutex<HashMap<LaneKey, Arc<Semaphore>>>,
    lane_max: usize,
    /// How long a call waits for its permit.
    patience: Duration,
}

/// A thread with a runtime of its own, which serves strictly in turn: the shared one lets a task that another woke run
/// before those that waited longer, so that loopers who wake each other would put off everyone's deadlines.
struct Worker {
    handle: Handle,
    /// Actions that run here.
    running: Arc<AtomicUsize>,
    turns: Turns,
    /// The thread ends when this is dropped.
    _stop: oneshot::Sender<()>,
}

/// An action that runs; none when dropped.
struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Worker {
    fn start(name: String) -> std::io::Result<Self> {
        // Guests yield each millisecond: look at timers, wake-ups and new calls every time, not every 61st.
        let runtime = Builder::new_current_thread().event_interval(1).global_queue_interval(1).enable_time().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        std::thread::Builder::new().name(name).spawn(move || {
            // Nobody sends: an error means that the sender is gone.
            runtime.block_on(stopped).unwrap_or_default();
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, running: Arc::default(), turns: Turns::new(1), _stop: stop })
    }
}

/// What a call needs in order to run: given back when dropped.
pub(super) struct Permit {
    _permit: OwnedSemaphorePermit,
    _lane: OwnedSemaphorePermit,
}

impl ActionRuntime {
    /// Starts the threads, half as many as cores, for up to `actions_max` actions at a time.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn start(actions_max: usize, patience: Duration) -> std::io::Result<Self> {
        let worker = |index| Worker::start(format!("plugin-action-{index}"));
        Ok(Self {
            workers: (0..cores().div_ceil(2)).map(worker).collect::<Result<_, _>>()?,
            permits: Arc::new(Semaphore::new(actions_max)),
            lanes: Mutex::default(),
            lane_max: (actions_max / SHARE).max(1),
            patience,
        })
    }

    /// Waits for a permit; `None` if it did not come in time.
    pub async fn permit(&self, lane: LaneKey) -> Option<Permit> {
        let own = self.lane(lane);
        tokio::time::timeout(self.patience, async {
            let lane = own.acquire_owned().await.ok()?;
            let permit = Arc::clone(&self.permits).acquire_owned().await.ok()?;
            Some(Permit { _permit: permit, _lane: lane })
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

    /// Runs what `work` makes of a thread's turns on that thread, the one with the fewest actions; it ends when the
    /// caller stops waiting. `None`: it panicked, or the server stops.
    pub async fn run<T: Send + 'static, F>(&self, work: impl FnOnce(Turns) -> F) -> Option<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let worker = self.workers.iter().min_by_key(|worker| worker.running.load(Ordering::Relaxed))?;
        worker.running.fetch_add(1, Ordering::Relaxed);
        let running = Running(Arc::clone(&worker.running));
        let work = work(worker.turns.clone());
        let task = worker.handle.spawn(async move {
            let _running = running;
            work.await
        });
        not_lost(AbortOnDropHandle::new(task).await)
    }

    /// Runs blocking work that belongs to plugins, such as compiling, on a thread of its own.
    pub async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        not_lost(self.workers.first()?.handle.spawn_blocking(work).await)
    }
}

fn not_lost<T>(ended: Result<T, JoinError>) -> Option<T> {
    ended.inspect_err(|error| tracing::error!(%error, "work of a plugin was lost")).ok()
}
