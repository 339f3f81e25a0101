//! Random programs, inputs and events: nothing panics, everything ends, and states may be stored at any point.

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// One task in flow style.
fn task(depth: u32) -> BoxedStrategy<String> {
    let expression = proptest::sample::select(
        &[
            "${ . }",
            "${ .n }",
            "${ .n + 1 }",
            "${ { n: (.n // 0) } }",
            "${ $context }",
            "${ [.] }",
            "${ error(\"no\") }",
            "${ def f: f; f }",
            "${ $input }",
            "text",
            "7",
        ][..],
    );
    let common = proptest::sample::select(
        &[
            "",
            "",
            "",
            ", if: .n",
            ", then: end",
            ", then: exit",
            ", then: t0",
            ", then: t1",
            ", output: { as: .n }",
            ", output: { as: '{ n: 1 }' }",
            ", export: { as: '{ n: . }' }",
            ", input: { from: '{ n: 2 }' }",
            ", input: { from: .n.n }",
        ][..],
    );
    let leaf = prop_oneof![
        expression.clone().prop_map(|value| format!("set: {{ n: '{value}' }}")),
        expression.clone().prop_map(|value| format!("set: '{value}'")).prop_filter("a set needs an expression or a mapping", |set| set.contains("${")),
        expression.clone().prop_map(|value| format!("call: webhook, with: {{ webhook: w, data: '{value}' }}")),
        expression.clone().prop_map(|value| format!("call: record-update, with: {{ source: s, key: '{value}', fields: '{value}' }}")),
        expression.clone().prop_map(|value| format!("emit: {{ event: {{ with: {{ type: x, data: '{value}' }} }} }}")),
        expression.clone().prop_map(|value| format!("raise: {{ error: {{ type: 'https://x', status: '{value}' }} }}")),
        Just("raise: { error: { type: 'https://x', status: 500 } }".to_owned()),
        Just("wait: PT1S".to_owned()),
        Just("wait: '${ .for }'".to_owned()),
        Just("switch: [ { a: { when: '.n == 1', then: t0 } }, { b: { when: '.n == 2', then: exit } }, { c: { then: continue } } ]".to_owned()),
    ];
    let leaf = leaf.boxed();
    if depth == 0 {
        return (leaf, common).prop_map(|(leaf, common)| leaf + common).boxed();
    }
    let nested = || tasks(depth - 1);
    let composed = prop_oneof![
        3 => leaf,
        1 => nested().prop_map(|tasks| format!("do: {tasks}")),
        1 => (nested(), nested()).prop_map(|(tasks, handler)| format!("try: {tasks}, catch: {{ do: {handler} }}")),
        1 => nested().prop_map(|tasks| format!("try: {tasks}, catch: {{ when: $error.status == 500, retry: {{ limit: {{ attempt: {{ count: 2 }} }} }} }}")),
        1 => nested().prop_map(|tasks| format!("try: {tasks}, catch: {{}}")),
    ];
    (composed, common).prop_map(|(task, common)| task + common).boxed()
}

fn tasks(depth: u32) -> BoxedStrategy<String> {
    proptest::collection::vec(task(depth), 2..4)
        .prop_map(|tasks| {
            let items: Vec<String> =
                tasks.iter().enumerate().map(|(n, task)| format!("{{ t{n}: {{ {task} }} }}")).collect();
            format!("[ {} ]", items.join(", "))
        })
        .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, max_shrink_iters: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_program_ends_and_every_state_reads_back(tasks in tasks(2), failures in proptest::collection::vec(any::<bool>(), 1..8)) {
        let mut calls = 0;
        let mut engine = |_: &Effect| {
            calls += 1;
            match failures[calls % failures.len()] {
                true => Err(FaultKind::Communication.fault("down")),
                false => Ok(json!({"n": calls})),
            }
        };
        let mut simulation = Simulation::new(program(&format!("do: {tasks}\n")), &mut engine);
        let ended = simulation.run(json!({"n": 1, "for": "PT1S"}));
        if let Err(fault) = ended {
            prop_assert!(fault.instance.is_some(), "{fault:?} must say where");
        }
        for entry in &simulation.entries {
            prop_assert!(simulation.program.outline().iter().any(|item| item.reference == entry.reference && item.kind == entry.kind));
            prop_assert!(entry.started_at <= entry.finished_at);
        }
    }

    #[test]
    fn no_state_from_the_store_and_no_event_panics(
        tasks in tasks(1), block in 0_usize..5, index in 0_usize..5, attempt in any::<u32>(), pending in 0..4, done in any::<bool>(),
    ) {
        let pending = match pending {
            0 => json!(null),
            1 => json!({"k": "t", "d": {"n": 1}, "s": "2023-11-14T22:13:20.000Z"}),
            2 => json!({"k": "w", "d": 1, "s": "2023-11-14T22:13:20.000Z", "u": "2023-11-14T22:13:20.000Z"}),
            _ => json!({"k": "r", "u": "2023-11-14T22:13:20.000Z"}),
        };
        let frame = json!({"b": block, "i": index, "r": attempt, "a": attempt, "s": "2023-11-14T22:13:20.000Z", "d": {"n": 1}});
        let state = json!({"f": [{"b": 0, "i": 0, "s": "2023-11-14T22:13:20.000Z"}, frame], "p": pending, "n": attempt, "b": true});
        let state: State = serde_json::from_value(state).expect("a state");
        let mut engine = none;
        let simulation = Simulation::new(program(&format!("do: {tasks}\n")), &mut engine);
        let at = Time::from_millis(START);
        let result = EffectResult { outcome: Ok(json!(1)), exchange: None, unsent: None, logs: Vec::new(), deeds: Vec::new(), started_at: at, finished_at: at };
        drop(simulation.step(state, if done { StepEvent::Done(result) } else { StepEvent::Begin }));
    }

    #[test]
    fn no_text_breaks_the_readers(text in "[-a-z0-9:{}\\[\\]\"'|>&*!?%#, \n]{0,200}") {
        drop(Program::parse(&text, DocumentMedia::Yaml));
        drop(Program::parse(&text, DocumentMedia::Json));
        drop(Program::parse(&document(&format!("do:\n  - a: {{ set: {{ x: {text} }} }}\n")), DocumentMedia::Yaml));
    }

    #[test]
    fn no_edit_of_a_document_breaks_the_readers(tasks in tasks(2), at in any::<prop::sample::Index>(), edit in "[-a-z0-9:{}\\[\\]\"'$ \n]{0,3}", cut in 0_usize..4) {
        let mut text = document(&format!("do: {tasks}\n"));
        let from = at.index(text.len());
        text.replace_range(from..(from + cut).min(text.len()), &edit);
        if let Err(refusals) = Program::parse(&text, DocumentMedia::Yaml) {
            let lines = text.lines().count();
            prop_assert!(!refusals.is_empty() && refusals.iter().all(|refusal| refusal.line <= lines + 1 && !refusal.reason.is_empty()));
        }
    }
}
