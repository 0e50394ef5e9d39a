"""What the site tells machines."""

from django.conf import settings
from django.contrib.sitemaps.views import sitemap as django_sitemap
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import translation
from django.views.decorators.http import require_POST
from wagtail.contrib.sitemaps import Sitemap
from wagtail.models import Page, PageQuerySet

from cms import limits


class SiteMap(Sitemap):
    """Every published page of the site, in every language."""

    def items(self) -> PageQuerySet:
        """The pages under the site's root and under the root's translations."""
        root = self.get_wagtail_site().root_page
        pages = Page.objects.none()
        for one in root.get_translations(inclusive=True):
            pages |= one.get_descendants(inclusive=True)
        return pages.live().public().order_by("path").defer_streamfields().specific()


def sitemap(request: HttpRequest) -> HttpResponse:
    """``/sitemap.xml``."""
    response = django_sitemap(request, sitemaps={"pages": SiteMap(request)})
    return response.render() if hasattr(response, "render") else response


def robots(request: HttpRequest) -> HttpResponse:
    """``/robots.txt``: the site is open, the workshop is not."""
    lines = ["User-agent: *", "Disallow: /admin/", "Disallow: /api/", "Disallow: /c/", "Disallow: /u/", ""]
    lines.append(f"Sitemap: {settings.ALMANAC_BASE_URL}/sitemap.xml")
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


MOST_COUNTED = 4000
"""Letters of a post that are weighed with care; what is longer is far too long whatever it says."""


@require_POST
def post_length(request: HttpRequest) -> JsonResponse:
    """What the post in `text` will weigh on X with its link: ``{"length": 305}``. For the admin, while somebody writes."""
    text = request.POST.get("text", "").replace("\r\n", "\n")
    length = limits.x_length(text[:MOST_COUNTED], has_link=True) if text else 0
    return JsonResponse({"length": length + len(text[MOST_COUNTED:])})


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A page that is not there, in the visitor's language and the brand's dress."""
    return _plain(request, "404.html", 404)


def failed(request: HttpRequest) -> HttpResponse:
    """Something broke: a page that needs nothing that could break too."""
    from django.template.loader import render_to_string

    return HttpResponse(render_to_string("500.html"), status=500)


def _plain(request: HttpRequest, template: str, status: int) -> HttpResponse:
    from django.shortcuts import render
    from wagtail.models import Site

    from cms.models import BrandKit

    site = Site.find_for_request(request)
    language = translation.get_language_from_path(request.path_info) or "en"
    with translation.override(language):
        context = {"brand": BrandKit.for_site(site) if site else None, "lang": language}
        return render(request, template, context, status=status)
