"""The forms one content item takes on the channels, written beside it so that one revision holds them all."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _
from wagtail.fields import RichTextField
from wagtail.models import Site

from channels.base import Channel
from cms import advice, proofs
from cms.renditions import POST_NAMES
from core.errors import Invalid
from core.texts import Escape, parse

RICH_FEATURES = ["h3", "bold", "italic", "link", "ol", "ul", "hr"]

SOURCES: Mapping[str, tuple[Escape, frozenset[str] | None]] = {
    "email_subject": (Escape.HEADER, None),
    "email_preheader": (Escape.TEXT, None),
    "email_body": (Escape.HTML, None),
    "email_text": (Escape.TEXT, None),
    "social_text": (Escape.TEXT, POST_NAMES),
    "push_title": (Escape.TEXT, None),
    "push_body": (Escape.TEXT, None),
}
"""The fields that are template sources, how their places are escaped, and which names they may use."""


CHANNELS: Mapping[str, Channel] = {"email_": Channel.EMAIL, "social_": Channel.SOCIAL, "push_": Channel.PUSH}
"""How the names of a channel's fields begin."""


class Renditions(models.Model):
    """The channel fields of a page or message. What is left empty is derived from the item, and says so."""

    email_subject = models.CharField(_("subject"), max_length=200, blank=True, default="")
    email_preheader = models.CharField(
        _("preheader"),
        max_length=200,
        blank=True,
        default="",
        help_text=_("The line mail programs show after the subject."),
    )
    email_body = RichTextField(_("e-mail text"), blank=True, default="", features=RICH_FEATURES)
    email_button = models.CharField(_("button"), max_length=60, blank=True, default="")
    email_text = models.TextField(
        _("plain text"),
        blank=True,
        default="",
        help_text=_("For mail programs without HTML. Left empty: made from the e-mail."),
    )
    social_text = models.TextField(_("post"), blank=True, default="")
    social_picture = models.ForeignKey(
        "cms.Picture",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("picture of the post"),
        help_text=_("Its description is the alternative text that goes along."),
    )
    push_title = models.CharField(_("title"), max_length=100, blank=True, default="")
    push_body = models.CharField(_("text"), max_length=300, blank=True, default="")

    sources: ClassVar[Mapping[str, tuple[Escape, frozenset[str] | None]]] = SOURCES

    class Meta:
        abstract = True

    TITLE_FIELD: ClassVar[str] = "title"
    is_sketch = False
    """True while it is only shown beside the form: what is half typed is told in the preview, not refused."""

    def mistakes(self) -> dict[str, str]:
        """The sentence for each field that approval would refuse, by the field's name.

        What is not yet said on a channel is no mistake; a channel whose fields are right is proved as a whole.
        """
        found = self.mistakes_of_fields()
        if self.is_sketch or not Site.objects.filter(is_default_site=True).exists():
            return found
        for prefix in CHANNELS:
            if not any(name.startswith(prefix) for name in found) and (sentence := self._unprovable(prefix)):
                found[self._written_field(prefix)] = sentence
        return found

    def mistakes_of_fields(self) -> dict[str, str]:
        """As `mistakes`, each field by itself."""
        found = {}
        for name, (escape, allowed) in self.sources.items():
            value = getattr(self, name)
            try:
                if name == "email_body":
                    value = self._sent_body()
                    proofs.prove_html(value, self.said_language)
                parse(value, escape, allowed)
                if name == "email_text":
                    proofs.prove_text(value, self.said_language)
            except Invalid as error:
                found[name] = advice.translated(value, error.message)
        return found

    def _sent_body(self) -> str:
        from cms import derive

        return derive.sent_body(self.email_body)

    def _unprovable(self, prefix: str) -> str:
        """What approval would say of the whole rendition of a channel; empty when nothing, or when there is none yet."""
        from cms import derive

        channel = CHANNELS[prefix]
        if derive.lacks(self, channel):
            return ""
        try:
            proofs.prove(derive.MAKERS[channel](self), self.said_language)
        except Invalid as error:
            return str(error.message)
        return ""

    def _written_field(self, prefix: str) -> str:
        """The field to mend when the whole is wrong: the longest that was written of the channel, or the item's title."""
        lengths = {
            name: len(getattr(self, name)) for name in advice.SOURCES if name.startswith(prefix) and hasattr(self, name)
        }
        longest = max(lengths, key=lambda name: lengths[name])
        return longest if lengths[longest] else self.TITLE_FIELD

    def clean(self) -> None:
        """Refuse a template source that names what there is not, with the sentence that says so."""
        super().clean()
        if not self.is_sketch and (errors := self.mistakes()):
            raise ValidationError(dict(errors))

    # --- What is derived from -----------------------------------------------------------------------------------------

    @property
    def said_title(self) -> str:
        """What the item is called, in plain words."""
        raise NotImplementedError

    @property
    def said_heading(self) -> str:
        """The headline of its e-mail; may be empty."""
        return self.said_title

    @property
    def said_summary(self) -> str:
        """What the item says in a sentence or two; may be empty."""
        return ""

    @property
    def said_picture(self) -> Any:
        """The `Picture` that stands for the item, or None."""
        return None

    @property
    def said_url(self) -> str:
        """The absolute address a reader is led to; may be empty."""
        return ""

    @property
    def said_offer(self) -> Any:
        """The `promotions.Offer` the item is about, or None."""
        return None

    @property
    def said_language(self) -> str:
        """The language code of the item."""
        return str(self.locale.language_code)  # type: ignore[attr-defined]
