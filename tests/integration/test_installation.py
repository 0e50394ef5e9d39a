"""A restored or cloned database sends nothing until a person confirms; the same database deployed again goes on."""

import json
import shutil
import threading
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.db.backends.utils import CursorWrapper
from django.db.models import F
from django.utils import translation
from wagtail.users.models import UserProfile

from core import alerts, clock, heartbeat, installation
from core.errors import Conflict
from core.models import Installation, Witness
from tests.conftest import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def home(settings, tmp_path):
    settings.ALMANAC_HOME = tmp_path
    return tmp_path


def changed(**fields):
    Installation.objects.filter(pk=1).update(**fields)


def test_the_first_start_needs_no_confirmation():
    assert installation.may_send() == (True, "")
    assert Installation.objects.get().fingerprint["database"]["vendor"] == connection.vendor


def test_another_base_url_is_held_until_a_person_confirms(settings, owner):
    installation.check_and_beat()
    settings.ALMANAC_BASE_URL = "https://clone.example"
    allowed, reason = installation.may_send()
    assert not allowed
    assert "address" in reason
    installation.check_and_beat()
    installation.confirm(owner)
    assert installation.may_send() == (True, "")
    assert Installation.objects.get().confirmed_by == owner


def test_what_was_found_stays_found_even_when_the_sign_goes_away(settings):
    installation.check_and_beat()
    was = settings.ALMANAC_BASE_URL
    settings.ALMANAC_BASE_URL = "https://clone.example"
    installation.check_and_beat()
    settings.ALMANAC_BASE_URL = was
    assert not installation.may_send()[0]


def test_a_database_with_another_identity_is_held():
    fingerprint = installation.this().fingerprint
    changed(fingerprint={**fingerprint, "database": {**fingerprint["database"], "oid": "0", "inode": "0"}})
    assert not installation.may_send()[0]


@pytest.fixture
def beat(django_capture_on_commit_callbacks):
    """A beat, with what follows its commit."""

    def beaten():
        with django_capture_on_commit_callbacks(execute=True):
            installation.check_and_beat()

    return beaten


@pytest.fixture
def another_process(monkeypatch):
    """From here on it is another process that looks: it remembers nothing."""

    def start():
        monkeypatch.setattr(installation, "_lives", {})
        monkeypatch.setattr(installation, "_looking_on", {})

    return start


def went_back(numbers=0):
    Witness.objects.update(number=numbers)


def test_a_database_that_went_back_in_time_is_held(beat, another_process):
    for _beat in range(3):
        beat()
    went_back(2)
    another_process()
    assert not installation.may_send()[0]
    beat()
    went_back(1000)
    allowed, reason = installation.may_send()
    assert not allowed
    assert "backup" in reason


def test_a_process_that_was_stopped_between_row_and_file_holds_nobody(beat, another_process):
    """The order in which the fault was found: the row is read, another process beats, then the file is read."""
    beat()
    row = installation.this()
    another_process()
    for _beat in range(3):
        beat()
    _life, remembered, _row = installation._look()
    assert installation._went_back(row, remembered) == ""
    beat()
    assert installation.may_send() == (True, "")


def test_a_slice_that_a_restored_backup_lacks_is_found_without_a_beat_in_between(
    beat, another_process, django_capture_on_commit_callbacks
):
    beat()
    backup = list(Witness.objects.values_list("pk", "number"))
    with django_capture_on_commit_callbacks(execute=True):
        installation.about_to_send()
    for pk, number in backup:
        Witness.objects.filter(pk=pk).update(number=number)
    with pytest.raises(Conflict):
        installation.about_to_send()
    another_process()
    assert not installation.may_send()[0]


def test_a_slice_before_the_first_beat_is_no_sign(django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        installation.about_to_send()
    assert Witness.objects.count() == 0


# --- An installation of the release before ---------------------------------------------------------------------------


def kept_before(home, beaten_at):
    path = home / f"installation-{installation.this().public_id}.json"
    path.write_text(json.dumps({"beaten_at": beaten_at.isoformat()}))


@pytest.mark.parametrize("slept", [timedelta(0), timedelta(hours=9)])
def test_an_installation_of_the_release_before_goes_on(home, beat, slept):
    then = clock.now() - slept
    row = installation.this()
    changed(heartbeat_at=then, fingerprint={**row.fingerprint, "base_url": "http://127.0.0.1:8001"})
    kept_before(home, then)
    assert installation.may_send() == (True, "")
    beat()
    assert installation.may_send() == (True, "")


def test_one_that_was_restored_before_it_was_updated_is_held(home, beat):
    installation.this()
    changed(heartbeat_at=clock.now() - timedelta(minutes=10))
    kept_before(home, clock.now())
    beat()
    assert "backup" in installation.may_send()[1]


def test_what_the_release_before_wrote_as_the_reason_is_still_read():
    installation.this()
    changed(held_reason="This database looks like a restored backup.")
    assert installation.may_send() == (False, "This database looks like a restored backup.")


# --- A machine that knows nothing ------------------------------------------------------------------------------------


def test_a_clock_that_was_set_ahead_holds_no_machine_that_joins_a_busy_installation(
    home, beat, another_process, time_machine
):
    beat()
    shutil.rmtree(home)
    home.mkdir()
    another_process()
    time_machine.move_to(clock.now() + timedelta(hours=3))
    beat()
    assert not installation.may_send()[0]
    assert Installation.objects.get().held_reason == ""
    Witness.objects.update(number=F("number") + 1)  # another machine beats
    beat()
    assert installation.may_send() == (True, "")


def test_a_silent_database_is_looked_on_for_a_while_and_then_held(
    home, beat, another_process, time_machine, monkeypatch
):
    beat()
    shutil.rmtree(home)
    home.mkdir()
    another_process()
    time_machine.move_to(clock.now() + timedelta(hours=3))
    beat()
    assert Installation.objects.get().held_reason == ""
    monkeypatch.setattr(installation, "LOOK_ON_FOR", 0)
    beat()
    assert Installation.objects.get().held_reason == "silent"


# --- The address -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8123"),
        ("http://localhost:8000", "http://[::1]:8123/"),
        ("https://Shop.example/", "https://shop.example:443"),
        ("http://shop.example:80", "http://shop.example"),
    ],
)
def test_an_address_that_says_the_same_is_the_same(beat, settings, one, other):
    settings.ALMANAC_BASE_URL = one
    beat()
    settings.ALMANAC_BASE_URL = other
    beat()
    assert installation.may_send() == (True, "")


def test_a_process_that_was_told_no_address_sends_nothing_and_holds_nobody(beat, settings):
    settings.ALMANAC_BASE_URL = "https://shop.example"
    beat()
    settings.ALMANAC_BASE_URL = "http://127.0.0.1:8000"
    beat()
    allowed, reason = installation.may_send()
    assert not allowed
    assert "ALMANAC_BASE_URL" in reason
    settings.ALMANAC_BASE_URL = "https://shop.example"
    beat()
    assert installation.may_send() == (True, "")


# --- The database's identity -----------------------------------------------------------------------------------------


def test_a_link_in_the_path_and_a_right_to_ask_tell_no_databases_apart(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to("data")
    here = {"vendor": "sqlite", "path": str(tmp_path / "link" / "a"), "inode": "7"}
    assert installation.is_same_database(here, {**here, "path": str(tmp_path / "data" / "a")})
    assert not installation.is_same_database(here, {**here, "inode": "8"})
    server = {"vendor": "postgresql", "oid": "5", "name": "shop"}
    assert installation.is_same_database(server, {**server, "system": "1"})
    assert not installation.is_same_database({**server, "system": "2"}, {**server, "system": "1"})
    assert not installation.is_same_database({}, server)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="asks PostgreSQL")
def test_a_connection_that_breaks_is_no_other_database(monkeypatch):
    whole = CursorWrapper.execute

    def broken(self, sql, params=None):
        if "pg_control_system" in str(sql):
            raise OperationalError("terminating connection due to administrator command")
        return whole(self, sql, params)

    installation.this()
    monkeypatch.setattr(CursorWrapper, "execute", broken)
    monkeypatch.setattr(installation, "_identity", None)
    with pytest.raises(OperationalError):
        installation.fingerprint()


# --- Told at once ----------------------------------------------------------------------------------------------------


def told():
    for thread in threading.enumerate():
        if thread.name == alerts.THREAD:
            thread.join(10)


def test_a_hold_is_told_once_in_the_log_and_by_mail(beat, owner, marketer, settings, caplog, mailoutbox):
    marketer.email = "marketer@shop.example"
    marketer.save()
    make_user("gone", email="gone@shop.example", is_superuser=True, is_active=False)
    make_user("machine", email="machine@shop.example", is_superuser=True, is_service_account=True)
    beat()
    settings.ALMANAC_BASE_URL = "https://clone.example"
    for _beat in range(3):
        beat()
        told()
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(errors) == 1
    assert "moved" in errors[0].getMessage()
    assert [mail.to for mail in mailoutbox] == [["owner@shop.example"]]
    assert "https://clone.example/admin/reports/installation/" in mailoutbox[0].body
    assert "Confirm" in mailoutbox[0].body


def test_every_hold_is_told_anew(beat, owner, settings, caplog, mailoutbox):
    beat()
    for address in ("https://one.example", "https://two.example"):
        settings.ALMANAC_BASE_URL = address
        beat()
        told()
        installation.confirm(owner)
    assert len(mailoutbox) == 2


def test_an_administrator_reads_it_in_their_language(beat, owner, settings, mailoutbox):
    UserProfile.objects.create(user=owner, preferred_language="zh-hans")
    beat()
    settings.ALMANAC_BASE_URL = "https://clone.example"
    beat()
    told()
    assert mailoutbox[0].body.isascii() == (gettext_in("zh-hans", installation.SENTENCES["moved"]).isascii())


def gettext_in(language, words):
    with translation.override(language):
        return str(words)


def test_a_mail_server_that_is_gone_breaks_no_beat(beat, owner, settings, caplog, monkeypatch):
    def refused(*arguments, **options):
        raise ConnectionRefusedError("no mail server here")

    monkeypatch.setattr("django.core.mail.EmailMessage.send", refused)
    beat()
    settings.ALMANAC_BASE_URL = "https://clone.example"
    beat()
    told()
    assert Installation.objects.get().held_reason == "moved"
    assert "could not be sent" in caplog.text
    assert "owner@shop.example" not in caplog.text


def test_a_machine_that_slept_over_night_goes_on(time_machine):
    installation.check_and_beat()
    time_machine.move_to(clock.now() + timedelta(hours=14))
    installation.check_and_beat()
    assert installation.may_send()[0]


def test_a_silent_database_on_a_new_machine_is_held(home, time_machine, another_process):
    installation.check_and_beat()
    shutil.rmtree(home)
    home.mkdir()
    another_process()
    time_machine.move_to(clock.now() + timedelta(hours=14))
    installation.check_and_beat()
    assert not installation.may_send()[0]


def test_a_container_deployed_again_is_no_copy(home, monkeypatch):
    installation.check_and_beat()
    shutil.rmtree(home)
    home.mkdir()
    monkeypatch.setattr(heartbeat, "host", lambda: "another-container")
    installation.check_and_beat()
    assert installation.may_send()[0]


def test_processes_that_beat_are_alive():
    installation.beat("worker")
    assert heartbeat.alive("worker") == 1
    assert heartbeat.alive("scheduler") == 0


def test_a_person_confirms_it_in_the_admin(client, owner, settings):
    installation.check_and_beat()
    settings.ALMANAC_BASE_URL = "https://clone.example"
    client.force_login(owner)
    page = client.get("/admin/reports/installation/")
    assert "sends nothing now" in page.text
    assert "https://clone.example" in page.text
    client.post("/admin/reports/installation/")
    assert installation.may_send() == (True, "")
    assert "It is the one that was confirmed" in client.get("/admin/reports/installation/").text


def test_only_who_may_change_the_installation_sees_it(client, marketer):
    client.force_login(marketer)
    assert client.post("/admin/reports/installation/").status_code in {302, 403}
    assert Installation.objects.count() == 0


def test_a_slice_asks_the_installation_once(beat, django_assert_num_queries):
    """The row, the witnesses and the raise: no more, or every slice of half a second pays for it."""
    beat()
    installation.may_send()
    with django_assert_num_queries(3):
        installation.about_to_send(installation.standing())


def test_another_database_behind_the_same_process_has_its_own_files(beat):
    beat()
    before = installation._look()[0].folder
    changed(public_id="0190b5a0-0000-7000-8000-000000000001")
    life, remembered, row = installation._look()
    assert life.folder != before and str(row.public_id) in str(life.folder) and remembered == {}
