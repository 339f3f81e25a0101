"""Receives webhooks: verifies the signature, answers, and recognises repeats.

    pip install -r requirements.txt && WEBHOOK_SECRET=whsec_… python3 receiver.py 9090
"""

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

PORT = int(sys.argv[1]) if len(sys.argv) > 1 else 9090  # 0 takes a free one
BODY_BYTES_MAX = 2 * 1024 * 1024
# How many ids are remembered. Repeats come within days: a real receiver keeps ids in its database.
IDS_MAX = 10_000

webhook = Webhook(os.environ.get("WEBHOOK_SECRET") or sys.exit("set WEBHOOK_SECRET to the endpoint's secret, whsec_…"))
seen = {}  # in order of arrival
seen_lock = threading.Lock()


class Receiver(BaseHTTPRequestHandler):
    """Answers one delivery, on any path."""

    timeout = 30  # seconds: a sender that stalls holds no thread

    def do_POST(self):
        try:
            length = int(self.headers["content-length"])
        except (TypeError, ValueError):
            return self.answer(411, "the length of the body is missing")
        if not 0 <= length <= BODY_BYTES_MAX:
            return self.answer(413, "the body is too large")
        body = self.rfile.read(length)
        headers = {name.lower(): value for name, value in self.headers.items()}

        # The signature covers the bytes as they came, so nothing is parsed before. The sender's log shows the reason.
        try:
            webhook.verify(body, headers, json_parse=False)
        except WebhookVerificationError as error:
            return self.answer(401, str(error))
        except ValueError:  # a signature without comma or base64, a body that is no UTF-8
            return self.answer(401, "Malformed message")

        webhook_id = headers["webhook-id"]
        if is_new(webhook_id):
            keep(webhook_id, body)
        else:
            print(webhook_id, "repeated", flush=True)
        # A repeat is acknowledged too: the sender did not get the first answer, and asks no more after this one.
        self.answer(204)

    def answer(self, status, reason=""):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(reason.encode())

    def log_message(self, *_):
        """What came in is printed already."""


def keep(webhook_id, body):
    """Your code. Store the event and its id in one transaction, answer, and do the work afterwards: the sender waits
    for seconds only, and what is acknowledged but not stored is lost with the process."""
    print(webhook_id, type_of(body), flush=True)


def type_of(body):
    try:
        return json.loads(body)["type"]
    except (ValueError, KeyError, TypeError):
        return "-"  # a signed message, but no JSON event


def is_new(webhook_id):
    """Remembers an id; answers whether it is new."""
    with seen_lock:
        if webhook_id in seen:
            return False
        seen[webhook_id] = True
        if len(seen) > IDS_MAX:
            del seen[next(iter(seen))]  # the oldest
        return True


server = ThreadingHTTPServer(("127.0.0.1", PORT), Receiver)
print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
try:
    server.serve_forever()
except KeyboardInterrupt:
    pass
