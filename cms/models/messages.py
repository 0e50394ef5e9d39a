"""A message that is no page: written here, or handed in through the API."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib.contenttypes.fields import GenericRelation
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.models import (
    DraftStateMixin,
    LockableMixin,
    PreviewableMixin,
    RevisionMixin,
    TranslatableMixin,
    WorkflowMixin,
)
from wagtail.search import index

from cms import advice, markup, mjml, previews, proofs
from cms.models.renditions import SOURCES, Renditions
from core.errors import Invalid
from core.texts import Escape, parse


class Message(
    WorkflowMixin,
    DraftStateMixin,
    LockableMixin,
    RevisionMixin,
    PreviewableMixin,
    TranslatableMixin,
    Renditions,
    index.Indexed,
    models.Model,
):
    """One thing to say by e-mail, post or push that has no page. `translation_key` is its public id in the API."""

    name = models.CharField(_("name"), max_length=200, help_text=_("For your team; readers do not see it."))
    offer = models.ForeignKey(
        "promotions.Offer", null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("offer")
    )
    picture = models.ForeignKey(
        "cms.Picture", null=True, blank=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("picture")
    )
    link_url = models.URLField(
        _("where it leads"),
        max_length=500,
        blank=True,
        default="",
        help_text=_("The address behind the button, the post and the notification."),
    )
    email_mjml = models.TextField(
        _("MJML source"), blank=True, default="", help_text=_("A whole e-mail in MJML, instead of the text above.")
    )
    email_html = models.TextField(
        _("HTML source"), blank=True, default="", help_text=_("A whole e-mail in HTML, instead of the text above.")
    )
    push_url = models.URLField(_("address"), max_length=500, blank=True, default="")
    workflow_states = GenericRelation(
        "wagtailcore.WorkflowState",
        content_type_field="base_content_type",
        object_id_field="object_id",
        related_query_name="message",
        for_concrete_model=False,
    )
    _revisions = GenericRelation("wagtailcore.Revision", related_query_name="message")

    TITLE_FIELD: ClassVar[str] = "name"
    sources: ClassVar[Mapping[str, tuple[Escape, frozenset[str] | None]]] = SOURCES
    search_fields = [index.SearchField("name"), index.AutocompleteField("name"), index.FilterField("locale_id")]

    class Meta(TranslatableMixin.Meta):
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["-pk"]

    def __str__(self) -> str:
        # A draft that saves itself may have no name yet.
        return self.name or self.email_subject or gettext("Message without a name")

    @property
    def revisions(self) -> Any:
        """Every saved version, the newest last."""
        return self._revisions

    def mistakes_of_fields(self) -> dict[str, str]:
        """As the channel fields, and the e-mail source must be readable; there is only one of it."""
        found = super().mistakes_of_fields()
        if self.email_mjml and self.email_html:
            found["email_html"] = gettext("Give the e-mail as MJML or as HTML, not as both.")
        for name, check in (("email_mjml", self._check_mjml), ("email_html", self._check_html)):
            source = markup.unix_lines(getattr(self, name))
            if not source:
                continue
            try:
                check(source)
            except Invalid as error:
                found[name] = advice.translated(source, error.message)
        return found

    def _check_mjml(self, source: str) -> None:
        mjml.render(source)
        parse(markup.without_comments(source), Escape.HTML)
        for words, line in mjml.written(source):
            proofs.prove_html(words, self.said_language, line)

    def _check_html(self, source: str) -> None:
        markup.check_html(source)
        parse(markup.without_comments(source), Escape.HTML)
        proofs.prove_html(source, self.said_language)

    @property
    def said_title(self) -> str:
        """The subject, the notification's title or the name."""
        return self.push_title or self.email_subject or self.name

    @property
    def said_heading(self) -> str:
        """None: the text says it all."""
        return ""

    @property
    def said_picture(self) -> Any:
        """Its picture."""
        return self.picture

    @property
    def said_url(self) -> str:
        """Where it leads."""
        return self.link_url or self.push_url

    @property
    def said_offer(self) -> Any:
        """Its offer."""
        return self.offer

    @property
    def preview_modes(self) -> list[tuple[str, Any]]:
        """One preview per channel."""
        return previews.MESSAGE_MODES

    def serve_preview(self, request: HttpRequest, mode_name: str) -> HttpResponse:
        """The message as its reader sees it."""
        return previews.serve(self, request, mode_name)
