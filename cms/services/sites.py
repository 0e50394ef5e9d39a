"""The shop's site: its languages, its home page in each, and the address it answers at."""

from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from wagtail.models import Locale, Page, Site

from cms.models import HomePage
from core.models import User

UNTOUCHED = "localhost"
"""The host name of the site that Wagtail's first migration makes."""


def ensure_locales() -> list[Locale]:
    """A locale for each language of the settings, the main one first; the tree's root belongs to the main one."""
    locales = [Locale.objects.get_or_create(language_code=code)[0] for code, _name in settings.LANGUAGES]
    Page.objects.filter(depth=1).exclude(locale__in=locales).update(locale=locales[0])
    return locales


@transaction.atomic
def ensure_home(name: str, by: User | None) -> HomePage:
    """The home page called `name` in every language, published, and the default site showing it; made where missing."""
    main, *others = ensure_locales()
    home = HomePage.objects.filter(locale=main).first()
    if home is None:
        home = HomePage(slug="shop", title=name, headline=name, locale=main)
        Page.get_first_root_node().add_child(instance=home)
        home.save_revision(user=by).publish(user=by)
    for locale in others:
        if not HomePage.objects.filter(translation_key=home.translation_key, locale=locale).exists():
            home.copy_for_translation(locale).save_revision(user=by).publish(user=by)
    show(home, name)
    return home


def show(home: HomePage, name: str) -> Site:
    """Let the default site show `home` at the installation's address, in place of Wagtail's welcome page."""
    site = Site.objects.filter(is_default_site=True).first() or Site(hostname=UNTOUCHED, is_default_site=True)
    welcome = site.root_page if site.pk else None
    if welcome is None or not isinstance(welcome.specific, HomePage):
        site.root_page, site.site_name = home, name
    if site.hostname == UNTOUCHED:
        site.hostname, site.port = address()
    site.save()
    if welcome is not None and type(welcome.specific) is Page and welcome.is_leaf():
        welcome.delete()
    return site


def address() -> tuple[str, int]:
    """Host name and port of ``ALMANAC_BASE_URL``."""
    parts = urlsplit(settings.ALMANAC_BASE_URL)
    return parts.hostname or UNTOUCHED, parts.port or (443 if parts.scheme == "https" else 80)


def has_home() -> bool:
    """Whether the default site shows a home page of ours instead of Wagtail's welcome page."""
    site = Site.objects.filter(is_default_site=True).select_related("root_page").first()
    return site is not None and issubclass(site.root_page.specific_class or Page, HomePage)
