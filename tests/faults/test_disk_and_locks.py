"""F9 and G15 with real processes: a disk that runs full under a running campaign, and a writer that holds SQLite for long."""

import os
import shutil
import sqlite3
import subprocess
import threading
import time
from contextlib import contextmanager

import pytest

from config import processes
from tests.installation import Client, free_port, wait_until
from tests.small_place import Mail, small_place

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
    """Take all but `leave` bytes."""
    free = shutil.disk_usage(path.parent).free
    with path.open("wb") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, max(free - leave, 1))
            while not leave:
                os.write(file.fileno(), b"\0" * 4096)
        except OSError:
            return


def quiet(mail, seconds=2.0):
    """Wait until no mail has come for a while; returns how many came in all."""
    seen, since = mail.total, time.monotonic()
    while time.monotonic() - since < seconds:
        time.sleep(0.05)
        if mail.total != seen:
            seen, since = mail.total, time.monotonic()
    return seen


LINK = """
from campaigns.links.models import Link
from campaigns.publishing.models import Delivery
from campaigns.links import tokens
link = Link.objects.first()
print(tokens.make("click", Delivery.objects.first().pk, link.link_set_id), link.number)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_full_disk_stops_everything_loses_nothing_and_leaves_no_doubt(tmp_path):
    port = free_port()
    env = {"ALMANAC_DISK_RESERVE_MB": "20", "LOG_FOLDER": str(tmp_path), "ALMANAC_BASE_URL": f"http://127.0.0.1:{port}"}
    with (
        Mail(delay=0.02) as mail,
        small_disk(tmp_path / "disk") as disk,
        small_place(disk / "home", **env) as place,
    ):
        place.set_up(COUNT, mail.port, "plan(Moment.now())")
        token = place.manage("create_token", "--name", "shop", "--scope", "*").split()[-1]
        client = Client(port, token=token)
        place.up(workers=2)
        place.start(processes.web(port).command)
        wait_until(lambda: mail.total >= 60, 60, "mail")
        click_token, number = place.shell(LINK).split()

        # All at once, in the middle: nothing can be written any more.
        fill(disk / "rubbish", leave=0)
        at_full = mail.total
        stopped_at = quiet(mail)
        assert stopped_at - at_full <= 2 * 4 * 2 * 2, "what was in the air, and no more"
        assert stopped_at < COUNT
        answer = client.ask("POST", "/api/v1/contacts", {"contacts": []})
        assert answer.status == 507
        assert answer.json()["type"] == "urn:almanac:problem:disk_full"
        click = urlopen_without_following(port, f"/c/{click_token}/{number}")
        assert click == 302

        # Room again, but less than the reserve: what is known is written, and still nothing begins.
        (disk / "rubbish").unlink()
        fill(disk / "rubbish", leave=12 * MB)
        assert quiet(mail, 3.0) == stopped_at

        # Room enough: by itself.
        (disk / "rubbish").unlink()
        (end,) = place.wait_for(["done"], 90)
        said = place.said()
        assert end["ledger"]["accepted"] == COUNT, end
        assert end["ledger"]["unknown"] == 0
        assert set(mail.taken.values()) == {1}
        assert len(mail.taken) == COUNT
        assert place.audit() == []
    assert "Traceback" not in said
    assert "The disk is full" in said
    assert "room on the disk again" in said


def urlopen_without_following(port, path):
    from http.client import HTTPConnection

    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    try:
        return connection.getresponse().status
    finally:
        connection.close()


HELD = 30.0


@pytest.mark.slow
def test_a_writer_that_holds_the_database_for_long_is_waited_for_and_reaches_no_log(tmp_path):
    """SQLite has one writer. Ours wait for it; who only reads (the audit) does not even wait."""
    with Mail(delay=0.02) as mail, small_place(tmp_path / "home") as place:
        place.set_up(COUNT, mail.port, "plan(Moment.now())")
        place.up(workers=2)
        wait_until(lambda: mail.total >= 30, 60, "mail")
        holder = sqlite3.connect(place.home / "almanac.sqlite3", timeout=30, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        audits: list[tuple[float, list]] = []

        def audit():
            asked = time.monotonic()
            audits.append((time.monotonic() - asked, place.audit()))

        watcher = threading.Thread(target=audit)
        watcher.start()
        watcher.join(HELD)
        assert audits, "the audit waits for a writer"
        assert audits[0][1] == []
        assert mail.total < COUNT
        time.sleep(max(0.0, HELD - (time.monotonic() - begun)))
        holder.rollback()
        holder.close()
        (end,) = place.wait_for(["done"], 60)
        assert (end["ledger"]["accepted"], end["ledger"]["unknown"]) == (COUNT, 0)
        assert set(mail.taken.values()) == {1}
        assert place.audit() == []
        said = place.said()
    assert "locked" not in said
    assert "Traceback" not in said
    assert said.strip() == "", "nothing worth a line happened"
