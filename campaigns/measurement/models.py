"""What came of it: hits, touches, credits, and reviews that stay as they were."""

from typing import Any

from django.db import models
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from core import clock
from core.errors import Conflict
from core.ids import uuid7


class Hit(models.Model):
    """One request that tells something: a page view, a click on a tracked link, an opened e-mail. Raw, kept as it came.

    Everything the verdict is made of stands on the row, so that a better classifier can be run over old hits. Nothing
    here has an index by delivery: it would cost more than the whole rest of the row (design.md, "Fast by design", 7).
    """

    class Kind(models.TextChoices):
        """What happened."""

        PAGE = "page", _("page view")
        CLICK = "click", _("click")
        OPEN = "open", pgettext_lazy("of a message", "open")

    class Verdict(models.TextChoices):
        """Who it was, as far as the classifier can tell."""

        HUMAN = "human", _("human")
        MACHINE = "machine", _("machine")
        UNSURE = "unsure", _("unsure")

    id = models.BigAutoField(primary_key=True)
    spool_key = models.CharField(max_length=120, unique=True, help_text="Spool file and offset: a line is read once.")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    verdict = models.CharField(max_length=10, choices=Verdict.choices, default=Verdict.UNSURE)
    verdict_reason = models.CharField(max_length=20, blank=True, default="")
    delivery = models.ForeignKey(
        "publishing.Delivery",
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        help_text="Null when the visitor asked not to be recognised, or did not agree that opens are noted.",
    )
    publication = models.ForeignKey(
        "planning.Publication",
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    campaign = models.ForeignKey(
        "planning.Campaign",
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    link_number = models.PositiveSmallIntegerField(null=True)
    path = models.CharField(max_length=500, blank=True, default="")
    referrer = models.CharField(max_length=253, blank=True, default="", help_text="Host name only.")
    visitor = models.CharField(max_length=40, blank=True, default="", help_text="First-party id; empty without one.")
    campaign_slug = models.CharField(max_length=100, blank=True, default="", help_text="utm_campaign as it stood.")
    medium = models.CharField(max_length=40, blank=True, default="", help_text="utm_medium as it stood.")
    user_agent = models.CharField(max_length=300, blank=True, default="")
    is_head = models.BooleanField(default=False)
    after_send_ms = models.BigIntegerField(null=True, help_text="Milliseconds since this copy was sent.")
    burst = models.PositiveSmallIntegerField(default=0, help_text="Links of this copy followed within three seconds.")
    ran_script = models.BooleanField(default=False, help_text="A page view with the same token followed.")
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name = _("hit")
        verbose_name_plural = _("hits")
        indexes = [
            # Begins with the time, so that it only ever grows at its end; answers which links of a copy were followed alone.
            models.Index(
                fields=["occurred_at", "delivery", "kind", "link_number"],
                condition=models.Q(delivery__isnull=False),
                name="measurement_hit_of_copy",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.spool_key}"


class SpoolFile(models.Model):
    """How far a spool file has been read. The offset is committed together with the rows made of what was read."""

    name = models.CharField(max_length=100, primary_key=True)
    host = models.CharField(max_length=200)
    offset = models.BigIntegerField(default=0)
    lines = models.BigIntegerField(default=0)
    broken_lines = models.BigIntegerField(default=0, help_text="Torn by a crash or a full disk, or not ours.")
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name = _("spool file")
        verbose_name_plural = _("spool files")

    def __str__(self) -> str:
        return f"{self.name}: {self.offset}"


class Cursor(models.Model):
    """How far this room has read a table of another; its row is also the lock under which numbers are changed."""

    name = models.CharField(max_length=60, primary_key=True)
    position = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("measurement cursor")

    def __str__(self) -> str:
        return f"{self.name}: {self.position}"


class Rollup(models.Model):
    """Hits of one hour, counted. What a dashboard reads instead of the hits; can be made anew from them."""

    key = models.CharField(max_length=120, unique=True, help_text="The five columns below, as one word.")
    campaign = models.ForeignKey("planning.Campaign", on_delete=models.CASCADE, related_name="+")
    publication = models.ForeignKey("planning.Publication", null=True, on_delete=models.CASCADE, related_name="+")
    hour = models.DateTimeField()
    kind = models.CharField(max_length=10, choices=Hit.Kind.choices)
    verdict = models.CharField(max_length=10, choices=Hit.Verdict.choices)
    count = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("hourly count")
        verbose_name_plural = _("hourly counts")
        indexes = [models.Index(fields=["campaign", "hour"], name="measurement_rollup_campaign")]

    def __str__(self) -> str:
        return f"{self.key}: {self.count}"


class Visit(models.Model):
    """The first page view of a visitor in a campaign, per publication that brought them."""

    key = models.CharField(max_length=120, unique=True, help_text="Campaign, publication and visitor, as one word.")
    campaign = models.ForeignKey("planning.Campaign", on_delete=models.CASCADE, related_name="+")
    publication = models.ForeignKey("planning.Publication", null=True, on_delete=models.CASCADE, related_name="+")
    delivery = models.ForeignKey(
        "publishing.Delivery", null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    visitor = models.CharField(max_length=40)
    first_at = models.DateTimeField()

    class Meta:
        verbose_name = _("visit")
        verbose_name_plural = _("visits")

    def __str__(self) -> str:
        return self.key


class Touch(models.Model):
    """A human click that may earn the credit for an order. Whose it was is the delivery's to know: erasure reaches it there."""

    hit = models.OneToOneField(Hit, on_delete=models.CASCADE, related_name="touch")
    delivery = models.ForeignKey(
        "publishing.Delivery", on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    publication = models.ForeignKey("planning.Publication", on_delete=models.CASCADE, related_name="+")
    occurred_at = models.DateTimeField()

    class Meta:
        verbose_name = _("touch")
        verbose_name_plural = _("touches")

    def __str__(self) -> str:
        return f"{self.delivery_id} {self.occurred_at:%Y-%m-%dT%H:%M:%S}"


class Credit(models.Model):
    """An order and the publication it is credited to: the last click before it, within the window."""

    class Via(models.TextChoices):
        """How the two were brought together."""

        TOKEN = "token", _("the shop passed the click on")
        CONTACT = "contact", _("the customer's last click")

    order = models.OneToOneField("promotions.Order", on_delete=models.CASCADE, related_name="+")
    publication = models.ForeignKey("planning.Publication", on_delete=models.CASCADE, related_name="+")
    touch = models.ForeignKey(Touch, null=True, on_delete=models.SET_NULL, related_name="+")
    via = models.CharField(max_length=10, choices=Via.choices)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    occurred_at = models.DateTimeField()

    class Meta:
        verbose_name = _("credit")
        verbose_name_plural = _("credits")

    def __str__(self) -> str:
        return f"{self.order_id} → {self.publication_id}"


class Kept(models.Model):
    """The results of a campaign as they were counted last, in one language: for everybody who looks (`kept`)."""

    campaign = models.ForeignKey("planning.Campaign", on_delete=models.CASCADE, related_name="+")
    language = models.CharField(max_length=20)
    numbers = models.JSONField()
    mark = models.TextField(help_text="What the rows looked like that they were counted from.")
    counted_at = models.DateTimeField()
    seconds = models.FloatField(help_text="How long counting took.")
    claimed_until = models.DateTimeField(help_text="Until then somebody counts them again.")

    class Meta:
        verbose_name = _("kept results")
        verbose_name_plural = _("kept results")
        constraints = [models.UniqueConstraint(fields=["campaign", "language"], name="measurement_kept_once")]

    def __str__(self) -> str:
        return f"{self.campaign_id} {self.language}"


class Review(models.Model):
    """A retrospective with the numbers as they stood: frozen once, never changed. Later facts make a restatement."""

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    campaign = models.ForeignKey("planning.Campaign", on_delete=models.PROTECT, related_name="reviews")
    numbers = models.JSONField(help_text="Results, targets and definitions of the metrics at `cut_off`.")
    cut_off = models.DateTimeField(_("data until"))
    findings = models.TextField(_("findings"), blank=True, default="")
    decisions = models.TextField(_("decisions"), blank=True, default="")
    digest = models.CharField(max_length=64, help_text="SHA-256 over numbers, findings and decisions, as frozen.")
    frozen_at = models.DateTimeField(default=clock.now)
    frozen_by = models.ForeignKey("core.User", null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        verbose_name = _("review")
        verbose_name_plural = _("reviews")
        ordering = ["-frozen_at"]

    def __str__(self) -> str:
        return f"{self.campaign} {self.frozen_at:%Y-%m-%d}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write it once; raises `Conflict` for a second time."""
        if not self._state.adding:
            raise Conflict(gettext("A review is frozen and cannot be changed. Freeze a new one instead."))
        super().save(*args, **kwargs)
