"""A verifier: takes calls that have the right token in a header, and answers challenges."""

import hmac
import json


class Unusable(Exception):
    """The trigger is not set up for this plugin."""


def judgement(headers: dict[str, str], body: bytes, secrets: dict[str, str]) -> tuple[str, str | None]:
    """What a call is: `accepted` with the sender's id, `refused` with the reason, or `answered` with a text."""
    token = secrets.get("token")
    if not token:
        raise Unusable("the trigger names no secret `token`")
    given = headers.get("x-token", "")
    if not hmac.compare_digest(given.encode(), token.encode()):
        return "refused", "x-token is missing or wrong"
    try:
        content = json.loads(body)
    except ValueError:
        content = None
    challenge = content.get("challenge") if isinstance(content, dict) else None
    if isinstance(challenge, str):
        return "answered", challenge
    return "accepted", headers.get("x-event-id")
