"""The demo's past: what went out before today, who opened, clicked and bought, and last year's review.

Nothing of it was sent. Every copy stands in the ledger as a real one would, sealed and frozen by the same services and dated
back, so that the audit and the figures are the product's own; what readers did is invented, the same every time.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db import transaction
from django.db.models import F, Max
from django.utils.text import slugify

from campaigns.measurement import derived
from campaigns.measurement.drain import OrderReader, numbers_locked
from campaigns.measurement.models import Hit
from campaigns.measurement.selectors import campaign_results
from campaigns.measurement.services import reviews
from campaigns.planning.models import Campaign, Publication
from campaigns.planning.selectors import campaign_window
from campaigns.planning.states import PublicationState
from campaigns.promotions.services import demo as promotions
from campaigns.promotions.services import imports
from campaigns.publishing.models import Attempt, Chunk, Delivery, Run, Seal, Snapshot
from campaigns.publishing.services import freeze, seals
from campaigns.publishing.states import ChunkState, DeliveryState, RunState
from core import clock
from core.models import User

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CLICKS, OPENS, VISITS, BUYERS = 0.17, 0.45, 0.85, 0.14
"""Of those written to who click and open; of those who click, who come to a page that reports, and who buy."""
FOLLOWERS = 60
"""Clicks on a post."""
SENT_WITHIN = timedelta(minutes=4)

DECISIONS = (
    "Do the same again: a preview, the day itself by e-mail and in the app, a last call. Marcus tries the preview a day earlier, "
    "and writes to those alone who have not bought yet on the last day."
)


def runs(today: date) -> bool:
    """Whether one of the demo's running campaigns still does."""
    found = Campaign.objects.filter(slug__startswith="linen-weeks-").select_related("market").prefetch_related("stages")
    windows = (campaign_window(campaign) for campaign in found)
    return any(first <= today <= last for first, last in windows if first and last)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Somebody who clicked a copy, and when."""

    delivery: Delivery
    at: datetime


class Past:
    """Tells the past of campaigns, once each."""

    def __init__(self, marketer: User, reviewer: User) -> None:
        self.marketer, self.reviewer = marketer, reviewer

    def tell(self, campaign: Campaign) -> None:
        """Let everything of `campaign` whose moment has passed be sent then, and read; what was sent before stays."""
        self.campaign = campaign
        today = clock.now().astimezone(clock.zone(campaign.market.timezone)).date()
        waiting = Publication.objects.filter(
            stage__campaign=campaign, state=PublicationState.PLANNED, moment_date__lt=today
        )
        for publication in waiting.select_related("stage__campaign__market", "account", "audience").order_by("pk"):
            assert publication.moment_date is not None and publication.moment_time is not None
            at = clock.instant(publication.moment_date, publication.moment_time, campaign.market.timezone)
            with transaction.atomic():
                self._one(publication, at)
        reader = OrderReader()
        while reader.read():
            pass

    def _one(self, publication: Publication, at: datetime) -> None:
        chance = random.Random(f"{self.campaign.slug}/{publication.title}")  # noqa: S311 - the same past every time
        run = self._sent(publication, at)
        copies = list(Delivery.objects.filter(run=run, state=DeliveryState.ACCEPTED).order_by("seq"))
        is_post = publication.audience is None
        hits, readers = (
            _read_post(publication, copies[0], chance, at) if is_post else _read(publication, copies, chance)
        )
        with numbers_locked():
            before = Hit.objects.aggregate(last=Max("pk"))["last"] or 0
            Hit.objects.bulk_create(hits, batch_size=500)
            derived.add(hits, [], after=before)
        if not is_post:
            self._bought([one for one in readers if chance.random() < BUYERS], chance, slugify(publication.title))

    # --- Sending ---

    def _sent(self, publication: Publication, at: datetime) -> Run:
        """As approving, scheduling and sending leave it behind, dated back to `at`."""
        seal = seals.seal(publication, self.reviewer)
        Seal.objects.filter(pk=seal.pk).update(sealed_at=at - timedelta(days=1))
        end = at + SENT_WITHIN
        run = Run.objects.create(publication=publication, seal=seal, due_at=at, state=RunState.LIVE, started_at=at)
        freeze.freeze(run, seal, is_last_wave=False)
        Snapshot.objects.filter(run=run).update(frozen_at=at)
        Delivery.objects.filter(run=run).update(changed_at=at)
        pending = Delivery.objects.filter(run=run, state=DeliveryState.PENDING)
        Attempt.objects.bulk_create(
            (
                Attempt(delivery_id=pk, number=1, started_at=at, finished_at=end, outcome="accepted")
                for pk in pending.values_list("pk", flat=True)
            ),
            batch_size=500,
        )
        pending.update(state=DeliveryState.ACCEPTED, attempts_made=1, changed_at=end, feedback="delivered")
        Chunk.objects.filter(run=run).update(state=ChunkState.DONE, next_seq=F("last_seq") + 1)
        Run.objects.filter(pk=run.pk).update(state=RunState.DONE, finished_at=end, moved_at=end)
        Publication.objects.filter(pk=publication.pk).update(
            state=PublicationState.DONE, submitted_by=self.marketer, created_at=at - timedelta(days=20)
        )
        return run

    # --- Buying ---

    def _bought(self, buyers: Sequence[_Reader], chance: random.Random, about: str) -> None:
        now = clock.now()
        orders = []
        for buyer in buyers:
            moment = buyer.at + timedelta(minutes=chance.randrange(4, 600))
            if buyer.delivery.contact_id and moment < now:
                sku, _name, _category, price = chance.choice(promotions.PRODUCTS)
                orders.append((buyer.delivery.contact_id, moment, sku, price))
        if not orders:
            return
        imports.orders(
            promotions.SOURCE,
            self.campaign.market.currency,
            imports.OrderColumns(
                numbers=[f"HL-{self.campaign.slug}-{about}-{number}" for number in range(1, len(orders) + 1)],
                contacts=[contact for contact, _moment, _sku, _price in orders],
                occurred=[moment for _contact, moment, _sku, _price in orders],
                totals_minor=[price for _contact, _moment, _sku, price in orders],
                line_counts=[1] * len(orders),
                skus=[sku for _contact, _moment, sku, _price in orders],
                quantities=[1] * len(orders),
                amounts_minor=[price for _contact, _moment, _sku, price in orders],
                discounts_minor=[0] * len(orders),
            ),
        )

    # --- Looking back ---

    def review(self) -> None:
        """Freeze what the campaign that was told last has brought, as its team did two days after its end."""
        if self.campaign.reviews.exists():
            return
        _first, last = campaign_window(self.campaign)
        assert last is not None
        at = clock.instant(last + timedelta(days=2), time(15, 30), self.campaign.market.timezone)
        reviews.freeze(self.campaign, findings=_found(self.campaign), decisions=DECISIONS, by=self.reviewer, at=at)


def _found(campaign: Campaign) -> str:
    """What the team wrote: made of the figures, so that it is true of them."""
    results = campaign_results(campaign)
    by_orders = sorted(results.publications, key=lambda row: (-row.figures.orders, row.label))
    best, worst = by_orders[0], by_orders[-1]
    return (
        f"{results.total.uv} visitors and {results.total.orders} orders came by our messages and posts. "
        f"“{best.label}” brought most of the orders, {best.figures.orders}; “{worst.label}” the fewest, {worst.figures.orders}, "
        f"with {worst.figures.uv} visitors."
    )


def _read(
    publication: Publication, copies: Sequence[Delivery], chance: random.Random
) -> tuple[list[Hit], list[_Reader]]:
    """Who opens, who clicks, and whose browser shows the page: mostly in the first hours."""
    hits: list[Hit] = []
    readers = []
    now = clock.now()
    for copy in copies:
        at = copy.changed_at + timedelta(minutes=min(chance.expovariate(1 / 180), 3_000) + 1)
        if at >= now or chance.random() > OPENS:
            continue
        hits.append(_hit(publication, None, Hit.Kind.OPEN, at, len(hits)))
        if chance.random() < CLICKS / OPENS:
            hits.append(_hit(publication, copy, Hit.Kind.CLICK, at + timedelta(seconds=20), len(hits)))
            readers.append(_Reader(copy, at))
            if chance.random() < VISITS:
                visitor = f"demo-{copy.contact_id}".ljust(22, "0")
                hits.append(_hit(publication, copy, Hit.Kind.PAGE, at + timedelta(seconds=22), len(hits), visitor))
    return hits, readers


def _read_post(
    publication: Publication, copy: Delivery, chance: random.Random, at: datetime
) -> tuple[list[Hit], list[_Reader]]:
    hits: list[Hit] = []
    now = clock.now()
    for number in range(FOLLOWERS):
        seen = at + timedelta(minutes=min(chance.expovariate(1 / 240), 3_000) + 1)
        if seen < now:
            visitor = f"post-{publication.pk}-{number}".ljust(22, "0")
            hits.append(_hit(publication, copy, Hit.Kind.CLICK, seen, len(hits)))
            hits.append(_hit(publication, copy, Hit.Kind.PAGE, seen + timedelta(seconds=2), len(hits), visitor))
    return hits, []


def _hit(
    publication: Publication, copy: Delivery | None, kind: str, at: datetime, number: int, visitor: str = ""
) -> Hit:
    return Hit(
        spool_key=f"demo:{publication.pk}:{number}",
        kind=kind,
        verdict=Hit.Verdict.HUMAN,
        delivery=copy,
        publication=publication,
        campaign=publication.stage.campaign,
        link_number=0 if kind == Hit.Kind.CLICK else None,
        path="/" if kind == Hit.Kind.PAGE else "",
        visitor=visitor,
        campaign_slug=publication.stage.campaign.slug,
        medium=publication.channel,
        user_agent="" if kind == Hit.Kind.OPEN else AGENT,
        after_send_ms=None if copy is None else round((at - copy.changed_at).total_seconds() * 1000),
        ran_script=kind != Hit.Kind.OPEN,
        occurred_at=at,
        recorded_at=at,
    )
