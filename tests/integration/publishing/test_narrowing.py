"""One bad recipient among many in a call: found in few calls, however slow the API, over slices and over kills."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from campaigns.publishing import journal
from campaigns.publishing.models import Delivery
from campaigns.publishing.services import runs, sweeper
from campaigns.publishing.services.flights import SliceFlight
from channels.base import EmailPart, Job, Result
from channels.providers.sendgrid import SendGrid, SendGridSettings
from channels.services import accounts
from core import clock
from core.http import Answer
from core.texts import Text
from tests.contract.conformance import Watched
from tests.integration.publishing.conftest import states

pytestmark = pytest.mark.django_db


def most(people):
    return 2 * math.log2(people) + 1


class Api:
    """SendGrid as seen from the wire: refuses every call with a bad address in it."""

    def __init__(self, *bad):
        self.bad = set(bad)
        self.calls = []
        self.taken = []

    def __call__(self, provider, method, path, body):
        addresses = [person["to"][0]["email"] for person in body["personalizations"]]
        self.calls.append(addresses)
        if self.bad.intersection(addresses):
            told = {"errors": [{"message": "Does not contain a valid address.", "field": "personalizations.0.to"}]}
            return Answer(400, {}, json.dumps(told).encode())
        self.taken += addresses
        return Answer(202, {"x-message-id": "m"}, b"")


@pytest.fixture
def api(monkeypatch):
    made = Api()
    monkeypatch.setattr(SendGrid, "_call", lambda self, *call: made(self, *call))
    return made


@pytest.fixture
def account(shop):
    settings = {"api_key": "SG.x", "base_url": "http://127.0.0.1:9", "from_email": "news@shop.example"}
    return accounts.create("sendgrid", "SendGrid", settings, by=shop.author)


def slow(monkeypatch):
    """Every call takes longer than a slice may: after each the slice is cut."""
    monkeypatch.setattr(SliceFlight, "should_stop", lambda self: bool(self.begun or self.told))


@pytest.mark.usefixtures("sound")
@pytest.mark.parametrize("bad", [0, 63, 99])
@pytest.mark.parametrize("pace", ["fast", "slow"])
def test_one_bad_recipient_of_many_is_found_whatever_the_speed(shop, account, api, monkeypatch, bad, pace):
    """With an API of 0.5 s a call one bad recipient of 200 kept the other 199 waiting: four identical calls, 0 accepted."""
    if pace == "slow":
        slow(monkeypatch)
    shop.people(100)
    api.bad = {f"c{bad}@shop.example"}
    publication = shop.work(shop.sent(account=account))
    assert states(publication)[("accepted", "")] == 99
    assert sum(states(publication).values()) == 100
    row = Delivery.objects.get(contact__external_id=f"c{bad}")
    assert row.state == "rejected"
    assert len(api.calls) <= most(100), [len(call) for call in api.calls]
    assert len(api.taken) == len(set(api.taken)) == 99
    assert publication.state == "done"
    assert not Delivery.objects.exclude(suspects=None).exists()


@pytest.mark.usefixtures("sound")
def test_what_was_put_off_is_searched_as_well(shop, account, api, monkeypatch, time_machine):
    slow(monkeypatch)
    shop.people(40)
    publication = shop.scheduled(account=account)
    runs.start(publication.runs.get().pk)
    Delivery.objects.update(next_at=clock.now())
    publication.runs.get().chunks.filter(is_retry=False).update(state="done", next_seq=41)
    api.bad = {"c17@shop.example"}
    shop.work(publication, turns=3)
    assert states(publication)[("accepted", "")] == 39
    assert len(api.calls) <= most(40)


def test_the_search_goes_on_after_a_kill(shop, account, api, monkeypatch):
    """Killed in mid-air of the search: in doubt are the recipients of that one call, and the rest goes on where it was."""

    class Killed(BaseException):
        pass

    shop.people(64)
    api.bad = {"c50@shop.example"}
    publication = shop.scheduled(account=account)
    heard = api.__call__

    def dying(provider, *call):
        if len(api.calls) == 3:
            api.calls.append([])
            raise Killed
        return heard(provider, *call)

    monkeypatch.setattr(SendGrid, "_call", lambda self, *call: dying(self, *call))
    with pytest.raises(Killed):
        shop.work(publication)
    assert [len(call) for call in api.calls] == [64, 32, 16, 0]
    assert sweeper.sweep_leases() == 1
    counts = states(publication)
    assert counts[("accepted", "")] == 32
    assert counts[("unknown", "worker_lost")] == 8, "half of the sixteen that were left"
    assert counts[("pending", "")] == 24
    assert Delivery.objects.exclude(suspects=None).count() == 8
    shop.work(publication, turns=2)
    assert sum(states(publication).values()) == 64
    assert not Delivery.objects.filter(state="pending").exists()
    assert len(api.calls) <= most(64)
    assert len(api.taken) == len(set(api.taken))


def test_the_journal_knows_who_is_suspected(tmp_path, settings):
    settings.ALMANAC_HOME = tmp_path
    book = journal.Journal()
    book.started([(1, 1), (2, 1), (3, 1), (4, 1)])
    book.refused_together([(1, 1), (2, 1), (3, 1), (4, 1)])
    book.started([(1, 1), (2, 1)])
    book.leave()
    found = journal.read(book.owner)
    assert found.started == {(1, 1), (2, 1)}
    assert found.suspects == {(1, 1), (2, 1), (3, 1), (4, 1)}


@given(people=some.integers(2, 400), data=some.data())
def test_in_few_calls_for_any_number_and_any_place(people, data):
    bad = data.draw(some.integers(0, people - 1))
    api = Api(f"c{bad}@shop.example")
    provider = SendGrid(SendGridSettings(api_key="SG.x", from_email="news@shop.example", batch_size=1000))
    provider._call = lambda *call: api(provider, *call)
    part = EmailPart(Text.of("Hi"), Text.of("<p>Hi</p>"), Text.of("Hi"), "", "")
    flight = Watched()
    outcomes = list(provider.send([Job(f"r{n}", f"c{n}@shop.example", part) for n in range(people)], flight))
    provider.close()
    assert [outcome.ref for outcome in outcomes if outcome.result == Result.REJECTED] == [f"r{bad}"]
    assert sum(outcome.result == Result.ACCEPTED for outcome in outcomes) == people - 1
    assert sorted(api.taken) == sorted(set(api.taken))
    assert len(api.calls) <= most(people)
