"""Making every derived number anew from the rows: the proof that nothing but the rows is the truth."""

from itertools import batched

from campaigns.measurement import attribution, derived
from campaigns.measurement.drain import numbers_locked
from campaigns.measurement.models import Credit, Hit, Touch
from campaigns.measurement.verdicts import evidence_of, judge
from campaigns.promotions.models import Order

BATCH = 2000


def rebuild() -> None:
    """Hourly counts, visits, touches and credits from hits and orders, in one transaction."""
    with numbers_locked():
        Credit.objects.all().delete()
        derived.clear()
        for hits in batched(Hit.objects.order_by("pk").iterator(chunk_size=BATCH), BATCH, strict=False):
            derived.add(hits, [], after=hits[0].pk - 1, until=hits[-1].pk)
        first = Touch.objects.order_by("occurred_at").values_list("occurred_at", flat=True).first()
        orders = Order.objects.exclude(click_token="")
        if first is not None:
            orders = orders | Order.objects.filter(occurred_at__gte=first - attribution.SKEW)
        for some in batched(orders.order_by("pk").iterator(chunk_size=BATCH), BATCH, strict=False):
            attribution.credit(some)


def judge_again() -> int:
    """Run the classifier over every hit that still holds its evidence, then rebuild; returns how many verdicts changed."""
    changed = 0
    with numbers_locked():
        # An open without consent has kept nothing to judge by: its first verdict stands.
        kept = Hit.objects.exclude(kind=Hit.Kind.OPEN, delivery=None).order_by("pk")
        for hits in batched(kept.iterator(chunk_size=BATCH), BATCH, strict=False):
            turned = []
            for hit in hits:
                verdict = judge(evidence_of(hit))
                if verdict != (hit.verdict, hit.verdict_reason):
                    hit.verdict, hit.verdict_reason = verdict
                    turned.append(hit)
            Hit.objects.bulk_update(turned, ["verdict", "verdict_reason"], batch_size=500)
            changed += len(turned)
        rebuild()
    return changed
