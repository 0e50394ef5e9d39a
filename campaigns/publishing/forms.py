"""What is asked before something is sent, sent back, or settled."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy


class ConfirmForm(forms.Form):
    """Confirms a verb. Above the threshold the number of recipients has to be typed: nobody sends to everyone by habit."""

    typed = forms.CharField(label=gettext_lazy("Number of recipients"), required=False, max_length=20)

    def __init__(self, *args: Any, expected: int | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expected = expected
        if expected is None:
            del self.fields["typed"]
        else:
            self.fields["typed"].required = True
            self.fields["typed"].widget.attrs |= {"inputmode": "numeric", "autocomplete": "off", "size": "12"}
            self.fields["typed"].help_text = _("To be sure, type the number of recipients: %(count)s") % {
                "count": f"{expected:,}"
            }

    def clean_typed(self) -> str:
        """The number, with or without separators."""
        typed = str(self.cleaned_data["typed"])
        digits = "".join(char for char in typed if char.isdigit())
        if digits != str(self.expected):
            raise forms.ValidationError(
                _("That is not the number. It goes to %(count)s now: type %(digits)s, or go back.")
                % {"count": f"{self.expected:,}", "digits": self.expected}
            )
        return typed


class ReasonForm(forms.Form):
    """Why something goes back to its author."""

    reason = forms.CharField(
        label=gettext_lazy("What has to change?"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("The author reads this at the top of the publication. At most 300 characters."),
        error_messages={"required": gettext_lazy("Say what has to change, so that the author knows.")},
    )
