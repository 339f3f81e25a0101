// Receives webhooks: verifies the signature, answers, and recognises repeats.
//
//     npm ci && WEBHOOK_SECRET=whsec_… node receiver.js 9090

import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const PORT = Number(process.argv[2] ?? 9090); // 0 takes a free one
const BODY_BYTES_MAX = 2 * 1024 * 1024;
// How many ids are remembered. Repeats come within days: a real receiver keeps ids in its database.
const IDS_MAX = 10_000;

if (!process.env.WEBHOOK_SECRET) {
  console.error("set WEBHOOK_SECRET to the endpoint's secret, whsec_…");
  process.exit(1);
}
const webhook = new Webhook(process.env.WEBHOOK_SECRET);
const seen = new Set();

/** Answers one delivery, on any path: status, and the reason of a refusal. */
async function receive(request) {
  if (request.method !== "POST") return [405, "only POST"];
  const body = await read(request);
  if (!body) return [413, "the body is too large"];

  // The signature covers the bytes as they came, so nothing is parsed before. The sender's log shows the reason.
  try {
    webhook.verify(body, request.headers, { jsonParse: false });
  } catch (error) {
    return [401, error.message];
  }

  const id = request.headers["webhook-id"];
  if (isNew(id)) keep(id, body);
  else console.log(`${id} repeated`);
  // A repeat is acknowledged too: the sender did not get the first answer, and asks no more after this one.
  return [204];
}

/** Your code. Store the event and its id in one transaction, answer, and do the work afterwards: the sender waits for
 * seconds only, and what is acknowledged but not stored is lost with the process. */
function keep(id, body) {
  console.log(`${id} ${typeOf(body)}`);
}

function typeOf(body) {
  try {
    return JSON.parse(body).type ?? "-";
  } catch {
    return "-"; // a signed message, but no JSON
  }
}

/** Remembers an id; answers whether it is new. */
function isNew(id) {
  if (seen.has(id)) return false;
  seen.add(id);
  if (seen.size > IDS_MAX) seen.delete(seen.values().next().value); // the oldest
  return true;
}

/** The raw body; nothing if it is too large. */
async function read(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size <= BODY_BYTES_MAX) chunks.push(chunk);
  }
  return size <= BODY_BYTES_MAX ? Buffer.concat(chunks) : undefined;
}

const server = createServer((request, response) => {
  receive(request).then(
    ([status, reason]) => response.writeHead(status).end(reason),
    () => response.destroy(), // without an answer the sender tries again
  );
});
server.requestTimeout = 30_000; // ms: a sender that stalls holds no connection
server.listen(PORT, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
