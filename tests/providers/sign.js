// Signs calls with the providers' own libraries and prints them as JSON lines, for tests of the verifiers.
//
//   node sign.js [--at SECONDS] [VERIFIER=URL ...]
//
// A line is {"verifier", "what", "input", "expect"}. `input` is a whole call, in the shape of the example input of a
// verifier (plugins/sdk, `Verifier`). `expect` is {"accepted": ID or null} or {"refused": true}. The calls are of now,
// or of `--at`; a call goes to the URL that is given for its verifier, which counts for Twilio: it signs the URL.
//
// What a library can verify it must verify here, or the script fails.

import { createHmac } from "node:crypto";
import { verify as verifyGithub, sign as signGithub } from "@octokit/webhooks-methods";
import "@shopify/shopify-api/adapters/node";
import { shopifyApi } from "@shopify/shopify-api";
import { Webhook } from "standardwebhooks";
import Stripe from "stripe";
import twilio from "twilio";

const FORM = "application/x-www-form-urlencoded; charset=UTF-8";
const JSON_TYPE = "application/json";

/** Bodies that nobody can write anew without changing them: order, spaces, numbers, characters, line breaks. */
const BODIES = [
  '{"id":"evt_1","type":"order.paid"}',
  '{ "type":"order.paid",\r\n\t"data":{"total":1.50, ' +
    '"name":"Zo\u00eb \\"%s\\" \\u0007 \u2603 \u{1f680}"}, "id":"evt_2" }\n\n',
  `{"id":"evt_3","text":"${"long ".repeat(200)}"}`,
];

const { at, urls } = options(process.argv.slice(2));

function options(words) {
  const options = { at: Math.floor(Date.now() / 1000), urls: new Map() };
  while (words.length > 0) {
    const word = words.shift();
    const [verifier, ...url] = word.split("=");
    if (word === "--at") options.at = Number(words.shift());
    else if (url.length > 0) options.urls.set(verifier, url.join("="));
    else throw new Error(`unknown argument ${word}: give --at SECONDS or VERIFIER=URL`);
  }
  if (!Number.isSafeInteger(options.at)) throw new Error("--at takes seconds since 1970");
  return options;
}

function urlOf(verifier) {
  return urls.get(verifier) ?? "https://hooks.example/in/t0ken";
}

function must(valid, what) {
  if (!valid) throw new Error(`the provider's library does not verify its own call: ${what}`);
}

function print(verifier, what, secret, headers, body, expect, { method = "POST", url = urlOf(verifier) } = {}) {
  const input = { method, url, headers, body, secrets: { secret }, now: at * 1000 };
  process.stdout.write(`${JSON.stringify({ verifier, what, input, expect })}\n`);
}

/** The id in a body, which is that of the event. */
function idOf(body) {
  return JSON.parse(body).id;
}

function callStripe() {
  const { webhooks } = new Stripe("sk_test_none");
  const secret = "whsec_a_secret_of_an_endpoint";
  const header = (payload, timestamp, of = secret) =>
    webhooks.generateTestHeaderString({ payload, secret: of, timestamp });
  const call = (what, signature, body, expect) =>
    print("verify-stripe", what, secret, { "content-type": JSON_TYPE, "Stripe-Signature": signature }, body, expect);
  for (const [number, body] of BODIES.entries()) {
    const signature = header(body, at);
    webhooks.constructEvent(body, signature, secret, 300, undefined, at * 1000);
    call(`body ${number}`, signature, body, { accepted: idOf(body) });
  }
  const [body] = BODIES;
  const two = `${header(body, at, "whsec_another_secret")},${header(body, at).split(",")[1]}`;
  webhooks.constructEvent(body, two, secret, 300, undefined, at * 1000);
  call("a secret that is rolled", two, body, { accepted: idOf(body) });
  call("six minutes ago", header(body, at - 360), body, { refused: true });
  call("another secret", header(body, at, "whsec_another_secret"), body, { refused: true });
}

async function callGithub() {
  const secret = "It's a Secret to Everybody";
  for (const [number, body] of BODIES.entries()) {
    const signature = await signGithub(secret, body);
    must(await verifyGithub(secret, body, signature), `GitHub, body ${number}`);
    const headers = { "X-GitHub-Event": "issues", "X-GitHub-Delivery": `72d3162e-${number}` };
    const all = { "content-type": JSON_TYPE, ...headers, "X-Hub-Signature-256": signature };
    print("verify-github", `body ${number}`, secret, all, body, { accepted: `72d3162e-${number}` });
  }
}

/** Shopify's library verifies only, so the signature is made as Shopify's documentation says. */
async function callShopify() {
  const secret = "hush, a client secret";
  const options = { apiKey: "key", apiSecretKey: secret, apiVersion: "2025-07", hostName: "hooks.example" };
  const shopify = shopifyApi({ ...options, isEmbeddedApp: false, logger: { log: () => {} } });
  for (const [number, body] of BODIES.entries()) {
    const headers = {
      "content-type": JSON_TYPE,
      "X-Shopify-Topic": "orders/create",
      "X-Shopify-Hmac-Sha256": createHmac("sha256", secret).update(body, "utf8").digest("base64"),
      "X-Shopify-Shop-Domain": "a.myshopify.com",
      "X-Shopify-API-Version": "2025-07",
      "X-Shopify-Webhook-Id": `b54557e4-${number}`,
    };
    const rawRequest = { method: "POST", url: "/", headers };
    const { valid, ...why } = await shopify.webhooks.validate({ rawBody: body, rawRequest, rawResponse: {} });
    must(valid, `Shopify, body ${number}: ${JSON.stringify(why)}`);
    print("verify-shopify", `body ${number}`, secret, headers, body, { accepted: `b54557e4-${number}` });
  }
}

function callTwilio() {
  const token = "a1b2c3d4e5f60718293a4b5c6d7e8f90";
  const url = urlOf("verify-twilio");
  const call = (what, headers, body, to) => print("verify-twilio", what, token, headers, body, { accepted: null }, to);
  for (const [number, fields] of [
    { MessageSid: "SM1", From: "+14158675310", To: "+18005551212", Body: "Gr\u00fc\u00dfe \u2603 & more = 100% +1" },
    { b: "1", B: "2", a: "", Ab: "3", "a[]": ["z", "y", "z"] },
  ].entries()) {
    const signature = twilio.getExpectedTwilioSignature(token, url, fields);
    must(twilio.validateRequest(token, signature, url, fields), `Twilio, form ${number}`);
    const body = Object.entries(fields).flatMap(([name, values]) => [values].flat().map((value) => [name, value]));
    const headers = { "content-type": FORM, "X-Twilio-Signature": signature };
    call(`form ${number}`, headers, new URLSearchParams(body).toString());
  }
  for (const [number, body] of BODIES.entries()) {
    const hashed = `${url}${url.includes("?") ? "&" : "?"}bodySHA256=${twilio.getExpectedBodyHash(body)}`;
    const signature = twilio.getExpectedTwilioSignature(token, hashed, {});
    must(twilio.validateRequestWithBody(token, signature, hashed, body), `Twilio, body ${number}`);
    call(`body ${number}`, { "content-type": JSON_TYPE, "X-Twilio-Signature": signature }, body, { url: hashed });
  }
}

function callStandard() {
  const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const webhook = new Webhook(secret);
  for (const [number, body] of ["", ...BODIES].entries()) {
    const headers = {
      "content-type": JSON_TYPE,
      "webhook-id": `msg_${number}`,
      "webhook-timestamp": String(at),
      "webhook-signature": webhook.sign(`msg_${number}`, new Date(at * 1000), body),
    };
    print("verify-standard-webhooks", `body ${number}`, secret, headers, body, { accepted: `msg_${number}` });
  }
}

callStripe();
await callGithub();
await callShopify();
callTwilio();
callStandard();
