"""The public failures of the programs we learn from, each as a test of ours.

What happened to whom stands in the docstrings with its public number; nothing of theirs is in here but the lesson.
"""

import threading
import time

import pytest

from tests.faults.harness.compare import check
from tests.faults.harness.mail import Reply
from tests.faults.harness.place import wait_until
from tests.faults.test_workers import GOES_ON_WITHIN, PEOPLE, mailing

processes = [pytest.mark.slow, pytest.mark.faults]


def marked(*marks):
    """Several marks at once."""

    def put(test):
        for mark in marks:
            test = mark(test)
        return test

    return put


real = marked(*processes)


@pytest.mark.everywhere
@real
def test_a1_killed_at_30_percent_everybody_still_gets_it(place, mail):
    """listmonk #3022, #2278: the checkpoint moves when a batch is fetched; after a kill the rest is skipped as “finished”."""
    mailing(place, mail)
    place.up()
    wait_until(lambda: mail.total >= PEOPLE * 0.3, GOES_ON_WITHIN, "30 %")
    for worker in list(place.workers):
        place.kill(worker)
        place.start_worker()
    place.wait_for_state("done")
    end = check(place, mail)
    assert end["ledger"]["accepted"] + end["ledger"]["unknown"] == end["ledger"]["targeted"] == PEOPLE
    assert end["ledger"]["skipped"] == end["ledger"]["rejected"] == 0
    assert end["ledger"]["unknown"] <= 2 * 16
    assert mail.total >= PEOPLE - 2 * 16


@pytest.mark.everywhere
@real
def test_a2_resuming_does_not_begin_from_the_beginning(place, mail):
    """listmonk #2313, #2070: resumed campaigns began anew, three to five copies for some."""
    publication = mailing(place, mail)
    place.up()
    for turn in range(10):
        wait_until(lambda turn=turn: mail.total >= 12 * turn, GOES_ON_WITHIN, "some messages")
        place.do("verb", publication=publication, name="pause")
        place.do("verb", publication=publication, name="resume")
    place.wait_for_state("done")
    check(place, mail)
    assert mail.total == PEOPLE
    assert set(mail.record.addresses.values()) == {1}


@real
def test_a3_what_is_long_past_due_is_held(place, mail):
    """listmonk #1801: a schedule long past is sent when the server comes back, and again by its clone."""
    place.do("set_up", people=20)
    account = place.do("account", provider="smtp", settings=mail.settings)
    late = place.do("publish", account=account, seconds=-2 * 3600)
    place.up(workers=1)
    held = place.wait_for_state("held", publication=late)
    time.sleep(3)
    assert held["reason"] == "overdue"
    assert mail.total == 0
    place.do("verb", publication=late, name="release")
    place.wait_for_state("done", publication=late)
    assert mail.total == 20
    # The clone: test_databases.py, test_a_copied_sqlite_file_is_held_until_a_person_confirms and its PostgreSQL twin.


@pytest.mark.everywhere
@real
def test_a4_overlapping_schedulers_send_once(place, mail):
    """Mautic #9880, #3669, #11763: the same contact twice from cron jobs that overlap."""
    publication = mailing(place, mail)
    place.up(workers=4, schedulers=2)
    place.wait_for_state("done", publication=publication)
    check(place, mail)
    assert set(mail.record.addresses.values()) == {1}
    assert mail.total == PEOPLE


@real
def test_a5_nothing_says_sent_that_was_not_sent(place, mail):
    """Mautic #1364, #6280, #2313: “sent” before it was sent, and failures shown as sent."""
    mail.rule = lambda stage, _address: (
        Reply(b"451 4.3.2 System not accepting network messages") if stage == "mail" else None
    )
    mailing(place, mail, people=50)
    place.up(workers=1)
    wait_until(lambda: mail.stages["mail"], GOES_ON_WITHIN, "an attempt")
    time.sleep(5)
    ledger = place.state()["ledger"]
    assert ledger["accepted"] == ledger["unknown"] == 0
    assert mail.total == 0
    assert ledger["targeted"] == 50


@real
def test_a6_a_post_whose_answer_was_lost_is_not_posted_again(place, sandbox):
    """Postiz pull request 1813: a time-out after the irreversible step was retried, and the post stood there twice."""
    place.do("set_up", people=0)
    account = place.do("account", provider="x", settings=sandbox.account_settings("x"))
    sandbox.fail("x", close=True, record=True)
    publication = place.do("post", account=account)
    place.up(workers=2)
    place.wait_for_state("done", "held", publication=publication)
    time.sleep(5)
    assert sandbox.count("x") == 1
    rows = place.state(publication)["rows"]
    assert [row["state"] for row in rows] in (["unknown"], ["accepted"]), "in doubt, or proven by reading back"


@real
def test_a7_a_crash_in_analytics_never_publishes_again(place, mail):
    """Postiz #1321: an error in a side workflow led into an endless loop of posts."""
    mailing(place, mail)
    place.start_scheduler("measurement:error,cms:error,read:error,fuse:error,unconfirm:error")
    for _number in range(2):
        place.start_worker()
    place.wait_for_state("done")
    time.sleep(5)
    check(place, mail)
    assert mail.total == PEOPLE
    assert "failpoint" not in place.state()["reason"]


@real
def test_a8_the_moment_is_read_when_it_comes(place, mail):
    """Postiz pull request 1840: an armed sleeper ignored edited dates, and recurring posts all fired within minutes."""
    place.do("set_up", people=20)
    account = place.do("account", provider="smtp", settings=mail.settings)
    publication = place.do("publish", account=account, seconds=6)
    place.up(workers=1)
    begun = time.time()
    place.do("move", publication=publication, seconds=14)
    time.sleep(max(0, begun + 9 - time.time()))
    assert mail.total == 0, "the first date does not count any more"
    place.wait_for_state("done", publication=publication)
    assert min(one.at for one in mail.record.read()) >= begun + 14
    assert mail.total == 20


@pytest.mark.django_db
def test_a9_templates_tell_no_secret_sessions_end_and_links_lead_where_they_were_stored(client, owner, market):
    """listmonk GHSA-jc7g-x28f-3v3h (env in templates) and sessions that outlive a password; mautic #16419 (open redirect)."""
    from core.errors import Invalid
    from core.texts import Escape, parse

    for source in ("{{ env }}", "{{ settings.SECRET_KEY }}", "{{ contact.__class__ }}", "{{ ''.__class__.__mro__ }}"):
        with pytest.raises(Invalid):
            parse(source, Escape.TEXT)
    client.force_login(owner)
    assert client.get("/admin/").status_code == 200
    owner.set_password("another-pass-word-1")
    owner.save()
    assert client.get("/admin/").status_code == 302, "the session ended with the password"
    # Links: tests/unit/measurement/test_edge.py, test_a_thousand_changed_links_lead_nowhere.


@pytest.mark.django_db
def test_a10_copying_needs_the_right_on_the_source(client, editor):
    """Wagtail CVE-2026-44200: a page could be copied by somebody without a right on it."""
    from django.contrib.auth.models import Group, Permission
    from django.urls import reverse
    from wagtail.models import GroupPagePermission, Page

    root = Page.get_first_root_node()
    assert root is not None
    own = root.add_child(instance=Page(title="Own", slug="own"))
    secret = root.add_child(instance=Page(title="Secret", slug="secret"))
    group = Group.objects.create(name="Own corner")
    group.permissions.add(Permission.objects.get(codename="access_admin"))
    for codename in ("add_page", "change_page", "publish_page"):
        GroupPagePermission.objects.create(
            group=group,
            page=own,
            permission=Permission.objects.get(codename=codename, content_type__app_label="wagtailcore"),
        )
    editor.groups.add(group)
    client.force_login(editor)
    data = {"new_title": "Stolen", "new_slug": "stolen", "new_parent_page": own.pk, "copy_subpages": False}
    before = Page.objects.count()
    client.post(reverse("wagtailadmin_pages:copy", args=[secret.pk]), data)
    assert Page.objects.count() == before
    client.post(reverse("wagtailadmin_pages:copy", args=[own.pk]), data)


@pytest.mark.django_db(transaction=True)
def test_a11_a_redemption_told_from_all_sides_is_counted_once(market):
    """saleor #544, django-oscar #2101, eventyay #1398: coupons used beyond their limit by many at once.

    Limits of use are not built (F30); a redemption is a fact with a number, and however many tell of it at once it is
    counted once.
    """
    from datetime import UTC, datetime

    from django.db import connection

    from campaigns.promotions.models import Redemption
    from campaigns.promotions.services import offers, redemptions

    sale = offers.create(
        "Sale", currency="USD", code="SALE", price_minor=100,
        starts_at=datetime(2026, 11, 27, tzinfo=UTC), ends_at=datetime(2026, 12, 1, tzinfo=UTC),
    )  # fmt: skip
    failures = []

    def tell(number):
        try:
            for fact in range(10):
                redemptions.record(sale, "shop", f"R{fact}", occurred_at=datetime(2026, 11, 28, tzinfo=UTC))
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=tell, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert Redemption.objects.count() == 10
