"""Forms of the shared ground."""

from typing import Any, ClassVar

from babel import Locale
from django import forms
from django.conf import settings
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext_lazy as _
from wagtail.admin.forms import WagtailAdminModelForm
from wagtail.admin.widgets import AdminDateInput

from core import clock, countries, hours, markets, money, rates
from core.errors import AlmanacError
from core.models import ExchangeRate, Market


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


def legal_field(code: str) -> str:
    """The form's name for the legal line in a language."""
    return f"legal_line_{code.replace('-', '_')}"


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

    good_hours = forms.CharField(
        label=_("Good hours"),
        required=False,
        max_length=200,
        help_text=_(
            "When people are there, for example 10:30-11:30, 15:30-17:00, 20:30-22:30. What is planned without a time stands "
            "in the first."
        ),
    )
    quiet_from = forms.TimeField(
        label=_("Quiet hours from"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=_("E-mails and push messages that come due in the quiet hours go at their end. Posts are not held."),
    )
    quiet_until = forms.TimeField(
        label=_("Quiet hours until"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )

    class Meta:
        model = Market
        fields = [
            "name",
            "code",
            "country",
            "currency",
            "timezone",
            "locales",
            "good_hours",
            "quiet_from",
            "quiet_until",
            "converts",
            "is_default",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["good_hours"] = hours.words(self.instance.good_hours)
        for code, language in settings.LANGUAGES:
            self.fields[legal_field(code)] = forms.CharField(
                label=_("Legal line (%(language)s)") % {"language": language},
                required=False,
                max_length=markets.LEGAL_LINE,
                initial=self.instance.legal_lines.get(code, ""),
                widget=forms.Textarea(attrs={"rows": 2}),
                help_text=_(
                    "Stands at the foot of e-mails and pages of this market, for example who you are and where."
                ),
            )
        if self.instance.pk:
            self.fields["code"].disabled = True

    def clean_good_hours(self) -> list[list[str]]:
        """The spans."""
        try:
            return hours.spans(self.cleaned_data["good_hours"])
        except AlmanacError as error:
            raise forms.ValidationError(error.message) from error

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
        values = {name: self.cleaned_data[name] for name in markets.FIELDS if name in self.cleaned_data}
        lines = {code: self.cleaned_data.get(legal_field(code), "") for code, _language in settings.LANGUAGES}
        return {**values, "legal_lines": lines}

    def save_by(self, user: Any) -> Market:
        """Through the service, which logs it."""
        if self.instance.pk:
            return markets.change(Market.objects.get(pk=self.instance.pk), self._values(), user)
        return markets.create(self.cleaned_data["code"], self._values(), user)


class RateForm(WagtailAdminModelForm):
    """An exchange rate; what may be stored is what `core.rates` takes."""

    base = forms.ChoiceField(label=_("One"), choices=currency_choices)
    quote = forms.ChoiceField(label=_("is so many"), choices=currency_choices)

    class Meta:
        model = ExchangeRate
        fields = ["day", "base", "quote", "rate", "source"]
        widgets: ClassVar = {"day": AdminDateInput}

    def clean(self) -> dict[str, Any]:
        """What the service would refuse is told at its field."""
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                rates.checked(self._given())
            except AlmanacError as error:
                field = error.details.get("field")
                self.add_error(str(field) if field in self.fields else None, error.message)
        return cleaned

    def _given(self) -> rates.Given:
        return rates.Given(**{name: self.cleaned_data[name] for name in self.Meta.fields})

    def save_by(self, user: Any) -> ExchangeRate:
        """Through the service, which logs it. Another day or pair is another rate: the one that was opened goes."""
        given = self._given()
        ExchangeRate.objects.filter(pk=self.instance.pk).exclude(
            day=given.day, base=given.base, quote=given.quote
        ).delete()
        rates.store([given], user)
        return ExchangeRate.objects.get(day=given.day, base=given.base, quote=given.quote)
