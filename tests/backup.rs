//! A backup of a running server restores to all that was acknowledged before it.

use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

use super::support::components;
use super::support::server::{ADMIN_KEY, Server};

fn binary() -> Command {
    Command::new(env!("CARGO_BIN_EXE_tenterhook"))
}

#[tokio::test]
async fn a_backup_of_a_running_server_restores_into_an_empty_folder_only() {
    let server = Server::start().await;
    let api = server.api("kept");
    api.put_space().await;
    api.put("sources/people", &json!({ "key": "email" })).await.expect(201);
    for number in 0..100 {
        let path = format!("sources/people/records/p{number}@x");
        api.put(&path, &json!({ "fields": {} })).await.expect(201);
    }
    api.put_plugin("mine", "1.0.0", components::TEMPLATE).await.expect(201);

    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("copy.tenterhook");
    let mut backup = binary();
    backup.args(["backup", "--url", &server.url, "--out"]).arg(&file).env("TENTERHOOK_KEY", ADMIN_KEY);
    let saved = backup.output().await.expect("it runs");
    assert!(saved.status.success(), "{}", String::from_utf8_lossy(&saved.stderr));

    let restore = |from: std::path::PathBuf, to: std::path::PathBuf| async move {
        binary().arg("restore").arg("--from").arg(from).arg("--data-dir").arg(to).output().await.expect("it runs")
    };
    let data = folder.path().join("data");
    let restored = restore(file.clone(), data.clone()).await;
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    let copy = Server::open(&data, &[]).await;
    let api = copy.api("kept");
    let last = api.get("sources/people/records/p99@x").await.expect(200);
    assert_eq!(last["key"], "p99@x");
    assert_eq!(api.get("plugins/mine/versions/1.0.0").await.expect(200)["exports"], json!(["template"]));
    drop(copy);

    let again = restore(file.clone(), data.clone()).await;
    assert!(!again.status.success(), "a folder with data is never written over");
    let mut content = std::fs::read(&file).expect("the backup");
    content.truncate(content.len() - 100);
    std::fs::write(&file, content).expect("a shorter backup");
    let cut = restore(file, folder.path().join("other")).await;
    assert!(!cut.status.success(), "a cut backup is refused");
}
