"""`manage.py results`: what campaigns have brought, for people or as JSON alone on standard output."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from campaigns.measurement.currencies import left_out
from campaigns.measurement.selectors import campaign_results
from campaigns.planning.models import Campaign
from core import database, money
from core.errors import FixSettings


class Command(BaseCommand):
    """Print the results of one campaign or of all."""

    help = "Shows what campaigns have brought: audience-window figures, and the attributed ones apart."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--campaign SLUG` and `--json`."""
        parser.add_argument("--campaign", metavar="SLUG", help="only this campaign")
        parser.add_argument("--json", action="store_true", dest="as_json", help="JSON alone on standard output")

    def handle(self, *args: Any, campaign: str | None = None, as_json: bool = False, **options: Any) -> None:
        """Print them."""
        try:
            database.prepare(self.stderr.write)
        except FixSettings as error:
            raise CommandError(error.message) from error
        campaigns = Campaign.objects.select_related("market", "audience").order_by("slug")
        if campaign:
            campaigns = campaigns.filter(slug=campaign)
            if not campaigns:
                raise CommandError(f"There is no campaign “{campaign}”. Run “results” without --campaign to see all.")
        found = [campaign_results(one) for one in campaigns]
        rows = [one.summary() for one in found]
        for one in found:
            for kind, others in (("attributed", one.others), ("audience", one.window.others)):
                for currency, orders, minor in left_out(other.as_dict() for other in others):
                    amount = money.display(minor, currency, "en")
                    self.stderr.write(f"{one.slug}, {kind}: {orders} orders in {currency} left out ({amount})")
        if as_json:
            self.stdout.write(json.dumps(rows, indent=2))
            return
        for row in rows:
            attributed = row["attributed"]
            self.stdout.write(
                f"{row['slug']}: audience {row['audience']}, buyers {row['buyers']}, orders {row['orders']}, "
                f"revenue {money.display(row['revenue_minor'], row['currency'], 'en')}, "
                f"redemptions {row['redemptions']} by {row['redeeming_contacts']}; attributed: "
                f"{attributed['orders']} orders, {money.display(attributed['revenue_minor'], row['currency'], 'en')}"
            )
