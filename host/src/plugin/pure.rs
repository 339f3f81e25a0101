//! The threads for pure calls: few, bounded, and shared fairly.
//!
//! Calls wait in lanes, one per plugin (or use of a built-in one). A lane may hold a quarter of the threads and of the
//! queue, and lanes take turns, so a plugin that loops or is flooded delays itself only. A call that turns out to be
//! long gets a stand-in for the thread that it holds ([`stand_in`]).

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Whose calls share a lane.
pub(super) type LaneKey = u64;

/// What part of the threads and of the queue one lane may hold.
const SHARE: usize = 4;
/// Threads that stand in for those that long calls hold, at most.
pub(super) const STAND_INS_MAX: usize = 48;

type Job = Box<dyn FnOnce() + Send>;

/// The pool. Dropping it lets queued calls go unanswered and ends the threads once they are done.
pub(super) struct PurePool {
    shared: Arc<Shared>,
}

/// Why a job gave no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// The queue or the lane is full.
    Busy,
    /// The job panicked, or the pool ended.
    Lost,
}

struct Shared {
    state: Mutex<State>,
    work: Condvar,
    queue_max: usize,
    lane_queue_max: usize,
    lane_threads_max: usize,
}

#[derive(Default)]
struct State {
    /// Threads that long calls hold.
    held: usize,
    /// Threads besides those that there always are.
    stand_ins: usize,
    lanes: HashMap<LaneKey, Lane>,
    /// Lanes that have a job and may start it, in turn.
    ready: VecDeque<LaneKey>,
    queued: usize,
    closed: bool,
}

#[derive(Default)]
struct Lane {
    jobs: VecDeque<Job>,
    running: usize,
    is_ready: bool,
}

impl PurePool {
    /// Starts `threads` threads that take up to `queue_max` waiting jobs.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn start(threads: usize, queue_max: usize) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            work: Condvar::new(),
            queue_max,
            lane_queue_max: (queue_max / SHARE).max(1),
            lane_threads_max: (threads / SHARE).max(1),
        });
        let pool = Self { shared };
        for index in 0..threads {
            spawn(&pool.shared, format!("plugin-pure-{index}"))?;
        }
        Ok(pool)
    }

    /// Runs `job` on a thread of the pool when it is the lane's turn. If the caller stops waiting before that, it is
    /// not run.
    pub async fn run<T: Send + 'static>(
        &self,
        lane: LaneKey,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unanswered> {
        let (answer, answered) = oneshot::channel();
        self.submit(
            lane,
            Box::new(move || {
                if !answer.is_closed() {
                    // The caller may have stopped waiting: then nobody misses the answer.
                    drop(answer.send(job()));
                }
            }),
        )?;
        answered.await.map_err(|_| Unanswered::Lost)
    }

    fn submit(&self, key: LaneKey, job: Job) -> Result<(), Unanswered> {
        let shared = &*self.shared;
        let mut state = shared.lock();
        if state.queued >= shared.queue_max {
            return Err(Unanswered::Busy);
        }
        let lane = state.lanes.entry(key).or_default();
        if lane.jobs.len() >= shared.lane_queue_max {
            return Err(Unanswered::Busy);
        }
        lane.jobs.push_back(job);
        state.queued += 1;
        let wake = state.make_ready(key, shared.lane_threads_max);
        drop(state);
        if wake {
            shared.work.notify_one();
        }
        Ok(())
    }
}

impl Drop for PurePool {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closed = true;
        let abandoned = std::mem::take(&mut state.lanes);
        state.ready.clear();
        drop(state);
        // Outside the lock: dropping a job runs its owner's code.
        drop(abandoned);
        self.shared.work.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This thread is held by a long call. Starts another, if there are fewer than there should be.
    fn hold(self: &Arc<Self>) {
        let mut state = self.lock();
        state.held += 1;
        if state.stand_ins >= state.held.min(STAND_INS_MAX) {
            return;
        }
        state.stand_ins += 1;
        drop(state);
        if let Err(error) = spawn(self, "plugin-pure-more".to_owned()) {
            tracing::warn!(%error, "no thread stands in for one that a long plugin call holds");
            self.lock().stand_ins -= 1;
        }
    }
}

/// A thread of the pool, as it is known to what runs on it.
struct Seat {
    shared: Arc<Shared>,
    held: bool,
}

thread_local! {
    /// Set on the threads of a pool.
    static SEAT: RefCell<Option<Seat>> = const { RefCell::new(None) };
}

/// Says that what runs on this thread takes long: if it is one of a pool, another thread stands in for it, so that
/// calls of others do not wait. Nothing happens the second time.
pub(super) fn stand_in() {
    SEAT.with_borrow_mut(|seat| {
        if let Some(seat) = seat.as_mut().filter(|seat| !seat.held) {
            seat.held = true;
            seat.shared.hold();
        }
    });
}

/// Whether the job that ended on this thread was a long one; the next one is not until it says so.
fn was_held() -> bool {
    SEAT.with_borrow_mut(|seat| seat.as_mut().is_some_and(|seat| std::mem::take(&mut seat.held)))
}

fn spawn(shared: &Arc<Shared>, name: String) -> std::io::Result<()> {
    let shared = Arc::clone(shared);
    let life = move || {
        SEAT.set(Some(Seat { shared: Arc::clone(&shared), held: false }));
        work(&shared);
    };
    std::thread::Builder::new().name(name).spawn(life).map(drop)
}

impl State {
    /// Puts the lane in the row if it has a job that may start. Tells whether it did.
    fn make_ready(&mut self, key: LaneKey, threads_max: usize) -> bool {
        let Some(lane) = self.lanes.get_mut(&key) else { return false };
        let may_start = !lane.is_ready && !lane.jobs.is_empty() && lane.running < threads_max;
        if may_start {
            lane.is_ready = true;
            self.ready.push_back(key);
        }
        may_start
    }

    /// Takes the next job of the next lane.
    fn take(&mut self, threads_max: usize) -> Option<(LaneKey, Job, bool)> {
        let key = self.ready.pop_front()?;
        let lane = self.lanes.get_mut(&key)?;
        lane.is_ready = false;
        let job = lane.jobs.pop_front()?;
        lane.running += 1;
        self.queued -= 1;
        let more = self.make_ready(key, threads_max);
        Some((key, job, more))
    }

    fn finish(&mut self, key: LaneKey, threads_max: usize) {
        if let Some(lane) = self.lanes.get_mut(&key) {
            lane.running -= 1;
            if lane.running == 0 && lane.jobs.is_empty() {
                self.lanes.remove(&key);
            } else {
                self.make_ready(key, threads_max);
            }
        }
    }
}

/// A thread's life: take a job, run it, report, until the pool closes or there are threads enough without it.
fn work(shared: &Shared) {
    let mut state = shared.lock();
    while !state.closed {
        if state.stand_ins > state.held {
            state.stand_ins -= 1;
            if !state.ready.is_empty() {
                shared.work.notify_one();
            }
            return;
        }
        let Some((key, job, more)) = state.take(shared.lane_threads_max) else {
            state = shared.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        drop(state);
        if more {
            shared.work.notify_one();
        }
        if catch_unwind(AssertUnwindSafe(job)).is_err() {
            tracing::error!("a job on a plugin thread panicked; its caller gets an error");
        }
        let was_held = was_held();
        state = shared.lock();
        state.held -= usize::from(was_held);
        state.finish(key, shared.lane_threads_max);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A job that says when it starts and ends when it is told.
    fn gated() -> (impl FnOnce() + Send, mpsc::Receiver<()>, mpsc::Sender<()>) {
        let (started, has_started) = mpsc::channel();
        let (end, may_end) = mpsc::channel::<()>();
        let job = move || {
            started.send(()).expect("the test listens");
            // An error means that the test is over.
            may_end.recv().unwrap_or_default();
        };
        (job, has_started, end)
    }

    #[tokio::test]
    async fn a_lane_holds_a_quarter_of_the_threads_and_others_are_served() {
        let pool = Arc::new(PurePool::start(4, 100).expect("threads"));
        let mut held = Vec::new();
        for lane in [1, 1, 2, 2] {
            let (job, started, end) = gated();
            let running = tokio::spawn({
                let pool = Arc::clone(&pool);
                async move { pool.run(lane, job).await }
            });
            tokio::task::yield_now().await;
            held.push((running, started, end));
        }
        held[0].1.recv().expect("lane 1 starts");
        held[2].1.recv().expect("lane 2 starts");
        for served in 0..10 {
            assert_eq!(pool.run(3, move || served).await, Ok(served), "other lanes are served meanwhile");
        }
        assert!(held[1].1.try_recv().is_err(), "lane 1 has its share already");
        held.remove(0).2.send(()).expect("lane 1 waits");
        held[0].1.recv().expect("then its next job starts");
        for (running, _, end) in held {
            drop(end);
            assert_eq!(running.await.expect("no panic"), Ok(()));
        }
    }

    #[tokio::test]
    async fn a_full_lane_and_a_full_queue_say_so_at_once() {
        let pool = PurePool::start(1, 8).expect("threads");
        let (job, started, end) = gated();
        pool.submit(1, Box::new(job)).expect("room");
        started.recv().expect("it starts");
        for _ in 0..2 {
            pool.submit(1, Box::new(|| {})).expect("room in the lane");
        }
        assert_eq!(pool.submit(1, Box::new(|| {})), Err(Unanswered::Busy), "a quarter of the queue is the lane's");
        for lane in 2..8 {
            pool.submit(lane, Box::new(|| {})).expect("room in the queue");
        }
        assert_eq!(pool.submit(9, Box::new(|| {})), Err(Unanswered::Busy), "the queue is full");
        drop(end);
    }

    #[tokio::test]
    async fn a_panicking_job_is_answered_and_its_thread_goes_on() {
        let pool = PurePool::start(1, 8).expect("threads");
        assert_eq!(pool.run(1, || assert_eq!(1, 2)).await, Err(Unanswered::Lost));
        assert_eq!(pool.run(1, || 7).await, Ok(7));
    }

    #[tokio::test]
    async fn a_thread_stands_in_for_one_that_is_held_and_goes_when_it_is_not() {
        let pool = Arc::new(PurePool::start(1, 8).expect("threads"));
        let (end, may_end) = mpsc::channel::<()>();
        let (holds, is_held) = mpsc::channel();
        let long = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move {
                let job = move || {
                    stand_in();
                    stand_in();
                    holds.send(()).expect("the test listens");
                    may_end.recv().unwrap_or_default();
                };
                pool.run(1, job).await
            }
        });
        tokio::task::yield_now().await;
        is_held.recv().expect("it runs");
        assert_eq!(pool.run(2, || 7).await, Ok(7), "the only thread is held, and another is there");
        assert_eq!(pool.shared.lock().stand_ins, 1, "one, although it was said twice");
        drop(end);
        long.await.expect("no panic").expect("it ends");
        while pool.shared.lock().stand_ins > 0 {
            std::thread::yield_now();
        }
        assert_eq!(pool.run(2, || 8).await, Ok(8), "and one is left");
        stand_in();
        assert_eq!(pool.shared.lock().held, 0, "on a thread of nobody's nothing happens");
    }

    #[tokio::test]
    async fn a_job_whose_caller_has_gone_is_not_run() {
        let pool = PurePool::start(1, 8).expect("threads");
        let (job, started, end) = gated();
        pool.submit(1, Box::new(job)).expect("room");
        started.recv().expect("it starts");
        let (ran, has_run) = mpsc::channel::<()>();
        let mut waiting = Box::pin(pool.run(2, move || ran.send(()).expect("the test listens")));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(waiting);
        drop(end);
        assert_eq!(pool.run(2, || 1).await, Ok(1));
        assert!(has_run.recv().is_err(), "it was dropped, not run");
    }
}
