//! Guest SDK: write tenterhook plugins in Rust.
//!
//! Implement [`Template`], [`Mapping`], [`Action`] or [`Verifier`] (one or several) and [`Describe`], and name them in
//! [`export!`]:
//!
//! ```
//! use tenterhook_plugin::{Call, Describe, Description, Failure, Json, Request, Template};
//!
//! struct Greeting;
//!
//! impl Template for Greeting {
//!     fn render(_call: &Call, input: Json, mut base: Request) -> Result<Option<Request>, Failure> {
//!         let record: serde_json::Value = input.decode()?;
//!         base.set_json(&serde_json::json!({ "text": format!("Hello, {}", record["name"]) }));
//!         Ok(Some(base))
//!     }
//! }
//!
//! impl Describe for Greeting {
//!     fn describe() -> Description {
//!         Description::new("greeting", "1.0.0", "Greets.")
//!     }
//! }
//!
//! tenterhook_plugin::export!(Greeting: template, describe);
//! tenterhook_plugin::bump_allocator!();
//! tenterhook_plugin::without_wasi_streams!();
//! # fn main() {}
//! ```
//!
//! The last two lines make it fast, and may be left out: [`bump_allocator!`] and [`without_wasi_streams!`] say when.
//!
//! Build it as a `cdylib` with `cargo build --release --target wasm32-wasip2`: the file is the component to upload.
//!
//! Actions may use what the host offers: [`records`], [`events`], [`webhooks`], [`state`], [`secrets`]. The component
//! imports those only that its code calls, so that an upload shows what it asks for; an admin grants it.
//!
//! Unit tests run natively, without a host: [`testing`] stands in for it.
//!
//! Every call gets a fresh instance, so a plugin keeps nothing between calls. A panic ends the call; its message and
//! place are written to the log of the delivery or task. The SDK changes nothing else.

mod allocator;
#[doc(hidden)]
pub mod bindings;
pub mod events;
mod glue;
mod inbound;
mod json;
pub mod log;
mod message;
pub mod records;
pub mod secrets;
pub mod state;
mod streams;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod trouble;
pub mod webhooks;

#[cfg(test)]
mod tests;

pub use allocator::Bump;
pub use bindings::base::tenterhook::plugin::troubles::Trouble;
pub use bindings::base::tenterhook::plugin::types::{Call, Failure, Field, Request, Response};
pub use bindings::verifier::exports::tenterhook::plugin::inbound_verifier::InboundRequest;
#[doc(hidden)]
pub use glue::{ActionGuest, DescribeGuest, MappingGuest, TemplateGuest, VerifierGuest};
pub use inbound::{Acceptance, Judgement, Secret, Verifier, constant_time_eq};
pub use json::Json;
#[doc(hidden)]
pub use streams::print;

use serde_json::Value;

/// Builds the request of a delivery or a webhook call.
pub trait Template {
    /// `input`: the event or call data. `base`: the request that the host would send, its body empty.
    /// `Ok(None)` means: do not send, and call it done.
    ///
    /// # Errors
    /// A [`Failure`] fails the delivery or task; `Unavailable` lets it be tried again.
    fn render(call: &Call, input: Json, base: Request) -> Result<Option<Request>, Failure>;
}

/// Reads the response of a webhook call.
pub trait Mapping {
    /// Called for every response that arrives whole, whatever its status.
    ///
    /// # Errors
    /// A [`Failure`] fails the delivery or task; `Unavailable` lets it be tried again.
    fn map(call: &Call, response: Response) -> Result<Verdict, Failure>;
}

/// A step of a workflow.
pub trait Action {
    /// `input`: the task's `with`, evaluated. The result is the task's output.
    ///
    /// # Errors
    /// A [`Failure`] fails the task; `Unavailable` lets it be tried again.
    fn run(call: &Call, input: Json) -> Result<Json, Failure>;
}

/// What a plugin says of itself. Read once, at upload.
pub trait Describe {
    /// Name, version, summary, configuration and examples.
    fn describe() -> Description;
}

/// What a response means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The call worked; a JSON object of field values for the record.
    Accepted(Json),
    /// The call may work later, for this reason.
    Retry(String),
    /// The call failed, for this reason.
    Failed(String),
}

/// What a plugin says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// The plugin's name.
    pub name: String,
    /// The plugin's version, semver.
    pub version: String,
    /// One sentence for people.
    pub summary: String,
    /// JSON Schema (2020-12) of the configuration.
    pub config_schema: Value,
    /// Host capabilities that the plugin asks for.
    pub capabilities: Vec<String>,
    /// An example configuration.
    pub example_config: Value,
    /// An example input.
    pub example_input: Value,
}

impl Description {
    /// A description of a plugin that takes any configuration and gives no examples.
    pub fn new(name: &str, version: &str, summary: &str) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            summary: summary.into(),
            config_schema: Value::Bool(true),
            capabilities: Vec::new(),
            example_config: Value::Null,
            example_input: Value::Null,
        }
    }

    /// With a JSON Schema (2020-12) of the configuration and an example of it.
    #[must_use]
    pub fn config(mut self, schema: Value, example: Value) -> Self {
        (self.config_schema, self.example_config) = (schema, example);
        self
    }

    /// With the host capabilities that the plugin asks for, such as `records`.
    #[must_use]
    pub fn capabilities<const N: usize>(mut self, names: [&str; N]) -> Self {
        self.capabilities = names.map(str::to_owned).into();
        self
    }

    /// With an example input. That of a template is the event, of a mapping the response's body, of an action its
    /// input, of a verifier a whole call: see [`Verifier`].
    #[must_use]
    pub fn input(mut self, example: Value) -> Self {
        self.example_input = example;
        self
    }
}

/// Exports a type as a plugin: `export!(MyPlugin: template, describe)`.
///
/// The words are `template`, `mapping`, `action`, `verifier` and `describe`; the type must implement the trait of each.
#[macro_export]
macro_rules! export {
    ($plugin:ty: $($interface:ident),+ $(,)?) => { $( $crate::__export_interface!($interface, $plugin); )+ };
}

/// One interface of [`export!`]. Outside WebAssembly nothing is exported: the names are none for a native linker.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_interface {
    (template, $plugin:ty) => {
        const _: () = {
            type Exported = $crate::TemplateGuest<$plugin>;
            #[cfg(target_arch = "wasm32")]
    $crate::bindings::template::__export_template!(Exported with_types_in $crate::bindings::template);
            #[cfg(not(target_arch = "wasm32"))]
            <Exported>::check();
        };
    };
    (mapping, $plugin:ty) => {
        const _: () = {
            type Exported = $crate::MappingGuest<$plugin>;
            #[cfg(target_arch = "wasm32")]
    $crate::bindings::mapping::__export_mapping!(Exported with_types_in $crate::bindings::mapping);
            #[cfg(not(target_arch = "wasm32"))]
            <Exported>::check();
        };
    };
    (action, $plugin:ty) => {
        const _: () = {
            type Exported = $crate::ActionGuest<$plugin>;
            #[cfg(target_arch = "wasm32")]
    $crate::bindings::action::__export_action!(Exported with_types_in $crate::bindings::action);
            #[cfg(not(target_arch = "wasm32"))]
            <Exported>::check();
        };
    };
    (verifier, $plugin:ty) => {
        const _: () = {
            type Exported = $crate::VerifierGuest<$plugin>;
            #[cfg(target_arch = "wasm32")]
    $crate::bindings::verifier::__export_verifier!(Exported with_types_in $crate::bindings::verifier);
            #[cfg(not(target_arch = "wasm32"))]
            <Exported>::check();
        };
    };
    (describe, $plugin:ty) => {
        const _: () = {
            type Exported = $crate::DescribeGuest<$plugin>;
            #[cfg(target_arch = "wasm32")]
    $crate::bindings::describe::__export_describe!(Exported with_types_in $crate::bindings::describe);
            #[cfg(not(target_arch = "wasm32"))]
            <Exported>::check();
        };
    };
}
