//! One request by `wasi:http`, as any toolchain would send it.

use std::collections::BTreeMap;

use wasip2::http::outgoing_handler;
use wasip2::http::types::{Fields, Method, OutgoingBody, OutgoingRequest, Scheme};
use wasip2::io::streams::StreamError;

use super::Asked;

type Answer = (u16, BTreeMap<String, String>, String);

/// Sends a request and reads the whole response.
pub fn send(asked: &Asked, secret: Option<String>) -> Result<Answer, String> {
    let body = asked.body.repeat(asked.times);
    let headers = Fields::new();
    let secret = secret.map(|secret| ("x-secret".to_owned(), secret));
    for (name, value) in asked.headers.clone().into_iter().chain(secret) {
        headers.append(&name, value.as_bytes()).map_err(|error| format!("header {name}: {error:?}"))?;
    }
    let request = OutgoingRequest::new(headers);
    let method = match asked.method.as_str() {
        "GET" => Method::Get,
        "POST" => Method::Post,
        "DELETE" => Method::Delete,
        other => Method::Other(other.to_owned()),
    };
    let scheme = if asked.scheme == "https" { Scheme::Https } else { Scheme::Http };
    let bad = |what: &str| format!("{what} is refused");
    request.set_method(&method).map_err(|()| bad("the method"))?;
    request.set_scheme(Some(&scheme)).map_err(|()| bad("the scheme"))?;
    request.set_authority(Some(&asked.authority)).map_err(|()| bad("the authority"))?;
    request.set_path_with_query(Some(&asked.path)).map_err(|()| bad("the path"))?;
    let outgoing = request.body().map_err(|()| bad("the body"))?;
    let coming = outgoing_handler::handle(request, None).map_err(|error| format!("{error:?}"))?;
    write(outgoing, body.as_bytes())?;
    coming.subscribe().block();
    let response = coming.get().ok_or("no answer")?.map_err(|()| "taken".to_owned())?;
    let response = response.map_err(|error| format!("{error:?}"))?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let headers = response.headers().entries().into_iter().map(|(name, value)| (name, text(value))).collect();
    let incoming = response.consume().map_err(|()| bad("the response"))?;
    let stream = incoming.stream().map_err(|()| bad("the response"))?;
    let mut body = Vec::new();
    loop {
        match stream.blocking_read(64 << 10) {
            Ok(piece) => body.extend(piece),
            Err(StreamError::Closed) => break,
            Err(error) => return Err(format!("{error:?}")),
        }
    }
    Ok((response.status(), headers, text(body)))
}

/// Writes `text` to the standard output for ever, an empty one too: std would leave that out.
pub fn flood(text: &[u8]) -> ! {
    let stream = wasip2::cli::stdout::get_stdout();
    loop {
        stream.write(text).ok();
    }
}

fn write(outgoing: OutgoingBody, body: &[u8]) -> Result<(), String> {
    let stream = outgoing.write().map_err(|()| "the body is taken".to_owned())?;
    for piece in body.chunks(4096) {
        if let Err(error) = stream.blocking_write_and_flush(piece) {
            // The host takes no more: the answer says why.
            return match error {
                StreamError::Closed => Ok(()),
                error => Err(format!("{error:?}")),
            };
        }
    }
    drop(stream);
    OutgoingBody::finish(outgoing, None).map_err(|error| format!("{error:?}"))
}
