//! The file that holds the vault's key: 64 hex digits, readable by its owner only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use super::{KEY_BYTES, VaultError};
use crate::model::Redacted;

/// Permission bits of group and others.
#[cfg(unix)]
const OTHERS: u32 = 0o077;

/// The text of the key file; `None` if there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<Redacted>, VaultError> {
    let fail = |source| VaultError::File { path: path.to_owned(), source };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fail(error)),
    };
    refuse_exposed(path, &file)?;
    io::read_to_string(&mut file).map(Redacted::new).map(Some).map_err(fail)
}

#[cfg(unix)]
fn refuse_exposed(path: &Path, file: &File) -> Result<(), VaultError> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = file.metadata().map_err(|source| VaultError::File { path: path.to_owned(), source })?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & OTHERS == 0 { Ok(()) } else { Err(VaultError::Exposed { path: path.to_owned(), mode }) }
}

#[cfg(not(unix))]
fn refuse_exposed(_: &Path, _: &File) -> Result<(), VaultError> {
    Ok(())
}

/// Makes the file with a new key. It appears whole or not at all: written and synced beside, then renamed.
pub(super) fn create(path: &Path) -> Result<Redacted, VaultError> {
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(VaultError::Randomness)?;
    let text = hex::encode(key);
    write_whole(path, &text).map_err(|source| VaultError::File { path: path.to_owned(), source })?;
    Ok(Redacted::new(text))
}

fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {} // a left-over of a crash is gone, or there was none
    }
    let mut file = new_private_file(&beside)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    sync_folder_of(path)
}

#[cfg(unix)]
fn new_private_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn new_private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// A rename is on disk once its folder is (fsync(2)).
#[cfg(unix)]
fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder_of(_: &Path) -> io::Result<()> {
    Ok(())
}
