//! Tasks: each has a name and an owner that can stop it and wait for it.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

/// The tasks of one owner. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts `job` under a name. If it panics, that is logged and ends only this task.
    pub fn spawn(&self, name: &'static str, job: impl Future<Output = ()> + Send + 'static) {
        let span = tracing::info_span!("task", name);
        let guarded = async move {
            if let Err(panic) = AssertUnwindSafe(job).catch_unwind().await {
                tracing::error!(task = name, reason = panic_text(&*panic), "a task panicked");
            }
        };
        drop(self.tracker.spawn(guarded.instrument(span)));
    }

    /// Tells every task to come to an end.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Is cancelled by [`Tasks::stop`]; tasks wait for it beside their work.
    pub const fn stopping(&self) -> &CancellationToken {
        &self.stop
    }

    /// For owners of many short tasks of one kind.
    pub const fn tracker(&self) -> &TaskTracker {
        &self.tracker
    }

    /// Stops, then waits for all tasks; `false` if some were still running after `deadline`.
    pub async fn drain(&self, deadline: Duration) -> bool {
        self.stop();
        self.tracker.close();
        tokio::time::timeout(deadline, self.tracker.wait()).await.is_ok()
    }
}

/// The message of a panic, as far as it is text.
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn draining_waits_for_tasks_that_stop() {
        let tasks = Tasks::new();
        let stop = tasks.stopping().clone();
        tasks.spawn("obedient", async move { stop.cancelled().await });
        assert!(tasks.drain(Duration::from_secs(1)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn draining_has_a_deadline() {
        let tasks = Tasks::new();
        tasks.spawn("deaf", std::future::pending());
        assert!(!tasks.drain(Duration::from_secs(1)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_panicking_task_takes_no_other_with_it() {
        let tasks = Tasks::new();
        let (sender, receiver) = tokio::sync::oneshot::channel();
        tasks.spawn("clumsy", async { panic!("dropped a plate") });
        tasks.spawn("careful", async move { sender.send(()).expect("someone waits") });
        receiver.await.expect("the other task ran");
        assert!(tasks.drain(Duration::from_secs(1)).await);
    }
}
