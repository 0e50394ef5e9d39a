"""What the content room adds to the admin."""

from django.templatetags.static import static
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from wagtail import hooks
from wagtail.admin.viewsets.base import ViewSet
from wagtail.snippets.models import register_snippet

from cms import views
from cms.choosers import offer_chooser, product_chooser
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


@hooks.register("insert_editor_js")
def editor_script() -> SafeString:
    """The character counters, and a preview that follows the tab."""
    return format_html('<script src="{}"></script>', static("cms/editor.js"))


@hooks.register("insert_global_admin_css")
def editor_style() -> SafeString:
    """Its look."""
    return format_html('<link rel="stylesheet" href="{}">', static("cms/editor.css"))
