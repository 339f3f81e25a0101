"""What the server calls: `trigger-action` and `describe` of wit/plugin.wit."""

import json

from wit_world import exports
from wit_world.exports.describe import Description
from wit_world.imports import log
from wit_world.imports.types import Call

from action import score


class TriggerAction(exports.TriggerAction):
    def run(self, call: Call, input: str) -> str:
        result = score(json.loads(input))
        log.write(log.Level.DEBUG, f"a {result['segment']} lead")
        return json.dumps(result)


class Describe(exports.Describe):
    def describe(self) -> Description:
        return Description(
            name="my-plugin",
            version="0.1.0",
            summary="Scores a lead.",
            config_schema=json.dumps({"type": "null"}),
            capabilities=[],
            example_config="null",
            example_input=json.dumps({"email": "anna@example.com", "contract_value": 12_500}),
        )
