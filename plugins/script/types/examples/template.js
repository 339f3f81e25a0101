// A script of an endpoint and one of a webhook, and what the types refuse.

/** @typedef {{ first_name: string, phone?: string }} Lead */

/** @type {tenterhook.Render<tenterhook.Event<Lead>, { channel: string }>} */
export const render = (input, base, call) => {
  if (input.type === "lead.delete") return null;
  if (input.data.phone === undefined) throw new Reject("the lead has no phone");
  console.log("lead", input.data, call.now);
  const signed = hmac("sha256", call.id, input.id).toHex();
  return base.with({
    url: `${base.url}?to=${encodeURIComponent(input.data.phone)}`,
    headers: { "x-signature": signed, "x-attempt": 1 },
    json: { channel: call.config.channel, text: `New lead: ${input.data.first_name}` },
  });
};

/** @type {tenterhook.Render<tenterhook.WebhookData>} */
export const plain = (input) => ({ text: `New lead: ${input.record?.first_name}` });

/** @type {tenterhook.Render} */
// @ts-expect-error: a template that returns nothing
export const nothing = () => {};

/** @type {tenterhook.Render<tenterhook.Event<Lead>>} */
export const wrong = (input, base) => {
  // @ts-expect-error: no such member
  base.header = "x";
  // @ts-expect-error: two words are one too many
  base.with({ jsonn: 1 });
  // @ts-expect-error: there is no browser and no Node here
  document.write(process.env);
  // @ts-expect-error: the lead has no such field
  return { name: input.data.last_name };
};
