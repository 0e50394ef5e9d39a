"""``/u/<token>``: a page with a button. Looking never changes anything; a POST acts at once (RFC 8058).

Mail programs follow links to look for harm, so a GET is no wish of anybody. A POST comes from the button or from the mail
program's own "unsubscribe": without cookie, login or token, and it is answered, never redirected. Its body is not read,
so none can spoil it. An unknown token gets the same calm page, which tells nobody whether an address is known.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.cache import add_never_cache_headers
from django.utils.translation.trans_real import get_supported_language_variant
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods
from wagtail.models import Site

from campaigns.links import tokens
from campaigns.publishing.models import Delivery
from campaigns.publishing.services import unsubscribes
from cms.models import BrandKit


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, token: str) -> HttpResponse:
    """The page; a POST unsubscribes, with ``?again`` it subscribes anew."""
    delivery = _delivery(token)
    state = "ask"
    if request.method == "POST":
        again = "again" in request.GET
        if delivery is not None:
            (unsubscribes.start_again if again else unsubscribes.stop)(delivery)
        state = "again" if again else "done"
    with translation.override(_language(delivery) or translation.get_language()):
        response = render(
            request,
            "publishing/unsubscribe.html",
            {
                "state": state,
                "brand": _brand(request),
                "channel": delivery.publication.channel if delivery else "email",
                "may_return": bool(delivery and delivery.contact_id),
            },
        )
        response["Content-Language"] = translation.get_language()
    add_never_cache_headers(response)
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


def _delivery(token: str) -> Delivery | None:
    try:
        ref = tokens.read("unsubscribe", token)
    except tokens.BadToken:
        return None
    return Delivery.objects.select_related("publication", "contact", "part").filter(pk=ref.delivery_id).first()


def _language(delivery: Delivery | None) -> str | None:
    """The recipient's language, else the one the message was written in; None when we speak neither."""
    if delivery is None:
        return None
    wishes = (delivery.contact.locale if delivery.contact else "", delivery.part.locale if delivery.part else "")
    for wish in filter(None, wishes):
        try:
            return get_supported_language_variant(wish.replace("_", "-").lower())
        except LookupError:
            continue
    return None


def _brand(request: HttpRequest) -> BrandKit | None:
    site = Site.find_for_request(request) or Site.objects.filter(is_default_site=True).first()
    return BrandKit.for_site(site) if site else None
