"""What the shared ground adds to Wagtail's admin: the words of its log, and the installation's page."""

from django.contrib.auth.models import Permission
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse_lazy
from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.admin.menu import MenuItem
from wagtail.log_actions import LogActionRegistry

from core import token_views, views
from core.viewsets import MarketViewSet, RateViewSet


@hooks.register("register_log_actions")
def log_actions(actions: LogActionRegistry) -> None:
    """Words for what services log."""
    actions.register_action("almanac.create_token", _("Make an API token"), _("API token made"))
    actions.register_action("almanac.revoke_token", _("Revoke an API token"), _("API token revoked"))
    actions.register_action("almanac.webhook.create", _("Make a webhook"), _("Webhook made"))
    actions.register_action("almanac.webhook.change", _("Change a webhook"), _("Webhook changed"))
    actions.register_action("almanac.webhook.delete", _("Delete a webhook"), _("Webhook deleted"))
    actions.register_action("almanac.webhook.replay", _("Replay a webhook"), _("Webhook replayed"))
    actions.register_action("almanac.market.create", _("Make a market"), _("Market made"))
    actions.register_action("almanac.market.change", _("Change a market"), _("Market changed"))
    actions.register_action("almanac.rate.store", _("Store an exchange rate"), _("Exchange rate stored"))
    actions.register_action("almanac.rate.change", _("Correct an exchange rate"), _("Exchange rate corrected"))
    actions.register_action(
        "almanac.confirm_installation", _("Confirm the installation"), _("Installation confirmed: it may send")
    )


class InstallationMenuItem(MenuItem):
    """For those who may confirm it."""

    def is_shown(self, request: HttpRequest) -> bool:
        """Whether the menu has it."""
        return request.user.has_perm("core.change_installation")


@hooks.register("register_admin_viewset")
def market_viewset() -> MarketViewSet:
    """Settings → Markets."""
    return MarketViewSet()


@hooks.register("register_admin_viewset")
def rate_viewset() -> RateViewSet:
    """Settings → Exchange rates."""
    return RateViewSet()


@hooks.register("register_permissions")
def rate_permissions() -> QuerySet[Permission]:
    """What a group can be given on the ground that rooms share."""
    return Permission.objects.filter(
        content_type__app_label="core", content_type__model__in=["market", "exchangerate"]
    ).exclude(codename="delete_market")


@hooks.register("register_admin_urls")
def admin_urls() -> list[URLPattern]:
    """Which installation this is, and which programs may ask."""
    return [
        path("reports/installation/", views.installation_page, name="installation"),
        path("settings/api-tokens/", token_views.tokens_page, name="api_tokens"),
        path("settings/api-tokens/<int:pk>/revoke/", token_views.revoke, name="api_token_revoke"),
    ]


class TokensMenuItem(MenuItem):
    """For those who may make one."""

    def is_shown(self, request: HttpRequest) -> bool:
        """Whether the menu has it."""
        return request.user.has_perm(token_views.MAY)


@hooks.register("register_settings_menu_item")
def tokens_menu_item() -> MenuItem:
    """Under Settings."""
    return TokensMenuItem(_("API tokens"), reverse_lazy("api_tokens"), name="api-tokens", icon_name="key", order=850)


@hooks.register("register_reports_menu_item")
def installation_menu_item() -> MenuItem:
    """Under Reports."""
    return InstallationMenuItem(
        _("Installation"), reverse_lazy("installation"), name="installation", icon_name="site", order=950
    )
