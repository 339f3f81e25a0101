//! What a component finds behind each interface of WASI that gives a program its surroundings: nothing of the host.
//!
//! Each row is a component of its own, an action in WebAssembly text that calls one interface and answers with a number
//! of two digits. It is run as a pure call, as an action, and as an action that imports `wasi:http`, which is linked to
//! other streams and clocks.

use std::net::{TcpListener, UdpSocket};

use serde_json::{Value, json};

use super::fake::Fake;
use super::*;
use crate::plugin::{PluginError, Reported};

/// A component that calls an interface.
struct Probe {
    /// What it wants.
    name: &'static str,
    /// Its imports; they define `$wasi`, whose functions are called.
    imports: &'static str,
    /// The functions: the name of the function in `$wasi`, and the core type that it is lowered to.
    functions: &'static [(&'static str, &'static str)],
    /// WebAssembly that calls `$f0`, `$f1`, … and leaves a number. Memory from 128 is free, at 64 stands "localhost".
    code: &'static str,
    /// The number; none: the call is ended, for this reason.
    expected: Result<u8, &'static str>,
}

const LIST_LENGTH: &str = "(call $f0 (i32.const 128)) (i32.load (i32.const 132))";
const PRESENT: &str = "(call $f0 (i32.const 128)) (i32.load8_u (i32.const 128))";
const FORGED: &str = "(call $f0 (i32.const 1))";
/// 99 if it worked, else the number of the error.
const ERROR: &str = "(select (i32.load8_u (i32.const 132)) (i32.const 99) (i32.load8_u (i32.const 128)))";
const UNKNOWN_HANDLE: &str = "unknown handle index";
/// `error-code` of `wasi:sockets/network`.
const ACCESS_DENIED: u8 = 1;
const PERMANENT_RESOLVER_FAILURE: u8 = 20;

macro_rules! network {
    ($rest:literal) => {
        concat!(
            r#"(import "wasi:sockets/network@0.2.0" (instance $network
                 (export "network" (type (sub resource)))
                 (type $e (enum "unknown" "access-denied" "not-supported" "invalid-argument" "out-of-memory" "timeout"
                   "concurrency-conflict" "not-in-progress" "would-block" "invalid-state" "new-socket-limit"
                   "address-not-bindable" "address-in-use" "remote-unreachable" "connection-refused"
                   "connection-reset" "connection-aborted" "datagram-too-large" "name-unresolvable"
                   "temporary-resolver-failure" "permanent-resolver-failure"))
                 (export "error-code" (type (eq $e)))
                 (type $f (enum "ipv4" "ipv6"))
                 (export "ip-address-family" (type (eq $f)))))
               (alias export $network "network" (type $net))
               (alias export $network "error-code" (type $error))
               (alias export $network "ip-address-family" (type $family))"#,
            $rest
        )
    };
}

const PROBES: [Probe; 14] = [
    Probe {
        name: "environment variables",
        imports: r#"(import "wasi:cli/environment@0.2.0" (instance $wasi
            (export "get-environment" (func (result (list (tuple string string)))))))"#,
        functions: &[("get-environment", "(param i32)")],
        code: LIST_LENGTH,
        expected: Ok(0),
    },
    Probe {
        name: "arguments",
        imports: r#"(import "wasi:cli/environment@0.2.0" (instance $wasi
            (export "get-arguments" (func (result (list string))))))"#,
        functions: &[("get-arguments", "(param i32)")],
        code: LIST_LENGTH,
        expected: Ok(0),
    },
    Probe {
        name: "the current folder",
        imports: r#"(import "wasi:cli/environment@0.2.0" (instance $wasi
            (export "initial-cwd" (func (result (option string))))))"#,
        functions: &[("initial-cwd", "(param i32)")],
        code: PRESENT,
        expected: Ok(0),
    },
    Probe {
        name: "folders",
        imports: r#"(import "wasi:filesystem/types@0.2.0" (instance $files (export "descriptor" (type (sub resource)))))
            (alias export $files "descriptor" (type $descriptor))
            (import "wasi:filesystem/preopens@0.2.0" (instance $wasi
              (export "get-directories" (func (result (list (tuple (own $descriptor) string)))))))"#,
        functions: &[("get-directories", "(param i32)")],
        code: LIST_LENGTH,
        expected: Ok(0),
    },
    Probe {
        name: "a file whose handle is made up",
        imports: r#"(import "wasi:filesystem/types@0.2.0" (instance $wasi
            (export "descriptor" (type $d (sub resource)))
            (export "[method]descriptor.is-same-object"
              (func (param "self" (borrow $d)) (param "other" (borrow $d)) (result bool)))))"#,
        functions: &[("[method]descriptor.is-same-object", "(param i32 i32) (result i32)")],
        code: "(call $f0 (i32.const 1) (i32.const 1))",
        expected: Err(UNKNOWN_HANDLE),
    },
    Probe {
        name: "a TCP socket",
        imports: network!(
            r#"(import "wasi:sockets/tcp@0.2.0" (instance $tcp (export "tcp-socket" (type (sub resource)))))
            (alias export $tcp "tcp-socket" (type $socket))
            (import "wasi:sockets/tcp-create-socket@0.2.0" (instance $wasi (export "create-tcp-socket"
              (func (param "address-family" $family) (result (result (own $socket) (error $error)))))))"#
        ),
        functions: &[("create-tcp-socket", "(param i32 i32)")],
        code: "(call $f0 (i32.const 0) (i32.const 128)) ERROR",
        expected: Ok(ACCESS_DENIED),
    },
    Probe {
        name: "a UDP socket",
        imports: network!(
            r#"(import "wasi:sockets/udp@0.2.0" (instance $udp (export "udp-socket" (type (sub resource)))))
            (alias export $udp "udp-socket" (type $socket))
            (import "wasi:sockets/udp-create-socket@0.2.0" (instance $wasi (export "create-udp-socket"
              (func (param "address-family" $family) (result (result (own $socket) (error $error)))))))"#
        ),
        functions: &[("create-udp-socket", "(param i32 i32)")],
        code: "(call $f0 (i32.const 1) (i32.const 128)) ERROR",
        expected: Ok(ACCESS_DENIED),
    },
    Probe {
        name: "a socket whose handle is made up",
        imports: r#"(import "wasi:sockets/tcp@0.2.0" (instance $wasi
            (export "tcp-socket" (type $s (sub resource)))
            (export "[method]tcp-socket.is-listening" (func (param "self" (borrow $s)) (result bool)))))"#,
        functions: &[("[method]tcp-socket.is-listening", "(param i32) (result i32)")],
        code: FORGED,
        expected: Err(UNKNOWN_HANDLE),
    },
    Probe {
        name: "the address of a name",
        imports: network!(
            r#"(import "wasi:sockets/instance-network@0.2.0" (instance $of
              (export "instance-network" (func (result (own $net))))))
            (import "wasi:sockets/ip-name-lookup@0.2.0" (instance $lookup
              (export "resolve-address-stream" (type $s (sub resource)))
              (export "resolve-addresses" (func (param "network" (borrow $net)) (param "name" string)
                (result (result (own $s) (error $error)))))))
            (instance $wasi (export "instance-network" (func $of "instance-network"))
              (export "resolve-addresses" (func $lookup "resolve-addresses")))"#
        ),
        functions: &[("instance-network", "(result i32)"), ("resolve-addresses", "(param i32 i32 i32 i32)")],
        code: "(call $f1 (call $f0) (i32.const 64) (i32.const 9) (i32.const 128)) ERROR",
        expected: Ok(PERMANENT_RESOLVER_FAILURE),
    },
    Probe {
        name: "standard input: an error, and that is: closed",
        imports: r#"(import "wasi:io/error@0.2.0" (instance $errors (export "error" (type (sub resource)))))
            (alias export $errors "error" (type $error))
            (import "wasi:io/streams@0.2.0" (instance $streams
              (export "input-stream" (type $s (sub resource)))
              (type $v (variant (case "last-operation-failed" (own $error)) (case "closed")))
              (export "stream-error" (type $e (eq $v)))
              (export "[method]input-stream.blocking-read" (func (param "self" (borrow $s)) (param "len" u64)
                (result (result (list u8) (error $e)))))))
            (alias export $streams "input-stream" (type $stream))
            (import "wasi:cli/stdin@0.2.0" (instance $stdin (export "get-stdin" (func (result (own $stream))))))
            (instance $wasi (export "get-stdin" (func $stdin "get-stdin"))
              (export "read" (func $streams "[method]input-stream.blocking-read")))"#,
        functions: &[("get-stdin", "(result i32)"), ("read", "(param i32 i64 i32)")],
        code: "(call $f1 (call $f0) (i64.const 100) (i32.const 128))
            (i32.add (i32.mul (i32.load8_u (i32.const 128)) (i32.const 10)) (i32.load8_u (i32.const 132)))",
        expected: Ok(11),
    },
    Probe {
        name: "the terminal",
        imports: r#"(import "wasi:cli/terminal-input@0.2.0" (instance $terminal
              (export "terminal-input" (type (sub resource)))))
            (alias export $terminal "terminal-input" (type $input))
            (import "wasi:cli/terminal-stdin@0.2.0" (instance $wasi
              (export "get-terminal-stdin" (func (result (option (own $input)))))))"#,
        functions: &[("get-terminal-stdin", "(param i32)")],
        code: PRESENT,
        expected: Ok(0),
    },
    Probe {
        name: "the time: it is the call's, to the second",
        imports: r#"(import "wasi:clocks/wall-clock@0.2.0" (instance $wasi
            (type $t (record (field "seconds" u64) (field "nanoseconds" u32)))
            (export "datetime" (type $d (eq $t)))
            (export "now" (func (result $d)))))"#,
        functions: &[("now", "(param i32)")],
        code: "(call $f0 (i32.const 128)) (i64.eq (i64.load (i32.const 128)) (i64.const 1700000000))",
        expected: Ok(1),
    },
    Probe {
        name: "the server's process: exit ends the call",
        imports: r#"(import "wasi:cli/exit@0.2.0" (instance $wasi (export "exit"
            (func (param "status" (result))))))"#,
        functions: &[("exit", "(param i32)")],
        code: "(call $f0 (i32.const 0)) (i32.const 7)",
        expected: Err("the plugin called exit with code 0"),
    },
    Probe {
        name: "much randomness at once",
        imports: r#"(import "wasi:random/random@0.2.0" (instance $wasi (export "get-random-bytes"
            (func (param "len" u64) (result (list u8))))))"#,
        functions: &[("get-random-bytes", "(param i64 i32)")],
        code: "(call $f0 (i64.const 1099511627776) (i32.const 128)) (i32.const 7)",
        expected: Err("random bytes"),
    },
];

impl Probe {
    /// The component, which imports types of `wasi:http` besides if it is to be linked as those that do.
    fn component(&self, imports_http: bool) -> &'static [u8] {
        let each = |f: &dyn Fn(usize, &str, &str) -> String| -> String {
            self.functions.iter().enumerate().map(|(index, (name, kind))| f(index, name, kind)).collect()
        };
        let text = ACTION
            .replace("HTTP", if imports_http { r#"(import "wasi:http/types@0.2.0" (instance))"# } else { "" })
            .replace("IMPORTS", self.imports)
            .replace(
                "LOWERED",
                &each(&|index, name, _| {
                    format!(
                        r#"(core func $l{index} (canon lower (func $wasi "{name}") (memory (core memory $m "memory"))
                      (realloc (core func $m "realloc"))))"#
                    )
                }),
            )
            .replace(
                "WANTED",
                &each(&|index, _, kind| format!(r#"(import "wasi" "f{index}" (func $f{index} {kind}))"#)),
            )
            .replace("GIVEN", &each(&|index, _, _| format!(r#"(export "f{index}" (func $l{index}))"#)))
            .replace("CODE", &self.code.replace("ERROR", ERROR));
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{}: {error}", self.name)).leak()
    }

    fn check(&self, how: &str, found: Result<Reported<String>, PluginError>) {
        match (found, self.expected) {
            (Ok(report), Ok(number)) => assert_eq!(report.value, format!("\"{number:02}\""), "{}, {how}", self.name),
            (Err(error), Err(reason)) => {
                assert!(format!("{error:?}").contains(reason), "{}, {how}: {error:?}", self.name)
            }
            (found, _) => panic!("{}, {how}: {found:?}", self.name),
        }
    }
}

/// An action that answers with a number as a JSON string of two digits.
const ACTION: &str = r#"(component
    (import "tenterhook:plugin/types@0.1.0" (instance $types
      (type $c (record (field "space" string) (field "id" string) (field "now" u64) (field "config" string)))
      (export "call" (type (eq $c)))
      (type $f (variant (case "invalid" string) (case "rejected" string) (case "unavailable" string)))
      (export "failure" (type (eq $f)))))
    (alias export $types "call" (type $call))
    (alias export $types "failure" (type $failure))
    HTTP
    IMPORTS
    (core module $memory
      (memory (export "memory") 2)
      (global $next (mut i32) (i32.const 65536))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        (global.get $next)
        (global.set $next (i32.and (i32.add (i32.add (global.get $next) (local.get 3)) (i32.const 7)) (i32.const -8)))))
    (core instance $m (instantiate $memory))
    LOWERED
    (core module $code
      (import "m" "memory" (memory 2))
      WANTED
      (data (i32.const 64) "localhost")
      (func $find (result i32) CODE)
      (func (export "run") (param i32 i32 i32 i32 i64 i32 i32 i32 i32) (result i32) (local $found i32)
        (local.set $found (call $find))
        (i32.store8 (i32.const 1024) (i32.const 34))
        (i32.store8 (i32.const 1025) (i32.add (i32.const 48) (i32.div_u (local.get $found) (i32.const 10))))
        (i32.store8 (i32.const 1026) (i32.add (i32.const 48) (i32.rem_u (local.get $found) (i32.const 10))))
        (i32.store8 (i32.const 1027) (i32.const 34))
        (i32.store (i32.const 512) (i32.const 0))
        (i32.store (i32.const 516) (i32.const 1024))
        (i32.store (i32.const 520) (i32.const 4))
        (i32.const 512)))
    (core instance $c (instantiate $code (with "m" (instance $m)) (with "wasi" (instance GIVEN))))
    (func $run (param "call" $call) (param "input" string) (result (result string (error $failure)))
      (canon lift (core func $c "run") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
    (instance $action (export "run" (func $run)))
    (export "tenterhook:plugin/trigger-action@0.1.0" (instance $action)))"#;

#[tokio::test]
async fn no_interface_of_wasi_gives_anything_of_the_host() {
    let host = host();
    for probe in &PROBES {
        let call = || call_in(probe.name, "null");
        let plugin = load(&host, probe.component(false), "probe@1.0.0").await;
        probe.check("in a pure call", host.run_here(&plugin, call(), "1".into()));
        probe.check("in an action", host.run(&plugin, call(), "1".into(), None).await);
        let plugin = load(&host, probe.component(true), "probe-http@1.0.0").await;
        probe.check("in a pure call, with HTTP", host.run_here(&plugin, call(), "1".into()));
        let services = Some(Arc::new(Fake::default()) as Arc<_>);
        probe.check("in an action, with HTTP", host.run(&plugin, call(), "1".into(), services).await);
    }
}

#[tokio::test]
async fn a_component_that_tries_everything_reaches_no_file_and_no_network() {
    let host = host();
    let plugin = hostile(&host).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("secret");
    std::fs::write(&file, "4711").expect("a file");
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    tcp.set_nonblocking(true).and_then(|()| udp.set_nonblocking(true)).expect("it can be asked without waiting");
    let config = json!({ "do": "reach", "file": file, "tcp": tcp.local_addr().expect("an address").to_string(),
        "udp": udp.local_addr().expect("an address").to_string() })
    .to_string();
    let call = || call_in("reach", &config);
    let template = host.render(&plugin, call(), "{}".into(), base()).await.expect("it renders").value;
    let found = [
        String::from_utf8(template.expect("a request").body.to_vec()).expect("UTF-8"),
        host.run(&plugin, call(), "1".into(), None).await.expect("it runs").value,
    ];
    for found in found {
        let found: Value = serde_json::from_str(&found).expect("JSON");
        let tried = found.as_object().expect("an object");
        assert_eq!(tried.len(), 9, "{found}");
        for (what, came) in tried {
            let nothing = if what == "stdin" { came["got"] == "" } else { came["error"].is_string() };
            assert!(nothing, "{what}: {came}");
        }
    }
    let waits = |error: std::io::Error| assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    tcp.accept().map(drop).map_or_else(waits, |()| panic!("it was connected to"));
    udp.recv(&mut [0; 9]).map(drop).map_or_else(waits, |()| panic!("it was sent to"));
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("a folder").collect();
    assert_eq!((left.len(), std::fs::read_to_string(&file).expect("a file").as_str()), (1, "4711"));
}
