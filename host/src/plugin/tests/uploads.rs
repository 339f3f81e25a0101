//! Uploads: what is taken, and how each refusal reads.

use std::sync::{LazyLock, Mutex};

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::model::{Capability, Export, UploadStage};
use crate::plugin::Refused;

async fn refusal(component: impl Into<Bytes>) -> String {
    host().inspect(component.into()).await.expect_err("it is refused").to_string()
}

async fn check(component: impl Into<Bytes>, expected: Expect) {
    expected.assert_eq(&refusal(component).await);
}

async fn check_wat(text: &str, expected: Expect) {
    check(wat::parse_str(text).expect("valid text"), expected).await;
}

#[tokio::test]
async fn a_component_is_described() {
    let inspection = host().inspect(Bytes::from_static(REFERENCE)).await.expect("it is taken");
    assert_eq!(inspection.digest, Digest::of(REFERENCE));
    assert_eq!(inspection.size, REFERENCE.len() as u64);
    assert_eq!(inspection.exports, [Export::Template]);
    assert!(inspection.imports.iter().any(|name| name == "tenterhook:plugin/log@0.1.0"), "{:?}", inspection.imports);
    let of_std = |name: &String| name.starts_with("wasi:io") || name.starts_with("wasi:cli");
    assert!(!inspection.imports.iter().any(of_std), "`without_wasi_streams!` holds: {:?}", inspection.imports);
    let description = inspection.description.expect("it describes itself");
    assert_eq!((description.name.as_str(), description.version.as_str()), ("reference", "0.1.0"));
    assert!(description.example_input.is_object());
    let [trial] = inspection.trial.as_slice() else { panic!("one export, one trial: {:?}", inspection.trial) };
    assert_eq!((trial.export, trial.ok, trial.error.as_deref()), (Export::Template, true, None));
    assert!(trial.elapsed_ms > 0.0);
}

/// The stages that an upload of `component` tells, and whether it is taken.
async fn stages(host: &PluginHost, component: Bytes) -> (Vec<UploadStage>, bool) {
    let told = Mutex::new(Vec::new());
    let digest = Digest::of(&component);
    let tell = |stage| told.lock().expect("nobody panicked").push(stage);
    let inspected = host.inspect_hashed(component, digest, &tell).await;
    (told.into_inner().expect("nobody panicked"), inspected.is_ok())
}

#[tokio::test]
async fn an_upload_tells_how_far_it_is() {
    use UploadStage::{Compiling, Trying, Validating};
    let host = host_with(Limits::default());
    let reference = Bytes::from_static(REFERENCE);
    assert_eq!(stages(&host, reference.clone()).await, (vec![Validating, Compiling, Trying], true));
    assert_eq!(stages(&host, reference.clone()).await, (vec![Validating, Trying], true), "it is compiled already");
    let half = reference.slice(..REFERENCE.len() / 2);
    assert_eq!(stages(&host, half).await, (vec![Validating, Compiling], false));
    assert_eq!(stages(&host, Bytes::from_static(b"fn main() {}")).await, (vec![Validating], false));
}

#[tokio::test]
async fn a_component_may_export_several_interfaces_and_describe_none() {
    let inspection = host().inspect(Bytes::from_static(HOSTILE)).await.expect("it is taken");
    assert_eq!(inspection.exports, [Export::Template, Export::Mapping, Export::Action]);
    assert_eq!((inspection.description, inspection.trial), (None, Vec::new()));
}

/// The reference plugin as if it were built from another version of the interface.
fn of_version(version: &str) -> Vec<u8> {
    let (old, new) = (b"@0.1.0", version.as_bytes());
    assert_eq!(old.len(), new.len());
    let mut bytes = REFERENCE.to_vec();
    for at in 0..bytes.len() - old.len() {
        if bytes[at..].starts_with(old) {
            bytes[at..at + old.len()].copy_from_slice(new);
        }
    }
    bytes
}

#[tokio::test]
async fn a_plugin_built_for_a_newer_patch_of_the_interface_runs_if_it_uses_nothing_new() {
    let host = host();
    let newer: &'static [u8] = of_version("@0.1.7").leak();
    let inspection = host.inspect(Bytes::from_static(newer)).await.expect("it is taken");
    assert_eq!(inspection.exports, [Export::Template]);
    assert!(inspection.imports.iter().any(|name| name == "tenterhook:plugin/log@0.1.7"), "{:?}", inspection.imports);
    let plugin = load(&host, newer, "newer@1.0.0").await;
    host.render(&plugin, call_in("s", "null"), "{}".into(), base()).await.expect("it renders");
}

#[tokio::test]
async fn a_plugin_of_the_next_version_of_the_interface_is_refused() {
    let refusal = refusal(of_version("@0.2.0")).await;
    assert!(refusal.contains("which this server offers as `tenterhook:plugin/"), "{refusal}");
}

#[tokio::test]
async fn what_is_no_component_is_refused_with_what_it_is() {
    check("", expect!["this is not a WebAssembly component: it is empty"]).await;
    check(
        "(component)",
        expect![
            "this is not a WebAssembly component: it is WebAssembly text; send the binary form (`wasm-tools parse`)"
        ],
    )
    .await;
    check("fn main() {}", expect!["this is not a WebAssembly component: it is text; send the compiled component"])
        .await;
    check(
        &b"\x7fELF\x02"[..],
        expect![
            "this is not a WebAssembly component: it is a native program or library; build for the target wasm32-wasip2"
        ],
    )
    .await;
    check(
        &b"\x1f\x8b\x08"[..],
        expect!["this is not a WebAssembly component: it is compressed with gzip; send it uncompressed"],
    )
    .await;
    check(
        &b"\xff\xd8\xff\xe0"[..],
        expect![[r#"this is not a WebAssembly component: it does not begin with the bytes `\0asm`"#]],
    )
    .await;
    check_wat("(module)", expect!["this is a core WebAssembly module, not a component: build for the target wasm32-wasip2, or run `wasm-tools component new` on it"]).await;
    let cut = refusal(&REFERENCE[..REFERENCE.len() / 2]).await;
    assert!(cut.starts_with("the component is not valid: ") && cut.contains("out of bounds"), "{cut}");
}

#[tokio::test]
async fn a_component_that_is_too_large_is_refused_with_the_limit() {
    let host = host_with(Limits { component_bytes_max: 1000, ..Limits::default() });
    let refused = host.inspect(Bytes::from_static(REFERENCE)).await.expect_err("it is too large");
    assert!(matches!(refused, Refused::TooLarge { limit: 1000, .. }), "{refused}");
}

#[tokio::test]
async fn an_import_that_is_not_offered_is_named_with_what_is() {
    check_wat(r#"(component (import "wasi:http/incoming-handler@0.2.6" (instance)))"#, expect!["the component imports `wasi:http/incoming-handler@0.2.6`, which plugins are not offered; offered are: of tenterhook:plugin@0.1.0 types, log, troubles, records, events, webhooks, state, secrets; of WASI 0.2, without access to files, network or environment: wasi:io, wasi:clocks, wasi:random, wasi:cli, wasi:filesystem, wasi:sockets; and wasi:http/types, wasi:http/outgoing-handler"]).await;
    check_wat(r#"(component (import "tenterhook:plugin/files@0.1.0" (instance)))"#, expect!["the component imports `tenterhook:plugin/files@0.1.0`, which plugins are not offered; offered are: of tenterhook:plugin@0.1.0 types, log, troubles, records, events, webhooks, state, secrets; of WASI 0.2, without access to files, network or environment: wasi:io, wasi:clocks, wasi:random, wasi:cli, wasi:filesystem, wasi:sockets; and wasi:http/types, wasi:http/outgoing-handler"]).await;
    check_wat(r#"(component (import "tenterhook:plugin/log@0.2.0" (instance)))"#, expect!["the component imports `tenterhook:plugin/log@0.2.0` which this server offers as `tenterhook:plugin/log@0.1.0`; the two do not fit together (the versions are not compatible): build the plugin for that version, or use a newer server"]).await;
    check_wat(r#"(component (import "run" (func)))"#, expect!["the component imports `run`, which plugins are not offered; offered are: of tenterhook:plugin@0.1.0 types, log, troubles, records, events, webhooks, state, secrets; of WASI 0.2, without access to files, network or environment: wasi:io, wasi:clocks, wasi:random, wasi:cli, wasi:filesystem, wasi:sockets; and wasi:http/types, wasi:http/outgoing-handler"]).await;
}

#[tokio::test]
async fn an_import_of_a_newer_function_is_refused_as_built_for_a_newer_server() {
    let newer = r#"(component
        (import "tenterhook:plugin/log@0.1.5" (instance (export "flush" (func))))
        (instance $none)
        (export "tenterhook:plugin/trigger-action@0.1.5" (instance $none)))"#;
    check_wat(newer, expect!["the component imports `tenterhook:plugin/log@0.1.5` which this server offers as `tenterhook:plugin/log@0.1.0`; the two do not fit together (function implementation is missing): build the plugin for that version, or use a newer server"]).await;
}

#[tokio::test]
async fn an_action_whose_capability_has_another_shape_is_refused() {
    let other = |import: &str| {
        format!(
            r#"(component
                (import "{import}" (instance (export "get" (func (param "key" u32)))))
                (core module $m (func (export "f")))
                (core instance $i (instantiate $m))
                (func $run (canon lift (core func $i "f")))
                (instance $action (export "run" (func $run)))
                (export "tenterhook:plugin/trigger-action@0.1.0" (instance $action)))"#
        )
    };
    check_wat(&other("tenterhook:plugin/state@0.1.0"), expect!["the component imports `tenterhook:plugin/state@0.1.0` which this server offers as `tenterhook:plugin/state@0.1.0`; the two do not fit together (expected `string` found `u32`): build the plugin for that version, or use a newer server"]).await;
    check_wat(&other("wasi:http/outgoing-handler@0.2.0"), expect!["the component imports `wasi:http/outgoing-handler@0.2.0` which this server offers as `wasi:http/outgoing-handler@0.2.12`; the two do not fit together (function implementation is missing): build the plugin for that version, or use a newer server"]).await;
}

#[tokio::test]
async fn what_only_actions_may_use_may_be_imported_by_others() {
    for (component, capabilities) in
        [(CAPABLE, &["records", "events", "webhooks", "state", "secrets"][..]), (FETCHER, &["secrets", "http"])]
    {
        let inspection = host().inspect(Bytes::from_static(component)).await.expect("it is taken");
        assert_eq!(inspection.exports, [Export::Template, Export::Action]);
        let mut found: Vec<_> = inspection.imports.iter().filter_map(|name| Capability::of_import(name)).collect();
        found.sort_unstable();
        assert_eq!(found.iter().map(|found| found.word()).collect::<Vec<_>>(), capabilities);
    }
}

#[tokio::test]
async fn a_component_without_a_known_export_is_refused_with_what_it_could_export() {
    let export = |name: &str| format!(r#"(component (instance $none) (export "{name}" (instance $none)))"#);
    check_wat("(component)", expect!["the component exports nothing; a plugin exports one or more of `tenterhook:plugin/payload-template@0.1`, `tenterhook:plugin/response-mapping@0.1`, `tenterhook:plugin/trigger-action@0.1`, `tenterhook:plugin/inbound-verifier@0.1`"]).await;
    check_wat(&export("wasi:cli/run@0.2.6"), expect![[r#"the component exports `wasi:cli/run`: it is a program, build it as a library (in Rust: crate-type = ["cdylib"]); a plugin exports one or more of `tenterhook:plugin/payload-template@0.1`, `tenterhook:plugin/response-mapping@0.1`, `tenterhook:plugin/trigger-action@0.1`, `tenterhook:plugin/inbound-verifier@0.1`"#]]).await;
    check_wat(&export("tenterhook:plugin/payload-template@0.2.0"), expect!["the component exports `tenterhook:plugin/payload-template@0.2.0`; this server supports `tenterhook:plugin/payload-template@0.1`"]).await;
    check_wat(&export("tenterhook:plugin/payload-template@0.1.0"), expect!["the component's export `tenterhook:plugin/payload-template` does not have the functions of that interface: it was not built from version 0.1.0 of the interface"]).await;
}

/// A template whose `render` takes and gives nothing, with `start` in its core module.
pub(super) fn with_start(start: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
            (core module $m (func (export "f")) {start})
            (core instance $i (instantiate $m))
            (func $render (canon lift (core func $i "f")))
            (instance $template (export "render" (func $render)))
            (export "tenterhook:plugin/payload-template@0.1.0" (instance $template)))"#
    );
    wat::parse_str(text).expect("valid text")
}

#[tokio::test]
async fn an_export_of_other_types_is_refused() {
    check(with_start(""), expect!["the component's export `tenterhook:plugin/payload-template` does not have the functions of that interface: expected 3-tuple, found 0-tuple"]).await;
}

#[tokio::test]
async fn a_component_that_does_not_start_is_refused() {
    let limits = Limits { describe_time_max: Duration::from_millis(20), ..Limits::default() };
    let refused = host_with(limits).inspect(with_start("(func $s (loop (br 0))) (start $s)").into()).await;
    let refused = refused.expect_err("it loops").to_string();
    expect!["the component does not start: plugin (upload): stopped because it ran longer than its limit of 20 ms"]
        .assert_eq(&refused);
    check(with_start("(func $s unreachable) (start $s)"), expect!["the component does not start: plugin (upload): crashed: it gave up in s without a message (wasm `unreachable`)"]).await;
}

#[tokio::test]
async fn a_component_that_needs_too_much_memory_is_refused() {
    let greedy = r#"(component
        (core module $m (memory 2000))
        (core instance (instantiate $m))
        (instance $none)
        (export "tenterhook:plugin/trigger-action@0.1.0" (instance $none)))"#;
    let refusal = refusal(wat::parse_str(greedy).expect("valid text")).await;
    assert!(refusal.contains("131072000"), "{refusal}");
}

static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().build().expect("a runtime"));

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Bytes that claim to be a component go through the whole validation.
    #[test]
    fn random_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..2000), claim in any::<bool>()) {
        let head: &[u8] = if claim { b"\0asm\x0d\0\x01\0" } else { b"" };
        let bytes = [head, &bytes].concat();
        prop_assert!(RUNTIME.block_on(host().inspect(bytes.into())).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// A damaged component is taken or refused; the server lives either way.
    #[test]
    fn a_damaged_component_harms_nobody(at in 8..REFERENCE.len(), byte in any::<u8>()) {
        let mut bytes = REFERENCE.to_vec();
        bytes[at] ^= byte | 1;
        if let Err(refused) = RUNTIME.block_on(host().inspect(bytes.into())) {
            prop_assert!(!refused.to_string().is_empty());
        }
    }
}
