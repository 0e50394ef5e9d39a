"""Who writes much leaves others their turn, and waits for nobody when nobody waits."""

import sqlite3
import subprocess
import sys
import threading
import time

import pytest
from django.db import connection, transaction

from core import bulk, db
from core.models import User

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL locks rows"),
]

HOLDER = """
import fcntl, sys, time
file = open(sys.argv[1], "ab")
fcntl.flock(file, fcntl.LOCK_SH)
print("held", flush=True)
time.sleep(60)
"""


def test_nobody_waits_and_nothing_is_waited_for():
    begun = time.monotonic()
    for _ in range(20):
        with bulk.turn():
            User.objects.filter(pk=0).update(is_active=False)
        with transaction.atomic():
            db.make_way()  # inside a transaction it would wait for those who wait for it
    assert time.monotonic() - begun < db.MOST_POLITE * 5


def test_who_waits_goes_before_the_next_turn():
    """Another connection asks for its turn in the middle of an import: it is served before the import goes on."""
    order = []
    wants, may_ask = threading.Event(), threading.Event()

    def visitor():
        may_ask.wait(10)
        wants.set()
        try:
            with transaction.atomic():
                order.append("visitor")
        finally:
            connection.close()

    thread = threading.Thread(target=visitor)
    thread.start()
    for number in range(6):
        with bulk.turn():
            order.append(number)
            if number == 1:
                may_ask.set()
                wants.wait(10)
                time.sleep(0.4)  # it has polled by now, and looks every 100 ms
    thread.join(10)
    assert order.index("visitor") == order.index(1) + 1, order


def test_a_mark_of_the_dead_is_gone_and_a_stubborn_one_is_not_waited_for_for_ever():
    path = db._waiting_file(connection)
    process = subprocess.Popen([sys.executable, "-c", HOLDER, path], stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"held\n"
        begun = time.monotonic()
        db.make_way()
        assert db.MOST_POLITE <= time.monotonic() - begun < 5
    finally:
        process.kill()
        process.wait()
    begun = time.monotonic()
    db.make_way()
    assert time.monotonic() - begun < db.MOST_POLITE


def test_a_single_statement_waits_with_a_mark_too():
    """Outside a transaction: what saves one row."""
    path = db._waiting_file(connection)
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    def save():
        try:
            User.objects.filter(pk=0).update(is_active=False)
        finally:
            connection.close()

    thread = threading.Thread(target=save)
    thread.start()
    try:
        time.sleep(0.3)
        held = subprocess.run(
            [
                sys.executable,
                "-c",
                "import fcntl, sys; fcntl.flock(open(sys.argv[1], 'ab'), fcntl.LOCK_EX | fcntl.LOCK_NB)",
                path,
            ],
            capture_output=True,
        )
        assert b"BlockingIOError" in held.stderr
    finally:
        other.execute("COMMIT")
        thread.join(10)
        other.close()
