"""Forms of the shared ground."""

from typing import Any

from babel import Locale
from django import forms
from django.conf import settings
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext_lazy as _
from wagtail.admin.forms import WagtailAdminModelForm

from core import clock, countries, markets, money
from core.errors import AlmanacError
from core.models import Market


def country_choices() -> list[tuple[str, str]]:
    """Every country by its name in the active language."""
    named = ((code, countries.name(code)) for code in countries.codes())
    return [("", "—"), *sorted(named, key=lambda choice: choice[1])]


def currency_choices() -> list[tuple[str, str]]:
    """Every currency as ``EUR: Euro`` in the active language."""
    names = Locale.parse(to_locale(get_language() or "en"), sep="_").currencies
    return [("", "—"), *((code, f"{code}: {names.get(code, code)}") for code in money.codes())]


def zone_choices() -> list[tuple[str, str]]:
    """Every time zone of a place."""
    return [("", "—"), *((name, name) for name in sorted(clock.known_zones()) if "/" in name or name == "UTC")]


class MarketForm(WagtailAdminModelForm):
    """A market; what may be chosen is what `core.markets` takes."""

    country = forms.ChoiceField(
        label=_("Country"), choices=country_choices, help_text=_("Decides which holidays the occasions show.")
    )
    currency = forms.ChoiceField(label=_("Currency"), choices=currency_choices)
    timezone = forms.ChoiceField(
        label=_("Time zone"), choices=zone_choices, help_text=_("“Nine o'clock” is nine o'clock there.")
    )
    locales = forms.MultipleChoiceField(
        label=_("Languages"),
        choices=lambda: [(code, str(language)) for code, language in settings.LANGUAGES],
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = Market
        fields = ["name", "code", "country", "currency", "timezone", "locales", "is_default"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["code"].disabled = True

    def clean(self) -> dict[str, Any]:
        """What the service would refuse is told at its field, before anything is saved."""
        cleaned = super().clean() or {}
        try:
            markets.check_change(self.instance if self.instance.pk else None, self._values())
        except AlmanacError as error:
            field = error.details.get("field")
            self.add_error(field if field in self.fields else None, error.message)
        return cleaned

    def _values(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in markets.FIELDS if name in self.cleaned_data}

    def save_by(self, user: Any) -> Market:
        """Through the service, which logs it."""
        if self.instance.pk:
            return markets.change(Market.objects.get(pk=self.instance.pk), self._values(), user)
        return markets.create(self.cleaned_data["code"], self._values(), user)
