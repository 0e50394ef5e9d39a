"""What providers tell: after a kill, forged, repeated, early, and too much of it: F2, F25, F26, F27, F28."""

import base64
import random
import time

import pytest

from channels.sandbox import keys
from tests.faults.conftest import everywhere
from tests.faults.harness.compare import check, in_doubt
from tests.faults.harness.place import wait_until
from tests.faults.test_providers import calling, tell_everything
from tests.faults.test_workers import GOES_ON_WITHIN, killed_at

pytestmark = [pytest.mark.slow, pytest.mark.faults]


@everywhere
def test_events_settle_what_a_killed_worker_left_in_doubt(place, api):
    """F2 over the API: two workers die with a taken batch in their hands; the events prove every row of it."""
    account, _publication = calling(place, api, people=120, batch_size=20)
    died = killed_at(place, "after_accept", times=2, then=2)
    end = place.wait_for_state("done")
    doubts = in_doubt(end["rows"])
    assert died and len(doubts) >= 20
    assert {row["ref"] for row in doubts} <= {one.ref for one in api.record.read()} or len(doubts) > 20
    tell_everything(place, api, account)
    had = {one.ref for one in api.record.read()}
    wait_until(lambda: not [row for row in in_doubt(place.state()["rows"]) if row["ref"] in had], 30, "the events", 0.3)
    check(place, api)
    assert set(api.record.addresses.values()) == {1}


def test_news_that_come_before_the_answer_are_kept(place, api):
    """F27: the events are told while the call has not returned yet, and then the worker dies."""
    place.do("set_up", people=20)
    account = place.do("account", provider="sendgrid", settings={**api.settings, "batch_size": 20})
    place.do("publish", account=account)
    place.up(workers=0)
    worker = place.start_worker("after_accept:sleep=4,after_accept:kill")
    wait_until(lambda: api.total, GOES_ON_WITHIN, "the call")
    tell_everything(place, api, account)
    wait_until(lambda: worker.poll() is not None, GOES_ON_WITHIN, "its death")
    place.workers.remove(worker)
    place.start_worker()
    place.wait_for_state("done")
    end = check(place, api)
    assert (end["ledger"]["accepted"], end["ledger"]["unknown"]) == (20, 0)


@pytest.mark.everywhere
def test_any_order_of_news_from_the_wire_comes_to_the_same(place, api):
    """F25: processed, deferred, delivered, bounced, complained, in ten shuffles with repetitions, through the webhook."""
    account, _publication = calling(place, api, people=40, batch_size=40)
    place.up(workers=1)
    place.wait_for_state("done")
    taken = api.record.read()
    told = []
    for number, one in enumerate(taken):
        told += [api.event(one, "processed"), api.event(one, "delivered", response="250 OK")]
        if number % 4 == 1:
            told.append(api.event(one, "deferred", response="451 later", attempt="1"))
        if number % 8 == 2:
            told.append(api.event(one, "bounce", type="bounce", status="5.1.1", reason="550 5.1.1 nobody"))
        if number % 8 == 3:
            told.append(api.event(one, "spamreport"))
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    marks = []
    for _round in range(10):
        shuffled = dice.sample(told, len(told)) + dice.choices(told, k=20)
        for begin in range(0, len(shuffled), 25):
            body, headers = api.signed(shuffled[begin : begin + 25])
            assert place.do("hook", account=account, body=base64.b64encode(body).decode(), headers=headers) == 200
        wait_until(lambda: place.do("feedback").get("complained") == 5, 30, "the events", 0.2)
        marks.append(place.do("feedback"))
    assert marks[-1] == {"delivered": 30, "bounced": 5, "complained": 5}
    assert all(mark == marks[-1] for mark in marks[1:])
    assert place.do("suppressed") == 10
    check(place, api)


@pytest.mark.everywhere
def test_forged_stale_and_rotated_calls_at_the_door(place, api, tmp_path):
    """F26: another key, a changed byte, a stale time: 403 and nothing written; two keys hold while one is rotated."""
    account, _publication = calling(place, api, people=5)
    place.up(workers=1)
    place.wait_for_state("done")
    event = api.event(api.record.read()[0], "spamreport")
    body, headers = api.signed([event])

    def door(body, headers):
        return place.do("hook", account=account, body=base64.b64encode(body).decode(), headers=headers)

    other = keys.kept(tmp_path / "other.keys")
    forged = {**headers, "X-Twilio-Email-Event-Webhook-Signature": other.sign_events(str(int(time.time())), body)}
    assert door(body, forged) == 403
    assert door(body + b" ", headers) == 403
    assert door(body.replace(b"spamreport", b"spamrepors"), headers) == 403
    assert door(*api.signed([event], at=time.time() - 366 * 86_400)) == 403
    assert door(body, {name: value for name, value in headers.items() if "Signature" not in name}) == 403
    assert door(body, {**headers, "Content-Encoding": "gzip"}) == 415
    assert door(b"[" + b" " * (3 * 1024 * 1024) + b"]", headers) == 413
    assert place.do("events_kept") == 0
    place.do(
        "change_account",
        public_id=account,
        **{**api.settings, "webhook_public_key": other.sendgrid_public_key},
        former_webhook_public_key=api.keys.sendgrid_public_key,
    )
    assert door(body, headers) == 200, "the former key still holds"
    place.do("change_account", public_id=account, **{**api.settings, "webhook_public_key": ""})
    assert door(*api.signed([event])) == 403, "no key: refuse, never skip the verification"


@everywhere
def test_a_bounce_storm_stops_by_itself(place, api):
    """F28: two of five addresses do not exist; it is held within a minute, and the dead addresses are closed."""
    api.delay = 0.6  # several calls at once: all of them take some fifteen seconds
    account, _publication = calling(place, api, people=2000, batch_size=20)
    place.up(workers=1)
    told = 0
    deadline = time.monotonic() + 90
    held = None
    while held is None:
        assert time.monotonic() < deadline, "nothing held it"
        fresh = api.record.read()[told:]
        told += len(fresh)
        events = [
            api.event(one, "bounce", type="bounce", status="5.1.1", reason="550 5.1.1 nobody")
            if number % 5 < 2
            else api.event(one, "delivered")
            for number, one in enumerate(fresh)
        ]
        if events:
            body, headers = api.signed(events)
            assert place.do("hook", account=account, body=base64.b64encode(body).decode(), headers=headers) == 200
        now = place.state()
        assert now["state"] != "done", "everything went out"
        held = now if now["state"] == "held" else None
        time.sleep(0.3)
    assert held["reason"] == "fuse_bounces"
    time.sleep(5)
    at_rest = api.total
    time.sleep(3)
    assert api.total == at_rest < 2000, "no call begins later than five seconds after it was held"
    check(place, api)


def test_an_event_that_poisons_the_reader_is_left_aside(place, api):
    """A7 at the edge: applying an event fails once; the others are applied, and nothing is sent again."""
    account, _publication = calling(place, api, people=20, batch_size=20)
    place.start_worker()
    place.start_scheduler("event:error:3")
    place.wait_for_state("done")
    tell_everything(place, api, account)
    wait_until(lambda: sum(place.do("feedback").values()) >= 19, 30, "the events", 0.3)
    check(place, api)
    assert api.total == 20
