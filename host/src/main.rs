//! The command `tenterhook`.

use std::process::ExitCode;

use anyhow::Context as _;
use rustix::process::{Resource, getrlimit, setrlimit};
use tenterhook::cli::{self, Command};
use tenterhook::config::{Config, LogFormat, Sources};
use tenterhook::telemetry::{LineFormat, start_logs};
use tenterhook::{app, cli::signal};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// A request's values are made on one thread and dropped on another: the system's allocator would make them wait for
/// each other.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let done = match cli::parse() {
        Command::Serve(sources) => serve(&sources),
        Command::Lint { file } => return cli::lint(&file),
        Command::Plugin(command) => return cli::plugin(&command),
        Command::Listen(request) => cli::listen(&request),
        Command::Backup(request) => cli::backup(&request),
        Command::Restore { from, data_dir } => cli::restore(&from, &data_dir),
        Command::OpenApi => cli::openapi(),
    };
    cli::report(done)
}

/// Runs the server until a signal, then drains it.
fn serve(sources: &Sources) -> anyhow::Result<()> {
    let config = Config::load(sources)?;
    start_logs(line_format(config.log.format), &config.log.level);
    raise_file_limit();
    runtime(config.process.worker_threads)?.block_on(run(config))
}

/// Takes as many file descriptors as the system lets this process have: each connection is one, and without one an
/// endpoint would seem not to answer.
fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

async fn run(config: Config) -> anyhow::Result<()> {
    let mut stop = signal::Stop::listen(config.process.exit_with_parent)?;
    let listen = config.http.listen;
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let weak_key = cli::is_weak(config.access.admin_key.as_ref());
    let running = app::start(config, listener).await?;
    cli::greet(&running, weak_key)?;
    tracing::info!(signal = stop.wanted().await, "stopping");
    anyhow::ensure!(
        running.stop().await,
        "not all work under way finished before the deadline; it goes on at the next start"
    );
    Ok(())
}

fn runtime(worker_threads: usize) -> anyhow::Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if worker_threads > 0 {
        builder.worker_threads(worker_threads);
    }
    builder.enable_all().thread_name("tenterhook").build().context("cannot start threads")
}

fn line_format(format: LogFormat) -> LineFormat {
    match format {
        LogFormat::Text => LineFormat::Text,
        LogFormat::Json => LineFormat::Json,
    }
}
