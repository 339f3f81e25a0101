//! The command line: what the arguments mean, and the subcommands that are not the server.

mod backup;
mod client;
mod lint;
mod listen;
mod out;
mod plugin;
mod serve;
pub mod signal;
mod sse;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Arg, ArgMatches, value_parser};

use crate::app::Running;
use crate::config::{ConfigErrors, Sources};
use crate::model::Redacted;
use crate::store::sled;

pub use backup::{BackupRequest, backup};
pub use client::ServerAt;
pub use lint::lint;
pub use listen::{ListenRequest, listen};
pub use plugin::{PluginCommand, plugin};

/// Shorter admin keys can be guessed.
const KEY_CHARS_MIN: usize = 16;
/// The exit code for arguments and options that are wrong.
const EXIT_USAGE: u8 = 2;

/// What to do.
#[derive(Debug)]
pub enum Command {
    /// Run the server.
    Serve(Sources),
    /// Check a workflow document.
    Lint {
        /// The document.
        file: PathBuf,
    },
    /// Make, check, try or upload a plugin.
    Plugin(Box<PluginCommand>),
    /// Bring events to a URL as they are published.
    Listen(Box<ListenRequest>),
    /// Copy the data of a running server into a file.
    Backup(BackupRequest),
    /// Write a backup back, into an empty data folder.
    Restore {
        /// The backup.
        from: PathBuf,
        /// The folder.
        data_dir: PathBuf,
    },
    /// Print the OpenAPI document.
    OpenApi,
}

/// Reads the arguments and the environment of this process. Ends the process where they ask for help or cannot be
/// understood.
pub fn parse() -> Command {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let variables = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok().filter(|name| name.starts_with("TENTERHOOK_"))?;
        Some((name, value.to_string_lossy().into_owned()))
    });
    command_of(arguments, variables.collect()).unwrap_or_else(|error| error.exit())
}

fn command_of(arguments: Vec<OsString>, variables: Vec<(String, String)>) -> Result<Command, clap::Error> {
    let (arguments, sources) = serve::split(arguments, variables);
    let matches = grammar().try_get_matches_from(arguments)?;
    Ok(match matches.subcommand() {
        Some(("workflow", matches)) => lint_command(matches),
        Some(("backup", matches)) => {
            Command::Backup(BackupRequest { server: server_at(matches), out: path(matches, "out") })
        }
        Some(("plugin", matches)) => {
            Command::Plugin(Box::new(plugin::request(matches, server_at).ok_or_else(argument_missing)?))
        }
        Some(("listen", matches)) => {
            let request = listen::request(matches, server_at(matches)).ok_or_else(argument_missing)?;
            Command::Listen(Box::new(request))
        }
        Some(("restore", matches)) => {
            Command::Restore { from: path(matches, "from"), data_dir: path(matches, "data-dir") }
        }
        Some(("openapi", _)) => Command::OpenApi,
        _ => Command::Serve(sources),
    })
}

fn argument_missing() -> clap::Error {
    grammar().error(clap::error::ErrorKind::MissingRequiredArgument, "an argument is missing")
}

fn lint_command(matches: &ArgMatches) -> Command {
    let matches = matches.subcommand().map_or(matches, |(_, matches)| matches);
    Command::Lint { file: path(matches, "file") }
}

fn server_at(matches: &ArgMatches) -> ServerAt {
    ServerAt { url: text(matches, "url"), key: Redacted::new(text(matches, "key")) }
}

fn text(matches: &ArgMatches, name: &str) -> String {
    matches.get_one::<String>(name).cloned().unwrap_or_default()
}

fn path(matches: &ArgMatches, name: &str) -> PathBuf {
    matches.get_one::<PathBuf>(name).cloned().unwrap_or_default()
}

fn grammar() -> clap::Command {
    let file = |name: &'static str| Arg::new(name).long(name).required(true).value_parser(value_parser!(PathBuf));
    let document = Arg::new("file").value_name("FILE").required(true).value_parser(value_parser!(PathBuf));
    let lint =
        clap::Command::new("lint").about("Checks a workflow document").arg(document.help("YAML, or JSON by its name"));
    clap::Command::new("tenterhook")
        .version(env!("CARGO_PKG_VERSION"))
        .about(env!("CARGO_PKG_DESCRIPTION"))
        .subcommand(serve::grammar())
        .subcommand(
            clap::Command::new("workflow")
                .about("Works on workflow documents")
                .subcommand_required(true)
                .subcommand(lint),
        )
        .subcommand(plugin::grammar())
        .subcommand(listen::grammar())
        .subcommand(
            clap::Command::new("backup")
                .about("Copies the data of a running server into a file")
                .arg(client::url_argument())
                .arg(client::key_argument("An admin's"))
                .arg(file("out").value_name("FILE").help("The file to write")),
        )
        .subcommand(
            clap::Command::new("restore")
                .about("Writes a backup back, into an empty or new data folder")
                .arg(file("from").value_name("FILE").help("The backup"))
                .arg(file("data-dir").value_name("DIR").help("The data folder")),
        )
        .subcommand(clap::Command::new("openapi").about("Prints the OpenAPI document of the API"))
}

/// Writes a backup back.
///
/// # Errors
/// The file is no whole backup, or the folder is not empty.
pub fn restore(from: &Path, data_dir: &Path) -> anyhow::Result<()> {
    let file = std::fs::File::open(from).with_context(|| format!("cannot read {}", from.display()))?;
    sled::restore(std::io::BufReader::new(file), data_dir)?;
    out::line(&format!(
        "Restored into {}. Secrets are not in a backup in clear: copy the file secret.key of the former data folder \
         there as well, or start with the same --secret-key.",
        data_dir.display()
    ))
}

/// Prints the OpenAPI document.
///
/// # Errors
/// Standard output is closed.
pub fn openapi() -> anyhow::Result<()> {
    out::line(&serde_json::to_string_pretty(&crate::http::document())?)
}

/// Says on standard output where the server listens, and its admin key if it was generated at this start.
///
/// # Errors
/// Standard output is closed.
pub fn greet(running: &Running, weak_key: bool) -> anyhow::Result<()> {
    let (version, addr) = (env!("CARGO_PKG_VERSION"), running.addr);
    out::line(&format!("tenterhook {version} listens on http://{addr}"))?;
    if running.url != format!("http://{addr}") {
        out::line(&format!("The URLs of triggers and bins begin with {}", running.url))?;
    }
    if let Some(key) = &running.admin_key {
        out::line(&format!("Admin key, shown only this once: {}", key.reveal()))?;
    }
    if weak_key {
        tracing::warn!("the admin key has fewer than {KEY_CHARS_MIN} characters: it can be guessed");
    }
    Ok(())
}

/// Whether an admin key can be guessed.
pub fn is_weak(key: Option<&Redacted>) -> bool {
    key.is_some_and(|key| key.reveal().len() < KEY_CHARS_MIN)
}

/// Says on standard error what went wrong; the exit code of the process.
pub fn report(done: anyhow::Result<()>) -> ExitCode {
    let Err(error) = done else { return ExitCode::SUCCESS };
    match error.downcast_ref::<ConfigErrors>() {
        Some(ConfigErrors(problems)) => {
            out::complain("the options are not right:");
            problems.iter().for_each(|problem| out::complain(&format!("  {problem}")));
            ExitCode::from(EXIT_USAGE)
        }
        None => {
            out::complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(line: &str) -> Result<Command, clap::Error> {
        command_of(
            std::iter::once("tenterhook").chain(line.split_whitespace()).map(OsString::from).collect(),
            Vec::new(),
        )
    }

    fn sources(line: &str) -> Sources {
        match command(line) {
            Ok(Command::Serve(sources)) => sources,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn the_grammar_is_consistent() {
        grammar().debug_assert();
    }

    #[test]
    fn serve_is_the_default_subcommand() {
        assert!(sources("").flags.is_empty());
        for line in ["--listen 127.0.0.1:1 --data-dir=x", "serve --listen 127.0.0.1:1 --data-dir=x"] {
            let expected = [("listen".to_owned(), "127.0.0.1:1".to_owned()), ("data-dir".to_owned(), "x".to_owned())];
            assert_eq!(sources(line).flags, expected);
        }
    }

    #[test]
    fn a_switch_takes_no_value_unless_one_is_given_with_it() {
        let flags = sources("serve --allow-private-egress --exit-with-parent=false --config th.toml");
        assert_eq!(flags.flags[0], ("allow-private-egress".to_owned(), "true".to_owned()));
        assert_eq!(flags.flags[1], ("exit-with-parent".to_owned(), "false".to_owned()));
        assert_eq!(flags.file, Some("th.toml".into()));
    }

    #[test]
    fn all_unknown_arguments_are_collected() {
        let sources = sources("--shout loud serve --whisper=x --listen");
        assert_eq!(sources.unknown_flags, ["--shout", "loud", "serve", "--whisper"]);
        assert_eq!(sources.flags, [("listen".to_owned(), String::new())]);
    }

    #[test]
    fn other_subcommands_have_their_arguments() {
        assert!(matches!(command("workflow lint a.yaml"), Ok(Command::Lint { file }) if file == Path::new("a.yaml")));
        assert!(matches!(command("openapi"), Ok(Command::OpenApi)));
        let backup = command("backup --key k --out f").expect("a backup");
        let is_local = |server: &ServerAt| server.url == "http://127.0.0.1:8080" && server.key.reveal() == "k";
        assert!(matches!(&backup, Command::Backup(request) if is_local(&request.server)));
        assert!(!format!("{backup:?}").contains("\"k\""), "a key is never shown");
        assert!(command("restore --from f").is_err());
    }

    #[test]
    fn listen_takes_a_target_and_a_secret_that_signs() {
        let listen = |more: &str| command(&format!("listen --key k --forward http://localhost:3000/in {more}"));
        let Ok(Command::Listen(request)) = listen("") else { panic!("no listen") };
        assert_eq!((request.space.as_str(), request.types.as_str()), ("default", "*"));
        assert_eq!((request.forward.as_str(), request.secret.is_none()), ("http://localhost:3000/in", true));
        let secret = format!("whsec_{}", "QUJD".repeat(8));
        let Ok(Command::Listen(request)) = listen(&format!("--types lead.*,a --space acme --secret {secret}")) else {
            panic!("no listen")
        };
        assert_eq!((request.space.as_str(), request.types.as_str()), ("acme", "lead.*,a"));
        assert!(request.secret.is_some() && !format!("{request:?}").contains("QUJD"), "a secret is never shown");
        for wrong in ["--secret whsec_QUJD", "--space a/b", "--forward ftp://x", "--colour red"] {
            assert!(listen(wrong).is_err(), "{wrong}");
        }
        assert!(command("listen --key k").is_err());
    }

    #[test]
    fn help_shows_every_option() {
        let help = command("serve --help").expect_err("help").to_string();
        for option in crate::config::options() {
            assert!(help.contains(&format!("--{}", option.flag())), "{} is not in the help", option.name);
            assert!(help.contains(&option.variable()), "{} is not in the help", option.variable());
        }
    }
}
