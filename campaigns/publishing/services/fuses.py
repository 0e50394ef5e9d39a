"""The fuse: a publication whose outcomes endanger the shop's reputation is held until a person looks."""

from collections.abc import Iterator

from django.db.models import Count, Q, QuerySet

from campaigns.planning.models import Publication
from campaigns.planning.states import PublicationState
from campaigns.publishing.models import Delivery
from campaigns.publishing.services import holds
from campaigns.publishing.states import DeliveryState, Feedback, RunState
from channels import registry

FUSE_OUTCOMES = 200
FUSE_BOUNCES = 0.05
FUSE_COMPLAINTS = 0.001
FUSE_RENDER = 20
FUSE_DOUBTS = 0.1
"""Of the outcomes: so many lost answers stop a run in the middle, not counting a few calls (see `in_doubt`)."""
DOUBTFUL = (DeliveryState.UNKNOWN, DeliveryState.UNCONFIRMED)


def fuse() -> int:
    """Hold live publications whose outcomes endanger the shop's reputation; returns how many."""
    held = 0
    live = Publication.objects.filter(state=PublicationState.LIVE, runs__state=RunState.LIVE, runs__fuse_off=False)
    for publication in live.distinct():
        if reason := fuse_reason(publication):
            held += holds.hold(publication, reason)
    return held


def fuse_reason(publication: Publication) -> str:
    """Why the fuse should blow, or an empty string."""
    return next(fuse_reasons(publication), "")


def fuse_reasons(publication: Publication) -> Iterator[str]:
    """Everything that speaks for blowing the fuse, the gravest first."""
    complained = Q(feedback=Feedback.COMPLAINED)
    bounced = Q(feedback=Feedback.BOUNCED, reason="bounced") | Q(state=DeliveryState.REJECTED, reason="endpoint")
    rows = Delivery.objects.filter(publication=publication)
    if in_doubt(publication, rows):
        yield "fuse_doubts"
    counts = rows.filter(state__in=[DeliveryState.ACCEPTED, DeliveryState.REJECTED]).aggregate(
        all=Count("pk"),
        bounced=Count("pk", filter=bounced),
        blocked=Count("pk", filter=Q(reason="blocked")),
        complained=Count("pk", filter=complained),
        render=Count("pk", filter=Q(reason="render")),
    )
    if counts["render"] >= FUSE_RENDER and counts["render"] > counts["all"] * 0.01:
        yield "fuse_render"
    if counts["all"] < FUSE_OUTCOMES:
        return
    if counts["bounced"] >= counts["all"] * FUSE_BOUNCES:
        yield "fuse_bounces"
    if counts["blocked"] >= counts["all"] * FUSE_BOUNCES:
        yield "fuse_blocked"
    if counts["complained"] and counts["complained"] >= counts["all"] * FUSE_COMPLAINTS:
        yield "fuse_complaints"


def in_doubt(publication: Publication, rows: QuerySet[Delivery]) -> bool:
    """Whether answers keep getting lost, beyond the calls that were in the air when the provider first failed: resting and
    trying again (`channels.services.health`) did not help."""
    assert publication.account is not None
    doubtful = Q(state__in=DOUBTFUL, reason="no_answer")
    counts = rows.filter(Q(state__in=[DeliveryState.ACCEPTED, DeliveryState.REJECTED]) | doubtful).aggregate(
        all=Count("pk"), doubts=Count("pk", filter=doubtful)
    )
    at_once = registry.provider_class(publication.account.provider).capabilities.batch_size
    forgiven = FUSE_OUTCOMES / 2 + 2 * at_once
    return counts["doubts"] >= forgiven and counts["doubts"] >= counts["all"] * FUSE_DOUBTS
