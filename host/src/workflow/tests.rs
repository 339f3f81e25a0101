//! Whole runs against a scripted engine. At every transition the state goes through JSON, as it does in the store.

mod catching;
mod data_flow;
mod effects;
mod properties;
mod refusals;

use std::fmt::Write as _;
use std::time::Duration;

use expect_test::Expect;
use serde_json::{Value, json};

use crate::expr::{EvaluateError, ExpressionError, Sandbox};
use crate::model::{DocumentMedia, Fault, Slug, TaskEntry, TaskStatus, Time, UniqueId};

use super::*;

/// Ends every unbounded expression, as a deadline does.
struct Deadline;

impl Sandbox for Deadline {
    fn evaluate(&self, _: &str, _: &Value, _: &[(&str, &Value)]) -> Result<Value, EvaluateError> {
        Err(EvaluateError::Limit("the expression took longer than 50 ms".to_owned()))
    }

    fn check(&self, source: &str, _: &[&str]) -> Result<(), ExpressionError> {
        match source.contains("WRONG") {
            true => Err(ExpressionError { line: 1, column: 2, message: "wrong".to_owned() }),
            false => Ok(()),
        }
    }
}

/// A document with this `do` (indented by two) and what comes before it.
fn document(body: &str) -> String {
    format!("document: {{ dsl: '1.0.3', namespace: test, name: test, version: '1.0.0' }}\n{body}")
}

fn program(body: &str) -> Program {
    let document = document(body);
    match Program::parse(&document, DocumentMedia::Yaml) {
        Ok(program) => program,
        Err(refusals) => panic!("{}", report("workflow.yaml", &refusals)),
    }
}

/// A run under a scripted engine.
struct Simulation<'e> {
    program: Program,
    now: Time,
    /// What effects give.
    engine: &'e mut dyn FnMut(&Effect) -> Result<Value, Fault>,
    entries: Vec<TaskEntry>,
    effects: Vec<Effect>,
    transitions: usize,
    /// Times that the run waited for, in milliseconds from its start.
    waits: Vec<u64>,
}

const START: u64 = 1_700_000_000_000;

impl<'e> Simulation<'e> {
    fn new(program: Program, engine: &'e mut dyn FnMut(&Effect) -> Result<Value, Fault>) -> Self {
        let now = Time::from_millis(START);
        Self { program, now, engine, entries: Vec::new(), effects: Vec::new(), transitions: 0, waits: Vec::new() }
    }

    fn step(&self, state: State, event: StepEvent) -> Transition {
        let workflow: Slug = "test".parse().expect("a slug");
        let context = StepContext {
            now: self.now,
            run: UniqueId::from_bytes([7; 16]),
            workflow: &workflow,
            version: 3,
            started_at: Time::from_millis(START),
            sandbox: &Deadline,
        };
        step(&self.program, state, event, &context)
    }

    /// To the end of the run.
    fn run(&mut self, input: Value) -> Result<Value, Fault> {
        let (mut state, mut event) = (State::new(input), StepEvent::Begin);
        loop {
            let transition = self.step(state, event);
            self.transitions += 1;
            assert!(self.transitions < 30_000, "a run must end");
            let json = serde_json::to_string(&transition.state).expect("a state serialises");
            state = serde_json::from_str(&json).expect("a state reads back");
            assert_eq!(state, transition.state, "a state reads back as it was");
            self.entries.extend(transition.entries);
            event = match transition.next {
                Next::Completed(output) => return Ok(output),
                Next::Faulted(fault) => return Err(fault),
                Next::Wait { until } => {
                    let early = self.step(state.clone(), StepEvent::Begin);
                    if until > self.now {
                        assert_eq!(early.next, Next::Wait { until }, "a wait that is not over goes on");
                        assert!(early.entries.is_empty() && early.state == state, "and nothing happens");
                        self.waits.push(until.since(Time::from_millis(START)).as_millis() as u64);
                    }
                    self.now = self.now.max(until);
                    StepEvent::Begin
                }
                Next::Effect(effect) => {
                    let again = self.step(state.clone(), StepEvent::Resume);
                    assert_eq!(again.next, Next::Effect(effect.clone()), "a restart asks for the same effect");
                    assert_eq!(again.state, state);
                    let started_at = self.now;
                    let outcome = (self.engine)(&effect);
                    self.effects.push(effect);
                    self.now = self.now.after(Duration::from_millis(10));
                    let (exchange, logs) = (None, Vec::new());
                    StepEvent::Done(EffectResult {
                        outcome,
                        exchange,
                        unsent: None,
                        logs,
                        deeds: Vec::new(),
                        started_at,
                        finished_at: self.now,
                    })
                }
            };
        }
    }

    /// History as text.
    fn history(&self) -> String {
        let mut text = String::new();
        for entry in &self.entries {
            let status = match entry.status {
                TaskStatus::Completed => "completed",
                TaskStatus::Faulted => "faulted",
                TaskStatus::Skipped => "skipped",
                TaskStatus::Waiting => "waiting",
            };
            let since = |time: Time| time.since(Time::from_millis(START)).as_millis();
            write!(
                text,
                "{}..{} {} {} {status}",
                since(entry.started_at),
                since(entry.finished_at),
                entry.kind,
                entry.reference
            )
            .expect("a String takes text");
            if entry.attempt != 1 {
                write!(text, " #{}", entry.attempt).expect("a String takes text");
            }
            write!(text, " {}", entry.input).expect("a String takes text");
            if let Some(output) = &entry.output {
                write!(text, " -> {output}").expect("a String takes text");
            }
            if let Some(error) = &entry.error {
                let name = error.kind.rsplit('/').next().unwrap_or_default();
                write!(text, " !! {name} {} {}", error.status, error.detail.as_deref().unwrap_or_default())
                    .expect("a String takes text");
            }
            if let Some(until) = entry.until {
                write!(text, " until {}", since(until)).expect("a String takes text");
            }
            text.push('\n');
        }
        text
    }
}

/// An engine without effects.
fn none(effect: &Effect) -> Result<Value, Fault> {
    Err(FaultKind::Runtime.fault(format!("no effect was expected, but {effect:?}")))
}

/// Checks the output and history of a run without effects.
#[track_caller]
fn check(body: &str, input: Value, expected: &Expect) {
    check_with(body, input, &mut none, expected);
}

/// Checks the output and history of a run.
#[track_caller]
fn check_with(body: &str, input: Value, engine: &mut dyn FnMut(&Effect) -> Result<Value, Fault>, expected: &Expect) {
    let mut simulation = Simulation::new(program(body), engine);
    let ended = match simulation.run(input) {
        Ok(output) => format!("completed {output}\n"),
        Err(fault) => format!("faulted {}\n", json!(fault)),
    };
    expected.assert_eq(&(simulation.history() + &ended));
}

/// The output of a run without effects that completes.
#[track_caller]
fn output(body: &str, input: Value) -> Value {
    let mut engine = none;
    Simulation::new(program(body), &mut engine).run(input).expect("it completes")
}

/// The fault of a run without effects.
#[track_caller]
fn fault(body: &str, input: Value) -> Fault {
    let mut engine = none;
    Simulation::new(program(body), &mut engine).run(input).expect_err("it faults")
}
