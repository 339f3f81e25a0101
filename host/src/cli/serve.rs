//! The arguments of `serve`: they come from the list of options, and whatever is wrong with them is reported together
//! with what is wrong in the environment and in the file.

use std::ffi::OsString;

use clap::{Arg, ArgAction};

use crate::config::{ConfigOption, Sources, options};

/// What the other subcommands are called; without one of these, the arguments are those of `serve`.
const OTHERS: [&str; 7] = ["workflow", "plugin", "listen", "backup", "restore", "openapi", "help"];

/// Takes the options of `serve` out of the arguments. What is left is for clap: another subcommand, or help.
pub(super) fn split(arguments: Vec<OsString>, variables: Vec<(String, String)>) -> (Vec<OsString>, Sources) {
    let mut sources = Sources { variables, ..Sources::default() };
    let texts: Vec<String> = arguments.iter().skip(1).map(|text| text.to_string_lossy().into_owned()).collect();
    let first = texts.first().map_or("", String::as_str);
    if OTHERS.contains(&first) || ["--help", "-h", "--version", "-V"].contains(&first) {
        return (arguments, sources);
    }
    let named = usize::from(first == "serve");
    let own = texts.into_iter().skip(named);
    let mut for_clap = vec![OsString::from("tenterhook"), OsString::from("serve")];
    if read(own, &mut sources) {
        for_clap.push(OsString::from("--help"));
    }
    (for_clap, sources)
}

/// Reads the options; `true` if help is wanted.
fn read(arguments: impl Iterator<Item = String>, sources: &mut Sources) -> bool {
    let known = options();
    let mut arguments = arguments.peekable();
    while let Some(argument) = arguments.next() {
        if argument == "--help" || argument == "-h" {
            return true;
        }
        let (name, given) = match argument.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (argument, None),
        };
        let flag = name.strip_prefix("--").unwrap_or_default();
        let option = known.iter().find(|option| option.flag() == flag);
        if option.is_none() && flag != "config" {
            sources.unknown_flags.push(name);
            continue;
        }
        let value = match given {
            Some(value) => value,
            None if option.is_some_and(ConfigOption::is_switch) => "true".to_owned(),
            None => arguments.next_if(|next| !next.starts_with("--")).unwrap_or_default(),
        };
        match option {
            Some(_) => sources.flags.push((flag.to_owned(), value)),
            None => sources.file = Some(value.into()),
        }
    }
    false
}

/// What clap shows as the help of `serve`.
pub(super) fn grammar() -> clap::Command {
    let config =
        Arg::new("config").long("config").value_name("FILE").help("A TOML file with options [env: TENTERHOOK_CONFIG]");
    let flags = options().into_iter().map(|option| {
        let default = if option.has_default { format!(" [default: {}]", option.value) } else { String::new() };
        let help = format!("{} [env: {}]{default}", option.help, option.variable());
        // clap wants names that live as long as the process; there are a few dozen, made once.
        let flag: &'static str = option.flag().leak();
        let argument = Arg::new(flag).long(flag).help(help);
        if option.is_switch() { argument.action(ArgAction::SetTrue) } else { argument.value_name("VALUE") }
    });
    clap::Command::new("serve")
        .about("Runs the server; this is what happens without a subcommand")
        .arg(config)
        .args(flags)
}
