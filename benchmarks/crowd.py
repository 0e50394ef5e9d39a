"""`wrk` as a crowd of visitors, and nginx as the fastest way to answer them on this machine."""

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import tools
from benchmarks.frame import Broken

_ROTATING = """
local paths = {%s}
local at = 0
request = function()
  at = at + 1
  if at > #paths then at = 1 end
  return wrk.format("GET", paths[at])
end
done = function(summary, latency, requests)
  io.write(string.format("\\nTOLD %%d %%d %%d %%d %%d\\n", summary.requests, summary.duration, latency:percentile(95),
    summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
"""
_NGINX = """
worker_processes auto; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; open_file_cache max=100; types {{ text/html html; }}
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 127.0.0.1:{port} backlog=4096; root {folder}; location /c/ {{ return 302 https://shop.example/; }} }}
}}
"""


@dataclass(frozen=True, slots=True)
class Visit:
    """What a crowd met: answers in a second, the 95th percentile of their seconds, and how many were none or refusals."""

    rate: float
    p95: float
    errors: int


def wrk() -> str:
    """Where it is; raises `Missing`."""
    return tools.program("wrk", "wrk")


def visit(port: int, paths: Sequence[str], connections: int, seconds: int, folder: Path) -> Visit:
    """So many connections for so long, each asking for one of `paths` after the other as fast as it is answered."""
    script = folder / f"wrk-{port}.lua"
    script.write_text(_ROTATING % ", ".join(f'"{path}"' for path in paths))
    command = [wrk(), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script)]
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{port}"], capture_output=True, text=True, timeout=seconds + 60, check=False
    )
    told = re.search(r"^TOLD (\d+) (\d+) (\d+) (\d+) (\d+)$", done.stdout, re.MULTILINE)
    if told is None:
        raise Broken(f"wrk ended with {done.returncode}. {done.stdout[-300:]}{done.stderr[-300:]}")
    requests, microseconds, p95, refused, broken = map(int, told.groups())
    return Visit(requests / (microseconds / 1e6), p95 / 1e6, refused + broken)


def without_errors(found: Visit) -> Visit:
    """`found`; raises `Broken` when anybody got an error."""
    if found.errors:
        raise Broken(f"{found.errors} visitors got an error")
    return found


@contextmanager
def nginx(folder: Path) -> Iterator[int]:
    """nginx serving what is in `folder`, and 302 below ``/c/``; gives its port."""
    program = tools.program("nginx", "nginx-light")
    port = tools.free_port()
    config = folder / "nginx.conf"
    folder.chmod(0o755)
    user = "user root;\n" if os.geteuid() == 0 else ""
    config.write_text(user + _NGINX.format(folder=folder, port=port))
    with tools.listening([program, "-c", str(config), "-p", str(folder)], port):
        yield port
