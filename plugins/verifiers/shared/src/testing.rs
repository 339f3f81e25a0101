//! Trials of a verifier: a call that is built, altered and judged. Every reason given is searched for the secrets.

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use tenterhook_plugin::{Call, Describe, Failure, Field, InboundRequest, Judgement, Secret, Verifier, testing};

/// A call to be judged. It begins as `POST https://hooks.example/in/t0ken` without headers, body, secrets and
/// configuration, in the first second of 1970.
#[derive(Clone, Debug)]
pub struct Trial {
    config: Value,
    request: InboundRequest,
    secrets: Vec<Secret>,
    now: u64,
}

/// What came of a trial.
#[derive(Clone, Debug, PartialEq)]
pub enum Judged {
    /// Accepted, with the id and the payload.
    Accepted(Option<String>, Option<Value>),
    /// Refused, with the reason.
    Refused(String),
    /// Answered: status, content type and body.
    Answered(u16, String, String),
    /// Failed as invalid.
    Invalid(String),
    /// Failed in another way.
    Failed(String),
}

impl Judged {
    /// Accepted, under this id, without a payload.
    pub fn as_id(id: &str) -> Self {
        Self::Accepted(Some(id.into()), None)
    }

    /// Whether it was accepted.
    pub const fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted(..))
    }

    /// The reason of a refusal.
    ///
    /// # Panics
    /// It was not refused.
    pub fn reason(&self) -> &str {
        match self {
            Self::Refused(reason) => reason,
            other => panic!("not refused: {other:?}"),
        }
    }
}

impl Default for Trial {
    fn default() -> Self {
        let (method, url) = ("POST".into(), "https://hooks.example/in/t0ken".into());
        let request = InboundRequest { method, url, headers: Vec::new(), body: Vec::new() };
        Self { config: Value::Null, request, secrets: Vec::new(), now: 0 }
    }
}

impl Trial {
    /// A call to a verifier with the secret `secret`.
    pub fn new(secret: &str) -> Self {
        Self::default().secret("secret", secret)
    }

    /// With a configuration.
    #[must_use]
    pub fn config(mut self, config: Value) -> Self {
        self.config = config;
        self
    }

    /// With a method and URL.
    #[must_use]
    pub fn to(mut self, method: &str, url: &str) -> Self {
        (self.request.method, self.request.url) = (method.into(), url.into());
        self
    }

    /// With one more header line.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request.headers.push(Field::new(name, value));
        self
    }

    /// Without the headers of this name.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.request.headers.retain(|field| !field.name.eq_ignore_ascii_case(name));
        self
    }

    /// With this header in place of all of the same name.
    #[must_use]
    pub fn with(self, name: &str, value: &str) -> Self {
        self.without(name).header(name, value)
    }

    /// With a body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.request.body = body.into();
        self
    }

    /// With one more secret.
    #[must_use]
    pub fn secret(mut self, name: &str, value: &str) -> Self {
        self.secrets.push(Secret::new(name, value));
        self
    }

    /// Without secrets.
    #[must_use]
    pub fn no_secrets(mut self) -> Self {
        self.secrets.clear();
        self
    }

    /// At this time, in seconds since the Unix epoch.
    #[must_use]
    pub const fn at(mut self, seconds: u64) -> Self {
        self.now = seconds * 1000;
        self
    }

    /// Has it judged.
    ///
    /// # Panics
    /// A reason or an answer tells a secret or the trigger's path.
    pub fn judge<V: Verifier>(&self) -> Judged {
        let call = Call { now: self.now, ..testing::call(&self.config) };
        let judged = match V::verify(&call, self.request.clone(), &self.secrets) {
            Ok(Judgement::Accepted(of)) => {
                let payload = of.payload.map(|payload| payload.decode().expect("the payload is JSON"));
                return Judged::Accepted(of.id, payload);
            }
            Ok(Judgement::Refused(reason)) => Judged::Refused(reason),
            Ok(Judgement::Answered(response)) => {
                let content_type = response.header("content-type").unwrap_or_default().to_owned();
                Judged::Answered(response.status, content_type, response.text().expect("text").to_owned())
            }
            Err(Failure::Invalid(reason)) => Judged::Invalid(reason),
            Err(Failure::Rejected(reason) | Failure::Unavailable(reason)) => Judged::Failed(reason),
        };
        let told = format!("{judged:?}");
        for secret in self.secrets.iter().filter(|secret| secret.value.len() > 6) {
            assert!(!told.contains(&secret.value), "the secret is told: {told}");
        }
        assert!(!told.contains("t0ken"), "the trigger's path is told: {told}");
        judged
    }
}

/// Checks what every call must fulfil that is signed: `good` is accepted; without or with another secret, without or
/// with two of each of `headers`, it is not; with a second secret, before or behind, it is.
///
/// # Panics
/// One of it does not hold.
pub fn check_signed<V: Verifier>(good: &Trial, headers: &[&str]) {
    let accepted = good.judge::<V>();
    assert!(accepted.is_accepted(), "{accepted:?}");
    let none = good.clone().no_secrets();
    for without in [none.clone(), none.clone().secret("secret", ""), none.clone().secret("other", "a other secret")] {
        assert!(matches!(without.judge::<V>(), Judged::Invalid(reason) if reason.contains("`secret`")));
    }
    let own = good.secrets[0].value.as_str();
    let changed = match own.split_at_checked(own.len() - 2) {
        Some((head, "AA")) => format!("{head}BB"),
        Some((head, _)) => format!("{head}AA"),
        None => format!("{own}AA"),
    };
    let rotated = none.clone().secret("secret", &changed).secret("secret-old", own);
    assert_eq!(rotated.judge::<V>(), accepted, "the old secret still holds");
    assert_eq!(good.clone().secret("secret-2", &changed).judge::<V>(), accepted, "so does the first");
    let wrong = none.secret("secret", &changed).judge::<V>();
    assert!(matches!(wrong, Judged::Refused(_)), "another secret: {wrong:?}");
    for name in headers {
        let value = good.request.header(name).unwrap_or_else(|| panic!("the call has no header {name}"));
        let missing = good.clone().without(name).judge::<V>();
        assert!(missing.reason().contains(&format!("`{name}` is missing")), "{name}: {missing:?}");
        let twice = good.clone().header(name, value).judge::<V>();
        assert!(twice.reason().contains(&format!("`{name}` came 2 times")), "{name}: {twice:?}");
        let empty = good.clone().with(name, "").judge::<V>();
        assert!(matches!(empty, Judged::Refused(_)), "{name} empty: {empty:?}");
    }
}

/// Checks that a timestamp may be off by `tolerance` seconds either way, and no more. `good` was sent at `sent`.
///
/// # Panics
/// It does not hold.
pub fn check_time<V: Verifier>(good: &Trial, sent: u64, tolerance: u64) {
    let at = |seconds| good.clone().at(seconds).judge::<V>();
    assert!([sent, sent + tolerance, sent - tolerance].into_iter().all(|time| at(time).is_accepted()));
    assert!(at(sent + tolerance + 1).reason().contains("old"));
    assert!(at(sent - tolerance - 1).reason().contains("in the future"));
}

/// Throws junk at a verifier: headers, body and time of `good` are altered at random. It must not panic, nor accept a
/// body that was altered (if `covers` says that the signature covers the body).
///
/// # Panics
/// It does.
pub fn check_junk<V: Verifier>(good: &Trial, headers: &[&str], covers: bool) {
    let names: Vec<String> = headers.iter().map(|name| (*name).to_owned()).collect();
    let alterations = prop::collection::vec((0..names.len() + 2, alteration()), 1..4);
    let mut runner = TestRunner::new(Config { cases: 512, failure_persistence: None, ..Config::default() });
    let result = runner.run(&alterations, |alterations| {
        let mut trial = good.clone();
        for (place, alteration) in &alterations {
            match names.get(*place) {
                Some(name) => alter_header(&mut trial.request.headers, name, alteration),
                None if *place == names.len() => trial.request.body = alter(&trial.request.body, alteration),
                None => trial.now = trial.now.wrapping_add(junk_time(alteration)),
            }
        }
        let accepted = trial.judge::<V>().is_accepted();
        let altered = covers && trial.request.body != good.request.body;
        prop_assert!(!(accepted && altered), "an altered body was accepted: {trial:?}");
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[derive(Clone, Debug)]
enum Alteration {
    Cut(Index),
    Flip(Index, u8),
    Insert(Index, String),
    Replace(String),
    Remove,
    Twice,
}

fn alteration() -> impl Strategy<Value = Alteration> {
    let text = prop_oneof![
        any::<String>(),
        "[ -~]{0,80}",
        "[a-z0-9]{0,9}[=,. ]{1,3}[A-Za-z0-9+/=]{0,60}",
        "[0-9]{0,20}",
        Just("Basic ".to_owned()),
        Just("sha256=".to_owned()),
    ];
    prop_oneof![
        any::<Index>().prop_map(Alteration::Cut),
        (any::<Index>(), 1..=255_u8).prop_map(|(at, by)| Alteration::Flip(at, by)),
        (any::<Index>(), text.clone()).prop_map(|(at, text)| Alteration::Insert(at, text)),
        text.prop_map(Alteration::Replace),
        Just(Alteration::Remove),
        Just(Alteration::Twice),
    ]
}

fn alter(bytes: &[u8], alteration: &Alteration) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let place = |at: &Index| at.index(bytes.len() + 1);
    match alteration {
        Alteration::Cut(at) => bytes.truncate(place(at)),
        Alteration::Flip(at, by) if !bytes.is_empty() => {
            let at = at.index(bytes.len());
            bytes[at] ^= by;
        }
        Alteration::Insert(at, text) => {
            let at = place(at);
            bytes.splice(at..at, text.bytes());
        }
        Alteration::Replace(text) => bytes = text.clone().into_bytes(),
        Alteration::Remove => bytes.clear(),
        Alteration::Flip(..) | Alteration::Twice => bytes.extend_from_within(..),
    }
    bytes
}

fn alter_header(headers: &mut Vec<Field>, name: &str, alteration: &Alteration) {
    let at = headers.iter().position(|field| field.name.eq_ignore_ascii_case(name));
    match (at, alteration) {
        (Some(at), Alteration::Remove) => {
            headers.remove(at);
        }
        (Some(at), Alteration::Twice) => headers.push(headers[at].clone()),
        (Some(at), _) => {
            let altered = alter(headers[at].value.as_bytes(), alteration);
            headers[at].value = String::from_utf8_lossy(&altered).into_owned();
        }
        (None, Alteration::Replace(text)) => headers.push(Field::new(name, text.as_str())),
        (None, _) => {}
    }
}

fn junk_time(alteration: &Alteration) -> u64 {
    match alteration {
        Alteration::Flip(_, by) => u64::from(*by) * 10_000,
        Alteration::Cut(at) => at.index(usize::MAX) as u64,
        _ => 1,
    }
}

/// Checks the calls that a provider's library signed: `lines` is what `tests/providers/sign.js` prints. Those of
/// `verifier` must come out as it expects, and must be refused with one byte more in the body.
///
/// # Panics
/// One does not, or there are none.
pub fn check_calls<V: Verifier>(verifier: &str, lines: &str) {
    let calls = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON"));
    let calls: Vec<_> = calls.filter(|call| call["verifier"] == verifier).collect();
    assert!(calls.len() > 2, "there are no calls for {verifier}");
    for call in calls {
        let (what, mut input) = (&call["what"], call["input"].clone());
        let judged = testing::verify::<V>(&Value::Null, &input);
        match (&judged, call["expect"].get("accepted")) {
            (Ok(Judgement::Accepted(of)), Some(id)) => assert_eq!(of.id.as_deref(), id.as_str(), "{what}"),
            (Ok(Judgement::Refused(_)), None) => {}
            other => panic!("{what}: {other:?}"),
        }
        input["body"] = json!(format!("{} ", input["body"].as_str().expect("a body")));
        let altered = testing::verify::<V>(&Value::Null, &input);
        assert!(matches!(altered, Ok(Judgement::Refused(_))), "{what}, altered: {altered:?}");
    }
}

/// Checks the description: a schema of 2020-12, whole examples, and that the example is accepted (or answered).
///
/// # Panics
/// One of it does not hold.
pub fn check_description<V: Verifier + Describe>() {
    let of = V::describe();
    assert!(of.summary.ends_with('.') && !of.summary.contains("describe.json"), "{}", of.summary);
    assert_eq!(of.config_schema["$schema"], json!("https://json-schema.org/draft/2020-12/schema"));
    assert_eq!(of.config_schema["additionalProperties"], json!(false));
    for (name, property) in of.config_schema["properties"].as_object().expect("properties") {
        assert!(property["description"].is_string(), "{name} has no description");
    }
    for name in of.example_config.as_object().into_iter().flat_map(|example| example.keys()) {
        assert!(of.config_schema["properties"].get(name).is_some(), "the schema has no {name}");
    }
    let judged = testing::verify::<V>(&of.example_config, &of.example_input);
    assert!(matches!(judged, Ok(Judgement::Accepted(_))), "{judged:?}");
}
