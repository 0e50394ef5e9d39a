"""Who works here, which markets the shop sells in, and which installation this is."""

from datetime import time

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from core import clock
from core.dated import Dated
from core.ids import uuid7


def validate_zone(name: str) -> None:
    """Refuse a name that the IANA time zone database does not know."""
    try:
        clock.zone(name)
    except ValueError as error:
        raise ValidationError(str(error)) from error


class User(AbstractUser):  # type: ignore[django-manager-missing]  # of relations that other apps add
    """A person, or a service account that only speaks to the API."""

    is_service_account = models.BooleanField(_("service account"), default=False)

    class Meta(AbstractUser.Meta):
        verbose_name = _("user")  # type: ignore[assignment]  # the stubs of the parent know plain strings only
        verbose_name_plural = _("users")  # type: ignore[assignment]

    def __str__(self) -> str:
        return self.get_full_name() or self.get_username()


class Market(Dated):
    """A country or region the shop sells in: its currency, its clock, its languages and its holidays."""

    code = models.SlugField(_("code"), max_length=20, unique=True)
    name = models.CharField(_("name"), max_length=80)
    country = models.CharField(_("country"), max_length=2, help_text=_("ISO 3166 code; decides the occasions."))
    currency = models.CharField(_("currency"), max_length=3, help_text=_("ISO 4217 code."))
    timezone = models.CharField(_("time zone"), max_length=64, default="UTC", validators=[validate_zone])
    locales = models.JSONField(_("languages"), default=list, help_text=_("Language codes, the first one preferred."))
    is_default = models.BooleanField(_("default market"), default=False)
    good_hours = models.JSONField(
        _("good hours"), default=list, blank=True, help_text="Pairs of wall-clock times, such as [['10:30', '11:30']]."
    )
    quiet_from = models.TimeField(_("quiet hours from"), null=True, blank=True)
    quiet_until = models.TimeField(_("quiet hours until"), null=True, blank=True)
    legal_lines = models.JSONField(
        _("legal lines"),
        default=dict,
        blank=True,
        help_text="Text by language code, for the foot of e-mails and pages.",
    )
    converts = models.BooleanField(
        _("convert other currencies"),
        default=False,
        help_text=_(
            "Count orders in another currency at the stored exchange rate of their day. Without it, or without a rate, they "
            "are left out of the figures and named beside them."
        ),
    )

    class Meta:
        verbose_name = _("market")
        verbose_name_plural = _("markets")
        ordering = ["-is_default", "name"]
        indexes = [models.Index(fields=["updated_at", "id"], name="core_market_updated")]
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="core_market_one_default"
            ),
            models.CheckConstraint(
                condition=models.Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | models.Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="core_market_quiet_both",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def quiet(self) -> tuple[time, time] | None:
        """The quiet hours, from and until."""
        if self.quiet_from is None or self.quiet_until is None:
            return None
        return self.quiet_from, self.quiet_until

    def legal_line(self, locale: str) -> str:
        """What the law wants said under an e-mail or a page, in `locale`, else in the market's first language."""
        for code in (locale, *self.locales):
            if text := self.legal_lines.get(code):
                return str(text)
        return ""


class ExchangeRate(models.Model):
    """What one unit of `base` was worth in `quote` on a day, and who says so."""

    day = models.DateField(_("day"))
    base = models.CharField(_("currency"), max_length=3, help_text=_("ISO 4217 code, for example EUR."))
    quote = models.CharField(_("in"), max_length=3, help_text=_("ISO 4217 code, for example USD."))
    rate = models.DecimalField(
        _("rate"), max_digits=24, decimal_places=12, help_text=_("How many of the second make one of the first.")
    )
    source = models.CharField(
        _("source"), max_length=80, help_text=_("Who published it, for example “ECB” or “our bank”.")
    )
    recorded_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name = _("exchange rate")
        verbose_name_plural = _("exchange rates")
        ordering = ["-day", "base", "quote"]
        constraints = [
            models.UniqueConstraint(fields=["day", "base", "quote"], name="core_rate_once"),
            models.CheckConstraint(condition=models.Q(rate__gt=0), name="core_rate_positive"),
            models.CheckConstraint(condition=~models.Q(base=models.F("quote")), name="core_rate_of_two"),
        ]

    def __str__(self) -> str:
        return f"{self.day}: 1 {self.base} = {self.rate.normalize():f} {self.quote}"


class TokenGrant(Dated):
    """What an API token may do. The token itself (digest, prefix, revocation) is Wagtail's."""

    token = models.OneToOneField("wagtailcore.APIToken", on_delete=models.CASCADE, related_name="grant")
    scopes = models.JSONField(_("scopes"), default=list)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)

    class Meta:
        verbose_name = _("API token grant")
        verbose_name_plural = _("API token grants")
        indexes = [models.Index(fields=["updated_at", "id"], name="core_grant_updated")]

    def __str__(self) -> str:
        return f"{self.token}: {', '.join(self.scopes)}"

    @property
    def works(self) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.token.revoked_at is None and (self.expires_at is None or self.expires_at > clock.now())


class IdempotencyRecord(models.Model):
    """The answer that was given to a write with an ``Idempotency-Key``, so that a replay gets the same one."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    request_hash = models.CharField(max_length=64, help_text="SHA-256 of method, path and body.")
    status = models.PositiveSmallIntegerField(null=True, help_text="Null while the first request is still running.")
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name = _("idempotency record")
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="core_idempotency_once")]
        indexes = [models.Index(fields=["created_at"], name="core_idempotency_age")]

    def __str__(self) -> str:
        return self.key


class Installation(models.Model):
    """Which installation this database belongs to: one row, confirmed by a person when it looks like a copy.

    `fingerprint` says which database and which public address it was when a person (or the first start) confirmed it. A
    restored or cloned database shows another one, or a heartbeat gone stale, and then nothing is sent until confirmed.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    public_id = models.UUIDField(default=uuid7, editable=False)
    fingerprint = models.JSONField(default=dict)
    heartbeat_at = models.DateTimeField(default=clock.now)
    confirmed_at = models.DateTimeField(default=clock.now)
    confirmed_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    held_reason = models.CharField(
        max_length=200, blank=True, default="", help_text="A code of `core.installation.SENTENCES`."
    )
    term = models.BigIntegerField(
        default=0, db_default=0, help_text="A later one with each confirmation; see `core.witness`."
    )

    class Meta:
        verbose_name = _("installation")
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="core_installation_single")]

    def __str__(self) -> str:
        return str(self.public_id)


class Witness(models.Model):
    """How often one process has said that this database went on; see `core.witness`. No row is ever deleted."""

    life = models.UUIDField(primary_key=True, help_text="One process, from its start to its end.")
    number = models.BigIntegerField()

    class Meta:
        verbose_name = _("witness")
        verbose_name_plural = _("witnesses")

    def __str__(self) -> str:
        return f"{self.life}: {self.number}"


class ProcessHeartbeat(models.Model):
    """A process that says it is alive: web, worker or scheduler."""

    kind = models.CharField(max_length=20)
    host = models.CharField(max_length=200)
    pid = models.PositiveIntegerField()
    boot_id = models.CharField(max_length=64)
    started_at = models.DateTimeField(default=clock.now)
    seen_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name = _("process")
        verbose_name_plural = _("processes")
        constraints = [models.UniqueConstraint(fields=["kind", "host", "pid"], name="core_process_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.host}:{self.pid}"


class WebhookEndpoint(Dated):
    """An address of the shop's that is told what happens. The secret is encrypted at rest and shown once."""

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    url = models.URLField(_("address"), max_length=500)
    description = models.CharField(_("description"), max_length=200, blank=True, default="")
    events = models.JSONField(_("events"), default=list, help_text="Names, `publication.*`, or `*`.")
    sealed_secret = models.TextField(editable=False)
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+", editable=False)

    class Meta:
        verbose_name = _("outgoing webhook")
        verbose_name_plural = _("outgoing webhooks")
        indexes = [models.Index(fields=["updated_at", "id"], name="core_webhook_updated")]

    def __str__(self) -> str:
        return self.description or self.url


class WebhookDelivery(Dated):
    """The outbox: one event for one address, written in the transaction of what it tells, and sent until it is taken."""

    class State(models.TextChoices):
        """Whether it was taken."""

        WAITING = "waiting", _("waiting")
        DELIVERED = "delivered", _("delivered")
        FAILED = "failed", _("given up")

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=60)
    key = models.CharField(max_length=100, help_text="Of the fact: it is told once to each address.")
    body = models.TextField(help_text="The bytes that are signed and sent, the same at every try.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(default=clock.now)
    status = models.PositiveSmallIntegerField(null=True, help_text="Of the last answer.")
    error = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        constraints = [models.UniqueConstraint(fields=["endpoint", "key"], name="core_webhook_fact_once")]
        indexes = [
            models.Index(fields=["next_at"], condition=models.Q(state="waiting"), name="core_webhook_due"),
            models.Index(fields=["updated_at", "id"], name="core_webhookdelivery_updated"),
        ]

    def __str__(self) -> str:
        return f"{self.event} → {self.endpoint_id}"
