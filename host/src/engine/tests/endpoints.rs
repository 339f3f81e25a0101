//! Keys of endpoints over time, and changes of one endpoint at once.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Bench, draft, slug};
use crate::engine::{EndpointView, KeyView, Result};
use crate::model::{Endpoint, EndpointStatus, Redacted};
use crate::store::{Expect, Lane};

impl Bench {
    async fn save(&self, members: Value) -> Result<EndpointView> {
        let mut body = json!({"url": "https://example.org/in", "event_types": ["*"]});
        body.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
        let saved = self.engine.save_endpoint(&self.space, &slug("crm"), draft(body), Expect::Any, "ada").await;
        Ok(saved?.0)
    }

    async fn rotate(&self, body: Value) -> Result<EndpointView> {
        self.engine.rotate_endpoint(&self.space, &slug("crm"), draft(body)).await
    }

    async fn stored(&self) -> Endpoint {
        self.engine.stored_endpoint(&self.space, &slug("crm")).await.expect("is there").value
    }

    /// The texts of the keys that sign now.
    async fn signing(&self) -> Vec<Redacted> {
        let keys = self.engine.signing_keys(&self.space, &self.stored().await, self.now()).expect("they open");
        keys.iter().map(crate::signature::SigningKey::to_text).collect()
    }

    async fn public_keys(&self) -> Vec<Option<String>> {
        let keys = self.engine.public_keys(&self.space, &slug("crm")).await.expect("is there");
        keys.into_iter().map(|KeyView { public_key, .. }| public_key).collect()
    }
}

fn shown(view: EndpointView) -> Redacted {
    view.secret.expect("it is shown once")
}

#[tokio::test]
async fn a_former_key_signs_until_its_overlap_is_over() {
    let bench = Bench::start().await;
    let first = shown(bench.save(json!({"scheme": "v1a"})).await.expect("made"));
    let first_public = bench.public_keys().await;
    let second = shown(bench.rotate(json!({"overlap_s": 60})).await.expect("rotated"));
    assert_ne!(first, second);
    assert_eq!(bench.signing().await, [second.clone(), first.clone()]);
    let both = bench.public_keys().await;
    assert!(both.len() == 2 && both[1] == first_public[0] && both.iter().all(Option::is_some), "{both:?}");
    bench.clock.advance_millis(59_999);
    assert_eq!(bench.signing().await, [second.clone(), first]);
    bench.clock.advance_millis(1);
    assert_eq!(bench.signing().await, [second]);
    assert_eq!(bench.public_keys().await, both[..1]);
}

#[tokio::test]
async fn a_rotation_keeps_the_scheme_or_changes_it() {
    let bench = Bench::start().await;
    bench.save(json!({})).await.expect("made");
    assert!(shown(bench.rotate(json!({})).await.expect("rotated")).reveal().starts_with("whsec_"));
    assert!(bench.public_keys().await.is_empty());
    assert!(shown(bench.rotate(json!({"scheme": "v1a"})).await.expect("rotated")).reveal().starts_with("whsk_"));
    assert_eq!((bench.signing().await.len(), bench.public_keys().await.len()), (3, 1));
    let alone = shown(bench.rotate(json!({"overlap_s": 0})).await.expect("rotated"));
    assert_eq!(bench.signing().await, [alone]);
}

#[tokio::test]
async fn a_former_key_that_comes_back_signs_once() {
    let bench = Bench::start().await;
    let first = shown(bench.save(json!({})).await.expect("made"));
    let second = shown(bench.rotate(json!({})).await.expect("rotated"));
    let back = shown(bench.rotate(json!({"secret": first.reveal()})).await.expect("rotated"));
    assert_eq!((bench.signing().await, back), (vec![first.clone(), second], first.clone()));
    let again = bench.rotate(json!({"secret": first.reveal()})).await;
    assert_eq!(super::problems(again), "secret: it is the one that the endpoint has: give another, or none\n");
}

#[tokio::test]
async fn another_secret_replaces_all_former_ones_at_once() {
    let bench = Bench::start().await;
    let first = shown(bench.save(json!({})).await.expect("made"));
    let second = shown(bench.rotate(json!({})).await.expect("rotated"));
    let same = bench.save(json!({"secret": second.reveal()})).await.expect("saved");
    assert_eq!((same.secret, bench.signing().await), (None, vec![second, first.clone()]), "nothing is new");
    let replaced = bench.save(json!({"secret": first.reveal()})).await.expect("saved");
    assert_eq!((shown(replaced), bench.signing().await), (first.clone(), vec![first]));
    let other = bench.save(json!({"scheme": "v1a"})).await;
    assert_eq!(
        super::problems(other),
        "scheme: the endpoint signs by v1: rotate its key to change that, or leave this out\n"
    );
    assert!(bench.save(json!({"scheme": "v1"})).await.is_ok());
}

#[tokio::test]
async fn the_envelope_secret_is_made_once_and_stays() {
    let bench = Bench::start().await;
    let open = async || bench.engine.envelope_secret(&bench.space, &bench.stored().await).expect("it opens");
    assert!(bench.save(json!({})).await.expect("made").envelope_secret.is_none());
    assert_eq!(open().await, None);
    let made = bench.save(json!({"format": {"type": "lead"}})).await.expect("saved").envelope_secret;
    assert!(made.is_some() && open().await == made);
    let again = bench.save(json!({"format": {"type": "lead"}})).await.expect("saved");
    assert_eq!((again.envelope_secret, again.secret), (None, None));
    bench.rotate(json!({})).await.expect("rotated");
    bench.save(json!({})).await.expect("saved");
    assert_eq!(open().await, made, "it is there when the format comes back");
    let given = "wh_0123456789abcdef";
    let saved = bench.save(json!({"format": {"type": "lead"}, "envelope_secret": given})).await.expect("saved");
    assert!(saved.envelope_secret.is_some_and(|secret| secret.reveal() == given));
    assert!(open().await.is_some_and(|secret| secret.reveal() == given));
}

#[tokio::test]
async fn what_is_sealed_for_one_endpoint_does_not_open_for_another() {
    let bench = Bench::start().await;
    bench.save(json!({})).await.expect("made");
    let stored = bench.stored().await;
    assert!(!serde_json::to_string(&stored).expect("it serialises").contains("whsec_"));
    let moved = Endpoint { id: slug("other"), ..stored };
    assert!(bench.engine.signing_keys(&bench.space, &moved, bench.now()).is_err());
}

#[tokio::test]
async fn changes_at_once_are_all_made() {
    let bench = Bench::start().await;
    bench.save(json!({})).await.expect("made");
    let rotated = join_all((0..5).map(|_| bench.rotate(json!({})))).await;
    assert!(rotated.iter().all(Result::is_ok), "{rotated:?}");
    assert_eq!(bench.signing().await.len(), 6);
    let id = slug("crm");
    let pause = bench.engine.pause_endpoint(&bench.space, &id, Some("at night".to_owned()), "ada");
    let (saved, paused) = tokio::join!(bench.save(json!({"description": "CRM"})), pause);
    assert!(saved.is_ok() && paused.is_ok(), "{saved:?} {paused:?}");
    let stored = bench.stored().await;
    let expected = EndpointStatus::Paused { since: bench.now(), reason: "at night".to_owned() };
    assert_eq!((stored.status, stored.description.as_str()), (expected, "CRM"));
}

#[tokio::test]
async fn that_an_endpoint_was_stopped_is_told_by_the_attempt_that_is_committed() {
    let bench = Bench::start().await;
    bench.save(json!({"policy": {"pause_after": 2}})).await.expect("made");
    let lane = Lane { space: bench.space.clone(), endpoint: slug("crm") };
    let endpoint = bench.engine.definitions.shared::<Endpoint>(&bench.space, "crm").await.expect("reads");
    let target = bench.engine.target(&lane, endpoint.expect("is there")).await.expect("a target");
    let failures = [Some(false), None, Some(false)].map(|is_success| target.count(is_success).failures);
    assert_eq!(failures, [1, 1, 2], "a template's crash is not the endpoint's");
    target.health().stopped_at = Some(bench.now());
    let lost = target.count(Some(true));
    assert_eq!((lost.former.stopped_at, target.health().stopped_at), (Some(bench.now()), None));
    target.leave_untold(lost);
    assert_eq!(target.count(Some(false)).failures, 1, "the success counts all the same");
    assert_eq!(target.count(Some(true)).former.stopped_at, Some(bench.now()), "and the next one tells it");
    assert_eq!(target.count(Some(true)).former.stopped_at, None, "once");
}
