//! The engine: how components are compiled and where their instances live, and the clock that stops them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;

use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::error::PluginError;
use super::state::State;
use super::turns::Turns;
use super::types::Limits;
use super::{capable, compat, stubs, wasi, web, wit};

/// One tick of the deadline clock.
pub(super) const TICK: Duration = Duration::from_millis(1);
/// Idle ticks after which the deadline clock sleeps until the next call.
const IDLE_TICKS_MAX: u32 = 100;
/// Memory of a slot that stays mapped between calls, in bytes: with PAGEMAP_SCAN only touched pages are reset, …
const KEEP_RESIDENT_SCANNED: usize = 1 << 20;
/// … without it all of them are, so a smaller part pays.
const KEEP_RESIDENT_RESET: usize = 64 << 10;
/// Stack of one call's WebAssembly frames, in bytes.
const WASM_STACK_BYTES_MAX: usize = 512 << 10;
/// Linear memories of one component: its own, and small ones of adapters (JavaScript by componentize-qjs has two such).
pub(super) const MEMORIES_MAX: u32 = 4;
/// Elements of one table.
pub(super) const TABLE_ELEMENTS_MAX: usize = 20_000;
/// Tables of one component.
pub(super) const TABLES_MAX: u32 = 8;
/// Core instances of one component; interpreters with adapters have a dozen.
pub(super) const INSTANCES_MAX: u32 = 32;
/// How much nicer than the rest of the server compilation is, on all cores but one: a 12 MB component takes seconds. Who
/// wakes up while all cores compile would wait for one of them for milliseconds; and a thread that is much nicer holds
/// the locks of the process's memory for as long as others on the machine let it wait.
const COMPILE_NICENESS: i32 = 3;

/// Everything that calls share: the engine, what components may import, the deadline clock.
pub(super) struct Core {
    pub engine: Engine,
    /// For all but actions that import capabilities: pure.
    pub linker: Linker<State>,
    /// For actions that import capabilities, …
    pub capable: Linker<State>,
    /// … and for those that import `wasi:http` among them.
    pub web: Linker<State>,
    pub limits: Limits,
    pub ticker: Ticker,
    /// Turns of pure calls that take long: all cores but one.
    pub turns: Turns,
    compilers: rayon::ThreadPool,
}

impl Core {
    /// Sets up the engine; reserves address space for the instances, or does without where there is too little.
    pub fn start(limits: Limits) -> Result<Arc<Self>, PluginError> {
        let start = |reason: String| PluginError::Start { reason };
        let engine = Engine::new(&config(Some(pool(&limits))))
            .or_else(|error| {
                tracing::warn!(%error, "no address space for the instance pool: plugins run on demand, at half the speed");
                Engine::new(&config(None))
            })
            .map_err(|error| start(format!("{error:#}")))?;
        let linker = |add: &dyn Fn(&mut Linker<State>) -> wasmtime::Result<()>| {
            let mut linker = Linker::new(&engine);
            offer(&mut linker).and_then(|()| add(&mut linker)).map_err(|error| start(format!("{error:#}")))?;
            Ok::<_, PluginError>(linker)
        };
        let pure = linker(&|l| wasi::add_to_linker(l).and_then(|()| stubs::add_to_linker(l)))?;
        let capable = linker(&|l| wasi::add_to_linker(l).and_then(|()| capable::add_to_linker(l)))?;
        let web = linker(&|l| {
            wasi::add_still_to_linker(l)?;
            web::add_to_linker(l)?;
            capable::add_to_linker(l)
        })?;
        let compilers = rayon::ThreadPoolBuilder::new()
            .num_threads((cores() - 1).max(1))
            .thread_name(|index| format!("plugin-compile-{index}"))
            .start_handler(|_| {
                if let Err(error) = rustix::process::nice(COMPILE_NICENESS) {
                    tracing::debug!(%error, "compiling plugins at normal priority");
                }
            })
            .build()
            .map_err(|error| start(error.to_string()))?;
        let ticker = Ticker::start(engine.clone()).map_err(|error| start(error.to_string()))?;
        let turns = Turns::new(cores() - 1);
        Ok(Arc::new(Self { engine, linker: pure, capable, web, limits, ticker, turns, compilers }))
    }

    /// Compiles at low priority on threads of its own; blocks.
    pub fn compile(&self, component: &[u8]) -> wasmtime::Result<Component> {
        self.compilers.install(|| Component::from_binary(&self.engine, component))
    }
}

/// Cores that this process may use.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// What every plugin may import, besides WASI and capabilities.
fn offer(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    use wasmtime::component::HasSelf;
    wit::types::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    wit::troubles::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    wit::log::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    compat::add_to_linker(linker)
}

fn config(pool: Option<PoolingAllocationConfig>) -> Config {
    let mut config = Config::new();
    if let Some(pool) = pool {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }
    config
        .epoch_interruption(true)
        .concurrency_support(false)
        .memory_init_cow(true)
        .wasm_memory64(false)
        .max_wasm_stack(WASM_STACK_BYTES_MAX);
    config
}

fn pool(limits: &Limits) -> PoolingAllocationConfig {
    let slots = u32::try_from(limits.slots()).unwrap_or(u32::MAX);
    let scans = PoolingAllocationConfig::is_pagemap_scan_available();
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_core_instances(slots.saturating_mul(INSTANCES_MAX))
        .total_memories(slots.saturating_mul(MEMORIES_MAX))
        .total_tables(slots.saturating_mul(TABLES_MAX))
        .total_stacks(slots)
        .max_core_instances_per_component(INSTANCES_MAX)
        .max_memories_per_component(MEMORIES_MAX)
        .max_tables_per_component(TABLES_MAX)
        .max_memory_size(limits.memory_bytes_max)
        .table_elements(TABLE_ELEMENTS_MAX)
        .linear_memory_keep_resident(if scans { KEEP_RESIDENT_SCANNED } else { KEEP_RESIDENT_RESET })
        .table_keep_resident(16 << 10)
        .pagemap_scan(Enabled::Auto)
        .max_unused_warm_slots(slots);
    pool
}

/// The deadline clock: a thread that ticks once a millisecond while calls run, and sleeps otherwise.
pub(super) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    handle: Thread,
}

#[derive(Default)]
struct Shared {
    calls: AtomicUsize,
    asleep: AtomicBool,
    stop: AtomicBool,
}

impl Ticker {
    fn start(engine: Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let thread = std::thread::Builder::new().name("plugin-clock".into()).spawn({
            let shared = Arc::clone(&shared);
            move || tick(&engine, &shared)
        })?;
        let handle = thread.thread().clone();
        Ok(Self { shared, thread: Some(thread), handle })
    }

    /// The clock ticks at least as long as the returned guard lives.
    pub fn running(&self) -> Running<'_> {
        // The order matters: count first, then look. The clock announces its sleep first, then looks at the count.
        self.shared.calls.fetch_add(1, Ordering::SeqCst);
        if self.shared.asleep.load(Ordering::SeqCst) {
            self.handle.unpark();
        }
        Running(&self.shared.calls)
    }
}

/// Keeps the clock awake.
pub(super) struct Running<'a>(&'a AtomicUsize);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.handle.unpark();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the plugin clock panicked");
        }
    }
}

fn tick(engine: &Engine, shared: &Shared) {
    let mut idle = 0;
    while !shared.stop.load(Ordering::SeqCst) {
        std::thread::sleep(TICK);
        engine.increment_epoch();
        idle = if shared.calls.load(Ordering::SeqCst) == 0 { idle + 1 } else { 0 };
        if idle >= IDLE_TICKS_MAX {
            shared.asleep.store(true, Ordering::SeqCst);
            if shared.calls.load(Ordering::SeqCst) == 0 && !shared.stop.load(Ordering::SeqCst) {
                std::thread::park();
            }
            shared.asleep.store(false, Ordering::SeqCst);
            idle = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits for `state`, which the clock brings about within a fraction of a second.
    fn until(state: impl Fn() -> bool) {
        while !state() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn the_clock_sleeps_while_nothing_runs_and_wakes_for_a_call() {
        let core = Core::start(Limits::default()).expect("a core");
        let shared = Arc::clone(&core.ticker.shared);
        for _ in 0..2 {
            until(|| shared.asleep.load(Ordering::SeqCst));
            let running = core.ticker.running();
            until(|| !shared.asleep.load(Ordering::SeqCst));
            drop(running);
        }
        drop(core);
        assert!(shared.stop.load(Ordering::SeqCst), "it ends with its core");
    }

    #[test]
    fn an_engine_without_a_pool_runs_too() {
        Engine::new(&config(None)).expect("an engine");
    }
}
