//! Tests of the messages.

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use tenterhook_plugin::{Call, Describe, Failure, Json, Request, Template};

use crate::ChatMessage;

fn render(config: &Value, input: &Value) -> Result<Value, Failure> {
    let call = Call { space: "default".into(), id: "1".into(), now: 0, config: config.to_string() };
    let url = "https://chat.example/hooks/1".to_owned();
    let base = Request { method: "POST".into(), url: url.clone(), headers: Vec::new(), body: Vec::new() };
    let request = ChatMessage::render(&call, Json::from_text(input.to_string()), base)?.expect("a request");
    assert_eq!((request.url, request.method), (url, "POST".to_owned()));
    Ok(serde_json::from_slice(&request.body).unwrap())
}

/// The message about a lead as the service gets it.
#[track_caller]
fn check(service: &str, expected: &Expect) {
    let mut config = ChatMessage::describe().example_config;
    config["service"] = json!(service);
    let message = render(&config, &ChatMessage::describe().example_input).unwrap();
    expected.assert_eq(&serde_json::to_string_pretty(&message).unwrap());
}

#[test]
fn slack_gets_blocks_with_a_link_and_a_plain_text_for_notifications() {
    check(
        "slack",
        &expect![[r#"
        {
          "text": "New lead: Ada Byron",
          "blocks": [
            {
              "type": "section",
              "text": {
                "type": "mrkdwn",
                "text": "*New lead: Ada Byron*",
                "verbatim": true
              }
            },
            {
              "type": "section",
              "fields": [
                {
                  "type": "mrkdwn",
                  "text": "*Company*\nAnalytical Engines Ltd",
                  "verbatim": true
                },
                {
                  "type": "mrkdwn",
                  "text": "*Worth*\n12500",
                  "verbatim": true
                },
                {
                  "type": "mrkdwn",
                  "text": "*LinkedIn*\n<https://linkedin.example/in/ada>",
                  "verbatim": true
                }
              ]
            }
          ]
        }"#]],
    );
}

#[test]
fn teams_gets_an_adaptive_card_of_text_runs() {
    let mut config = ChatMessage::describe().example_config;
    config["service"] = json!("teams");
    let mut message = render(&config, &ChatMessage::describe().example_input).unwrap();
    let card = message["attachments"][0]["content"].take();
    let attachment = json!({ "contentType": "application/vnd.microsoft.card.adaptive", "content": null });
    assert_eq!(message, json!({ "type": "message", "attachments": [attachment] }));
    assert_eq!((&card["type"], &card["version"]), (&json!("AdaptiveCard"), &json!("1.4")));
    let runs = card["body"].as_array().unwrap().iter().flat_map(|line| line["inlines"].as_array().unwrap());
    let shown = |run: &Value| format!("{} {} {}\n", run["text"], run["weight"], run["selectAction"]["url"]);
    expect![[r#"
        "New lead: Ada Byron" "Bolder" null
        "Company: " "Bolder" null
        "Analytical Engines Ltd" null null
        "Worth: " "Bolder" null
        "12500" null null
        "LinkedIn: " "Bolder" null
        "https://linkedin.example/in/ada" null "https://linkedin.example/in/ada"
    "#]]
    .assert_eq(&runs.map(shown).collect::<String>());
}

#[test]
fn discord_gets_an_embed_that_mentions_nobody() {
    check(
        "discord",
        &expect![[r#"
        {
          "embeds": [
            {
              "title": "New lead: Ada Byron",
              "fields": [
                {
                  "name": "Company",
                  "value": "Analytical Engines Ltd",
                  "inline": true
                },
                {
                  "name": "Worth",
                  "value": "12500",
                  "inline": true
                },
                {
                  "name": "LinkedIn",
                  "value": "https://linkedin.example/in/ada",
                  "inline": true
                }
              ]
            }
          ],
          "allowed_mentions": {
            "parse": []
          }
        }"#]],
    );
}

#[test]
fn without_facts_in_the_configuration_all_plain_values_of_the_event_are_told() {
    let data = json!({ "originatingNumber": null, "callID": "5f0b", "created": 17, "a": {} });
    let event = json!({ "type": "call_missed", "data": data });
    let message = render(&json!({ "service": "discord" }), &event).unwrap();
    assert_eq!(message["embeds"][0]["title"], "call\\_missed");
    let names: Vec<_> = message["embeds"][0]["fields"].as_array().unwrap().iter().map(|field| &field["name"]).collect();
    assert_eq!(names, ["callID", "created"]);
}

#[test]
fn markup_stays_text() {
    let event = json!({ "type": "t", "data": { "n": "<!channel> *a* _b_ [x](https://evil.example) & `c` @everyone" } });
    let shown = |service: &str, place: &str| {
        let message = render(&json!({ "service": service }), &event).unwrap();
        message.pointer(place).unwrap().as_str().unwrap().to_owned()
    };
    assert_eq!(
        shown("slack", "/blocks/1/fields/0/text"),
        "*n*\n&lt;!channel&gt; *a* _b_ [x](https://evil.example) &amp; `c` @everyone"
    );
    assert_eq!(
        shown("discord", "/embeds/0/fields/0/value"),
        r"\<!channel\> \*a\* \_b\_ \[x\]\(https://evil.example\) & \`c\` @everyone"
    );
    assert_eq!(shown("teams", "/attachments/0/content/body/1/inlines/1/text"), event["data"]["n"]);
    let list = render(&json!({ "service": "discord" }), &json!({ "data": { "n": "- a-b\n  - c\n# d" } })).unwrap();
    assert_eq!(list["embeds"][0]["fields"][0]["value"], "\\- a-b\n  \\- c\n\\# d");
}

#[test]
fn what_only_begins_like_a_link_is_no_link() {
    for value in ["https://a.example/|x>", "javascript:alert(1)", "https://a.example b"] {
        let message = render(&json!({ "service": "teams" }), &json!({ "data": { "n": value } })).unwrap();
        assert!(message.pointer("/attachments/0/content/body/1/inlines/1/selectAction").is_none(), "{value}");
    }
}

#[test]
fn a_message_stays_within_the_limits_of_its_service() {
    let facts: serde_json::Map<_, _> = (0..60).map(|n| (format!("field {n}"), json!("*🙂*".repeat(2_000)))).collect();
    let event = json!({ "type": "&".repeat(400), "data": facts });
    let slack = render(&json!({ "service": "slack" }), &event).unwrap();
    let blocks = slack["blocks"].as_array().unwrap();
    assert_eq!(blocks.len(), 1 + 3);
    let fields = || blocks.iter().filter_map(|block| block["fields"].as_array()).flatten();
    assert!(fields().all(|field| field["text"].as_str().unwrap().encode_utf16().count() <= 2_000));
    assert_eq!(fields().last().unwrap()["text"], "*…*\n36 more");
    assert!(slack["text"].as_str().unwrap().ends_with("&amp;…"), "an entity is not cut: {}", slack["text"]);

    let discord = render(&json!({ "service": "discord" }), &event).unwrap();
    let embed = &discord["embeds"][0];
    let length = |value: &Value| value.as_str().unwrap().encode_utf16().count();
    let lengths =
        || embed["fields"].as_array().unwrap().iter().map(|field| (length(&field["name"]), length(&field["value"])));
    assert!(lengths().all(|(name, value)| name <= 256 && value <= 1_024));
    assert!(length(&embed["title"]) + lengths().map(|(name, value)| name + value).sum::<usize>() <= 6_000);
    assert!(lengths().count() >= 5, "and uses them");

    let teams = render(&json!({ "service": "teams" }), &event).unwrap();
    assert!(teams.to_string().len() <= 28 * 1024, "{}", teams.to_string().len());
}

#[test]
fn a_service_that_it_does_not_know_is_refused_with_those_it_knows() {
    let failure = render(&json!({ "service": "irc" }), &json!({})).unwrap_err();
    let Failure::Invalid(reason) = failure else { panic!("{failure:?}") };
    expect!["config: unknown variant `irc`, expected one of `slack`, `teams`, `discord` at line 1 column 16"]
        .assert_eq(&reason);
}
