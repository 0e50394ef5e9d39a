"""The door for what providers tell us: limit, verify, keep, answer. What it means is worked out later, by rooms above.

403 says “this call is not yours to make” and nothing is written. An error of our own is a 503, because providers try again
after that and give up after a 403.
"""

import logging
from uuid import UUID

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from channels import registry
from channels.models import ChannelAccount
from channels.services import record_events
from core.errors import FixSettings, Invalid, Missing, NotAllowed

log = logging.getLogger(__name__)

LARGEST_BODY = 2 * 1024 * 1024
"""SendGrid posts at most 768 KB."""


@csrf_exempt
@require_POST
def receive(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """``POST /hooks/<account>/``."""
    length = request.headers.get("Content-Length", "")
    if not length.isdigit() or request.headers.get("Content-Encoding", "identity") != "identity":
        return HttpResponse(status=411 if not length.isdigit() else 415)
    if int(length) > LARGEST_BODY:
        return HttpResponse(status=413)
    body = request.body
    if len(body) > LARGEST_BODY:
        return HttpResponse(status=413)
    try:
        account = ChannelAccount.objects.get(public_id=public_id)
        provider = registry.open_provider(account)
    except ChannelAccount.DoesNotExist:
        return HttpResponse(status=404)
    except (FixSettings, Missing, DatabaseError):
        log.exception("The webhook of a channel account could not be served.")
        return HttpResponse(status=503)
    try:
        events = provider.parse_webhook(body, dict(request.headers.items()))
        record_events(account, events)
    except NotAllowed:
        log.warning("A webhook call for channel account %s was refused: its signature does not hold.", account.pk)
        return HttpResponse(status=403)
    except Missing:
        return HttpResponse(status=404)
    except Invalid:
        return HttpResponse(status=400)
    except Exception:
        log.exception("A webhook call for channel account %s could not be kept.", account.pk)
        return HttpResponse(status=503)
    finally:
        provider.close()
    return HttpResponse(status=200)
