//! Interprets plans over borrowed JSON values. Outputs are pushed to the consumer, so nothing is copied that is only
//! looked at, and a consumer that has enough stops the producer.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::functions;
use super::meter::Meter;
use super::number::{self, Num};
use super::ops;
use super::plan::{Format, Part, Plan, TextPart};

/// Longest value quoted in a message, in characters.
const QUOTED_CHARS_MAX: usize = 60;
pub(super) static NULL: Value = Value::Null;

/// Why a run ended early.
#[derive(Debug)]
pub(super) enum Stop {
    /// The consumer has enough.
    Enough,
    /// The expression failed.
    Failed(String),
    /// The meter ran out.
    Exhausted,
}

type Flow = Result<(), Stop>;
type Out<'o> = &'o mut dyn FnMut(Cow<'_, Value>) -> Flow;

/// Where a plan is evaluated.
#[derive(Clone, Copy)]
struct At<'a> {
    input: &'a Value,
    scope: Option<&'a Scope<'a>>,
}

/// Bindings, innermost first.
struct Scope<'s> {
    value: &'s Value,
    outer: Option<&'s Scope<'s>>,
}

/// The first output of `plan`, if it has one.
pub(super) fn first(plan: &Plan, input: &Value, globals: &[&Value], meter: &Meter) -> Result<Option<Value>, Stop> {
    let mut first = None;
    let flow = Run { globals, meter }.run(plan, At { input, scope: None }, &mut |value| {
        first = Some(owned(value, meter)?);
        Err(Stop::Enough)
    });
    match flow {
        Ok(()) | Err(Stop::Enough) => Ok(first),
        Err(stop) => Err(stop),
    }
}

/// A value as it appears in a message: JSON, cut.
pub(super) fn short(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::Object(fields) => {
            let names: Vec<String> =
                fields.keys().take(5).map(|name| name.chars().take(QUOTED_CHARS_MAX).collect()).collect();
            format!("an object with {}", if names.is_empty() { "no fields".to_owned() } else { names.join(", ") })
                .chars()
                .take(QUOTED_CHARS_MAX)
                .collect()
        }
        Value::String(text) => {
            let cut: String = text.chars().take(QUOTED_CHARS_MAX).collect();
            let dots = if cut.len() < text.len() { "…" } else { "" };
            format!("{cut:?}{dots}")
        }
        _ => value.to_string(),
    }
}

fn owned(value: Cow<'_, Value>, meter: &Meter) -> Result<Value, Stop> {
    match value {
        Cow::Borrowed(value) => meter.copy(value),
        Cow::Owned(value) => Ok(value),
    }
}

fn is_true(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}

fn answer(out: Out<'_>, value: Value) -> Flow {
    out(Cow::Owned(value))
}

struct Run<'r> {
    globals: &'r [&'r Value],
    meter: &'r Meter,
}

impl Run<'_> {
    fn run(&self, plan: &Plan, at: At<'_>, out: Out<'_>) -> Flow {
        self.meter.spend(1)?;
        match plan {
            Plan::Input => out(Cow::Borrowed(at.input)),
            Plan::Literal(value) => out(Cow::Borrowed(value)),
            Plan::Local(index) => out(Cow::Borrowed(self.local(*index, at.scope))),
            Plan::Global(index) => out(Cow::Borrowed(self.globals.get(*index).copied().unwrap_or(&NULL))),
            Plan::Array(None) => answer(out, Value::Array(Vec::new())),
            Plan::Array(Some(items)) => self.array(items, at, out),
            Plan::Object(entries) => self.object(entries, Map::new(), at, out),
            Plan::Text(format, parts) => self.text(*format, parts, String::new(), at, out),
            Plan::Negate(inner) => self.run(inner, at, &mut |value| match &*value {
                Value::Number(number) => self.number(Num::of(number).negated(), out),
                other => Err(Stop::Failed(format!("cannot negate {}", short(other)))),
            }),
            Plan::Pipe(left, right) => {
                self.run(left, at, &mut |value| self.run(right, At { input: &value, ..at }, out))
            }
            Plan::Bind(source, ways, body) => self.run(source, at, &mut |value| self.bind(&value, ways, body, at, out)),
            Plan::Comma(left, right) => {
                self.run(left, at, out)?;
                self.run(right, at, out)
            }
            Plan::Alternative(left, right) => self.alternative(left, right, at, out),
            Plan::Logic(left, stop, right) => self.run(left, at, &mut |value| {
                if is_true(&value) == *stop {
                    return answer(out, Value::Bool(*stop));
                }
                self.run(right, at, &mut |value| answer(out, Value::Bool(is_true(&value))))
            }),
            Plan::Math(left, op, right) => self
                .run(left, at, &mut |l| self.run(right, at, &mut |r| answer(out, ops::math(&l, *op, &r, self.meter)?))),
            Plan::Compare(left, op, right) => self.run(left, at, &mut |l| {
                self.run(right, at, &mut |r| answer(out, Value::Bool(ops::compare(&l, *op, &r, self.meter)?)))
            }),
            Plan::Try(body) => self.attempt(body, at, out),
            Plan::If(condition, branch, otherwise) => self
                .run(condition, at, &mut |value| self.run(if is_true(&value) { branch } else { otherwise }, at, out)),
            Plan::Path(head, parts) => self.run(head, at, &mut |value| self.path(parts, &value, at, out)),
            Plan::Empty => Ok(()),
            Plan::Raise(message) => self
                .run(message, at, &mut |value| Err(Stop::Failed(functions::to_text(&value, self.meter)?.into_owned()))),
            Plan::First(body) => self.first(body, at, out),
            Plan::Any(body) => self.any(body, at, out),
            Plan::Call(function) => answer(out, function.call(at.input, self.meter)?),
            Plan::Apply(function, argument) => {
                self.run(argument, at, &mut |argument| answer(out, function.call(at.input, &argument, self.meter)?))
            }
        }
    }

    fn local<'s>(&self, index: usize, scope: Option<&'s Scope<'s>>) -> &'s Value {
        let mut scope = scope;
        for _ in 0..index {
            scope = scope.and_then(|scope| scope.outer);
        }
        scope.map_or(&NULL, |scope| scope.value)
    }

    fn number(&self, num: Num, out: Out<'_>) -> Flow {
        answer(out, num.to_value().unwrap_or(Value::Null))
    }

    fn array(&self, items: &Plan, at: At<'_>, out: Out<'_>) -> Flow {
        let mut collected = Vec::new();
        self.run(items, at, &mut |item| {
            collected.push(owned(item, self.meter)?);
            Ok(())
        })?;
        answer(out, Value::Array(collected))
    }

    /// The objects of all combinations of keys and values, the first entry outermost.
    fn object(&self, entries: &[(Plan, Plan)], built: Map<String, Value>, at: At<'_>, out: Out<'_>) -> Flow {
        let Some(((key, value), rest)) = entries.split_first() else { return answer(out, Value::Object(built)) };
        let mut built = Some(built);
        let last = key.is_single() && value.is_single();
        self.run(key, at, &mut |key| {
            let Value::String(name) = &*key else {
                return Err(Stop::Failed(format!("cannot use {} as the name of a field", short(&key))));
            };
            self.run(value, at, &mut |value| {
                self.meter.spend_text(name.len())?;
                let value = owned(value, self.meter)?;
                // The last use of what was built takes it; others copy it, and pay.
                let mut object = match last {
                    true => built.take().unwrap_or_default(),
                    false => {
                        let Some(built) = &built else { return Ok(()) };
                        built.iter().try_for_each(|(name, value)| {
                            self.meter.spend_text(name.len())?;
                            self.meter.spend_value(value)
                        })?;
                        built.clone()
                    }
                };
                object.insert(name.clone(), value);
                self.object(rest, object, at, out)
            })
        })
    }

    /// The texts of all combinations of inserted values, the first part outermost.
    fn text(&self, format: Format, parts: &[TextPart], built: String, at: At<'_>, out: Out<'_>) -> Flow {
        self.meter.spend_text(built.len())?;
        match parts.split_first() {
            None => answer(out, Value::String(built)),
            Some((TextPart::Fixed(text), rest)) => self.text(format, rest, built + text, at, out),
            Some((TextPart::Inserted(plan), rest)) => self.run(plan, at, &mut |value| {
                let inserted = self.formatted(format, &value)?;
                self.text(format, rest, format!("{built}{inserted}"), at, out)
            }),
        }
    }

    fn formatted<'v>(&self, format: Format, value: &'v Value) -> Result<Cow<'v, str>, Stop> {
        use base64::prelude::{BASE64_STANDARD, Engine as _};
        use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
        const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
        if matches!(format, Format::Json) {
            self.meter.spend_value(value)?;
            return Ok(Cow::Owned(number::json_text(value)));
        }
        let text = functions::to_text(value, self.meter)?;
        self.meter.spend_text(text.len() * 2)?;
        Ok(match format {
            Format::Text | Format::Json => text,
            Format::Uri => Cow::Owned(utf8_percent_encode(&text, RESERVED).to_string()),
            Format::Base64 => Cow::Owned(BASE64_STANDARD.encode(text.as_bytes())),
            Format::Html => Cow::Owned(escape_html(&text)),
        })
    }

    fn bind(&self, value: &Value, ways: &[Vec<Value>], body: &Plan, at: At<'_>, out: Out<'_>) -> Flow {
        let Some((way, rest)) = ways.split_first() else { return self.run(body, at, out) };
        self.walk(value, way, &mut |part| {
            let inner = Scope { value: part, outer: at.scope };
            self.bind(value, rest, body, At { scope: Some(&inner), ..at }, out)
        })
    }

    fn walk(&self, value: &Value, way: &[Value], found: &mut dyn FnMut(&Value) -> Flow) -> Flow {
        match way.split_first() {
            None => found(value),
            Some((key, rest)) => self.walk(&*ops::index(value, key, self.meter)?, rest, found),
        }
    }

    fn alternative(&self, left: &Plan, right: &Plan, at: At<'_>, out: Out<'_>) -> Flow {
        let mut any = false;
        self.run(left, at, &mut |value| {
            if !is_true(&value) {
                return Ok(());
            }
            any = true;
            out(value)
        })?;
        if any { Ok(()) } else { self.run(right, at, out) }
    }

    /// Ends quietly where `body` fails; what fails downstream is not its business.
    fn attempt(&self, body: &Plan, at: At<'_>, out: Out<'_>) -> Flow {
        let mut downstream = None;
        let flow = self.run(body, at, &mut |value| {
            out(value).map_err(|stop| {
                downstream = Some(stop);
                Stop::Enough
            })
        });
        match (flow, downstream) {
            (_, Some(stop)) => Err(stop),
            (Err(Stop::Failed(_)) | Ok(()), None) => Ok(()),
            (Err(stop), None) => Err(stop),
        }
    }

    fn first(&self, body: &Plan, at: At<'_>, out: Out<'_>) -> Flow {
        let mut downstream = None;
        let flow = self.run(body, at, &mut |value| {
            downstream = Some(out(value));
            Err(Stop::Enough)
        });
        downstream.unwrap_or(flow)
    }

    fn any(&self, body: &Plan, at: At<'_>, out: Out<'_>) -> Flow {
        let mut any = false;
        let flow = self.run(body, at, &mut |value| {
            any = is_true(&value);
            if any { Err(Stop::Enough) } else { Ok(()) }
        });
        match flow {
            Err(stop) if !any => Err(stop),
            _ => answer(out, Value::Bool(any)),
        }
    }

    fn path(&self, parts: &[(Part, bool)], value: &Value, at: At<'_>, out: Out<'_>) -> Flow {
        let Some(((part, optional), rest)) = parts.split_first() else { return out(Cow::Borrowed(value)) };
        self.meter.spend(1)?;
        let mut next = |found: Result<Cow<'_, Value>, Stop>| match found {
            Ok(value) => self.path(rest, &value, at, out),
            Err(Stop::Failed(_)) if *optional => Ok(()),
            Err(stop) => Err(stop),
        };
        match part {
            Part::Each => match value {
                Value::Array(items) => items.iter().try_for_each(|item| {
                    self.meter.spend(1)?;
                    next(Ok(Cow::Borrowed(item)))
                }),
                Value::Object(fields) => fields.values().try_for_each(|item| {
                    self.meter.spend(1)?;
                    next(Ok(Cow::Borrowed(item)))
                }),
                _ => next(Err(Stop::Failed(format!("cannot iterate over {}", short(value))))),
            },
            Part::Index(index) => self.run(index, at, &mut |index| next(ops::index(value, &index, self.meter))),
            Part::Slice(from, upto) => {
                let none = Plan::Literal(Value::Null);
                self.run(from.as_ref().unwrap_or(&none), at, &mut |from| {
                    self.run(upto.as_ref().unwrap_or(&none), at, &mut |upto| {
                        next(ops::slice(value, &from, &upto, self.meter).map(Cow::Owned))
                    })
                })
            }
        }
    }
}

fn escape_html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\'' => escaped.push_str("&apos;"),
            '"' => escaped.push_str("&quot;"),
            _ => escaped.push(c),
        }
    }
    escaped
}
