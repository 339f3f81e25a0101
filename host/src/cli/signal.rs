//! What stops a server: SIGTERM, SIGINT, and the end of its parent where that is asked for.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// How often to look whether the parent lives.
const PARENT_INTERVAL: Duration = Duration::from_millis(500);

/// Waits for a reason to stop.
pub struct Stop {
    terminate: Signal,
    interrupt: Signal,
    parent: Option<u32>,
}

impl Stop {
    /// Listens from now on.
    ///
    /// # Errors
    /// The operating system gives no signals.
    pub fn listen(exit_with_parent: bool) -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            parent: exit_with_parent.then(std::os::unix::process::parent_id),
        })
    }

    /// Waits until the server should stop; answers why.
    pub async fn wanted(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            () = orphaned(self.parent) => "the parent process is gone",
        }
    }
}

async fn orphaned(parent: Option<u32>) {
    let Some(parent) = parent else { return std::future::pending().await };
    let mut ticks = tokio::time::interval(PARENT_INTERVAL);
    while std::os::unix::process::parent_id() == parent {
        ticks.tick().await;
    }
}
