"""What the server calls: `response-mapping` and `describe` of wit/plugin.wit."""

import json

from wit_world import exports
from wit_world.exports.describe import Description
from wit_world.exports.response_mapping import Verdict, Verdict_Accepted, Verdict_Failed, Verdict_Retry
from wit_world.imports import log
from wit_world.imports.types import Call, Response

from mapping import verdict


class ResponseMapping(exports.ResponseMapping):
    def map(self, call: Call, response: Response) -> Verdict:
        kind, value = verdict(response.status, response.body)
        log.write(log.Level.DEBUG, f"status {response.status}: {kind}")
        match kind:
            case "accepted":
                return Verdict_Accepted(json.dumps(value))
            case "retry":
                return Verdict_Retry(value)
            case _:
                return Verdict_Failed(value)


class Describe(exports.Describe):
    def describe(self) -> Description:
        return Description(
            name="my-plugin",
            version="0.1.0",
            summary="Reads the answer of a help desk to a new ticket.",
            config_schema=json.dumps({"type": "null"}),
            capabilities=[],
            example_config="null",
            example_input=json.dumps({"id": "T-1042"}),
        )
