// A stand-in for an SMS provider: answers every POST with the id and status of a queued message.
import { createServer } from "node:http";

const port = Number(process.env.PORT ?? 9099);
let sent = 0;

createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => (body += chunk));
  request.on("end", () => {
    sent += 1;
    console.log(`${request.method} ${request.url} ${body}`);
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ message: { id: `sms-${sent}`, status: "queued" } }));
  });
}).listen(port, "127.0.0.1", () => console.log(`SMS provider on http://127.0.0.1:${port}`));
