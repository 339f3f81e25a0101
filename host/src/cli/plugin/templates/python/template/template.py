"""A template: tells a chat channel about a lead."""


class Unusable(Exception):
    """The input is not what the plugin takes."""


def message(config: dict, lead: dict) -> dict:
    """The message about a lead."""
    name = lead.get("name")
    if not isinstance(name, str):
        raise Unusable("input: `name` is missing")
    email = lead.get("email")
    address = f" ({email})" if email else ""
    return {"channel": config["channel"], "text": f"New lead: {name}{address}"}
