"""A restored or cloned database sends nothing until a person confirms; the same database deployed again goes on."""

import shutil
from datetime import timedelta

import pytest
from django.db import connection

from core import clock, heartbeat, installation
from core.models import Installation

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


def test_a_database_that_went_back_in_time_is_held():
    installation.check_and_beat()
    changed(heartbeat_at=clock.now() - timedelta(minutes=10))
    installation.check_and_beat()
    allowed, reason = installation.may_send()
    assert not allowed
    assert "backup" in reason


def test_a_machine_that_slept_over_night_goes_on(time_machine):
    installation.check_and_beat()
    time_machine.move_to(clock.now() + timedelta(hours=14))
    installation.check_and_beat()
    assert installation.may_send()[0]


def test_a_silent_database_on_a_new_machine_is_held(home, time_machine):
    installation.check_and_beat()
    shutil.rmtree(home)
    home.mkdir()
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
