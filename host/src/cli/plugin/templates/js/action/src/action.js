// An action: a step of a workflow that scores a lead.

/** The score of a lead, 0 to 100, and its segment. */
export function score(lead) {
  const reachable = typeof lead.email === "string" && lead.email.includes("@") ? 40 : 0;
  const value = lead.contract_value ?? 0;
  const worth = value >= 10_000 ? 60 : value >= 1_000 ? 30 : 0;
  const score = reachable + worth;
  return { score, segment: score >= 70 ? "hot" : "cold" };
}
