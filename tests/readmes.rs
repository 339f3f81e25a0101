//! The commands of the examples' READMEs: each is run, and does what the README says.

use super::support::{example_plugins, readme, server};

/// Where the READMEs' server listens, and where their plugins are.
const README_SERVER: &str = "http://127.0.0.1:8080";
const README_COMPONENTS: &str = "target/wasm32-wasip2/release";

/// Runs the commands of an example's README on a server of its own; answers what they print. Those that build the
/// plugins are left out: these are built already.
async fn printed(folder: &str) -> String {
    let server = server::Server::start().await;
    let components = example_plugins::folder().to_str().expect("a path that is text");
    let mut script = format!("export TENTERHOOK_ADMIN_KEY={}\n", server::ADMIN_KEY);
    for block in readme::commands(&format!("examples/{folder}/README.md")) {
        if block.contains("cargo build") {
            continue;
        }
        script += &block.replace(README_SERVER, &server.url).replace(README_COMPONENTS, components);
        script += "\n";
    }
    readme::run(&script).await
}

#[tokio::test]
async fn a_plugin_makes_the_deliveries_of_an_endpoint() {
    let text = printed("plugins").await;
    assert!(text.contains(r#"\"title\":\"meeting.booked\""#), "{text}");
}

#[tokio::test]
async fn a_meeting_updates_the_crm() {
    let text = printed("crm-update").await;
    let record = r#""meeting_at":"2026-03-10T14:00:00Z","name":"Ada Byron","crm_id":"512""#;
    assert!(text.contains(record), "{text}");
    assert!(text.contains(r#""meeting":null,"meeting_at":null"#), "{text}");
}

#[tokio::test]
async fn an_event_is_published_and_archived() {
    let text = printed("event-archive").await;
    assert!(text.contains("Call her on ***01, or write to ***@home.example."), "{text}");
    assert!(text.contains(r",Analytical Engines Ltd,12500\r\n"), "{text}");
}

#[tokio::test]
async fn a_won_lead_starts_a_process() {
    let text = printed("won-lead").await;
    assert!(text.contains(r#""ticket":"35436","card":"card-1","sms":"SM1""#), "{text}");
}

#[tokio::test]
async fn many_bounces_are_one_alert() {
    let text = printed("bounce-alert").await;
    assert!(
        text.contains(r#""count":20,"text":"20 e-mails to analytical.example bounced within 60 minutes""#),
        "{text}"
    );
    assert_eq!(text.matches(r#"\"text\":\"Alert: 20 e-mails"#).count(), 1, "{text}");
}

#[tokio::test]
async fn three_replies_make_a_lead_a_qualified_one() {
    let text = printed("lead-scoring").await;
    assert!(text.contains(r#""score":60"#), "{text}");
}
