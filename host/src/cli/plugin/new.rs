//! `tenterhook plugin new`: a project to begin with.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::project::{self, Language, ProjectName};
use super::role::Role;
use crate::cli::out;

/// A project to write.
#[derive(Clone, Debug)]
pub struct NewRequest {
    /// The plugin's name.
    pub name: ProjectName,
    /// The language.
    pub language: Language,
    /// What the plugin is to be.
    pub role: Role,
    /// Where to write it; a folder named as the plugin if absent.
    pub folder: Option<PathBuf>,
}

/// Writes a project into a new or empty folder.
///
/// # Errors
/// The folder has something in it, or cannot be written.
pub(super) fn new(request: &NewRequest) -> anyhow::Result<()> {
    let folder = request.folder.clone().unwrap_or_else(|| PathBuf::from(request.name.as_str()));
    let shown = folder.display();
    if fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("{shown} is not empty: choose another folder by --dir");
    }
    let files = project::files(&request.name, request.language, request.role);
    for file in &files {
        let path = folder.join(&file.path);
        write(&path, &file.content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    out::line(&format!("{} files in {shown}; its README.md says how to build, test and check it", files.len()))
}

/// Writes a file that is not there yet; scripts can be executed.
fn write(path: &Path, content: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let is_script = path.extension().is_some_and(|extension| extension == "sh");
    let mode = if is_script { 0o777 } else { 0o666 };
    let mut file = File::options().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(content.as_bytes())
}
