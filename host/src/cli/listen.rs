//! `tenterhook listen`: brings events to a URL as they are published, such as one on a developer's own machine.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::{Arg, ArgMatches};
use tokio::time::sleep;
use url::Url;

use super::client::{self, Client, ServerAt};
use super::out;
use super::signal::Stop;
use super::sse::{Message, Parser};
use crate::clock::{Clock as _, SystemClock};
use crate::delivery;
use crate::model::{
    DeliveryPolicy, Endpoint, EndpointFormat, EndpointSecrets, EndpointStatus, Event, Method, Slug, Time,
};
use crate::signature::{Scheme, SigningKey};

/// How long the server may say nothing: it sends a comment every 15 seconds.
const SILENCE_MAX: Duration = Duration::from_secs(45);
/// How long a forwarded request may take: long enough to look at it in a debugger.
const FORWARD_MAX: Duration = Duration::from_secs(60);
/// How long to wait before the server is asked again; twice as long each time, until it answers.
const PAUSE_MIN: Duration = Duration::from_millis(500);
/// The longest such time.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// What to bring where.
#[derive(Clone, Debug)]
pub struct ListenRequest {
    /// The server, and a key that may read the space.
    pub server: ServerAt,
    /// Whose events.
    pub space: Slug,
    /// Which types: names, `lead.*` or `*`, separated by commas.
    pub types: String,
    /// Where they go.
    pub forward: Url,
    /// What signs them; one is made if absent.
    pub secret: Option<SigningKey>,
}

/// The arguments.
pub(super) fn grammar() -> clap::Command {
    let forward = Arg::new("forward").long("forward").value_name("URL").required(true).value_parser(target);
    let space = Arg::new("space").long("space").value_name("SPACE").default_value("default");
    let types = Arg::new("types").long("types").value_name("TYPES").default_value("*");
    let secret = Arg::new("secret").long("secret").value_name("SECRET").value_parser(SigningKey::from_text);
    clap::Command::new("listen")
        .about("Brings events to a URL as they are published, such as one on your own machine")
        .arg(forward.help("Where events go, by POST"))
        .arg(client::url_argument())
        .arg(client::key_argument("A viewer's"))
        .arg(space.value_parser(|text: &str| text.parse::<Slug>()).help("Whose events"))
        .arg(types.help("Event types, such as lead.*,call_missed"))
        .arg(secret.help("What signs them: whsec_… or whsk_… [default: one is made and printed]"))
}

fn target(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    let reachable = matches!(url.scheme(), "http" | "https");
    if reachable { Ok(url) } else { Err("write a URL that begins with http:// or https://".to_owned()) }
}

/// What the arguments ask for; `None` if one that is required is missing, which the grammar does not let through.
pub(super) fn request(matches: &ArgMatches, server: ServerAt) -> Option<ListenRequest> {
    Some(ListenRequest {
        server,
        space: matches.get_one::<Slug>("space").cloned()?,
        types: matches.get_one::<String>("types").cloned()?,
        forward: matches.get_one::<Url>("forward").cloned()?,
        secret: matches.get_one::<SigningKey>("secret").cloned(),
    })
}

/// Brings events to a URL until SIGINT or SIGTERM.
///
/// # Errors
/// The server refuses, or standard output is closed.
pub fn listen(request: &ListenRequest) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut stop = Stop::listen(false)?;
        tokio::select! {
            _ = stop.wanted() => Ok(()),
            ended = follow(request) => ended,
        }
    })
}

/// Follows the server's live tail, again and again.
async fn follow(request: &ListenRequest) -> anyhow::Result<()> {
    let forwarder = Forwarder::new(request)?;
    let client = Client::new(&request.server, SILENCE_MAX)?;
    let types: String = url::form_urlencoded::byte_serialize(request.types.as_bytes()).collect();
    let path = format!("/api/v1/spaces/{}/live?types={types}", request.space);
    let mut pause = PAUSE_MIN;
    loop {
        let why = match client.get(&path).await {
            Ok(stream) => {
                let (url, space, target) = (&request.server.url, &request.space, &request.forward);
                out::line(&format!("Connected to {url}: events of space {space} go to {target}"))?;
                let mut parser = Parser::default();
                let why = relay(stream, &mut parser, &forwarder).await?;
                pause = parser.retry().unwrap_or(PAUSE_MIN).clamp(PAUSE_MIN, PAUSE_MAX);
                why
            }
            Err(error) if error.may_pass() => format!("{:#}", anyhow::Error::from(error)),
            Err(error) => return Err(error.into()),
        };
        out::complain(&format!("{why}; again in {pause:?}. What is published until then is not forwarded"));
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Forwards what comes until the stream breaks; answers why it did.
async fn relay(mut stream: reqwest::Response, parser: &mut Parser, forwarder: &Forwarder) -> anyhow::Result<String> {
    loop {
        let bytes = match stream.chunk().await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok("the server closed the stream".to_owned()),
            Err(error) => return Ok(format!("the stream broke: {:#}", anyhow::Error::from(error))),
        };
        let messages = match parser.push(&bytes) {
            Ok(messages) => messages,
            Err(error) => return Ok(error.to_string()),
        };
        for message in messages {
            forwarder.take(&message).await?;
        }
    }
}

/// Brings events to a URL.
struct Forwarder {
    http: reqwest::Client,
    endpoint: Endpoint,
    key: SigningKey,
}

impl Forwarder {
    /// Says what it signs with, if that was made here.
    fn new(request: &ListenRequest) -> anyhow::Result<Self> {
        let key = match &request.secret {
            Some(key) => key.clone(),
            None => {
                let key = SigningKey::generate(Scheme::V1).context("no randomness for a signing secret")?;
                out::line(&format!("Signing secret: {}", key.to_text().reveal()))?;
                key
            }
        };
        let http = client::builder().timeout(FORWARD_MAX).redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { http, endpoint: endpoint(&request.forward)?, key })
    }

    /// Forwards a message of the live tail, if it is an event.
    async fn take(&self, message: &Message) -> anyhow::Result<()> {
        match message.event.as_str() {
            "published" => {
                let event: Event = serde_json::from_str(&message.data).context("the server sent no event")?;
                self.forward(&event).await
            }
            "missed" => {
                let number = message.data.escape_debug();
                out::complain(&format!("forwarding is too slow: {number} happenings were missed"));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Forwards an event and prints a line of it: time, type, id, status or error, milliseconds.
    async fn forward(&self, event: &Event) -> anyhow::Result<()> {
        let (at, started) = (SystemClock.now(), Instant::now());
        let outcome = match self.send(event, at).await {
            Ok(status) => status.as_u16().to_string(),
            Err(error) => format!("{error:#}"),
        };
        let (kind, id, elapsed) = (event.kind.escape_debug(), event.webhook_id(), started.elapsed().as_millis());
        out::line(&format!("{at} {kind} {id} {outcome} {elapsed} ms"))
    }

    async fn send(&self, event: &Event, at: Time) -> anyhow::Result<reqwest::StatusCode> {
        let form = delivery::build(&self.endpoint, event, None)?;
        let mut request = self.http.post(&form.url).body(form.body.clone());
        for field in form.signed([&self.key], &event.webhook_id(), at) {
            request = request.header(field.name, field.value);
        }
        let response = request.send().await.map_err(reqwest::Error::without_url)?;
        Ok(response.status())
    }
}

/// What an endpoint with this URL would be.
fn endpoint(url: &Url) -> anyhow::Result<Endpoint> {
    Ok(Endpoint {
        id: "listen".parse()?,
        description: String::new(),
        url: url.to_string(),
        event_types: Vec::new(),
        filter: None,
        method: Method::Post,
        headers: Vec::new(),
        format: EndpointFormat::Event {},
        policy: DeliveryPolicy::default(),
        secrets: EndpointSecrets::default(),
        status: EndpointStatus::Active,
        created_by: String::new(),
        created_at: Time::default(),
        updated_at: Time::default(),
    })
}
