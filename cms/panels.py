"""The editor's tabs for the channels, the same for pages and messages."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.urls import reverse_lazy
from django.utils.functional import cached_property, keep_lazy_text
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import FieldPanel, HelpPanel, ObjectList, Panel

from cms import advice, limits

format_html_lazy = keep_lazy_text(format_html)


REFUSED = _("{count} too many: X would refuse the post. Shorten it.")
CUT = _("{count} more than most devices show; they cut the rest.")


def counted(kind: str, limit: int) -> dict[str, Any]:
    """Widget attributes for the character counter: a post is weighed by the server, everything else in letters."""
    return {
        "data-controller": "al-counter",
        "data-al-counter-kind-value": kind,
        "data-al-counter-limit-value": limit,
        **({"data-al-counter-url-value": reverse_lazy("cms_post_length")} if kind == "x" else {}),
        "data-al-counter-over-value": REFUSED if kind == "x" else CUT,
    }


def _line(kind: str, limit: int) -> forms.TextInput:
    return forms.TextInput(attrs=counted(kind, limit))


def _area(kind: str, limit: int, *, rows: int = 4) -> forms.Textarea:
    return forms.Textarea(attrs={**counted(kind, limit), "rows": rows})


def note(sentence: Any, mode: str) -> HelpPanel:
    """What a tab is for; `mode` is the preview that opens with it."""
    return HelpPanel(
        content=format_html_lazy(
            '<div class="help-block help-info" data-al-preview="{}"><svg class="icon icon-help icon" aria-hidden="true">'
            '<use href="#icon-help"></use></svg><p>{}</p></div>',
            mode,
            sentence,
        )
    )


PLACES = _(
    'You may write {{ first_name|default("friend") }} where the reader\'s name goes, and {{ offer.price }}, '
    "{{ offer.code }} or {{ offer.ends }} where a fact of the offer goes."
)


class AdvicePanel(Panel):
    """What the author may want to mend of what is stored, in the tab where it is mended; nothing when there is nothing."""

    def __init__(self, begins: str, **options: Any) -> None:
        super().__init__(**options)
        self.begins = begins

    def clone_kwargs(self) -> dict[str, Any]:
        """With the fields it is about."""
        return {**super().clone_kwargs(), "begins": self.begins}

    class BoundPanel(Panel.BoundPanel):
        """Of one item."""

        template_name = "cms/parts/advice.html"

        @cached_property
        def advice(self) -> list[str]:
            """A sentence each."""
            return advice.of(self.instance, self.panel.begins) if self.instance.pk else []

        def is_shown(self) -> bool:
            """Only when there is something to say."""
            return bool(super().is_shown() and self.advice)

        def get_context_data(self, parent_context: Any = None) -> dict[str, Any]:
            """With the sentences."""
            return {**super().get_context_data(parent_context), "advice": self.advice}


def email_tab(*more: Panel, says: Any) -> ObjectList:
    """Subject, preheader and text."""
    panels: Sequence[Panel] = [
        note(says, "email"),
        AdvicePanel("email_"),
        FieldPanel("email_subject", widget=_line("letters", limits.SUBJECT), help_text=PLACES),
        FieldPanel("email_preheader", widget=_line("letters", limits.PREHEADER)),
        FieldPanel("email_body"),
        FieldPanel("email_button"),
        *more,
        FieldPanel("email_text"),
    ]
    return ObjectList(panels, heading=_("E-mail"))


def post_tab(*, says: Any) -> ObjectList:
    """The post and its picture."""
    panels = [
        note(says, "post"),
        AdvicePanel("social_"),
        FieldPanel(
            "social_text",
            widget=_area("x", limits.X_LIMIT),
            help_text=_(
                "The link is added at the end and counted along: 23 characters, once this installation has a domain of its "
                "own."
            ),
        ),
        FieldPanel("social_picture"),
    ]
    return ObjectList(panels, heading=_("Post"))


def push_tab(*more: Panel, says: Any) -> ObjectList:
    """The notification."""
    panels = [
        note(says, "push"),
        AdvicePanel("push_"),
        FieldPanel("push_title", widget=_line("letters", limits.PUSH_TITLE)),
        FieldPanel("push_body", widget=_area("letters", limits.PUSH_BODY, rows=3)),
        *more,
    ]
    return ObjectList(panels, heading=_("Push"))
