"""Freezing: the audience becomes the rows of the ledger, once, in one transaction, with a reason for everyone left out."""

from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.db.models import Count, Max, QuerySet

from campaigns.audiences import selectors as audiences
from campaigns.audiences.models import MARKETING, Contact
from campaigns.planning.models import Publication
from campaigns.publishing import sql
from campaigns.publishing.models import Chunk, Delivery, Run, Seal, Snapshot
from campaigns.publishing.states import ChunkState, DeliveryState
from channels.base import Channel
from core import clock, db

CHUNK_SIZE = 500


def audience_of(publication: Publication) -> QuerySet[Contact]:
    """The publication's audience now; nobody when it has none."""
    if publication.audience is None:
        return Contact.objects.none()
    return audiences.contacts_of(publication.audience)


def _compiled(contacts: QuerySet[Contact]) -> tuple[str, Sequence[Any]]:
    """The query of (id, locale) as SQL to stand inside another statement."""
    query = contacts.order_by().values_list("pk", "locale").query
    text, params = query.get_compiler(connection=connection).as_sql()
    return text, params


@db.without_jit()
def freeze(run: Run, seal: Seal, *, is_last_wave: bool) -> Snapshot:
    """Make the rows, the snapshot and the chunks of `run`. One transaction: killed in the middle, nothing has happened."""
    publication = run.publication
    now = clock.ledger_now()
    # A post goes to the account itself: its audience is whoever follows.
    targeted = (
        _freeze_post(run, seal) if publication.channel == Channel.SOCIAL else _freeze_people(run, seal, is_last_wave)
    )
    counts = Delivery.objects.filter(run=run, state=DeliveryState.SKIPPED).values_list("reason").annotate(Count("pk"))
    snapshot = Snapshot.objects.create(
        run=run,
        frozen_at=now,
        targeted=targeted,
        left_out=dict(counts.order_by("reason")),
        audience={**(seal.order.get("audience") or {}), "zones": run.zones},
    )
    Chunk.objects.bulk_create(
        Chunk(run=run, number=number, first_seq=first, last_seq=min(first + CHUNK_SIZE - 1, targeted), next_seq=first)
        for number, first in enumerate(range(1, targeted + 1, CHUNK_SIZE), start=1)
    )
    if targeted:
        Chunk.objects.create(
            run=run, number=0, first_seq=1, last_seq=targeted, next_seq=1, is_retry=True, state=ChunkState.DONE
        )
    return snapshot


def _freeze_post(run: Run, seal: Seal) -> int:
    part = seal.parts.order_by("pk").first()
    account = run.publication.account
    assert account is not None
    Delivery.objects.create(
        run=run,
        publication=run.publication,
        occurrence=run.occurrence,
        recipient_key=f"account:{account.public_id}",
        seq=1,
        part=part,
    )
    return 1


def _freeze_people(run: Run, seal: Seal, is_last_wave: bool) -> int:
    publication = run.publication
    everyone = audience_of(publication)
    if publication.audience is None:
        return 0
    wave = everyone.filter(timezone__in=run.zones) if run.wave else everyone
    if run.wave and not run.zones:
        wave = everyone.none()
    common: dict[str, Any] = {
        "run_id": run.pk,
        "publication_id": publication.pk,
        "occurrence": run.occurrence,
        "now": clock.ledger_now(),
    }
    if not wave.query.is_empty():
        text, params = _compiled(wave)
        sql.freeze(
            audience_sql=text,
            audience_params=params,
            channel=publication.channel,
            purpose=MARKETING,
            parts=list(seal.parts.order_by("pk").values_list("pk", "locale")),
            **common,
        )
    last = Delivery.objects.filter(run=run).aggregate(last=Max("seq"))["last"] or 0
    if run.wave and is_last_wave:
        text, params = _compiled(everyone)
        last += sql.close_waves(audience_sql=text, audience_params=params, after_seq=last, **common)
    return int(last)
