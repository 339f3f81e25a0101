//! From merged values to a checked [`Config`]: every option is read, then all problems are reported.

use std::ops::RangeInclusive;
use std::time::Duration;

use figment::Figment;
use figment::value::Value;

use super::value::{LogLevel, OptionValue, PublicUrl, within};
use super::{
    AccessConfig, Config, ConfigErrors, ConfigProblem, EgressConfig, EngineConfig, HttpConfig, Kept, LogConfig, Origin,
    PluginConfig, ProcessConfig, RetentionConfig, StoreConfig,
};

/// Bodies are held in memory, so 1 GiB is far beyond any use.
const BODY_RANGE: RangeInclusive<u64> = 1_024..=1_073_741_824;
/// One hour is longer than anything that is waited for.
const MILLIS_RANGE: RangeInclusive<u64> = 1..=3_600_000;
/// From what shows in a test to a hundred years.
const SECONDS_RANGE: RangeInclusive<u64> = 1..=3_155_760_000;
/// Counts and sizes in MiB that still fit a machine.
const COUNT_RANGE: RangeInclusive<u64> = 1..=1_000_000;

/// Reads every option. `problems` are those found before.
pub(super) fn config(figment: &Figment, problems: Vec<ConfigProblem>) -> Result<Config, ConfigErrors> {
    let mut reader = Reader { figment, problems };
    let http = reader.http();
    let access = AccessConfig { admin_key: reader.optional("admin_key"), secret_key: reader.optional("secret_key") };
    let egress = egress(&mut reader);
    let plugin = plugin(&mut reader);
    let engine = reader.count("run_concurrency").map(|run_concurrency| EngineConfig { run_concurrency });
    let store = store(&mut reader);
    let retention = retention(&mut reader);
    let log = log(&mut reader);
    let process = process(&mut reader);
    let config = (|| {
        let (http, egress, plugin, engine) = (http?, egress?, plugin?, engine?);
        let (store, retention, log, process) = (store?, retention?, log?, process?);
        Some(Config { http, access, egress, plugin, engine, store, retention, log, process })
    })();
    match config {
        Some(config) if reader.problems.is_empty() => Ok(config),
        _ => Err(ConfigErrors(reader.problems)),
    }
}

fn egress(reader: &mut Reader<'_>) -> Option<EgressConfig> {
    let allow_private = reader.required("allow_private_egress");
    let allow = reader.required("egress_allow");
    Some(EgressConfig { allow_private: allow_private?, allow: allow? })
}

fn plugin(reader: &mut Reader<'_>) -> Option<PluginConfig> {
    let template = reader.millis("template_ms");
    let action = reader.millis("action_ms");
    let memory_mib = reader.count("plugin_memory_mib");
    let cache = reader.optional("plugin_cache");
    Some(PluginConfig { template: template?, action: action?, memory_mib: memory_mib?, cache })
}

fn store(reader: &mut Reader<'_>) -> Option<StoreConfig> {
    let data_dir = reader.required("data_dir");
    let cache_mib = reader.number("store_cache_mib", &COUNT_RANGE);
    Some(StoreConfig { data_dir: data_dir?, cache_mib: cache_mib? })
}

fn retention(reader: &mut Reader<'_>) -> Option<RetentionConfig> {
    let events = reader.kept("retain_events_s", "retain_events_mib");
    let deliveries = reader.kept("retain_deliveries_s", "retain_deliveries_mib");
    let runs = reader.kept("retain_runs_s", "retain_runs_mib");
    let bins = reader.kept("retain_bins_s", "retain_bins_mib");
    Some(RetentionConfig { events: events?, deliveries: deliveries?, runs: runs?, bins: bins? })
}

fn log(reader: &mut Reader<'_>) -> Option<LogConfig> {
    let format = reader.required("log_format");
    let level = reader.required::<LogLevel>("log_level");
    Some(LogConfig { format: format?, level: level?.0 })
}

fn process(reader: &mut Reader<'_>) -> Option<ProcessConfig> {
    let worker_threads = reader.number("worker_threads", &(0..=1_024)).and_then(|n| usize::try_from(n).ok());
    let drain = reader.millis("drain_ms");
    let exit_with_parent = reader.required("exit_with_parent");
    Some(ProcessConfig { worker_threads: worker_threads?, drain: drain?, exit_with_parent: exit_with_parent? })
}

struct Reader<'a> {
    figment: &'a Figment,
    problems: Vec<ConfigProblem>,
}

impl Reader<'_> {
    fn http(&mut self) -> Option<HttpConfig> {
        let listen = self.required("listen");
        let public_url = self.optional::<PublicUrl>("public_url").map(|url| url.0);
        let body = self.size("body_bytes_max");
        let plugin = self.size("plugin_bytes_max");
        let connections_max = self.count("connections_max");
        Some(HttpConfig {
            listen: listen?,
            public_url,
            body_bytes_max: body?,
            plugin_bytes_max: plugin?,
            connections_max: connections_max?,
        })
    }

    /// The value of an option that has a default; `None` if there is a problem, which is noted.
    fn required<T: OptionValue>(&mut self, name: &str) -> Option<T> {
        let value = self.optional(name);
        if value.is_none() && !self.figment.contains(name) {
            self.note(name, format!("{name} has no value"));
        }
        value
    }

    /// The value of an option; `None` if there is none or if there is a problem, which is noted.
    fn optional<T: OptionValue>(&mut self, name: &str) -> Option<T> {
        let value = self.figment.find_value(name).ok()?;
        let read = match &value {
            Value::String(_, text) => T::from_text(text),
            other => T::from_value(other),
        };
        read.map_err(|reason| self.note(name, format!("{name}: {reason}"))).ok()
    }

    fn number(&mut self, name: &str, range: &RangeInclusive<u64>) -> Option<u64> {
        let number = self.required(name)?;
        within(number, range).map_err(|reason| self.note(name, format!("{name}: {reason}"))).ok()
    }

    fn size(&mut self, name: &str) -> Option<usize> {
        self.number(name, &BODY_RANGE).and_then(|bytes| usize::try_from(bytes).ok())
    }

    fn count(&mut self, name: &str) -> Option<usize> {
        self.number(name, &COUNT_RANGE).and_then(|count| usize::try_from(count).ok())
    }

    fn millis(&mut self, name: &str) -> Option<Duration> {
        self.number(name, &MILLIS_RANGE).map(Duration::from_millis)
    }

    fn kept(&mut self, age: &str, mib: &str) -> Option<Kept> {
        let age = self.number(age, &SECONDS_RANGE).map(Duration::from_secs);
        let mib = self.number(mib, &(0..=*COUNT_RANGE.end() * 1_000));
        Some(Kept { age: age?, mib: mib? })
    }

    fn note(&mut self, name: &str, reason: String) {
        self.problems.push(ConfigProblem { origin: Origin::of(self.figment.find_metadata(name)), reason });
    }
}
