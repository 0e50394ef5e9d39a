"""Fills an installation with the demo shop: people, customers, offers, pages, accounts and a year of plans.

Every step is idempotent: started again, the demo goes on with what it has.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib.auth.models import Group

from core import roles
from core.models import Market, User

PASSWORD = "almanac-demo"  # noqa: S105 - of a demo that listens on loopback only, and printed at every start
PEOPLE = (
    ("editor", "Edda", "Lindqvist", "Editors"),
    ("marketer", "Marcus", "Chen", "Marketers"),
    ("reviewer", "Rena", "Okafor", "Reviewers"),
    ("admin", "Ada", "Novak", ""),
)

Say = Callable[[str], None]


@dataclass(frozen=True)
class People:
    """The demo's logins."""

    editor: User
    marketer: User
    reviewer: User
    admin: User


def people() -> People:
    """The four people who work here, with their roles."""
    roles.ensure_roles()
    made = {}
    for username, first_name, last_name, role in PEOPLE:
        user, new = User.objects.get_or_create(
            username=username,
            defaults={
                "first_name": first_name,
                "last_name": last_name,
                "email": f"{username}@hearth-and-linen.example",
                "is_superuser": not role,
                "is_staff": not role,
            },
        )
        if new:
            user.set_password(PASSWORD)
            user.save(update_fields=["password"])
        if role:
            user.groups.add(Group.objects.get(name=role))
        made[username] = user
    return People(**made)


def market() -> Market:
    """The market that the demo shop sells in."""
    return Market.objects.get_or_create(
        code="us",
        defaults={
            "name": "United States",
            "country": "US",
            "currency": "USD",
            "timezone": "America/New_York",
            "locales": ["en", "zh-hans"],
            "is_default": True,
        },
    )[0]
