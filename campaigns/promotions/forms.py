"""What people fill in: prices in major units, times as the shop's clocks show them."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from wagtail.admin.widgets import AdminDateTimeInput

from campaigns.promotions.models import Offer, Product
from campaigns.promotions.services import offers
from core import clock, money
from core.errors import Invalid

TRANSLATED_LABELS = {"name": _("Name"), "legal_line": _("Legal line")}
LONGEST = {"name": 200, "legal_line": 500}
"""As the fields of the offer's own language."""


class WallClockField(forms.DateTimeField):
    """A date and time without a zone: the zone is another field of the form."""

    widget = AdminDateTimeInput

    def to_python(self, value: Any) -> Any:
        """Naive, whatever zone the person at the screen prefers for herself."""
        with timezone.override("UTC"):
            moment = super().to_python(value)
        return None if moment is None else moment.replace(tzinfo=None)


class OfferForm(forms.ModelForm):
    """An offer's facts."""

    regular_price = forms.DecimalField(label=_("Regular price"), required=False, min_value=0, max_digits=15)
    price = forms.DecimalField(
        label=_("Offer price"),
        required=False,
        min_value=0,
        max_digits=15,
        help_text=_("Leave it empty when “percent off” says it."),
    )
    starts = WallClockField(label=_("Starts"), help_text=_("As clocks in the time zone below show it."))
    ends = WallClockField(
        label=_("Ends"),
        help_text=_("The first moment at which it no longer holds: midnight after the last day is 00:00."),
    )
    timezone = forms.ChoiceField(label=_("Time zone"))
    products = forms.ModelMultipleChoiceField(
        label=_("Products"),
        queryset=Product.objects.none(),
        required=False,
        widget=forms.SelectMultiple(attrs={"size": 8}),
    )

    field_order = (
        "name", "market", "currency", "regular_price", "price", "percent_off", "code",
        "starts", "ends", "timezone", "legal_line", "products", "slug",
    )  # fmt: skip

    class Meta:
        model = Offer
        fields = ("name", "market", "currency", "percent_off", "code", "timezone", "legal_line", "products", "slug")

    translated: list[tuple[str, str, str]]
    """Field of the form, language and part of each thing that may be said in another language."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer = self.instance
        self.fields["slug"].required = False
        self.fields["slug"].help_text = _("Made from the name when it is left empty.")
        self.fields["market"].required = False
        self.fields["timezone"].choices = [(name, name) for name in sorted(clock.known_zones())]  # type: ignore[attr-defined]
        # Thousands of imported products would make a page of many megabytes: those of the offer, and the first of the rest.
        chosen = list(offer.products.values_list("pk", flat=True)) if offer.pk else []
        first = Product.objects.order_by("name").values_list("pk", flat=True)[:300]
        sent = self.data.getlist("products") if hasattr(self.data, "getlist") else []
        wanted = {*chosen, *first, *(int(one) for one in sent if str(one).isdigit())}
        self.fields["products"].queryset = Product.objects.filter(pk__in=wanted)  # type: ignore[attr-defined]
        self._add_translations()
        if offer.pk:
            self.initial["regular_price"] = _major(offer.regular_price_minor, offer.currency)
            self.initial["price"] = _major(offer.price_minor, offer.currency)
            zone = clock.zone(offer.timezone)
            self.initial["starts"] = offer.starts_at.astimezone(zone).replace(tzinfo=None)
            self.initial["ends"] = offer.ends_at.astimezone(zone).replace(tzinfo=None)

    def _add_translations(self) -> None:
        """A name and a legal line for each other language of the site; the figures are the same in every one."""
        self.translated = []
        for code, language in settings.LANGUAGES[1:]:
            words = self.instance.translations.get(code) or {}
            for part, label in TRANSLATED_LABELS.items():
                key = f"translation_{code.replace('-', '_')}_{part}"
                self.fields[key] = forms.CharField(
                    label=_("%(part)s in %(language)s") % {"part": label, "language": language},
                    required=False,
                    max_length=LONGEST[part],
                    initial=words.get(part, ""),
                    help_text=_("Left empty, readers of this language see the one above."),
                )
                self.translated.append((key, code, part))
        order = list(self.fields)
        for key, _code, part in reversed(self.translated):
            order.remove(key)
            order.insert(order.index(part) + 1, key)
        self.order_fields(order)

    def _translations(self) -> dict[str, dict[str, str]]:
        """What was written, and what is stored for languages that the site no longer has."""
        said = {code: dict(words) for code, words in self.instance.translations.items()}
        for key, code, part in self.translated:
            words = said.setdefault(code, {})
            words.pop(part, None)
            if text := self.cleaned_data.get(key, "").strip():
                words[part] = text
        return {code: words for code, words in said.items() if words}

    def clean_currency(self) -> str:
        """A currency that exists."""
        currency: str = self.cleaned_data["currency"].upper()
        if currency == self.instance.currency:
            return currency  # of an offer that was made while the currency was one
        try:
            return money.check(currency)
        except Invalid as error:
            raise forms.ValidationError(error.message) from error

    def clean_slug(self) -> str:
        """The slug, or one made from the name."""
        return self.cleaned_data["slug"] or self.instance.slug or offers.free_slug(self.cleaned_data.get("name", ""))

    def clean(self) -> dict[str, Any]:
        """Money as minor units, times as instants, words by language."""
        cleaned = super().clean() or self.cleaned_data
        self.instance.translations = self._translations()
        currency = cleaned.get("currency")
        if currency:
            self.instance.regular_price_minor = self._minor("regular_price", currency)
            self.instance.price_minor = self._minor("price", currency)
        zone = cleaned.get("timezone")
        for name in ("starts", "ends"):
            local: datetime | None = cleaned.get(name)
            if local is not None and zone:
                setattr(self.instance, f"{name}_at", clock.instant(local.date(), local.time(), zone))
        return cleaned

    def _minor(self, name: str, currency: str) -> int | None:
        amount: Decimal | None = self.cleaned_data.get(name)
        if amount is None:
            return None
        try:
            return money.to_minor(amount, currency)
        except ValueError:
            self.add_error(name, _("%(currency)s has fewer decimal places.") % {"currency": currency})
            return None

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if not self.errors:
            try:
                offers.check(self.instance)
            except Invalid as error:
                self.add_error(None, error.message)


def _major(minor: int | None, currency: str) -> Decimal | None:
    return None if minor is None else money.to_major(minor, currency)
