"""What came of it: hits, touches, credits, and reviews that stay as they were."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core import clock
from core.ids import uuid7


class Hit(models.Model):
    """One request that tells something: a page view, a click on a tracked link, an opened e-mail. Raw, kept as it came."""

    class Kind(models.TextChoices):
        """What happened."""

        PAGE = "page", _("page view")
        CLICK = "click", _("click")
        OPEN = "open", _("open")

    class Verdict(models.TextChoices):
        """Who it was, as far as the classifier can tell; it can be run again over old hits."""

        HUMAN = "human", _("human")
        MACHINE = "machine", _("machine")
        UNSURE = "unsure", _("unsure")

    id = models.BigAutoField(primary_key=True)
    spool_key = models.CharField(max_length=120, unique=True, help_text="Spool file and offset: a line is read once.")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    verdict = models.CharField(max_length=10, choices=Verdict.choices, default=Verdict.UNSURE)
    delivery = models.ForeignKey(
        "publishing.Delivery", null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    link_number = models.PositiveSmallIntegerField(null=True)
    path = models.CharField(max_length=500, blank=True, default="")
    visitor = models.CharField(max_length=40, blank=True, default="", help_text="First-party id; empty without one.")
    campaign_slug = models.CharField(max_length=100, blank=True, default="", help_text="utm_campaign as it stood.")
    medium = models.CharField(max_length=40, blank=True, default="", help_text="utm_medium as it stood.")
    user_agent = models.CharField(max_length=300, blank=True, default="")
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name = _("hit")
        verbose_name_plural = _("hits")
        indexes = [models.Index(fields=["occurred_at"], name="measurement_hit_time")]

    def __str__(self) -> str:
        return f"{self.kind} {self.spool_key}"


class Review(models.Model):
    """A retrospective with the numbers as they stood: frozen once, never changed. Later facts make a restatement."""

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    campaign = models.ForeignKey("planning.Campaign", on_delete=models.PROTECT, related_name="reviews")
    numbers = models.JSONField(help_text="Results, targets and definitions of the metrics at `cut_off`.")
    cut_off = models.DateTimeField(_("data until"))
    findings = models.TextField(_("findings"), blank=True, default="")
    decisions = models.TextField(_("decisions"), blank=True, default="")
    frozen_at = models.DateTimeField(default=clock.now)
    frozen_by = models.ForeignKey("core.User", null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        verbose_name = _("review")
        verbose_name_plural = _("reviews")
        ordering = ["-frozen_at"]

    def __str__(self) -> str:
        return f"{self.campaign} {self.frozen_at:%Y-%m-%d}"
