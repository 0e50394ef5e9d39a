"""Accounts at providers, and what providers told us."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from channels.base import Channel, EventKind
from core import clock
from core.dated import Dated
from core.ids import uuid7

CHANNEL_CHOICES = [
    (Channel.EMAIL.value, _("E-mail")),
    (Channel.SOCIAL.value, _("Social")),
    (Channel.PUSH.value, _("Push")),
]


class ChannelAccount(Dated):
    """A configured login at a provider. Settings are encrypted at rest; secrets are write-only on every screen."""

    class Health(models.TextChoices):
        """What the last calls said about the account."""

        OK = "ok", _("OK")
        WAITING = "waiting", _("Waiting for the provider")
        FIX_SETTINGS = "fix_settings", _("Needs attention")

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=120)
    provider = models.SlugField(_("provider"), max_length=40)
    channel = models.CharField(_("channel"), max_length=10, choices=CHANNEL_CHOICES, editable=False)
    sealed_settings = models.TextField(editable=False, help_text="Settings as JSON, AES-256-GCM bound to `public_id`.")
    is_sandbox = models.BooleanField(_("sandbox"), default=False, editable=False)
    health = models.CharField(_("health"), max_length=20, choices=Health.choices, default=Health.OK, editable=False)
    blocked_until = models.DateTimeField(_("waits until"), null=True, blank=True, editable=False)
    last_error = models.CharField(_("last error"), max_length=500, blank=True, default="", editable=False)
    strikes = models.PositiveSmallIntegerField(
        default=0, db_default=0, editable=False, help_text="Times in a row that no answers came: sets the next pause."
    )
    unanswered = models.PositiveIntegerField(
        default=0, db_default=0, editable=False, help_text="Messages in a row, until now, that nobody answered."
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)
    created_by = models.ForeignKey("core.User", null=True, on_delete=models.SET_NULL, related_name="+", editable=False)

    class Meta:
        verbose_name = _("channel account")
        verbose_name_plural = _("channel accounts")
        ordering = ["channel", "name"]
        indexes = [models.Index(fields=["updated_at", "id"], name="channels_account_updated")]

    def __str__(self) -> str:
        return self.name


class ProviderEvent(models.Model):
    """One fact a provider told us, kept once however often it is told. Rooms above read on by `id` as a cursor."""

    account = models.ForeignKey(ChannelAccount, on_delete=models.PROTECT, related_name="events")
    key = models.CharField(max_length=200, help_text="Unique per fact and account; see `channels.base.Event.key`.")
    kind = models.CharField(max_length=20, choices=[(kind.value, kind.value) for kind in EventKind])
    ref = models.CharField(max_length=200, blank=True, default="", help_text="Our delivery reference.")
    provider_id = models.CharField(max_length=200, blank=True, default="")
    reason = models.CharField(max_length=500, blank=True, default="")
    permanent = models.BooleanField(default=False)
    machine = models.BooleanField(default=False)
    fault = models.CharField(max_length=20, blank=True, default="", help_text="See `channels.base.Event.fault`.")
    payload = models.JSONField(default=dict)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name = _("provider event")
        verbose_name_plural = _("provider events")
        constraints = [models.UniqueConstraint(fields=["account", "key"], name="channels_event_once")]
        indexes = [models.Index(fields=["ref"], name="channels_event_ref")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
