"""What the content room adds to the admin."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import ngettext
from wagtail import hooks
from wagtail.admin import messages
from wagtail.admin.viewsets.base import ViewSet
from wagtail.snippets.models import register_snippet

from cms import advice, views
from cms.choosers import offer_chooser, product_chooser
from cms.models.renditions import Renditions
from cms.viewsets import SENT_PAGES, MessageViewSet

register_snippet(MessageViewSet)


@hooks.register("register_admin_viewset")
def choosers() -> list[ViewSet]:
    """Choosing offers and products in a form."""
    return [offer_chooser, product_chooser]


@hooks.register("register_admin_viewset")
def sent_pages() -> list[ViewSet]:
    """Articles, tutorials and promotions."""
    return list(SENT_PAGES)


@hooks.register("register_admin_urls")
def admin_urls() -> list[URLPattern]:
    """What the editor's script asks."""
    return [path("posts/length/", views.post_length, name="cms_post_length")]


@hooks.register("after_create_page")
@hooks.register("after_edit_page")
@hooks.register("after_create_snippet")
@hooks.register("after_edit_snippet")
def say_advice(request: HttpRequest, item: Any) -> None:
    """How much is worth a look in what was just saved by a person; what saves itself says nothing."""
    if not isinstance(item, Renditions) or not request.accepts("text/html"):
        return
    if number := len(advice.of(item)):
        sentence = ngettext(
            "%(number)s thing is worth a look before it is approved; it stands in the tab of its channel.",
            "%(number)s things are worth a look before it is approved; they stand in the tabs of their channels.",
            number,
        )
        messages.warning(request, sentence % {"number": number})


@hooks.register("insert_editor_js")
def editor_script() -> SafeString:
    """The character counters, and a preview that follows the tab."""
    return format_html('<script src="{}"></script>', static("cms/editor.js"))


@hooks.register("insert_global_admin_css")
def editor_style() -> SafeString:
    """Its look."""
    return format_html('<link rel="stylesheet" href="{}">', static("cms/editor.css"))
