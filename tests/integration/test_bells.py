"""The embedded profile's broker under fire: real processes ring and take, some are killed, and no worker ever dies of it."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest
from django.conf import settings
from kombu import Connection

from config import bell_folder, processes
from tests.installation import wait_until

QUEUE = "almanac"

WRITER = """
import sys
from kombu import Connection
from config import bell_folder
bell_folder.register()
folder, who, count = sys.argv[1:]
with Connection("folder://localhost", transport_options={"folder": folder}) as broker:
    queue = broker.SimpleQueue("almanac", serializer="json")
    for number in range(int(count)):
        queue.put({"who": who, "number": number, "filling": "x" * 20_000})
print("done")
"""

READER = """
import sys
from kombu import Connection
from queue import Empty
from config import bell_folder
bell_folder.register()
with Connection("folder://localhost", transport_options={"folder": sys.argv[1], "polling_interval": 0.01}) as broker:
    queue = broker.SimpleQueue("almanac", serializer="json")
    while True:
        try:
            message = queue.get(timeout=1)
        except Empty:
            continue
        assert len(message.payload["filling"]) == 20_000
        message.ack()
        print(message.payload["who"], message.payload["number"], flush=True)
"""


def start(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=settings.BASE_DIR,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_nothing_is_read_by_halves_and_nothing_twice(tmp_path):
    folder = tmp_path / "bells"
    folder.mkdir()
    readers = [start(READER, folder) for _number in range(3)]
    writers = [start(WRITER, folder, who, 150) for who in "abc"]
    for writer in writers:
        assert writer.communicate(timeout=60)[0] == "done\n"
    wait_until(lambda: not list(folder.iterdir()), 30, "the readers")
    assert all(reader.poll() is None for reader in readers), "a reader died"
    for reader in readers:
        reader.send_signal(signal.SIGKILL)
    heard = [line for reader in readers for line in reader.communicate()[0].splitlines()]
    assert sorted(heard) == sorted(f"{who} {number}" for who in "abc" for number in range(150))


@pytest.fixture
def broker(tmp_path):
    bell_folder.register()
    with Connection("folder://localhost", transport_options={"folder": str(tmp_path / "bells")}) as connection:
        yield connection


def test_what_cannot_be_read_is_dropped_and_the_next_is_heard(broker, tmp_path):
    queue = broker.SimpleQueue(QUEUE, serializer="json")
    for number, content in enumerate([b"", b'{"body": "eyJ', b"\0" * 300, b"[1]", b"\xff\xfe"]):
        (tmp_path / "bells" / f"{number:020d}-1-{number}.{QUEUE}").write_bytes(content)
    queue.put({"run": 7})
    assert queue.get(timeout=2).payload == {"run": 7}
    assert not list((tmp_path / "bells").iterdir())


def test_bells_that_nobody_hears_do_not_fill_the_disk(broker, tmp_path, monkeypatch):
    monkeypatch.setattr(bell_folder, "MOST_WAITING", 5)
    queue = broker.SimpleQueue(QUEUE, serializer="json")
    for number in range(9):
        queue.put(number)
    assert [queue.get(timeout=1).payload for _number in range(5)] == [0, 1, 2, 3, 4]
    queue.put("again")
    assert queue.get(timeout=1).payload == "again"


def test_what_a_killed_process_had_in_its_hands_is_removed(tmp_path):
    folder = tmp_path / "bells"
    folder.mkdir()
    old, new = folder / ".1-1-1.almanac", folder / ".2-1-1.almanac"
    for path in (old, new):
        path.write_bytes(b"{")
    os.utime(old, (time.time() - 120,) * 2)
    bell_folder.register()
    with Connection("folder://localhost", transport_options={"folder": str(folder)}) as connection:
        connection.connect()
    assert [path.name for path in folder.iterdir()] == [new.name]


BELL = """
import sys
from config.celery import app
for number in range(int(sys.argv[1])):
    app.send_task("publishing.work", (10_000_000 + number,), expires=30)
"""


@pytest.mark.slow
def test_the_worker_lives_through_a_storm_of_bells(tmp_path):
    """The production worker, with ringers that are killed in the middle of writing."""
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.embedded", "ALMANAC_HOME": str(tmp_path)}
    env |= {"ALMANAC_LOG_LEVEL": "INFO"}
    subprocess.run([*processes.MANAGE, "migrate", "--verbosity", "0"], env=env, check=True, capture_output=True)
    with (tmp_path / "worker.log").open("wb") as log:
        workers = [
            subprocess.Popen(processes.worker(number).command, env=env, stdout=log, stderr=log, cwd=settings.BASE_DIR)
            for number in (1, 2)
        ]
    try:
        dice = random.Random(5)
        ringers = [
            subprocess.Popen([sys.executable, "-c", BELL, "1500"], env=env, cwd=settings.BASE_DIR)
            for _number in range(3)
        ]
        folder = tmp_path / "bells"
        wait_until(lambda: list(folder.glob("[!.]*")), 30, "the first bell")
        time.sleep(1 + dice.random())
        for ringer in ringers:
            ringer.kill()
            ringer.wait()
        wait_until(lambda: not list(folder.glob("[!.]*")), 40, "the workers")
        assert [worker.poll() for worker in workers] == [None, None]
        said = (tmp_path / "worker.log").read_text()
        assert "Traceback" not in said
        assert "could not be read" not in said
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def test_a_bell_carries_no_work(broker, tmp_path):
    """What stands in the folder is an id and nothing that names a person."""
    from config.celery import app

    with Connection("folder://localhost", transport_options={"folder": str(tmp_path / "bells")}) as connection:
        app.send_task("publishing.work", (7,), connection=connection, expires=30)
    (bell,) = (tmp_path / "bells").iterdir()
    assert "publishing.work" in json.loads(bell.read_bytes())["headers"]["task"]
