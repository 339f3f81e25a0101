//! `tenterhook plugin`: what authors of plugins need, from an empty folder to a running server.

mod anatomy;
mod arguments;
mod ask;
mod bench;
mod bindings;
mod cache;
mod check;
mod componentize;
mod files;
mod new;
mod project;
mod push;
mod report;
mod role;
mod run;
mod stand_in;
mod units;
mod wit;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;

pub use bindings::BindingsRequest;
pub use check::CheckRequest;
pub use componentize::ComponentizeRequest;
pub use new::NewRequest;
pub use project::{Language, ProjectName};
pub use push::PushRequest;
pub use role::Role;
pub use run::RunRequest;
pub use wit::WorldAt;

pub(super) use arguments::{grammar, request};

/// What an author wants.
#[derive(Clone, Debug)]
pub enum PluginCommand {
    /// A project to begin with.
    New(NewRequest),
    /// What an upload would find.
    Check(CheckRequest),
    /// One call.
    Run(RunRequest),
    /// An upload.
    Push(PushRequest),
    /// C declarations of a world.
    Bindings(BindingsRequest),
    /// A component of a core module.
    Componentize(ComponentizeRequest),
}

/// Does what an author wants; the exit code is 1 if that cannot be done, or if the plugin is not as it should be.
pub fn plugin(command: &PluginCommand) -> ExitCode {
    let done = match command {
        PluginCommand::New(request) => new::new(request).map(|()| true),
        PluginCommand::Check(request) => check::check(request),
        PluginCommand::Run(request) => run::run(request),
        PluginCommand::Push(request) => push::push(request).map(|()| true),
        PluginCommand::Bindings(request) => bindings::bindings(request).map(|()| true),
        PluginCommand::Componentize(request) => componentize::componentize(request).map(|()| true),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => super::report(Err(error)),
    }
}

/// A file's content.
fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}
