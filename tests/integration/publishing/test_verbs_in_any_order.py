"""Whatever people do, in whatever order: the state machine holds, and so does the ledger."""

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.planning.states import PUBLICATION, PublicationState
from campaigns.publishing import audit, selectors
from campaigns.publishing.models import Run
from campaigns.publishing.services import publications, seals
from campaigns.publishing.states import RUN, RunState
from core.errors import Conflict, Invalid, NotAllowed

pytestmark = pytest.mark.django_db

VERBS = ("submit", "approve", "reject", "withdraw", "schedule", "pause", "resume", "cancel", "release", "work")
NEEDS_A_SEAL = {"approved", "scheduled", "live", "paused", "done"}


class Undo(Exception):
    """Ends an example; nothing of it stays."""


def act(shop, publication, verb, who):
    """Do one thing as one person; returns whether it was done."""
    by = {"author": shop.author, "reviewer": shop.reviewer}[who]
    try:
        with transaction.atomic():
            if verb == "work":
                shop.work(publication)
            elif verb == "reject":
                publications.reject(publication, by, "Another picture, please.")
            else:
                getattr(publications, verb)(publication, by)
    except (Conflict, NotAllowed, Invalid):
        return False
    return True


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(VERBS), st.sampled_from(["author", "reviewer"])), max_size=12))
def test_no_order_of_verbs_breaks_a_promise(shop, steps):
    try:
        with transaction.atomic():
            seals.load_part.cache_clear()
            shop.people(3)
            publication = shop.plan()
            approved_by = None
            for verb, who in steps:
                before = publication.state
                done = act(shop, publication, verb, who)
                publication.refresh_from_db()
                if not done:
                    assert publication.state == before, f"{verb} was refused and moved {before} to {publication.state}"
                if done and verb == "approve":
                    approved_by = who
                if publication.state in NEEDS_A_SEAL:
                    assert approved_by == "reviewer", "nothing goes on without somebody else's approval"
                    assert publication.seals.filter(superseded_at=None).count() == 1
                counts = selectors.ledger(publication)
                assert counts["targeted"] == sum(count for name, count in counts.items() if name != "targeted")
                assert [violation.as_dict() for violation in audit.audit(publication)] == []
            raise Undo
    except Undo:
        pass


@pytest.mark.parametrize(("machine", "states"), [(PUBLICATION, PublicationState), (RUN, RunState)])
def test_every_state_can_be_reached_and_ends_are_ends(machine, states):
    first = {"planned", "waiting"} & set(states.values)
    reached = set(first)
    while True:
        further = {
            after for table in machine.verbs.values() for before, after in table.items() if before in reached
        } | reached
        if further == reached:
            break
        reached = further
    assert reached == set(states.values)
    assert not machine.open_verbs("cancelled")


def test_pausing_waits_for_no_more_than_a_slice(shop):
    """A pause holds from the next slice on: nobody new is attempted after it."""
    shop.people(40)
    publication = shop.scheduled()
    publications.pause(publication, shop.author)
    shop.work(publication, turns=3)
    assert selectors.ledger(publication)["accepted"] == 0
    publications.resume(publication, shop.author)
    shop.work(publication, turns=3)
    assert selectors.ledger(publication)["accepted"] == 40
    assert Run.objects.get(publication=publication).state == RunState.DONE
