"""The admin edge."""

from wagtail import hooks

from campaigns.promotions.viewsets import PromotionsGroup


@hooks.register("register_admin_viewset")
def promotions_group() -> PromotionsGroup:
    """Offers, products, orders."""
    return PromotionsGroup()
