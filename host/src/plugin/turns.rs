//! Turns for calls that take long: few of them run at a time, a few milliseconds each, in the order in which they came.
//! So the others find a CPU however many plugins loop, and a call that is long for good reasons gets its share.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker, ready};
use std::thread::Thread;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A call that had the CPU for so long takes turns with others of its kind. Ordinary calls take a tenth of it.
pub(super) const PATIENCE: Duration = Duration::from_millis(2);
/// How long a turn of a pure call is.
pub(super) const TURN: Duration = Duration::from_millis(5);

/// The turns of one kind of calls. Cheap to clone.
#[derive(Clone)]
pub(super) struct Turns(Arc<Semaphore>);

/// A turn: given back when dropped.
pub(super) type Turn = OwnedSemaphorePermit;

/// Wakes a waiting thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl Turns {
    /// `at_once`: how many calls have their turn at a time.
    pub fn new(at_once: usize) -> Self {
        Self(Arc::new(Semaphore::new(at_once.max(1))))
    }

    /// Blocks this thread until it is its turn; `None` if that is not before `until`.
    pub fn wait(&self, until: Instant) -> Option<Turn> {
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut turn = pin!(Arc::clone(&self.0).acquire_owned());
        loop {
            if let Poll::Ready(turn) = turn.as_mut().poll(&mut context) {
                return turn.ok();
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            std::thread::park_timeout(left);
        }
    }

    /// `work`, that takes turns once it had its [`PATIENCE`]; from the start, if it is `suspect`. A turn lasts until it
    /// next waits or yields. What takes turns gets none after `end`: the answer is `None` then, so that it holds up
    /// nobody whose time is over, too.
    pub fn pace<F: Future>(&self, work: F, suspect: bool, end: Instant) -> Paced<F> {
        let used = if suspect { PATIENCE } else { Duration::ZERO };
        Paced { turns: self.clone(), used, end, waiting: None, work: Box::pin(work) }
    }
}

/// See [`Turns::pace`].
pub(super) struct Paced<F> {
    turns: Turns,
    used: Duration,
    end: Instant,
    waiting: Option<BoxFuture<'static, Option<Turn>>>,
    work: Pin<Box<F>>,
}

impl<F: Future> Future for Paced<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut turn = None;
        if self.used >= PATIENCE {
            if Instant::now() >= self.end {
                return Poll::Ready(None);
            }
            let free = Arc::clone(&self.turns.0);
            let waiting = self.waiting.get_or_insert_with(|| Box::pin(async { free.acquire_owned().await.ok() }));
            turn = ready!(waiting.as_mut().poll(context));
            self.waiting = None;
        }
        let start = Instant::now();
        let polled = self.work.as_mut().poll(context);
        self.used += start.elapsed();
        drop(turn);
        polled.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_turn_is_waited_for_and_given_back() {
        let turns = Turns::new(1);
        let far = Instant::now() + Duration::from_secs(3600);
        let first = turns.wait(far).expect("nobody has it");
        assert!(turns.wait(Instant::now()).is_none(), "there is one only");
        let (had, has) = mpsc::channel();
        let next = std::thread::spawn({
            let turns = turns.clone();
            move || had.send(turns.wait(far).is_some())
        });
        assert!(has.recv_timeout(Duration::from_millis(20)).is_err(), "the other waits");
        drop(first);
        assert_eq!(has.recv(), Ok(true));
        next.join().expect("no panic").expect("the test listens");
        assert!(turns.wait(far).is_some(), "it gave its turn back");
    }

    /// Uses the CPU for longer than its patience, then yields, for ever.
    async fn spin() {
        loop {
            let start = Instant::now();
            while start.elapsed() <= PATIENCE {
                std::hint::spin_loop();
            }
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn work_that_was_long_waits_for_its_turn_and_work_that_was_not_does_not() {
        let turns = Turns::new(1);
        let taken = turns.wait(Instant::now()).expect("nobody has it");
        let far = Instant::now() + Duration::from_secs(3600);
        let mut long = Box::pin(turns.pace(spin(), false, far));
        assert!(futures_util::poll!(&mut long).is_pending(), "it begins");
        assert!(futures_util::poll!(&mut long).is_pending(), "it waits for its turn");
        let used = long.used;
        assert_eq!(turns.pace(async { 7 }, false, far).await, Some(7));
        let mut suspect = Box::pin(turns.pace(async { 8 }, true, far));
        assert!(futures_util::poll!(&mut suspect).is_pending(), "a suspect waits from the start");
        drop(suspect);
        assert!(futures_util::poll!(&mut long).is_pending());
        assert_eq!(long.used, used, "it did not run meanwhile");
        drop(taken);
        assert!(futures_util::poll!(&mut long).is_pending());
        assert!(long.used > used, "it ran");
        assert!(turns.wait(Instant::now()).is_some(), "and gave its turn back");
    }

    #[tokio::test]
    async fn what_takes_turns_gets_none_after_its_end_and_what_does_not_is_done() {
        let (turns, over) = (Turns::new(1), Instant::now());
        assert_eq!(turns.pace(async { 7 }, true, over).await, None);
        assert_eq!(turns.pace(async { 7 }, false, over).await, Some(7), "it waited for a CPU only");
        assert_eq!(turns.pace(spin(), false, over).await, None, "it begins, and that is all");
    }
}
