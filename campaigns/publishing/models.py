"""The ledger: what was approved, whom it is for, and what became of every single copy.

At any instant, for every run: targeted = pending + claimed + attempting + accepted + rejected + skipped + unknown +
unconfirmed. `manage.py audit_ledger` prints every violation.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from campaigns.publishing.states import ChunkState, ClosingState, DeliveryState, Feedback, RunState
from core import clock
from core.ids import uuid7


class Seal(models.Model):
    """What a reviewer approved: compiled bytes and frozen facts, and the order to send them, each with its own hash."""

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    publication = models.ForeignKey("planning.Publication", on_delete=models.PROTECT, related_name="seals")
    content_hash = models.CharField(max_length=64, help_text="SHA-256 over the parts, the facts and the assets.")
    order_hash = models.CharField(max_length=64, help_text="SHA-256 over account, audience rule and moment.")
    order = models.JSONField(default=dict, help_text="What `order_hash` is of, for people to read.")
    facts = models.JSONField(default=dict, help_text="The offer's facts as they were.")
    sealed_at = models.DateTimeField(default=clock.now)
    sealed_by = models.ForeignKey("core.User", null=True, on_delete=models.SET_NULL, related_name="+")
    superseded_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("seal")
        verbose_name_plural = _("seals")
        ordering = ["publication", "-sealed_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["publication"], condition=models.Q(superseded_at__isnull=True), name="publishing_seal_one_valid"
            ),
        ]

    def __str__(self) -> str:
        return self.content_hash[:12]


class SealPart(models.Model):
    """The compiled message for one (locale, arm), as the bytes that are read when sending."""

    seal = models.ForeignKey(Seal, on_delete=models.CASCADE, related_name="parts")
    locale = models.CharField(max_length=20)
    arm = models.CharField(max_length=20, blank=True, default="")
    link_set = models.ForeignKey("links.LinkSet", null=True, on_delete=models.PROTECT, related_name="+")
    compiled = models.BinaryField(help_text="Canonical JSON; see `campaigns.publishing.compiler`.")
    sha256 = models.CharField(max_length=64)

    class Meta:
        verbose_name = _("seal part")
        constraints = [models.UniqueConstraint(fields=["seal", "locale", "arm"], name="publishing_part_once")]

    def __str__(self) -> str:
        return f"{self.locale} {self.arm}".strip()


class SealAsset(models.Model):
    """A picture as it was when it was approved."""

    seal = models.ForeignKey(Seal, on_delete=models.CASCADE, related_name="assets")
    sha256 = models.CharField(max_length=64)
    content = models.BinaryField()
    mime_type = models.CharField(max_length=80)

    class Meta:
        verbose_name = _("seal asset")
        constraints = [models.UniqueConstraint(fields=["seal", "sha256"], name="publishing_asset_once")]

    def __str__(self) -> str:
        return self.sha256[:12]


class Run(models.Model):
    """One wave: the recipients whose clocks show the moment at the same instant; one occurrence of a repetition."""

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    publication = models.ForeignKey("planning.Publication", on_delete=models.PROTECT, related_name="runs")
    seal = models.ForeignKey(Seal, null=True, on_delete=models.PROTECT, related_name="runs")
    occurrence = models.PositiveIntegerField(default=0)
    wave = models.CharField(
        max_length=40, blank=True, default="", help_text="The instant of a local-time wave, ISO 8601 UTC."
    )
    zones = models.JSONField(default=list, help_text="Zones of a local-time wave; empty: everybody.")
    due_at = models.DateTimeField(_("due"))
    state = models.CharField(_("state"), max_length=12, choices=RunState.choices, default=RunState.WAITING)
    state_reason = models.CharField(max_length=300, blank=True, default="")
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    moved_at = models.DateTimeField(
        null=True, help_text="When it last made progress, or a person said go: lateness counts from here."
    )
    rung_at = models.DateTimeField(null=True, help_text="When the bell was last rung for it.")
    fuse_off = models.BooleanField(default=False, help_text="A person let it go on after the fuse had stopped it.")

    class Meta:
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        ordering = ["due_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["publication", "occurrence", "wave"], name="publishing_run_once"),
            models.CheckConstraint(condition=models.Q(state__in=RunState.values), name="publishing_run_state"),
        ]
        indexes = [models.Index(fields=["state", "due_at"], name="publishing_run_due")]

    def __str__(self) -> str:
        return f"{self.publication_id}/{self.occurrence}/{self.wave}"


class Snapshot(models.Model):
    """The audience as it was frozen when the run started; the deliveries are its rows."""

    run = models.OneToOneField(Run, on_delete=models.CASCADE, related_name="snapshot")
    frozen_at = models.DateTimeField(default=clock.now)
    targeted = models.PositiveIntegerField(help_text="Rows of the ledger for this run; never changes.")
    left_out = models.JSONField(default=dict, help_text="How many were skipped at the freeze, by reason.")
    audience = models.JSONField(default=dict, help_text="The rule as it stood.")

    class Meta:
        verbose_name = _("snapshot")

    def __str__(self) -> str:
        return f"{self.run_id}: {self.targeted}"


class Delivery(models.Model):
    """One copy for one recipient (direct) or one post (broadcast). Made at the freeze, never deleted."""

    id = models.BigAutoField(primary_key=True)
    # Every index costs an entry for each row and, on PostgreSQL, for each change of it. Those that are missing here are the
    # beginning of another one (run, publication), or nobody asks by them (part).
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="deliveries", db_index=False)
    publication = models.ForeignKey(
        "planning.Publication", on_delete=models.PROTECT, related_name="deliveries", db_index=False
    )
    occurrence = models.PositiveIntegerField(default=0)
    recipient_key = models.CharField(
        max_length=64,
        help_text="Of the endpoint; `none:`, `same:` or `late:` and the contact's id for those who are not written to.",
    )
    contact = models.ForeignKey("audiences.Contact", null=True, on_delete=models.SET_NULL, related_name="deliveries")
    endpoint = models.ForeignKey("audiences.Endpoint", null=True, on_delete=models.SET_NULL, related_name="+")
    seq = models.PositiveIntegerField(help_text="From 1, in the order of the freeze.")
    part = models.ForeignKey(SealPart, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    state = models.CharField(_("state"), max_length=12, choices=DeliveryState.choices, default=DeliveryState.PENDING)
    reason = models.CharField(_("reason"), max_length=60, blank=True, default="")
    attempts_made = models.PositiveSmallIntegerField(default=0)
    deferrals = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="How often the provider put off this very message: its budget of tries."
    )
    suspects = models.BigIntegerField(
        null=True,
        help_text="Pending rows with the same number were refused together because of one of them, not yet found.",
    )
    next_at = models.DateTimeField(null=True, help_text="Not before; set for retries, which leave the chunk.")
    provider_id = models.CharField(max_length=200, blank=True, default="")
    feedback = models.CharField(
        _("feedback"),
        max_length=12,
        choices=Feedback.choices,
        blank=True,
        default="",
        help_text="The furthest thing the provider's events said; it only ever rises.",
    )
    changed_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints = [
            # And so once per run, which is of one occurrence of one publication.
            models.UniqueConstraint(
                fields=["publication", "occurrence", "recipient_key"], name="publishing_delivery_once"
            ),
            models.UniqueConstraint(fields=["run", "seq"], name="publishing_delivery_seq"),
            models.CheckConstraint(
                condition=models.Q(state__in=DeliveryState.values), name="publishing_delivery_state"
            ),
        ]
        indexes = [
            models.Index(
                fields=["run", "next_at"], condition=models.Q(next_at__isnull=False), name="publishing_delivery_retry"
            ),
            models.Index(
                fields=["run", "suspects"],
                condition=models.Q(suspects__isnull=False),
                name="publishing_delivery_suspect",
            ),
            models.Index(
                fields=["run", "state"],
                condition=models.Q(state__in=["attempting", "unknown", "unconfirmed"]),
                name="publishing_delivery_doubt",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run_id}/{self.seq}"


class Chunk(models.Model):
    """A range of `seq` that one worker holds at a time. `epoch` rises with every lease: an old holder cannot write."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="chunks")
    number = models.PositiveIntegerField()
    first_seq = models.PositiveIntegerField()
    last_seq = models.PositiveIntegerField()
    next_seq = models.PositiveIntegerField(help_text="Everything before it was attempted, settled or put off.")
    is_retry = models.BooleanField(
        default=False,
        help_text="The one chunk of a run for deliveries that were put off: those whose `next_at` has come.",
    )
    state = models.CharField(max_length=10, choices=ChunkState.choices, default=ChunkState.OPEN)
    epoch = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=120, blank=True, default="")
    lease_until = models.DateTimeField(null=True)
    waiting_since = models.DateTimeField(
        null=True,
        help_text="Set: no range, but what a worker has in the air and waits for, apart from the chunk it came from.",
    )
    silent = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Nobody has answered its slice yet: the account is not fed meanwhile.",
    )

    class Meta:
        verbose_name = _("chunk")
        constraints = [
            models.UniqueConstraint(fields=["run", "number"], name="publishing_chunk_once"),
            models.CheckConstraint(
                condition=models.Q(last_seq__gte=models.F("first_seq")), name="publishing_chunk_range"
            ),
        ]
        indexes = [
            models.Index(fields=["state", "lease_until"], name="publishing_chunk_lease"),
            models.Index(fields=["run"], condition=models.Q(silent=True), name="publishing_chunk_silent"),
        ]

    def __str__(self) -> str:
        return f"{self.run_id}/{self.number}"


class Attempt(models.Model):
    """One try of one delivery: written with `attempting`, closed with the outcome."""

    id = models.BigAutoField(primary_key=True)
    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="attempts", db_index=False)
    number = models.PositiveSmallIntegerField()
    chunk = models.ForeignKey(Chunk, null=True, on_delete=models.SET_NULL, related_name="+")
    epoch = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(default=clock.now)
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(
        max_length=12, blank=True, default="", help_text="Empty while open; a `channels.base.Result`, or `lost`."
    )
    provider_id = models.CharField(max_length=200, blank=True, default="")
    code = models.CharField(max_length=60, blank=True, default="")
    detail = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="publishing_attempt_once")]
        indexes = [
            models.Index(fields=["chunk", "epoch"], condition=models.Q(outcome=""), name="publishing_attempt_open"),
        ]

    def __str__(self) -> str:
        return f"{self.delivery_id}/{self.number}"


class EventCursor(models.Model):
    """How far a reader has come in a table below (provider events): committed together with what it did."""

    name = models.CharField(max_length=60, primary_key=True)
    position = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("cursor")

    def __str__(self) -> str:
        return f"{self.name}: {self.position}"


class Closing(models.Model):
    """An address that a provider called dead in one run. It is closed in a second step, and can be opened again."""

    class Cause(models.TextChoices):
        """How it was told."""

        REFUSED = "refused", _("refused when sending")
        BOUNCED = "bounced", _("bounced afterwards")
        DROPPED = "dropped", _("dropped by the provider")

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="closings")
    delivery = models.OneToOneField(Delivery, on_delete=models.PROTECT, related_name="closing")
    recipient_key = models.CharField(max_length=64)
    channel = models.CharField(max_length=10)
    cause = models.CharField(max_length=10, choices=Cause.choices)
    code = models.CharField(max_length=60, blank=True, default="")
    detail = models.CharField(max_length=500, blank=True, default="", help_text="The words, without the address.")
    state = models.CharField(max_length=10, choices=ClosingState.choices, default=ClosingState.WAITING)
    endpoints = models.JSONField(default=list, help_text="Ids of the endpoints that this closed: only they open again.")
    suppressed = models.BooleanField(default=False, help_text="Whether this made the suppression.")
    created_at = models.DateTimeField(default=clock.now)
    changed_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name = _("closed address")
        verbose_name_plural = _("closed addresses")
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=ClosingState.values), name="publishing_closing_state")
        ]
        indexes = [
            models.Index(fields=["run", "state"], name="publishing_closing_run"),
            models.Index(fields=["recipient_key"], name="publishing_closing_key"),
        ]

    def __str__(self) -> str:
        return f"{self.run_id}/{self.delivery_id}: {self.state}"


class RefusalTrail(models.Model):
    """What one run was refused with of late, so that the same words to unlike domains are seen across slices.

    A row is made at the first refusal; see `campaigns.publishing.services.weighing`.
    """

    run = models.OneToOneField(Run, on_delete=models.CASCADE, related_name="trail")
    sentence = models.CharField(
        max_length=500, blank=True, default="", help_text="What the last ones in a row had in common."
    )
    domains = models.JSONField(default=list, help_text="Keyed hashes of the domains that it was said to, in a row.")
    members = models.JSONField(default=list, help_text="Ids of the deliveries that it was said to, in a row.")
    accused = models.CharField(
        max_length=500, blank=True, default="", help_text="The sentence that stopped the account."
    )
    acquitted = models.JSONField(
        default=list, help_text="Sentences after which the account went on well: they are the recipients' own."
    )
    changed_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name = _("trail of refusals")

    def __str__(self) -> str:
        return f"{self.run_id}: {self.sentence}"
