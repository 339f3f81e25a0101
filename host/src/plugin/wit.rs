//! The typed bindings of `wit/tenterhook.wit`, and their translation to the types of this module.
//!
//! One world names every export, so that all worlds share their types; a plugin may export any subset, which is why
//! calls go through the indices of one interface and never through the whole world.

use super::types::{Acceptance, Call, InboundRequest, InboundResponse, Judgement, OutboundRequest};
use crate::model::HeaderField;

wasmtime::component::bindgen!({
    inline: "
        package tenterhook:host;
        world plugin {
            import tenterhook:plugin/log@0.1.0;
            import tenterhook:plugin/records@0.1.0;
            import tenterhook:plugin/events@0.1.0;
            import tenterhook:plugin/webhooks@0.1.0;
            import tenterhook:plugin/state@0.1.0;
            import tenterhook:plugin/secrets@0.1.0;
            export tenterhook:plugin/payload-template@0.1.0;
            export tenterhook:plugin/response-mapping@0.1.0;
            export tenterhook:plugin/trigger-action@0.1.0;
            export tenterhook:plugin/inbound-verifier@0.1.0;
            export tenterhook:plugin/describe@0.1.0;
        }
    ",
    path: "../wit",
    world: "tenterhook:host/plugin",
    imports: {
        "tenterhook:plugin/records": async,
        "tenterhook:plugin/events": async,
        "tenterhook:plugin/webhooks": async,
        "tenterhook:plugin/state": async,
        "tenterhook:plugin/secrets": async,
    },
    exports: { "tenterhook:plugin/trigger-action": async },
});

pub(super) use exports::tenterhook::plugin::{
    describe, inbound_verifier, payload_template, response_mapping, trigger_action,
};
pub(super) use tenterhook::plugin::{events, log, records, secrets, state, troubles, types, webhooks};

impl From<Call> for types::Call {
    fn from(call: Call) -> Self {
        Self { space: call.space, id: call.id, now: call.now.as_millis(), config: call.config }
    }
}

fn fields(headers: Vec<HeaderField>) -> Vec<types::Field> {
    headers.into_iter().map(|HeaderField { name, value }| types::Field { name, value }).collect()
}

impl From<OutboundRequest> for types::Request {
    fn from(request: OutboundRequest) -> Self {
        let OutboundRequest { method, url, headers, body } = request;
        Self { method, url, headers: fields(headers), body: body.into() }
    }
}

impl From<types::Request> for OutboundRequest {
    fn from(request: types::Request) -> Self {
        let types::Request { method, url, headers, body } = request;
        let headers = headers.into_iter().map(|types::Field { name, value }| HeaderField { name, value }).collect();
        Self { method, url, headers, body: body.into() }
    }
}

impl From<InboundRequest> for inbound_verifier::InboundRequest {
    fn from(request: InboundRequest) -> Self {
        let InboundRequest { method, url, headers, body } = request;
        Self { method, url, headers: fields(headers), body: body.into() }
    }
}

impl From<inbound_verifier::Judgement> for Judgement {
    fn from(judgement: inbound_verifier::Judgement) -> Self {
        use inbound_verifier::Judgement as Wit;
        match judgement {
            Wit::Accepted(inbound_verifier::Acceptance { id, payload }) => Self::Accepted(Acceptance { id, payload }),
            Wit::Refused(reason) => Self::Refused(reason),
            Wit::Answered(types::Response { status, headers, body }) => {
                let headers = headers.into_iter().map(|types::Field { name, value }| HeaderField { name, value });
                Self::Answered(InboundResponse { status, headers: headers.collect(), body: body.into() })
            }
        }
    }
}

impl From<InboundResponse> for types::Response {
    fn from(response: InboundResponse) -> Self {
        Self { status: response.status, headers: fields(response.headers), body: response.body.into() }
    }
}
