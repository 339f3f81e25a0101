//! `tenterhook backup`: fetches a copy of a running server's data.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;

use super::client::{Client, ServerAt};
use super::out;

/// How long the server may say nothing.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Whose data to copy where.
#[derive(Debug)]
pub struct BackupRequest {
    /// The server, and an admin key.
    pub server: ServerAt,
    /// The file to write.
    pub out: PathBuf,
}

/// Copies the data of a running server into a file. The file appears only once it is whole and on stable storage.
///
/// # Errors
/// The server cannot be reached or refuses, the copy is cut short, or the file cannot be written.
pub fn backup(request: &BackupRequest) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let partial = request.out.with_extension("partial");
    let copied = runtime.block_on(copy(request, &partial));
    if copied.is_err() {
        // What is there is of no use; that it cannot be removed is no news beside the error.
        drop(std::fs::remove_file(&partial));
    }
    let bytes = copied?;
    std::fs::rename(&partial, &request.out).with_context(|| format!("cannot write {}", request.out.display()))?;
    out::line(&format!("{bytes} bytes in {}", request.out.display()))
}

async fn copy(request: &BackupRequest, partial: &Path) -> anyhow::Result<u64> {
    let mut response = Client::new(&request.server, SILENCE_MAX)?.get("/api/v1/backup").await?;
    // Others on this machine need not read it.
    let mut file = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(partial)
        .with_context(|| format!("cannot write {}", partial.display()))?;
    let mut bytes = 0;
    while let Some(chunk) = response.chunk().await.context("the copy was cut short")? {
        file.write_all(&chunk)?;
        bytes += chunk.len() as u64;
    }
    file.sync_all()?;
    Ok(bytes)
}
