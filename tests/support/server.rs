//! A server in a process of its own, as users run it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;

use super::api::Api;

/// The admin key of every test server.
pub const ADMIN_KEY: &str = "th_test-admin-key-of-the-integration-tests";
/// The key that seals secrets and compiled plugins: shared, so that servers share the cache of compiled plugins.
const SECRET_KEY: &str = "5f1d0c3b2a49586776859a4b3c2d1e0f5f1d0c3b2a49586776859a4b3c2d1e0f";

/// A running server.
pub struct Server {
    child: Child,
    /// Its base URL.
    pub url: String,
    /// What holds its data folder, if that goes with the server.
    _folder: Option<TempDir>,
    /// Its data folder.
    pub data_dir: PathBuf,
}

impl Server {
    /// A server on a new data folder.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// A server on a new data folder, with further options.
    pub async fn start_with(options: &[&str]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mut server = Self::open(folder.path(), options).await;
        server._folder = Some(folder);
        server
    }

    /// A server on a new data folder that calls public addresses only.
    pub async fn start_guarded() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mut server = Self::launch(folder.path(), &[]).await;
        server._folder = Some(folder);
        server
    }

    /// A server on a given data folder.
    pub async fn open(data_dir: &Path, options: &[&str]) -> Self {
        Self::launch(data_dir, &[&["--allow-private-egress"], options].concat()).await
    }

    async fn launch(data_dir: &Path, options: &[&str]) -> Self {
        let mut child = command(data_dir)
            .args(options)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its standard output")).lines();
        let url = loop {
            let line = lines.next_line().await.expect("readable output").expect("the server says its URL");
            if let Some(at) = line.find("http://127.0.0.1:") {
                let url = line[at..].split_whitespace().next().expect("a URL");
                break url.trim_end_matches(['/', '.']).to_owned();
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { child, url, _folder: None, data_dir: data_dir.to_owned() }
    }

    /// Ends it as a power failure of the process would: `kill -9`.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("the server can be killed");
    }

    /// Waits for its end; answers whether it ended well.
    pub async fn wait(&mut self) -> bool {
        self.child.wait().await.expect("its end").success()
    }

    /// A client with the admin key, in a space.
    pub fn api(&self, space: &str) -> Api {
        Api::new(&self.url, space, ADMIN_KEY)
    }
}

/// The binary with the options that every test server has.
pub fn command(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenterhook"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TENTERHOOK_")) {
        command.env_remove(name);
    }
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data_dir)
        .env("TENTERHOOK_ADMIN_KEY", ADMIN_KEY)
        .env("TENTERHOOK_SECRET_KEY", SECRET_KEY)
        .env("TENTERHOOK_PLUGIN_CACHE", plugin_cache());
    command
}

/// Compiled plugins, kept over test runs: compiling the built-in ones takes seconds.
fn plugin_cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin-cache")
}

/// The server that tests share; each test works in a space of its own.
pub async fn shared() -> &'static Shared {
    static SHARED: OnceCell<Shared> = OnceCell::const_new();
    SHARED.get_or_init(Shared::start).await
}

/// A server that lives as long as the test binary.
pub struct Shared {
    url: String,
}

impl Shared {
    async fn start() -> Self {
        // Tests have a runtime each; the server must outlive the one that starts it, and die with this process.
        let (sender, receiver) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let mut server = Server::start_with(&["--exit-with-parent"]).await;
                sender.send(server.url.clone()).expect("somebody waits for the server");
                server.wait().await;
            });
        });
        Self { url: receiver.await.expect("the shared server starts") }
    }

    /// A client in a new space named after the test.
    pub async fn space(&self, space: &str) -> Api {
        let api = Api::new(&self.url, space, ADMIN_KEY);
        api.put_space().await;
        api
    }
}
