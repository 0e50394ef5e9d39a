"""What is forgotten, when, and what never is."""

from datetime import timedelta

import pytest
from axes.models import AccessAttempt, AccessLog
from django.apps import apps
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db.models.deletion import Collector

from campaigns.audiences.models import ImportDraft
from core import clock, retention
from core.models import IdempotencyRecord

pytestmark = pytest.mark.django_db


@pytest.fixture
def old_and_young(owner):
    """One row of each kind that is due, and one that is not by a minute."""
    now, minute = clock.now(), timedelta(minutes=1)
    for number, ago in enumerate((timedelta(days=30) + minute, timedelta(days=30) - minute)):
        IdempotencyRecord.objects.create(user=owner, key=str(number), request_hash="x", created_at=now - ago)
    for number, ago in enumerate((timedelta(days=1) + minute, timedelta(days=1) - minute)):
        Session.objects.create(session_key=str(number), session_data="", expire_date=now - ago)
        ImportDraft.objects.create(
            name=f"{number}.csv", content=b"ada@shop.example", created_by=owner, created_at=now - ago
        )
    for number, ago in enumerate((timedelta(days=90) + minute, timedelta(days=90) - minute)):
        for model, more in (
            (AccessLog, {}),
            (AccessAttempt, {"get_data": "", "post_data": "", "failures_since_start": 1}),
        ):
            row = model.objects.create(username=str(number), path_info="/", http_accept="", user_agent="", **more)
            model.objects.filter(pk=row.pk).update(attempt_time=now - ago)


def left() -> dict[str, int]:
    return {policy.name: apps.get_model(policy.model).objects.count() for policy in retention.policies()}


def test_the_scheduler_forgets_what_is_due_and_nothing_else(old_and_young, monkeypatch):
    monkeypatch.setattr(retention, "_last", -retention.EVERY)
    assert set(left().values()) == {2}
    assert set(retention.tick().values()) == {1}
    assert set(left().values()) == {1}
    assert retention.tick() == {}, "not again within the hour"
    from config import scheduler
    from core import scheduler as ground

    assert ("core", ground.tick) in scheduler.TURNS
    monkeypatch.setattr(ground, "_round", ground._busy.release)  # outgoing webhooks are tried elsewhere
    told = []
    monkeypatch.setattr(retention, "tick", lambda: told.append("forgets"))
    ground.tick()
    assert told == ["forgets"]


def test_zero_days_keep_it_for_ever(old_and_young, settings, capsys):
    for policy in retention.policies():
        setattr(settings, policy.setting, 0)
    call_command("prune", "--dry-run")
    assert capsys.readouterr().out.count("; never (") == len(retention.policies())
    call_command("prune")
    assert set(left().values()) == {2}


def test_the_command_says_what_is_due_before_it_is_gone(old_and_young, capsys):
    call_command("prune", "--dry-run")
    said = capsys.readouterr().out
    assert said.count("1 due") == len(retention.policies())
    assert "import_drafts: files of customers that were uploaded and never imported; after 1 days" in said
    assert set(left().values()) == {2}
    call_command("prune")
    assert set(left().values()) == {1}


def test_more_than_a_batch_is_forgotten_batch_by_batch(owner, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 3)
    monkeypatch.setattr(retention, "MOST_BATCHES", 2)
    old = clock.now() - timedelta(days=40)
    IdempotencyRecord.objects.bulk_create(
        IdempotencyRecord(user=owner, key=str(number), request_hash="x", created_at=old) for number in range(8)
    )
    policy = next(one for one in retention.policies() if one.name == "api_replays")
    assert [retention.prune(policy) for _round in range(3)] == [6, 2, 0]


@pytest.mark.parametrize(
    "model", ["publishing.Delivery", "measurement.Hit", "planning.Publication", "links.Link", "promotions.Order"]
)
def test_what_the_shop_accounts_for_is_refused(model):
    with pytest.raises(ValueError, match="never pruned"):
        retention.register(retention.Policy("x", model, "created_at", "ALMANAC_KEEP_DRAFTS_DAYS", "x"))


def test_no_policy_reaches_the_ledger_by_a_cascade(old_and_young):
    for policy in retention.policies():
        collector = Collector(using="default")
        collector.collect(apps.get_model(policy.model).objects.all())
        reached = {model._meta.app_label for model in collector.data}
        reached |= {rows.model._meta.app_label for rows in collector.fast_deletes}
        assert not reached & {*retention.NEVER, "audiences"} - {policy.model.partition(".")[0]}, policy.name
