"""Choosing an offer or a product, in a form or inside a page's body."""

from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.chooser import ChooserViewSet

from campaigns.promotions.models import Offer, Product


class OfferChooser(ChooserViewSet):
    """Offers by name."""

    model = Offer
    icon = "tag"
    choose_one_text = _("Choose an offer")
    choose_another_text = _("Choose another offer")


class ProductChooser(ChooserViewSet):
    """Products by name."""

    model = Product
    icon = "pick"
    choose_one_text = _("Choose a product")
    choose_another_text = _("Choose another product")


offer_chooser = OfferChooser("cms_offer_chooser", url_prefix="cms/offers/choose")
product_chooser = ProductChooser("cms_product_chooser", url_prefix="cms/products/choose")
