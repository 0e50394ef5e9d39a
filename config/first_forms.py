"""The forms of the first run."""

from typing import Any

from babel.numbers import get_territory_currencies
from django import forms
from django.conf import settings
from django.conf.global_settings import LANGUAGES
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from config import shop
from core import countries
from core.errors import AlmanacError
from core.forms import country_choices, currency_choices, zone_choices
from core.models import User


def language_choices() -> list[tuple[str, str]]:
    """Every language that pages can be written in, by its own name's order in the active language."""
    return sorted(((code, f"{gettext(name)} ({code})") for code, name in LANGUAGES), key=lambda choice: choice[1])


class ShopForm(forms.Form):
    """What a shop needs to begin. Somebody who is signed in already is its administrator."""

    name = forms.CharField(label=_("The shop's name"), max_length=100, help_text=_("Stands on your home page."))
    main_language = forms.ChoiceField(
        label=_("Main language"),
        choices=language_choices,
        help_text=_("Of your pages and messages. It stays once the shop is set up."),
    )
    other_languages = forms.MultipleChoiceField(
        label=_("Further languages"),
        choices=language_choices,
        required=False,
        widget=forms.SelectMultiple(attrs={"size": 6}),
        help_text=_("More than one: hold Ctrl or ⌘. You can add some later."),
    )
    country = forms.ChoiceField(
        label=_("Country of your first market"),
        choices=country_choices,
        help_text=_("Decides which holidays you see. More markets can follow."),
    )
    currency = forms.ChoiceField(
        label=_("Currency"), choices=currency_choices, required=False, help_text=_("Left open, the country's.")
    )
    timezone = forms.ChoiceField(
        label=_("Time zone"), choices=zone_choices, required=False, help_text=_("Left open, the country's.")
    )
    admin = forms.CharField(label=_("Your user name"), max_length=150, initial="admin")
    admin_email = forms.EmailField(label=_("Your e-mail address"), help_text=_("For password resets and alerts."))
    password = forms.CharField(
        label=_("Password"), widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}), strip=False
    )
    password_again = forms.CharField(
        label=_("Password again"), widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}), strip=False
    )

    def __init__(self, *args: Any, administrator: User | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.administrator = administrator
        main, *others = [code for code, _name in settings.LANGUAGES]
        self.fields["main_language"].initial, self.fields["other_languages"].initial = main, others
        if not settings.ALMANAC_MIGRATES_ITSELF:
            # Several hosts share them: they stand in the environment of every process.
            del self.fields["main_language"], self.fields["other_languages"]
        if administrator is not None:
            for name in ("admin", "admin_email", "password", "password_again"):
                del self.fields[name]

    def clean_country(self) -> str:
        """As ISO 3166 writes it."""
        return countries.check(self.cleaned_data["country"])

    def clean(self) -> dict[str, Any]:
        """Two passwords that are one and strong enough, and a market that can be."""
        data = super().clean() or {}
        if self.administrator is None and data.get("password") and data.get("password_again"):
            self._check_password(data)
        if not self.errors:
            try:
                shop.check_all_but_languages(self.wishes())
            except AlmanacError as error:
                field = error.details.get("field")
                self.add_error(str(field) if field in self.fields else None, error.message)
        return data

    def _check_password(self, data: dict[str, Any]) -> None:
        if data["password"] != data["password_again"]:
            self.add_error("password_again", _("The two passwords differ."))
            return
        try:
            validate_password(data["password"], User(username=data.get("admin", ""), email=data.get("admin_email", "")))
        except forms.ValidationError as error:
            self.add_error("password", error)

    def wishes(self) -> shop.Wishes:
        """As the service takes them."""
        data, person = self.cleaned_data, self.administrator
        country = data["country"]
        return shop.Wishes(
            name=data["name"],
            country=country,
            currency=data["currency"] or next(iter(get_territory_currencies(country)), ""),
            timezone=data["timezone"] or next(iter(countries.zones(country)), "UTC"),
            languages=self._languages(),
            admin=person.get_username() if person else data["admin"].strip(),
            admin_email=(person.email or "nobody@localhost.invalid") if person else data["admin_email"],
            password="" if person else data["password"],
        )

    def _languages(self) -> list[str]:
        data = self.cleaned_data
        if "main_language" not in data:
            return [code for code, _name in settings.LANGUAGES]
        return list(dict.fromkeys([data["main_language"], *data.get("other_languages", [])]))


class MailForm(forms.Form):
    """A first e-mail account, and where its test message goes."""

    host = forms.CharField(
        label=_("Mail server"), max_length=253, help_text=_("Your provider names it, for example smtp.shop.example.")
    )
    port = forms.IntegerField(label=_("Port"), initial=587, min_value=1, max_value=65535)
    security = forms.ChoiceField(
        label=_("Security"),
        initial="starttls",
        choices=[("starttls", "STARTTLS"), ("tls", "TLS"), ("none", _("none, for a relay of your own"))],
    )
    username = forms.CharField(label=_("User name"), required=False, max_length=200)
    password = forms.CharField(
        label=_("Password"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=_("Is kept encrypted and never shown again."),
    )
    from_email = forms.EmailField(label=_("Sender"), help_text=_("Your customers see it; your domain must allow it."))
    test_to = forms.EmailField(
        label=_("Send a test message to"), required=False, help_text=_("An address of your own, to see that it works.")
    )

    def mail(self) -> shop.Mail:
        """As the service takes it."""
        return shop.Mail(**self.cleaned_data)
