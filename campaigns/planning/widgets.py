"""Form parts that planning's screens share."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from core import clock
from core.models import Market


class DayInput(forms.DateInput):
    """The browser's own date picker: works with the keyboard, on a phone, and in every language."""

    input_type = "date"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format="%Y-%m-%d")


class ClockInput(forms.TimeInput):
    """The browser's own time picker."""

    input_type = "time"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format="%H:%M")


def zone_choices() -> list[tuple[Any, Any]]:
    """Every time zone, those of the markets on top."""
    own = list(dict.fromkeys([*Market.objects.values_list("timezone", flat=True), "UTC"]))
    rest = sorted(name for name in clock.known_zones() if "/" in name and name not in own)
    return [
        (_("Your markets"), [(name, name) for name in own]),
        (_("All time zones"), [(name, name) for name in rest]),
    ]
