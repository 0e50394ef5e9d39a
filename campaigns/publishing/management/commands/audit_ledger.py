"""``manage.py audit_ledger``: does the ledger keep every promise?"""

import json
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from campaigns.planning.models import Publication
from campaigns.publishing.audit import RULES, audit
from core import database, db
from core.errors import FixSettings


class Command(BaseCommand):
    """Lists every violation; exit code 1 when there is one."""

    help = "Check every promise of the ledger, and exit with 1 when one is broken."

    def add_arguments(self, parser: CommandParser) -> None:
        """One publication or all; for people or for machines."""
        parser.add_argument("--publication", metavar="ID", help="the id of one publication (default: all)")
        parser.add_argument("--json", action="store_true", help="JSON on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        """Audit and tell."""
        try:
            database.prepare(self.stderr.write)
        except FixSettings as error:
            raise CommandError(error.message) from error
        publication = self._publication(options["publication"]) if options["publication"] else None
        violations = db.patiently(lambda: audit(publication))
        if options["json"]:
            body = {
                "violations": [violation.as_dict() for violation in violations],
                "count": len(violations),
                "rules": [rule.__name__ for rule in RULES],
            }
            self.stdout.write(json.dumps(body, indent=2))
        else:
            for violation in violations:
                self.stdout.write(f"{violation.rule}: publication {violation.publication}: {violation.detail}")
            word = "violation" if len(violations) == 1 else "violations"
            self.stdout.write(f"{len(violations)} {word}, {len(RULES)} rules")
        if violations:
            raise SystemExit(1)

    def _publication(self, public_id: str) -> Publication:
        try:
            return Publication.objects.get(public_id=UUID(public_id))
        except (ValueError, Publication.DoesNotExist) as error:
            raise CommandError(f"There is no publication with the id {public_id}.") from error
