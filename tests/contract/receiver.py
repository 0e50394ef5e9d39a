"""An HTTP service for the contract of a provider that the sandbox does not play. It keeps what it takes, and fails on request."""

import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver:
    """Takes every POST for which `accepts(headers, body)` answers True; 401 otherwise. `taken` is the ground truth."""

    def __init__(self, accepts):
        self.taken = []
        self.faults = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                fault = receiver.fault()
                if fault.get("status"):
                    self.reply(
                        fault["status"], {"Retry-After": str(fault["retry_after"])} if "retry_after" in fault else {}
                    )
                    return
                if not accepts(self.headers, body):
                    self.reply(401, {})
                    return
                receiver.taken.append((dict(self.headers), json.loads(body)))
                time.sleep(fault.get("delay", 0))
                if fault.get("close"):
                    self.close_connection = True
                    return
                self.reply(202, {})

            def reply(self, status, headers):
                self.send_response(status)
                for name, value in {**headers, "Content-Length": "0"}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def fail(self, times=1, **fault):
        self.faults.append({"times": times, **fault})

    def fault(self):
        for fault in self.faults:
            if fault["times"] > 0:
                fault["times"] -= 1
                return fault
        return {}

    def copies(self, name="ref"):
        """How many copies arrived, by a field of the body."""
        return dict(Counter(body[name] for _headers, body in self.taken))

    def close(self):
        self.server.shutdown()
        self.server.server_close()
