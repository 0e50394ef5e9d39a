"""Whatever is sent that the description allows, or almost: no handle breaks, and every answer is one that is described.

Schemathesis makes the requests out of the description, half of them for things that are there. ``ALMANAC_FUZZ_EXAMPLES`` is how
many for each handle; a hundred and more are run before a release.
"""

import os
import re

import pytest
import schemathesis
from django.db import transaction
from django.test.client import ClientHandler
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import checks
from schemathesis.specs.openapi import checks as described

from config.api import api
from core.services import create_token
from tests.integration.test_api_lists import ask, shop  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db

EXAMPLES = int(os.environ.get("ALMANAC_FUZZ_EXAMPLES", "3"))
CHECKS = [
    checks.not_a_server_error,
    described.status_code_conformance,
    described.content_type_conformance,
    described.response_schema_conformance,
    described.response_headers_conformance,
]
NEVER_HERE = {"POST /api/v1/channel-accounts/{id}/test", "POST /api/v1/webhooks/{id}/test"}
"""They call a server; tests that have one do."""


@schemathesis.serializer("application/x-ndjson")
def ndjson(ctx, value):
    """One JSON text a line; what is made of the description is a text."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


class Undone(Exception):
    """Ends a savepoint."""


def application(environ, start_response):
    """Django as a test client asks it: in the test's own transaction."""
    response = ClientHandler(enforce_csrf_checks=False)(environ)
    start_response(f"{response.status_code} {response.reason_phrase}", list(response.items()))
    return [response.content]


def operations():
    schema = schemathesis.openapi.from_dict(api.get_openapi_schema())
    schema.app = application
    return [one.ok() for one in schema.get_all_operations()]


def known(path, ids):
    """The id of something that is there, for each place of an address."""
    noun = path.split("/")[3]
    return {name: ids[noun] for name in re.findall(r"{(\w+)}", path) if ids.get(noun)}


def test_no_handle_breaks_and_every_answer_is_described(ask, shop, market, settings):  # noqa: F811
    settings.ALLOWED_HOSTS = ["*"]
    headers = {"Authorization": f"Bearer {create_token('fuzz', ['*'])}"}
    failures, done = {}, 0
    for operation in operations():
        if operation.label in NEVER_HERE:
            continue
        try:
            with transaction.atomic():
                done += attack(operation, known(operation.path, shop), headers)
                raise Undone
        except Undone:
            pass
        except (Exception, BaseExceptionGroup) as error:
            failures[operation.label] = str(error)[:1500]
    assert not failures, "\n\n".join(f"{label}\n{words}" for label, words in failures.items())
    assert done >= EXAMPLES * 50
    print(f"{done} requests")


def attack(operation, ids, headers):
    count = 0

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize="ALMANAC_FUZZ_SEED" not in os.environ,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=st.one_of(
            operation.as_strategy(), operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)
        ),
        there=st.booleans(),
    )
    def send(case, there):
        nonlocal count
        count += 1
        if there:
            case.path_parameters = {**case.path_parameters, **ids}
        with transaction.atomic():
            case.call_and_validate(headers=headers, checks=CHECKS)

    send()
    return count
