"""What a new shop has not done yet: a short list on the admin's first page, until it is empty."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from wagtail.admin.ui.components import Component
from wagtail.models import ModelLogEntry

from campaigns.audiences.models import Contact
from campaigns.planning.models import Campaign
from campaigns.publishing.models import Delivery
from campaigns.publishing.states import DeliveryState
from channels import selectors as channels
from config import shop
from core.models import Market, User


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do once: its words, where it is done, who may do it, and whether it is done."""

    words: str | Promise
    why: str | Promise
    address: Callable[[], str]
    permission: str
    is_done: Callable[[], bool]


def _account_address() -> str:
    """A new one is chosen; one that was never tried is opened."""
    account = channels.accounts().first()
    return reverse("channels_account:edit", args=[account.pk]) if account else reverse("channels_account:add")


def _was_tested() -> bool:
    """A test message was taken, or a real one."""
    if Delivery.objects.filter(state=DeliveryState.ACCEPTED).exists():
        return True
    tests = ModelLogEntry.objects.filter(action="almanac.account.test").order_by("-timestamp")[:50]
    return any(entry.data.get("result") == "accepted" for entry in tests)


STEPS = (
    Step(
        _("Set up the shop"),
        _("Its name, languages, first market and site."),
        lambda: reverse("first_run"),
        "",
        shop.is_set_up,
    ),
    Step(
        _("Add a market"),
        _("Where you sell: currency, clock, holidays."),
        lambda: reverse("core_market:add"),
        "core.add_market",
        lambda: Market.objects.exclude(code="default").exists(),
    ),
    Step(
        _("Connect a channel account"),
        _("What your messages go out by."),
        lambda: reverse("channels_account:add"),
        "channels.add_channelaccount",
        lambda: channels.accounts().exists(),
    ),
    Step(
        _("Send a test message"),
        _("To an address of your own, to see that the account works."),
        _account_address,
        "channels.change_channelaccount",
        _was_tested,
    ),
    Step(
        _("Bring in your customers"),
        _("From a file of the shop or of another tool, or over the API."),
        lambda: reverse("audiences_contact:import"),
        "audiences.add_contact",
        lambda: Contact.objects.exists(),
    ),
    Step(
        _("Invite a colleague"),
        _("What one person writes another one approves."),
        lambda: reverse("wagtailusers_users:add"),
        "core.add_user",
        lambda: User.objects.filter(is_active=True, is_service_account=False).count() > 1,
    ),
    Step(
        _("Plan your first campaign"),
        _("Take an occasion, and its stages come along."),
        lambda: reverse("planning_occasion:index"),
        "planning.add_campaign",
        lambda: Campaign.objects.exists(),
    ),
)


def open_steps(user: Any) -> Iterator[Step]:
    """What is not done yet and `user` may do; while the shop is not set up, nothing else."""
    for step in STEPS:
        if step.is_done():
            continue
        if user.has_perm(step.permission) if step.permission else user.is_superuser:
            yield step
        if not step.permission:
            return


class ChecklistPanel(Component):
    """The list; nothing at all once everything is done."""

    name = "first_steps"
    template_name = "config/checklist.html"
    order = 10

    def get_context_data(self, parent_context: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The open steps, and how many there are in all."""
        user = parent_context["request"].user if parent_context else None
        found = [{"words": step.words, "why": step.why, "url": step.address()} for step in open_steps(user)]
        return {"steps": found}

    def render_html(self, parent_context: Mapping[str, Any] | None = None) -> str:
        """Empty without an open step."""
        context = self.get_context_data(parent_context)
        return str(super().render_html(parent_context)) if parent_context and context["steps"] else ""
