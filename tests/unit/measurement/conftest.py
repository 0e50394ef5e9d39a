"""A campaign in the middle of its life: sealed parts with links, and copies that were sent."""

from datetime import date, datetime, timedelta
from uuid import uuid4

import pytest

from campaigns.audiences.models import Consent, Contact
from campaigns.links import services as links
from campaigns.links import tokens
from campaigns.measurement import edge as edge_module
from campaigns.measurement import kept
from campaigns.measurement.spool import Spool
from campaigns.planning.models import Campaign, Publication, Stage
from campaigns.promotions.models import Order
from campaigns.publishing.models import Attempt, Delivery, Run, Seal, SealPart
from core import clock

BROWSER = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_6) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15"
)


class World:
    """What the tests of this room start from."""

    def __init__(self, market):
        self.market = market
        self.campaign = Campaign.objects.create(
            slug="black-friday", name="Black Friday", market=market, anchor_date=date(2026, 11, 27)
        )
        self.stage = self.add_stage("Launch", 0, 1)
        self._orders = 0

    def add_stage(self, name, start, end, position=0):
        return Stage.objects.create(
            campaign=self.campaign, name=name, start_offset=start, end_offset=end, position=position
        )

    def contact(self, name="Ann", *, opens=False):
        contact = Contact.objects.create(external_id=f"{name}-{uuid4().hex[:8]}", first_name=name, market=self.market)
        if opens:
            Consent.objects.create(contact=contact, channel="email", purpose="opens", granted=True)
        return contact

    def publish(self, contacts, *, channel="email", stage=None, sent_at=None, urls=None, own_hosts=None):
        """A publication that was sent to `contacts` (None: a post) at `sent_at`; returns it and the deliveries."""
        sent_at = sent_at or clock.now() - timedelta(hours=1)
        publication = Publication.objects.create(
            stage=stage or self.stage, title=f"{channel} copy", channel=channel, state="done"
        )
        seal = Seal.objects.create(publication=publication, content_hash="c", order_hash="o")
        targets = urls or [(f"https://shop.example/{n}?utm_source=almanac", "") for n in range(5)]
        link_set = links.create_set(uuid4(), targets, own_hosts)
        part = SealPart.objects.create(seal=seal, locale="en", link_set=link_set, compiled=b"", sha256="s")
        run = Run.objects.create(publication=publication, seal=seal, due_at=sent_at, started_at=sent_at, state="done")
        deliveries = [
            Delivery.objects.create(
                run=run,
                publication=publication,
                recipient_key=uuid4().hex,
                contact=contact,
                seq=seq,
                part=part,
                state="accepted",
                changed_at=sent_at,
            )
            for seq, contact in enumerate(contacts, start=1)
        ]
        Attempt.objects.bulk_create(
            Attempt(delivery=one, number=1, started_at=sent_at, finished_at=sent_at, outcome="accepted")
            for one in deliveries
        )
        return publication, deliveries

    def token(self, delivery):
        return tokens.make("click", delivery.pk, delivery.part.link_set_id)

    def order(self, total, *, contact=None, token="", at=None):
        self._orders += 1
        return Order.objects.create(
            external_id=f"O-{self._orders}",
            contact=contact,
            currency="USD",
            total_minor=total,
            click_token=token,
            body_hash="h",
            occurred_at=at or clock.now(),
        )


@pytest.fixture(autouse=True)
def counted_at_every_look(request, monkeypatch):
    """Screens show what was just done; `test_kept.py` is about when they need not."""
    if "kept_for_viewers" not in request.fixturenames:
        monkeypatch.setattr(kept, "REST_SECONDS", 0)
        monkeypatch.setattr(kept, "REST_SHARE", 0)
        monkeypatch.setattr(kept, "AT_LAST_SECONDS", 0)
        monkeypatch.setattr(kept, "ENDED_SECONDS", 0)


@pytest.fixture
def kept_for_viewers():
    """As it is shipped."""


@pytest.fixture
def world(market):
    links._known_target.cache_clear()
    edge_module.forget()
    return World(market)


class Door:
    """The edge as a WSGI server calls it."""

    def __init__(self, folder):
        self.folder = folder
        self.spool = Spool(folder)
        self.application = edge_module.edge(self._django, self.spool)

    @staticmethod
    def _django(environ, start_response):
        start_response("404 Not Found", [("X-From", "django")])
        return [b"not found"]

    def __call__(self, path, method="GET", body=b"", **headers):
        import io

        environ = {
            "PATH_INFO": path,
            "REQUEST_METHOD": method,
            "HTTP_USER_AGENT": BROWSER,
            "HTTP_HOST": "127.0.0.1:8000",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
        }
        said = {}

        def start_response(status, headers):
            said["status"], said["headers"] = int(status[:3]), dict(headers)

        said["body"] = b"".join(self.application(environ, start_response))
        return said

    def lines(self):
        import json

        return [
            json.loads(line) for path in sorted(self.folder.glob("*.jsonl")) for line in path.read_bytes().splitlines()
        ]


@pytest.fixture
def door(tmp_path, monkeypatch, db):
    # Between requests the edge closes old connections; this one holds the test's transaction and must stay.
    monkeypatch.setattr(edge_module, "close_old_connections", lambda: None)
    folder = tmp_path / "spool"
    folder.mkdir()
    door = Door(folder)
    yield door
    door.spool.close()


@pytest.fixture
def write(door):
    """Append raw spool lines, as the edge writes them, at a time of one's choice."""

    def append(kind, delivery=None, *, at: datetime | None = None, **fields):
        line = {"k": kind, "t": int((at or clock.now()).timestamp() * 1_000_000), "a": BROWSER, **fields}
        if delivery is not None:
            line |= {"d": delivery.pk, "s": delivery.part.link_set_id}
        assert door.spool.append(line)

    return append
