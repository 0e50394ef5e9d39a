"""The admin section “Markets”."""

from django.utils.translation import gettext_lazy as _
from wagtail.admin.ui.tables import BooleanColumn, Column
from wagtail.admin.views import generic
from wagtail.admin.viewsets.model import ModelViewSet
from wagtail.permissions import register_permission_policy

from core import countries
from core.forms import MarketForm, RateForm
from core.models import ExchangeRate, Market
from core.permissions import NeverDeleted

register_permission_policy(Market, NeverDeleted(Market), exact_class=True)


class IndexView(generic.IndexView):
    """The markets."""

    any_permission_required = ["add", "change", "view"]
    page_title = _("Markets")


class CreateView(generic.CreateView):
    """A new market, through its service."""

    def save_instance(self) -> Market:
        """Save and log."""
        market: Market = self.form.save_by(self.request.user)
        return market


class EditView(generic.EditView):
    """A market, through its service."""

    def save_instance(self) -> Market:
        """Save and log."""
        market: Market = self.form.save_by(self.request.user)
        return market


class MarketViewSet(ModelViewSet):
    """Markets: where the shop sells, in which money, by which clock, in which languages."""

    model = Market
    name = "core_market"
    url_prefix = "markets"
    menu_label = _("Markets")
    menu_name = "markets"
    icon = "globe"
    menu_order = 790
    add_to_settings_menu = True
    index_view_class = IndexView
    add_view_class = CreateView
    edit_view_class = EditView
    copy_view_enabled = False
    inspect_view_enabled = False
    add_to_reference_index = False
    search_fields = ["name", "code"]
    search_backend_name = None
    list_display = [
        "name",
        "code",
        Column("country", label=_("Country"), accessor=lambda market: countries.name(market.country)),
        Column("currency", label=_("Currency"), sort_key="currency"),
        Column("timezone", label=_("Time zone"), sort_key="timezone"),
        BooleanColumn("is_default", label=_("Default")),
    ]

    def get_form_class(self, for_update: bool = False) -> type[MarketForm]:
        """One form for both."""
        return MarketForm


class RateCreateView(generic.CreateView):
    """A new rate, through its service."""

    def save_instance(self) -> ExchangeRate:
        """Save and log."""
        rate: ExchangeRate = self.form.save_by(self.request.user)
        return rate


class RateEditView(generic.EditView):
    """A rate, through its service."""

    def save_instance(self) -> ExchangeRate:
        """Save and log."""
        rate: ExchangeRate = self.form.save_by(self.request.user)
        return rate


class RateIndexView(generic.IndexView):
    """The stored rates."""

    any_permission_required = ["add", "change", "view"]
    page_title = _("Exchange rates")


class RateViewSet(ModelViewSet):
    """Exchange rates: what an order in another currency is worth on its day."""

    model = ExchangeRate
    name = "core_rate"
    url_prefix = "exchange-rates"
    menu_label = _("Exchange rates")
    menu_name = "exchange-rates"
    icon = "order"
    menu_order = 795
    add_to_settings_menu = True
    index_view_class = RateIndexView
    add_view_class = RateCreateView
    edit_view_class = RateEditView
    copy_view_enabled = False
    inspect_view_enabled = False
    add_to_reference_index = False
    list_filter = ["day", "base", "quote"]
    list_display = [
        Column("day", label=_("Day"), sort_key="day"),
        Column("base", label=_("One"), sort_key="base"),
        Column("rate", label=_("is so many"), accessor=lambda row: f"{row.rate.normalize():f}"),
        Column("quote", label=_("in"), sort_key="quote"),
        Column("source", label=_("Source"), sort_key="source"),
    ]

    def get_form_class(self, for_update: bool = False) -> type[RateForm]:
        """One form for both."""
        return RateForm
