"""Errors to Sentry: to a server of its kind on this machine, and without anything that names a person."""

import gzip
import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.conf import settings

CRASH = """
import os, types, sys
from config import env
env.use_settings()
import django
django.setup()
from django.test import Client
from django.urls import path

def view(request, token):
    secret = "canary-local"
    raise ValueError("Key (address)=(canary-person@shop.example) already exists.")

urls = types.ModuleType("crashing_urls")
urls.urlpatterns = [path("u/<str:token>", view)]
urls.handler500 = "django.views.defaults.server_error"
sys.modules["crashing_urls"] = urls
from django.conf import settings
settings.ROOT_URLCONF = "crashing_urls"
settings.ALLOWED_HOSTS = ["testserver"]
client = Client(raise_request_exception=False)
answer = client.post("/u/canary-token?q=canary-query", {"email": "canary-body"}, headers={
    "user-agent": "canary-agent", "cookie": "sessionid=canary-cookie", "x-request-id": "request-0001"})
assert answer.status_code == 500
import sentry_sdk
sentry_sdk.flush(10)
"""


@pytest.fixture
def sentry():
    """A server that keeps the events of the envelopes that it gets."""
    events, raw = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            text = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            raw.append(text.decode())
            lines = text.decode().splitlines()
            events.extend(
                json.loads(content)
                for head, content in zip(lines[1::2], lines[2::2], strict=False)
                if json.loads(head).get("type") == "event"
            )
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://key@127.0.0.1:{server.server_port}/1", events, raw
    server.shutdown()
    server.server_close()


def run(code, tmp_path, **variables):
    clean = {name: value for name, value in os.environ.items() if not re.match("ALMANAC_|DATABASE_|DJANGO_", name)}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**clean, "ALMANAC_HOME": str(tmp_path), **variables},
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )


def test_an_error_is_reported_with_its_request_and_without_the_person(sentry, tmp_path):
    dsn, events, raw = sentry
    done = run(CRASH, tmp_path, ALMANAC_SENTRY_DSN=dsn, ALMANAC_SENTRY_ENVIRONMENT="test")
    assert done.returncode == 0, done.stderr[-2000:]
    reported = [event for event in events if "exception" in event]
    assert len(reported) == 1
    event = reported[0]
    assert event["exception"]["values"][-1]["type"] == "ValueError"
    assert event["exception"]["values"][-1]["value"] == "Key (address)=([address]) already exists."
    assert event["tags"]["request_id"] == "request-0001"
    assert (event["environment"], event["release"]) == ("test", f"almanac@{settings.VERSION}")
    frames = event["exception"]["values"][-1]["stacktrace"]["frames"]
    assert not any("vars" in frame for frame in frames)
    sent = "".join(raw)
    # The frames of the test's own code hold the source, which spells the canaries; a person's data would stand elsewhere.
    without_source = re.sub(r'"(pre_context|post_context)": ?\[[^\]]*\]|"context_line": ?"(?:[^"\\]|\\.)*"', "", sent)
    assert "canary" not in without_source
    assert "request" not in event


def test_without_the_extra_the_start_says_what_to_install(tmp_path):
    code = "import sys; sys.modules['sentry_sdk'] = None\nfrom config import env; env.use_settings()"
    done = run(code, tmp_path, ALMANAC_SENTRY_DSN="http://key@127.0.0.1:9/1")
    assert done.returncode == 1
    assert "ALMANAC_SENTRY_DSN needs an optional dependency: install almanac[sentry]." in done.stderr
