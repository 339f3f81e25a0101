// A script that is a step of a workflow.

/** @type {tenterhook.Run<{ lead: { seats: number, tags: string[] } }>} */
export const run = ({ lead }, call) => {
  const score = lead.seats * 2 + (lead.tags.findLast((tag) => tag === "vip") ? 50 : 0);
  return { score, segment: score > 40 ? "hot" : "cold", at: new Date(call.now).toISOString() };
};

/** @type {tenterhook.Run} */
// @ts-expect-error: there is no network
export const wrong = () => fetch("https://a.example");
