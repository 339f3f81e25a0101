//! Tests against the SDK's stand-in for the host.

use expect_test::expect;
use serde_json::{Value, json};
use tenterhook_plugin::testing::{Host, Installed, run};
use tenterhook_plugin::{Describe, Failure};

use crate::{COUNTED_MAX, LeadScoring, QUALIFIED};

const LEAD: &str = "0198f3a2-6c1e-7b40-9d55-2f6a4c1b7e01";

fn host() -> Installed {
    Host::new().record("leads", LEAD, json!({ "id": LEAD })).event_type(QUALIFIED).state().install()
}

/// The output for an event of this id and type.
fn counted(host: &Installed, id: &str, kind: &str) -> Value {
    let mut input = LeadScoring::describe().example_input;
    input["event"] = json!({ "id": id, "type": kind });
    host.next_call();
    run::<LeadScoring>(&Value::Null, &input).unwrap()
}

#[test]
fn points_add_up_in_the_record_and_the_lead_is_told_of_once() {
    let host = host();
    assert_eq!(counted(&host, "1", "meeting.booked"), json!({ "score": 40, "added": 40, "qualified_now": false }));
    assert_eq!(counted(&host, "2", "campaign.email.click")["score"], 45);
    assert!(host.events().is_empty());
    assert_eq!(counted(&host, "3", "campaign.email.click"), json!({ "score": 50, "added": 5, "qualified_now": true }));
    assert_eq!(host.record("leads", LEAD), Some(json!({ "id": LEAD, "score": 50 })));
    // Down and up again: it is not told a second time.
    assert_eq!(counted(&host, "4", "campaign.email.unsubscribe")["score"], 20);
    assert_eq!(counted(&host, "5", "meeting.booked"), json!({ "score": 60, "added": 40, "qualified_now": false }));
    let events = host.events();
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].event_type.as_str(), events[0].key.as_deref()), ("lead.qualified", Some(LEAD)));
    expect![[r#"
        {
          "source": "leads",
          "lead": "0198f3a2-6c1e-7b40-9d55-2f6a4c1b7e01",
          "score": 50,
          "threshold": 50,
          "by": {
            "id": "3",
            "type": "campaign.email.click"
          }
        }"#]]
    .assert_eq(&format!("{:#}", events[0].data));
}

#[test]
fn a_repeat_and_an_event_without_points_change_nothing() {
    let host = host();
    counted(&host, "1", "meeting.booked");
    let before = (host.record("leads", LEAD), host.state(&format!("leads/{LEAD}")));
    assert_eq!(counted(&host, "1", "meeting.booked"), json!({ "score": 40, "added": 0, "qualified_now": false }));
    assert_eq!(counted(&host, "2", "lead.update"), json!({ "score": 40, "added": 0, "qualified_now": false }));
    assert_eq!((host.record("leads", LEAD), host.state(&format!("leads/{LEAD}"))), before);
}

#[test]
fn a_score_starts_with_that_of_the_record_and_does_not_fall_below_zero() {
    let host = Host::new().record("leads", LEAD, json!({ "score": 12.4 })).state().install();
    assert_eq!(counted(&host, "1", "campaign.email.open")["score"], 13);
    assert_eq!(
        counted(&host, "2", "campaign.email.unsubscribe"),
        json!({ "score": 0, "added": -13, "qualified_now": false })
    );
}

#[test]
fn the_state_of_a_lead_stays_small() {
    let host = host();
    for n in 0..3 * COUNTED_MAX {
        counted(&host, &n.to_string(), "campaign.email.open");
    }
    let state = host.state(&format!("leads/{LEAD}")).unwrap();
    assert_eq!((state["counted"].as_array().unwrap().len(), &state["score"]), (COUNTED_MAX, &json!(150)));
}

#[test]
fn what_is_not_there_or_not_granted_fails_and_says_what() {
    let input = LeadScoring::describe().example_input;
    let failed = |host: Host| {
        let _host = host.install();
        run::<LeadScoring>(&Value::Null, &input).unwrap_err()
    };
    let Failure::Rejected(reason) = failed(Host::new().source("leads").state()) else { panic!("not rejected") };
    expect![[r#"there is no "0198f3a2-6c1e-7b40-9d55-2f6a4c1b7e01" in leads"#]].assert_eq(&reason);
    let Failure::Rejected(reason) = failed(Host::new().state()) else { panic!("not rejected") };
    expect![[r#"not granted: records of the source "leads""#]].assert_eq(&reason);
    let Failure::Rejected(reason) = failed(Host::new().record("leads", LEAD, json!({ "score": 45 })).state()) else {
        panic!("not rejected")
    };
    expect![[r#"not granted: events of the type "lead.qualified""#]].assert_eq(&reason);
    let Failure::Invalid(reason) = run::<LeadScoring>(&Value::Null, &json!({ "event": { "id": "1" } })).unwrap_err()
    else {
        panic!("not invalid")
    };
    expect!["input: missing field `type` at line 1 column 19"].assert_eq(&reason);
}
