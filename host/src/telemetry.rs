//! Logs and metrics of the process. Log lines go to standard error, metrics to `GET /metrics`.

use std::sync::OnceLock;

use metrics::Unit;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Answered API and inbound requests. Labels: `route` (the path template), `method`, `status`.
pub const HTTP_REQUESTS: &str = "tenterhook_http_requests_total";
/// Seconds from the request's head to the answer of an inbound call, its durable commit included.
pub const ACCEPT_SECONDS: &str = "tenterhook_accept_seconds";
/// Open connections.
pub const HTTP_CONNECTIONS: &str = "tenterhook_http_connections";
/// Runs accepted, by triggers, by hand or again.
pub const RUNS_STARTED: &str = "tenterhook_runs_started_total";
/// Runs that ended. Label: `status` (`completed`, `faulted`, `cancelled`).
pub const RUNS_FINISHED: &str = "tenterhook_runs_finished_total";
/// Inbound calls that were refused. Label: `code` (the problem's).
pub const REJECTIONS: &str = "tenterhook_inbound_rejected_total";
/// Runs that are not final.
pub const LIVE_RUNS: &str = "tenterhook_live_runs";
/// Of these, due and not yet taken.
pub const DUE_RUNS: &str = "tenterhook_due_runs";
/// Plugin calls. Labels: `plugin` (`name@version`), `outcome` (`ok`; `invalid`, `rejected`, `unavailable`: the plugin
/// itself gave a reason; `panic`, `memory`, `stack`, `trap`: crashed; `timeout`: stopped; `output-too-large`,
/// `bad-output`; `busy`, `quarantined`: not called; `failed`: our own fault).
pub const PLUGIN_CALLS: &str = "tenterhook_plugin_calls_total";
/// Seconds of one plugin call. Label: `plugin`.
pub const PLUGIN_SECONDS: &str = "tenterhook_plugin_seconds";
/// The most memory that one call had since the server started, in bytes. Label: `plugin`.
pub const PLUGIN_MEMORY: &str = "tenterhook_plugin_memory_peak_bytes";
/// Outbound requests. Label: `outcome` (`answered`, or the code of why there was no answer).
pub const EGRESS_REQUESTS: &str = "tenterhook_egress_total";
/// Events published, repeats left out.
pub const EVENTS_PUBLISHED: &str = "tenterhook_events_published_total";
/// Events that an endpoint's filter failed on, so that they were not delivered to it.
pub const FILTER_ERRORS: &str = "tenterhook_filter_errors_total";
/// Attempts to deliver. Label: `outcome` (`delivered`; `refused`: answered otherwise than by 2xx; or the class of the
/// error).
pub const DELIVERY_ATTEMPTS: &str = "tenterhook_delivery_attempts_total";
/// Endpoints with deliveries to make that nobody works on yet.
pub const DUE_LANES: &str = "tenterhook_due_lanes";
/// Endpoints whose deliveries are held.
pub const HELD_LANES: &str = "tenterhook_held_lanes";
/// What retention removed. Label: `kind` (`events`, `deliveries`, `runs`, `captures`: requests that bins recorded).
pub const PRUNED: &str = "tenterhook_pruned_total";
/// Bytes of what retention looks after: events, deliveries, runs and recorded requests, as they were written. Label: `kind`, as
/// of [`PRUNED`].
pub const AGING_BYTES: &str = "tenterhook_aging_bytes";
/// Bytes of the store on disk.
pub const STORE_BYTES: &str = "tenterhook_store_bytes";

/// What a metric is, for its `HELP` and `TYPE` lines.
enum MetricKind {
    Counter,
    Gauge,
    Histogram,
}

/// All metrics: this list is their documentation, and a test holds it against what is emitted.
const METRICS: &[(&str, MetricKind, Unit, &str)] = &[
    (HTTP_REQUESTS, MetricKind::Counter, Unit::Count, "Answered requests by route, method and status"),
    (ACCEPT_SECONDS, MetricKind::Histogram, Unit::Seconds, "Time to answer an inbound call, durable commit included"),
    (HTTP_CONNECTIONS, MetricKind::Gauge, Unit::Count, "Open connections"),
    (RUNS_STARTED, MetricKind::Counter, Unit::Count, "Accepted runs"),
    (RUNS_FINISHED, MetricKind::Counter, Unit::Count, "Ended runs by status"),
    (REJECTIONS, MetricKind::Counter, Unit::Count, "Refused inbound calls by problem code"),
    (LIVE_RUNS, MetricKind::Gauge, Unit::Count, "Runs that are not final"),
    (DUE_RUNS, MetricKind::Gauge, Unit::Count, "Runs that are due and not yet taken"),
    (PLUGIN_CALLS, MetricKind::Counter, Unit::Count, "Plugin calls by plugin and outcome"),
    (PLUGIN_SECONDS, MetricKind::Histogram, Unit::Seconds, "Time of one plugin call"),
    (PLUGIN_MEMORY, MetricKind::Gauge, Unit::Bytes, "Most memory of one plugin call, by plugin"),
    (EGRESS_REQUESTS, MetricKind::Counter, Unit::Count, "Outbound requests by outcome"),
    (EVENTS_PUBLISHED, MetricKind::Counter, Unit::Count, "Published events"),
    (FILTER_ERRORS, MetricKind::Counter, Unit::Count, "Events that an endpoint's filter failed on"),
    (DELIVERY_ATTEMPTS, MetricKind::Counter, Unit::Count, "Attempts to deliver by outcome"),
    (DUE_LANES, MetricKind::Gauge, Unit::Count, "Endpoints with deliveries that wait"),
    (HELD_LANES, MetricKind::Gauge, Unit::Count, "Endpoints whose deliveries are held"),
    (PRUNED, MetricKind::Counter, Unit::Count, "Objects removed by retention, by kind"),
    (AGING_BYTES, MetricKind::Gauge, Unit::Bytes, "Bytes of events, deliveries, runs and recorded requests, by kind"),
    (STORE_BYTES, MetricKind::Gauge, Unit::Bytes, "Bytes on disk"),
];

/// The names of all metrics.
pub fn names() -> impl Iterator<Item = &'static str> {
    METRICS.iter().map(|(name, ..)| *name)
}

/// Upper bounds of all histograms, in seconds: plugin calls take tens of microseconds, actions up to 15 s.
pub const SECONDS_BOUNDS: &[f64] = &[
    0.000_02, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 15.0,
];

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Starts logging to standard error. A second call in one process changes nothing.
///
/// `directives` select the lines (`tracing-subscriber` syntax); ones that do not parse select level info.
pub fn start_logs(format: LineFormat, directives: &str) {
    let filter = EnvFilter::try_new(directives).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LineFormat::Text => lines.finish().try_init(),
        LineFormat::Json => lines.json().flatten_event(true).finish().try_init(),
    };
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
}

/// The metrics of this process.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

impl Metrics {
    /// Starts recording; every later call in the process gives the same metrics.
    pub fn start() -> Self {
        static METRICS_OF_PROCESS: OnceLock<Metrics> = OnceLock::new();
        METRICS_OF_PROCESS.get_or_init(Self::install).clone()
    }

    fn install() -> Self {
        let builder = PrometheusBuilder::new();
        let bounded = builder.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS_BOUNDS);
        let recorder = bounded.unwrap_or_else(|_| PrometheusBuilder::new()).build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another metrics recorder is installed: /metrics stays empty");
        }
        for (name, kind, unit, help) in METRICS {
            match kind {
                MetricKind::Counter => metrics::describe_counter!(*name, *unit, *help),
                MetricKind::Gauge => metrics::describe_gauge!(*name, *unit, *help),
                MetricKind::Histogram => metrics::describe_histogram!(*name, *unit, *help),
            }
        }
        Self { handle }
    }

    /// All metrics in the Prometheus text format.
    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// Moves what was observed into the histograms; call every few seconds, or memory grows until the next scrape.
    pub fn tidy(&self) {
        self.handle.run_upkeep();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starting_twice_gives_the_same_metrics() {
        let first = Metrics::start();
        let second = Metrics::start();
        metrics::counter!(REJECTIONS, "code" => "telemetry-test").increment(2);
        metrics::histogram!(ACCEPT_SECONDS).record(0.003);
        let text = second.render();
        assert!(text.contains("tenterhook_inbound_rejected_total{code=\"telemetry-test\"} 2"), "{text}");
        assert!(text.contains("tenterhook_accept_seconds_bucket{le=\"0.005\"}"), "{text}");
        assert!(first.render().contains("telemetry-test"));
    }

    #[test]
    fn starting_logs_twice_is_no_error() {
        start_logs(LineFormat::Text, "info");
        start_logs(LineFormat::Json, "not a directive[");
    }
}
