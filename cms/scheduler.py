"""Pages and messages go live, and go away, when their time has come."""

import time
from datetime import timedelta

from django.apps import apps
from django.db.models import Q
from wagtail.models import DraftStateMixin, Page, Revision

from core import clock

EVERY = timedelta(minutes=1)
_last = [float("-inf")]


def tick() -> int:
    """Publish and unpublish what is due, at most once a minute in this process; returns how many things changed."""
    if time.monotonic() - _last[0] < EVERY.total_seconds():
        return 0
    _last[0] = time.monotonic()
    return publish_due()


def publish_due() -> int:
    """As Wagtail's own ``publish_scheduled``, and how many things changed. Doing it again changes nothing more."""
    now = clock.now()
    changed = 0
    for model in _models():
        for item in model._default_manager.filter(Q(live=True), expire_at__lt=now).order_by("expire_at"):
            item.unpublish(set_expired=True, log_action="wagtail.unpublish.scheduled")
            changed += 1
    for revision in Revision.objects.filter(approved_go_live_at__lt=now).order_by("approved_go_live_at"):
        revision.publish(log_action="wagtail.publish.scheduled")
        changed += 1
    return changed


def _models() -> list[type[DraftStateMixin]]:
    others = [one for one in apps.get_models() if issubclass(one, DraftStateMixin) and not issubclass(one, Page)]
    return [Page, *others]
