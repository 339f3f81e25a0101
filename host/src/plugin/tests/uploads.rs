//! Uploads: what is taken, and how each refusal reads.

use std::sync::LazyLock;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::model::Export;
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
    let description = inspection.description.expect("it describes itself");
    assert_eq!((description.name.as_str(), description.version.as_str()), ("reference", "0.1.0"));
    assert!(description.example_input.is_object());
}

#[tokio::test]
async fn a_component_may_export_several_interfaces_and_describe_none() {
    let inspection = host().inspect(Bytes::from_static(HOSTILE)).await.expect("it is taken");
    assert_eq!(inspection.exports, [Export::Template, Export::Mapping, Export::Action]);
    assert_eq!(inspection.description, None);
}

#[tokio::test]
async fn what_is_no_component_is_refused_with_what_it_is() {
    check("", expect!["this is not a WebAssembly component: it is empty"]).await;
    check("(component)", expect![""]).await;
    check("fn main() {}", expect![""]).await;
    check(&b"\x7fELF\x02"[..], expect![""]).await;
    check(&b"\x1f\x8b\x08"[..], expect![""]).await;
    check(&b"\xff\xd8\xff\xe0"[..], expect![""]).await;
    check_wat("(module)", expect![""]).await;
    check(&REFERENCE[..REFERENCE.len() / 2], expect![""]).await;
}

#[tokio::test]
async fn a_component_that_is_too_large_is_refused_with_the_limit() {
    let host = host_with(Limits { component_bytes_max: 1000, ..Limits::default() });
    let refused = host.inspect(Bytes::from_static(REFERENCE)).await.expect_err("it is too large");
    assert!(matches!(refused, Refused::TooLarge { limit: 1000, .. }), "{refused}");
}

#[tokio::test]
async fn an_import_that_is_not_offered_is_named_with_what_is() {
    check_wat(r#"(component (import "wasi:http/outgoing-handler@0.2.6" (instance)))"#, expect![""]).await;
    check_wat(r#"(component (import "tenterhook:plugin/records@0.1.0" (instance)))"#, expect![""]).await;
    check_wat(r#"(component (import "tenterhook:plugin/log@0.2.0" (instance)))"#, expect![""]).await;
    check_wat(r#"(component (import "run" (func)))"#, expect![""]).await;
}

#[tokio::test]
async fn an_import_of_a_newer_function_is_refused_as_built_for_a_newer_server() {
    let newer = r#"(component
        (import "tenterhook:plugin/log@0.1.5" (instance (export "flush" (func))))
        (instance $none)
        (export "tenterhook:plugin/trigger-action@0.1.5" (instance $none)))"#;
    check_wat(newer, expect![""]).await;
}

#[tokio::test]
async fn a_component_without_a_known_export_is_refused_with_what_it_could_export() {
    let export = |name: &str| format!(r#"(component (instance $none) (export "{name}" (instance $none)))"#);
    check_wat("(component)", expect![""]).await;
    check_wat(&export("wasi:cli/run@0.2.6"), expect![""]).await;
    check_wat(&export("tenterhook:plugin/payload-template@0.2.0"), expect![""]).await;
    check_wat(&export("tenterhook:plugin/payload-template@0.1.0"), expect![""]).await;
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

#[tokio::test]
async fn a_component_whose_start_loops_is_stopped_when_it_is_called() {
    // Starting is part of the call: its time counts.
    let host = host();
    let text = r#"(component
        (core module $m (func $spin (loop (br 0))) (start $spin))
        (core instance (instantiate $m))
        (import "tenterhook:plugin/log@0.1.0" (instance)))"#;
    check_wat(text, expect![""]).await;
    drop(host);
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
