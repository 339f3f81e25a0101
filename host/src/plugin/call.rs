//! One call: a fresh instance, the export, and what became of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::component::Instance;
use wasmtime::{PoolConcurrencyLimitError, Store, StoreContextMut, Trap, UpdateDeadline};

use super::compiled::Loaded;
use super::engine::{Core, TICK};
use super::error::{PluginError, TrapKind};
use super::hub::Server;
use super::output;
use super::state::{Random, State};
use super::stubs::OnlyActions;
use super::turns::{PATIENCE, TURN, Turns};
use super::types::{
    Call, InboundRequest, InboundResponse, Judgement, OutboundRequest, Reported, Secrets, Verdict, interface,
};
use super::wasi::Exited;
use super::{pure as pool, wit};
use crate::model::{Export, Redacted, Time};

/// By how much a pure call may exceed its CPU time by the wall clock, for want of a CPU.
pub(super) const WALL_FACTOR: u32 = 4;
/// Room for what surrounds an output when it is copied out of the plugin: records, list heads, header names.
const OUTPUT_SLACK_BYTES: usize = 64 << 10;

type Result<T> = std::result::Result<T, PluginError>;

/// Calls `payload-template.render`; blocks until it is done or stopped.
pub(super) fn render(
    core: &Core,
    plugin: &Loaded,
    call: Call,
    input: String,
    base: OutboundRequest,
) -> Result<Reported<Option<OutboundRequest>>> {
    let export = plugin.compiled.template.as_ref().ok_or_else(|| plugin.wrong_export(Export::Template))?;
    let now = call.now;
    let (call, base) = (call.into(), base.into());
    let report = pure(core, plugin, now, core.limits.pure_time_max, |store, instance| {
        export.load(&mut *store, instance)?.call_render(store, &call, &input, &base)
    })?;
    settle(plugin, report, |request| match request {
        Some(request) => output::request(request.into(), core.limits.output_bytes_max).map(Some),
        None => Ok(None),
    })
}

/// Calls `response-mapping.map`; blocks until it is done or stopped.
pub(super) fn map(core: &Core, plugin: &Loaded, call: Call, response: InboundResponse) -> Result<Reported<Verdict>> {
    use wit::response_mapping::Verdict as Wit;
    let export = plugin.compiled.mapping.as_ref().ok_or_else(|| plugin.wrong_export(Export::Mapping))?;
    let now = call.now;
    let (call, response) = (call.into(), response.into());
    let report = pure(core, plugin, now, core.limits.pure_time_max, |store, instance| {
        export.load(&mut *store, instance)?.call_map(store, &call, &response)
    })?;
    settle(plugin, report, |verdict| {
        let verdict = match verdict {
            Wit::Accepted(json) => Verdict::Accepted(json),
            Wit::Retry(reason) => Verdict::Retry(reason),
            Wit::Failed(reason) => Verdict::Failed(reason),
        };
        output::verdict(verdict, core.limits.output_bytes_max)
    })
}

/// Calls `inbound-verifier.verify`; blocks until it is done or stopped. What comes of it is masked, but for an answer to
/// the caller, which is the verifier's to decide.
pub(super) fn verify(
    core: &Core,
    plugin: &Loaded,
    call: Call,
    request: InboundRequest,
    Secrets { values, mask }: &Secrets,
) -> Result<Reported<Judgement>> {
    let export = plugin.compiled.verifier.as_ref().ok_or_else(|| plugin.wrong_export(Export::Verifier))?;
    let now = call.now;
    let (call, request) = (call.into(), request.into());
    let secret = |(name, value): &(String, Redacted)| wit::inbound_verifier::Secret {
        name: name.clone(),
        value: value.reveal().to_owned(),
    };
    let secrets: Vec<_> = values.iter().map(secret).collect();
    let report = pure(core, plugin, now, core.limits.pure_time_max, |store, instance| {
        export.load(&mut *store, instance)?.call_verify(store, &call, &request, &secrets)
    })?;
    let mask = mask.as_ref();
    let settled = settle(plugin, report, |judgement| {
        output::judgement(judgement.into(), core.limits.output_bytes_max)
            .and_then(|judgement| output::masked_judgement(judgement, mask))
    });
    let mut report = settled.map_err(|error| error.masked(mask))?;
    report.logs.iter_mut().for_each(|line| line.message = mask(&line.message));
    Ok(report)
}

/// Calls `trigger-action.run` on this thread, with the limits of a pure call.
pub(super) fn run_pure(core: &Core, plugin: &Loaded, call: Call, input: String) -> Result<Reported<String>> {
    use futures_util::FutureExt as _;
    let export = plugin.compiled.action.as_ref().ok_or_else(|| plugin.wrong_export(Export::Action))?;
    let now = call.now;
    let call = call.into();
    let report = pure(core, plugin, now, core.limits.pure_time_max, |store, instance| {
        let guest = export.load(&mut *store, instance)?;
        // Nothing that it can call here waits, and deadlines trap here rather than yield: so it is done at once.
        let done = guest.call_run(store, &call, &input).now_or_never();
        done.unwrap_or_else(|| Err(wasmtime::format_err!("a pure call waited")))
    })?;
    settle(plugin, report, |json| output::json(json, core.limits.output_bytes_max))
}

/// Calls `trigger-action.run`: yields to others each millisecond, takes turns if it is long, and is dropped at its time
/// limit, whatever it waits for. `server` answers for the capabilities that it imports; `suspect`: its last call was bad.
pub(super) async fn run(
    core: &Core,
    plugin: &Loaded,
    call: Call,
    input: String,
    server: Option<Server>,
    (turns, suspect): (Turns, bool),
) -> Result<Reported<String>> {
    let export = plugin.compiled.action.as_ref().ok_or_else(|| plugin.wrong_export(Export::Action))?;
    let _running = core.ticker.running();
    let start = Instant::now();
    let limit = core.limits.action_time_max;
    let random = if plugin.is_on_trial { Random::Fixed(0) } else { Random::System };
    let (pre, state) = match &plugin.compiled.capable {
        None => (&plugin.compiled.pre, State::new(&core.limits, call.now)),
        Some(capable) => (capable, State::with_capabilities(&core.limits, call.now, server)),
    };
    let state = State { random, ..state };
    let mut store = store(core, state);
    store.set_epoch_deadline(1);
    store.epoch_deadline_async_yield_and_update(1);
    let call = call.into();
    let work = async {
        let instance = pre.instantiate_async(&mut store).await?;
        export.load(&mut store, &instance)?.call_run(&mut store, &call, &input).await
    };
    let paced = turns.pace(work, suspect, start + limit);
    let outcome = match tokio::time::timeout(limit, paced).await {
        Ok(Some(outcome)) => outcome.map_err(Stop::Error),
        Ok(None) | Err(_) => Err(Stop::Time),
    };
    let elapsed = start.elapsed();
    let mut state = store.into_data();
    state.take_printed();
    let masks = state.log.masks.clone();
    let report = conclude(core, plugin, outcome, state, elapsed, limit);
    let json = |json| output::json(json, core.limits.output_bytes_max);
    let Some((services, _)) = masks else { return settle(plugin, report?, json) };
    // No text of the result holds a secret; the log was masked while it was written.
    let mask = |text: &str| services.mask(text);
    report
        .and_then(|report| settle(plugin, report, |text| json(text).and_then(|text| output::masked(&text, &mask))))
        .map_err(|error| error.masked(&mask))
}

/// Calls `describe.describe`, if there is one.
pub(super) fn describe(core: &Core, plugin: &Loaded) -> Result<Option<wit::describe::Description>> {
    let Some(export) = plugin.compiled.describe.as_ref() else { return Ok(None) };
    let report = pure(core, plugin, Time::default(), core.limits.describe_time_max, |store, instance| {
        export.load(&mut *store, instance)?.call_describe(store).map(Ok)
    })?;
    settle(plugin, report, |description| Ok(Some(description))).map(|report| report.value)
}

/// An interface that is not what its name says, and in what.
pub(super) struct Mismatch {
    pub interface: &'static str,
    pub reason: String,
}

/// Starts an instance and compares the types of its exports with the interface's, without calling them.
pub(super) fn probe(core: &Core, plugin: &Loaded) -> Result<Option<Mismatch>> {
    let compiled = &plugin.compiled;
    let report = pure(core, plugin, Time::default(), core.limits.describe_time_max, |store, instance| {
        let mut store = &mut *store;
        let template = compiled.template.as_ref().map(|export| export.load(&mut store, instance).map(drop));
        let mapping = compiled.mapping.as_ref().map(|export| export.load(&mut store, instance).map(drop));
        let action = compiled.action.as_ref().map(|export| export.load(&mut store, instance).map(drop));
        let verifier = compiled.verifier.as_ref().map(|export| export.load(&mut store, instance).map(drop));
        let describe = compiled.describe.as_ref().map(|export| export.load(&mut store, instance).map(drop));
        let loaded = [
            (interface(Export::Template), template),
            (interface(Export::Mapping), mapping),
            (interface(Export::Action), action),
            (interface(Export::Verifier), verifier),
            ("describe", describe),
        ];
        let mismatch = loaded.into_iter().find_map(|(interface, loaded)| {
            Some(Mismatch { interface, reason: loaded?.err()?.root_cause().to_string() })
        });
        Ok(Ok(mismatch))
    })?;
    settle(plugin, report, Ok).map(|report| report.value)
}

/// A plugin's own word on why it gives no result.
type Answer<T> = std::result::Result<T, wit::types::Failure>;

/// Runs `f` in a fresh instance under the limits of a pure call.
fn pure<T>(
    core: &Core,
    plugin: &Loaded,
    now: Time,
    limit: Duration,
    f: impl FnOnce(&mut Store<State>, &Instance) -> wasmtime::Result<Answer<T>>,
) -> Result<Reported<Answer<T>>> {
    let _running = core.ticker.running();
    let start = Instant::now();
    let mut store = store(core, State::new(&core.limits, now));
    store.set_epoch_deadline(ticks(limit.min(PATIENCE)));
    store.epoch_deadline_callback(pace(core.turns.clone(), start, limit));
    let outcome = plugin.compiled.pre.instantiate(&mut store).and_then(|instance| f(&mut store, &instance));
    let state = store.into_data();
    conclude(core, plugin, outcome.map_err(Stop::Error), state, start.elapsed(), limit)
}

fn store(core: &Core, state: State) -> Store<State> {
    let mut store = Store::new(&core.engine, state);
    store.limiter(|state| &mut state.memory);
    store.set_hostcall_fuel(core.limits.output_bytes_max.saturating_add(OUTPUT_SLACK_BYTES));
    store
}

fn ticks(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis() / TICK.as_millis()).unwrap_or(u64::MAX).max(1)
}

/// Lets a long call run in turns, and stops it once it has had `limit` of CPU time, or several times that by the wall
/// clock.
fn pace(
    turns: Turns,
    start: Instant,
    limit: Duration,
) -> impl FnMut(StoreContextMut<'_, State>) -> wasmtime::Result<UpdateDeadline> + Send + Sync + 'static {
    let end = start + limit * WALL_FACTOR;
    let (mut begin, mut turn) = (None, None);
    move |_| {
        let cpu = cpu_time();
        // The CPU's clock is first looked at here, where short calls never come: asking costs more than all else of
        // them. Until now the call had no more than this of it, or was waiting for a CPU.
        let (seen_at, had) = *begin.get_or_insert_with(|| (cpu, start.elapsed().min(PATIENCE)));
        let seen = cpu.saturating_sub(seen_at);
        let left = limit.saturating_sub(had + seen);
        if left < TICK {
            return Ok(UpdateDeadline::Interrupt);
        }
        // Who waited for a CPU only is not to blame, whatever the wall clock says.
        if seen < PATIENCE {
            return Ok(UpdateDeadline::Continue(ticks(left.min(PATIENCE - seen))));
        }
        pool::stand_in();
        drop(turn.take());
        turn = turns.wait(end);
        let until_end = end.saturating_duration_since(Instant::now());
        Ok(match turn {
            Some(_) if !until_end.is_zero() => UpdateDeadline::Continue(ticks(left.min(TURN).min(until_end))),
            _ => UpdateDeadline::Interrupt,
        })
    }
}

/// CPU time of this thread.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Why a call ended without a value.
enum Stop {
    Time,
    Error(wasmtime::Error),
}

/// The report of a call, or the error that its end amounts to.
fn conclude<T>(
    core: &Core,
    plugin: &Loaded,
    outcome: std::result::Result<T, Stop>,
    state: State,
    elapsed: Duration,
    limit: Duration,
) -> Result<Reported<T>> {
    let memory_peak = state.memory.used();
    plugin.counters.memory(memory_peak);
    match outcome {
        Ok(value) => Ok(Reported { value, logs: state.log.finish(), elapsed, memory_peak }),
        Err(Stop::Time) => {
            let is_waiting = state.ports.as_ref().is_some_and(|ports| ports.hub.is_asking());
            let (plugin, logs) = (Arc::clone(&plugin.name), state.log.finish());
            Err(PluginError::TimedOut { plugin, limit, is_waiting, logs })
        }
        Err(Stop::Error(error)) => Err(failure(core, plugin, &error, state, limit)),
    }
}

/// What `error` means. The kinds are told apart by type.
fn failure(core: &Core, plugin: &Loaded, error: &wasmtime::Error, state: State, limit: Duration) -> PluginError {
    let name = Arc::clone(&plugin.name);
    if error.is::<PoolConcurrencyLimitError>() {
        return PluginError::Busy { plugin: name };
    }
    let refused_memory = state.memory.refused;
    let trap = error.downcast_ref::<Trap>().copied();
    let panic = state.log.panic().map(str::to_owned);
    let logs = state.log.finish();
    let trapped = |kind, reason| PluginError::Trapped { plugin: Arc::clone(&name), kind, reason, logs: logs.clone() };
    if trap == Some(Trap::Interrupt) {
        return PluginError::TimedOut { plugin: name, limit, is_waiting: false, logs };
    }
    if refused_memory {
        let reason = format!("it needs more memory than its limit of {} bytes", core.limits.memory_bytes_max);
        return trapped(TrapKind::Memory, reason);
    }
    if let Some(exited) = error.downcast_ref::<Exited>() {
        return trapped(TrapKind::Panic, panic.unwrap_or_else(|| exited.to_string()));
    }
    if let Some(only) = error.downcast_ref::<OnlyActions>() {
        return trapped(TrapKind::Other, only.to_string());
    }
    match trap {
        Some(Trap::StackOverflow) => trapped(TrapKind::Stack, "its calls nest too deeply: stack overflow".to_owned()),
        Some(trap) => match panic {
            Some(panic) => trapped(TrapKind::Panic, panic),
            None => describe_trap(trap, error, trapped),
        },
        None if output::is_fuel_exhausted(error) => {
            PluginError::OutputTooLarge { plugin: name, limit: core.limits.output_bytes_max, logs }
        }
        None => PluginError::BadOutput { plugin: name, reason: error.root_cause().to_string(), logs },
    }
}

/// A trap without a panic message.
fn describe_trap(
    trap: Trap,
    error: &wasmtime::Error,
    trapped: impl Fn(TrapKind, String) -> PluginError,
) -> PluginError {
    let place = error
        .downcast_ref::<wasmtime::WasmBacktrace>()
        .and_then(|trace| trace.frames().first().and_then(|frame| frame.func_name().map(str::to_owned)))
        .map_or_else(String::new, |function| format!(" in {function}"));
    match trap {
        Trap::UnreachableCodeReached => {
            trapped(TrapKind::Panic, format!("it gave up{place} without a message (wasm `unreachable`)"))
        }
        Trap::MemoryOutOfBounds => trapped(
            TrapKind::Other,
            format!("memory access out of bounds{place} (often a stack overflow: calls that nest too deeply)"),
        ),
        trap => trapped(TrapKind::Other, format!("{trap}{place}")),
    }
}

/// Turns a plugin's answer into ours, and checks its output.
fn settle<T, U>(
    plugin: &Loaded,
    report: Reported<Answer<T>>,
    check: impl FnOnce(T) -> std::result::Result<U, output::Bad>,
) -> Result<Reported<U>> {
    let Reported { value, logs, elapsed, memory_peak } = report;
    let name = || Arc::clone(&plugin.name);
    match value {
        Ok(value) => match check(value) {
            Ok(value) => Ok(Reported { value, logs, elapsed, memory_peak }),
            Err(output::Bad::TooLarge { limit }) => Err(PluginError::OutputTooLarge { plugin: name(), limit, logs }),
            Err(output::Bad::Unusable(reason)) => Err(PluginError::BadOutput { plugin: name(), reason, logs }),
        },
        Err(wit::types::Failure::Invalid(reason)) => Err(PluginError::Invalid { plugin: name(), reason, logs }),
        Err(wit::types::Failure::Rejected(reason)) => Err(PluginError::Rejected { plugin: name(), reason, logs }),
        Err(wit::types::Failure::Unavailable(reason)) => Err(PluginError::Unavailable { plugin: name(), reason, logs }),
    }
}
