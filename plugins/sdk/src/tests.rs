//! Tests that need no host.

use std::alloc::{GlobalAlloc, Layout};

use serde::Deserialize;
use serde_json::json;

use crate::{Bump, Call, Failure, Field, Json, Request, Response};

fn call(config: &str) -> Call {
    Call { space: "default".into(), id: "1".into(), now: 0, config: config.into() }
}

fn request() -> Request {
    Request { method: "POST".into(), url: "https://a.example/".into(), headers: Vec::new(), body: Vec::new() }
}

#[derive(Debug, Deserialize)]
struct Config {
    channel: String,
}

#[test]
fn a_configuration_is_parsed_and_a_wrong_one_is_invalid_and_says_where() {
    assert_eq!(call(r##"{"channel":"#a"}"##).config::<Config>().unwrap().channel, "#a");
    let Err(Failure::Invalid(reason)) = call("null").config::<Config>() else { panic!("null is no Config") };
    assert!(reason.starts_with("config: ") && reason.contains("line 1 column 4"), "{reason}");
}

#[test]
fn an_input_that_is_no_json_is_invalid_and_names_the_input() {
    let failure = Json::named("input", "{\n\"a\": }".into()).decode::<serde_json::Value>().unwrap_err();
    assert!(matches!(&failure, Failure::Invalid(reason) if reason.starts_with("input: ") && reason.contains("line 2")));
}

#[test]
fn setting_a_header_replaces_all_of_that_name_whatever_their_case() {
    let mut request = request();
    request.headers = vec![Field::new("Content-Type", "text/plain"), Field::new("x-a", "1")];
    request.set_json(&json!({"a": 1}));
    assert_eq!((request.header("CONTENT-TYPE"), request.headers.len()), (Some("application/json"), 2));
    assert_eq!(request.body, br#"{"a":1}"#);
}

#[test]
fn a_response_tells_success_from_what_may_work_later() {
    let of = |status| Response { status, headers: Vec::new(), body: b"{\"id\":7}".to_vec() };
    assert!(of(204).is_success() && !of(301).is_success() && !of(204).is_temporary());
    assert!([408, 425, 429, 500, 599].into_iter().all(|status| of(status).is_temporary()));
    assert!(!of(404).is_temporary());
    assert_eq!(of(200).json::<serde_json::Value>().unwrap()["id"], 7);
}

#[test]
#[expect(unsafe_code, reason = "calls the allocator directly")]
fn the_bump_allocator_gives_aligned_blocks_apart_and_grows_the_last_in_place() {
    let bump = Bump::new();
    let layout = |size, align| Layout::from_size_align(size, align).unwrap();
    // SAFETY: the blocks are used with the layouts they were allocated with, inside their bounds, by one thread.
    unsafe {
        let a = bump.alloc(layout(3, 1));
        let b = bump.alloc(layout(64, 16));
        assert_eq!(b as usize % 16, 0);
        assert!(b as usize >= a as usize + 3);
        a.write_bytes(1, 3);
        b.write_bytes(2, 64);
        let grown = bump.realloc(b, layout(64, 16), 128);
        assert_eq!(grown, b, "the last block grows where it is");
        let moved = bump.realloc(a, layout(3, 1), 200);
        assert_ne!(moved, a, "another block moves");
        assert_eq!(std::slice::from_raw_parts(moved, 3), [1, 1, 1]);
        bump.dealloc(moved, layout(200, 1));
        let zeroed = bump.alloc_zeroed(layout(200, 1));
        assert_eq!(zeroed, moved, "the last block is used again once freed");
        assert!(std::slice::from_raw_parts(zeroed, 200).iter().all(|byte| *byte == 0));
        assert_eq!(std::slice::from_raw_parts(b, 64), [2; 64]);
        assert!(bump.alloc(layout(1 << 20, 1)).is_null(), "outside WebAssembly nothing can grow");
    }
}
