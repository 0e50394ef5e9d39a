"""News that somebody has to hear at once: an ERROR in the log, and mail to those who can do something about it."""

import logging
import threading
from dataclasses import dataclass

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils import translation
from django.utils.functional import Promise

from core.models import User

log = logging.getLogger(__name__)

THREAD = "almanac-staff-mail"


@dataclass(frozen=True, slots=True)
class News:
    """A subject and a text, lazily translated: every reader gets it in their own language."""

    subject: str | Promise
    text: str | Promise
    address: str = ""


def administrators(permission: str) -> list[User]:
    """Active people with an e-mail address who have `permission` (administrators have every one)."""
    found = User.objects.with_perm(
        permission, backend="django.contrib.auth.backends.ModelBackend", include_superusers=True
    )
    return list(found.filter(is_active=True, is_service_account=False).exclude(email="").order_by("pk"))


def tell(news: News, *, permission: str) -> None:
    """Mail `news` to everybody who has `permission`.

    Returns at once: a mail server that is slow or gone must not hold up the heartbeat that found the news. What could not
    be mailed is in the log, as the news itself is.
    """
    people = administrators(permission)
    if not people:
        log.error("Nobody is told by mail: no active administrator has an e-mail address.")
        return
    letters = [(person.email, *_words(news, person)) for person in people]
    # No daemon: a command that ends waits for the mail.
    threading.Thread(target=_send, args=(letters,), name=THREAD).start()


def _words(news: News, person: User) -> tuple[str, str]:
    profile = getattr(person, "wagtail_userprofile", None)
    with translation.override(profile.get_preferred_language() if profile else settings.LANGUAGE_CODE):
        text = str(news.text)
        return str(news.subject), f"{text}\n\n{news.address}" if news.address else text


def _send(letters: list[tuple[str, str, str]]) -> None:
    for to, subject, text in letters:
        try:
            EmailMessage(subject, text, to=[to]).send(using="default")
        except Exception:
            # Whatever the mail server said: the news is in the log and on every screen, and the next reader is tried.
            log.exception("Mail to an administrator could not be sent.")
