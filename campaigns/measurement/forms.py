"""The form a review is frozen with."""

from django import forms
from django.utils.translation import gettext_lazy as _


class ReviewForm(forms.Form):
    """What people say about the numbers."""

    findings = forms.CharField(
        label=_("Findings"),
        help_text=_("What happened, and why? What was better or worse than planned?"),
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 6}),
    )
    decisions = forms.CharField(
        label=_("Decisions"),
        help_text=_("What will you do again, stop, or change next time? Who does it, until when?"),
        max_length=20_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 6}),
    )
