"""Providers that throttle, fail, hang, refuse or half-accept: F14, F15, F16, F17, F18, F19, F20."""

import time
from contextlib import ExitStack
from email.header import decode_header, make_header
from email.utils import formatdate

import pytest

from tests.faults.harness.api import Reply as ApiReply
from tests.faults.harness.compare import check, in_doubt
from tests.faults.harness.mail import MailServer, Reply
from tests.faults.harness.place import wait_until
from tests.faults.harness.proxy import ChaosProxy
from tests.faults.test_workers import GOES_ON_WITHIN, mailing

pytestmark = [pytest.mark.slow, pytest.mark.faults]


def calling(place, api, people=200, **settings):
    """Everyone of a fresh shop gets a mail over the API; returns account and publication."""
    place.do("set_up", people=people)
    account = place.do("account", provider="sendgrid", settings={**api.settings, **settings})
    return account, place.do("publish", account=account)


# --- F14: 429 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "how", ["seconds", *(pytest.param(how, marks=pytest.mark.everywhere) for how in ("date", "absent"))]
)
def test_a_throttled_account_waits_as_long_as_it_was_told(place, api, how):
    """F14: Retry-After in seconds, as an HTTP date, and not at all; nobody is called before, nothing counts as failed."""
    throttled = []

    def rule(number, _addresses):
        if throttled and time.time() - throttled[0] < 6 and how != "absent":
            return ApiReply(429, headers={"Retry-After": "1"})
        if not throttled and number > 1:
            throttled.append(time.time())
            said = {"seconds": "6", "date": formatdate(time.time() + 7, usegmt=True)}.get(how)
            return ApiReply(429, headers={"Retry-After": said} if said else {})
        return None

    api.rule = rule
    calling(place, api, people=120, batch_size=20)
    place.up(workers=1)
    wait_until(lambda: throttled, GOES_ON_WITHIN, "the 429")
    place.wait_for_state("done", seconds=120)
    end = check(place, api)
    assert end["ledger"]["accepted"] == 120
    assert max(row["attempts"] for row in end["rows"]) <= 3
    told = throttled[0] + (6 if how != "absent" else 25)
    # Calls that were under way when the answer came are not early.
    early = [call for call in api.calls if throttled[0] + 1 < call.at < told - 0.5]
    assert early == []


# --- F15: both truths ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("harm", "taken"),
    [
        ("500", True),
        pytest.param("close", False, marks=pytest.mark.everywhere),
        pytest.param("500", False, marks=pytest.mark.everywhere),
        pytest.param("close", True, marks=pytest.mark.everywhere),
    ],
)
def test_an_answer_that_says_nothing_is_a_doubt_and_never_a_second_mail(place, api, harm, taken):
    """F15: the API failed before it took the body, or after; nobody can know, so nothing is sent again."""

    def rule(number, _addresses):
        if number != 2:
            return None
        return ApiReply(500, taken=taken) if harm == "500" else ApiReply(taken=taken, close=True)

    api.rule = rule
    account, publication = calling(place, api, people=100, batch_size=20)
    place.up(workers=1)
    end = place.wait_for_state("done", "held", seconds=120)
    doubts = in_doubt(end["rows"])
    if end["state"] == "held":  # much is in doubt, and a person looks first
        place.do("verb", publication=publication, name="release")
        end = place.wait_for_state("done", "held", seconds=120)
    assert 0 < len(doubts) <= 25
    assert api.total == (100 if taken else 100 - len(doubts))
    check(place, api)
    assert {one.address for one in api.record.read()} >= {
        row["address"] for row in end["rows"] if row["state"] == "accepted"
    }
    if taken:
        tell_everything(place, api, account)
        wait_until(lambda: place.state()["ledger"]["unknown"] == 0, 30, "the events to settle it", 0.3)
        assert check(place, api)["ledger"]["accepted"] == 100


def tell_everything(place, api, account):
    """All events, as SendGrid would post them, through the webhook."""
    import base64

    for begin in range(0, len(api.events), 200):
        body, headers = api.signed(api.events[begin : begin + 200])
        assert place.do("hook", account=account, body=base64.b64encode(body).decode(), headers=headers) == 200


@pytest.mark.parametrize("kind", [pytest.param("api", marks=pytest.mark.everywhere), "mail"])
def test_nobody_listens_and_nothing_is_lost_or_accepted(place, request, kind):
    """F15 and A5: connections are refused, so surely nothing was taken: rows stay pending; it goes on by itself."""
    fake = request.getfixturevalue(kind)
    fake.shut()
    place.do("set_up", people=60)
    provider = {"api": "sendgrid", "mail": "smtp"}[kind]
    account = place.do("account", provider=provider, settings=fake.settings)
    place.do("publish", account=account)
    place.up(workers=1)
    wait_until(
        lambda: place.do("account_health", public_id=account)["health"] != "ok", GOES_ON_WITHIN, "a sick account", 0.3
    )
    now = place.state()
    assert now["ledger"]["accepted"] == now["ledger"]["unknown"] == now["ledger"]["rejected"] == 0
    fake.open()
    healed = time.monotonic()
    place.wait_for_state("done", seconds=120)
    assert time.monotonic() - healed < GOES_ON_WITHIN + 30
    assert check(place, fake)["ledger"]["accepted"] == 60


# --- F16: it hangs ------------------------------------------------------------------------------------------------------


@pytest.mark.everywhere
@pytest.mark.parametrize("sick", [1, 2, 3])
def test_accounts_that_hang_do_not_hold_up_the_others(place, tmp_path, mail, sick):
    """F16: mail servers that say nothing after the final dot; a healthy account starts within ten seconds.

    Each sick account has as many publications as there are slots (two workers of four threads), so that without a share
    per account nothing would be left for anybody.
    """
    place.do("set_up", people=40)
    with ExitStack() as stack:
        servers = [
            stack.enter_context(MailServer(tmp_path, rule=hangs, name=f"sick{number}")) for number in range(sick)
        ]
        for server in servers:
            account = place.do("account", provider="smtp", settings=server.settings)
            for _number in range(8):
                place.do("publish", account=account)
        place.up()
        wait_until(lambda: all(server.stages["dot"] for server in servers), GOES_ON_WITHIN, "the hanging")
        time.sleep(10)
        healthy = place.do("publish", account=place.do("account", provider="smtp", settings=mail.settings))
        asked = time.monotonic()
        wait_until(lambda: mail.total, 30, "a healthy account's first message")
        assert time.monotonic() - asked <= 10
        place.wait_for_state("done", publication=healthy)
        assert mail.total == 40
        place.kill_everything()


def hangs(stage, _address):
    """Takes the message and never says so."""
    return Reply(taken=True, hang=True) if stage == "dot" else None


@pytest.mark.everywhere
def test_a_server_at_one_byte_a_second_holds_nobody_else_up(place, tmp_path, mail):
    """F16, the slow loris: its answers come byte by byte; another account on the same workers is done meanwhile."""
    place.do("set_up", people=100)
    with MailServer(tmp_path, name="slow") as slow, ChaosProxy(slow.port) as proxy:
        proxy.rate = 1
        settings = {**slow.settings, "port": proxy.port}
        place.do("publish", account=place.do("account", provider="smtp", settings=settings, name="slow"))
        place.up()
        wait_until(lambda: proxy.connections, GOES_ON_WITHIN, "the slow connection")
        healthy = place.do("publish", account=place.do("account", provider="smtp", settings=mail.settings, name="good"))
        place.wait_for_state("done", publication=healthy, seconds=60)
        assert mail.total == 100
        proxy.heal()
        place.kill_everything()


def test_a_network_that_cuts_every_connection_sends_nobody_anything_twice(place, mail):
    """F16, cut after some bytes: connections break in the middle of the server's answers, then the network heals."""
    with ChaosProxy(mail.port) as proxy:
        proxy.cut_after = 1500  # some ten messages of answers, then a reset in the middle of one
        place.do("set_up", people=100)
        settings = {**mail.settings, "port": proxy.port}
        publication = place.do("publish", account=place.do("account", provider="smtp", settings=settings))
        place.up(workers=1)
        wait_until(lambda: mail.total >= 20, GOES_ON_WITHIN, "some messages")
        proxy.heal()
        end = place.wait_for_state("done", "held", seconds=150)
        if end["state"] == "held":
            place.do("verb", publication=publication, name="release")
            place.wait_for_state("done", seconds=120)
    check(place, mail)
    assert set(mail.record.addresses.values()) == {1}


# --- F17, F18, F19: some of them ------------------------------------------------------------------------------------------


@pytest.mark.everywhere
def test_thirteen_of_two_hundred_are_refused_and_exactly_those(place, mail):
    """F17: refused one by one at RCPT; 187 arrive, 13 are rejected."""
    unlucky = {f"c{number}@shop.example" for number in range(0, 195, 15)}
    mail.rule = lambda stage, address: (
        Reply(b"554 5.6.0 Not this one") if stage == "rcpt" and address in unlucky else None
    )
    mailing(place, mail, people=200)
    place.up(workers=1)
    place.wait_for_state("done")
    end = check(place, mail)
    assert {row["address"] for row in end["rows"] if row["state"] == "rejected"} == unlucky
    assert (end["ledger"]["accepted"], end["ledger"]["rejected"]) == (187, 13)


def test_one_poisoned_recipient_of_a_batch_is_found_by_halving(place, api):
    """F18: the API says 400 as long as one recipient is in the call; the other 63 go out, that one is rejected."""

    def rule(_number, addresses):
        return ApiReply(400, words="Does not contain a valid address.") if "c40@shop.example" in addresses else None

    api.rule = rule
    calling(place, api, people=64, batch_size=64)
    place.up(workers=1)
    place.wait_for_state("done")
    end = check(place, api)
    assert (end["ledger"]["accepted"], end["ledger"]["rejected"]) == (63, 1)
    refused = [call for call in api.calls if call.status == 400]
    assert len(refused) <= 2 * 6 + 1, "2·log2(64)+1"


HOSTILE = (
    "{{ 1/0 }}",
    "\u202eevil",
    "<script>alert(1)</script>",
    "%s %(x)s",
    "🎉 ünïcode",
    "'; DROP TABLE contacts; --",
)


def test_hostile_names_poison_nobody_elses_mail(place, mail):
    """F19: names that look like templates, markup, formats and statements arrive as they are, and so does all other mail."""
    place.do("set_up", people=20)
    for number, name in enumerate(HOSTILE):
        place.do("add_people", count=1, prefix=f"h{number}-", first_name=name)
    place.do("publish", account=place.do("account", provider="smtp", settings=mail.settings))
    place.up(workers=1)
    place.wait_for_state("done")
    end = check(place, mail)
    assert end["ledger"]["accepted"] == 20 + len(HOSTILE) == mail.total
    subjects = {one.address: str(make_header(decode_header(one.subject))) for one in mail.record.read()}
    told = {subjects[f"h{number}-0@shop.example"] for number in range(len(HOSTILE))}
    assert told == {f"Hi {name}" for name in HOSTILE}


# --- F20: locked out --------------------------------------------------------------------------------------------------


@pytest.mark.everywhere
@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_is_tried_once_a_minute_and_nobody_is_lost(place, api, status):
    """F20: rows stay pending, the account says so, one attempt; mended settings are all it takes."""
    api.rule = lambda _number, _addresses: ApiReply(status, words="The provided authorization grant is invalid")
    account, _publication = calling(place, api, people=50)
    place.up(workers=2)
    wait_until(
        lambda: place.do("account_health", public_id=account)["health"] == "fix_settings",
        GOES_ON_WITHIN,
        "a sentence",
        0.3,
    )
    time.sleep(5)
    assert len(api.calls) <= 2, "two workers may have been on their way; then nobody tries for a minute"
    assert place.state()["ledger"]["accepted"] == place.state()["ledger"]["rejected"] == 0
    api.rule = None
    place.do("change_account", public_id=account, **api.settings)
    place.wait_for_state("done", seconds=120)
    assert check(place, api)["ledger"]["accepted"] == 50
