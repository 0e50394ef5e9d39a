"""Transitions, tokens, secrets, money, time: the promises other rooms stand on."""

import threading
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from core import clock, crypto, ids, money, signing
from core.errors import FixSettings
from core.models import ProcessHeartbeat
from core.transitions import Machine

ZONES = sorted(clock.known_zones())


@given(st.binary(max_size=40), st.integers(min_value=0), st.integers(0, 7))
def test_a_token_with_one_bit_flipped_is_refused(payload, position, bit):
    token = signing.seal("test", payload)
    assert signing.unseal("test", token) == payload
    at = position % len(token)
    forged = token[:at] + chr(ord(token[at]) ^ (1 << bit)) + token[at + 1 :]
    with pytest.raises(signing.BadToken):
        signing.unseal("test", forged)


def test_a_token_of_one_purpose_is_nothing_for_another():
    with pytest.raises(signing.BadToken):
        signing.unseal("unsubscribe", signing.seal("click", b"1"))


def test_a_ciphertext_does_not_open_in_another_row():
    text = crypto.encrypt_json({"password": "canary"}, bound_to="account:1")
    assert "canary" not in text
    assert crypto.decrypt_json(text, bound_to="account:1") == {"password": "canary"}
    with pytest.raises(FixSettings):
        crypto.decrypt_json(text, bound_to="account:2")


def test_secrets_open_after_a_rotation(settings):
    text = crypto.encrypt_json("x", bound_to="a")
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "new" * 20
    assert crypto.decrypt_json(text, bound_to="a") == "x"


@given(st.integers(-(10**12), 10**12), st.sampled_from(["USD", "JPY", "KWD", "EUR", "CNY"]))
def test_money_survives_the_way_to_major_units_and_back(minor, currency):
    assert money.to_minor(money.to_major(minor, currency), currency) == minor


def test_money_refuses_digits_the_currency_does_not_have():
    with pytest.raises(ValueError, match="decimal"):
        money.to_minor(Decimal("1.005"), "USD")


def test_ids_are_ordered_by_time_and_of_version_7():
    made = [ids.uuid7() for _ in range(1000)]
    assert {value.version for value in made} == {7}
    assert len(set(made)) == 1000
    assert sorted(made, key=lambda value: value.int >> 80) == made


@given(st.datetimes(datetime(2024, 1, 1), datetime(2031, 1, 1)), st.sampled_from(ZONES))
def test_every_wall_clock_time_is_one_instant_that_shows_it_or_follows_a_gap(local, name):
    instant = clock.instant(local.date(), local.time(), name)
    shown = instant.astimezone(ZoneInfo(name)).replace(tzinfo=None)
    assert shown == local or timedelta(0) < shown - local <= timedelta(hours=24)
    earliest, latest = clock.first_and_last_instant(local.date(), local.time())
    assert earliest <= instant <= latest + timedelta(hours=24)


def test_the_gap_and_the_overlap():
    berlin = "Europe/Berlin"
    assert clock.instant(date(2027, 3, 28), time(2, 30), berlin) == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
    assert clock.instant(date(2027, 10, 31), time(2, 30), berlin) == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)


LIGHT = Machine("kind", {"go": {"red": "green"}, "stop": {"green": "red", "amber": "red"}})


@pytest.mark.django_db
def test_a_move_is_made_from_an_allowed_state_only():
    row = ProcessHeartbeat.objects.create(kind="red", host="h", pid=1, boot_id="b")
    assert not LIGHT.move(row, "stop")
    assert LIGHT.move(row, "go", boot_id="c")
    assert (row.kind, row.boot_id) == ("green", "c")
    assert LIGHT.open_verbs("green") == ["stop"]


@pytest.mark.django_db(transaction=True)
def test_of_many_movers_exactly_one_wins():
    row = ProcessHeartbeat.objects.create(kind="red", host="h", pid=1, boot_id="b")
    wins = []

    def mover():
        try:
            wins.append(LIGHT.move(ProcessHeartbeat.objects.get(pk=row.pk), "go"))
        finally:
            connection.close()

    threads = [threading.Thread(target=mover) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(wins) == [False] * 7 + [True]
