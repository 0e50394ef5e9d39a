"""What editors, marketers and reviewers may do, and no more."""

import pytest
from django.contrib.auth.models import Group
from wagtail.models import Page, WorkflowContentType

from cms.models import Message
from core.roles import ROLES, ensure_roles
from tests.conftest import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    groups = ensure_roles()
    people = {}
    for name, group in groups.items():
        people[name] = make_user(name.lower())
        people[name].groups.add(group)
    return people


def test_ensuring_twice_changes_nothing(team):
    before = {group.name: set(group.permissions.values_list("pk", flat=True)) for group in Group.objects.all()}
    ensure_roles()
    assert before == {group.name: set(group.permissions.values_list("pk", flat=True)) for group in Group.objects.all()}


def test_a_right_given_by_hand_is_kept(team):
    from django.contrib.auth.models import Permission

    extra = Permission.objects.get(codename="add_redirect")
    Group.objects.get(name="Editors").permissions.add(extra)
    ensure_roles()
    assert Group.objects.get(name="Editors").permissions.filter(pk=extra.pk).exists()


@pytest.mark.parametrize(
    ("who", "may", "may_not"),
    [
        ("Editors", ["cms.add_message", "cms.publish_message"], ["planning.add_campaign", "audiences.view_contact"]),
        (
            "Marketers",
            ["planning.add_campaign", "promotions.add_offer", "audiences.add_segment"],
            ["cms.publish_message", "channels.add_channelaccount"],
        ),
        (
            "Reviewers",
            ["planning.view_campaign", "cms.publish_message"],
            ["planning.add_campaign", "audiences.change_contact"],
        ),
    ],
)
def test_each_role_has_its_own_work(team, who, may, may_not):
    person = team[who]
    assert [name for name in may if not person.has_perm(name)] == []
    assert [name for name in may_not if person.has_perm(name)] == []


@pytest.mark.parametrize("name", [role.name for role in ROLES])
def test_nobody_reaches_users_tokens_or_sites(team, name):
    person = team[name]
    for right in (
        "core.change_user",
        "core.view_user",
        "core.view_tokengrant",
        "auth.change_group",
        "wagtailcore.change_site",
    ):
        assert not person.has_perm(right), right


def test_editors_publish_pages_and_marketers_do_not(team):
    root = Page.get_first_root_node().get_first_child()
    assert root.permissions_for_user(team["Editors"]).can_publish()
    assert not root.permissions_for_user(team["Marketers"]).can_publish()


def test_reviewers_approve_pages_and_messages(team):
    home = Page.get_first_root_node().get_first_child()
    for workflow in (home.get_workflow(), WorkflowContentType.objects.get(content_type__model="message").workflow):
        (task,) = workflow.tasks
        assert [group.name for group in task.specific.groups.all()] == ["Reviewers"]
    assert Message.get_default_workflow() is not None
