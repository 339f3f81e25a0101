//! The commands of the README, the five-minute tour and what follows it: each is run, and does what the README says.

use std::path::Path;

use super::support::{readme, server};

/// Where the README's server and its stand-in provider listen.
const README_SERVER: &str = "http://127.0.0.1:8080";
const README_PROVIDER_PORT: &str = "9099";

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port()
}

#[tokio::test]
async fn every_command_of_the_tour_runs_and_the_record_has_the_providers_answer() {
    let server = server::Server::start().await;
    let port = free_port().to_string();
    // One shell runs the whole tour, so that variables stay; the server of the first block is the one started here.
    let mut script = format!("TENTERHOOK_ADMIN_KEY={}\nexport TENTERHOOK_ADMIN_KEY PORT={port}\n", server::ADMIN_KEY);
    let binary = Path::new(env!("CARGO_BIN_EXE_tenterhook"));
    script += &format!("PATH={}:$PATH\n", binary.parent().expect("a folder").display());
    let commands = readme::commands("README.md");
    assert!(commands.len() >= 5, "the tour has commands");
    for block in commands {
        if block.contains("cargo run") {
            continue;
        }
        script += &block.replace(README_SERVER, &server.url).replace(README_PROVIDER_PORT, &port);
        script += "\n";
    }
    let text = readme::run(&script).await;
    assert!(text.contains("lead-card; its README.md says how to build"), "a project in JavaScript: {text}");
    assert!(text.contains("\"endpoint\":\"crm\""), "a delivery to the endpoint: {text}");
    assert!(text.contains("\"sms_status\":\"queued\"") || text.contains("\"sms_status\": \"queued\""), "{text}");
}
