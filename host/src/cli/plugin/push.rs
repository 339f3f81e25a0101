//! `tenterhook plugin push`: uploads a component to a server.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use reqwest::header::LOCATION;
use reqwest::{Response, StatusCode};
use serde_json::Value;

use super::anatomy::Imports;
use super::bench::Bench;
use super::units;
use crate::cli::client::{Client, ServerAt};
use crate::cli::out;
use crate::model::Slug;
use crate::plugin::Limits;

/// How long the server may say nothing.
const SILENCE_MAX: Duration = Duration::from_secs(300);
/// How often the server is asked how far it is.
const POLL: Duration = Duration::from_millis(150);
/// From how many bytes on it is told how far an upload is.
const TOLD_BYTES_MIN: usize = 1 << 20;
/// Bytes that are handed to the connection at once.
const PIECE_BYTES: usize = 64 << 10;
/// After how many parts of a hundred it is told again.
const TOLD_PERCENT: usize = 25;

/// A component to upload.
#[derive(Clone, Debug)]
pub struct PushRequest {
    /// The component.
    pub file: PathBuf,
    /// The server, and an integrator's key.
    pub server: ServerAt,
    /// The space.
    pub space: Slug,
    /// The plugin's name; what `describe` says if absent.
    pub name: Option<Slug>,
    /// The version; what `describe` says if absent.
    pub version: Option<semver::Version>,
}

/// Uploads a component and prints what the server found.
///
/// # Errors
/// The file cannot be read or is no plugin, or the server refuses it.
pub(super) fn push(request: &PushRequest) -> anyhow::Result<()> {
    let component = Bytes::from(super::read(&request.file)?);
    let (name, version) = identity(request, &component)?;
    let path = format!("/api/v1/spaces/{}/plugins/{name}/versions/{version}", request.space);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (found, created) = runtime.block_on(upload(&request.server, &path, component))?;
    let how = if created { "uploaded" } else { "was there already" };
    out::line(&format!("{name}@{version} {how}, in space {}", request.space))?;
    details(&found).iter().try_for_each(|(label, text)| out::line(&format!("  {label:<9} {text}")))
}

/// Name and version, as given or as `describe` says.
fn identity(request: &PushRequest, component: &Bytes) -> anyhow::Result<(Slug, semver::Version)> {
    if let (Some(name), Some(version)) = (&request.name, &request.version) {
        return Ok((name.clone(), version.clone()));
    }
    let bench = Bench::start(Limits::default())?;
    let inspection = bench.inspect(component).with_context(|| request.file.display().to_string())?;
    let said = inspection.description.context("it does not export `describe`: give --name and --version")?;
    let name = match &request.name {
        Some(name) => name.clone(),
        None => said.name.parse().context("give --name")?,
    };
    let version = match &request.version {
        Some(version) => version.clone(),
        None => said.version.parse().context("give --version")?,
    };
    Ok((name, version))
}

/// The plugin version as the server answers it; `false` if it was there already.
async fn upload(server: &ServerAt, path: &str, component: Bytes) -> anyhow::Result<(Value, bool)> {
    let client = Client::new(server, SILENCE_MAX)?;
    let length = component.len();
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces(component)));
    let response = client.put(path, "application/wasm", length, body).await?;
    if response.status() != StatusCode::ACCEPTED {
        let created = response.status() == StatusCode::CREATED;
        return Ok((json_of(response).await?, created));
    }
    let job = response.headers().get(LOCATION).and_then(|at| at.to_str().ok()).map(str::to_owned);
    follow(&client, &job.context("the server does not say which job it is")?).await?;
    Ok((json_of(client.get(path).await?).await?, true))
}

/// Waits for the end of an upload's job; tells on the way how far it is.
///
/// # Errors
/// The server refuses the component.
async fn follow(client: &Client, job: &str) -> anyhow::Result<()> {
    let mut told = Value::Null;
    loop {
        let now = json_of(client.get(job).await?).await?;
        match now["status"].as_str() {
            Some("running") => {}
            Some("completed") => return Ok(()),
            _ => bail!("{}", now["error"].as_str().unwrap_or("the server did not take the component")),
        }
        if now["stage"] != told {
            told = now["stage"].clone();
            out::aside(told.as_str().unwrap_or_default());
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn json_of(response: Response) -> anyhow::Result<Value> {
    serde_json::from_slice(&response.bytes().await?).context("the server's answer is no JSON")
}

/// The component piece by piece; tells on the way how far it is.
fn pieces(component: Bytes) -> impl Iterator<Item = std::io::Result<Bytes>> {
    let length = component.len();
    (0..length).step_by(PIECE_BYTES).map(move |start| {
        let end = (start + PIECE_BYTES).min(length);
        let part = |at: usize| at * 100 / length / TOLD_PERCENT;
        if length >= TOLD_BYTES_MIN && part(end) > part(start) {
            out::aside(&format!("{} % of {}", part(end) * TOLD_PERCENT, units::size(length)));
        }
        Ok(component.slice(start..end))
    })
}

/// What the server says of a plugin version, as far as it is understood.
fn details(found: &Value) -> Vec<(&'static str, String)> {
    let names = |member: &str| -> Vec<String> {
        let names = found[member].as_array().into_iter().flatten();
        names.filter_map(|name| name.as_str().map(str::to_owned)).collect()
    };
    let mut lines = vec![("exports", names("exports").join(", "))];
    for (number, line) in Imports::sort(names("imports")).lines().into_iter().enumerate() {
        lines.push((if number == 0 { "imports" } else { "" }, line));
    }
    if let Some(digest) = found["digest"].as_str() {
        lines.push(("digest", digest.to_owned()));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_is_whole_and_in_order() {
        let component: Bytes = (0..PIECE_BYTES * 2 + 5).map(|at| at as u8).collect();
        let pieces: Vec<Bytes> = pieces(component.clone()).collect::<Result<_, _>>().expect("pieces");
        assert_eq!(pieces.iter().map(Bytes::len).collect::<Vec<_>>(), [PIECE_BYTES, PIECE_BYTES, 5]);
        assert_eq!(pieces.concat(), component);
    }
}
