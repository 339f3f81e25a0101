//! Tests of egress against scripted receivers and resolvers.

mod receiver;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use super::*;
use receiver::{Receiver, Step};

/// Long enough for a local exchange on a busy machine.
const AMPLE: Duration = Duration::from_secs(20);
/// The deadline of exchanges that are meant to miss it.
const SHORT: Duration = Duration::from_secs(1);

/// Resolves every name by a function of the call's number, from 0.
struct Scripted<F> {
    answer: F,
    calls: Arc<AtomicUsize>,
}

#[async_trait]
impl<F: Fn(usize) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static> Lookup for Scripted<F> {
    async fn lookup(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        (self.answer)(self.calls.fetch_add(1, Ordering::SeqCst))
    }
}

/// A name server that never answers.
struct Silent;

#[async_trait]
impl Lookup for Silent {
    async fn lookup(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        std::future::pending().await
    }
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// A resolver that always gives these addresses.
fn fixed(addresses: &'static [&'static str]) -> Arc<dyn Lookup> {
    let answer = move |_| Ok(addresses.iter().map(|text| address(text)).collect());
    Arc::new(Scripted { answer, calls: Arc::default() })
}

fn policy(rules: &[&str]) -> EgressPolicy {
    EgressPolicy { allow_private: false, allow: rules.iter().map(|rule| rule.parse().expect("a rule")).collect() }
}

fn client_with(rules: &[&str], lookup: Arc<dyn Lookup>) -> Egress {
    let limits = EgressLimits { response_bytes: 1000, ..EgressLimits::default() };
    Egress::with_lookup(policy(rules), limits, lookup).expect("a client")
}

/// A client that may call this machine.
fn client() -> Egress {
    client_with(&["127.0.0.1"], fixed(&["127.0.0.1"]))
}

fn get(url: String) -> Request {
    Request { method: Method::Get, url, headers: Vec::new(), body: Bytes::new(), timeout: AMPLE }
}

fn field(name: &str, value: &str) -> HeaderField {
    HeaderField { name: name.to_owned(), value: value.to_owned() }
}

fn value<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers.iter().find(|field| field.name == name).map(|field| field.value.as_str())
}

#[tokio::test]
async fn a_request_arrives_as_given_and_its_response_comes_back() {
    let receiver =
        Receiver::start(&[Step::Send("HTTP/1.1 201 Created\r\nX-Id: 7\r\nContent-Length: 2\r\n\r\nok")]).await;
    let request = Request {
        method: Method::Put,
        headers: vec![field("Idempotency-Key", "k-1"), field("Content-Type", "application/json")],
        body: Bytes::from_static(b"{\"a\":1}"),
        ..get(receiver.url("/path?q=1#fragment"))
    };
    let response = client().send(request).await.expect("a response");
    assert_eq!((response.status, response.body.as_ref(), response.cut), (201, b"ok".as_ref(), false));
    assert_eq!(value(&response, "x-id"), Some("7"));
    assert_eq!(response.remote.map(|remote| remote.ip()), Some(address("127.0.0.1")));
    let seen = receiver.requests();
    assert_eq!(seen.len(), 1);
    assert!(seen[0].starts_with("PUT /path?q=1 HTTP/1.1\r\n"), "{}", seen[0]);
    assert!(seen[0].ends_with("\r\n\r\n{\"a\":1}"), "{}", seen[0]);
    for line in [
        "idempotency-key: k-1",
        "content-type: application/json",
        "content-length: 7",
        concat!("user-agent: tenterhook/", env!("CARGO_PKG_VERSION")),
        &format!("host: {}", receiver.authority()),
    ] {
        assert!(seen[0].contains(&format!("\r\n{line}\r\n")), "{line} is missing in {}", seen[0]);
    }
    assert!(!seen[0].contains("accept-encoding"), "no content coding is asked for: {}", seen[0]);
}

#[tokio::test]
async fn connections_are_pooled_and_cookies_are_not_kept() {
    let answer = "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n";
    let receiver = Receiver::start(&[Step::Send(answer), Step::NextRequest, Step::Send(answer)]).await;
    let client = client();
    for _ in 0..2 {
        client.send(get(receiver.url("/"))).await.expect("a response");
    }
    assert_eq!((receiver.connections(), receiver.requests().len()), (1, 2));
    assert!(!receiver.requests()[1].contains("cookie"), "{}", receiver.requests()[1]);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let target = Receiver::start(&[]).await;
    let head = format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", target.url("/"));
    let receiver = Receiver::start(&[Step::Send(head.leak())]).await;
    let response = client().send(get(receiver.url("/"))).await.expect("a response");
    assert_eq!(response.status, 307);
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn an_encoded_body_is_left_as_it_came() {
    let receiver =
        Receiver::start(&[Step::Send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc")])
            .await;
    let response = client().send(get(receiver.url("/"))).await.expect("a response");
    assert_eq!((response.body.as_ref(), value(&response, "content-encoding")), (b"abc".as_ref(), Some("gzip")));
}

#[tokio::test]
async fn an_endless_body_is_cut_at_the_cap() {
    let receiver = Receiver::start(&[Step::Send("HTTP/1.1 200 OK\r\n\r\n"), Step::SendForEver("0123456789")]).await;
    let response = client().send(get(receiver.url("/"))).await.expect("a response");
    assert_eq!((response.body.len(), response.cut), (1000, true));
    assert!(response.body.starts_with(b"01234567890123456789"));
}

#[tokio::test]
async fn a_body_of_exactly_the_cap_is_whole() {
    for (length, cut) in [(999, false), (1000, false), (1001, true)] {
        let body = "x".repeat(length);
        let (first, second) = body.split_at(600);
        let chunked = format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n258\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
            second.len()
        );
        let receiver = Receiver::start(&[Step::Send(chunked.leak())]).await;
        let response = client().send(get(receiver.url("/"))).await.expect("a response");
        assert_eq!((response.body.len(), response.cut), (length.min(1000), cut), "{length}");
    }
}

#[tokio::test]
async fn the_deadline_covers_the_head() {
    for script in [&[Step::Hang][..], &[Step::Send("HTTP/1.1 200 OK\r\n"), Step::Drip("X-A: b\r\n")]] {
        let receiver = Receiver::start(script).await;
        let request = Request { timeout: SHORT, ..get(receiver.url("/")) };
        let error = client().send(request).await.expect_err("no response");
        assert!(matches!(error, SendError::Timeout { phase: Phase::Response, limit: SHORT }), "{error:?}");
    }
}

#[tokio::test]
async fn the_deadline_covers_the_body_also_when_it_keeps_dripping() {
    for last in [Step::Hang, Step::Drip("x")] {
        let receiver = Receiver::start(&[Step::Send("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nabc"), last]).await;
        let request = Request { timeout: SHORT, ..get(receiver.url("/")) };
        let error = client().send(request).await.expect_err("no response");
        assert!(matches!(error, SendError::Timeout { phase: Phase::Body, limit: SHORT }), "{error:?}");
        assert_eq!(error.to_string(), "no answer within 1s: the time ran out reading the response body");
    }
}

#[tokio::test]
async fn a_silent_name_server_is_a_timeout_of_connecting() {
    let limits = EgressLimits { connect_timeout: SHORT, ..EgressLimits::default() };
    let client = Egress::with_lookup(policy(&[]), limits, Arc::new(Silent)).expect("a client");
    let error = client.send(get("http://example.org/".to_owned())).await.expect_err("no response");
    assert!(matches!(error, SendError::Timeout { phase: Phase::Connect, limit: SHORT }), "{error:?}");
}

#[tokio::test]
async fn a_connection_that_breaks_is_told_with_its_phase() {
    for (script, phase) in [
        (&[][..], Phase::Response),
        (&[Step::Send("HTTP/1.1 200 OK\r\nContent-")], Phase::Response),
        (&[Step::Send("220 mail.example ESMTP\r\n")], Phase::Response),
        (&[Step::Send("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nabc")], Phase::Body),
        (&[Step::Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n")], Phase::Body),
    ] {
        let receiver = Receiver::start(script).await;
        let error = client().send(get(receiver.url("/?token=s3cret"))).await.expect_err("no response");
        match &error {
            SendError::Broken { phase: found, .. } => assert_eq!(*found, phase, "{error:?}"),
            other => panic!("not broken: {other:?}"),
        }
        assert!(error.is_retriable());
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}

#[tokio::test]
async fn a_refused_connection_is_told_as_such() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let url = format!("http://127.0.0.1:{port}/?token=s3cret");
    let error = client().send(get(url)).await.expect_err("no response");
    assert!(matches!(error, SendError::Connect { .. }), "{error:?}");
    assert!(error.is_retriable() && !error.to_string().contains("s3cret"), "{error}");
}

#[tokio::test]
async fn a_name_without_address_is_a_failure_of_dns() {
    let failing = || Scripted { answer: |_| Err(io::Error::other("no such name")), calls: Arc::default() };
    for (lookup, reason) in
        [(Arc::new(failing()) as Arc<dyn Lookup>, "no such name"), (fixed(&[]), "the name has no address")]
    {
        let error =
            client_with(&[], lookup).send(get("http://example.org/".to_owned())).await.expect_err("no response");
        assert_eq!(error.to_string(), format!("the host \"example.org\" cannot be resolved: {reason}"));
        assert_eq!((error.code(), error.is_retriable()), ("dns-failed", true));
    }
}

#[tokio::test]
async fn a_server_without_tls_is_a_failure_of_tls() {
    let receiver = Receiver::start_unasked(&[Step::Send("220 mail.example ESMTP\r\n"), Step::Hang]).await;
    let url = format!("https://{}/", receiver.authority());
    let error = client().send(get(url)).await.expect_err("no response");
    assert!(matches!(error, SendError::Tls { .. }), "{error:?}");
}

#[tokio::test]
async fn a_huge_head_is_refused() {
    let lines: String = (0..80).map(|n| format!("X-{n}: {}\r\n", "y".repeat(1000))).collect();
    let head = format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 0\r\n\r\n");
    let receiver = Receiver::start(&[Step::Send(head.leak())]).await;
    let error = client().send(get(receiver.url("/"))).await.expect_err("too large");
    assert!(matches!(error, SendError::TooLarge { limit: RESPONSE_HEADER_BYTES_MAX, .. }), "{error:?}");
}

#[tokio::test]
async fn a_huge_request_is_not_sent() {
    let receiver = Receiver::start(&[]).await;
    let request = Request { body: vec![0; REQUEST_BYTES_MAX + 1].into(), ..get(receiver.url("/")) };
    let error = client().send(request).await.expect_err("too large");
    assert!(matches!(error, SendError::TooLarge { limit: REQUEST_BYTES_MAX, .. }), "{error:?}");
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn names_that_resolve_to_refused_addresses_are_not_called() {
    let receiver = Receiver::start(&[]).await;
    for (host, addresses) in [
        ("localhost", &["127.0.0.1"][..]),
        ("localhost.", &["127.0.0.1"]),
        ("inner.example", &["::1"]),
        ("mixed.example", &["8.8.8.8", "127.0.0.1"]),
        ("mapped.example", &["::ffff:127.0.0.1"]),
        ("metadata.google.internal", &["169.254.169.254"]),
    ] {
        let client = client_with(&[], fixed(addresses));
        let url = format!("http://{host}:{}/", receiver.port());
        let error = client.send(get(url)).await.expect_err("refused");
        assert!(matches!(&error, SendError::Forbidden(Forbidden { target, .. }) if target == host), "{error:?}");
        assert!(!error.is_retriable());
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn literal_addresses_do_not_slip_past_the_resolver() {
    let receiver = Receiver::start(&[]).await;
    let client = client_with(&[], fixed(&["8.8.8.8"]));
    for host in ["127.0.0.1", "2130706433", "0x7f.1", "127.1", "[::ffff:127.0.0.1]", "[::1]", "0"] {
        let url = format!("http://{host}:{}/", receiver.port());
        let early = client.check(&url).expect_err("refused before sending");
        let error = client.send(get(url)).await.expect_err("refused");
        assert_eq!((early.code(), error.code()), ("forbidden-target", "forbidden-target"), "{host}");
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn an_allow_rule_opens_an_inner_host_by_network_and_by_name() {
    const OK: &str = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
    for (rules, host) in [
        (["127.0.0.0/8"], "127.0.0.1"),
        (["127.0.0.0/8"], "crm.internal"),
        (["crm.internal"], "crm.internal"),
        (["*.internal"], "crm.internal"),
    ] {
        let receiver = Receiver::start(&[Step::Send(OK)]).await;
        let url = format!("http://{host}:{}/", receiver.port());
        let response = client_with(&rules, fixed(&["127.0.0.1"])).send(get(url)).await.expect("allowed");
        assert_eq!(response.status, 204, "{rules:?} {host}");
    }
}

#[tokio::test]
async fn dns_that_changes_its_mind_cannot_lead_past_the_guard() {
    // One name, resolved first to the allowed receiver, and ever after to a forbidden one on the same port.
    let allowed = Receiver::start(&[Step::Send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")]).await;
    let forbidden = Receiver::start_at(&format!("127.0.0.2:{}", allowed.port()), &[]).await;
    let calls = Arc::new(AtomicUsize::new(0));
    let answer = |call| Ok(vec![address(if call == 0 { "127.0.0.1" } else { "127.0.0.2" })]);
    let client = client_with(&["127.0.0.1"], Arc::new(Scripted { answer, calls: Arc::clone(&calls) }));
    let url = format!("http://rebind.example:{}/", allowed.port());

    let response = client.send(get(url.clone())).await.expect("the vetted address answers");
    assert_eq!(response.remote.map(|remote| remote.ip()), Some(address("127.0.0.1")));
    assert_eq!(calls.load(Ordering::SeqCst), 1, "there is no second look-up between the check and the connection");

    let error = client.send(get(url)).await.expect_err("the new address is vetted, too");
    assert!(
        matches!(&error, SendError::Forbidden(Forbidden { address: found, .. }) if *found == address("127.0.0.2")),
        "{error:?}"
    );
    assert_eq!((allowed.connections(), forbidden.connections()), (1, 0));
}

#[test]
fn only_failures_of_the_wire_may_be_retried() {
    let reason = String::new;
    let table: [(SendError, &str, bool); 9] = [
        (SendError::BadUrl { url: reason(), reason: reason() }, "bad-url", false),
        (SendError::BadHeader { name: reason(), reason: "" }, "bad-header", false),
        (Forbidden { target: reason(), address: address("::1"), why: "" }.into(), "forbidden-target", false),
        (SendError::TooLarge { what: "", limit: 0 }, "too-large", false),
        (SendError::Dns { host: reason(), reason: reason() }, "dns-failed", true),
        (SendError::Connect { reason: reason() }, "connect-failed", true),
        (SendError::Tls { reason: reason() }, "tls-failed", true),
        (SendError::Timeout { phase: Phase::Body, limit: SHORT }, "timed-out", true),
        (SendError::Broken { phase: Phase::Body, reason: reason() }, "broken-exchange", true),
    ];
    for (error, code, retriable) in table {
        assert_eq!((error.code(), error.is_retriable()), (code, retriable), "{error:?}");
    }
}
