//! Compiled components, kept for the next command: a large one takes seconds to compile.
//!
//! They are in `tenterhook/plugins` of the user's cache folder, with a key beside them that only the user can read:
//! machine code is loaded only if it was written under that key.

use std::fs::{self, DirBuilder, File};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::plugin::ArtefactCache;

/// How many compiled components are kept; the oldest go first. One of Python has 60 MB.
const KEPT_MAX: usize = 12;
/// The file that has the key.
const KEY_FILE: &str = "key";

/// The user's cache; none if there is no folder for it, or if it cannot be used.
pub(super) fn open() -> Option<ArtefactCache> {
    let folder = folder()?;
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).ok()?;
    let key = key(&folder.join(KEY_FILE)).ok()?;
    prune(&folder);
    Some(ArtefactCache { folder, key })
}

/// By the XDG Base Directory Specification.
fn folder() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(caches.join("tenterhook/plugins"))
}

/// The key, made on first use.
fn key(file: &Path) -> std::io::Result<[u8; 32]> {
    let mut key = [0; 32];
    match File::options().write(true).create_new(true).mode(0o600).open(file) {
        Ok(mut new) => {
            getrandom::fill(&mut key)?;
            new.write_all(&key)?;
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => File::open(file)?.read_exact(&mut key)?,
        Err(error) => return Err(error),
    }
    Ok(key)
}

/// Removes the oldest files; what cannot be removed stays.
fn prune(folder: &Path) {
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<(SystemTime, PathBuf)> = entries(folder)
        .flat_map(|engine| entries(&engine.path()))
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    files.sort();
    let surplus = files.len().saturating_sub(KEPT_MAX);
    files[..surplus].iter().for_each(|(_, file)| drop(fs::remove_file(file)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_stays_and_is_the_users_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(KEY_FILE);
        let first = key(&file).expect("a key");
        assert_eq!(first, key(&file).expect("the key"));
        assert_ne!(first, [0; 32]);
        assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
        fs::write(&file, "short").expect("a file");
        assert!(key(&file).is_err(), "a damaged key is none");
    }

    #[test]
    fn the_newest_components_are_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = folder.path().join("engine");
        fs::create_dir(&engine).expect("a folder");
        for number in 0..KEPT_MAX + 2 {
            let file = File::create(engine.join(number.to_string())).expect("a file");
            let age = std::time::Duration::from_secs(number as u64);
            file.set_modified(SystemTime::UNIX_EPOCH + age).expect("a time");
        }
        fs::write(folder.path().join(KEY_FILE), [0; 32]).expect("a key");
        prune(folder.path());
        assert!(!engine.join("1").exists() && engine.join("2").exists(), "the two oldest are gone");
        assert!(folder.path().join(KEY_FILE).exists(), "the key is no component");
    }
}
