"""What the calendar is narrowed to, as it stands in the address."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.planning.models import Campaign
from campaigns.planning.selectors import Filters
from campaigns.planning.widgets import zone_choices
from channels.models import CHANNEL_CHOICES
from core.models import Market, User
from marketing_calendar.statuses import STATUSES

LANES = [("campaign", _("Campaigns and stages")), ("channel", _("Channels")), ("market", _("Markets"))]


class FilterForm(forms.Form):
    """One choice each; empty is everything."""

    channel = forms.ChoiceField(label=_("Channel"), required=False)
    market = forms.ModelChoiceField(
        label=_("Market"),
        required=False,
        queryset=Market.objects.none(),
        to_field_name="code",
        empty_label=_("All markets"),
    )
    campaign = forms.ModelChoiceField(
        label=_("Campaign"),
        required=False,
        queryset=Campaign.objects.none(),
        to_field_name="public_id",
        empty_label=_("All campaigns"),
    )
    owner = forms.ModelChoiceField(
        label=_("Owner"), required=False, queryset=User.objects.none(), empty_label=_("Everyone")
    )
    state = forms.ChoiceField(label=_("State"), required=False)
    zone = forms.ChoiceField(label=_("Clock"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        markets = Market.objects.all()
        self.fields["market"].queryset = markets  # type: ignore[attr-defined]
        self.fields["campaign"].queryset = Campaign.objects.order_by("name")  # type: ignore[attr-defined]
        self.fields["owner"].queryset = (  # type: ignore[attr-defined]
            User.objects.filter(is_active=True, is_service_account=False).order_by("username")
        )
        self.fields["channel"].choices = [("", _("All channels")), *CHANNEL_CHOICES]  # type: ignore[attr-defined]
        self.fields["state"].choices = [  # type: ignore[attr-defined]
            ("", _("All states")),
            *((status.key, status.label) for status in STATUSES.values()),
        ]
        self.fields["zone"].choices = [  # type: ignore[attr-defined]
            ("", _("As planned")),
            *zone_choices(),
        ]

    def filters(self) -> Filters:
        """As the selectors take it. What cannot be read narrows nothing."""
        self.is_valid()
        data = self.cleaned_data
        return Filters(
            channels=(data["channel"],) if data.get("channel") else (),
            markets=(data["market"].code,) if data.get("market") else (),
            owners=(data["owner"].pk,) if data.get("owner") else (),
            campaigns=(data["campaign"].public_id,) if data.get("campaign") else (),
            states=(data["state"],) if data.get("state") else (),
        )

    @property
    def zone_name(self) -> str:
        """The clock that is shown; empty for each item's own."""
        self.is_valid()
        return str(self.cleaned_data.get("zone") or "")

    @property
    def active(self) -> bool:
        """Whether anything narrows the view."""
        return self.filters() != Filters()
