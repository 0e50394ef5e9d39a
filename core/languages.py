"""Languages: how their codes are written on the web, and which one an admin screen speaks."""

from django.conf import settings
from django.http import HttpRequest
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from django.utils.translation.trans_real import parse_accept_lang_header

ADMIN = "/admin/"


def tag(code: str) -> str:
    """A Django language code as BCP 47 writes it: ``zh-hans`` is zh-Hans, ``pt-br`` is pt-BR."""
    language, *parts = code.split("-")
    return "-".join([language, *(part.title() if len(part) == 4 else part.upper() for part in parts)])


def for_admin(accepted: str) -> str:
    """Of the languages that the admin speaks, the one that an Accept-Language header likes best; else the first."""
    spoken = [code for code, _name in settings.WAGTAILADMIN_PERMITTED_LANGUAGES]
    for wanted, _weight in parse_accept_lang_header(accepted):
        for code in spoken:
            if wanted == code or wanted.split("-")[0] == code.split("-")[0]:
                return code
    return spoken[0]


class Middleware(LocaleMiddleware):
    """Pages in their own language; the admin in one that it speaks, whatever languages the shop has."""

    def process_request(self, request: HttpRequest) -> None:
        """Choose; a person's own choice in their profile is Wagtail's to honour, later."""
        if not request.path_info.startswith(ADMIN):
            super().process_request(request)
            return
        translation.activate(for_admin(request.headers.get("Accept-Language", "")))
        request.LANGUAGE_CODE = translation.get_language() or settings.LANGUAGE_CODE
