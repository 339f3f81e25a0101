"""What the server calls: `payload-template` and `describe` of wit/plugin.wit."""

import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.describe import Description
from wit_world.imports import log
from wit_world.imports.types import Call, Failure_Invalid, Field, Request

from template import Unusable, message


class PayloadTemplate(exports.PayloadTemplate):
    def render(self, call: Call, input: str, base: Request) -> Request | None:
        config = json.loads(call.config)
        try:
            body = message(config, json.loads(input))
        except Unusable as reason:
            raise Err(Failure_Invalid(str(reason)))
        log.write(log.Level.INFO, f"a message for {config['channel']}")
        headers = [field for field in base.headers if field.name.lower() != "content-type"]
        headers.append(Field("content-type", "application/json"))
        return Request(base.method, base.url, headers, json.dumps(body, ensure_ascii=False).encode())


class Describe(exports.Describe):
    def describe(self) -> Description:
        schema = {
            "type": "object",
            "properties": {"channel": {"type": "string"}},
            "required": ["channel"],
            "additionalProperties": False,
        }
        return Description(
            name="my-plugin",
            version="0.1.0",
            summary="Tells a chat channel about a lead.",
            config_schema=json.dumps(schema),
            capabilities=[],
            example_config=json.dumps({"channel": "#sales"}),
            example_input=json.dumps({"name": "Anna", "email": "anna@example.com"}),
        )
