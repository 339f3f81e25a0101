//! `tenterhook backup`: fetches a copy of a running server's data.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::out;
use crate::model::Redacted;

/// How long the server may say nothing.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Whose data to copy where.
#[derive(Debug)]
pub struct BackupRequest {
    /// The server.
    pub url: String,
    /// An admin key.
    pub key: Redacted,
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
    // Another part of this process may have installed it.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder().read_timeout(SILENCE_MAX).no_proxy().build()?;
    let url = format!("{}/api/v1/backup", request.url.trim_end_matches('/'));
    let mut response = client
        .get(&url)
        .bearer_auth(request.key.reveal())
        .send()
        .await
        .with_context(|| format!("cannot reach {}", request.url))?;
    if !response.status().is_success() {
        let status = response.status();
        bail!("{url} answers {status}: {}", detail(&response.text().await.unwrap_or_default()));
    }
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

/// What a problem document says; the text itself if it is none.
fn detail(text: &str) -> String {
    let problem: Option<serde_json::Value> = serde_json::from_str(text).ok();
    problem.and_then(|problem| Some(problem["detail"].as_str()?.to_owned())).unwrap_or_else(|| text.to_owned())
}
