//! What the profile does not support is refused with its line, column, pointer and what to do instead.

use std::time::Instant;

use expect_test::{Expect, expect};

use super::*;

#[track_caller]
fn check(document: &str, expected: &Expect) {
    let refusals = Program::parse(document, DocumentMedia::Yaml).expect_err("it is refused");
    expected.assert_eq(&report("w.yaml", &refusals));
}

fn refused(document: &str, media: DocumentMedia) -> Vec<Refusal> {
    Program::parse(document, media).expect_err("it is refused")
}

#[test]
fn every_unsupported_part_is_refused_at_once_with_its_place() {
    check(
        "document:
  dsl: '1.0.3'
  namespace: test
  name: test
  version: '1.0.0'
  colour: red
schedule: { every: { minutes: 5 } }
timeout: { after: { seconds: 10 } }
input: { schema: { document: {} } }
evaluate: { language: javascript, mode: loose }
use:
  functions: {}
  secrets: [ a ]
  retries: { r: { limit: { attempt: { duration: PT1S } }, dely: PT1S } }
do:
  - a: { for: { each: x, in: . }, do: [ { b: { set: {} } } ] }
  - c: { fork: { branches: [] } }
  - d: { listen: { to: { one: {} } } }
  - e: { run: { shell: { command: ls } } }
  - f: { call: http, with: { method: get } }
  - g: { set: { x: 1 }, timeout: { after: PT1S }, output: { schema: {} } }
  - h: { set: { x: 1 }, wait: PT1S }
  - i: { colour: red }
  - j: { call: mystery }
  - k: { try: [ { l: { set: {} } } ], catch: { then: end } }
  - m: { try: [ { l: { set: {} } } ] }
  - n: { emit: { event: { with: { id: x } } } }
",
        &expect![[r#"
            w.yaml:6:3: `colour` is not known here; known are dsl, namespace, name, version, title, summary, tags, metadata (at /document/colour)
            w.yaml:7:1: `schedule` is not supported: workflows start by a trigger or through the API; remove it (at /schedule)
            w.yaml:8:1: `timeout` is not supported: webhooks have a timeout of their own, and retries a `limit.duration`; remove it (at /timeout)
            w.yaml:9:10: `schema` is not supported: check with `if` or `switch` and `raise`, or in the trigger's field mapping (at /input/schema)
            w.yaml:10:23: `javascript` is not supported; write jq (at /evaluate/language)
            w.yaml:10:41: `loose` is not supported; write strict (at /evaluate/mode)
            w.yaml:12:3: `functions` is not supported: call plugins by NAME:VERSION@plugins, and webhooks by their id (at /use/functions)
            w.yaml:13:3: `secrets` is not supported: a webhook's definition inserts secrets itself (at /use/secrets)
            w.yaml:14:39: `duration` is not supported: one attempt is limited by the webhook's timeout; limit all of them by `limit.duration` (at /use/retries/r/limit/attempt/duration)
            w.yaml:14:59: `dely` is not known here; known are when, exceptWhen, delay, backoff, limit, jitter (at /use/retries/r/dely)
            w.yaml:16:10: `for` is not supported: iterate within an expression or a plugin (at /do/0/a/for)
            w.yaml:17:10: `fork` is not supported: put the tasks one after the other (at /do/1/c/fork)
            w.yaml:18:10: `listen` is not supported: let the event start another workflow by its trigger (at /do/2/d/listen)
            w.yaml:19:17: `shell` is not supported: use `script`, or call: NAME:VERSION@plugins for code of your own (at /do/3/e/run/shell)
            w.yaml:20:16: `call: http` is not supported: define a webhook and use call: webhook (at /do/4/f/call)
            w.yaml:21:25: `timeout` is not supported: webhooks have a timeout of their own, and retries a `limit.duration` (at /do/5/g/timeout)
            w.yaml:21:61: `schema` is not supported: check with `if` or `switch` and `raise`, or in the trigger's field mapping (at /do/5/g/output/schema)
            w.yaml:22:8: a task is one of set and wait; make several tasks (at /do/6/h)
            w.yaml:23:8: a task needs one of do, set, switch, call, run, emit, raise, try, wait (at /do/7/i)
            w.yaml:23:10: `colour` is not known here; known are if, input, output, export, then, metadata, do, set, switch, call, with, run, emit, raise, try, catch, wait (at /do/7/i/colour)
            w.yaml:24:16: there is no `mystery` to call; use webhook, record-insert, record-update, record-upsert, record-get, or a plugin as NAME:VERSION@plugins, or NAME@plugins for its live version (at /do/8/j/call)
            w.yaml:25:48: `then` is not supported: put `then` on the `try` task, or into `catch.do` (at /do/9/k/catch/then)
            w.yaml:26:8: `catch` is missing (at /do/10/m)
            w.yaml:27:33: `type` is missing (at /do/11/n/emit/event/with)
            w.yaml:27:35: `id` is not supported: the server makes it (at /do/11/n/emit/event/with/id)
        "#]],
    );
}

#[test]
fn a_run_is_a_script_in_a_language_that_is_known_and_written_out() {
    check(
        &document(
            "do:
  - a: { run: { script: { language: python, code: 'print(1)' } } }
  - b: { run: { script: { code: '${ .code }' } } }
  - c: { run: { script: { language: js, source: { endpoint: 'https://a.example/s.js' }, stdin: x } } }
  - d: { run: { script: { language: js, code: [ 1 ], arguments: { a: 'x ${ .a }' } }, await: false, return: code } }
  - e: { run: { workflow: { namespace: a, name: b, version: '1.0.0' } } }
  - f: { run: [ 1 ] }
  - f2: { run: {} }
  - g: { call: 'score@plugins', config: { a: 1 } }
  - h: { call: 'score@plugins', metadata: { config: { a: '${ .a ' } } }
",
        ),
        &expect![[r#"
            w.yaml:3:37: `python` is not supported; write javascript (at /do/0/a/run/script/language)
            w.yaml:4:25: `language` is missing (at /do/1/b/run/script)
            w.yaml:4:33: the script must be written out, so that it can be checked; give it values in `arguments` (at /do/1/b/run/script/code)
            w.yaml:5:25: `code` is missing (at /do/2/c/run/script)
            w.yaml:5:41: `source` is not supported: write the script into `code`, so that it is part of the workflow's version (at /do/2/c/run/script/source)
            w.yaml:5:89: `stdin` is not supported: the script gets the task's input; choose of it in input.from (at /do/2/c/run/script/stdin)
            w.yaml:6:47: expected a text, found a list (at /do/3/d/run/script/code)
            w.yaml:6:70: an expression must be the whole text; to insert into a text write ${ "… \(.name) …" } (at /do/3/d/run/script/arguments/a)
            w.yaml:6:87: `await` is not supported: the task ends when its script has; remove it (at /do/3/d/run/await)
            w.yaml:6:101: `return` is not supported: the output is what the script returns; choose of it in output.as (at /do/3/d/run/return)
            w.yaml:7:17: `workflow` is not supported: write its tasks into a `do`, or call a webhook that starts it (at /do/4/e/run/workflow)
            w.yaml:8:15: expected a mapping with script, found a list (at /do/5/f/run)
            w.yaml:9:16: `script` is missing (at /do/6/f2/run)
            w.yaml:10:33: `config` is not supported: the configuration of a plugin stands in `metadata.config` of the task that calls it (at /do/7/g/config)
            w.yaml:11:58: an expression must be the whole text; to insert into a text write ${ "… \(.name) …" } (at /do/8/h/metadata/config/a)
        "#]],
    );
}

#[test]
fn names_that_lead_nowhere_and_names_given_twice_are_refused() {
    check(
        &document(
            "do:
  - a: { set: { x: 1 }, then: nowhere }
  - a: { do: [ { inner: { set: { x: 1 }, then: b } } ] }
  - b: { switch: [ { x: { then: c } }, { y: { then: a } }, { z: { when: .x } } ] }
  - d: { raise: { error: missing } }
  - e: { raise: { error: { title: t } } }
  - f: { try: [ { g: { set: { x: 1 } } } ], catch: { retry: missing, as: context } }
",
        ),
        &expect![[r#"
            w.yaml:3:31: there is no task `nowhere` in this list; use its name, continue, exit or end (at /do/0/a/then)
            w.yaml:4:5: there is another task `a` in this list; rename one (at /do/1/a)
            w.yaml:4:48: there is no task `b` in this list; use its name, continue, exit or end (at /do/1/a/do/0/inner/then)
            w.yaml:5:33: there is no task `c` in this list; use its name, continue, exit or end (at /do/2/b/switch/0/x/then)
            w.yaml:5:45: only one case may be without `when`: it is the default (at /do/2/b/switch/1/y)
            w.yaml:5:65: `then` is missing (at /do/2/b/switch/2/z)
            w.yaml:6:26: there is no error `missing` under use.errors (at /do/3/d/raise/error)
            w.yaml:7:26: `type` is missing (at /do/4/e/raise/error)
            w.yaml:7:26: `status` is missing (at /do/4/e/raise/error)
            w.yaml:8:61: there is no retry policy `missing` under use.retries (at /do/5/f/catch/retry)
            w.yaml:8:74: "context" cannot name a variable; use letters, digits and _, and no name of the language (at /do/5/f/catch/as)
        "#]],
    );
}

#[test]
fn names_of_webhooks_sources_and_plugins_must_be_written_out() {
    check(
        &document(
            "do:
  - a: { call: webhook, with: { webhook: '${ .w }', record: { source: '${ .s }', key: 1 } } }
  - b: { call: record-get, with: { source: 'no/slug', key: 1 } }
  - c: { call: '${ .c }' }
  - d: { call: 'score@1.0.0@plugins' }
  - e: { call: 'score:latest@plugins' }
  - f: { call: webhook }
  - g: { call: record-insert, with: { source: leads, key: 1 } }
",
        ),
        &expect![[r#"
            w.yaml:3:42: the webhook must be written out, so that it is known where it is used; for a choice use `switch` (at /do/0/a/with/webhook)
            w.yaml:3:71: the source must be written out, so that it is known where it is used; for a choice use `switch` (at /do/0/a/with/record/source)
            w.yaml:4:44: id "no/slug" is not valid: use 1 to 100 letters, digits, dots, underscores or hyphens, starting with a letter or digit (at /do/1/b/with/source)
            w.yaml:5:16: what is called must be written out, so that it is known where it is used; for a choice use `switch` (at /do/2/c/call)
            w.yaml:6:16: there is no `score@1.0.0@plugins` to call; use webhook, record-insert, record-update, record-upsert, record-get, or a plugin as NAME:VERSION@plugins, or NAME@plugins for its live version (at /do/3/d/call)
            w.yaml:7:16: plugin version "latest": unexpected character 'l' while parsing major version number; write name@1.2.3 (at /do/4/e/call)
            w.yaml:8:8: `with` is missing (at /do/5/f)
            w.yaml:9:54: `key` is not supported: put the source's key field into `fields` (at /do/6/g/with/key)
        "#]],
    );
}

#[test]
fn expressions_are_checked_where_they_stand() {
    check(
        &document(
            "do:
  - a: { set: { x: '${ .a | }' } }
  - b: { if: '.x ==', set: { x: \"${ env.PATH }\" } }
  - c: { set: { x: 'Hello ${ .name }' } }
  - d: { input: { from: $input }, set: { x: 1 } }
  - e: { set: { x: '${ $output + $secrets.a }' } }
  - f:
      set:
        x: >-
          ${
            .a + foo }
  - g: { try: [ { h: { set: { x: '${ $error }' } } } ], catch: { as: err, when: $error.status == 1, do: [ { i: { set: { x: '${ $err }' } } } ] } }
",
        ),
        &expect![[r#"
            w.yaml:3:29: the expression is not right: expected term, found the end (at /do/0/a/set/x)
            w.yaml:4:20: the expression is not right: expected term, found the end (at /do/1/b/if)
            w.yaml:4:37: the expression is not right: `env` is not available: expressions cannot read the environment of the server (at /do/1/b/set/x)
            w.yaml:5:20: an expression must be the whole text; to insert into a text write ${ "… \(.name) …" } (at /do/2/c/set/x)
            w.yaml:6:25: the expression is not right: there is no variable `$input` here; there is $context, $task, $workflow, $runtime (at /do/3/d/input/from)
            w.yaml:7:24: the expression is not right: there is no variable `$output` here; there is $context, $input, $task, $workflow, $runtime (at /do/4/e/set/x)
            w.yaml:11:11: the expression is not right: there is no function `foo` (line 2, column 8 of the expression) (at /do/5/f/set/x)
            w.yaml:13:38: the expression is not right: there is no variable `$error` here; there is $context, $input, $task, $workflow, $runtime (at /do/6/g/try/0/h/set/x)
            w.yaml:13:81: the expression is not right: there is no variable `$error` here; there is $context, $input, $task, $workflow, $runtime, $err (at /do/6/g/catch/when)
        "#]],
    );
}

#[test]
fn yaml_that_hides_or_multiplies_is_refused() {
    check(
        &document(
            "do:
  - a: &one { set: { x: 1 } }
  - b: *one
  - c: { <<: { set: {} }, set: { x: !secret 1, y: 007, z: .inf } }
  - d: { set: { x: 1, x: 2 } }
",
        ),
        &expect![[r#"
            w.yaml:3:8: anchors (`&name`) are not supported; write the value out where it is needed (at /do/0/a)
            w.yaml:4:8: aliases (`*name`) are not supported; write the value out (at /do/1/b)
            w.yaml:5:10: merge keys (`<<`) are not supported; write the fields out (at /do/2/c)
            w.yaml:5:37: tags (`!name`) are not supported; remove it (at /do/2/c/set/x)
            w.yaml:5:51: is 007 a text or a number? Write it in quotes, or without the leading zeros (at /do/2/c/set/y)
            w.yaml:5:59: JSON has no such number; write a finite one (at /do/2/c/set/z)
            w.yaml:6:23: `x` is given twice; remove one (at /do/3/d/set)
        "#]],
    );
}

#[test]
fn broken_documents_are_refused_where_they_break() {
    for (document, media, line, part) in [
        ("", DocumentMedia::Yaml, 1, "empty"),
        ("a: [1,\nb: {", DocumentMedia::Yaml, 2, "no valid YAML"),
        ("--- \na: 1\n---\nb: 2\n", DocumentMedia::Yaml, 3, "more than one document"),
        ("- 1", DocumentMedia::Yaml, 1, "expected a mapping"),
        ("{\"a\": 1,\n \"a\": 2}", DocumentMedia::Json, 2, "given twice"),
        ("{\"a\": [1,\n 2,,]}", DocumentMedia::Json, 2, "expected a value"),
        ("{\"a\": \"x}", DocumentMedia::Json, 1, "closing quote"),
        ("{\"a\": 01}", DocumentMedia::Json, 1, "expected a value"),
        ("{} x", DocumentMedia::Json, 1, "after the end"),
        ("", DocumentMedia::Json, 1, "ends too early"),
    ] {
        let refusals = refused(document, media);
        let refusal = &refusals[0];
        assert!(refusal.line == line && refusal.reason.contains(part), "{document:?}: {refusal}");
    }
}

#[test]
fn bombs_are_refused_fast() {
    let mut aliases = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..20 {
        aliases.push_str(&format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(", ")));
    }
    let bombs = [
        aliases,
        "[".repeat(100_000),
        "{a: ".repeat(60_000),
        "- ".repeat(100_000),
        "? ".repeat(100_000),
        format!("a: [{}]", "1,".repeat(100_000)),
        (0..60_000).map(|n| format!("k{n}: 1\n")).collect::<String>(),
        "x".repeat(300_000),
        "\"".repeat(100_000),
        "a: |\n".to_owned() + &" x\n".repeat(80_000),
        "&a ".repeat(80_000),
        "!t ".repeat(80_000),
        "# ".repeat(120_000),
        "a:\n".repeat(80_000),
        "%TAG ! x\n".repeat(25_000),
    ];
    for bomb in bombs {
        let begun = Instant::now();
        for media in [DocumentMedia::Yaml, DocumentMedia::Json] {
            assert!(Program::parse(&bomb, media).is_err(), "{}", &bomb[..20]);
        }
        assert!(begun.elapsed().as_secs() < 5, "{} took {:?}", &bomb[..20], begun.elapsed());
    }
}

#[test]
fn json_documents_are_read_like_yaml_ones() {
    let json = r#"{"document": {"dsl": "1.0.3", "namespace": "test", "name": "test", "version": "1.0.0"},
        "do": [{"a": {"set": {"x": "${ .n + 1 }", "smile": "\ud83d\ude00\/"}}}]}"#;
    let program = Program::parse(json, DocumentMedia::Json).expect("it is a workflow");
    let mut engine = none;
    assert_eq!(Simulation::new(program, &mut engine).run(json!({"n": 1})), Ok(json!({"x": 2, "smile": "😀/"})));
    let refusals = refused(&json.replace("\"set\"", "\"sett\""), DocumentMedia::Json);
    assert!(refusals.iter().any(|refusal| refusal.line == 2 && refusal.path == "/do/0/a/sett"), "{refusals:?}");
}

#[test]
fn expressions_too_long_to_be_read_here_are_checked_in_the_sandbox() {
    let long = |word: &str| format!("do:\n  - a: {{ set: {{ x: '${{ \"{word}{}\" }}' }} }}\n", "x".repeat(3_000));
    let right = program(&long("RIGHT"));
    assert!(!right.is_bounded());
    assert!(right.check_unread(&Deadline).is_ok());
    let refusals = program(&long("WRONG")).check_unread(&Deadline).expect_err("the sandbox refuses it");
    assert_eq!((refusals[0].line, refusals[0].path.as_str()), (3, "/do/0/a/set/x"));
}

#[test]
fn the_readme_of_the_specification_is_read() {
    let program = Program::parse(
        "
document: { dsl: 1.0.3, namespace: support, name: call-missed, version: 0.4.1, title: T, summary: S, tags: { a: b }, metadata: { any: [ 1 ] } }
evaluate: { language: jq, mode: strict }
input: { from: '${ .payload }' }
use:
  retries: { usual: { delay: { seconds: 5 }, backoff: { exponential: { factor: 1.5 } }, limit: { attempt: { count: 4 }, duration: PT1H }, jitter: { from: PT0S, to: PT1S } } }
do:
  - ticket:
      metadata: { note: any }
      try:
        - create:
            call: webhook
            with: { webhook: ticket-create, data: { phone: '${ .from }', priority: '${ if $context.open then \"high\" else \"normal\" end }' } }
            export: { as: '${ $context + { ticket: .fields } }' }
      catch:
        errors: { with: { status: 503 } }
        as: err
        retry: usual
        do:
          - park: { call: record-insert, with: { source: failed-tickets, fields: '${ { call: $context, status: $err.status, title: $err.title } }' } }
          - alert: { emit: { event: { with: { source: 'https://hooks.example/support', type: ticket.failed, data: '${ . }' } } } }
  - announce:
      if: $context.ticket != null
      emit: { event: { with: { source: 'https://hooks.example/support', type: ticket.created, data: '${ $context.ticket }' } } }
",
        DocumentMedia::Yaml,
    );
    assert!(program.is_ok_and(|program| program.is_bounded()));
}
