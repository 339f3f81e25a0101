"""A mapping: reads the answer of a help desk to a new ticket."""

import json


def verdict(status: int, body: bytes) -> tuple[str, str | dict]:
    """What an answer means: `accepted` with the fields, `retry` or `failed` with the reason."""
    if status == 429 or status >= 500:
        return "retry", f"the help desk answers {status}"
    if not 200 <= status <= 299:
        return "failed", f"the help desk answers {status}"
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    ticket = answer.get("id") if isinstance(answer, dict) else None
    if not isinstance(ticket, str):
        return "failed", "the answer has no id"
    return "accepted", {"ticket": ticket}
