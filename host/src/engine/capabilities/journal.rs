//! What an action did, as the run's history keeps it: masked, and bounded.

use crate::model::{Capability, Deed, DeedOutcome, Exchange};
use crate::plugin::DeedEnd;
use crate::webhook::Redactor;

/// Deeds kept of one task: more than the limits of all capabilities together allow.
const DEEDS_MAX: usize = 500;
/// Of these, uses of one call that came to nothing: no flood of them hides what was done.
const REFUSED_MAX: usize = 60;
/// Bytes of requests and responses kept of one task.
const EXCHANGE_BYTES_MAX: usize = 256 << 10;
/// Bytes kept of a target or a detail.
const TEXT_BYTES_MAX: usize = 500;

/// The deeds of one call.
#[derive(Default)]
pub(super) struct Journal {
    /// By number.
    deeds: Vec<(usize, Deed)>,
    /// How many there were.
    noted: usize,
    /// How many of those that are kept came to nothing.
    refused: usize,
    closed: bool,
}

impl Journal {
    /// Notes a deed that begins; answers its number.
    pub(super) fn note(&mut self, deed: Deed, redactor: &Redactor) -> usize {
        let number = self.noted;
        self.noted += 1;
        if !self.closed && self.deeds.len() < DEEDS_MAX {
            let text = |text: &str| redactor.beginning(text, TEXT_BYTES_MAX);
            let deed = Deed { target: text(&deed.target), detail: deed.detail.as_deref().map(text), ..deed };
            self.deeds.push((number, deed));
        }
        number
    }

    /// Notes how a deed ended. One that ends after the call has no place any more.
    pub(super) fn end(&mut self, number: usize, end: DeedEnd, redactor: &Redactor) {
        let found = self.deeds.binary_search_by_key(&number, |(number, _)| *number);
        let Some(at) = found.ok().filter(|_| !self.closed) else { return };
        let is_refused = is_refusal(end.outcome);
        if is_refused && self.refused == REFUSED_MAX {
            self.deeds.remove(at);
            return;
        }
        self.refused += usize::from(is_refused);
        let deed = &mut self.deeds[at].1;
        deed.outcome = end.outcome;
        deed.exchange = end.exchange;
        if let Some(reason) = end.reason {
            deed.detail = Some(redactor.beginning(&reason, TEXT_BYTES_MAX));
        }
    }

    /// All deeds, within bounds. If they are not `kept`, writes that were done are dropped ones.
    pub(super) fn take(&mut self, kept: bool) -> Vec<Deed> {
        self.closed = true;
        let mut deeds: Vec<Deed> = std::mem::take(&mut self.deeds).into_iter().map(|(_, deed)| deed).collect();
        if !kept {
            deeds = dropped(deeds);
        }
        let hidden = self.noted - deeds.len();
        if let (Some(last), true) = (deeds.last_mut(), hidden > 0) {
            last.detail = Some(format!("{hidden} more uses are not shown"));
        }
        bounded(deeds)
    }
}

/// Deeds whose writes were not kept.
pub(in crate::engine) fn dropped(mut deeds: Vec<Deed>) -> Vec<Deed> {
    let writes = deeds.iter_mut().filter(|deed| is_write(deed) && deed.outcome == DeedOutcome::Done);
    writes.for_each(|deed| deed.outcome = DeedOutcome::Dropped);
    deeds
}

/// The deeds of a call that followed others of the same task, whose writes were not kept: of those, what reached
/// outside stays. `times`: how many came before. `capability`: of what was to be written.
pub(in crate::engine) fn followed(
    former: Vec<Deed>,
    capability: Capability,
    times: u32,
    deeds: Vec<Deed>,
) -> Vec<Deed> {
    let mut all: Vec<Deed> = former.into_iter().filter(is_outside).collect();
    let detail = format!("called again {times} times: what it wrote was changed by others meanwhile");
    all.push(Deed {
        capability,
        call: "commit".to_owned(),
        target: String::new(),
        outcome: DeedOutcome::Repeated,
        detail: Some(detail),
        exchange: None,
    });
    all.extend(deeds);
    bounded(all)
}

fn is_outside(deed: &Deed) -> bool {
    matches!(deed.capability, Capability::Webhooks | Capability::Http)
}

fn is_write(deed: &Deed) -> bool {
    matches!(
        (deed.capability, deed.call.as_str()),
        (Capability::Records, "upsert") | (Capability::Events, _) | (Capability::State, "set" | "delete")
    )
}

/// Whether a use did nothing.
const fn is_refusal(outcome: DeedOutcome) -> bool {
    matches!(outcome, DeedOutcome::Denied | DeedOutcome::Missing | DeedOutcome::Invalid | DeedOutcome::Exhausted)
}

/// At most so many, with at most so much of what was sent and came back; of both the newest.
fn bounded(mut deeds: Vec<Deed>) -> Vec<Deed> {
    deeds.drain(..deeds.len().saturating_sub(DEEDS_MAX));
    let mut left = EXCHANGE_BYTES_MAX;
    for deed in deeds.iter_mut().rev() {
        let Some(exchange) = &mut deed.exchange else { continue };
        let Some(rest) = left.checked_sub(head_bytes(exchange)) else {
            deed.exchange = None;
            deed.detail.get_or_insert_with(|| "what was sent is not shown: there is too much of it".to_owned());
            continue;
        };
        left = rest;
        for (body, is_cut) in bodies(exchange) {
            if body.len() > left {
                (*body, *is_cut) = (String::new(), true);
            }
            left -= body.len();
        }
    }
    deeds
}

/// Bytes of an exchange besides its bodies.
fn head_bytes(exchange: &Exchange) -> usize {
    let Exchange { request, response, error, plugins, .. } = exchange;
    let fields = request.headers.iter().chain(response.iter().flat_map(|response| &response.headers));
    let fields: usize = fields.map(|field| field.name.len() + field.value.len()).sum();
    let trace = plugins.as_ref().and_then(|trace| serde_json::to_vec(trace).ok()).map_or(0, |json| json.len());
    request.method.len() + request.url.len() + fields + error.as_ref().map_or(0, String::len) + trace
}

fn bodies(exchange: &mut Exchange) -> impl Iterator<Item = (&mut String, &mut bool)> {
    let Exchange { request, response, .. } = exchange;
    let request = (&mut request.body, &mut request.body_cut);
    std::iter::once(request).chain(response.as_mut().map(|response| (&mut response.body, &mut response.body_cut)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{HeaderField, Redacted, RequestParts, Time};

    fn deed(capability: Capability, call: &str) -> Deed {
        let target = "the s3cret place".to_owned();
        Deed {
            capability,
            call: call.to_owned(),
            target,
            outcome: DeedOutcome::Unfinished,
            detail: None,
            exchange: None,
        }
    }

    fn done() -> DeedEnd {
        DeedEnd { outcome: DeedOutcome::Done, reason: None, exchange: None }
    }

    fn exchange(body: &str) -> Exchange {
        let request = RequestParts {
            method: "POST".to_owned(),
            url: "https://a.example/".to_owned(),
            headers: Vec::new(),
            body: body.to_owned(),
            body_base64: false,
            body_cut: false,
        };
        Exchange { request, response: None, error: None, started_at: Time::default(), elapsed_ms: 1, plugins: None }
    }

    #[test]
    fn secrets_are_masked_before_texts_are_cut() {
        let redactor = Redactor::new(&[Redacted::new("s3cret".to_owned())], &[]);
        let mut journal = Journal::default();
        let long = format!("{}s3cret", "x".repeat(TEXT_BYTES_MAX - 3));
        let number = journal.note(Deed { detail: Some(long), ..deed(Capability::State, "set") }, &redactor);
        let failed = DeedEnd { outcome: DeedOutcome::Invalid, reason: Some("no s3cret".to_owned()), exchange: None };
        let other = journal.note(deed(Capability::State, "get"), &redactor);
        journal.end(other, failed, &redactor);
        journal.end(number, done(), &redactor);
        let deeds = journal.take(true);
        assert_eq!(deeds[0].target, "the *** place");
        assert!(deeds[0].detail.as_ref().is_some_and(|detail| detail.ends_with("x***")), "{:?}", deeds[0]);
        assert_eq!((deeds[1].outcome, deeds[1].detail.as_deref()), (DeedOutcome::Invalid, Some("no ***")));
    }

    #[test]
    fn writes_of_a_call_that_failed_are_dropped_ones_and_its_end_is_final() {
        let redactor = Redactor::new(&[], &[]);
        let mut journal = Journal::default();
        let kinds = [(Capability::State, "set"), (Capability::State, "get"), (Capability::Http, "request")];
        let numbers = kinds.map(|(capability, call)| journal.note(deed(capability, call), &redactor));
        journal.end(numbers[0], done(), &redactor);
        journal.end(numbers[1], done(), &redactor);
        let outcomes: Vec<_> = journal.take(false).iter().map(|deed| deed.outcome).collect();
        assert_eq!(outcomes, [DeedOutcome::Dropped, DeedOutcome::Done, DeedOutcome::Unfinished]);
        journal.end(numbers[2], done(), &redactor);
        journal.note(deed(Capability::State, "get"), &redactor);
        assert_eq!(journal.take(true), []);
    }

    #[test]
    fn there_is_an_end_to_what_is_kept() {
        let redactor = Redactor::new(&[], &[]);
        let mut journal = Journal::default();
        for _ in 0..DEEDS_MAX + 7 {
            let number = journal.note(deed(Capability::Http, "request"), &redactor);
            let end = DeedEnd { exchange: Some(exchange(&"x".repeat(10_000))), ..done() };
            journal.end(number, end, &redactor);
        }
        let deeds = journal.take(true);
        assert_eq!(deeds.len(), DEEDS_MAX);
        assert_eq!(deeds[DEEDS_MAX - 1].detail.as_deref(), Some("7 more uses are not shown"));
        let kept: usize = deeds.iter().filter_map(|deed| Some(deed.exchange.as_ref()?.request.body.len())).sum();
        assert!((230_000..=EXCHANGE_BYTES_MAX).contains(&kept), "{kept} bytes");
        let is_cut = |at: usize| deeds[at].exchange.as_ref().map(|exchange| exchange.request.body_cut);
        let (newest, older, oldest) = (is_cut(DEEDS_MAX - 1), is_cut(DEEDS_MAX - 30), is_cut(0));
        assert_eq!((newest, older, oldest), (Some(false), Some(true), None), "the newest are kept");
    }

    #[test]
    fn a_flood_of_refused_uses_hides_nothing_that_was_done() {
        let redactor = Redactor::new(&[], &[]);
        let mut journal = Journal::default();
        let refused = || DeedEnd { outcome: DeedOutcome::Denied, ..done() };
        let unfinished = journal.note(deed(Capability::Http, "request"), &redactor);
        for round in 0..3 {
            for _ in 0..10_000 {
                let number = journal.note(deed(Capability::State, "get"), &redactor);
                journal.end(number, refused(), &redactor);
            }
            let number = journal.note(deed(Capability::Webhooks, &round.to_string()), &redactor);
            journal.end(number, done(), &redactor);
        }
        journal.end(unfinished, done(), &redactor);
        let deeds = journal.take(true);
        let calls: Vec<_> =
            deeds.iter().filter(|deed| deed.outcome == DeedOutcome::Done).map(|deed| &*deed.call).collect();
        assert_eq!(calls, ["request", "0", "1", "2"]);
        assert_eq!(deeds.len(), REFUSED_MAX + 4);
        assert_eq!(deeds[REFUSED_MAX + 3].detail.as_deref(), Some("29940 more uses are not shown"));
    }

    #[test]
    fn headers_and_urls_count_for_what_is_kept_of_exchanges() {
        let long = |bytes: usize| {
            let mut long = exchange("body");
            long.request.url = format!("https://a.example/{}", "x".repeat(bytes / 2));
            let value = "x".repeat(bytes / 2);
            long.request.headers = vec![HeaderField { name: "x-long".to_owned(), value }];
            Deed { exchange: Some(long), ..deed(Capability::Http, "request") }
        };
        let deeds = bounded((0..10).map(|_| long(100_000)).collect());
        let kept = deeds.iter().filter(|deed| deed.exchange.is_some()).count();
        assert_eq!((kept, deeds.len()), (2, 10));
        assert!(deeds[9].exchange.is_some() && deeds[9].detail.is_none(), "the newest are kept");
        let detail = deeds[0].detail.as_deref();
        assert_eq!(detail, Some("what was sent is not shown: there is too much of it"));
    }

    #[test]
    fn of_calls_whose_writes_were_not_kept_stays_what_reached_outside() {
        let former = vec![deed(Capability::State, "get"), deed(Capability::Webhooks, "call")];
        let all = followed(former, Capability::State, 2, vec![deed(Capability::State, "set")]);
        let calls: Vec<_> = all.iter().map(|deed| deed.call.as_str()).collect();
        assert_eq!(calls, ["call", "commit", "set"]);
        assert_eq!(all[1].outcome, DeedOutcome::Repeated);
        let mut all = Vec::new();
        for times in 1..=100 {
            let calls = (0..16).map(|number| deed(Capability::Webhooks, &format!("{times}-{number}")));
            all = followed(all, Capability::State, times, calls.collect());
        }
        assert_eq!((all.len(), all[DEEDS_MAX - 1].call.as_str()), (DEEDS_MAX, "100-15"), "the newest stay");
    }
}
