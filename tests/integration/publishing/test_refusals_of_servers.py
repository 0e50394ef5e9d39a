"""A real SMTP client against a server that refuses, from the run to the screen; and reports that come back."""

from datetime import timedelta

import pytest

from campaigns.audiences.models import Endpoint, Suppression
from campaigns.publishing import refs, selectors
from campaigns.publishing.models import Closing
from campaigns.publishing.services import closings, events
from channels.services import accounts, reports
from core import clock
from tests.integration.publishing.conftest import SILENT, Paper, states
from tests.integration.publishing.test_refusals import people_at
from tests.unit.channels.test_reports import dsn, group

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sound")]


@pytest.fixture
def smtp(shop, sandbox):
    given = {**sandbox.account_settings("smtp"), "from_email": "news@shop.example"}
    return accounts.create("smtp", "Our relay", given, by=shop.author)


@pytest.mark.parametrize(
    ("stage", "status", "said"),
    [
        ("rcpt", 550, "relay not permitted"),
        ("rcpt", 554, "5.7.1 <somebody@elsewhere.example>: Relay access denied"),
        ("rcpt", 550, "Invalid recipient"),
        ("rcpt", 553, "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)"),
        ("mail", 550, "5.7.1 Sender address rejected"),
        ("message", 554, "5.7.1 Service unavailable; Client host [192.0.2.44] blocked using rbl.example"),
    ],
)
def test_a_relay_that_refuses_everybody_closes_nobody_and_loses_nobody(
    shop, smtp, sandbox, time_machine, stage, status, said
):
    """The issue's own case: 1,283 of 1,500 living addresses were closed by “550 relay not permitted”."""
    people_at(150)
    sandbox.fail("smtp", stage=stage, status=status, message=said, times=1_000_000)
    publication = shop.sent(account=smtp)
    counts = selectors.ledger(publication)
    assert (counts["pending"], counts["rejected"]) == (150, 0)
    assert publication.state == "live"
    smtp.refresh_from_db()
    assert smtp.health == "fix_settings"
    assert said.split(":")[-1].strip()[:20] in smtp.last_error
    closings.close_due()
    assert not Suppression.objects.exists()
    assert not Endpoint.objects.exclude(status="active").exists()
    sandbox.heal()
    for _turn in range(4):
        time_machine.move_to(clock.now() + timedelta(minutes=3))
        shop.work(publication, turns=2)
    assert states(publication) == {("accepted", ""): 150}
    assert set(sandbox.copies("smtp").values()) == {1}


@pytest.fixture
def inbox(shop, settings, tmp_path):
    """An account whose reports lie in a maildir."""
    settings.ALMANAC_MAILDIR_ROOT = str(tmp_path)
    (tmp_path / "reports" / "new").mkdir(parents=True)
    given = {"host": "127.0.0.1", "port": 2525, "security": "none", "reports_inbox": f"maildir:{tmp_path}/reports"}
    accounts.create("smtp", "Reports", given, by=shop.author)

    def put(raw):
        path = tmp_path / "reports" / "new" / f"{len(list(tmp_path.rglob('*')))}.{clock.now().timestamp()}"
        path.write_bytes(raw)
        reports.poll_all()
        events.read()

    return put


def test_a_report_proves_what_was_in_doubt(shop, inbox):
    shop.people(2)
    for number in range(2):
        Paper.script[f"c{number}@shop.example"] = SILENT
    publication = shop.sent()
    arrived, bounced = publication.deliveries.order_by("pk")
    inbox(dsn(group("delivered", "2.0.0", ""), envelope=refs.make(arrived.pk)))
    inbox(dsn(group(), envelope="", returned=f"Message-ID: <{refs.make(bounced.pk)}@shop.example>"))
    assert states(publication) == {("accepted", "event"): 1, ("accepted", "bounced"): 1}
    assert Closing.objects.get().delivery == bounced
    assert Suppression.objects.get().recipient_key == bounced.recipient_key


def test_a_relay_denied_afterwards_closes_nobody(shop, inbox):
    shop.people(1)
    row = shop.sent().deliveries.get()
    inbox(dsn(group(status="5.7.1", said="smtp; 554 5.7.1 Relay access denied"), envelope=refs.make(row.pk)))
    row.refresh_from_db()
    assert (row.state, row.reason, row.feedback) == ("accepted", "blocked", "bounced")
    assert not Suppression.objects.exists()


def test_a_forged_report_does_nothing(shop, inbox):
    """Whoever knows how our references look, and a victim's number, still cannot make one."""
    shop.people(2)
    mine, victim = shop.sent().deliveries.order_by("pk")
    own = refs.make(mine.pk).partition("-")[2]
    for ref in (f"{victim.pk:x}-{'0' * 20}", f"{victim.pk:x}-{own}", f"{victim.pk:x}", str(victim.pk)):
        inbox(dsn(group(), envelope=ref))
    assert not Suppression.objects.exists()
    assert not Closing.objects.exists()
    assert len(own) * 4 >= 80, "bits that somebody would have to guess"
