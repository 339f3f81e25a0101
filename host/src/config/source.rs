//! Where configuration comes from, merged by figment, which remembers the origin of each value.

use std::fmt;
use std::path::PathBuf;

use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::option::options;
use super::{ConfigProblem, DEFAULT_TOML};

/// What the names of our environment variables begin with.
pub(super) const VARIABLE_PREFIX: &str = "TENTERHOOK_";
/// The variable that names the file of options.
const FILE_VARIABLE: &str = "TENTERHOOK_CONFIG";
/// Variables of the other subcommands: they may be set while a server starts.
const CLIENT_VARIABLES: [&str; 2] = ["TENTERHOOK_KEY", "TENTERHOOK_URL"];

/// Everything that was given to this process.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `--config FILE`.
    pub file: Option<PathBuf>,
    /// Environment variables; those that do not begin with `TENTERHOOK_` are ignored.
    pub variables: Vec<(String, String)>,
    /// Options of the command line as (`data-dir`, `./data`).
    pub flags: Vec<(String, String)>,
    /// Arguments that are no options, to be reported with the other problems.
    pub unknown_flags: Vec<String>,
}

/// Where a value was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In the embedded `default.toml`.
    Default,
    /// In this file.
    File(PathBuf),
    /// In this environment variable.
    Variable(String),
    /// On the command line, as this argument (`--data-dir`).
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("defaults"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => write!(f, "command line {name}"),
        }
    }
}

impl Origin {
    /// The origin that figment remembered for a value.
    pub(super) fn of(metadata: Option<&Metadata>) -> Self {
        let Some(metadata) = metadata else { return Self::Default };
        if let Some(name) = metadata.name.strip_prefix("variable ") {
            return Self::Variable(name.to_owned());
        }
        if let Some(name) = metadata.name.strip_prefix("flag ") {
            return Self::Flag(name.to_owned());
        }
        match metadata.name.strip_prefix("file ") {
            Some(path) => Self::File(path.into()),
            None => Self::Default,
        }
    }
}

/// Merges all sources; what names no option or cannot be read is a problem.
pub(super) fn merge(sources: &Sources) -> (Figment, Vec<ConfigProblem>) {
    let mut problems = Vec::new();
    let mut figment = Figment::from(Toml::string(DEFAULT_TOML));
    if let Some(file) = file(sources) {
        match read_file(&file, &mut problems) {
            Ok(values) => figment = figment.merge(Layer { name: format!("file {}", file.display()), values }),
            Err(reason) => problems.push(ConfigProblem { origin: Origin::File(file), reason }),
        }
    }
    for (variable, text) in &sources.variables {
        let Some(name) = variable.strip_prefix(VARIABLE_PREFIX) else { continue };
        let name = name.to_lowercase();
        if is_option(&name) {
            figment = figment.merge(Layer::one(format!("variable {variable}"), &name, text));
        } else if variable != FILE_VARIABLE && !CLIENT_VARIABLES.contains(&variable.as_str()) {
            problems.push(unknown(Origin::Variable(variable.clone()), &name));
        }
    }
    for (flag, text) in &sources.flags {
        figment = figment.merge(Layer::one(format!("flag --{flag}"), &flag.replace('-', "_"), text));
    }
    for flag in &sources.unknown_flags {
        problems.push(unknown(Origin::Flag(flag.clone()), flag.trim_start_matches('-')));
    }
    (figment, problems)
}

fn file(sources: &Sources) -> Option<PathBuf> {
    let variable = || sources.variables.iter().find(|(name, _)| name == FILE_VARIABLE).map(|(_, path)| path.into());
    sources.file.clone().or_else(variable)
}

/// The known options of a file; unknown ones become problems.
fn read_file(path: &PathBuf, problems: &mut Vec<ConfigProblem>) -> Result<Dict, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    let data = Toml::string(&text).data().map_err(|error| error.kind.to_string().trim_end().to_owned())?;
    let values: Dict = data.into_values().flatten().collect();
    let (known, unknown_ones): (Dict, Dict) = values.into_iter().partition(|(name, _)| is_option(name));
    problems.extend(unknown_ones.keys().map(|name| unknown(Origin::File(path.clone()), name)));
    Ok(known)
}

fn is_option(name: &str) -> bool {
    options().iter().any(|option| option.name == name)
}

fn unknown(origin: Origin, name: &str) -> ConfigProblem {
    ConfigProblem { origin, reason: format!("{name} is no option; `tenterhook serve --help` lists them all") }
}

/// Values with one origin.
struct Layer {
    name: String,
    values: Dict,
}

impl Layer {
    fn one(origin: String, name: &str, text: &str) -> Self {
        Self { name: origin, values: Dict::from([(name.to_owned(), Value::from(text))]) }
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}
