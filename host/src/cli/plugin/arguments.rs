//! The arguments of `tenterhook plugin`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::{
    BindingsRequest, CheckRequest, ComponentizeRequest, Language, NewRequest, PluginCommand, ProjectName, PushRequest,
    Role, RunRequest, WorldAt,
};
use crate::cli::client::{self, ServerAt};
use crate::model::{Slug, Time};
use crate::plugin::Limits;

/// What `run --server` takes, see [`super::stand_in::Setup`].
const SERVER_HELP: &str = r#"What the server has for an action, as JSON. What the file does not name is denied; nothing leaves
this machine. All members may be absent:
{
  "records": { "SOURCE": { "KEY": { "field": 1 } } },
  "events": ["lead.won"],
  "webhooks": { "ID": { "accepted": { "field": 1 } }, "OTHER": { "failed": "why" } },
  "state": { "KEY": 1 },
  "secrets": { "NAME": "text" },
  "http": [{ "method": "GET", "url": "https://…", "status": 200, "headers": {}, "body": {} }]
}"#;

/// The subcommands.
pub(in crate::cli) fn grammar() -> Command {
    Command::new("plugin")
        .about("Makes, checks, tries and uploads plugins")
        .subcommand_required(true)
        .subcommand(new())
        .subcommand(check())
        .subcommand(run())
        .subcommand(push())
        .subcommand(bindings())
        .subcommand(componentize())
}

fn new() -> Command {
    let name = Arg::new("name").value_name("NAME").required(true).value_parser(parse::<ProjectName>);
    let language = Arg::new("lang").long("lang").value_name("LANGUAGE").required(true).value_parser(parse::<Language>);
    Command::new("new")
        .about("Writes a project: a small plugin with a test, and how to build it")
        .arg(name.help("The plugin's name, like lead-card"))
        .arg(language.help("rust, js, python, c or go"))
        .arg(role().default_value("template").help("What it is to be: template, mapping, action or verifier"))
        .arg(path("dir").help("Where to write it [default: a folder named as the plugin]"))
}

fn check() -> Command {
    let command = Command::new("check")
        .about("Says what an upload would find, and tries the plugin's own example")
        .arg(file("The component"))
        .arg(json());
    with_limits(command)
}

fn run() -> Command {
    let input = path("input").value_name("FILE|-").required(true);
    let now = Arg::new("time").long("time").value_name("TIME").value_parser(time);
    let id = Arg::new("id").long("id").value_name("ID").default_value("local");
    let command = Command::new("run")
        .about("Calls a plugin here; its log, time and memory are on standard error")
        .arg(file("The component"))
        .arg(role().required(true).help("What to call: template, mapping, action or verifier"))
        .arg(input.help("The input as JSON; for a mapping the response's body, for a verifier the call"))
        .arg(path("config").help("The configuration as JSON [default: null]"))
        .arg(
            path("base").help("What surrounds the input, as JSON: method, url, headers; for a mapping status, headers"),
        )
        .arg(path("server").help("What the server has for an action, as JSON [see --help]").long_help(SERVER_HELP))
        .arg(now.help("The present for the plugin, like 2026-01-31T12:00:00Z [default: now]"))
        .arg(id.help("The delivery's or task's id"))
        .arg(json());
    with_limits(command)
}

fn push() -> Command {
    let space = Arg::new("space").long("space").value_name("SPACE").default_value("default");
    let name = Arg::new("name").long("name").value_name("NAME").value_parser(parse_slug);
    let version = Arg::new("version").long("version").value_name("VERSION").value_parser(parse_version);
    Command::new("push")
        .about("Uploads a plugin to a server")
        .arg(file("The component"))
        .arg(client::url_argument())
        .arg(client::key_argument("An integrator's"))
        .arg(space.value_parser(parse_slug).help("Where to"))
        .arg(name.help("The plugin's name [default: what the plugin says]"))
        .arg(version.help("Its version, like 1.2.0 [default: what the plugin says]"))
}

fn bindings() -> Command {
    with_world(Command::new("bindings").about("Writes C declarations of a project's world"))
        .arg(path("out").default_value("bindings").help("The folder to write into"))
}

fn componentize() -> Command {
    with_world(Command::new("componentize").about("Makes a component of a core module, for C, Go and others"))
        .arg(file("The module; if it uses WASI preview 1, that is adapted"))
        .arg(path("out").short('o').required(true).help("The file to write"))
}

fn file(help: &'static str) -> Arg {
    Arg::new("file").value_name("FILE").required(true).value_parser(value_parser!(PathBuf)).help(help)
}

fn path(name: &'static str) -> Arg {
    Arg::new(name).long(name).value_name("PATH").value_parser(value_parser!(PathBuf))
}

fn role() -> Arg {
    Arg::new("export").long("export").value_name("EXPORT").value_parser(parse::<Role>)
}

fn json() -> Arg {
    Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print one JSON document")
}

fn with_world(command: Command) -> Command {
    let world = Arg::new("world").long("world").value_name("WORLD").default_value("plugin");
    command.arg(path("wit").default_value("wit").help("The folder of WIT files")).arg(world.help("The world in it"))
}

/// Limits that a server may have set otherwise, named as its options.
fn with_limits(command: Command) -> Command {
    let limit =
        |name: &'static str| Arg::new(name).long(name).value_name("N").value_parser(value_parser!(u32).range(1..));
    command
        .arg(limit("template-ms").help("CPU time of a template, mapping or verifier, in ms [default: 50]"))
        .arg(limit("action-ms").help("Longest run of an action, in ms [default: 5000]"))
        .arg(limit("plugin-memory-mib").help("Most memory of a call [default: 64]"))
        .arg(limit("plugin-bytes-max").help("Largest component [default: 20971520]"))
}

fn parse<T: std::str::FromStr<Err = String>>(text: &str) -> Result<T, String> {
    text.parse()
}

fn parse_slug(text: &str) -> Result<Slug, crate::model::InvalidId> {
    text.parse()
}

fn parse_version(text: &str) -> Result<semver::Version, semver::Error> {
    text.parse()
}

fn time(text: &str) -> Result<Time, String> {
    serde_json::from_value(serde_json::Value::from(text)).map_err(|error| error.to_string())
}

/// What the arguments ask for; `None` if one that is required is missing, which the grammar does not let through.
pub(in crate::cli) fn request(
    matches: &ArgMatches,
    server: impl FnOnce(&ArgMatches) -> ServerAt,
) -> Option<PluginCommand> {
    let (command, matches) = matches.subcommand()?;
    let path = |name: &str| matches.get_one::<PathBuf>(name).cloned();
    Some(match command {
        "new" => PluginCommand::New(NewRequest {
            name: matches.get_one::<ProjectName>("name").cloned()?,
            language: *matches.get_one::<Language>("lang")?,
            role: *matches.get_one::<Role>("export")?,
            folder: path("dir"),
        }),
        "check" => PluginCommand::Check(CheckRequest {
            file: path("file")?,
            json: matches.get_flag("json"),
            limits: limits(matches),
        }),
        "run" => PluginCommand::Run(run_request(matches)?),
        "push" => PluginCommand::Push(PushRequest {
            file: path("file")?,
            server: server(matches),
            space: matches.get_one::<Slug>("space").cloned()?,
            name: matches.get_one::<Slug>("name").cloned(),
            version: matches.get_one::<semver::Version>("version").cloned(),
        }),
        "bindings" => PluginCommand::Bindings(BindingsRequest { world: world(matches)?, folder: path("out")? }),
        _ => PluginCommand::Componentize(ComponentizeRequest {
            module: path("file")?,
            world: world(matches)?,
            out: path("out")?,
        }),
    })
}

fn run_request(matches: &ArgMatches) -> Option<RunRequest> {
    let path = |name: &str| matches.get_one::<PathBuf>(name).cloned();
    Some(RunRequest {
        file: path("file")?,
        role: *matches.get_one::<Role>("export")?,
        input: path("input")?,
        config: path("config"),
        base: path("base"),
        server: path("server"),
        now: matches.get_one::<Time>("time").copied(),
        id: matches.get_one::<String>("id").cloned()?,
        json: matches.get_flag("json"),
        limits: limits(matches),
    })
}

fn world(matches: &ArgMatches) -> Option<WorldAt> {
    let path = matches.get_one::<PathBuf>("wit").cloned()?;
    Some(WorldAt { path, name: matches.get_one::<String>("world").cloned()? })
}

fn limits(matches: &ArgMatches) -> Limits {
    let given = |name: &str| matches.get_one::<u32>(name).copied();
    let millis = |name: &str| given(name).map(|millis| Duration::from_millis(u64::from(millis)));
    let standard = Limits::default();
    Limits {
        pure_time_max: millis("template-ms").unwrap_or(standard.pure_time_max),
        action_time_max: millis("action-ms").unwrap_or(standard.action_time_max),
        memory_bytes_max: given("plugin-memory-mib").map_or(standard.memory_bytes_max, |mib| (mib as usize) << 20),
        component_bytes_max: given("plugin-bytes-max").map_or(standard.component_bytes_max, |bytes| bytes as usize),
        ..standard
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::plugin::stand_in::Setup;

    #[test]
    fn the_file_that_help_shows_is_one() {
        let file = SERVER_HELP.find('{').map(|at| &SERVER_HELP[at..]).expect("an example");
        let shown: serde_json::Value = serde_json::from_str(file).expect("JSON");
        assert_eq!(shown.as_object().map(serde_json::Map::len), Some(6));
        assert!(serde_json::from_value::<Setup>(shown).is_ok());
    }
}
