"""The screens behind the section."""

from typing import Any

from django.conf import settings
from django.db.models import Count, QuerySet
from django.utils.translation import get_language, gettext_lazy, pgettext
from django.utils.translation import gettext as _
from wagtail.admin.views import generic

from campaigns.promotions import selectors
from campaigns.promotions.models import Offer, Order
from core import clock, money


def price_now(offer: Offer) -> str:
    """The price that holds at this moment."""
    state = selectors.offer_at(offer)
    return "–" if state.price_minor is None else money.display(state.price_minor, offer.currency)


def phase(offer: Offer) -> str:
    """Where the clock stands."""
    return {
        selectors.Phase.BEFORE: _("to come"),
        selectors.Phase.OPEN: pgettext("offer", "open"),
        selectors.Phase.OVER: _("over"),
    }[selectors.offer_at(offer).phase]


def window(offer: Offer) -> str:
    """The window as the offer's own clocks show it."""
    facts = selectors.facts(offer, get_language() or "en")
    return f"{facts['starts']} – {facts['ends']}"


def total(order: Order) -> str:
    """Money as people here write it."""
    return money.display(order.total_minor, order.currency)


class OfferEditView(generic.EditView):
    """An offer, with its facts as pages and messages will say them."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The facts in every language of the installation."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        stored = Offer.objects.get(pk=self.object.pk)
        texts = [(str(name), selectors.facts(stored, code)) for code, name in settings.LANGUAGES]
        context["languages"] = [name for name, _facts in texts]
        context["fact_rows"] = [(label, [facts[key] for _name, facts in texts]) for key, label in _labels()]
        context["state"] = selectors.offer_at(stored)
        context["phase"] = phase(stored)
        context["price_now"] = price_now(stored)
        context["redeemed"] = stored.redemptions.count()
        return context


def _labels() -> list[tuple[str, str]]:
    return [
        ("name", _("Name")),
        ("price", _("Offer price")),
        ("regular_price", _("Regular price")),
        ("percent_off", _("Percent off")),
        ("code", _("Code")),
        ("starts", _("Starts")),
        ("ends", _("Ends")),
        ("legal_line", _("Legal line")),
    ]


class OrderIndexView(generic.IndexView):
    """Orders, the newest first."""

    def get_base_queryset(self) -> QuerySet[Order]:
        """With the customer's name in the same query."""
        return Order.objects.select_related("contact")

    def get_list_more_buttons(self, instance: Order) -> list[Any]:
        """An order is looked at by its number."""
        return []


class OrderInspectView(generic.InspectView):
    """One order with its lines and what was given back."""

    page_title = gettext_lazy("Order")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Lines, refunds, redemptions."""
        context = super().get_context_data(**kwargs)
        order = self.object
        context["order"] = order
        context["total"] = total(order)
        context["lines"] = [
            {
                "row": line,
                "quantity": line.quantity.normalize() if line.quantity % 1 else int(line.quantity),
                "amount": money.display(line.amount_minor, order.currency),
                "discount": money.display(line.discount_minor, order.currency) if line.discount_minor else "",
            }
            for line in order.lines.order_by("number")
        ]
        context["refunds"] = [
            {"row": refund, "amount": money.display(refund.amount_minor, order.currency)}
            for refund in order.refunds.order_by("occurred_at")
        ]
        return context


class ProductIndexView(generic.IndexView):
    """Products with the offers they are in."""

    def get_base_queryset(self) -> Any:
        """Counted in the one query."""
        return super().get_base_queryset().annotate(in_offers=Count("offers"))


def moment(order: Order) -> str:
    """When it was ordered, in UTC."""
    return f"{order.occurred_at.astimezone(clock.zone('UTC')):%Y-%m-%d %H:%M}"
