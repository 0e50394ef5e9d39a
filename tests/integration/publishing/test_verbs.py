"""What people do with a publication, and what they may not."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import close_old_connections

from campaigns.planning.models import Publication
from campaigns.planning.moments import Moment
from campaigns.planning.services import publications as plans
from campaigns.publishing import selectors
from campaigns.publishing.models import SealPart
from campaigns.publishing.services import pipeline, publications, runs, seals, sweeper
from core import clock
from core.errors import Conflict, Invalid, NotAllowed
from tests.integration.publishing.conftest import DEAD, Paper, PaperPost, states

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sound")]


def later(hours=24):
    moment = clock.now() + timedelta(hours=hours)
    return Moment.fixed(moment.date(), moment.time().replace(microsecond=0), "UTC")


def test_nobody_approves_their_own_work(shop, owner):
    publication = shop.plan()
    with pytest.raises(NotAllowed):
        publications.approve(publication, shop.author)
    publications.submit(publication, owner)
    with pytest.raises(NotAllowed):
        publications.approve(publication, owner)
    publications.approve(publication, shop.reviewer)
    assert publication.state == "approved"
    assert publication.submitted_by == owner


def test_approving_a_plan_submits_it_for_its_author(shop):
    publication = shop.approved()
    assert publication.submitted_by == shop.author
    seal = selectors.valid_seal(publication)
    assert seal.sealed_by == shop.reviewer
    assert len(seal.content_hash) == len(seal.order_hash) == 64


def test_what_is_missing_is_said_in_sentences(shop):
    publication = plans.plan(shop.stage, "email", by=shop.author)
    with pytest.raises(Invalid, match="Choose what") as refused:
        publications.submit(publication, shop.author)
    assert "audience" in refused.value.message
    assert publication.state == "planned"


def test_a_text_that_may_not_be_sent_is_refused_before_a_reviewer_sees_it(shop):
    message = shop.message()
    type(message).objects.filter(pk=message.pk).update(email_html="<p>{{ contact.password }}</p>")
    publication = shop.plan(message=message)
    with pytest.raises(Invalid, match="password"):
        publications.submit(publication, shop.author)


def test_sent_back_with_a_reason(shop):
    publication = publications.submit(shop.plan(), shop.author)
    with pytest.raises(Invalid):
        publications.reject(publication, shop.reviewer, " ")
    publications.reject(publication, shop.reviewer, "The price is wrong.")
    assert (publication.state, publication.state_reason) == ("planned", "The price is wrong.")


def test_a_withdrawal_takes_seal_and_runs_along(shop):
    publication = shop.scheduled(moment=later())
    assert publication.runs.count() == 1
    publications.withdraw(publication, shop.author)
    assert publication.state == "planned"
    assert publication.runs.count() == 0
    assert selectors.valid_seal(publication) is None
    publications.approve(publication, shop.reviewer)
    publications.schedule(publication, shop.author)
    assert publication.runs.count() == 1


def test_planning_takes_seal_and_runs_along_too(shop):
    publication = shop.scheduled(moment=later())
    plans.take_back(publication, by=shop.author)
    assert publication.runs.count() == 0
    assert selectors.valid_seal(publication) is None


def test_an_edit_after_the_approval_changes_nothing_that_is_sent(shop):
    shop.people(3)
    message = shop.message()
    publication = shop.scheduled(message=message)
    message.email_subject = "Changed"
    message.save()
    message.save_revision().publish(skip_permission_checks=True)
    shop.work(publication)
    assert {job.part.subject.fill(job.values)[:5] for job in Paper.calls} == {"Hello"}


def test_bytes_that_were_changed_behind_our_back_are_not_sent(shop):
    shop.people(3)
    publication = shop.scheduled()
    part = SealPart.objects.get()
    original = bytes(part.compiled)
    SealPart.objects.filter(pk=part.pk).update(compiled=original.replace(b"Dear", b"Scam"))
    shop.work(publication)
    assert (publication.state, publication.state_reason) == ("held", "seal")
    assert Paper.calls == []
    SealPart.objects.filter(pk=part.pk).update(compiled=original)


def test_an_audience_rule_that_changed_after_the_approval_is_held(shop):
    shop.people(3)
    publication = shop.scheduled()
    segment = publication.audience.include.get()
    rule = segment.rule
    segment.rule = {"field": "locale", "op": "eq", "value": "de"}
    segment.save()
    shop.work(publication)
    assert (publication.state, publication.state_reason) == ("held", "order")
    segment.rule = rule
    segment.save()
    publications.release(publication, shop.author)
    assert shop.work(publication).state == "done"
    assert len(Paper.calls) == 3


def test_pause_and_resume_ten_times_sends_nobody_anything_twice(shop, monkeypatch):
    shop.people(60)
    monkeypatch.setattr(pipeline, "FIRST_SLICE", 5)
    monkeypatch.setattr(pipeline, "LARGEST_SLICE", 5)
    publication = shop.scheduled()
    pauses = iter(range(5, 56, 5))
    at = [next(pauses)]

    def pause_sometimes(_job):
        if len(Paper.calls) >= at[0]:
            at[0] = next(pauses, 10_000)
            publications.pause(Publication.objects.get(pk=publication.pk), shop.author)

    Paper.before = pause_sometimes
    for _turn in range(11):
        shop.work(publication)
        if publication.state == "paused":
            assert selectors.ledger(publication)["attempting"] == 0
            publications.resume(publication, shop.author)
    shop.work(publication)
    assert states(publication) == {("accepted", ""): 60}
    assert len({job.ref for job in Paper.calls}) == len(Paper.calls) == 60
    assert at[0] == 10_000, "it was paused every time"


def test_a_cancelled_publication_skips_who_is_left(shop, monkeypatch):
    shop.people(40)
    monkeypatch.setattr(pipeline, "FIRST_SLICE", 10)
    publication = shop.scheduled()

    def cancel_once(_job):
        Paper.before = None
        publications.cancel(Publication.objects.get(pk=publication.pk), shop.author)

    Paper.before = cancel_once
    shop.work(publication)
    assert publication.state == "cancelled"
    sweeper.settle_cancelled()
    counts = states(publication)
    assert counts[("skipped", "cancelled")] + counts[("accepted", "")] == 40
    assert counts[("accepted", "")] == len(Paper.calls) <= 10
    with pytest.raises(Conflict):
        publications.resume(publication, shop.author)


def test_a_pause_before_the_moment_holds_it_back(shop, time_machine):
    shop.people(1)
    publication = shop.scheduled(moment=later(hours=1))
    publications.pause(publication, shop.author)
    time_machine.move_to(clock.now() + timedelta(minutes=90))
    shop.work(publication)
    assert Paper.calls == []
    publications.resume(publication, shop.author)
    assert publication.state == "scheduled"
    assert shop.work(publication).state == "done"


def test_never_early(shop, time_machine):
    shop.people(1)
    publication = shop.scheduled(moment=later(hours=1))
    due = publication.runs.get().due_at
    time_machine.move_to(due - timedelta(seconds=1), tick=False)
    assert not runs.start(publication.runs.get().pk)
    time_machine.move_to(due, tick=False)
    assert shop.work(publication).state == "done"


def test_what_missed_its_moment_is_held_for_a_person(shop, time_machine):
    shop.people(1)
    publication = shop.scheduled(moment=later(hours=1))
    time_machine.move_to(clock.now() + timedelta(hours=5))
    sweeper.hold_overdue()
    publication.refresh_from_db()
    assert (publication.state, publication.state_reason) == ("held", "overdue")
    shop.work(publication)
    assert Paper.calls == []
    publications.release(publication, shop.author)
    assert shop.work(publication).state == "done"


def test_sending_that_stood_still_for_too_long_is_held(shop, time_machine):
    shop.people(3)
    publication = shop.scheduled()
    runs.start(publication.runs.get().pk)
    time_machine.move_to(clock.now() + timedelta(hours=5))
    shop.work(publication)
    assert (publication.state, publication.state_reason) == ("held", "interrupted")
    assert Paper.calls == []
    publications.release(publication, shop.author)
    assert shop.work(publication).state == "done"


def test_a_moment_that_has_long_passed_waits_for_a_person(shop):
    shop.people(2)
    publication = shop.approved(moment=later(hours=-3))
    publications.schedule(publication, shop.author)
    assert (shop.work(publication).state, publication.state_reason) == ("held", "overdue")
    assert Paper.calls == []
    publications.release(publication, shop.author)
    assert shop.work(publication).state == "done"


def test_a_copy_of_the_installation_sends_nothing_until_confirmed(shop, settings, owner):
    from core import installation

    shop.people(2)
    installation.check_and_beat()
    publication = shop.scheduled()
    settings.ALMANAC_BASE_URL = "https://clone.example"
    shop.work(publication)
    assert (publication.state, publication.state_reason) == ("held", "installation")
    assert Paper.calls == []
    assert sweeper.release_confirmed() == 0
    installation.confirm(owner)
    assert sweeper.release_confirmed() == 1
    assert shop.work(publication).state == "done"


def test_a_post_that_the_network_would_refuse_is_not_approved(shop, monkeypatch):
    monkeypatch.setattr(PaperPost, "lint", lambda self, part: ["The post is too long."])
    publication = shop.plan(channel="social", account=shop.account(PaperPost), audience=False)
    with pytest.raises(Invalid, match="too long"):
        publications.approve(publication, shop.reviewer)


def test_the_wrong_verb_is_a_conflict(shop):
    publication = shop.plan()
    for verb in (publications.schedule, publications.pause, publications.resume, publications.release):
        with pytest.raises(Conflict):
            verb(publication, shop.author)


@pytest.mark.django_db(transaction=True)
def test_of_two_people_at_once_one_wins(papers, market, marketer, reviewer):
    from tests.integration.publishing.conftest import Shop

    publication = Publication.objects.create(
        stage=Shop(market, marketer, reviewer).stage, channel="email", state="live"
    )
    gate, results = Barrier(6), []

    def pause():
        try:
            gate.wait(10)
            publications.pause(Publication.objects.get(pk=publication.pk), marketer)
            results.append("won")
        except Conflict:
            results.append("lost")
        finally:
            close_old_connections()
            from django.db import connection

            connection.close()

    threads = [Thread(target=pause) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(results) == ["lost"] * 5 + ["won"]
    Publication.objects.filter(pk=publication.pk).update(state="cancelled")


def test_the_hash_of_content_and_of_order_are_apart(shop):
    message, account = shop.message(), shop.account()
    first = shop.approved(message=message, account=account, moment=later(24))
    second = shop.approved(message=message, account=account, moment=later(48))
    one, two = selectors.valid_seal(first), selectors.valid_seal(second)
    assert one.order_hash != two.order_hash
    assert seals.digest(one.order) == one.order_hash


def test_the_fuse_stops_a_bounce_storm(shop):
    shop.people(300)
    for number in range(0, 300, 10):
        Paper.script[f"c{number}@shop.example"] = DEAD
    publication = shop.scheduled()
    shop.work(publication)
    Publication.objects.filter(pk=publication.pk).update(state="live")
    publication.runs.update(state="live")
    assert sweeper.fuse() == 1
    publication.refresh_from_db()
    assert (publication.state, publication.state_reason) == ("held", "fuse_bounces")
    publications.release(publication, shop.author)
    assert sweeper.fuse() == 0, "a person said go"
    shop.work(publication)
