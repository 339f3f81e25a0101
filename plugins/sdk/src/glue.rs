//! Between the generated exports and the traits of this crate.

use std::marker::PhantomData;
use std::sync::Once;

use crate::bindings::base::tenterhook::plugin::types;
use crate::bindings::{action, describe, mapping, template, verifier};
use crate::{Acceptance, Action, Describe, Json, Judgement, Mapping, Secret, Template, Verdict, Verifier, log};

/// Exports a [`Template`].
pub struct TemplateGuest<P>(PhantomData<P>);
/// Exports a [`Mapping`].
pub struct MappingGuest<P>(PhantomData<P>);
/// Exports an [`Action`].
pub struct ActionGuest<P>(PhantomData<P>);
/// Exports a [`Verifier`].
pub struct VerifierGuest<P>(PhantomData<P>);
/// Exports a [`Describe`].
pub struct DescribeGuest<P>(PhantomData<P>);

impl<P: Template> TemplateGuest<P> {
    /// Compiles if there is something to export.
    pub const fn check() {}
}
impl<P: Mapping> MappingGuest<P> {
    /// Compiles if there is something to export.
    pub const fn check() {}
}
impl<P: Action> ActionGuest<P> {
    /// Compiles if there is something to export.
    pub const fn check() {}
}
impl<P: Verifier> VerifierGuest<P> {
    /// Compiles if there is something to export.
    pub const fn check() {}
}
impl<P: Describe> DescribeGuest<P> {
    /// Compiles if there is something to export.
    pub const fn check() {}
}

/// Sends panic messages to the log: without it the host sees a bare `unreachable`.
fn begin() {
    static HOOK: Once = Once::new();
    if cfg!(target_arch = "wasm32") {
        HOOK.call_once(|| std::panic::set_hook(Box::new(|panic| log::write(log::Level::Error, &panic.to_string()))));
    }
}

impl<P: Template> template::exports::tenterhook::plugin::payload_template::Guest for TemplateGuest<P> {
    fn render(
        call: types::Call,
        input: String,
        base: types::Request,
    ) -> Result<Option<types::Request>, types::Failure> {
        begin();
        P::render(&call, Json::named("input", input), base)
    }
}

impl<P: Mapping> mapping::exports::tenterhook::plugin::response_mapping::Guest for MappingGuest<P> {
    fn map(
        call: types::Call,
        response: types::Response,
    ) -> Result<mapping::exports::tenterhook::plugin::response_mapping::Verdict, types::Failure> {
        use mapping::exports::tenterhook::plugin::response_mapping::Verdict as Exported;
        begin();
        Ok(match P::map(&call, response)? {
            Verdict::Accepted(fields) => Exported::Accepted(fields.into_text()),
            Verdict::Retry(reason) => Exported::Retry(reason),
            Verdict::Failed(reason) => Exported::Failed(reason),
        })
    }
}

impl<P: Action> action::exports::tenterhook::plugin::trigger_action::Guest for ActionGuest<P> {
    fn run(call: types::Call, input: String) -> Result<String, types::Failure> {
        begin();
        P::run(&call, Json::named("input", input)).map(Json::into_text)
    }
}

impl<P: Verifier> verifier::exports::tenterhook::plugin::inbound_verifier::Guest for VerifierGuest<P> {
    fn verify(
        call: types::Call,
        request: verifier::exports::tenterhook::plugin::inbound_verifier::InboundRequest,
        secrets: Vec<verifier::exports::tenterhook::plugin::inbound_verifier::Secret>,
    ) -> Result<verifier::exports::tenterhook::plugin::inbound_verifier::Judgement, types::Failure> {
        use verifier::exports::tenterhook::plugin::inbound_verifier as exported;
        begin();
        let secrets: Vec<_> = secrets.into_iter().map(|of| Secret { name: of.name, value: of.value }).collect();
        Ok(match P::verify(&call, request, &secrets)? {
            Judgement::Accepted(Acceptance { id, payload }) => {
                exported::Judgement::Accepted(exported::Acceptance { id, payload: payload.map(Json::into_text) })
            }
            Judgement::Refused(reason) => exported::Judgement::Refused(reason),
            Judgement::Answered(response) => exported::Judgement::Answered(response),
        })
    }
}

impl<P: Describe> describe::exports::tenterhook::plugin::describe::Guest for DescribeGuest<P> {
    fn describe() -> describe::exports::tenterhook::plugin::describe::Description {
        begin();
        let of = P::describe();
        describe::exports::tenterhook::plugin::describe::Description {
            name: of.name,
            version: of.version,
            summary: of.summary,
            config_schema: of.config_schema.to_string(),
            capabilities: of.capabilities,
            example_config: of.example_config.to_string(),
            example_input: of.example_input.to_string(),
        }
    }
}
