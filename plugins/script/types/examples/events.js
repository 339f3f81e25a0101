// Scripts of endpoints that take events of known types. They need the file that a server hands out.

/** @type {tenterhook.Render<tenterhook.EventOf<"lead.create">>} */
export const render = ({ data }, base) => {
  if (data.email === null) return null;
  const name = `${data.first_name ?? ""} ${data.last_name ?? ""}`.trim();
  return base.with({ json: { name, domain: data.email.split("@")[1] } });
};

/** @type {tenterhook.Render<tenterhook.EventOf<"meeting.booked" | "meeting.cancelled" | "lead.tags.update">>} */
export const several = (event) => {
  if (event.type === "lead.tags.update") return { tags: event.data.tags.map((tag) => tag.name) };
  const { title, starts_at, attendees } = event.data;
  const state = event.type === "meeting.cancelled" ? `off (${event.data.cancelled_by})` : "on";
  return { title, state, date: starts_at.slice(0, 10), emails: attendees.map(({ email }) => email) };
};

/** @type {tenterhook.Render<tenterhook.EventOf>} */
export const any = (event) => {
  switch (event.type) {
    case "endpoint.paused":
      return { text: `${event.data.endpoint.url}: ${event.data.last_failure?.status ?? "no answer"}` };
    case "call_missed":
      return { call: event.data.originatingNumberE164, since: new Date(event.data.created * 1000) };
    default:
      return null;
  }
};

// @ts-expect-error: there is no such type
/** @type {tenterhook.Render<tenterhook.EventOf<"lead.created">>} */
export const misnamed = () => null;

/** @type {tenterhook.Render<tenterhook.EventOf<"lead.create" | "campaign.create">>} */
export const wrong = (event) => {
  // @ts-expect-error: a campaign has no e-mail address
  console.log(event.data.email);
  if (event.type === "lead.create") {
    // @ts-expect-error: the name may be null
    return { name: event.data.first_name.trim() };
  }
  // @ts-expect-error: no campaign is ever in this state
  if (event.data.status === "started") return null;
  // @ts-expect-error: another type
  return { other: event.type === "lead.delete" };
};
