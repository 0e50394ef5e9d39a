"""The cast of planning's tests, and people who may plan."""

import pytest

from tests.unit.planning.conftest import accounts, campaign, launch, plan, warm_up  # noqa: F401


@pytest.fixture
def planner(client, owner):
    """A browser without JavaScript, signed in as somebody who may do everything."""
    client.force_login(owner)
    return client


@pytest.fixture
def onlooker(client, stranger):
    """Somebody who may enter the admin, and nothing else."""
    from django.contrib.auth.models import Permission

    stranger.user_permissions.add(Permission.objects.get(codename="access_admin"))
    client.force_login(stranger)
    return client
