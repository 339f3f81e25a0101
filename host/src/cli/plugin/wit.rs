//! WIT files of a project.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use wit_parser::{Resolve, WorldId};

/// A world in a folder of WIT files.
#[derive(Clone, Debug)]
pub struct WorldAt {
    /// The folder (its dependencies are in `deps`), or one file.
    pub path: PathBuf,
    /// The world.
    pub name: String,
}

impl WorldAt {
    /// Reads it.
    ///
    /// # Errors
    /// The files cannot be read or are no WIT, or there is no such world.
    pub(super) fn read(&self) -> anyhow::Result<(Resolve, WorldId)> {
        let Self { path, name } = self;
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_path(path).with_context(|| unreadable(path))?;
        let world = resolve.select_world(&[package], Some(name)).with_context(|| unreadable(path))?;
        Ok((resolve, world))
    }
}

fn unreadable(path: &Path) -> String {
    format!("cannot read the WIT in {}", path.display())
}
