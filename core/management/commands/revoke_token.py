"""`manage.py revoke_token ID…`: these API tokens do not work from now on."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.models import TokenGrant
from core.services import revoke_token


class Command(BaseCommand):
    """Revoke API tokens."""

    help = "Revoke API tokens, by the ids that list_tokens prints, or all of one service account."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which."""
        parser.add_argument("id", nargs="*", type=int, help="as list_tokens prints it")
        parser.add_argument("--name", help="every token of this service account")

    def handle(self, *args: Any, **options: Any) -> None:
        """Revoke them, and say how many."""
        rows = TokenGrant.objects.select_related("token__user")
        if bool(options["id"]) == bool(options["name"]):
            raise CommandError("Name tokens by their ids (list_tokens), or a service account with --name.")
        grants = list(
            rows.filter(token__user__username=options["name"]) if options["name"] else rows.filter(pk__in=options["id"])
        )
        if unknown := sorted(set(options["id"]) - {grant.pk for grant in grants}):
            raise CommandError(f"There is no token with the id {', '.join(map(str, unknown))}.")
        if not grants:
            raise CommandError(f"No token belongs to “{options['name']}”.")
        for grant in grants:
            revoke_token(grant, None)
        self.stdout.write(f"Revoked: {len(grants)}")
