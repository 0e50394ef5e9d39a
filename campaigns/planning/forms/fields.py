"""Fields that several forms have."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.functional import lazy
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from campaigns.audiences.models import Audience, Segment
from campaigns.audiences.services import audiences
from core.models import User

lazy_capfirst = lazy(capfirst, str)


def choices_of(choices: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Choices as they begin a line."""
    return [(value, lazy_capfirst(label)) for value, label in choices]


def people() -> Any:
    """Those who may own a plan."""
    return User.objects.filter(is_active=True, is_service_account=False).order_by("username")


def audience_of(include: Iterable[Segment], exclude: Iterable[Segment], now: Audience | None) -> Audience | None:
    """The audience that combines these segments: `now` when it does so already, else a new one; None for nobody named."""
    include, exclude = list(include), list(exclude)
    if not include:
        return None
    if now is not None and set(now.include.all()) == set(include) and set(now.exclude.all()) == set(exclude):
        return now
    name = ", ".join(segment.name for segment in include)[:200]
    return audiences.create(name, include, exclude)


class AudienceFields(forms.Form):
    """Who is meant, as segments to take and to leave out."""

    include = forms.ModelMultipleChoiceField(
        label=_("Audience"),
        queryset=Segment.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "plan-checks"}),
        help_text=_("Everyone in one of these segments."),
    )
    exclude = forms.ModelMultipleChoiceField(
        label=_("But not"),
        queryset=Segment.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "plan-checks"}),
        help_text=_("Whoever is in one of these is left out."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("include", "exclude"):
            self.fields[name].queryset = Segment.objects.order_by("name")  # type: ignore[attr-defined]
        if not Segment.objects.exists():
            self.fields["include"].help_text = _(
                "There is no segment yet. Make one under Segments, for example everyone."
            )
            self.fields["exclude"].widget = forms.MultipleHiddenInput()

    def clean(self) -> dict[str, Any]:
        """Leaving out needs somebody to leave out of."""
        data = super().clean() or {}
        if data.get("exclude") and not data.get("include"):
            self.add_error("include", _("Choose whom to reach first; then leave some out."))
        return data
