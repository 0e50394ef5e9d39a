"""Every line of the spool is read exactly once, whatever happens to the drainer."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.measurement import drain as drain_module
from campaigns.measurement import neighbours, spool
from campaigns.measurement.drain import drain
from campaigns.measurement.models import Hit, Rollup, SpoolFile
from core import clock

pytestmark = pytest.mark.django_db


def test_lines_become_hits_and_counts(world, door, write):
    publication, (copy,) = world.publish([world.contact()])
    write("click", copy, n=1)
    write("page", copy, v="v" * 22, p="/sale/")
    write("page", v="w" * 22, p="/sale/", c="black-friday", m="email")
    done = drain(door.folder)
    assert (done.lines, done.hits) == (3, 3)
    click = Hit.objects.get(kind="click")
    assert (click.publication, click.campaign, click.delivery, click.verdict) == (
        publication,
        world.campaign,
        copy,
        "human",
    )
    assert set(Rollup.objects.values_list("kind", "publication", "count")) == {
        ("click", publication.pk, 1),
        ("page", publication.pk, 1),
        ("page", None, 1),
    }


def test_a_second_pass_reads_nothing_again(world, door, write):
    _publication, (copy,) = world.publish([world.contact()])
    write("click", copy, n=1)
    drain(door.folder)
    assert drain(door.folder).lines == 0
    write("click", copy, n=1)
    assert drain(door.folder).lines == 1
    assert Hit.objects.count() == 2


def test_a_lost_offset_makes_no_line_count_twice(world, door, write):
    _publication, (copy,) = world.publish([world.contact()])
    for _ in range(3):
        write("click", copy, n=1)
    drain(door.folder)
    SpoolFile.objects.all().delete()
    drain(door.folder)
    assert Hit.objects.count() == 3
    assert Rollup.objects.get().count == 3


def test_a_half_written_line_waits_and_a_broken_one_is_counted(world, door, write):
    _publication, (copy,) = world.publish([world.contact()])
    write("click", copy, n=1)
    (path,) = door.folder.glob("*.jsonl")
    with path.open("ab") as file:
        file.write(b'{"k":"cli\n[]\n{"k":"teapot","t":1}\n{"k":"click","t":"x"}\n\xff\n{"k":"open"')
    drain(door.folder)
    row = SpoolFile.objects.get()
    assert (Hit.objects.count(), row.lines, row.broken_lines) == (1, 6, 5)
    assert row.offset == path.stat().st_size - len('{"k":"open"')


def test_a_batch_that_fails_leaves_nothing_behind(world, door, write, monkeypatch):
    _publication, (copy,) = world.publish([world.contact()])
    write("click", copy, n=1)

    def broken(*args):
        raise RuntimeError("the disk of the database is full")

    monkeypatch.setattr(drain_module.attribution, "credit", broken)
    with pytest.raises(RuntimeError):
        drain(door.folder)
    assert not Hit.objects.exists()
    assert not Rollup.objects.exists()
    monkeypatch.undo()
    assert drain(door.folder).hits == 1


def test_files_of_yesterday_are_removed_when_they_are_read(world, door, write):
    _publication, (copy,) = world.publish([world.contact()])
    write("click", copy, n=1)
    door.spool.close()
    (path,) = door.folder.glob("*.jsonl")
    yesterday = datetime.now(UTC) - timedelta(days=2)
    old = path.rename(path.with_name(f"{yesterday:%Y%m%d}{path.name[8:]}"))
    write("click", copy, n=2)
    stranger = door.folder / "notes.txt"
    stranger.write_text("not ours")
    done = drain(door.folder)
    assert (done.hits, done.files_removed) == (2, 1)
    assert not old.exists()
    assert stranger.exists()
    assert SpoolFile.objects.count() == 1


def test_large_batches_are_cut(world, door, write, monkeypatch):
    monkeypatch.setattr(drain_module, "BATCH_LINES", 7)
    _publication, (copy,) = world.publish([world.contact()])
    for number in range(20):
        write("page", copy, v=f"visitor-{number:020}", p="/")
    assert drain(door.folder).hits == 20


DRAINER = """
import sys, time
import django
django.setup()
from pathlib import Path
from campaigns.measurement.drain import drain
while True:
    drain(Path(sys.argv[1]))
    time.sleep(0.01)
"""


def this_database():
    """The address of the test's database, for another process."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlsplit(os.environ["ALMANAC_TEST_POSTGRES_URL"])._replace(path=f"/{name}").geturl()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_killing_the_drainer_again_and_again_loses_and_doubles_nothing(tmp_path):
    """A real process on the real database, killed with SIGKILL while lines are being appended."""
    folder = tmp_path / "spool"
    folder.mkdir()
    script = tmp_path / "drainer.py"
    script.write_text(DRAINER)
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings.embedded",
        "DATABASE_URL": this_database(),
        "ALMANAC_HOME": str(tmp_path / "home"),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }

    def start():
        return subprocess.Popen([sys.executable, str(script), str(folder)], env=environment)

    log = spool.Spool(folder)
    written = 0
    kills = 0
    drainer = start()
    try:
        until = time.monotonic() + 240  # 15 s on an idle machine; a busy one is no fault of the drainer's
        while kills < 4 and time.monotonic() < until:
            before = Hit.objects.count()
            # Let it read a little, so that it dies at work and not while it starts.
            while Hit.objects.count() < before + 100 and time.monotonic() < until:
                time.sleep(0.02)
                # No more than a slow drainer reads in a moment: the test is of kills, not of a backlog.
                for _ in range(20 if written < before + 1000 else 0):
                    assert log.append(
                        {"k": "page", "t": time.time_ns() // 1000, "p": f"/{written}", "a": "Mozilla/5.0 x"}
                    )
                    written += 1
            drainer.send_signal(signal.SIGKILL)
            drainer.wait()
            kills += 1
            drainer = start()
        while Hit.objects.count() < written and time.monotonic() < until:
            time.sleep(0.1)
    finally:
        drainer.kill()
        drainer.wait()
        log.close()
    assert kills == 4
    assert drain(folder).lines == 0
    assert Hit.objects.count() == written
    assert Hit.objects.values("path").distinct().count() == written
    assert SpoolFile.objects.get().lines == written
    assert json.loads(next(folder.glob("*.jsonl")).read_bytes().splitlines()[0])["p"] == "/0"


def explained(query):
    text, params = query.query.sql_with_params()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # a table of three rows is read whole otherwise
        cursor.execute(f"EXPLAIN {'QUERY PLAN ' if connection.vendor == 'sqlite' else ''}{text}", params)
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


def test_which_links_of_a_copy_were_followed_is_asked_of_the_index():
    now = clock.now()
    near = neighbours._clicks({1, 2}, now - timedelta(seconds=3), now)
    plan = explained(near.values_list("delivery_id", "link_number").distinct())
    assert "measurement_hit_of_copy" in plan
    assert "COVERING INDEX" in plan or connection.vendor == "postgresql", plan


def test_a_hammered_link_costs_every_batch_the_same(world, door, write, monkeypatch):
    """No stored neighbour is read or written for one more click on the same link."""
    monkeypatch.setattr(drain_module, "BATCH_LINES", 30)
    _publication, (copy,) = world.publish([world.contact()])
    now = clock.now()
    spent = []
    for batch in range(4):
        for number in range(30):
            write("click", copy, n=1, at=now + timedelta(milliseconds=batch * 30 + number))
        with CaptureQueriesContext(connection) as seen:
            drain(door.folder)
        spent.append([query["sql"].split(" ")[0] for query in seen])
        assert not any(query["sql"].startswith('UPDATE "measurement_hit"') for query in seen)
    assert spent[1] == spent[2] == spent[3]
    assert Hit.objects.filter(burst=1, verdict="human").count() == 120
    assert Rollup.objects.get().count == 120


def test_only_what_a_new_hit_changes_is_written(world, door, write):
    now = clock.now()
    _publication, copies = world.publish([world.contact(f"c{n}") for n in range(3)])
    for copy in copies:
        write("click", copy, n=0, at=now)
        write("click", copy, n=1, at=now + timedelta(seconds=1))
    drain(door.folder)
    write("click", copies[0], n=2, at=now + timedelta(seconds=2))
    write("click", copies[1], n=0, at=now + timedelta(seconds=2))
    with CaptureQueriesContext(connection) as seen:
        drain(door.folder)
    changed = [
        query["sql"] for query in seen if query["sql"].startswith(('UPDATE "measurement_hit"', "2 times: UPDATE"))
    ]
    assert len(changed) == 1
    assert Hit.objects.filter(verdict="machine").count() == 3
    assert set(Hit.objects.filter(verdict="machine").values_list("delivery", flat=True)) == {copies[0].pk}


def test_half_a_character_stops_no_spool(world, door, write):
    """A beacon may send half of a surrogate pair; no database takes one."""
    write("page", v="v" * 22, p="/\ud800sale\0/", c="black-friday")
    assert drain(door.folder).hits == 1
    assert Hit.objects.get().path == "/?sale/"


def test_a_pass_whose_time_is_up_says_that_there_is_more(world, door, write, monkeypatch):
    monkeypatch.setattr(drain_module, "BATCH_LINES", 1)
    monkeypatch.setattr(drain_module, "BUDGET_SECONDS", 0)
    for _ in range(3):
        write("page", p="/", v="v" * 22)
    assert [drain(door.folder).is_behind for _pass in range(3)] == [True, True, False]
    assert Hit.objects.count() == 3
