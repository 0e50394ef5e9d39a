"""Campaigns, their anchors, stages and targets, and the choice of an occasion."""

from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.planning import occasions
from campaigns.planning.forms.fields import AudienceFields, audience_of, choices_of, people
from campaigns.planning.models import Campaign, Stage, Target
from campaigns.planning.widgets import DayInput
from campaigns.promotions.models import Offer
from channels.models import CHANNEL_CHOICES
from core import clock, money
from core.models import Market, User

GOALS = (Target.Metric.UV, Target.Metric.ORDERS, Target.Metric.GMV)
"""The targets that are asked for when a campaign is opened; the others have their own screen."""


class CampaignForm(AudienceFields):
    """Everything about a campaign but its stages."""

    name = forms.CharField(label=_("Name"), max_length=200)
    kind = forms.ChoiceField(
        label=_("Kind"), choices=choices_of(Campaign.Kind.choices), help_text=_("Decides the stages that are proposed.")
    )
    market = forms.ModelChoiceField(label=_("Market"), queryset=Market.objects.none(), empty_label=None)
    anchor = forms.DateField(
        label=_("Anchor"),
        required=False,
        widget=DayInput,
        help_text=_("The day everything is counted from, for example the first day of the sale."),
    )
    owner = forms.ModelChoiceField(label=_("Owner"), queryset=User.objects.none(), required=False)
    objective = forms.CharField(label=_("Objective"), required=False, widget=forms.Textarea(attrs={"rows": 3}))
    offers = forms.ModelMultipleChoiceField(
        label=_("Offers"),
        queryset=Offer.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "plan-checks"}),
    )
    budget = forms.DecimalField(label=_("Budget"), required=False, min_value=0, max_digits=14)
    stages = forms.BooleanField(
        label=_("Add the usual stages"),
        required=False,
        initial=True,
        help_text=_("Warm-up, launch, last call, thank-you and review, counted from the anchor. You can change them."),
    )

    def __init__(self, *args: Any, campaign: Campaign | None = None, **kwargs: Any) -> None:
        self.campaign = campaign
        super().__init__(*args, **kwargs)
        self.fields["market"].queryset = Market.objects.all()  # type: ignore[attr-defined]
        self.fields["owner"].queryset = people()  # type: ignore[attr-defined]
        offers = Offer.objects.all()
        self.fields["offers"].queryset = offers  # type: ignore[attr-defined]
        if not offers:
            self.fields["offers"].widget = forms.MultipleHiddenInput()
        for metric in GOALS:
            self.fields[f"goal_{metric.value}"] = forms.DecimalField(
                label=_("Target: %(metric)s") % {"metric": metric.label}, required=False, min_value=0, max_digits=14
            )
        currency = self._currency()
        for name in ("budget", "goal_gmv"):
            self.fields[name].help_text = _("In %(currency)s.") % {"currency": currency}
        order = ["name", "kind", "market", "anchor", "stages", "owner", "objective", "include", "exclude", "offers"]
        self.order_fields([*order, "budget", *(f"goal_{metric.value}" for metric in GOALS)])
        if campaign is not None:
            # The market decides currency and zone of what is planned already; the anchor moves on its own screen.
            for name in ("market", "anchor", "stages"):
                del self.fields[name]

    def _currency(self) -> str:
        market = self.campaign.market if self.campaign else Market.objects.first()
        return market.currency if market else "USD"

    @classmethod
    def initial_of(cls, campaign: Campaign) -> dict[str, Any]:
        """A campaign as the form shows it."""
        currency = campaign.market.currency
        goals: dict[str, Any] = {}
        for target in campaign.targets.filter(stage=None, channel=""):
            value = money.to_major(target.value, currency) if target.metric == Target.Metric.GMV else target.value
            goals[f"goal_{target.metric}"] = value
        return {
            "name": campaign.name,
            "kind": campaign.kind,
            "owner": campaign.owner,
            "objective": campaign.objective,
            "include": campaign.audience.include.all() if campaign.audience else [],
            "exclude": campaign.audience.exclude.all() if campaign.audience else [],
            "offers": campaign.offers.all(),
            "budget": money.to_major(campaign.budget_minor, currency) if campaign.budget_minor is not None else None,
            **goals,
        }

    def clean(self) -> dict[str, Any]:
        """Money has no more places than its currency."""
        data = super().clean()
        market = self.campaign.market if self.campaign else data.get("market")
        for name in ("budget", "goal_gmv"):
            amount = data.get(name)
            if market is None or amount is None:
                continue
            try:
                data[f"{name}_minor"] = money.to_minor(amount, market.currency)
            except ValueError:
                self.add_error(name, _("Too many decimal places for %(currency)s.") % {"currency": market.currency})
        return data

    def fields_for_service(self) -> dict[str, Any]:
        """What `services.campaigns` takes."""
        data = self.cleaned_data
        return {
            "owner": data["owner"],
            "objective": data["objective"],
            "audience": audience_of(
                data["include"], data["exclude"], self.campaign.audience if self.campaign else None
            ),
            "offers": data["offers"],
            "budget_minor": data.get("budget_minor"),
        }

    def goals(self) -> dict[str, int | None]:
        """Targets of the whole campaign by metric; None for none."""
        data = self.cleaned_data
        goals: dict[str, int | None] = {}
        for metric in GOALS:
            value: Decimal | None = data.get(f"goal_{metric.value}")
            if metric is Target.Metric.GMV:
                goals[metric.value] = data.get("goal_gmv_minor")
            else:
                goals[metric.value] = int(value) if value is not None else None
        return goals


class OccasionForm(forms.Form):
    """Which market and year to show."""

    market = forms.ModelChoiceField(
        label=_("Market"), queryset=Market.objects.none(), to_field_name="code", empty_label=None, required=False
    )
    year = forms.TypedChoiceField(label=_("Year"), coerce=int, required=False)
    everywhere = forms.BooleanField(label=_("Also what is kept elsewhere"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["market"].queryset = Market.objects.all()  # type: ignore[attr-defined]
        this = clock.now().year
        self.fields["year"].choices = [  # type: ignore[attr-defined]
            (year, str(year)) for year in range(this - 1, min(this + 5, occasions.LAST_YEAR) + 1)
        ]


class StageForm(forms.Form):
    """One stage; days are entered as dates where the campaign has an anchor, and kept as offsets."""

    name = forms.CharField(label=_("Name"), max_length=120)
    kind = forms.ChoiceField(label=_("Kind"), choices=choices_of(Stage.Kind.choices))
    first = forms.DateField(label=_("First day"), required=False, widget=DayInput)
    last = forms.DateField(label=_("Last day"), required=False, widget=DayInput)

    def __init__(self, *args: Any, campaign: Campaign, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.anchor = campaign.anchor_date
        if self.anchor is None:
            del self.fields["first"], self.fields["last"]

    def clean(self) -> dict[str, Any]:
        """The last day is not before the first."""
        data = super().clean() or {}
        first, last = data.get("first"), data.get("last")
        if first and last and last < first:
            self.add_error("last", _("The last day is before the first day."))
        return data

    def offsets(self) -> dict[str, int | None]:
        """The days, counted from the anchor."""
        return {
            "start_offset": self._offset(self.cleaned_data.get("first")),
            "end_offset": self._offset(self.cleaned_data.get("last")),
        }

    def _offset(self, day: date | None) -> int | None:
        return (day - self.anchor).days if day and self.anchor else None


class AnchorForm(forms.Form):
    """Where the anchor is to go."""

    to = forms.DateField(label=_("New anchor"), widget=DayInput)


class TargetForm(forms.Form):
    """One target of a campaign, or of one stage and channel of it."""

    metric = forms.ChoiceField(label=_("What is counted"), choices=choices_of(Target.Metric.choices))
    stage = forms.ModelChoiceField(
        label=_("Stage"), queryset=Stage.objects.none(), required=False, empty_label=_("Whole campaign")
    )
    channel = forms.ChoiceField(label=_("Channel"), choices=[("", _("All channels")), *CHANNEL_CHOICES], required=False)
    value = forms.DecimalField(
        label=_("Target"),
        min_value=0,
        max_digits=14,
        help_text=_("Money in the market's currency; rates in percent."),
    )

    def __init__(self, *args: Any, campaign: Campaign, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.campaign = campaign
        self.fields["stage"].queryset = campaign.stages.all()  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """In the unit that is stored: minor units, hundredths of a percent, or a count."""
        data = super().clean() or {}
        metric, value = data.get("metric"), data.get("value")
        if metric and value is not None:
            try:
                data["stored"] = target_value(metric, value, self.campaign.market.currency)
            except ValueError:
                self.add_error("value", _("Too many decimal places."))
        return data


MONEY = {Target.Metric.GMV, Target.Metric.ORDER_VALUE}


def target_value(metric: str, value: Decimal, currency: str) -> int:
    """As it is stored; raises `ValueError` for more places than there are."""
    if metric in MONEY:
        return money.to_minor(value, currency)
    scaled = value * 100 if metric == Target.Metric.CONVERSION else value
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{value} has too many decimal places.")
    return int(scaled)


def target_words(target: Target, currency: str) -> str:
    """A target as people read it."""
    if target.metric in MONEY:
        return money.display(target.value, currency)
    if target.metric == Target.Metric.CONVERSION:
        return f"{Decimal(target.value) / 100} %"
    return f"{target.value:,}"
