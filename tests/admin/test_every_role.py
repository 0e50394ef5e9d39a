"""Every screen of publishing, for every role: who gets in, who is shown the door, and that nobody gets in by a POST."""

import pytest
from django.urls import reverse

from campaigns.planning.models import Publication
from campaigns.publishing.models import Delivery
from core import roles
from tests import ledgers
from tests.conftest import make_user

ROLES = ("anonymous", "stranger", "editor", "marketer", "reviewer", "owner")
SEE = {"editor": 200, "marketer": 200, "reviewer": 200, "owner": 200}
SEND = {"marketer": 200, "owner": 200}
APPROVE = {"reviewer": 200, "owner": 200}
PLAN = {"marketer": 200, "owner": 200}

SCREENS = [
    # name, arguments made from the publication and the delivery, state of the publication, who gets in
    ("publishing_publication:detail", "p", "live", SEE),
    ("publishing_publication:deliveries", "p", "live", SEE),
    ("publishing_publication:deliveries_results", "p", "live", SEE),
    ("publishing_publication:delivery", "pd", "live", SEE),
    ("publishing_publication:preview", "p:en", "planned", SEE),
    ("publishing_publication:do", "p:submit", "planned", PLAN),
    ("publishing_publication:do", "p:withdraw", "submitted", PLAN),
    ("publishing_publication:do", "p:approve", "submitted", APPROVE),
    ("publishing_publication:do", "p:reject", "submitted", APPROVE),
    ("publishing_publication:do", "p:schedule", "approved", SEND),
    ("publishing_publication:do", "p:pause", "live", SEND),
    ("publishing_publication:do", "p:resume", "paused", SEND),
    ("publishing_publication:do", "p:release", "held", SEND),
    ("publishing_publication:do", "p:cancel", "live", SEND),
    ("publishing_approvals:index", "", "submitted", APPROVE),
    ("publishing_doubts:index", "", "live", SEE),
    ("installation", "", "live", {"owner": 200}),
]
WRITES = [row for row in SCREENS if row[0] == "publishing_publication:do"]


@pytest.fixture
def cast(db, owner):
    groups = roles.ensure_roles()
    people = {"stranger": make_user("stranger"), "owner": owner}
    for name, group in (("editor", "Editors"), ("marketer", "Marketers"), ("reviewer", "Reviewers")):
        people[name] = make_user(name)
        people[name].groups.add(groups[group])
    return people


@pytest.fixture
def author(cast):
    return make_user("author")


def address(name, how, publication, delivery):
    one, _, more = how.partition(":")
    arguments = [] if not one else [publication.public_id]
    if one == "pd":
        arguments.append(delivery.pk)
    return reverse(name, args=[*arguments, *([more] if more else [])])


@pytest.fixture
def by_state(market, author):
    """A publication in each state that the table names, and a delivery in doubt."""
    shared = ledgers.account()
    made = {
        state: ledgers.publication(market, author, state=state, account=shared)
        for state in sorted({row[2] for row in SCREENS})
    }
    run = ledgers.run(made["live"])
    return made, ledgers.delivery(run, ledgers.contact(1), state="unknown", reason="no_answer")


@pytest.mark.parametrize("role", ROLES)
def test_who_gets_in(client, cast, by_state, role):
    publications, delivery = by_state
    if role != "anonymous":
        client.force_login(cast[role])
    got, expected = {}, {}
    for name, how, state, allowed in SCREENS:
        answer = client.get(address(name, how, publications[state], delivery))
        got[name, how] = answer.status_code
        expected[name, how] = allowed.get(role, 302)
        if answer.status_code == 302:
            assert "/publications/" not in answer["Location"].partition("?")[0]
    assert got == expected


@pytest.mark.parametrize("role", ["anonymous", "stranger", "editor", "marketer", "reviewer"])
def test_a_post_changes_nothing_for_those_who_may_not(client, cast, by_state, role):
    publications, _delivery = by_state
    if role != "anonymous":
        client.force_login(cast[role])
    tried = 0
    for name, how, state, allowed in WRITES:
        if role not in allowed:
            client.post(address(name, how, publications[state], None), {"reason": "x"})
            tried += 1
            assert Publication.objects.get(pk=publications[state].pk).state == state
    assert tried


@pytest.mark.parametrize("role", ["anonymous", "stranger", "editor", "reviewer"])
def test_doubts_are_settled_only_by_those_who_may_send(client, cast, author, market, role):
    publication = ledgers.publication(market, author, state="live")
    delivery = ledgers.delivery(ledgers.run(publication), ledgers.contact(1), state="unknown")
    if role != "anonymous":
        client.force_login(cast[role])
    for verb in ("arrived", "lost", "again"):
        client.post(
            reverse("publishing_doubts:settle", args=[publication.public_id]),
            {"verb": verb, "all": "1", "sure": "1"},
        )
    assert Delivery.objects.get(pk=delivery.pk).state == "unknown"


def test_a_delivery_is_shown_only_under_its_own_publication(client, cast, author, market):
    one, other = (ledgers.publication(market, author, state="live") for _time in range(2))
    delivery = ledgers.delivery(ledgers.run(one), ledgers.contact(1))
    client.force_login(cast["marketer"])
    assert (
        client.get(reverse("publishing_publication:delivery", args=[other.public_id, delivery.pk])).status_code == 404
    )


def test_doubts_of_one_publication_are_not_settled_through_another(client, cast, author, market):
    one, other = (ledgers.publication(market, author, state="live") for _time in range(2))
    delivery = ledgers.delivery(ledgers.run(one), ledgers.contact(1), state="unknown")
    client.force_login(cast["marketer"])
    address = reverse("publishing_doubts:settle", args=[other.public_id])
    client.post(address, {"verb": "arrived", "delivery": delivery.pk})
    assert Delivery.objects.get(pk=delivery.pk).state == "unknown"


@pytest.mark.parametrize(
    ("role", "shown", "hidden"),
    [
        ("owner", {"Approvals (1)", "In doubt (1)"}, set()),
        ("reviewer", {"Approvals (1)", "In doubt (1)"}, set()),
        ("marketer", {"In doubt (1)"}, {"Approvals"}),
        ("editor", {"Messages", "In doubt (1)"}, {"Approvals"}),
    ],
)
def test_the_menu_shows_what_the_role_may(client, cast, author, market, role, shown, hidden):
    ledgers.publication(market, author, state="submitted")
    live = ledgers.publication(market, author, state="live")
    ledgers.delivery(ledgers.run(live), state="unknown")
    client.force_login(cast[role])
    page = client.get("/admin/").content.decode()
    for label in shown:
        assert f'"label": "{label}' in page
    for label in hidden:
        assert f'"label": "{label}' not in page


@pytest.mark.parametrize(
    ("role", "settles"), [("editor", False), ("reviewer", False), ("marketer", True), ("owner", True)]
)
def test_whoever_may_see_deliveries_sees_what_is_in_doubt_and_only_senders_settle_it(
    client, cast, author, market, role, settles
):
    live = ledgers.publication(market, author, state="live")
    row = ledgers.delivery(ledgers.run(live), ledgers.contact(1), state="unknown", reason="no_answer")
    client.force_login(cast[role])
    page = client.get(reverse("publishing_doubts:index")).content.decode()
    assert "Name 1" in page
    assert reverse("publishing_publication:delivery", args=[live.public_id, row.pk]) in page
    assert ("They arrived" in page) == settles
    assert ('type="checkbox" name="delivery"' in page) == settles
    assert f"{reverse('publishing_doubts:index')}#doubts-{live.pk}" in (
        client.get(reverse("publishing_publication:detail", args=[live.public_id])).content.decode()
    )
