"""Forms made of a provider's settings."""

from typing import Any, get_type_hints

from django import forms
from django.utils.translation import gettext_lazy as _

from channels.base import Provider


class AccountForm(forms.Form):
    """Name and settings of an account. A secret is never shown: left empty, it stays as it is."""

    name = forms.CharField(label=_("Name"), max_length=120, help_text=_("What people here call this account."))

    def __init__(self, *args: Any, kind: type[Provider], stored: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        hints = get_type_hints(kind.Settings)
        for field in kind.setting_fields():
            self.fields[field.name] = _field(
                field, hints[field.name], (stored or {}).get(field.name), stored is not None
            )

    def settings(self) -> dict[str, Any]:
        """What was given, as services take it: empty fields are left out."""
        return {
            name: value
            for name, value in self.cleaned_data.items()
            if name != "name" and value is not None and value != ""
        }


def _field(field: Any, hint: Any, stored: Any, changing: bool) -> forms.Field:
    about = field.metadata
    default = None if field.default.__class__.__name__ == "_MISSING_TYPE" else field.default
    initial = stored if stored is not None else default
    shared: dict[str, Any] = {"label": about["label"], "help_text": about["help_text"], "required": False}
    if about["secret"]:
        return _secret(about, shared, stored, required=default is None and not changing)
    if hint is bool:
        return forms.BooleanField(initial=initial, **shared)
    shared["required"] = default is None
    if hint is int:
        return forms.IntegerField(initial=initial, **shared)
    if about["choices"]:
        return forms.ChoiceField(initial=initial, choices=[(one, one) for one in about["choices"]], **shared)
    widget = forms.Textarea(attrs={"rows": 4}) if about["long"] else forms.TextInput()
    return forms.CharField(initial=initial, widget=widget, **shared)


def _secret(about: Any, shared: dict[str, Any], stored: Any, *, required: bool) -> forms.Field:
    known = stored is not None
    attrs = {"autocomplete": "new-password", "spellcheck": "false"}
    if known:
        attrs["placeholder"] = _("Kept. Write here only to replace it.")  # type: ignore[assignment]
    widget = forms.Textarea(attrs={**attrs, "rows": 4}) if about["long"] else forms.PasswordInput(attrs=attrs)
    return forms.CharField(**{**shared, "required": required}, widget=widget)


class TestForm(forms.Form):
    """Where a test goes."""

    address = forms.CharField(label=_("Send a test to"), max_length=500, strip=True)
