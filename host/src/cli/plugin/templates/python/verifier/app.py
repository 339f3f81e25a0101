"""What the server calls: `inbound-verifier` and `describe` of wit/plugin.wit."""

import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.describe import Description
from wit_world.exports.inbound_verifier import (
    Acceptance,
    InboundRequest,
    Judgement,
    Judgement_Accepted,
    Judgement_Answered,
    Judgement_Refused,
    Secret,
)
from wit_world.imports import log
from wit_world.imports.types import Call, Failure_Invalid, Response

from verifier import Unusable, judgement


class InboundVerifier(exports.InboundVerifier):
    def verify(self, call: Call, request: InboundRequest, secrets: list[Secret]) -> Judgement:
        headers = {field.name.lower(): field.value for field in request.headers}
        try:
            kind, value = judgement(headers, request.body, {secret.name: secret.value for secret in secrets})
        except Unusable as reason:
            raise Err(Failure_Invalid(str(reason)))
        log.write(log.Level.DEBUG, kind)
        match kind:
            case "accepted":
                return Judgement_Accepted(Acceptance(id=value, payload=None))
            case "answered":
                return Judgement_Answered(Response(200, [], value.encode()))
            case _:
                return Judgement_Refused(value)


class Describe(exports.Describe):
    def describe(self) -> Description:
        example = {
            "headers": {"x-token": "example", "x-event-id": "e-1"},
            "body": "{}",
            "secrets": {"token": "example"},
        }
        return Description(
            name="my-plugin",
            version="0.1.0",
            summary="Takes calls that have the right token.",
            config_schema=json.dumps({"type": "null"}),
            capabilities=[],
            example_config="null",
            example_input=json.dumps(example),
        )
