"""A disk that runs full: nothing new begins below the reserve, people and clients are told, and it goes on by itself."""

import errno
import os
import sqlite3

import psycopg
import pytest
from django.db import OperationalError
from django.test import Client

from core import db, disk
from core.services import create_token

MB = 1024 * 1024


@pytest.fixture
def room(monkeypatch):
    """Says how many bytes are left on every disk."""
    real = os.statvfs

    def leave(free, files=1_000_000):
        def look(path):
            values = list(real(path))
            values[0] = values[1] = 4096
            values[4] = free // 4096
            values[7] = files
            return os.statvfs_result(values)

        monkeypatch.setattr(disk.os, "statvfs", look)

    monkeypatch.setattr(disk, "_failed_at", -100.0)
    leave(10_000 * MB)
    return leave


def caused(cause):
    error = OperationalError("as Django tells it")
    error.__cause__ = cause
    return error


def sqlite_error(code):
    error = sqlite3.OperationalError("some words")
    error.sqlite_errorcode = code
    return error


def test_the_reserve_is_a_setting(room, settings):
    settings.ALMANAC_DISK_RESERVE = 200 * MB
    room(201 * MB)
    assert not disk.short()
    assert disk.sentence() == ""
    room(199 * MB)
    assert disk.short()
    assert "199 MB" in disk.sentence()
    assert "200 MB" in disk.sentence()
    settings.ALMANAC_DISK_RESERVE = 100 * MB
    assert not disk.short()
    settings.ALMANAC_DISK_RESERVE = 0
    room(0)
    assert not disk.short()


def test_a_disk_without_room_for_another_file_is_full(room):
    room(10_000 * MB, files=3)
    assert disk.short()


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (caused(sqlite_error(sqlite3.SQLITE_FULL)), True),
        (caused(sqlite_error(sqlite3.SQLITE_BUSY)), False),
        (caused(psycopg.errors.DiskFull("could not extend file")), True),
        (caused(psycopg.errors.AdminShutdown("terminating connection")), False),
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EACCES, "Permission denied"), False),
        (OperationalError("the server closed the connection"), False),
    ],
)
def test_which_errors_mean_that_there_is_no_room(room, error, full):
    assert disk.is_full(error) is full
    disk.note(error)
    assert disk.short() is full


def test_an_io_error_means_it_only_where_nothing_is_left(room):
    error = caused(sqlite_error(sqlite3.SQLITE_IOERR_SHMSIZE))
    assert not disk.is_full(error)
    room(0)
    assert disk.is_full(error)


@pytest.mark.parametrize(
    ("error", "busy"),
    [
        (caused(sqlite_error(sqlite3.SQLITE_BUSY)), True),
        (caused(sqlite_error(sqlite3.SQLITE_BUSY_SNAPSHOT)), True),
        (caused(sqlite_error(sqlite3.SQLITE_FULL)), False),
        (caused(psycopg.errors.DeadlockDetected("deadlock detected")), True),
        (caused(psycopg.errors.UniqueViolation("duplicate key")), False),
        (OperationalError("the server closed the connection"), False),
    ],
)
def test_which_errors_mean_that_somebody_else_held_it(error, busy):
    assert db.is_busy(error) is busy


def test_patience_ends_with_the_answer_with_time_or_with_being_told(room, monkeypatch):
    monkeypatch.setattr(db, "FIRST_PAUSE", 0.001)
    tries = []

    def third_time():
        tries.append(1)
        if len(tries) < 3:
            raise caused(sqlite_error(sqlite3.SQLITE_BUSY))
        return "done"

    assert db.patiently(third_time) == "done"

    def never():
        raise caused(sqlite_error(sqlite3.SQLITE_BUSY))

    with pytest.raises(OperationalError):
        db.patiently(never, seconds=0.01)
    with pytest.raises(OperationalError):
        db.patiently(never, enough=lambda: True)

    def another_kind():
        tries.append(1)
        raise OperationalError("gone")

    tries.clear()
    with pytest.raises(OperationalError):
        db.patiently(another_kind)
    assert len(tries) == 1


@pytest.fixture
def api(db):
    token = create_token("shop", ["*"])

    def ask(method, path, body=None):
        return getattr(Client(raise_request_exception=False), method)(
            f"/api/v1/{path}", body, content_type="application/json", headers={"Authorization": f"Bearer {token}"}
        )

    return ask


def test_writes_of_the_api_are_told_that_the_disk_is_full(room, api):
    contact = {"contacts": [{"external_id": "c1"}]}
    room(10 * MB)
    answer = api("post", "contacts", contact)
    assert answer.status_code == 507
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Retry-After"] == "60"
    body = answer.json()
    assert body["type"] == "urn:almanac:problem:disk_full"
    assert "disk is full" in body["detail"]
    assert "restarting" not in body["detail"]
    assert api("get", "segments").status_code != 507
    assert api("post", "publications/x/pause").status_code == 404, "what stops something is tried"
    room(10_000 * MB)
    assert api("post", "contacts", contact).status_code != 507


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (caused(sqlite_error(sqlite3.SQLITE_FULL)), 507, "disk is full"),
        (caused(psycopg.errors.DiskFull("no space left")), 507, "disk is full"),
        (caused(sqlite_error(sqlite3.SQLITE_BUSY)), 503, "busy"),
        (OperationalError("the server closed the connection"), 503, "restarting"),
    ],
)
def test_a_database_that_cannot_write_says_why(room, monkeypatch, error, status, words):
    def fail(*args, **options):
        raise error

    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", fail)
    answer = Client(raise_request_exception=False).get("/admin/login/")
    assert answer.status_code == status
    assert words in answer.content.decode()
    assert "Retry-After" in answer.headers


@pytest.mark.django_db
def test_every_page_of_the_admin_says_it_while_it_is_true(room, client, owner):
    client.force_login(owner)
    assert "disk is full" not in client.get("/admin/").content.decode()
    room(10 * MB)
    for address in ("/admin/", "/admin/reports/installation/"):
        page = client.get(address).content.decode()
        assert page.count("The disk is full") == 1
    room(10_000 * MB)
    assert "disk is full" not in client.get("/admin/").content.decode()
    room(10 * MB)
    assert "disk is full" not in Client().get("/admin/login/").content.decode(), "not to strangers"
