"""An action: a step of a workflow that scores a lead."""


def score(lead: dict) -> dict:
    """The score of a lead, 0 to 100, and its segment."""
    reachable = 40 if "@" in (lead.get("email") or "") else 0
    value = lead.get("contract_value") or 0
    worth = 60 if value >= 10_000 else 30 if value >= 1_000 else 0
    score = reachable + worth
    return {"score": score, "segment": "hot" if score >= 70 else "cold"}
