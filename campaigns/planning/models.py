"""Campaigns, their stages, and publications: the intention to say one thing on one channel at one moment."""

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.planning.states import PublicationState
from channels.models import CHANNEL_CHOICES
from core import clock
from core.dated import Dated
from core.ids import uuid7
from core.models import validate_zone


class Campaign(Dated):
    """Why, to whom, and what it should bring: the parent of stages, bound to an anchor date."""

    class Kind(models.TextChoices):
        """What sort of campaign it is; decides the playbook."""

        HOLIDAY_SALE = "holiday_sale", _("holiday sale")
        THEME_SALE = "theme_sale", _("theme sale")
        BRAND_COOP = "brand_coop", _("brand co-operation")
        MEMBER_DAY = "member_day", _("member day")
        CONTENT = "content", _("content")
        OTHER = "other", _("other")

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    slug = models.SlugField(_("slug"), max_length=100, unique=True)
    name = models.CharField(_("name"), max_length=200)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices, default=Kind.OTHER)
    objective = models.TextField(_("objective"), blank=True, default="")
    market = models.ForeignKey(
        "core.Market", on_delete=models.PROTECT, related_name="campaigns", verbose_name=_("market")
    )
    owner = models.ForeignKey(
        "core.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("owner")
    )
    audience = models.ForeignKey(
        "audiences.Audience",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("audience"),
    )
    offers = models.ManyToManyField("promotions.Offer", blank=True, related_name="campaigns", verbose_name=_("offers"))
    anchor_date = models.DateField(_("anchor date"), null=True, blank=True)
    anchor_occasion = models.CharField(_("occasion"), max_length=60, blank=True, default="")
    starts_on = models.DateField(_("first day"), null=True, blank=True)
    ends_on = models.DateField(_("last day"), null=True, blank=True, help_text=_("Inclusive."))
    budget_minor = models.BigIntegerField(_("budget"), null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    created_by = models.ForeignKey("core.User", null=True, on_delete=models.SET_NULL, related_name="+", editable=False)

    class Meta:
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        ordering = ["-anchor_date", "name"]
        indexes = [models.Index(fields=["updated_at", "id"], name="planning_campaign_updated")]

    def __str__(self) -> str:
        return self.name


class Stage(Dated):
    """A part of a campaign. Its days are offsets from the anchor; without offsets it spans the campaign."""

    class Kind(models.TextChoices):
        """The field's names for the parts of a sale."""

        WARM_UP = "warm_up", _("warm-up")
        LAUNCH = "launch", _("launch")
        PEAK = "peak", _("peak")
        LAST_CALL = "last_call", _("last call")
        THANK_YOU = "thank_you", _("thank-you")
        REVIEW = "review", _("review")
        OTHER = "other", _("other")

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="stages")
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices, default=Kind.OTHER)
    name = models.CharField(_("name"), max_length=120)
    position = models.PositiveSmallIntegerField(default=0)
    start_offset = models.SmallIntegerField(_("first day"), null=True, blank=True, help_text=_("Days from the anchor."))
    end_offset = models.SmallIntegerField(
        _("last day"), null=True, blank=True, help_text=_("Days from the anchor, inclusive.")
    )

    class Meta:
        verbose_name = _("stage")
        verbose_name_plural = _("stages")
        ordering = ["campaign", "position", "pk"]
        indexes = [models.Index(fields=["updated_at", "id"], name="planning_stage_updated")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(start_offset__isnull=True, end_offset__isnull=True)
                | models.Q(end_offset__gte=models.F("start_offset")),
                name="planning_stage_days",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Target(models.Model):
    """What a campaign, or one stage and channel of it, should bring."""

    class Metric(models.TextChoices):
        """What is counted; money in minor units of the market's currency, rates in hundredths of a percent."""

        UV = "uv", _("visitors")
        PV = "pv", _("page views")
        CLICKS = "clicks", _("clicks")
        ORDERS = "orders", _("orders")
        GMV = "gmv", _("revenue")
        CONVERSION = "conversion", _("conversion rate")
        ORDER_VALUE = "order_value", _("order value")

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="targets")
    stage = models.ForeignKey(Stage, null=True, blank=True, on_delete=models.CASCADE, related_name="targets")
    channel = models.CharField(_("channel"), max_length=10, blank=True, default="", choices=CHANNEL_CHOICES)
    metric = models.CharField(_("metric"), max_length=20, choices=Metric.choices)
    value = models.BigIntegerField(_("target"))

    class Meta:
        verbose_name = _("target")
        verbose_name_plural = _("targets")
        constraints = [
            # Two constraints, because SQLite has no NULLS NOT DISTINCT.
            models.UniqueConstraint(
                fields=["campaign", "channel", "metric"],
                condition=models.Q(stage=None),
                name="planning_target_campaign",
            ),
            models.UniqueConstraint(fields=["stage", "channel", "metric"], name="planning_target_stage"),
        ]

    def __str__(self) -> str:
        return f"{self.metric} {self.value}"


class Publication(Dated):
    """The intention: one content item, one channel account, one moment, one audience. May be a bare plan.

    The content is named by kind and translation key, so that every language of it belongs to it. The moment is wall-clock
    (`moment_date`, `moment_time`) with a rule for the zone; it becomes instants only when runs are made of it.
    """

    class Moment(models.TextChoices):
        """The zone rule."""

        AT = "at", _("at a fixed time in a zone")
        LOCAL = "local", _("at the customer's own local time")
        NOW = "now", _("as soon as it is scheduled")

    class ContentKind(models.TextChoices):
        """What is said."""

        PAGE = "page", _("page")
        MESSAGE = "message", _("message")

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    stage = models.ForeignKey(Stage, on_delete=models.PROTECT, related_name="publications", verbose_name=_("stage"))
    title = models.CharField(_("title"), max_length=200, blank=True, default="")
    content_kind = models.CharField(_("content"), max_length=10, choices=ContentKind.choices, blank=True, default="")
    content_key = models.UUIDField(null=True, blank=True, help_text="`translation_key` of the page or message.")
    channel = models.CharField(_("channel"), max_length=10, choices=CHANNEL_CHOICES)
    account = models.ForeignKey(
        "channels.ChannelAccount",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("account"),
    )
    audience = models.ForeignKey(
        "audiences.Audience",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("audience"),
    )
    moment_kind = models.CharField(_("when"), max_length=10, choices=Moment.choices, default=Moment.AT)
    moment_date = models.DateField(_("day"), null=True, blank=True)
    moment_time = models.TimeField(_("time"), null=True, blank=True)
    moment_zone = models.CharField(_("time zone"), max_length=64, blank=True, default="", validators=[validate_zone])
    state = models.CharField(
        _("state"), max_length=12, choices=PublicationState.choices, default=PublicationState.PLANNED, editable=False
    )
    state_reason = models.CharField(_("reason"), max_length=300, blank=True, default="", editable=False)
    version = models.PositiveIntegerField(
        default=1, editable=False, help_text="Raised by every edit: for optimistic locks."
    )
    owner = models.ForeignKey(
        "core.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("owner")
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)
    created_by = models.ForeignKey("core.User", null=True, on_delete=models.SET_NULL, related_name="+", editable=False)
    submitted_by = models.ForeignKey(
        "core.User", null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )

    class Meta:
        verbose_name = _("publication")
        verbose_name_plural = _("publications")
        ordering = ["moment_date", "moment_time", "pk"]
        permissions = [
            ("approve_publication", "Can approve publications of others"),
            ("send_publication", "Can schedule, pause, resume and cancel publications"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=PublicationState.values), name="planning_publication_state"
            ),
        ]
        indexes = [
            models.Index(fields=["moment_date"], name="planning_publication_day"),
            models.Index(fields=["state"], name="planning_publication_state_ix"),
            models.Index(fields=["updated_at", "id"], name="planning_publication_updated"),
        ]

    def __str__(self) -> str:
        return self.title or gettext("%(channel)s, untitled") % {"channel": self.get_channel_display()}
