//! `wasi:http` for actions, with what of WASI has to wait for it: streams and waits that are real.
//!
//! Requests go to the server by [`Services::http`](super::services::Services::http), which checks the grants and the
//! addresses; nothing here opens a connection. Bodies are taken whole, up to a limit.

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView as _};
use wasmtime_wasi::p2::bindings::{cli, clocks};
use wasmtime_wasi::p2::pipe::ClosedInputStream;
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpCtxView, WasiHttpHooks, WasiHttpView};
use wasmtime_wasi_io::bindings::wasi::io;

use super::hub::{Hub, Noted, Server, deed};
use super::printed::PrintStream;
use super::services::{DeedEnd, Fetched, HttpFailure, HttpFailureKind, HttpRequest};
use super::state::{State, Stream};
use super::types::InboundResponse;
use super::wasi::Tables;
use crate::model::{Capability, DeedOutcome, HeaderField};

/// Body of a request, in bytes.
const BODY_BYTES_MAX: usize = 1 << 20;
/// What a plugin may hand over of a body at once, in bytes. It is held for each body that is under way.
pub(super) const CHUNK_BYTES_MAX: usize = 64 << 10;
/// Requests, bodies, headers and waits that a call may have at once: what each holds is bounded, so this bounds all.
pub(super) const HANDLES_MAX: usize = 512;
/// Names and values of one set of headers, in bytes of memory.
pub(super) const FIELDS_BYTES_MAX: usize = 64 << 10;

/// Adds `wasi:http` and the interfaces of WASI that it goes with.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let l = linker;
    clocks::monotonic_clock::add_to_linker::<State, WasiClocks>(l, State::clocks)?;
    io::error::add_to_linker::<State, Tables>(l, |state| &mut state.table)?;
    io::poll::add_to_linker::<State, Tables>(l, |state| &mut state.table)?;
    io::streams::add_to_linker::<State, Tables>(l, |state| &mut state.table)?;
    cli::stdin::add_to_linker::<State, Standard>(l, |state| Streams(state))?;
    cli::stdout::add_to_linker::<State, Standard>(l, |state| Streams(state))?;
    cli::stderr::add_to_linker::<State, Standard>(l, |state| Streams(state))?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(l)
}

/// Standard streams that are entries of the table.
struct Standard;

impl HasData for Standard {
    type Data<'a> = Streams<'a>;
}

struct Streams<'a>(&'a mut State);

impl Streams<'_> {
    fn output(&mut self, stream: Stream) -> wasmtime::Result<Resource<DynOutputStream>> {
        let stream: DynOutputStream = Box::new(PrintStream::new(self.0.ports().printed.clone(), stream));
        Ok(self.0.table.push(stream)?)
    }
}

impl cli::stdin::Host for Streams<'_> {
    fn get_stdin(&mut self) -> wasmtime::Result<Resource<DynInputStream>> {
        let closed: DynInputStream = Box::new(ClosedInputStream);
        Ok(self.0.table.push(closed)?)
    }
}

impl cli::stdout::Host for Streams<'_> {
    fn get_stdout(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        self.output(Stream::Out)
    }
}

impl cli::stderr::Host for Streams<'_> {
    fn get_stderr(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        self.output(Stream::Err)
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let ports = self.ports.get_or_insert_default();
        WasiHttpCtxView { hooks: &mut ports.hub, table: &mut self.table, ctx: &mut ports.http }
    }
}

/// What is told when a response is there: whether sending the request went well, which is known by then.
type Sent = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for Hub {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Sent,
    ) -> Box<dyn Future<Output = Result<(http::Response<WasiBody>, Sent), Error>> + Send> {
        let target = format!("{} {}", request.method(), request.uri());
        let noted = self.begin(deed(Capability::Http, "request", target, None));
        let charged = self.charge(Capability::Http, 0);
        let server = self.server();
        Box::new(async move {
            let fetched = match charged {
                Ok(()) => fetch(server, request, options.unwrap_or_default()).await,
                Err(trouble) => failed(HttpFailureKind::Exhausted, trouble.text()),
            };
            end(noted, &fetched);
            let response = answer(fetched.outcome.map_err(error)?)?;
            Ok((response, Box::new(std::future::ready(Ok(()))) as Sent))
        })
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK_BYTES_MAX
    }
}

/// Takes the request's body and has the server send it.
async fn fetch(server: Option<Server>, request: http::Request<WasiBody>, options: RequestOptions) -> Fetched {
    let Some((services, home)) = server else {
        return failed(HttpFailureKind::Denied, "`http` is not offered here: nothing is granted");
    };
    let request = match whole(request, options).await {
        Ok(request) => request,
        Err(failure) => return Fetched { outcome: Err(failure), exchange: None },
    };
    let task = home.spawn(async move { services.http(request).await });
    let task = tokio_util::task::AbortOnDropHandle::new(task);
    task.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a plugin's request was lost");
        failed(HttpFailureKind::Broken, "the server could not send it")
    })
}

fn failed(kind: HttpFailureKind, reason: &str) -> Fetched {
    Fetched { outcome: Err(HttpFailure { kind, reason: reason.to_owned() }), exchange: None }
}

/// The request with its whole body, which the plugin may still be writing.
async fn whole(request: http::Request<WasiBody>, options: RequestOptions) -> Result<HttpRequest, HttpFailure> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, BODY_BYTES_MAX).collect().await.map_err(|error| {
        let too_large = error.is::<LengthLimitError>();
        let kind = if too_large { HttpFailureKind::RequestTooLarge } else { HttpFailureKind::Broken };
        let reason = if too_large { format!("its body exceeds {BODY_BYTES_MAX} bytes") } else { error.to_string() };
        HttpFailure { kind, reason }
    })?;
    let mut headers = Vec::with_capacity(parts.headers.len());
    for (name, value) in &parts.headers {
        // The client frames the message itself.
        if *name == http::header::HOST || *name == http::header::CONTENT_LENGTH {
            continue;
        }
        let value = std::str::from_utf8(value.as_bytes()).map_err(|_| {
            let reason = format!("the value of header {:?} is no UTF-8", name.as_str());
            HttpFailure { kind: HttpFailureKind::Invalid, reason }
        })?;
        headers.push(HeaderField { name: name.as_str().to_owned(), value: value.to_owned() });
    }
    Ok(HttpRequest {
        method: parts.method.as_str().to_owned(),
        url: parts.uri.to_string(),
        headers,
        body: body.to_bytes(),
        timeout: options.first_byte_timeout,
    })
}

fn end(noted: Noted, fetched: &Fetched) {
    let failure = fetched.outcome.as_ref().err();
    noted.end(DeedEnd {
        outcome: failure.map_or(DeedOutcome::Done, |failure| failure.kind.outcome()),
        reason: failure.map(|failure| failure.reason.clone()),
        exchange: fetched.exchange.clone(),
    });
}

/// The response as `wasi:http` hands it on; it is whole, so what framed it goes.
fn answer(response: InboundResponse) -> Result<http::Response<WasiBody>, Error> {
    let body = Full::new(response.body).map_err(|never| match never {}).boxed_unsync();
    let mut answer = http::Response::new(body);
    *answer.status_mut() = http::StatusCode::from_u16(response.status).map_err(|_| Error::HttpProtocolError)?;
    for HeaderField { name, value } in response.headers {
        if matches!(name.as_str(), "connection" | "keep-alive" | "transfer-encoding" | "upgrade") {
            continue;
        }
        let name = http::HeaderName::from_bytes(name.as_bytes()).map_err(|_| Error::HttpProtocolError)?;
        let value = http::HeaderValue::from_bytes(value.as_bytes()).map_err(|_| Error::HttpProtocolError)?;
        answer.headers_mut().append(name, value);
    }
    Ok(answer)
}

/// The code that tells the plugin. What has no text there has it in the run's history.
fn error(failure: HttpFailure) -> Error {
    let HttpFailure { kind, reason } = failure;
    match kind {
        HttpFailureKind::Denied => Error::HttpRequestDenied,
        HttpFailureKind::Exhausted => Error::ConnectionLimitReached,
        HttpFailureKind::Forbidden => Error::DestinationIpProhibited,
        HttpFailureKind::Dns => Error::DnsError { rcode: Some(reason), info_code: None },
        HttpFailureKind::Connect => Error::ConnectionRefused,
        HttpFailureKind::Tls => Error::TlsProtocolError,
        HttpFailureKind::Timeout => Error::HttpResponseTimeout,
        HttpFailureKind::RequestTooLarge => Error::HttpRequestBodySize(None),
        HttpFailureKind::ResponseTooLarge => Error::HttpResponseBodySize(None),
        HttpFailureKind::Invalid | HttpFailureKind::Broken | HttpFailureKind::Pretended => {
            Error::InternalError(Some(reason))
        }
    }
}
