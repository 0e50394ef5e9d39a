"""Fills an installation with the demo shop: people, customers, offers, pages, accounts and a year of plans.

Every step is idempotent: started again, the demo goes on with what it has.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib.auth.models import Group
from wagtail.models import Page

from campaigns.audiences.models import Audience
from campaigns.audiences.services import demo as audiences
from campaigns.audiences.services.audiences import create as create_audience
from campaigns.planning.services import demo as planning
from campaigns.promotions.services import demo as promotions
from channels.sandbox import accounts as sandbox
from cms.services import demo as cms
from config import processes
from config.demo.place import Place
from core import installation, markets, roles
from core.models import Market, User

PASSWORD = "almanac-demo"  # noqa: S105 - of a demo that listens on loopback only, and printed at every start
EVERYONE = "All customers"
PEOPLE = (
    ("editor", "Edda", "Lindqvist", "Editors"),
    ("marketer", "Marcus", "Chen", "Marketers"),
    ("reviewer", "Rena", "Okafor", "Reviewers"),
    ("admin", "Ada", "Novak", ""),
)


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
    values = {
        "name": "United States",
        "country": "US",
        "currency": "USD",
        "timezone": "America/New_York",
        "locales": ["en", "zh-hans"],
    }
    return Market.objects.filter(code="us").first() or markets.create("us", values, None)


class Shop:
    """What the steps make, for the steps after them."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.steps: tuple[tuple[str, Callable[[], None]], ...] = (
            ("People and roles", self.team),
            ("Customers and their orders", self.customers),
            ("Pages and messages in two languages", self.content),
            ("Channel accounts at the sandbox", self.accounts),
            ("A year of campaigns", self.plans),
        )

    def team(self) -> None:
        """Logins, roles, and that this installation may send: whoever runs the demo has said so."""
        self.people = people()
        self.market = market()
        if not installation.may_send()[0]:
            installation.confirm(self.people.admin)

    def customers(self) -> None:
        """Contacts, segments, products, last year's orders."""
        self.segments = audiences.build(self.market, self.people.marketer)["segments"]
        promotions.build(self.market)

    def content(self) -> None:
        """Everything there is to say."""
        self.made = cms.build(self.market, self.people.editor)

    def accounts(self) -> None:
        """Accounts; the sandbox has to run to be told where its events go."""
        with processes.for_a_moment(processes.sandbox(self.place.smtp_port, self.place.http_port)):
            self.by_provider = sandbox.ensure(self.place.smtp_port, self.place.http_port, self.people.admin)

    def plans(self) -> None:
        """The calendar."""
        audience = Audience.objects.filter(name=EVERYONE).first() or create_audience(
            EVERYONE, [self.segments["everyone"]]
        )
        pages = {slug: Page.objects.filter(translation_key=key).first() for slug, key in self.made["pages"].items()}
        planning.build(
            market=self.market,
            owner=self.people.marketer,
            audience=audience,
            offer=self.made["offers"].get("black-friday-2026"),
            accounts={
                "email": self.by_provider["smtp"],
                "social": self.by_provider["x"],
                "push": self.by_provider["fcm"],
            },
            contents={
                "promotion": pages.get("black-friday-2026"),
                "article": pages.get("a-winter-table"),
                "tutorial": pages.get("layer-a-bed"),
                "draft": pages.get("lunar-new-year-2027"),
            },
        )
