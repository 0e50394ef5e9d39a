"""The editor's tabs for the channels, the same for pages and messages."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import FieldPanel, HelpPanel, ObjectList, Panel

from cms import limits


def counted(kind: str, limit: int, *, extra: int = 0) -> dict[str, Any]:
    """Widget attributes for the character counter; `extra` is the weight of what is added to the text later."""
    return {
        "data-controller": "al-counter",
        "data-al-counter-kind-value": kind,
        "data-al-counter-limit-value": limit,
        "data-al-counter-extra-value": extra,
    }


def _line(kind: str, limit: int) -> forms.TextInput:
    return forms.TextInput(attrs=counted(kind, limit))


def _area(kind: str, limit: int, *, extra: int = 0, rows: int = 4) -> forms.Textarea:
    return forms.Textarea(attrs={**counted(kind, limit, extra=extra), "rows": rows})


PLACES = _(
    'You may write {{ first_name|default("friend") }} where the reader\'s name goes, and {{ offer.price }}, '
    "{{ offer.code }} or {{ offer.ends }} where a fact of the offer goes."
)


def email_tab(*more: Panel, note: Any) -> ObjectList:
    """Subject, preheader and text."""
    panels: Sequence[Panel] = [
        HelpPanel(content=note),
        FieldPanel("email_subject", widget=_line("letters", limits.SUBJECT), help_text=PLACES),
        FieldPanel("email_preheader", widget=_line("letters", limits.PREHEADER)),
        FieldPanel("email_body"),
        FieldPanel("email_button"),
        *more,
        FieldPanel("email_text"),
    ]
    return ObjectList(panels, heading=_("E-mail"))


def post_tab(*, note: Any) -> ObjectList:
    """The post and its picture."""
    link = 1 + limits.X_LINK
    panels = [
        HelpPanel(content=note),
        FieldPanel(
            "social_text",
            widget=_area("x", limits.X_LIMIT, extra=link),
            help_text=_("The link is added at the end; X counts it as 23 characters."),
        ),
        FieldPanel("social_picture"),
    ]
    return ObjectList(panels, heading=_("Post"))


def push_tab(*more: Panel, note: Any) -> ObjectList:
    """The notification."""
    panels = [
        HelpPanel(content=note),
        FieldPanel("push_title", widget=_line("letters", limits.PUSH_TITLE)),
        FieldPanel("push_body", widget=_area("letters", limits.PUSH_BODY, rows=3)),
        *more,
    ]
    return ObjectList(panels, heading=_("Push"))
