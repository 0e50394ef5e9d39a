"""What the benchmarks of the data do inside an installation, called by name through the harness's console."""

import json
import time
from datetime import UTC, timedelta
from datetime import time as day_time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from django.db import connection, transaction
from django.db.models import Count
from django.db.models.functions import TruncHour
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from benchmarks.bare import Rows
from campaigns.audiences import changes
from campaigns.audiences.models import Consent, ConsentRecord, Contact, Endpoint
from campaigns.audiences.services import audiences, contacts, segments
from campaigns.links import services as links
from campaigns.measurement import drain as drainer
from campaigns.measurement import spool
from campaigns.measurement.models import Hit, Rollup, Touch, Visit
from campaigns.planning.models import Campaign, Publication, Stage
from campaigns.publishing.models import Attempt, Chunk, Delivery, Run, Seal, SealPart, Snapshot
from campaigns.publishing.services import freeze as freezing
from core import clock
from core.models import Market, User

SAFARI = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_6) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15"
)
HITS_A_SECOND = 500
"""How quickly the visitors of a large newsletter come, by the times that stand in the spool."""

_rows: dict[str, Rows] = {}


def _person(number: int) -> dict[str, Any]:
    return {
        "external_id": f"c{number}",
        "email": f"customer.{number}@shop.example",
        "first_name": f"N{number}",
        "last_name": "Müller",
        "locale": "en",
        "timezone": "Europe/Berlin",
        "attributes": {"tier": "gold" if number % 10 == 0 else "member", "orders": number % 20},
        "consents": ["email"],
    }


def shop() -> None:
    """A market, somebody who works there, and a campaign."""
    author = User.objects.create_superuser("author")
    market = Market.objects.create(
        code="us", name="US", country="US", currency="USD", locales=["en"], is_default=True, timezone="UTC"
    )
    campaign = Campaign.objects.create(slug="sale", name="Sale", market=market, anchor_date=clock.now().date())
    Stage.objects.create(campaign=campaign, name="Now", start_offset=0, end_offset=5, position=0)
    assert author.pk


def people(count: int, first: int = 0) -> None:
    """So many contacts who agreed to e-mail."""
    report = contacts.upsert(_person(number) for number in range(first, first + count))
    assert report.created == count, report


def sent(copies: int) -> None:
    """A newsletter that was sent an hour ago, to so many contacts."""
    at = clock.now() - timedelta(hours=1)
    publication = Publication.objects.create(
        stage=Stage.objects.get(), title="Newsletter", channel="email", state="done"
    )
    seal = Seal.objects.create(publication=publication, content_hash="c", order_hash="o")
    link_set = links.create_set(uuid4(), [(f"https://shop.example/{n}", "") for n in range(12)], None)
    part = SealPart.objects.create(seal=seal, locale="en", link_set=link_set, compiled=b"", sha256="s")
    run = Run.objects.create(publication=publication, seal=seal, due_at=at, started_at=at, state="done")
    known = Contact.objects.order_by("pk").values_list("pk", flat=True)[:copies]
    made = Delivery.objects.bulk_create(
        (
            Delivery(
                run=run,
                publication=publication,
                recipient_key=uuid4().hex,
                contact_id=pk,
                seq=seq,
                part=part,
                state="accepted",
                changed_at=at,
            )
            for seq, pk in enumerate(known, 1)
        ),
        batch_size=500,
    )
    Attempt.objects.bulk_create(
        (Attempt(delivery=one, number=1, started_at=at, finished_at=at, outcome="accepted") for one in made),
        batch_size=500,
    )


# --- Hits ----------------------------------------------------------------------------------------------------------------


def _hits(count: int) -> list[dict[str, Any]]:
    """A click on one of twelve links, the page it led to, and an opened picture; person by person, some of them again."""
    copies = list(Delivery.objects.order_by("pk").values_list("pk", "part__link_set_id"))
    begin = int((clock.now() - timedelta(minutes=50)).timestamp() * 1_000_000)
    found = []
    for number in range(count):
        visit = number // 3
        pk, links_ = copies[visit * 7919 % len(copies)]
        line = {"t": begin + number * 1_000_000 // HITS_A_SECOND, "a": SAFARI, "d": pk, "s": links_}
        match number % 3:
            case 0:
                line |= {"k": "open"}
            case 1:
                line |= {"k": "click", "n": visit % 12}
            case _:
                line |= {"k": "page", "p": f"/offers/{visit % 12}", "v": f"{pk:022d}", "c": "sale", "m": "email"}
        found.append(line)
    return found


def write_spool(count: int, hammered: bool = False) -> None:
    """So many lines in a new file of this host's spool. `hammered`: all of them clicks on one link of one copy."""
    lines = _hits(count)
    if hammered:
        lines = [{**lines[1], "t": line["t"]} for line in lines]
    name = f"{time.strftime('%Y%m%d', time.gmtime())}-{spool.host()}-1-{uuid4().hex[:8]}.jsonl"
    path = spool.folder() / name
    path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))


def drain() -> float:
    """Read the spool until it is empty; hits in a second."""
    begun, hits = time.monotonic(), 0
    while True:
        done = drainer.drain()
        hits += done.hits
        if not done.is_behind:
            break
    seconds = time.monotonic() - begun
    for path in Path(spool.folder()).glob("*.jsonl"):
        path.unlink()
    return hits / seconds


def keep_hits() -> int:
    """Remember the hits, touches, visits and counts that there are; returns how many hits."""
    _rows["hits"] = Rows((Hit, Rollup, Visit, Touch))
    return _rows["hits"].keep()


def empty_hits() -> None:
    """Nothing was ever clicked."""
    _rows["hits"].empty()


def bare_hits() -> float:
    """The same rows, the bare way; hits in a second."""
    return _bare("hits")


def _bare(name: str) -> float:
    rows = _rows[name]
    rows.empty()
    begun = time.monotonic()
    rows.insert()
    seconds = time.monotonic() - begun
    count = len(rows.rows[rows.models[0]][1])
    rows.empty()
    return count / seconds


# --- Contacts -------------------------------------------------------------------------------------------------------------


def import_people(count: int) -> float:
    """Contacts, each with an address and consent; contacts in a second."""
    begun = time.monotonic()
    people(count)
    return count / (time.monotonic() - begun)


def keep_people() -> int:
    """Remember the contacts, and what hangs on them."""
    _rows["people"] = Rows((Contact, Endpoint, Consent, ConsentRecord))
    return _rows["people"].keep()


def empty_people() -> None:
    """Nobody is known."""
    _rows["people"].empty()


def bare_people() -> float:
    """The same rows, the bare way; contacts in a second."""
    return _bare("people")


def analyze() -> None:
    """What autovacuum, or the `PRAGMA optimize` of a longer life, has done by the time that there are so many rows."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


# --- Freezing -------------------------------------------------------------------------------------------------------------


def everyone() -> None:
    """An audience of all, and a sealed publication for it."""
    at = clock.now()
    segment = segments.create("All", {"all": True})
    publication = Publication.objects.create(
        stage=Stage.objects.get(),
        title="For all",
        channel="email",
        state="scheduled",
        audience=audiences.create("", [segment], []),
    )
    seal = Seal.objects.create(publication=publication, content_hash="c", order_hash="o")
    link_set = links.create_set(uuid4(), [("https://shop.example/", "")], None)
    SealPart.objects.create(seal=seal, locale="en", link_set=link_set, compiled=b"", sha256="s")
    Run.objects.create(publication=publication, seal=seal, due_at=at, started_at=at, state="running")


def freeze() -> float:
    """The audience becomes rows of the ledger; rows in a second."""
    run = Run.objects.select_related("publication__audience", "seal").get(publication__title="For all")
    _empty_ledger(run)
    begun = time.monotonic()
    count = freezing.freeze(run, run.seal, is_last_wave=True).targeted
    return count / (time.monotonic() - begun)


def bulk_create_deliveries() -> float:
    """As many rows by the ORM; rows in a second."""
    run = Run.objects.select_related("publication").get(publication__title="For all")
    part = SealPart.objects.get(seal=run.seal_id)
    rows = list(Delivery.objects.filter(run=run).values_list("recipient_key", "contact_id", "seq", "occurrence"))
    _empty_ledger(run)
    begun = time.monotonic()
    with transaction.atomic():
        Delivery.objects.bulk_create(
            (
                Delivery(
                    run=run,
                    publication=run.publication,
                    recipient_key=key,
                    contact_id=contact,
                    seq=seq,
                    occurrence=occurrence,
                    part=part,
                )
                for key, contact, seq, occurrence in rows
            ),
            batch_size=1_000,
        )
    return len(rows) / (time.monotonic() - begun)


def _empty_ledger(run: Run) -> None:
    with transaction.atomic():
        for model in (Chunk, Snapshot, Delivery):
            model._default_manager.filter(run=run)._raw_delete(using="default")  # type: ignore[attr-defined]


# --- Screens --------------------------------------------------------------------------------------------------------------


def items(count: int) -> None:
    """So many publications evenly over this year, to eleven audiences."""
    reach = [
        audiences.create("", [segments.create(f"S{n}", {"attribute": "orders", "op": "gt", "value": n})], [])
        for n in range(11)
    ]
    first = clock.now().date().replace(month=1, day=1)
    Publication.objects.bulk_create(
        (
            Publication(
                stage=Stage.objects.get(),
                title=f"Newsletter number {n}",
                channel="email",
                moment_kind=Publication.Moment.AT,
                moment_date=first + timedelta(days=n * 365 // count),
                moment_time=day_time(9 if n % 2 else 18),
                moment_zone="UTC",
                audience=reach[n % len(reach)],
            )
            for n in range(count)
        ),
        batch_size=500,
    )
    changes.note()


def _look(addresses: list[str]) -> dict[str, Any]:
    """Seconds, queries and the largest answer's bytes of one person's look."""
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(User.objects.get(username="author"))
    begun, most = time.monotonic(), 0
    with CaptureQueriesContext(connection) as seen:
        for address in addresses:
            answer = client.get(address, secure=True)
            assert answer.status_code == 200, (address, answer.status_code)
            most = max(most, len(answer.content))
    return {"seconds": time.monotonic() - begun, "queries": len(seen), "bytes": most}


def look_at_the_month() -> dict[str, Any]:
    """The page of this month, and what the browser then fetches."""
    day = clock.now().date().replace(day=1)
    span = {"start": (day - timedelta(days=6)).isoformat(), "end": (day + timedelta(days=36)).isoformat()}
    return _look(
        [
            reverse("campaign_calendar:index") + f"?view=month&date={day.isoformat()}",
            f"{reverse('campaign_calendar:items')}?{urlencode(span)}",
        ]
    )


def multiply_hits(count: int) -> int:
    """Copies of the hits that there are, and their hourly counts with them, until there are `count`; how many there are."""
    table = Hit._meta.db_table
    names = [field.column for field in Hit._meta.concrete_fields if field.column not in ("id", "spool_key")]
    columns = ", ".join(f'"{name}"' for name in names)
    with connection.cursor() as cursor:
        have, turn = Hit.objects.count(), 0
        while have < count:
            turn += 1
            some = min(have, count - have)
            cursor.execute(
                f'INSERT INTO "{table}" (spool_key, {columns}) SELECT spool_key || %s, {columns} FROM "{table}" '
                "ORDER BY id LIMIT %s",
                [f"+{turn}", some],
            )
            have += some
    with drainer.numbers_locked():
        Rollup.objects.all().delete()
        hours: Any = Hit.objects.annotate(hour=TruncHour("occurred_at", tzinfo=UTC)).values_list(
            "campaign", "publication", "hour", "kind", "verdict"
        )
        Rollup.objects.bulk_create(
            Rollup(
                key=f"{campaign}:{publication or 0}:{hour:%Y%m%d%H}:{kind}:{verdict}",
                campaign_id=campaign,
                publication_id=publication,
                hour=hour,
                kind=kind,
                verdict=verdict,
                count=found,
            )
            for campaign, publication, hour, kind, verdict, found in hours.annotate(n=Count("pk")).order_by()
        )
    return have


def look_at_results() -> float:
    """The results page and its live part; looks in a second."""
    campaign = Campaign.objects.get().slug
    _look([reverse("measurement_results:campaign", args=[campaign])])
    names = ("campaign", "live")
    return 1 / float(_look([reverse(f"measurement_results:{name}", args=[campaign]) for name in names])["seconds"])


def scan_hits() -> float:
    """The same counts from the raw rows; scans in a second."""
    begun = time.monotonic()
    hours: Any = Hit.objects.filter(campaign=Campaign.objects.get()).values("publication", "kind", "verdict")
    found = sum(row["n"] for row in hours.annotate(n=Count("pk")).order_by())
    assert found
    return 1 / (time.monotonic() - begun)
