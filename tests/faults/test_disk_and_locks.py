"""F9 and G15 with real processes: a disk that runs full under a running campaign, and a writer that holds SQLite for long."""

import os
import shutil
import sqlite3
import subprocess
import threading
import time
from contextlib import contextmanager
from http.client import HTTPConnection

import pytest

from tests.faults.harness import place as places
from tests.faults.harness.compare import check
from tests.faults.harness.place import wait_until
from tests.faults.test_workers import GOES_ON_WITHIN, mailing
from tests.installation import Client, free_port

pytestmark = [pytest.mark.slow, pytest.mark.faults]
COUNT = 400
MB = 1024 * 1024


@contextmanager
def small_disk(folder, size="96m"):
    """A file system of its own; only root may make one."""
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True)
    if made.returncode:
        pytest.skip("a small tmpfs cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def fill(path, leave):
    """Take all but `leave` bytes, in steps: others write meanwhile, and one large step that does not fit takes nothing."""
    with path.open("wb") as file:
        taken = 0
        for step in (MB, 4096):
            while shutil.disk_usage(path.parent).free - leave >= step:
                try:
                    os.posix_fallocate(file.fileno(), taken, step)
                except OSError:
                    break
                taken += step


def quiet(mail, seconds=2.0):
    """Wait until no mail has come for a while; returns how many came in all."""
    seen, since = mail.total, time.monotonic()
    while time.monotonic() - since < seconds:
        time.sleep(0.05)
        if mail.total != seen:
            seen, since = mail.total, time.monotonic()
    return seen


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_full_disk_stops_everything_loses_nothing_and_leaves_no_doubt(tmp_path, mail):
    """F9: no attempt begins, what was never begun is never in doubt, people are told, and room is all that is needed."""
    port = free_port()
    env = {"ALMANAC_DISK_RESERVE_MB": "20", "ALMANAC_BASE_URL": f"http://127.0.0.1:{port}"}
    with (
        small_disk(tmp_path / "disk") as disk,
        places.place(disk / "home", env=env, logs=tmp_path) as place,
    ):
        mailing(place, mail, people=COUNT)
        token = place.manage("create_token", "--name", "shop", "--scope", "*").split()[-1]
        client = Client(port, token=token)
        place.start_web(port)
        place.up()
        wait_until(lambda: mail.total >= 60, GOES_ON_WITHIN, "mail")
        click = place.do("tracked_click")

        # All at once, in the middle: nothing can be written any more.
        fill(disk / "rubbish", leave=0)
        at_full = mail.total
        assert shutil.disk_usage(disk).free < MB
        stopped_at = quiet(mail)
        assert stopped_at - at_full <= 2 * 4 * 2 * 2, "what was in the air, and no more"
        assert stopped_at < COUNT
        answer = client.ask("POST", "/api/v1/contacts", {"contacts": []})
        assert answer.status == 507
        assert answer.json()["type"] == "urn:almanac:problem:disk_full"
        assert without_following(port, click) == 302

        # Room again, but less than the reserve: what is known is written, and still nothing begins.
        (disk / "rubbish").unlink()
        fill(disk / "rubbish", leave=12 * MB)
        assert quiet(mail, 3.0) == stopped_at

        # Room enough: by itself.
        (disk / "rubbish").unlink()
        freed = time.monotonic()
        wait_until(lambda: mail.total > stopped_at, GOES_ON_WITHIN, "going on")
        assert time.monotonic() - freed < GOES_ON_WITHIN
        place.wait_for_state("done")
        ledger = check(place, mail)["ledger"]
        assert (ledger["accepted"], ledger["unknown"]) == (COUNT, 0)
        assert set(mail.record.addresses.values()) == {1}
        said = place.logged.read_text()
    assert "Traceback" not in said
    assert "The disk is full" in said
    assert "room on the disk again" in said


def without_following(port, path):
    """The status of a GET."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    try:
        return connection.getresponse().status
    finally:
        connection.close()


HELD = 30.0


@pytest.mark.everywhere
def test_a_writer_that_holds_the_database_for_long_is_waited_for_and_reaches_no_log(place, mail):
    """SQLite has one writer. Ours wait for it; who only reads (the audit) does not even wait."""
    mailing(place, mail, people=COUNT)
    place.up()
    wait_until(lambda: mail.total >= 30, GOES_ON_WITHIN, "mail")
    holder = sqlite3.connect(place.home / "almanac.sqlite3", timeout=30, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    begun = time.monotonic()
    audits: list[str] = []
    watcher = threading.Thread(target=lambda: audits.append(place.manage("audit_ledger", "--json")))
    watcher.start()
    watcher.join(HELD)
    assert audits, "the audit waits for a writer"
    assert '"violations": []' in audits[0]
    assert mail.total < COUNT
    time.sleep(max(0.0, HELD - (time.monotonic() - begun)))
    holder.rollback()
    holder.close()
    place.wait_for_state("done")
    ledger = check(place, mail)["ledger"]
    assert (ledger["accepted"], ledger["unknown"]) == (COUNT, 0)
    assert set(mail.record.addresses.values()) == {1}
    assert place.logged.read_text().strip() == "", "nothing worth a line happened"
