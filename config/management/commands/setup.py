"""`manage.py setup`: a shop that can begin, from its name to its first administrator."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

from babel.numbers import get_territory_currencies
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config import shop
from core import countries, database
from core.errors import AlmanacError

WRONG = 2
"""Exit code for values that cannot be."""


class Command(BaseCommand):
    """Set up a shop: asks what it needs, or takes it all from options. Run again, it changes nothing."""

    help = "Set up the shop: roles, languages, first market, site, administrator, and a first e-mail account."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One option a wish; what is left out is asked for, or taken from the country."""
        parser.add_argument("--no-input", action="store_true", help="ask nothing")
        parser.add_argument("--name", help="the shop's name")
        parser.add_argument("--country", help="ISO 3166 code of the first market, such as DE")
        parser.add_argument("--currency", help="ISO 4217 code; by default the country's")
        parser.add_argument("--timezone", help="IANA name; by default the country's first")
        parser.add_argument("--languages", help="codes between commas, the main one first, such as de,en")
        parser.add_argument("--admin", help="user name of the first administrator")
        parser.add_argument("--admin-email", help="their address; the password comes from ALMANAC_ADMIN_PASSWORD")
        parser.add_argument("--mail-host", help="mail server of a first e-mail account")
        parser.add_argument("--mail-port", type=int, default=587)
        parser.add_argument("--mail-security", choices=("starttls", "tls", "none"), default="starttls")
        parser.add_argument("--mail-user", default="", help="the password comes from ALMANAC_MAIL_PASSWORD")
        parser.add_argument("--mail-from", default="", help="the sender address")
        parser.add_argument("--test-to", default="", help="where a test message goes")

    def handle(self, *args: Any, **options: Any) -> None:
        """Check, prepare the database, make what is missing."""
        try:
            wishes = self._wishes(options)
            if shop.keep_languages(wishes.languages):
                self._again(wishes)
            shop.check(wishes)
            database.prepare(self.stderr.write)
            shop.set_up(wishes, self.stdout.write)
        except AlmanacError as error:
            raise CommandError(error.message, returncode=WRONG) from error
        self.stdout.write("The shop is set up. Start it with: manage.py up")

    def _again(self, wishes: shop.Wishes) -> None:
        """Start anew with the chosen languages: settings are read once."""
        self.stdout.flush()
        os.execve(sys.executable, [sys.executable, *sys.argv, *shop.as_options(wishes)], os.environ)  # noqa: S606

    def _wishes(self, options: dict[str, Any]) -> shop.Wishes:
        ask = _Asker(interactive=not options["no_input"], out=self.stdout.write)
        name = ask("name", "The shop's name", options["name"])
        country = ask("country", "Country of the first market (two letters)", options["country"])
        countries.check(country)
        kept = ",".join(code for code, _name in settings.LANGUAGES)
        return shop.Wishes(
            name=name,
            country=country,
            currency=ask(
                "currency", "Currency", options["currency"], next(iter(get_territory_currencies(country)), "")
            ),
            timezone=ask("timezone", "Time zone", options["timezone"], next(iter(countries.zones(country)), "UTC")),
            languages=ask("languages", "Languages, the main one first", options["languages"], kept).split(","),
            admin=ask("admin", "User name of the first administrator", options["admin"]),
            admin_email=ask("admin-email", "Their e-mail address", options["admin_email"]),
            password=os.environ.get("ALMANAC_ADMIN_PASSWORD", ""),
            mail=_mail(options),
        )


class _Asker:
    """Takes an option, asks for it, or falls back on what is usual."""

    def __init__(self, *, interactive: bool, out: Any) -> None:
        self.interactive = interactive
        self.out = out

    def __call__(self, option: str, question: str, given: str | None, usual: str = "") -> str:
        if given:
            return given.strip()
        if self.interactive:
            answer = input(f"{question}{f' [{usual}]' if usual else ''}: ").strip()
            if answer or usual:
                return answer or usual
        elif usual:
            return usual
        raise CommandError(f"Say --{option}: {question[0].lower()}{question[1:]}.", returncode=WRONG)


def _mail(options: dict[str, Any]) -> shop.Mail | None:
    if not options["mail_host"]:
        return None
    return shop.Mail(
        host=options["mail_host"],
        port=options["mail_port"],
        security=options["mail_security"],
        username=options["mail_user"],
        password=os.environ.get("ALMANAC_MAIL_PASSWORD", ""),
        from_email=options["mail_from"],
        test_to=options["test_to"],
    )
