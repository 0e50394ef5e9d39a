"""The admin section “Channel accounts”."""

from typing import Any

from django.template.loader import render_to_string
from django.urls import path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from wagtail.admin.ui.tables import Column, DateColumn
from wagtail.admin.views import generic
from wagtail.admin.viewsets.model import ModelViewSet
from wagtail.permissions import register_permission_policy

from channels import registry, views
from channels.models import ChannelAccount
from core.permissions import NeverDeleted

register_permission_policy(ChannelAccount, NeverDeleted(ChannelAccount), exact_class=True)


def badges(account: ChannelAccount) -> SafeString:
    """The account's health, and whether it is a sandbox."""
    shown = format_html(
        '<span class="w-status w-status--{} w-whitespace-nowrap">{}</span>',
        "primary" if account.health == ChannelAccount.Health.OK else "critical",
        account.get_health_display(),
    )
    if account.is_sandbox:
        shown = format_html("{} {}", shown, render_to_string("channels/sandbox_badge.html"))
    return shown


def provider_name(account: ChannelAccount) -> str:
    """What people call the account's provider."""
    return registry.provider_class(account.provider).name


class IndexView(generic.IndexView):
    """Accounts with their health."""

    any_permission_required = ["add", "change", "view"]
    page_title = gettext_lazy("Channel accounts")


class ChannelAccountViewSet(ModelViewSet):
    """Channel accounts: the logins through which messages leave."""

    model = ChannelAccount
    name = "channels_account"
    url_prefix = "channel-accounts"
    menu_label = gettext_lazy("Channel accounts")
    menu_name = "channel-accounts"
    icon = "site"
    menu_order = 800
    add_to_settings_menu = True
    index_view_class = IndexView
    copy_view_enabled = False
    inspect_view_enabled = False
    add_to_reference_index = False
    form_fields = ["name"]
    search_fields = ["name"]
    search_backend_name = None
    list_filter = ["channel", "provider", "health"]
    list_display = [
        "name",
        Column("channel", label=gettext_lazy("Channel"), accessor="get_channel_display", sort_key="channel"),
        Column("provider", label=gettext_lazy("Provider"), accessor=provider_name, sort_key="provider"),
        Column("health", label=gettext_lazy("State"), accessor=badges),
        DateColumn("created_at", label=gettext_lazy("Since"), sort_key="created_at"),
    ]

    @property
    def add_view(self) -> Any:
        """First the provider is chosen."""
        return views.ChooseView.as_view()

    @property
    def edit_view(self) -> Any:
        """Settings, health and trials on one screen."""
        return views.EditView.as_view()

    def get_urlpatterns(self) -> list[Any]:
        """Also the form per provider, and the trials."""
        return [
            *super().get_urlpatterns(),
            path("new/<slug:provider>/", views.CreateView.as_view(), name="add_at"),
            path("check/<int:pk>/", views.CheckView.as_view(), name="check"),
            path("test/<int:pk>/", views.TestView.as_view(), name="test"),
        ]
