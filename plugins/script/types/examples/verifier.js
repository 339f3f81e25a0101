// A script that says who calls: a challenge, and a signature.

/** @type {tenterhook.Verify} */
export const verify = (request, secrets, call) => {
  if (request.method === "GET") return { answer: { json: { response_token: request.query.crc_token } } };
  const time = request.headers.get("x-time") ?? "";
  if (Math.abs(call.now - Number(time)) > 300_000) return { refused: "too old" };
  const wanted = hmac("sha256", secrets.key, `${time}.${request.text()}`).toBase64();
  if (!equal(wanted, request.headers.get("x-signature") ?? "")) throw new Reject("bad signature");
  return { id: request.json().id, payload: request.form() };
};

/** @type {tenterhook.Verify} */
// @ts-expect-error: a reason alone is no verdict
export const wrong = () => "no";
