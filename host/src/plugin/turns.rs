//! Turns for calls that take long: few of them run at a time, a few milliseconds each, in the order in which they came.
//! So the others find a CPU however many plugins loop, and a call that is long for good reasons gets its share.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
    /// next waits or yields; what yields gets the next one after those who wait for theirs. What takes turns gets none
    /// after `end`: the answer is `None` then, so that it holds up nobody whose time is over, too.
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
            turn = ready!(self.poll_turn(context));
            self.waiting = None;
        }
        let start = Instant::now();
        let noticing = Arc::new(Noticing { waker: context.waker().clone(), is_woken: AtomicBool::new(false) });
        let polled = self.work.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(&noticing))));
        self.used += start.elapsed();
        let yields = polled.is_pending() && noticing.is_woken.load(Ordering::Relaxed);
        // It has its turn still, so this puts it at the end of the row; where another turn is free, nobody waits.
        if turn.is_some() && yields && self.poll_turn(context).is_ready() {
            self.waiting = None;
        }
        drop(turn);
        polled.map(Some)
    }
}

impl<F> Paced<F> {
    /// Joins the row for a turn, or goes on waiting there.
    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<Option<Turn>> {
        let free = Arc::clone(&self.turns.0);
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(async { free.acquire_owned().await.ok() }));
        waiting.as_mut().poll(context)
    }
}

/// Wakes by `waker`, and notices it: work that is woken while it is polled yields rather than waits.
struct Noticing {
    waker: Waker,
    is_woken: AtomicBool,
}

impl Wake for Noticing {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::Relaxed);
        self.waker.wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
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

    /// Uses the CPU for longer than its patience, then yields, for ever; by waking itself at once, as wasmtime does.
    async fn spin() {
        loop {
            let start = Instant::now();
            while start.elapsed() <= PATIENCE {
                std::hint::spin_loop();
            }
            let mut is_woken = false;
            poll_fn(|context| {
                context.waker().wake_by_ref();
                if std::mem::replace(&mut is_woken, true) { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
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
        assert!(turns.wait(Instant::now()).is_none(), "and has the next turn, as nobody waited");
    }

    #[tokio::test]
    async fn what_yields_comes_after_those_who_wait_and_what_waits_leaves_the_row() {
        let (turns, far) = (Turns::new(1), Instant::now() + Duration::from_secs(3600));
        let mut loops = [(); 2].map(|()| Box::pin(turns.pace(spin(), true, far)));
        // However often each is polled: the first begins, and has the next turn too, as nobody waited then.
        for (number, runs) in [(0, true), (1, false), (0, true), (0, false), (1, true), (1, false), (0, true)] {
            let used = loops[number].used;
            assert!(futures_util::poll!(&mut loops[number]).is_pending());
            assert_eq!(loops[number].used > used, runs, "{number}");
        }
        drop(loops);
        let mut waits = Box::pin(turns.pace(std::future::pending::<()>(), true, far));
        assert!(futures_util::poll!(&mut waits).is_pending());
        assert!(turns.wait(Instant::now()).is_some(), "it gave its turn back");
    }

    #[tokio::test]
    async fn what_takes_turns_gets_none_after_its_end_and_what_does_not_is_done() {
        let (turns, over) = (Turns::new(1), Instant::now());
        assert_eq!(turns.pace(async { 7 }, true, over).await, None);
        assert_eq!(turns.pace(async { 7 }, false, over).await, Some(7), "it waited for a CPU only");
        assert_eq!(turns.pace(spin(), false, over).await, None, "it begins, and that is all");
    }
}
