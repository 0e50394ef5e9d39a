"""A copy that is made while it sends, and put back somewhere else: whole, held, and with its keys."""

import json
import stat
from pathlib import Path

import psycopg
import pytest

from tests.faults.harness import place as places
from tests.faults.harness.mail import MailServer
from tests.faults.harness.place import wait_until
from tests.faults.test_workers import mailing

pytestmark = pytest.mark.slow
# Places are cold: a process that was forked has the key of the process that it was forked from.


def back_up(place, *options) -> Path:
    return Path(place.manage("backup", str(place.home / "copies"), *options).strip())


def refused(place, *arguments) -> str:
    """What `restore` says when it refuses."""
    import subprocess

    done = subprocess.run(
        [*places.MANAGE, "restore", *map(str, arguments)], env=place.env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def upload(place, name, content) -> Path:
    path = place.home / "media" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


PROFILES = [
    "sqlite",
    pytest.param("postgres-rabbitmq", marks=[pytest.mark.postgres, pytest.mark.rabbitmq]),
]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_copy_made_while_it_sends_is_put_back_elsewhere_and_held(tmp_path, profile):
    with (
        MailServer(tmp_path, delay=0.3) as mail,
        places.place(tmp_path / "one", profile, cold=True) as one,
        places.place(tmp_path / "two", profile, cold=True) as two,
    ):
        mailing(one, mail, people=150)
        upload(one, "original_images/é 1.jpg", b"picture" * 1000)
        one.up(workers=1)
        wait_until(lambda: mail.total >= 5, 60, "a start")
        copy = back_up(one)
        assert stat.S_IMODE(copy.stat().st_mode) == 0o700
        assert stat.S_IMODE((copy / "keys.json").stat().st_mode) == 0o600
        one.wait_for_state("done")
        assert mail.total == 150, "the backup kept nobody waiting"
        one.end_consoles()
        one.kill_everything()

        assert "Set ALMANAC_SECRET_KEY" in refused(two, copy)
        keys = json.loads((copy / "keys.json").read_text())
        two.env |= {name: value for name, value in keys.items() if value}
        two.manage("restore", str(copy))
        assert (two.home / "media/original_images/é 1.jpg").read_bytes() == b"picture" * 1000
        now = two.do("state", publication="")
        assert now["ledger"]["targeted"] == 150
        assert two.do("audit") == []
        two.up(workers=1)
        wait_until(lambda: two.do("heard"), 60, "a worker and a scheduler")
        before = two.do("state", publication="")["ledger"]
        assert two.do("why_held") == "restored"
        assert mail.total == 150, "a copy sends nothing"
        assert before["accepted"] < 150, "it was made in the middle"
        two.kill_everything()
        assert "Stop web, workers and scheduler first" in refused(two, copy, "--replace")


def test_the_embedded_profile_keeps_its_own_key_and_damage_is_told(tmp_path):
    with places.place(tmp_path / "one", cold=True) as one, places.place(tmp_path / "two", cold=True) as two:
        for place in (one, two):
            place.env.pop("ALMANAC_SECRET_KEY")
        one.do("set_up", people=3)
        account = one.do(
            "account",
            provider="smtp",
            settings={
                "host": "127.0.0.1", "port": 25, "security": "none", "from_email": "a@shop.example",
                "username": "u", "password": "canary",
            },
        )  # fmt: skip
        copies = [back_up(one) for _time in range(1)]
        copy = copies[0]
        assert two.manage("restore", str(copy), "--check").startswith("The backup of ")
        old = (two.home / "secret_key").read_text()
        two.manage("restore", str(copy))
        assert (two.home / "secret_key").read_text() == (one.home / "secret_key").read_text() != old
        assert two.do("account_health", public_id=account)["health"] == "ok"
        assert two.do("opens_secrets") == 1
        assert "With --replace it is replaced" in refused(two, copy)
        two.end_consoles()
        two.manage("restore", str(copy), "--replace")
        with (copy / "media.tar").open("ab") as file:
            file.write(b"x")
        assert "The backup is damaged: media.tar" in refused(two, copy, "--replace")
        (copy / "manifest.json").unlink()
        assert "is no backup" in refused(two, copy)


@pytest.mark.postgres
@pytest.mark.rabbitmq
def test_a_dump_that_fails_in_the_middle_changes_nothing_and_tables_of_later_releases_go(tmp_path):
    with places.place(tmp_path / "one", "postgres-rabbitmq") as one:
        one.do("set_up", people=2)
        copy = back_up(one, "--without-keys")
        assert not (copy / "keys.json").exists()
        one.do("add_people", count=5, prefix="later")
        with psycopg.connect(one.env["DATABASE_URL"], autocommit=True) as database:
            database.execute("CREATE TABLE of_a_later_release (id int)")
        one.end_consoles()
        dump = copy / "database.dump"
        whole = dump.read_bytes()
        manifest = json.loads((copy / "manifest.json").read_text())
        dump.write_bytes(whole[: len(whole) // 2])
        broken = manifest | {
            "files": {name: known for name, known in manifest["files"].items() if name != "database.dump"}
        }
        (copy / "manifest.json").write_text(json.dumps(broken))
        assert "failed" in refused(one, copy, "--replace")
        assert one.do("contact_count", prefix="later")["rows"] == 5
        one.end_consoles()
        dump.write_bytes(whole)
        (copy / "manifest.json").write_text(json.dumps(manifest))
        one.manage("restore", str(copy), "--replace")
        assert one.do("contact_count", prefix="later")["rows"] == 0
        assert one.do("contact_count", prefix="c")["rows"] == 2
        assert one.do("why_held") == "restored", "though it was never started"
        with psycopg.connect(one.env["DATABASE_URL"]) as database:
            assert database.execute("SELECT to_regclass('of_a_later_release')").fetchone() == (None,)


def test_only_the_latest_copies_stay(tmp_path):
    with places.place(tmp_path / "one") as one:
        folder = tmp_path / "one/copies"
        for day in ("20260101", "20260102", "20260103"):
            (folder / f"almanac-{day}T000000Z").mkdir(parents=True)
        (folder / "something else").mkdir()
        copy = back_up(one, "--keep", "2")
        left = {path.name for path in folder.iterdir()}
        assert left == {copy.name, "almanac-20260103T000000Z", "something else"}
