//! What a plugin can be, in the words of the command line.

use std::str::FromStr;

use serde::Serialize;

use crate::model::Export;

/// What a plugin can be written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Builds a request.
    Template,
    /// Reads a response.
    Mapping,
    /// A step of a workflow.
    Action,
    /// Says who calls a trigger.
    Verifier,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Template, Self::Mapping, Self::Action, Self::Verifier];

    /// Its word on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Template => "template",
            Self::Mapping => "mapping",
            Self::Action => "action",
            Self::Verifier => "verifier",
        }
    }

    /// Its interface in `wit/tenterhook.wit`, without package and version.
    pub const fn interface(self) -> &'static str {
        match self {
            Self::Template => "payload-template",
            Self::Mapping => "response-mapping",
            Self::Action => "trigger-action",
            Self::Verifier => "inbound-verifier",
        }
    }
}

impl From<Export> for Role {
    fn from(export: Export) -> Self {
        match export {
            Export::Template => Self::Template,
            Export::Mapping => Self::Mapping,
            Export::Action => Self::Action,
            Export::Verifier => Self::Verifier,
        }
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words = || Self::ALL.map(Self::name).join(", ");
        Self::ALL.into_iter().find(|role| role.name() == text).ok_or_else(|| format!("write one of {}", words()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::interface;

    #[test]
    fn roles_are_the_exports_of_the_interface() {
        for export in [Export::Template, Export::Mapping, Export::Action, Export::Verifier] {
            assert_eq!(Role::from(export).interface(), interface(export));
        }
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(role));
        }
        assert!("describe".parse::<Role>().is_err());
    }
}
