"""The roles of a shop's team, as data: which groups there are and what each may do.

A room whose models or verbs are new adds its patterns to the roles here. A pattern is ``app_label.codename`` with ``*``
for anything; what matches no permission yet (an app without such a model) grants nothing. Rights that a person added to
a group by hand are kept.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from wagtail.models import (
    Collection,
    GroupApprovalTask,
    GroupCollectionPermission,
    GroupPagePermission,
    Page,
    Workflow,
    WorkflowContentType,
    WorkflowPage,
    WorkflowTask,
)

PICTURES = ("add_image", "change_image", "choose_image", "add_document", "change_document", "choose_document")


@dataclass(frozen=True)
class Role:
    """What one group may do: model permissions by pattern, and codenames on the whole page tree and picture library."""

    name: str
    permissions: tuple[str, ...]
    pages: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()


ROLES = (
    Role(
        "Editors",
        permissions=(
            "wagtailadmin.access_admin",
            "simple_translation.submit_translation",
            "cms.*_message",
            "cms.change_brandkit",
            "promotions.view_*",
            "planning.view_*",
        ),
        pages=("add_page", "change_page", "publish_page", "lock_page", "unlock_page"),
        collections=PICTURES,
    ),
    Role(
        "Marketers",
        permissions=(
            "wagtailadmin.access_admin",
            "audiences.*",
            "promotions.*",
            "planning.add_*",
            "planning.change_*",
            "planning.delete_*",
            "planning.view_*",
            "planning.send_publication",
            "publishing.view_*",
            "publishing.change_delivery",
            "channels.view_*",
            "measurement.view_*",
            "measurement.add_review",
            "measurement.change_review",
            "cms.view_message",
            "cms.add_message",
            "cms.change_message",
            "core.view_market",
            "core.*_exchangerate",
        ),
        pages=("change_page",),
        collections=("choose_image", "choose_document"),
    ),
    Role(
        "Reviewers",
        permissions=(
            "wagtailadmin.access_admin",
            "*.view_*",
            "planning.approve_publication",
            "measurement.*_review",
            "cms.change_message",
            "cms.publish_message",
            "cms.lock_message",
            "cms.unlock_message",
        ),
        pages=("change_page", "publish_page", "lock_page", "unlock_page"),
        collections=("choose_image", "choose_document"),
    ),
    Role("Viewers", permissions=("wagtailadmin.access_admin", "*.view_*")),
)
OURS = ("core", "links", "channels", "audiences", "promotions", "cms", "planning", "publishing", "measurement")
"""The apps that ``*`` before the dot stands for: never users, groups, tokens or sites."""

HIDDEN = frozenset({"core.view_user", "core.view_tokengrant", "core.view_idempotencyrecord"})
"""Never matched by a pattern."""

CONTENT_WORKFLOW = "Content approval"
SENT_MODELS = (("cms", "message"),)
"""Models beside pages whose content the workflow gates."""


def matching(patterns: tuple[str, ...]) -> Iterator[Permission]:
    """The permissions that exist and that a pattern names."""
    for permission in Permission.objects.select_related("content_type"):
        app = permission.content_type.app_label
        name = f"{app}.{permission.codename}"
        if name in HIDDEN:
            continue
        if any(fnmatchcase(name, one) and (not one.startswith("*.") or app in OURS) for one in patterns):
            yield permission


@transaction.atomic
def ensure_roles() -> dict[str, Group]:
    """Make the groups with their rights, and the workflow in which reviewers approve content. Harmless to repeat."""
    groups = {role.name: _ensure(role) for role in ROLES}
    _ensure_workflow(groups["Reviewers"])
    return groups


def _ensure(role: Role) -> Group:
    group, _ = Group.objects.get_or_create(name=role.name)
    group.permissions.add(*matching(role.permissions))
    root, library = Page.get_first_root_node(), Collection.get_first_root_node()
    for permission in Permission.objects.filter(content_type__app_label="wagtailcore", codename__in=role.pages):
        GroupPagePermission.objects.get_or_create(group=group, page=root, permission=permission)
    libraries = Permission.objects.filter(content_type__app_label__in=("wagtailimages", "wagtaildocs"))
    for permission in libraries.filter(codename__in=role.collections):
        GroupCollectionPermission.objects.get_or_create(group=group, collection=library, permission=permission)
    return group


def _ensure_workflow(reviewers: Group) -> None:
    """One task, for reviewers. It takes the place of Wagtail's own on the page tree, unless a person chose another."""
    if Workflow.objects.filter(name=CONTENT_WORKFLOW).exists():
        return
    workflow = Workflow.objects.create(name=CONTENT_WORKFLOW)
    task = GroupApprovalTask.objects.create(name=CONTENT_WORKFLOW)
    task.groups.add(reviewers)
    WorkflowTask.objects.create(workflow=workflow, task=task, sort_order=0)
    root = Page.get_first_root_node()
    present = WorkflowPage.objects.filter(page=root).select_related("workflow").first()
    if present is None:
        WorkflowPage.objects.create(page=root, workflow=workflow)
    elif present.workflow.name == "Moderators approval":
        present.workflow = workflow
        present.save(update_fields=["workflow"])
    for app_label, model in SENT_MODELS:
        kind = ContentType.objects.get_by_natural_key(app_label, model)
        WorkflowContentType.objects.get_or_create(content_type=kind, defaults={"workflow": workflow})
