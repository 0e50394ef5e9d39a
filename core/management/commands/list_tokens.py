"""`manage.py list_tokens`: every API token, one a line: its id, beginning, account, state and scopes."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from core.models import TokenGrant


class Command(BaseCommand):
    """List the API tokens."""

    help = "List the API tokens that work: id, beginning, service account, until when, last use, scopes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """All of them, or those that work."""
        parser.add_argument("--all", action="store_true", help="also those that are revoked or expired")

    def handle(self, *args: Any, **options: Any) -> None:
        """One line each, columns apart by tabs."""
        for grant in TokenGrant.objects.select_related("token__user").order_by("pk"):
            if grant.works or options["all"]:
                self.stdout.write("\t".join(_columns(grant)))


def _columns(grant: TokenGrant) -> list[str]:
    token = grant.token
    end = grant.expires_at.isoformat(timespec="minutes") if grant.expires_at else "-"
    state = "revoked" if token.revoked_at else "until" if grant.works else "over since"
    used = token.last_used_at.isoformat(timespec="minutes") if token.last_used_at else "never"
    return [
        str(grant.pk),
        f"{token.prefix}…",
        token.user.get_username(),
        f"{state} {end}",
        f"used {used}",
        " ".join(grant.scopes),
    ]
