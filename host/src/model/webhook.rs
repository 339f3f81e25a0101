//! "Call Webhook" definitions: a request, a template, a response format and a response mapping.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Definition, HeaderField, Kind, PluginRef, Slug, Time};

/// An HTTP method of an outbound request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    /// As it stands in a request line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The format of a request or response body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BodyFormat {
    /// `application/json` (RFC 8259).
    Json,
    /// `application/x-www-form-urlencoded` (URL Standard §5). Requests by GET and DELETE carry it as the query.
    Form,
    /// `application/xml` (XML 1.0).
    Xml,
}

impl BodyFormat {
    /// The media type sent with it.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Form => "application/x-www-form-urlencoded",
            Self::Xml => "application/xml",
        }
    }

    /// The word for it in definitions and plugin configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Form => "form",
            Self::Xml => "xml",
        }
    }
}

/// What makes the request body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum Template {
    /// Text for the built-in `text-template`.
    Text {
        /// The template: `{{ record.first_name }}` inserts a field.
        text: String,
    },
    /// A plugin that exports `template`.
    Plugin {
        /// Which.
        plugin: PluginRef,
        /// Its configuration at this place of use.
        #[serde(default)]
        config: Value,
    },
}

/// What is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RequestSpec {
    /// The HTTP method.
    pub method: Method,
    /// The URL, with fields inserted as in templates; inserted values are percent-encoded.
    pub url: String,
    /// The format of the body.
    pub format: BodyFormat,
    /// Further headers; `{{ … }}` inserts fields, `{{ secret.NAME }}` a secret of the space.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<HeaderField>,
    /// What makes the body.
    pub template: Template,
}

/// One rule of a response mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MappingRule {
    /// A jq expression over the decoded response body.
    pub from: String,
    /// The field that gets its first value.
    pub to: String,
}

/// What reads the response.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum Mapping {
    /// Rules for the built-in `field-mapping`.
    Rules {
        /// In order; a later rule for the same field wins.
        rules: Vec<MappingRule>,
    },
    /// A plugin that exports `mapping`.
    Plugin {
        /// Which.
        plugin: PluginRef,
        /// Its configuration at this place of use.
        #[serde(default)]
        config: Value,
    },
}

/// What is expected back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ResponseSpec {
    /// The format of the body.
    pub format: BodyFormat,
    /// What reads it.
    pub mapping: Mapping,
}

/// A "Call Webhook" definition. A workflow calls it and uses the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Webhook {
    /// Its id in URLs and workflows.
    pub id: Slug,
    /// Its name for people.
    pub name: String,
    /// What it does, for people.
    pub description: String,
    /// What is sent.
    pub request: RequestSpec,
    /// What is expected back.
    pub response: ResponseSpec,
    /// The whole exchange, headers and body, may take this long, in milliseconds.
    pub timeout_ms: u64,
    /// Who made it: the name of the API key.
    pub created_by: String,
    /// When it was made.
    pub created_at: Time,
    /// When it was last saved.
    pub updated_at: Time,
}

impl Definition for Webhook {
    const KIND: Kind = Kind::Webhook;
    fn id(&self) -> String {
        self.id.to_string()
    }
}
