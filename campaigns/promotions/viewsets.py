"""The admin section “Promotions”: offers, products, orders."""

from django.utils.translation import gettext_lazy as _
from wagtail.admin.ui.tables import Column
from wagtail.admin.viewsets.base import ViewSetGroup
from wagtail.admin.viewsets.model import ModelViewSet
from wagtail.permissions import register_permission_policy

from campaigns.audiences.viewsets import WithoutActions
from campaigns.promotions import views
from campaigns.promotions.forms import OfferForm
from campaigns.promotions.models import Offer, Order, Product

register_permission_policy(Order, WithoutActions(Order, "add", "change", "delete"), exact_class=True)


class OfferViewSet(ModelViewSet):
    """Offers: the facts of a promotion, in one place."""

    model = Offer
    name = "promotions_offer"
    url_prefix = "offers"
    menu_label = _("Offers")
    icon = "tag"
    edit_view_class = views.OfferEditView
    edit_template_name = "promotions/offer_edit.html"
    create_template_name = "promotions/offer_create.html"
    copy_view_enabled = False
    list_filter = ["market", "currency"]
    search_fields = ["name", "code", "slug"]
    search_backend_name = None
    list_display = [
        "name",
        Column("phase", label=_("State"), accessor=views.phase),
        Column("price_now", label=_("Price now"), accessor=views.price_now),
        Column("code", label=_("Code"), sort_key="code"),
        Column("window", label=_("Window"), accessor=views.window, sort_key="starts_at"),
    ]

    def get_form_class(self, for_update: bool = False) -> type[OfferForm]:
        """The form with prices and wall-clock times."""
        return OfferForm


class ProductViewSet(ModelViewSet):
    """Products."""

    model = Product
    name = "promotions_product"
    url_prefix = "products"
    menu_label = _("Products")
    icon = "pick"
    index_view_class = views.ProductIndexView
    copy_view_enabled = False
    form_fields = ["sku", "name", "category", "url"]
    search_fields = ["name", "sku", "category"]
    search_backend_name = None
    list_display = ["name", "sku", "category", Column("in_offers", label=_("Offers"), accessor="in_offers")]


class OrderViewSet(ModelViewSet):
    """Orders, as the shop told of them: to look at."""

    model = Order
    name = "promotions_order"
    url_prefix = "orders"
    menu_label = _("Orders")
    icon = "clipboard-list"
    index_view_class = views.OrderIndexView
    inspect_view_class = views.OrderInspectView
    inspect_template_name = "promotions/order.html"
    inspect_view_enabled = True
    copy_view_enabled = False
    add_to_reference_index = False
    form_fields = ["external_id"]
    ordering = "-occurred_at"
    list_per_page = 50
    list_filter = {"source": ["exact"], "currency": ["exact"], "code": ["iexact"]}
    search_fields = ["external_id", "contact__external_id", "code"]
    search_backend_name = None
    list_display = [
        "external_id",
        Column("occurred_at", label=_("Ordered (UTC)"), accessor=views.moment, sort_key="occurred_at"),
        Column("contact", label=_("Contact"), accessor=lambda order: order.contact or "–"),
        Column("total", label=_("Total"), accessor=views.total, sort_key="total_minor"),
        Column("code", label=_("Code")),
        Column("source", label=_("Source")),
    ]


class PromotionsGroup(ViewSetGroup):
    """The menu entry."""

    menu_label = _("Promotions")
    menu_icon = "tag"
    menu_order = 310
    items = (OfferViewSet, ProductViewSet, OrderViewSet)
