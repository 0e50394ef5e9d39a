"""Where tracked links lead. A link is looked up, never read from the address: there is no open redirect."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class LinkSet(models.Model):
    """The links of one thing that is sent: created with it and never changed, so that old links go on working.

    `owner` is the opaque id of that thing (a seal's part, a placement), known to the room that made it.
    """

    owner = models.UUIDField(unique=True)

    class Meta:
        verbose_name = _("link set")

    def __str__(self) -> str:
        return str(self.owner)


class Link(models.Model):
    """The target of ``/c/<token>/<number>``."""

    link_set = models.ForeignKey(LinkSet, on_delete=models.CASCADE, related_name="links")
    number = models.PositiveSmallIntegerField()
    url = models.TextField(pgettext_lazy("link", "target"))
    label = models.CharField(_("label"), max_length=200, blank=True, default="")
    passes_token = models.BooleanField(
        null=True, help_text="Whether the target learns our click token. Unknown for links of before this was noted."
    )

    class Meta:
        verbose_name = _("tracked link")
        verbose_name_plural = _("tracked links")
        ordering = ["link_set", "number"]
        constraints = [models.UniqueConstraint(fields=["link_set", "number"], name="links_number_once")]

    def __str__(self) -> str:
        return self.url
