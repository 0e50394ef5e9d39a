"""The first run: whoever started a new installation is led through setting up its shop, in the browser.

Until there is an administrator, what lets somebody in is a token that only the machine knows: it is made of the installation's
secret key, and `manage.py up` prints it (a web process that is asked without it writes it to its log). A stranger who finds the
public address first cannot guess it. It opens nothing any more once an administrator is there.
"""

import hmac
import logging
import os
import subprocess
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from wagtail.admin.views.account import LoginView

from channels.base import Result
from channels.services import trials
from config import processes, shop
from config.first_forms import MailForm, ShopForm
from core import installation, signing
from core.errors import AlmanacError, Conflict, FixSettings
from core.models import Installation, User

log = logging.getLogger(__name__)

TOKEN = "first_run"  # noqa: S105 - the name of a session's key
MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"
SUPERVISED = "ALMANAC_SUPERVISED"
"""In the environment of processes that are started again when the shop's languages change."""


def token() -> str:
    """What lets somebody set up this installation while it has no administrator."""
    return signing.seal("first-run", str(installation.this().public_id).encode())


def invitation(address: str = "") -> str:
    """A line for whoever starts an installation that nobody administers, at `address`; empty for any other.

    It holds the token: for the terminal and the log of this machine only.
    """
    if shop.is_administered():
        return ""
    base = address or settings.ALMANAC_BASE_URL
    return f"Nobody administers this installation yet. Set up your shop at {base}{reverse('first_run')}?token={token()}"


# --- The screens -----------------------------------------------------------------------------------------------------


@never_cache
def sign_in(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """Wagtail's sign-in; while nobody could sign in, the first run instead."""
    if not shop.has_people():
        return redirect("first_run")
    return LoginView.as_view()(request, *args, **kwargs)


@never_cache
@sensitive_post_parameters("password", "password_again")
@require_http_methods(["GET", "POST"])
def first_run(request: HttpRequest) -> HttpResponse:
    """The shop, its first market and its first administrator."""
    if given := request.GET.get("token"):
        # Out of the address at once: it would stand in the history and in every log on the way.
        request.session[TOKEN] = given[:200]
        return redirect("first_run")
    may = _may(request)
    if may is not None:
        return may
    if shop.is_administered() and shop.is_set_up():
        return redirect("first_run_account")
    by = request.user if isinstance(request.user, User) else None
    form = ShopForm(request.POST or None, administrator=by)
    if request.method == "POST" and form.is_valid():
        try:
            return _set_up(request, form)
        except AlmanacError as error:
            field = error.details.get("field")
            form.add_error(str(field) if field in form.fields else None, error.message)
    return TemplateResponse(request, "config/first_run.html", {"form": form, "base_url": settings.ALMANAC_BASE_URL})


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def first_account(request: HttpRequest) -> HttpResponse:
    """A first e-mail account with a test message; it can be left for later."""
    if not request.user.is_superuser:
        raise PermissionDenied
    by = request.user
    assert isinstance(by, User)
    form = MailForm(request.POST or None, initial={"test_to": by.email, "from_email": by.email})
    if request.method == "POST" and form.is_valid():
        try:
            said, went = _try(form.mail(), by)
        except AlmanacError as error:
            field = error.details.get("field")
            form.add_error(str(field) if field in form.fields else None, error.message)
        else:
            if went:
                messages.success(request, said)
                return redirect("wagtailadmin_home")
            form.add_error(None, said)
    return TemplateResponse(request, "config/first_account.html", {"form": form})


def _may(request: HttpRequest) -> HttpResponse | None:
    """None for whoever may set up this installation; else what they get."""
    if shop.is_administered():
        if request.user.is_superuser:
            return None
        return redirect("wagtailadmin_login") if not request.user.is_authenticated else redirect("wagtailadmin_home")
    if hmac.compare_digest(str(request.session.get(TOKEN, "")).encode(), token().encode()):
        return None
    _tell_the_log()
    return TemplateResponse(request, "config/first_run_closed.html", status=403)


_told = False


def _tell_the_log() -> None:
    """Once a process: whoever may read its log may set it up."""
    global _told
    if not _told:
        _told = True
        log.warning("%s", invitation())


# --- Doing it --------------------------------------------------------------------------------------------------------


def _set_up(request: HttpRequest, form: ShopForm) -> HttpResponse:
    wishes = form.wishes()
    before = shop.kept_languages()
    changed = shop.keep_languages(wishes.languages)
    try:
        _sign_in(request, _administrator(request, wishes))
        if changed:
            _in_a_process_of_its_own(wishes)
        else:
            with transaction.atomic():
                shop.set_up(wishes, lambda line: None)
    except Exception:
        if changed:
            shop.keep_again(before)
        raise
    if not changed:
        return redirect("first_run_account")
    return TemplateResponse(request, "config/first_run_restart.html", {"by_itself": bool(os.environ.get(SUPERVISED))})


def _administrator(request: HttpRequest, wishes: shop.Wishes) -> User:
    """Whoever is signed in, or a new administrator. Of two that come at once, one makes it."""
    if request.user.is_superuser:
        assert isinstance(request.user, User)
        return request.user
    with transaction.atomic():
        Installation.objects.select_for_update().get(pk=installation.this().pk)
        if shop.is_administered():
            raise Conflict(_("Somebody else has just set up this installation. Sign in."))
        return shop.make_administrator(wishes)


def _sign_in(request: HttpRequest, admin: User) -> None:
    """At once: the token opens nothing any more, and whatever comes next may have to be repeated."""
    if not request.user.is_authenticated:
        request.session.pop(TOKEN, None)
        login(request, admin, backend=MODEL_BACKEND)


def _in_a_process_of_its_own(wishes: shop.Wishes) -> None:
    """The rest of set-up under the chosen languages: this process has read its settings under others."""
    done = subprocess.run(  # noqa: S603 - our own command, with values that were checked
        [*processes.MANAGE, "setup", "--no-input", *shop.as_options(wishes)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        log.error("Set-up under new languages ended with %s: %s", done.returncode, done.stderr[-2000:])
        raise FixSettings(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else _("Set-up did not succeed."))


def _try(mail: shop.Mail, by: User) -> tuple[str, bool]:
    """Keep the account and send the test; a sentence of what became of it, and whether it went."""
    account = shop.connect(mail, by, shop.first_account())
    if not mail.test_to:
        return _("The account is kept. Send a test message when you are ready."), True
    outcome = trials.send_test(account, mail.test_to, by)
    if outcome.result == Result.ACCEPTED:
        return _("The mail server took the test message. Look into the mailbox of %(to)s.") % {"to": mail.test_to}, True
    return _("The account is kept, but the test message did not go: %(why)s") % {"why": outcome.detail}, False
