"""Several web processes answer, and one scrape counts what all of them answered."""

import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.request import Request, urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.faults.harness import place as places
from tests.installation import free_port, wait_until

TOKEN = "only-for-this-test-0123456789"
COUNT = 60


def ask(port, path, **headers):
    with urlopen(Request(f"http://127.0.0.1:{port}{path}", headers=headers), timeout=30) as answer:
        return answer.read().decode()


def answered(port) -> float:
    text = ask(port, "/metrics", Authorization=f"Bearer {TOKEN}")
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "almanac_http_request_seconds_count" and sample.labels["route"] == "/api/v1/openapi.json"
    )


def lives(port) -> bool:
    try:
        return ask(port, "/healthz") == "ok\n"
    except OSError:
        return False


@pytest.mark.slow
def test_what_all_processes_answered_is_counted_and_stays_counted(tmp_path):
    with places.place(tmp_path / "home", env={"ALMANAC_MONITOR_TOKEN": TOKEN}) as place:
        port = free_port()
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "config.wsgi:application", "--no-ws"]
        command += ["--port", str(port), "--workers", "2", "--blocking-threads", "2", "--respawn-failed-workers"]
        place.web = place.start(command)
        wait_until(lambda: lives(port), 60, "the web processes")
        files = place.home / "metrics"
        wait_until(lambda: len(list(files.glob("*/histogram_*.db"))) == 2, 60, "both")
        with ThreadPoolExecutor(8) as visitors:
            list(visitors.map(lambda _number: ask(port, "/api/v1/openapi.json", Connection="close"), range(COUNT)))
        assert {answered(port) for _time in range(6)} == {COUNT}, "whichever process answers"
        # One of them dies: what it answered was answered all the same.
        one = next(files.glob("*/histogram_*.db"))
        os.kill(int(one.stem.partition("_")[2]), signal.SIGKILL)
        wait_until(lambda: len(list(files.glob("*/histogram_*.db"))) == 3, 60, "another one")
        time.sleep(0.5)
        assert answered(port) == COUNT
        place.kill(place.web)
        # Another server begins at zero, as Prometheus expects of what was started again.
        place.web = place.start(command)
        wait_until(lambda: lives(port), 60, "the web processes")
        ask(port, "/api/v1/openapi.json")
        assert answered(port) == 1
        assert len(list(files.iterdir())) == 1, "the folder of the server that is gone is taken away"
