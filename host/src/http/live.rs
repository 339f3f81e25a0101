//! The live tail, as server-sent events (HTML Standard §9.2).

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::Deserialize;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::Api;
use super::answer::Result;
use super::page::{At, Query};
use super::problem::Problem;
use crate::engine::Happening;
use crate::event::{Pattern, any_matches};
use crate::model::Slug;

/// A comment is sent after so long without anything, so that nobody on the way closes the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What a stream of server-sent events yields.
pub type Shown = std::result::Result<SseEvent, Infallible>;

/// What to watch.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LiveQuery {
    /// Event types, separated by commas: names, `lead.*` or `*`; all, if absent.
    types: Option<String>,
    /// Deliveries to this endpoint only, and no events.
    endpoint: Option<Slug>,
}

/// Shows what happens from now on, until the connection is closed: `event: published` with an event, `event: delivery`
/// with a delivery after each attempt, `event: missed` with a number if the reader was too slow.
#[utoipa::path(get, path = "", tag = "events", params(LiveQuery), responses(
    (status = 200, description = "A stream of server-sent events", body = String, content_type = "text/event-stream")))]
pub async fn watch(
    State(api): State<Api>,
    At(space): At<Slug>,
    Query(query): Query<LiveQuery>,
) -> Result<Sse<impl Stream<Item = Shown>>> {
    api.engine.space(&space).await?;
    let filter = Filter { space, patterns: patterns(query.types.as_deref().unwrap_or("*"))?, endpoint: query.endpoint };
    Ok(tail(api, move |happening| filter.wants(happening).then(|| shown(happening)).flatten()))
}

fn patterns(types: &str) -> Result<Vec<Pattern>> {
    let read = |text: &str| {
        text.trim().parse::<Pattern>().map_err(|error| {
            let reason = error.to_string();
            Problem::new("bad-request", format!("types: {reason}")).with_field("types", reason, None)
        })
    };
    types.split(',').map(read).collect()
}

/// What a watcher of one space wants to see.
struct Filter {
    space: Slug,
    patterns: Vec<Pattern>,
    endpoint: Option<Slug>,
}

impl Filter {
    fn wants(&self, happening: &Happening) -> bool {
        let of_endpoint = match (&self.endpoint, happening) {
            (None, _) => true,
            (Some(endpoint), Happening::Delivery(delivery)) => delivery.endpoint == *endpoint,
            (Some(_), _) => false,
        };
        let of_type = happening.kind().is_some_and(|kind| any_matches(&self.patterns, kind));
        of_endpoint && of_type && *happening.space() == self.space
    }
}

fn shown(happening: &Happening) -> Option<SseEvent> {
    match happening {
        Happening::Published(event) => {
            SseEvent::default().event("published").id(event.id.to_string()).json_data(&**event).ok()
        }
        Happening::Delivery(delivery) => SseEvent::default().event("delivery").json_data(&**delivery).ok(),
        Happening::Captured(_) => None,
    }
}

/// The stream of what `show` makes of the happenings from now on, until the server stops; it answers `None` for what
/// is not to be seen.
pub fn tail<F>(api: Api, show: F) -> Sse<impl Stream<Item = Shown>>
where
    F: Fn(&Happening) -> Option<SseEvent> + Send + 'static,
{
    let happenings = api.engine.watch();
    let stream = unfold(Watcher { api, happenings, show }, |mut watcher| async {
        let next = watcher.next().await?;
        Some((Ok(next), watcher))
    });
    Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

struct Watcher<F> {
    api: Api,
    happenings: Receiver<Happening>,
    show: F,
}

impl<F: Fn(&Happening) -> Option<SseEvent>> Watcher<F> {
    /// The next that is to be shown; `None` once the server stops.
    async fn next(&mut self) -> Option<SseEvent> {
        loop {
            let happening = tokio::select! {
                () = self.api.draining.cancelled() => return None,
                happening = self.happenings.recv() => happening,
            };
            match happening {
                Ok(happening) => {
                    if let Some(event) = (self.show)(&happening) {
                        return Some(event);
                    }
                }
                Err(RecvError::Lagged(missed)) => {
                    return Some(SseEvent::default().event("missed").data(missed.to_string()));
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }
}
