"""Moving, as a form: what dragging sends, and what one fills in with the keyboard."""

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.planning.models import Publication
from campaigns.planning.widgets import ClockInput, DayInput
from core import clock
from core.models import validate_zone


class MoveForm(forms.Form):
    """Where to. `zone` is the clock in which day and time are meant; empty for the publication's own."""

    day = forms.DateField(label=_("Day"), widget=DayInput)
    time = forms.TimeField(label=_("Time"), required=False, widget=ClockInput)
    zone = forms.CharField(required=False, widget=forms.HiddenInput)
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)
    again = forms.BooleanField(required=False, widget=forms.HiddenInput)

    @classmethod
    def of(cls, publication: Publication) -> "MoveForm":
        """Filled in with where it stands."""
        return cls(
            initial={
                "day": publication.moment_date or clock.now().date(),
                "time": publication.moment_time,
                "version": publication.version,
            }
        )

    def clean_zone(self) -> str:
        """A zone that exists."""
        zone = str(self.cleaned_data["zone"])
        if zone:
            validate_zone(zone)
        return zone


class MoveStageForm(forms.Form):
    """The day a stage is to begin. `expected` is the offset it had when the form was made."""

    to = forms.DateField(label=_("First day"), widget=DayInput)
    expected = forms.IntegerField(required=False, widget=forms.HiddenInput)
    again = forms.BooleanField(required=False, widget=forms.HiddenInput)
