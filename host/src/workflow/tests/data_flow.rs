//! Set, switch, do, flow directives, and the way of data: `input.from`, `output.as`, `export.as`, `$context`.

use expect_test::expect;
use serde_json::json;

use super::*;

#[test]
fn the_output_of_a_task_is_the_input_of_the_next() {
    check(
        "
do:
  - first: { set: { a: '${ .n + 1 }', kept: [1, '${ .n }', { x: text }] } }
  - second: { set: '${ { b: (.a * 2), k: .kept } }' }
",
        json!({"n": 1}),
        &expect![[r#"
            0..0 set /do/0/first completed {"n":1} -> {"a":2,"kept":[1,1,{"x":"text"}]}
            0..0 set /do/1/second completed {"a":2,"kept":[1,1,{"x":"text"}]} -> {"b":4,"k":[1,1,{"x":"text"}]}
            completed {"b":4,"k":[1,1,{"x":"text"}]}
        "#]],
    );
}

#[test]
fn input_output_and_export_transform_and_the_context_is_replaced() {
    check(
        "
input: { from: .order }
do:
  - pick:
      input: { from: '${ .pet }' }
      set: { got: '${ . }', same: '${ $input == . }' }
      output: { as: '.got' }
      export: { as: { pet: '${ . }', in: '${ $input }', out: '${ $output }', before: '${ $context }' } }
  - seen: { set: '${ $context }' }
output: { as: { result: '${ . }', context: '${ $context.pet }' } }
",
        json!({"order": {"pet": {"id": 1}}, "rest": true}),
        &expect![[r#"
            0..0 set /do/0/pick completed {"id":1} -> {"id":1}
            0..0 set /do/1/seen completed {"id":1} -> {"pet":{"id":1},"in":{"id":1},"out":{"id":1},"before":{"pet":{"id":1}}}
            completed {"result":{"pet":{"id":1},"in":{"id":1},"out":{"id":1},"before":{"pet":{"id":1}}},"context":{"id":1}}
        "#]],
    );
}

#[test]
fn a_skipped_task_passes_its_input_on_and_its_then_is_not_followed() {
    check(
        "
do:
  - skipped: { if: .go, set: { never: true }, then: end }
  - next: { if: '${ .go == false }', set: { reached: true } }
",
        json!({"go": false}),
        &expect![[r#"
            0..0 set /do/0/skipped skipped {"go":false}
            0..0 set /do/1/next completed {"go":false} -> {"reached":true}
            completed {"reached":true}
        "#]],
    );
}

#[test]
fn the_condition_sees_the_transformed_input() {
    check(
        "
do:
  - a: { input: { from: .inner }, if: $input.yes and .yes, set: { ran: '${ . }' } }
",
        json!({"inner": {"yes": true}}),
        &expect![[r#"
            0..0 set /do/0/a completed {"yes":true} -> {"ran":{"yes":true}}
            completed {"ran":{"yes":true}}
        "#]],
    );
}

const SWITCH: &str = "
do:
  - route:
      switch:
        - fallback: { then: other }
        - red: { when: '.colour == \"red\"', then: red }
        - green: { when: '${ .colour == \"green\" }', then: green }
        - stop: { when: '.colour == \"stop\"', then: end }
        - out: { when: '.colour == \"out\"', then: exit }
        - on: { when: '.colour == \"on\"', then: continue }
  - red: { set: { was: red }, then: end }
  - green: { set: { was: green }, then: exit }
  - other: { set: { was: other } }
";

#[test]
fn a_switch_takes_the_first_case_that_holds_else_the_default() {
    for (colour, was) in
        [("red", json!("red")), ("green", json!("green")), ("blue", json!("other")), ("on", json!("red"))]
    {
        assert_eq!(output(SWITCH, json!({"colour": colour}))["was"], was, "{colour}");
    }
    for colour in ["stop", "out"] {
        assert_eq!(output(SWITCH, json!({"colour": colour})), json!({"colour": colour}), "the input passes through");
    }
}

#[test]
fn a_switch_without_a_case_that_holds_continues() {
    let body = "do:\n  - a: { switch: [ { x: { when: 'false', then: end } } ] }\n  - b: { set: { reached: true } }\n";
    assert_eq!(output(body, json!({})), json!({"reached": true}));
}

#[test]
fn exit_leaves_one_block_and_end_the_whole_run() {
    check(
        "
do:
  - outer:
      do:
        - a: { set: { n: 1 }, then: exit }
        - b: { set: { n: 2 } }
      output: { as: '.n' }
  - c:
      do:
        - d: { do: [ { e: { set: { seen: '${ . }' }, then: end } } ] }
      output: { as: '\"never\"' }
  - f: { set: { never: true } }
output: { as: '{ ended: . }' }
",
        json!({}),
        &expect![[r#"
            0..0 set /do/0/outer/do/0/a completed {} -> {"n":1}
            0..0 do /do/0/outer completed {} -> 1
            0..0 set /do/1/c/do/0/d/do/0/e completed 1 -> {"seen":1}
            completed {"ended":{"seen":1}}
        "#]],
    );
}

#[test]
fn a_backward_then_loops() {
    let body = "
do:
  - count: { set: { n: '${ .n + 1 }' } }
  - again: { switch: [ { more: { when: .n < 5, then: count } } ] }
";
    assert_eq!(output(body, json!({"n": 0})), json!({"n": 5}));
}

#[test]
fn a_loop_without_end_ends_in_a_fault_and_in_many_short_transitions() {
    let mut engine = none;
    let mut simulation =
        Simulation::new(program("do:\n  - a: { set: { x: '${ . }' }, output: { as: .x }, then: a }\n"), &mut engine);
    let fault = simulation.run(json!(1)).expect_err("it faults");
    assert!(fault.detail.expect("a detail").contains("too many steps"), "the reason is told");
    assert_eq!(fault.instance.as_deref(), Some("/do/0/a"));
    assert_eq!(simulation.entries.len(), 10_000);
    assert!(simulation.transitions >= 40, "{} transitions", simulation.transitions);
}

#[test]
fn descriptors_tell_of_the_task_the_workflow_and_the_runtime() {
    check(
        "
do:
  - wait: { wait: PT1.5S }
  - seen:
      set:
        task: '${ $task | { name, reference, at: .startedAt } }'
        workflow: '${ $workflow | { id, name, version, input, at: .startedAt.iso8601 } }'
        runtime: '${ $runtime.name }'
",
        json!({"n": 1}),
        &expect![[r#"
            0..0 wait /do/0/wait waiting {"n":1} until 1500
            0..1500 wait /do/0/wait completed {"n":1} -> {"n":1}
            1500..1500 set /do/1/seen completed {"n":1} -> {"task":{"name":"seen","reference":"/do/1/seen","at":{"iso8601":"2023-11-14T22:13:21.500Z","epoch":{"seconds":1700000001,"milliseconds":1700000001500}}},"workflow":{"id":"07070707-0707-0707-0707-070707070707","name":"test","version":3,"input":{"n":1},"at":"2023-11-14T22:13:20.000Z"},"runtime":"tenterhook"}
            completed {"task":{"name":"seen","reference":"/do/1/seen","at":{"iso8601":"2023-11-14T22:13:21.500Z","epoch":{"seconds":1700000001,"milliseconds":1700000001500}}},"workflow":{"id":"07070707-0707-0707-0707-070707070707","name":"test","version":3,"input":{"n":1},"at":"2023-11-14T22:13:20.000Z"},"runtime":"tenterhook"}
        "#]],
    );
}

#[test]
fn data_that_grows_too_large_or_too_deep_is_a_fault() {
    let deep = fault("do:\n  - a: { set: '${ [.] }', then: a }\n", json!(1));
    assert!(deep.detail.as_deref().is_some_and(|detail| detail.contains("deep")), "{deep:?}");
    let large = fault("do:\n  - a: { set: '${ . + . }', then: a }\n", json!("0123456789abcdef"));
    assert!(large.detail.as_deref().is_some_and(|detail| detail.contains("larger")), "{large:?}");
    let context =
        fault("do:\n  - a: { set: 'x', export: { as: '[$context, $context]' }, then: a }\n", json!("0123456789"));
    assert!(context.detail.as_deref().is_some_and(|detail| detail.contains("the context")), "{context:?}");
    let nested = (0..120).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(fault("do:\n  - a: { set: { b: 1 } }\n", nested).status, 400);
}

#[test]
fn a_task_cannot_multiply_its_data_without_end() {
    let fields: String = (0..5_000).map(|n| format!("f{n}: '${{ . }}', ")).collect();
    let much = json!("x".repeat(900_000));
    let ended = fault(&format!("do:\n  - a: {{ set: {{ {fields} }} }}\n"), much);
    assert!(ended.detail.expect("a detail").contains("too much work"));
}

#[test]
fn expressions_in_data_are_not_evaluated() {
    assert_eq!(
        output("do:\n  - a: { set: { b: '${ .x }' } }\n", json!({"x": "${ 1 + 1 }"})),
        json!({"b": "${ 1 + 1 }"})
    );
}
