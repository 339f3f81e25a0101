//! Calls, emits and waits.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;

/// Runs to the first effect.
fn first(body: &str, input: Value) -> Result<Effect, Fault> {
    let mut engine = none;
    let simulation = Simulation::new(program(body), &mut engine);
    match simulation.step(State::new(input), StepEvent::Begin).next {
        Next::Effect(effect) => Ok(effect),
        Next::Faulted(fault) => Err(fault),
        other => panic!("{other:?}"),
    }
}

fn action(call: &str, input: Value) -> Result<Action, Fault> {
    first(&format!("do:\n  - a: {{ {call} }}\n"), input).map(|effect| effect.action)
}

fn slug(text: &str) -> Slug {
    text.parse().expect("a slug")
}

fn object(value: Value) -> crate::model::Object {
    value.as_object().expect("an object").clone()
}

#[test]
fn calls_of_webhooks_carry_data_and_record() {
    let input = json!({"id": 7, "phone": "1"});
    assert_eq!(
        action(
            "call: webhook, with: { webhook: sms, data: { to: '${ .phone }' }, record: { source: leads, key: '${ .id }' } }",
            input.clone()
        ),
        Ok(Action::CallWebhook {
            webhook: slug("sms"),
            data: json!({"to": "1"}),
            record: Some(RecordAt { source: slug("leads"), key: "7".to_owned() })
        })
    );
    assert_eq!(
        action("call: webhook, with: { webhook: sms }", input.clone()),
        Ok(Action::CallWebhook { webhook: slug("sms"), data: input, record: None })
    );
}

#[test]
fn calls_of_records_carry_keys_and_fields() {
    let input = json!({"id": "k", "n": 1});
    let fields = object(json!({"m": 1}));
    let source = slug("leads");
    assert_eq!(
        action("call: record-insert, with: { source: leads }", input.clone()),
        Ok(Action::RecordInsert { source: source.clone(), fields: object(input.clone()) })
    );
    assert_eq!(
        action("call: record-upsert, with: { source: leads, fields: { m: '${ .n }' } }", input.clone()),
        Ok(Action::RecordUpsert { source: source.clone(), fields: fields.clone() })
    );
    assert_eq!(
        action(
            "call: record-update, with: { source: leads, key: '${ .id }', fields: '${ { m: .n } }' }",
            input.clone()
        ),
        Ok(Action::RecordUpdate { source: source.clone(), key: "k".to_owned(), fields })
    );
    assert_eq!(
        action("call: record-get, with: { source: leads, key: k }", input),
        Ok(Action::RecordGet { source, key: "k".to_owned() })
    );
}

#[test]
fn what_a_call_needs_and_does_not_get_is_a_validation_fault() {
    for call in [
        "call: record-insert, with: { source: leads, fields: '${ .n }' }",
        "call: record-get, with: { source: leads, key: '${ .missing }' }",
        "call: record-get, with: { source: leads, key: '' }",
        "emit: { event: { with: { type: '${ .n }' } } }",
        "emit: { event: { with: { type: x, subject: '${ .n }' } } }",
        "wait: '${ .n }'",
        "wait: '${ \"soon\" }'",
    ] {
        let fault = action(call, json!({"n": 1})).expect_err(call);
        assert_eq!((fault.status, fault.instance.as_deref()), (400, Some("/do/0/a")), "{call}: {fault:?}");
    }
}

#[test]
fn plugins_are_called_by_name_and_version() {
    let calls = |name: &str, input: Value, config: Value| {
        Ok(Action::CallPlugin { plugin: name.parse().expect("a plugin"), input, config })
    };
    let with = "call: 'score:1.2.0@plugins', with: { lead: '${ . }' }";
    assert_eq!(action(with, json!(1)), calls("score@1.2.0", json!({"lead": 1}), Value::Null));
    assert_eq!(action("call: 'score:1.2.0@plugins'", json!(1)), calls("score@1.2.0", json!(1), Value::Null));
    assert_eq!(action("call: 'score@plugins'", json!(1)), calls("score", json!(1), Value::Null));
    let configured = "call: 'score@plugins', metadata: { config: { level: '${ .n }', to: [ a ] }, colour: red }";
    let config = json!({"level": 7, "to": ["a"]});
    assert_eq!(action(configured, json!({"n": 7})), calls("score", json!({"n": 7}), config));
}

#[test]
fn a_script_is_the_configuration_of_the_plugin_that_runs_it() {
    let body = "do:
  - a:
      input: { from: .lead }
      run:
        script:
          language: javascript
          arguments: { bonus: '${ .n }', static: [ 1 ] }
          code: |
            return `${ input.n } and ${ call.config.bonus }`
";
    let effect = first(body, json!({"lead": {"n": 1}})).expect("an effect");
    let code = "return `${ input.n } and ${ call.config.bonus }`\n";
    let config = json!({"script": code, "config": {"bonus": 1, "static": [1]}});
    let plugin: PluginRef = "script".parse().expect("a plugin");
    assert_eq!(effect.action, Action::CallPlugin { plugin: plugin.clone(), input: json!({"n": 1}), config });
    let short = action("run: { script: { language: js, code: return 1 } }", json!(2));
    let config = json!({"script": "return 1"});
    assert_eq!(short, Ok(Action::CallPlugin { plugin, input: json!(2), config }));

    let program = program(body);
    let outline: Vec<_> = program.outline().iter().map(|item| item.kind.as_str()).collect();
    assert_eq!((outline, program.is_pure()), (vec!["run script"], false));
    let [call] = program.plugin_calls() else { panic!("one call: {:?}", program.plugin_calls()) };
    let config = call.config.as_ref().expect("the script is known");
    assert_eq!(config.value, json!({"script": code}), "whatever its arguments will be");
    let document = document(body);
    let refusal = config.refuse(&document, "/script", Some((1, 9)), "no");
    assert_eq!(refusal.to_string(), "10:21: no (at /do/0/a/run/script/code)");
    assert_eq!(document.lines().nth(9).and_then(|line| line.get(20..22)), Some("${"));
}

#[test]
fn a_place_in_a_script_is_one_in_the_document_if_the_script_stands_there_as_it_is() {
    for (code, position, expected) in [
        ("code: |\n\n\n          one\n", (3, 2), "10:12: no"),
        ("code: |\n\n\n          one\n", (2, 1), "9:1: no"),
        ("code: |\n          one\n\n            two\n", (3, 4), "10:14: no"),
        ("code: |-\n          one\n", (1, 4), "8:14: no"),
        ("code: one", (1, 2), "7:16: no"),
        ("code: \"one\"", (1, 2), "7:17: no"),
        ("code: >\n          one\n          two\n", (1, 2), "8:11: no (line 1, column 2 of the text)"),
        ("code: \"one\\ntwo\"", (2, 2), "7:15: no (line 2, column 2 of the text)"),
    ] {
        let body = format!("do:\n- a:\n    run:\n      script:\n        language: js\n        {code}\n");
        let program = program(&body);
        let config = program.plugin_calls()[0].config.as_ref().expect("it is known");
        let refusal = config.refuse(&document(&body), "/script", Some(position), "no");
        assert_eq!(refusal.to_string(), format!("{expected} (at /do/0/a/run/script/code)"), "{code}");
    }
}

#[test]
fn events_have_a_source_even_if_none_is_named() {
    assert_eq!(
        action("emit: { event: { with: { type: lead.create } } }", json!({"id": 1})),
        Ok(Action::Emit {
            kind: "lead.create".to_owned(),
            source: "urn:tenterhook:workflow:test".to_owned(),
            subject: None,
            data: json!({"id": 1})
        })
    );
    let all = "emit: { event: { with: { source: 'https://x', type: '${ \"lead.\" + .k }', subject: '${ .id }', data: [ '${ .id }' ] } } }";
    assert_eq!(
        action(all, json!({"k": "update", "id": "7"})),
        Ok(Action::Emit {
            kind: "lead.update".to_owned(),
            source: "https://x".to_owned(),
            subject: Some("7".to_owned()),
            data: json!(["7"])
        })
    );
}

#[test]
fn the_answer_of_an_effect_is_the_raw_output_of_its_task() {
    let body = "
do:
  - send:
      call: webhook
      with: { webhook: sms }
      output: { as: .fields }
      export: { as: { sms: '${ . }', sent: '${ $input.phone }' } }
  - after: { set: { got: '${ . }', context: '${ $context }' } }
";
    let mut engine = |_: &Effect| Ok(json!({"status": 200, "fields": {"id": "m1"}, "response": {}}));
    let mut simulation = Simulation::new(program(body), &mut engine);
    let output = simulation.run(json!({"phone": "1"})).expect("it completes");
    assert_eq!(output, json!({"got": {"id": "m1"}, "context": {"sms": {"id": "m1"}, "sent": "1"}}));
    let entry = &simulation.entries[0];
    assert_eq!((entry.kind.as_str(), entry.input.clone()), ("call webhook", json!({"phone": "1"})));
    assert_eq!(entry.idempotency_key.as_deref(), Some(simulation.effects[0].idempotency_key.as_str()));
    assert_eq!(entry.finished_at.since(entry.started_at).as_millis(), 10);
}

#[test]
fn an_effect_that_was_done_is_not_asked_for_again_if_its_output_cannot_be_transformed() {
    let body = "do:\n  - send: { call: webhook, with: { webhook: sms }, output: { as: .a.b } }\n";
    let mut engine = |_: &Effect| Ok(json!({"a": 1}));
    let mut simulation = Simulation::new(program(body), &mut engine);
    let fault = simulation.run(json!({})).expect_err("the transformation fails");
    assert!(fault.kind.ends_with("/expression"));
    assert_eq!((simulation.effects.len(), simulation.entries.len()), (1, 1));
}

#[test]
fn each_round_of_a_loop_has_a_key_of_its_own() {
    let body = "
do:
  - outer:
      do:
        - send: { call: webhook, with: { webhook: sms, data: '${ .n }' }, output: { as: '{ n: ($input.n + 1) }' } }
        - again: { switch: [ { more: { when: .n % 3 != 0, then: send } } ] }
  - repeat: { switch: [ { more: { when: .n < 6, then: outer } } ] }
";
    let mut engine = |_: &Effect| Ok(json!(null));
    let mut simulation = Simulation::new(program(body), &mut engine);
    simulation.run(json!({"n": 0})).expect("it completes");
    let keys: BTreeSet<&str> = simulation.effects.iter().map(|effect| effect.idempotency_key.as_str()).collect();
    assert_eq!((simulation.effects.len(), keys.len()), (6, 6));
}

#[test]
fn keys_differ_between_runs_and_tasks() {
    let body = "do:\n  - a: { call: webhook, with: { webhook: x } }\n  - b: { call: webhook, with: { webhook: x } }\n";
    let mut engine = |_: &Effect| Ok(json!(null));
    let mut simulation = Simulation::new(program(body), &mut engine);
    simulation.run(json!(null)).expect("it completes");
    assert_ne!(simulation.effects[0].idempotency_key, simulation.effects[1].idempotency_key);
    assert_eq!(simulation.effects[0].idempotency_key.len(), 32);
}

#[test]
fn waits_take_every_form_of_duration() {
    for (wait, millis) in [
        ("{ days: 1, hours: 2, minutes: 3, seconds: 4, milliseconds: 5 }", 93_784_005),
        ("PT15M", 900_000),
        ("'${ .for }'", 7_000),
    ] {
        let mut engine = none;
        let mut simulation = Simulation::new(program(&format!("do:\n  - a: {{ wait: {wait} }}\n")), &mut engine);
        assert_eq!(simulation.run(json!({"for": "PT7S"})), Ok(json!({"for": "PT7S"})));
        assert_eq!(simulation.waits, [millis], "{wait}");
        let statuses: Vec<TaskStatus> = simulation.entries.iter().map(|entry| entry.status).collect();
        assert_eq!(statuses, [TaskStatus::Waiting, TaskStatus::Completed]);
    }
}

#[test]
fn a_result_that_nothing_waits_for_is_a_fault_not_a_panic() {
    let mut engine = none;
    let simulation = Simulation::new(program("do:\n  - a: { wait: PT1S }\n"), &mut engine);
    let waiting = simulation.step(State::new(json!(1)), StepEvent::Begin).state;
    let at = Time::from_millis(START);
    let result = EffectResult {
        outcome: Ok(json!(1)),
        exchange: None,
        unsent: None,
        logs: Vec::new(),
        deeds: Vec::new(),
        started_at: at,
        finished_at: at,
    };
    assert!(matches!(simulation.step(waiting, StepEvent::Done(result.clone())).next, Next::Wait { .. }));
    let mut begun = State::new(json!(1));
    begun.begun = true;
    assert!(matches!(simulation.step(begun, StepEvent::Done(result)).next, Next::Faulted(_)));
}

#[test]
fn a_program_tells_what_it_uses_and_its_outline() {
    let program = program(
        "
do:
  - a: { call: webhook, with: { webhook: sms, record: { source: leads, key: '1' } } }
  - b:
      try: [ { c: { call: 'score:1.0.0@plugins' } } ]
      catch: { do: [ { d: { call: record-get, with: { source: calls, key: '1' } } } ] }
",
    );
    let names = |places: &BTreeMap<Slug, Place>| places.keys().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    assert_eq!(program.name(), "test");
    assert_eq!(names(program.webhooks()), "sms");
    assert_eq!(names(program.sources()), "calls leads");
    assert_eq!(program.plugins().keys().map(ToString::to_string).collect::<Vec<_>>(), ["score@1.0.0"]);
    let place = program.sources().values().next().expect("a source");
    assert_eq!((place.line, place.path.as_str()), (7, "/do/1/b/catch/do/0/d/with/source"));
    assert!(program.is_bounded() && !program.is_manual() && !program.is_pure());
    let outline: Vec<String> = program
        .outline()
        .iter()
        .map(|item| format!("{}{} {} {}", "  ".repeat(item.depth), item.name, item.kind, item.reference))
        .collect();
    assert_eq!(
        outline,
        [
            "a call webhook /do/0/a",
            "b try /do/1/b",
            "  c call plugin /do/1/b/try/0/c",
            "  d call record-get /do/1/b/catch/do/0/d"
        ]
    );
}

#[test]
fn a_state_is_small() {
    let mut engine = none;
    let simulation = Simulation::new(program("do:\n  - a: { call: webhook, with: { webhook: sms } }\n"), &mut engine);
    let state = simulation.step(State::new(json!({"n": 1})), StepEvent::Begin).state;
    let json = serde_json::to_string(&state).expect("a state serialises");
    assert_eq!(
        json,
        r#"{"f":[{"b":0,"i":0,"r":0,"a":0,"s":"2023-11-14T22:13:20.000Z"}],"p":{"k":"t","d":{"n":1},"s":"2023-11-14T22:13:20.000Z"},"n":1,"b":true}"#
    );
    assert!(state.awaits_effect());
}
