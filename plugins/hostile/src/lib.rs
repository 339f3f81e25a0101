//! A guest that misbehaves on demand: for tests of the host and for benchmarks. Not for users.
//!
//! The configuration `{"do": WORD, "bytes": N?}` says what each of its three exports does ([`Deed`]).

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::hint::black_box;
use std::net::{TcpListener, TcpStream, ToSocketAddrs as _, UdpSocket};
use std::time::Instant;
use std::{fs, io};

use serde::Deserialize;
use serde_json::{Value, json};
use tenterhook_plugin::{Action, Call, Failure, Json, Mapping, Request, Response, Template, Verdict, log};

struct Hostile;

/// The configuration.
#[derive(Deserialize)]
struct Config {
    r#do: Deed,
    /// How much, for the deeds that make much of something. Default 8 MiB.
    #[serde(default = "bytes_default")]
    bytes: usize,
    /// A file of the host, for [`Deed::Reach`], …
    #[serde(default)]
    file: String,
    /// … and addresses on which somebody listens.
    #[serde(default)]
    tcp: String,
    #[serde(default)]
    udp: String,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Deed {
    /// Behaves: the template gives the input as the body, the action gives the input, the mapping accepts
    /// `{"status": N}`.
    Obey,
    /// Never ends.
    Loop,
    /// Allocates and touches memory until it is stopped.
    Memory,
    /// Recurses until it is stopped.
    Stack,
    /// Panics with "the guest panics on purpose".
    Panic,
    /// Leaves by `exit(1)`.
    Exit,
    /// Writes `bytes` of log in lines of 4 KiB, then obeys.
    LogFlood,
    /// Writes `bytes` to standard output, then obeys.
    PrintFlood,
    /// Gives `bytes` of output.
    OutputFlood,
    /// Fails as `invalid("on purpose")`.
    Invalid,
    /// Fails as `rejected("on purpose")`.
    Rejected,
    /// Fails as `unavailable("on purpose")`.
    Unavailable,
    /// Gives output that is no JSON: `{"unfinished":`.
    BadJson,
    /// The template gives a request that no host should send; the mapping accepts an array; the action obeys.
    BadRequest,
    /// The template says: do not send. The others obey.
    Nothing,
    /// Gives random numbers, as std gets them: `{"random": …}`.
    Random,
    /// Gives what clocks say: `{"unix_ms": …, "passed_ns": …}`.
    Time,
    /// Gives environment and arguments: `{"env": {…}, "args": […]}`.
    Env,
    /// Tries to reach files, network and standard input: `{"read": {"error": …} or {"got": …}, …}`.
    Reach,
}

const fn bytes_default() -> usize {
    8 << 20
}

/// The result of a deed that has one of its own; `None`: the export answers as its documentation says.
fn perform(config: &Config) -> Result<Option<Value>, Failure> {
    let purpose = || "on purpose".to_owned();
    match config.r#do {
        Deed::Loop => spin(),
        Deed::Memory => hoard(),
        Deed::Stack => {
            black_box(recurse(1));
        }
        Deed::Panic => panic!("the guest panics on purpose"),
        Deed::Exit => std::process::exit(1),
        Deed::LogFlood => {
            let line = "x".repeat(4096);
            (0..config.bytes / line.len()).for_each(|_| log::info(&line));
        }
        Deed::PrintFlood => print(config.bytes),
        Deed::Invalid => return Err(Failure::Invalid(purpose())),
        Deed::Rejected => return Err(Failure::Rejected(purpose())),
        Deed::Unavailable => return Err(Failure::Unavailable(purpose())),
        Deed::Random => return Ok(Some(json!({ "random": RandomState::new().hash_one(0) }))),
        Deed::Time => return Ok(Some(clocks())),
        Deed::Env => {
            let env: BTreeMap<String, String> = std::env::vars().collect();
            return Ok(Some(json!({ "env": env, "args": std::env::args().collect::<Vec<_>>() })));
        }
        Deed::Reach => return Ok(Some(reach(config))),
        Deed::Obey | Deed::Nothing | Deed::OutputFlood | Deed::BadJson | Deed::BadRequest => {}
    }
    Ok(None)
}

/// Never ends, and does nothing that an optimiser could remove.
fn spin() {
    let mut count = 0_u64;
    loop {
        count = black_box(count).wrapping_add(1);
    }
}

/// Takes memory without end.
fn hoard() {
    let mut hoard = Vec::new();
    loop {
        hoard.push(black_box(vec![1_u8; 1 << 20]));
    }
}

/// Deeper and deeper. The work after the call keeps it from being a loop.
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    match black_box(depth) {
        u64::MAX => 0,
        _ => recurse(depth + 1).wrapping_add(frame[(depth % 64) as usize]),
    }
}

/// Writes to standard output, which belongs to nobody.
fn print(bytes: usize) {
    use std::io::Write;
    let line = "y".repeat(4096);
    for _ in 0..bytes / line.len() {
        if std::io::stdout().write_all(line.as_bytes()).is_err() {
            return;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the deed is to look at the clock")]
fn clocks() -> Value {
    let start = Instant::now();
    let unix = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    (0..10_000).for_each(|n| {
        black_box(n);
    });
    json!({ "unix_ms": unix.as_millis() as u64, "passed_ns": start.elapsed().as_nanos() as u64 })
}

/// Everything that std offers a program to reach its surroundings by.
fn reach(config: &Config) -> Value {
    fn tried<T: ToString>(result: io::Result<T>) -> Value {
        match result {
            Ok(got) => json!({ "got": got.to_string() }),
            Err(error) => json!({ "error": error.to_string() }),
        }
    }
    let Config { file, tcp, udp, .. } = config;
    let beside = format!("{file}-2");
    let sent = UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.send_to(b"hello", udp));
    json!({
        "read": tried(fs::read_to_string(file)),
        "write": tried(fs::write(&beside, "written").map(|()| beside.clone())),
        "remove": tried(fs::remove_file(file).map(|()| "removed")),
        "list": tried(fs::read_dir("/").map(Iterator::count)),
        "tcp": tried(TcpStream::connect(tcp).map(|_| "connected")),
        "listen": tried(TcpListener::bind("127.0.0.1:0").map(|_| "listening")),
        "udp": tried(sent),
        "lookup": tried(("localhost", 80).to_socket_addrs().map(Iterator::count)),
        "stdin": tried(io::read_to_string(io::stdin())),
    })
}

const UNFINISHED: &str = "{\"unfinished\":";

/// `bytes` of JSON: one long string.
fn flood(bytes: usize) -> String {
    format!("\"{}\"", "z".repeat(bytes))
}

impl Template for Hostile {
    fn render(call: &Call, input: Json, mut base: Request) -> Result<Option<Request>, Failure> {
        let config: Config = call.config()?;
        let body = match (perform(&config)?, config.r#do) {
            (Some(value), _) => value.to_string(),
            (None, Deed::Nothing) => return Ok(None),
            (None, Deed::BadJson) => UNFINISHED.into(),
            (None, Deed::OutputFlood) => flood(config.bytes),
            (None, Deed::BadRequest) => {
                base.method = "BREW\r\n".into();
                base.url = "file:///etc/passwd".into();
                base.set_header("x-one\r\nx-two", "1\r\nx-three: 3");
                input.into_text()
            }
            _ => input.into_text(),
        };
        base.body = body.into_bytes();
        Ok(Some(base))
    }
}

impl Mapping for Hostile {
    fn map(call: &Call, response: Response) -> Result<Verdict, Failure> {
        let config: Config = call.config()?;
        let fields = match (perform(&config)?, config.r#do) {
            (Some(value), _) => value.to_string(),
            (None, Deed::BadJson) => UNFINISHED.into(),
            (None, Deed::BadRequest) => "[1]".into(),
            (None, Deed::OutputFlood) => format!("{{\"field\":{}}}", flood(config.bytes)),
            _ => json!({ "status": response.status }).to_string(),
        };
        Ok(Verdict::Accepted(Json::from_text(fields)))
    }
}

impl Action for Hostile {
    fn run(call: &Call, input: Json) -> Result<Json, Failure> {
        let config: Config = call.config()?;
        Ok(match (perform(&config)?, config.r#do) {
            (Some(value), _) => Json::encode(&value)?,
            (None, Deed::BadJson) => Json::from_text(UNFINISHED),
            (None, Deed::OutputFlood) => Json::from_text(flood(config.bytes)),
            _ => input,
        })
    }
}

tenterhook_plugin::export!(Hostile: template, mapping, action);

#[cfg(test)]
mod tests {
    use super::*;

    fn config(word: &str) -> Config {
        serde_json::from_value(json!({ "do": word })).unwrap()
    }

    fn deed(word: &str) -> Deed {
        config(word).r#do
    }

    #[test]
    fn deeds_are_named_in_kebab_case_and_unknown_ones_are_refused() {
        assert_eq!(
            [deed("loop"), deed("output-flood"), deed("bad-json")],
            [Deed::Loop, Deed::OutputFlood, Deed::BadJson]
        );
        assert!(serde_json::from_value::<Config>(json!({ "do": "nap" })).is_err());
    }

    #[test]
    fn failures_are_of_the_kind_that_was_asked_for() {
        let failure = |word| perform(&config(word)).unwrap_err();
        assert!(matches!(failure("invalid"), Failure::Invalid(text) if text == "on purpose"));
        assert!(matches!(failure("rejected"), Failure::Rejected(_)));
        assert!(matches!(failure("unavailable"), Failure::Unavailable(_)));
    }
}
