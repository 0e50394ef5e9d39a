"""The outbox in the admin's menu, while an account points at the sandbox."""

from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, path, reverse_lazy
from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.admin.menu import MenuItem

from channels import selectors
from channels.sandbox import views


class OutboxMenuItem(MenuItem):
    """Only there when there is something to look into."""

    def is_shown(self, request: HttpRequest) -> bool:
        """Whether some account is a sandbox."""
        return selectors.sandbox_in_use()


@hooks.register("register_admin_menu_item")
def outbox_menu_item() -> Any:
    """After the rooms of the campaign."""
    return OutboxMenuItem(_("Outbox (sandbox)"), reverse_lazy("channels_outbox"), icon_name="mail", order=900)


@hooks.register("register_admin_urls")
def outbox_urls() -> list[URLPattern]:
    """Screens of the outbox."""
    return [
        path("outbox/", views.OutboxView.as_view(), name="channels_outbox"),
        path("outbox/rows/", views.rows, name="channels_outbox_rows"),
        path("outbox/media/<slug:media_id>/", views.picture, name="channels_outbox_picture"),
        path("outbox/<int:number>/", views.MessageView.as_view(), name="channels_outbox_message"),
        path("outbox/<int:number>/frame/", views.frame, name="channels_outbox_frame"),
        path("outbox/<int:number>/play/", views.play, name="channels_outbox_play"),
    ]
