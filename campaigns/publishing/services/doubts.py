"""Doubts: deliveries of which nobody knows whether they arrived, and what a person decides about them."""

from collections.abc import Sequence

from django.db import transaction
from django.db.models import BooleanField, Count, QuerySet
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as _
from wagtail.log_actions import log

from campaigns.planning.models import Publication
from campaigns.planning.states import PUBLICATION, PublicationState
from campaigns.publishing import bells
from campaigns.publishing.models import Chunk, Delivery, Run
from campaigns.publishing.services import pipeline, seals
from campaigns.publishing.services.flights import Row
from campaigns.publishing.services.jobs import job_for
from campaigns.publishing.states import DELIVERY, RUN, ChunkState, DeliveryState, RunState
from channels import registry
from channels.base import Result
from core import clock
from core.errors import Conflict
from core.models import User

DOUBTFUL = (DeliveryState.UNKNOWN, DeliveryState.UNCONFIRMED)

_IN_INDEX = RawSQL(
    "\"publishing_delivery\".\"state\" IN ('attempting', 'unknown', 'unconfirmed')", (), output_field=BooleanField()
)
"""The condition of the partial index of doubts, in its own words: SQLite takes it for nothing less, and reads every row."""


def all_doubts() -> QuerySet[Delivery]:
    """Every delivery in doubt, the newest first."""
    rows = Delivery.objects.filter(_IN_INDEX, state__in=DOUBTFUL).select_related(
        "contact", "run", "publication__account", "publication__stage__campaign"
    )
    return rows.order_by("-changed_at", "-pk")


def by_publication() -> QuerySet[Publication]:
    """Publications with deliveries in doubt, and how many (`doubts`)."""
    rows = Publication.objects.filter(deliveries__state__in=DOUBTFUL).filter(_IN_INDEX)
    return rows.annotate(doubts=Count("deliveries")).order_by("-pk")


@transaction.atomic
def accept(deliveries: Sequence[Delivery], by: User) -> int:
    """A person knows that these arrived."""
    rows = _rows(deliveries)
    moved = DELIVERY.move_all(rows, "prove_accepted", reason="person", changed_at=clock.ledger_now())
    _log(deliveries, "almanac.doubt_accepted", by, moved)
    return moved


@transaction.atomic
def reject(deliveries: Sequence[Delivery], by: User) -> int:
    """A person knows that these did not arrive, and leaves it at that."""
    rows = _rows(deliveries)
    moved = DELIVERY.move_all(rows, "prove_rejected", reason="person", changed_at=clock.ledger_now())
    _log(deliveries, "almanac.doubt_rejected", by, moved)
    return moved


@transaction.atomic
def send_again(deliveries: Sequence[Delivery], by: User) -> int:
    """A person has these sent again, knowing that somebody may get a second copy; the log says who.

    Raises `Conflict` for a publication that was cancelled.
    """
    now = clock.ledger_now()
    stopped = {PublicationState.CANCELLED, PublicationState.FAILED}
    if any(row.publication.state in stopped for row in deliveries):
        raise Conflict(_("This publication was cancelled: nothing of it is sent again."))
    moved = DELIVERY.move_all(_rows(deliveries), "send_again", reason="later", next_at=now, changed_at=now)
    run_ids = sorted({row.run_id for row in deliveries})
    runs = Run.objects.filter(pk__in=run_ids)
    RUN.move_all(runs, "reopen", finished_at=None)
    runs.filter(state=RunState.LIVE).update(moved_at=now)
    for publication in Publication.objects.filter(runs__in=run_ids).distinct():
        PUBLICATION.move(publication, "reopen")
    Chunk.objects.filter(run_id__in=run_ids, is_retry=True, state=ChunkState.DONE).update(state=ChunkState.OPEN)
    _log(deliveries, "almanac.doubt_send_again", by, moved)
    transaction.on_commit(lambda: bells.ring(run_ids))
    return moved


def look_up(delivery: Delivery) -> bool:
    """Ask the provider what became of it, where the provider can be asked; True when that settled it."""
    account = delivery.publication.account
    if account is None or delivery.part_id is None or delivery.state not in DOUBTFUL:
        return False
    loaded = seals.load_part(delivery.part_id)
    provider = registry.open_provider(account)
    try:
        job = job_for(loaded, Row.of(delivery))
        first = delivery.attempts.order_by("number").first()
        found = provider.look_up(job, first.started_at if first else delivery.changed_at)
    finally:
        provider.close()
    if found is None or found.result not in {Result.ACCEPTED, Result.REJECTED}:
        return False
    return bool(pipeline.apply_answers({(delivery.pk, delivery.attempts_made): found}))


def _rows(deliveries: Sequence[Delivery]) -> QuerySet[Delivery]:
    return Delivery.objects.filter(pk__in=[row.pk for row in deliveries])


def _log(deliveries: Sequence[Delivery], action: str, by: User, moved: int) -> None:
    """One line per publication: ids only, nobody's address."""
    for publication in {row.publication for row in deliveries}:
        ids = [row.pk for row in deliveries if row.publication_id == publication.pk]
        log(publication, action, user=by, data={"deliveries": ids[:1000], "moved": moved})
