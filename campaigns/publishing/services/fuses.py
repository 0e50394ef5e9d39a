"""The fuse: a publication whose outcomes endanger the shop's reputation is held until a person looks."""

from django.db.models import Count, Q

from campaigns.planning.models import Publication
from campaigns.planning.states import PublicationState
from campaigns.publishing.models import Delivery
from campaigns.publishing.services import holds
from campaigns.publishing.states import DeliveryState, Feedback, RunState

FUSE_OUTCOMES = 200
FUSE_BOUNCES = 0.05
FUSE_COMPLAINTS = 0.001
FUSE_RENDER = 20


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
    complained = Q(feedback=Feedback.COMPLAINED)
    bounced = Q(feedback=Feedback.BOUNCED, reason="bounced") | Q(state=DeliveryState.REJECTED, reason="endpoint")
    counts = Delivery.objects.filter(
        publication=publication, state__in=[DeliveryState.ACCEPTED, DeliveryState.REJECTED]
    ).aggregate(
        all=Count("pk"),
        bounced=Count("pk", filter=bounced),
        blocked=Count("pk", filter=Q(reason="blocked")),
        complained=Count("pk", filter=complained),
        render=Count("pk", filter=Q(reason="render")),
    )
    if counts["render"] >= FUSE_RENDER and counts["render"] > counts["all"] * 0.01:
        return "fuse_render"
    if counts["all"] < FUSE_OUTCOMES:
        return ""
    if counts["bounced"] >= counts["all"] * FUSE_BOUNCES:
        return "fuse_bounces"
    if counts["blocked"] >= counts["all"] * FUSE_BOUNCES:
        return "fuse_blocked"
    if counts["complained"] and counts["complained"] >= counts["all"] * FUSE_COMPLAINTS:
        return "fuse_complaints"
    return ""
