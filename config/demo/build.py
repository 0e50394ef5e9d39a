"""Fills an installation with the demo shop: people, customers, offers, pages, accounts and a year of plans.

Every step is idempotent: started again, the demo goes on with what it has.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.contrib.auth.models import Group
from wagtail.models import Page

from campaigns.audiences.models import Audience
from campaigns.audiences.services import demo as audiences
from campaigns.audiences.services.audiences import create as create_audience
from campaigns.planning import occasions
from campaigns.planning.services import demo as planning
from campaigns.promotions.services import demo as promotions
from channels.sandbox import accounts as sandbox
from cms.services import demo as cms
from cms.services import demo_texts as texts
from config import processes
from config import shop as setting_up
from config.demo import past
from config.demo.place import Place
from core import clock, installation, roles
from core.models import Market, User

PASSWORD = "almanac-demo"  # noqa: S105 - of a demo that listens on loopback only, and printed at every start
EVERYONE = "All customers"
PROMOTED = ("black-friday", "lunar-new-year", "mid-autumn")
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


def wishes(admin: User) -> setting_up.Wishes:
    """What the demo asks of the set-up that every shop goes through."""
    return setting_up.Wishes(
        name=texts.BRAND["name"],
        country="US",
        currency="USD",
        timezone="America/New_York",
        languages=["en", "zh-hans"],
        admin=admin.get_username(),
        admin_email=admin.email,
    )


class Shop:
    """What the steps make, for the steps after them."""

    def __init__(self, place: Place, say: Callable[[str], None] = lambda line: None) -> None:
        self.place = place
        self.say = say
        self.today = clock.now().date()
        """Once there is a market: the day that its clocks show."""
        self.steps: tuple[tuple[str, Callable[[], None]], ...] = (
            ("People and roles", self.team),
            ("Customers and their orders", self.customers),
            ("Pages and messages in two languages", self.content),
            ("Channel accounts at the sandbox", self.accounts),
            ("A year of campaigns", self.plans),
            ("Last year's sale, and one that runs", self.life),
        )

    def team(self) -> None:
        """Logins, roles, and that this installation may send: whoever runs the demo has said so."""
        self.people = people()
        setting_up.set_up(wishes(self.people.admin), lambda line: None)
        self.market = Market.objects.get(code="us")
        self.today = clock.now().astimezone(clock.zone(self.market.timezone)).date()
        if not installation.may_send()[0]:
            installation.confirm(self.people.admin)

    def customers(self) -> None:
        """Contacts, segments, products, last year's orders."""
        self.segments = audiences.build(self.market, self.people.marketer)["segments"]
        promotions.build(self.market)

    def content(self) -> None:
        """Everything there is to say."""
        years = {key: planning.coming(self.market, key, today=self.today) for key in PROMOTED}
        windows = {f"{key}-{year}": self._window(key, year) for key, year in years.items()}
        self.made = cms.build(self.market, self.people.editor, windows=windows, years=years)

    def _window(self, key: str, year: int) -> tuple[datetime, datetime]:
        """An offer lasts as long as its occasion, and three days more."""
        occasion = occasions.find(self.market.country, key, year, today=self.today)
        first, after = occasion.day, max(occasion.last, occasion.day) + timedelta(days=4)
        zone = self.market.timezone
        return clock.instant(first, time(0), zone), clock.instant(after, time(0), zone)

    def _page(self, start: str) -> Page | None:
        """The page whose slug begins so, whatever its year."""
        keys = [key for slug, key in self.made["pages"].items() if slug.startswith(start)]
        return Page.objects.filter(translation_key__in=keys).order_by("pk").first()

    def accounts(self) -> None:
        """Accounts; the sandbox has to run to be told where its events go."""
        with processes.for_a_moment(processes.sandbox(self.place.smtp_port, self.place.http_port), self.say):
            self.by_provider = sandbox.ensure(self.place.smtp_port, self.place.http_port, self.people.admin)

    def plans(self) -> None:
        """The calendar."""
        self.audience = Audience.objects.filter(name=EVERYONE).first() or create_audience(
            EVERYONE, [self.segments["everyone"]]
        )
        self.given = planning.Given(
            self.market,
            self.people.marketer,
            self.audience,
            {"email": self.by_provider["smtp"], "social": self.by_provider["x"], "push": self.by_provider["fcm"]},
            {
                "promotion": self._page("black-friday-"),
                "article": self._page("a-winter-table"),
                "tutorial": self._page("layer-a-bed"),
                "draft": self._page("lunar-new-year-"),
            },
        )
        offers = [offer for slug, offer in self.made["offers"].items() if slug.startswith("black-friday-")]
        planning.build(
            market=self.market,
            owner=self.people.marketer,
            audience=self.audience,
            offer=offers[0] if offers else None,
            accounts=self.given.accounts,
            contents=self.given.contents,
            today=self.today,
        )

    def life(self) -> None:
        """What has gone out already, and what came of it."""
        history = past.Past(self.people.marketer, self.people.reviewer)
        history.tell(planning.last_year(self.given, self.today))
        history.review()
        if not past.runs(self.today):
            history.tell(planning.running(self.given, self.today))
