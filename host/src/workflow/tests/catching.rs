//! Raise, try, catch and retry.

use expect_test::expect;
use serde_json::json;

use super::*;

fn unavailable() -> Fault {
    Fault { status: 503, ..FaultKind::Communication.fault("the service is down") }
}

/// Fails `times` times with 503, then gives `{ok: true}`.
fn failing(times: usize) -> impl FnMut(&Effect) -> Result<Value, Fault> {
    let mut calls = 0;
    move |_| {
        calls += 1;
        if calls <= times { Err(unavailable()) } else { Ok(json!({"ok": true})) }
    }
}

#[test]
fn an_error_that_nothing_catches_ends_the_run() {
    check(
        "
do:
  - raiseError:
      raise:
        error:
          status: 400
          type: https://serverlessworkflow.io/errors/types/compliance
          title: Compliance Error
  - never: { set: { never: true } }
",
        json!({}),
        &expect![[r#"
            0..0 raise /do/0/raiseError faulted {} !! compliance 400 
            faulted {"type":"https://serverlessworkflow.io/errors/types/compliance","status":400,"title":"Compliance Error","instance":"/do/0/raiseError"}
        "#]],
    );
}

#[test]
fn a_raised_error_may_be_named_and_computed() {
    check(
        "
use:
  errors:
    refused: { type: 'https://example.com/refused', status: '${ .code }', detail: '${ \"no \\(.name)\" }' }
do:
  - check: { raise: { error: refused } }
",
        json!({"code": 422, "name": "consent"}),
        &expect![[r#"
            0..0 raise /do/0/check faulted {"code":422,"name":"consent"} !! refused 422 no consent
            faulted {"type":"https://example.com/refused","status":422,"title":"https://example.com/refused","detail":"no consent","instance":"/do/0/check"}
        "#]],
    );
}

#[test]
fn a_raise_that_cannot_be_computed_is_a_fault_of_its_own() {
    let fault =
        fault("do:\n  - a: { raise: { error: { type: 'https://x', status: '${ .s }' } } }\n", json!({"s": "x"}));
    assert_eq!(fault.kind, FaultKind::Validation.fault("").kind);
}

#[test]
fn a_try_catches_and_its_handler_sees_the_error() {
    check(
        "
do:
  - attempt:
      try:
        - inner: { do: [ { fail: { raise: { error: { type: 'https://example.com/mine', status: 418, title: Teapot } } } } ] }
      catch:
        as: problem
        do:
          - note: { set: { status: '${ $problem.status }', at: '${ $problem.instance }', had: '${ . }' } }
          - deeper: { do: [ { still: { set: { title: '${ $problem.title }', was: '${ . }' } } } ] }
  - after: { set: '${ { result: . } }' }
",
        json!({"n": 1}),
        &expect![[r#"
            0..0 raise /do/0/attempt/try/0/inner/do/0/fail faulted {"n":1} !! mine 418 
            0..0 do /do/0/attempt/try/0/inner faulted {"n":1} !! mine 418 
            0..0 set /do/0/attempt/catch/do/0/note completed {"n":1} -> {"status":418,"at":"/do/0/attempt/try/0/inner/do/0/fail","had":{"n":1}}
            0..0 set /do/0/attempt/catch/do/1/deeper/do/0/still completed {"status":418,"at":"/do/0/attempt/try/0/inner/do/0/fail","had":{"n":1}} -> {"title":"Teapot","was":{"status":418,"at":"/do/0/attempt/try/0/inner/do/0/fail","had":{"n":1}}}
            0..0 do /do/0/attempt/catch/do/1/deeper completed {"status":418,"at":"/do/0/attempt/try/0/inner/do/0/fail","had":{"n":1}} -> {"title":"Teapot","was":{"status":418,"at":"/do/0/attempt/try/0/inner/do/0/fail","had":{"n":1}}}
            0..0 try /do/0/attempt completed {"n":1} -> {"title":"Teapot","was":{"status":418,"at":"/do/0/attempt/try/0/inner/do/0/fail","had":{"n":1}}}
            0..0 set /do/1/after completed {"title":"Teapot","was":{"status":418,"at":"/do/0/attempt/try/0/inner/do/0/fail","had":{"n":1}}} -> {"result":{"title":"Teapot","was":{"status":418,"at":"/do/0/attempt/try/0/inner/do/0/fail","had":{"n":1}}}}
            completed {"result":{"title":"Teapot","was":{"status":418,"at":"/do/0/attempt/try/0/inner/do/0/fail","had":{"n":1}}}}
        "#]],
    );
}

#[test]
fn a_caught_error_without_a_handler_leaves_the_input() {
    let body = "
do:
  - attempt: { try: [ { a: { set: { lost: 1 } } }, { b: { raise: { error: { type: 'https://x', status: 500 } } } } ], catch: {} }
  - after: { set: { kept: '${ . }' } }
";
    assert_eq!(output(body, json!({"n": 1})), json!({"kept": {"n": 1}}));
}

#[test]
fn filters_and_conditions_choose_what_is_caught() {
    let caught = |catch: &str| {
        let body = format!(
            "
do:
  - attempt:
      try: [ {{ a: {{ raise: {{ error: {{ type: 'https://serverlessworkflow.io/spec/1.0.0/errors/communication', status: 503, title: T, detail: D }} }} }} }} ]
      catch: {{ {catch} do: [ {{ ok: {{ set: {{ caught: true }} }} }} ] }}
"
        );
        let mut engine = none;
        Simulation::new(program(&body), &mut engine).run(json!({"n": 1})).is_ok()
    };
    assert!(caught(""));
    assert!(caught("errors: { with: { status: 503 } },"));
    assert!(!caught("errors: { with: { status: 500 } },"));
    assert!(caught("errors: { with: { type: 'https://serverlessworkflow.io/dsl/errors/types/communication' } },"));
    assert!(caught(
        "errors: { with: { type: 'https://open-workflow-specification.org/spec/1.0.0/errors/communication', title: T, detail: D } },"
    ));
    assert!(!caught("errors: { with: { type: 'https://serverlessworkflow.io/spec/1.0.0/errors/timeout' } },"));
    assert!(caught("errors: { with: { instance: /do/0/attempt/try/0/a } },"));
    assert!(caught("when: $error.status >= 500 and .n == 1 and $input.n == 1,"));
    assert!(!caught("when: $error.status == 404,"));
    assert!(!caught("exceptWhen: $error.status == 503,"));
    assert!(caught("exceptWhen: $error.status == 404,"));
    assert!(!caught("when: .n.x,"), "a condition that fails does not catch");
}

const RETRYING: &str = "
do:
  - send:
      try:
        - call: { call: webhook, with: { webhook: sms } }
        - note: { set: { sent: '${ .ok }' } }
      catch:
        errors: { with: { type: 'https://serverlessworkflow.io/spec/1.0.0/errors/communication' } }
        when: $error.status >= 500
        retry: { delay: { seconds: 2 }, backoff: { exponential: {} }, limit: { attempt: { count: 3 } } }
";

#[test]
fn a_retry_waits_and_repeats_the_block_with_its_input() {
    check_with(
        RETRYING,
        json!({"phone": "1"}),
        &mut failing(2),
        &expect![[r#"
        0..10 call webhook /do/0/send/try/0/call faulted {"phone":"1"} !! communication 503 the service is down until 2010
        2010..2020 call webhook /do/0/send/try/0/call faulted #2 {"phone":"1"} !! communication 503 the service is down until 6020
        6020..6030 call webhook /do/0/send/try/0/call completed #3 {"phone":"1"} -> {"ok":true}
        6030..6030 set /do/0/send/try/1/note completed #3 {"ok":true} -> {"sent":true}
        0..6030 try /do/0/send completed {"phone":"1"} -> {"sent":true}
        completed {"sent":true}
    "#]],
    );
}

#[test]
fn exhausted_retries_raise_the_error_again() {
    check_with(
        RETRYING,
        json!({}),
        &mut failing(9),
        &expect![[r#"
        0..10 call webhook /do/0/send/try/0/call faulted {} !! communication 503 the service is down until 2010
        2010..2020 call webhook /do/0/send/try/0/call faulted #2 {} !! communication 503 the service is down until 6020
        6020..6030 call webhook /do/0/send/try/0/call faulted #3 {} !! communication 503 the service is down until 14030
        14030..14040 call webhook /do/0/send/try/0/call faulted #4 {} !! communication 503 the service is down
        0..14040 try /do/0/send faulted {} !! communication 503 the service is down
        faulted {"type":"https://serverlessworkflow.io/spec/1.0.0/errors/communication","status":503,"title":"Communication error","detail":"the service is down","instance":"/do/0/send/try/0/call"}
    "#]],
    );
}

#[test]
fn exhausted_retries_run_the_handler_if_there_is_one() {
    let body = format!("{RETRYING}        do: [ {{ park: {{ set: {{ parked: '${{ $error.status }}' }} }} }} ]\n");
    let mut engine = failing(9);
    assert_eq!(Simulation::new(program(&body), &mut engine).run(json!({})), Ok(json!({"parked": 503})));
}

#[test]
fn all_attempts_of_one_visit_bear_one_key_and_count_up() {
    let mut engine = failing(2);
    let mut simulation = Simulation::new(program(RETRYING), &mut engine);
    simulation.run(json!({})).expect("the third attempt succeeds");
    let attempts: Vec<u32> = simulation.effects.iter().map(|effect| effect.attempt).collect();
    assert_eq!(attempts, [1, 2, 3]);
    assert!(simulation.effects.iter().all(|effect| effect.idempotency_key == simulation.effects[0].idempotency_key));
    assert_eq!(simulation.waits, [2_010, 6_020]);
}

#[test]
fn a_policy_that_does_not_apply_or_is_named_is_honoured() {
    let body = |retry: &str| {
        format!(
            "
use: {{ retries: {{ often: {{ when: $error.status == 503, delay: PT1S, limit: {{ attempt: {{ count: 1 }} }} }} }} }}
do:
  - send:
      try: [ {{ call: {{ call: webhook, with: {{ webhook: sms }} }} }} ]
      catch: {{ as: problem, retry: {retry} }}
"
        )
    };
    for (retry, waits) in
        [("often", 1), ("{ when: $problem.status == 404 }", 0), ("{ exceptWhen: $problem.status == 503 }", 0)]
    {
        let mut engine = failing(9);
        let mut simulation = Simulation::new(program(&body(retry)), &mut engine);
        assert_eq!(simulation.run(json!({})).map_err(|fault| fault.status), Err(503));
        assert_eq!(simulation.waits.len(), waits, "{retry}");
    }
}

#[test]
fn an_inner_try_goes_first_and_an_error_in_a_handler_goes_outward() {
    check(
        "
do:
  - outer:
      try:
        - inner:
            try: [ { a: { raise: { error: { type: 'https://x/a', status: 500 } } } } ]
            catch: { do: [ { b: { raise: { error: { type: 'https://x/b', status: 501, detail: '${ $error.type }' } } } } ] }
      catch: { as: outer, do: [ { c: { set: { got: '${ $outer | { type, detail, instance } }' } } } ] }
",
        json!(null),
        &expect![[r#"
            0..0 raise /do/0/outer/try/0/inner/try/0/a faulted null !! a 500 
            0..0 raise /do/0/outer/try/0/inner/catch/do/0/b faulted null !! b 501 https://x/a
            0..0 try /do/0/outer/try/0/inner faulted null !! b 501 https://x/a
            0..0 set /do/0/outer/catch/do/0/c completed null -> {"got":{"type":"https://x/b","detail":"https://x/a","instance":"/do/0/outer/try/0/inner/catch/do/0/b"}}
            0..0 try /do/0/outer completed null -> {"got":{"type":"https://x/b","detail":"https://x/a","instance":"/do/0/outer/try/0/inner/catch/do/0/b"}}
            completed {"got":{"type":"https://x/b","detail":"https://x/a","instance":"/do/0/outer/try/0/inner/catch/do/0/b"}}
        "#]],
    );
}

#[test]
fn attacks_in_expressions_end_as_faults() {
    let deep = format!("{}.{}", "(".repeat(1_000), ")".repeat(1_000));
    for attack in ["def f: 1+f; f", "[repeat(1)]", "last(repeat(1))", "[range(0;1e9)]", &deep] {
        let fault = fault(&format!("do:\n  - a: {{ set: {{ x: '${{ {attack} }}' }} }}\n"), json!({}));
        assert_eq!(
            (fault.kind.as_str(), fault.status),
            ("https://serverlessworkflow.io/spec/1.0.0/errors/expression", 400)
        );
        assert_eq!(fault.detail.as_deref(), Some("the expression took longer than 50 ms"));
        assert_eq!(fault.instance.as_deref(), Some("/do/0/a"));
    }
    let doubling = vec![".+."; 40].join("|");
    assert!(
        fault(&format!("do:\n  - a: {{ set: '${{ {doubling} }}' }}\n"), json!("x".repeat(100)))
            .detail
            .expect("a detail")
            .contains("steps")
    );
}
