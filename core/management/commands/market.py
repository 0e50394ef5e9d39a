"""`manage.py market`: markets by command, the same service as the screen and the API."""

from argparse import ArgumentParser, BooleanOptionalAction
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core import countries, database, hours, markets
from core.errors import AlmanacError, Invalid, Missing
from core.models import Market

WRONG = 2
"""Exit code for values that cannot be."""


class Command(BaseCommand):
    """List markets, add one, change one."""

    help = "Markets: where the shop sells, in which money, by which clock, in which hours."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Three verbs."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("list", help="every market")
        for verb, words in (("add", "a new market"), ("change", "only what is named changes")):
            one = verbs.add_parser(verb, help=words)
            one.add_argument("code", help="short, small letters, such as de")
            one.add_argument("--name")
            one.add_argument("--country", help="ISO 3166 code, such as DE")
            one.add_argument("--currency", help="ISO 4217 code, such as EUR")
            one.add_argument("--timezone", help="IANA name, such as Europe/Berlin")
            one.add_argument("--languages", help="codes between commas, the preferred one first")
            one.add_argument("--good-hours", help="such as 10:30-11:30,15:30-17:00; empty for none")
            one.add_argument("--quiet-hours", help="such as 21:00-08:00; empty for none")
            one.add_argument(
                "--legal-line",
                action="append",
                metavar="LANGUAGE=TEXT",
                help="stands at the foot of e-mails and pages; once for each language",
            )
            one.add_argument(
                "--converts", action=BooleanOptionalAction, default=None, help="count other currencies at stored rates"
            )
            one.add_argument("--default", action="store_true", default=None, help="make it the default market")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, and say what was done."""
        try:
            database.prepare(self.stderr.write)
            getattr(self, f"_{options['verb']}")(options)
        except AlmanacError as error:
            raise CommandError(error.message, returncode=WRONG) from error

    def _list(self, options: dict[str, Any]) -> None:
        for market in Market.objects.all():
            self.stdout.write(_line(market))

    def _add(self, options: dict[str, Any]) -> None:
        values = _values(options, {})
        if missing := [name for name in ("country", "currency", "timezone", "locales") if name not in values]:
            raise Invalid(f"Say --{missing[0].replace('locales', 'languages')}.", field=missing[0])
        values.setdefault("name", countries.name(countries.check(values["country"]), "en"))
        self.stdout.write(_line(markets.create(options["code"], values, None)))

    def _change(self, options: dict[str, Any]) -> None:
        market = Market.objects.filter(code=options["code"]).first()
        if market is None:
            raise Missing(f"There is no market “{options['code'][:20]}”. “market list” shows them.")
        self.stdout.write(_line(markets.change(market, _values(options, market.legal_lines), None)))


def _values(options: dict[str, Any], lines: dict[str, str]) -> dict[str, Any]:
    """What was said, as the service's fields."""
    said = {"name": "name", "country": "country", "currency": "currency", "timezone": "timezone"}
    said |= {"converts": "converts", "default": "is_default"}
    values = {field: options[name] for name, field in said.items() if options[name] is not None}
    if options["languages"] is not None:
        values["locales"] = [code.strip() for code in options["languages"].split(",") if code.strip()]
    if options["good_hours"] is not None:
        values["good_hours"] = hours.spans(options["good_hours"])
    if options["quiet_hours"] is not None:
        quiet = hours.span(options["quiet_hours"], "quiet_hours") if options["quiet_hours"].strip() else (None, None)
        values["quiet_from"], values["quiet_until"] = quiet
    if options["legal_line"]:
        values["legal_lines"] = {**lines, **dict(map(_legal_line, options["legal_line"]))}
    return values


def _legal_line(text: str) -> tuple[str, str]:
    language, sign, line = text.partition("=")
    if not sign:
        raise Invalid("Write --legal-line as de=Text.", field="legal_lines")
    return language.strip(), line.strip()


def _line(market: Market) -> str:
    quiet = hours.words([[f"{one:%H:%M}" for one in market.quiet]]) if market.quiet else "none"
    return (
        f"{market.code}: {market.name}, {market.country}, {market.currency}, {market.timezone}, "
        f"{','.join(market.locales)}, good hours {hours.words(market.good_hours) or 'none'}, quiet hours {quiet}"
        f"{', default' if market.is_default else ''}"
    )
