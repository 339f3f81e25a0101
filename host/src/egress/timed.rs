//! How long connecting took: a layer around the connector notes it for the exchange that waits for the connection.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;
use tower::{Layer, Service};

tokio::task_local! {
    static CONNECT: Cell<Option<Duration>>;
}

/// Runs `exchange`; tells how long it connected, if it did. A connection that another exchange opened, or that was
/// opened in the background, counts as open already.
pub(super) async fn connecting<T>(exchange: impl Future<Output = T>) -> (T, Option<Duration>) {
    let noted = async {
        let done = exchange.await;
        (done, CONNECT.with(Cell::get))
    };
    CONNECT.scope(Cell::new(None), noted).await
}

/// The layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timed;

/// A connector that notes its time.
#[derive(Clone, Debug)]
pub(super) struct TimedConnector<S>(S);

impl<S> Layer<S> for Timed {
    type Service = TimedConnector<S>;

    fn layer(&self, inner: S) -> TimedConnector<S> {
        TimedConnector(inner)
    }
}

impl<S, R> Service<R> for TimedConnector<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let (start, connecting) = (Instant::now(), self.0.call(request));
        Box::pin(async move {
            let connected = connecting.await;
            // Elsewhere than in an exchange, in the background, nobody asks.
            CONNECT.try_with(|time| time.set(Some(start.elapsed()))).ok();
            connected
        })
    }
}
