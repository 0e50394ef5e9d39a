"""Offers, which are facts; and what customers bought."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core import clock
from core.dated import Dated
from core.ids import uuid7
from core.models import validate_zone


class Product(Dated):
    """Something the shop sells."""

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    sku = models.CharField(_("SKU"), max_length=100, unique=True)
    name = models.CharField(_("name"), max_length=200)
    category = models.CharField(_("category"), max_length=200, blank=True, default="")
    url = models.URLField(_("address in the shop"), blank=True, default="")

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        ordering = ["name"]
        indexes = [models.Index(fields=["updated_at", "id"], name="promotions_product_updated")]

    def __str__(self) -> str:
        return self.name


class Offer(Dated):
    """The facts of a promotion, in one place: price, window, code, legal line. Pages and messages refer to it.

    The window is wall-clock time in `timezone`: from `starts_at` on, and before `ends_at`. Both are stored as instants.
    """

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    slug = models.SlugField(_("slug"), max_length=80, unique=True)
    name = models.CharField(_("name"), max_length=200)
    market = models.ForeignKey("core.Market", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    currency = models.CharField(_("currency"), max_length=3)
    regular_price_minor = models.BigIntegerField(_("regular price"), null=True, blank=True)
    price_minor = models.BigIntegerField(_("offer price"), null=True, blank=True)
    percent_off = models.DecimalField(_("percent off"), max_digits=5, decimal_places=2, null=True, blank=True)
    code = models.CharField(pgettext_lazy("offer", "code"), max_length=60, blank=True, default="")
    starts_at = models.DateTimeField(_("starts"))
    ends_at = models.DateTimeField(_("ends"))
    timezone = models.CharField(_("time zone"), max_length=64, default="UTC", validators=[validate_zone])
    legal_line = models.CharField(_("legal line"), max_length=500, blank=True, default="")
    translations = models.JSONField(
        _("in other languages"),
        default=dict,
        blank=True,
        help_text=_("Name and legal line by language code; the figures are the same in every language."),
    )
    products = models.ManyToManyField(Product, blank=True, related_name="offers", verbose_name=_("products"))

    class Meta:
        verbose_name = _("offer")
        verbose_name_plural = _("offers")
        ordering = ["-starts_at"]
        indexes = [models.Index(fields=["updated_at", "id"], name="promotions_offer_updated")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")), name="promotions_offer_window"
            ),
            models.CheckConstraint(
                condition=models.Q(price_minor__isnull=True) | models.Q(price_minor__gte=0),
                name="promotions_offer_price",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Order(Dated):
    """A purchase the shop told us of. `occurred_at` is the shop's time of it, `recorded_at` ours."""

    public_id = models.UUIDField(default=uuid7, editable=False, unique=True)
    source = models.CharField(max_length=60, default="api")
    external_id = models.CharField(_("order number"), max_length=200)
    contact = models.ForeignKey(
        "audiences.Contact", null=True, blank=True, on_delete=models.SET_NULL, related_name="orders"
    )
    currency = models.CharField(_("currency"), max_length=3)
    total_minor = models.BigIntegerField(_("total"))
    code = models.CharField(_("code used"), max_length=60, blank=True, default="")
    click_token = models.CharField(
        max_length=200, blank=True, default="", help_text="Of the visit, when the shop passes it."
    )
    body_hash = models.CharField(
        max_length=64, help_text="The same number with another body is a conflict. Empty for orders of an import."
    )
    occurred_at = models.DateTimeField(_("ordered"))
    recorded_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        constraints = [models.UniqueConstraint(fields=["source", "external_id"], name="promotions_order_once")]
        indexes = [
            models.Index(fields=["contact", "occurred_at"], name="promotions_order_contact"),
            models.Index(fields=["occurred_at"], name="promotions_order_time"),
            models.Index(fields=["updated_at", "id"], name="promotions_order_updated"),
        ]

    def __str__(self) -> str:
        return self.external_id


class OrderReference(models.Model):
    """How an order named its customer while we did not know that customer: a keyed hash of the id, address or number.

    Gone once the order is linked. Nobody can read back from it who it was.
    """

    class Kind(models.TextChoices):
        """What was given."""

        ID = "id", _("shop's id")
        WORD = "word", _("shop's id, or the address itself")
        EMAIL = "email", _("e-mail address")
        PHONE = "phone", _("phone number")

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="references")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    key = models.CharField(max_length=64)

    class Meta:
        verbose_name = _("order reference")
        verbose_name_plural = _("order references")
        constraints = [models.UniqueConstraint(fields=["order", "kind"], name="promotions_reference_once")]
        indexes = [models.Index(fields=["key"], name="promotions_reference_key")]

    def __str__(self) -> str:
        return f"{self.order_id}: {self.kind}"


class OrderLinking(models.Model):
    """News: an order that was without a customer has one now. The room that credits orders follows it with a cursor."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="+")
    recorded_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name = _("order linking")
        verbose_name_plural = _("order linkings")

    def __str__(self) -> str:
        return str(self.order_id)


class OrderLine(models.Model):
    """One line of an order; the lines of an order add up to its total."""

    # No index of its own: the unique one on (order, number) serves, and this is the largest table of the room.
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines", db_index=False)
    number = models.PositiveIntegerField()
    sku = models.CharField(_("SKU"), max_length=100)
    quantity = models.DecimalField(_("quantity"), max_digits=12, decimal_places=3)
    amount_minor = models.BigIntegerField(_("amount"))
    discount_minor = models.BigIntegerField(_("discount"), default=0)

    class Meta:
        verbose_name = _("order line")
        verbose_name_plural = _("order lines")
        constraints = [models.UniqueConstraint(fields=["order", "number"], name="promotions_line_once")]

    def __str__(self) -> str:
        return f"{self.order_id}/{self.number}"


class Refund(models.Model):
    """Money given back for an order, later: a restatement, never a change of the order."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="refunds")
    external_id = models.CharField(max_length=200)
    amount_minor = models.BigIntegerField(_("amount"))
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        constraints = [models.UniqueConstraint(fields=["order", "external_id"], name="promotions_refund_once")]

    def __str__(self) -> str:
        return self.external_id


class Redemption(Dated):
    """A code or coupon that a customer used."""

    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="redemptions")
    contact = models.ForeignKey(
        "audiences.Contact", null=True, blank=True, on_delete=models.SET_NULL, related_name="redemptions"
    )
    source = models.CharField(max_length=60, default="api")
    external_id = models.CharField(max_length=260, help_text="Of an order: `order:` and its number.")
    coupon = models.CharField(_("coupon"), max_length=100, blank=True, default="")
    occurred_at = models.DateTimeField(_("redeemed"))
    recorded_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name = _("redemption")
        verbose_name_plural = _("redemptions")
        constraints = [models.UniqueConstraint(fields=["source", "external_id"], name="promotions_redemption_once")]
        indexes = [
            models.Index(fields=["offer", "occurred_at"], name="promotions_redemption_offer"),
            models.Index(fields=["updated_at", "id"], name="promotions_redemption_updated"),
        ]

    def __str__(self) -> str:
        return self.external_id
