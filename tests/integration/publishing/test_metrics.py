"""What Prometheus reads, against a ledger whose figures are known."""

from datetime import timedelta

import pytest
from django.test import Client

from campaigns.publishing.models import Run
from core import clock, heartbeat
from core.models import ProcessHeartbeat
from tests.integration.publishing.conftest import DEAD, SILENT, Paper

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("papers")]
TOKEN = "only-for-this-test-0123456789"


@pytest.fixture
def scraped(settings):
    """Every sample as {(name, labels): value}."""
    from config import metrics  # noqa: F401 - first: it tells the library where figures are kept

    from prometheus_client.parser import text_string_to_metric_families  # isort: skip

    settings.ALMANAC_MONITOR_TOKEN = TOKEN

    def scrape():
        answer = Client().get("/metrics", HTTP_AUTHORIZATION=f"Bearer {TOKEN}")
        assert answer.status_code == 200
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(answer.content.decode())
            for sample in family.samples
        }

    return scrape


def of(samples, metric, /, **labels):
    """The one sample of this name that has these labels; None without one."""
    found = [
        value for (known, its), value in samples.items() if known == metric and labels.items() <= dict(its).items()
    ]
    assert len(found) <= 1, found
    return found[0] if found else None


def test_outcomes_doubts_and_rate_of_a_run_and_its_account(shop, scraped):
    shop.people(12)
    Paper.script = {"c1@shop.example": DEAD, "c2@shop.example": SILENT, "c3@shop.example": SILENT}
    publication = shop.sent()
    run, account = str(Run.objects.get().public_id), str(publication.account.public_id)
    samples = scraped()
    counted = {
        state: of(samples, "almanac_run_deliveries", run=run, account=account, state=state)
        for state in ("accepted", "rejected", "unknown")
    }
    assert counted == {"accepted": 9, "rejected": 1, "unknown": 2}
    assert of(samples, "almanac_account_doubts", account=account, state="unknown") == 2
    assert of(samples, "almanac_run_rate", run=run) == pytest.approx(10 / 20)
    assert of(samples, "almanac_account_rate", account=account) == pytest.approx(10 / 20)
    assert of(samples, "almanac_account_info", account=account, name=publication.account.name) == 1
    assert of(samples, "almanac_queue_age_seconds") == 0


def test_lag_and_the_age_of_the_queue_grow_while_nobody_works(shop, scraped, time_machine):
    shop.people(3)
    publication = shop.scheduled()
    account = str(publication.account.public_id)
    time_machine.move_to(clock.now() + timedelta(seconds=90))
    samples = scraped()
    assert of(samples, "almanac_due_runs") == 1
    assert of(samples, "almanac_queue_age_seconds") == pytest.approx(90, abs=5)
    assert of(samples, "almanac_account_lag_seconds", account=account) == pytest.approx(90, abs=5)
    assert of(samples, "almanac_run_start_delay_seconds") == pytest.approx(90, abs=5)
    shop.work(publication, turns=2)
    samples = scraped()
    assert of(samples, "almanac_queue_age_seconds") == 0
    assert of(samples, "almanac_account_lag_seconds", account=account) == 0


def test_runs_that_ended_long_ago_are_not_counted_again(shop, scraped):
    shop.people(2)
    shop.sent()
    assert of(scraped(), "almanac_run_state", state="done") == 1
    Run.objects.update(finished_at=clock.now() - timedelta(hours=2))
    assert of(scraped(), "almanac_run_state", state="done") is None


def test_the_number_of_questions_does_not_grow_with_the_runs(shop, scraped, django_assert_max_num_queries):
    shop.people(2)
    for _number in range(4):
        shop.sent()
    with django_assert_max_num_queries(25):
        scraped()


def test_the_schedulers_delay_and_what_stands_in_the_way(scraped, client):
    assert of(scraped(), "almanac_scheduler_delay_seconds") is None
    heartbeat.note("scheduler")
    samples = scraped()
    assert of(samples, "almanac_processes", kind="scheduler") == 1
    assert of(samples, "almanac_scheduler_delay_seconds") == 0
    assert of(samples, "almanac_may_send") == 1
    ProcessHeartbeat.objects.update(seen_at=clock.now() - timedelta(seconds=35))
    assert of(scraped(), "almanac_scheduler_delay_seconds") == pytest.approx(30, abs=2)
    from core.models import Installation

    Installation.objects.update(held_reason="restored")
    samples = scraped()
    assert of(samples, "almanac_may_send") == 0
    assert of(samples, "almanac_obstacle", code="held") == 1


def test_answers_are_timed_by_route_and_no_token_of_a_person_is_a_label(scraped, client):
    for number in range(3):
        client.get(f"/u/canary-{number}")
    client.generic("INVENTED", "/u/canary")
    samples = scraped()
    found = [dict(labels) for (name, labels) in samples if name == "almanac_http_request_seconds_count"]
    assert found
    assert not any("canary" in value for labels in found for value in labels.values())
    assert {labels["method"] for labels in found} <= {
        "GET",
        "POST",
        "HEAD",
        "PUT",
        "PATCH",
        "DELETE",
        "OPTIONS",
        "other",
    }
    assert any(labels["route"] == "/u/<str:token>" for labels in found)
