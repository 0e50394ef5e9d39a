"""On time: twenty publications due at one second begin within ten, and none of them early."""

import json
import secrets
import time

import pytest

from tests.faults.bare import Place
from tests.faults.counting import CountingServer
from tests.faults.test_hang import SET_UP

PUBLICATIONS = 20
PEOPLE = 60
WITHIN = 10.0

PLAN = """
from datetime import timedelta
from core import clock
from core.models import User
from campaigns.audiences.models import Segment
from campaigns.audiences.services import audiences
from campaigns.planning.models import Stage
from campaigns.planning.moments import Moment
from campaigns.planning.services import publications as plans
from campaigns.publishing.services import publications
from channels.models import ChannelAccount
from cms.models import Message

author, reviewer = User.objects.get(username="author"), User.objects.get(username="reviewer")
message = Message.objects.get()
made = []
for number in range({publications}):
    audience = audiences.create("", [Segment.objects.get()])
    made.append(plans.plan(Stage.objects.get(), "email", "message", message.translation_key, ChannelAccount.objects.get(),
                           audience, Moment.now(), by=author))
    publications.approve(made[-1], reviewer)
for publication in made:
    publications.schedule(publication, author)
# One second for all of them, as a shop that opens a sale has it.
from campaigns.publishing.models import Run
Run.objects.update(due_at=(clock.now() + timedelta(seconds={ahead})).replace(microsecond=0))
"""

LOOK = """
import json
from django.db.models import Min
from campaigns.publishing.models import Run
rows = Run.objects.annotate(first=Min("deliveries__attempts__started_at")).values_list("state", "due_at", "first")
print(json.dumps([[state, first and (first - due).total_seconds()] for state, due, first in rows]))
"""


@pytest.mark.slow
def test_twenty_publications_due_at_one_second_begin_within_ten(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    env = {
        "ALMANAC_HOME": str(home),
        "ALMANAC_ALLOWED_PRIVATE_HOSTS": "127.0.0.1,localhost",
        "ALMANAC_SECRET_KEY": secrets.token_urlsafe(48),
        "ALMANAC_BASE_URL": "http://127.0.0.1:8000",
    }
    place = Place(home, env)
    place.manage("migrate", "--verbosity", "0")
    with CountingServer(delay=0.01) as server:
        place.manage("shell", "--no-imports", "-c", SET_UP.format(count=PEOPLE, ports=[server.port], connections=2))
        place.manage("shell", "--no-imports", "-c", PLAN.format(publications=PUBLICATIONS, ahead=15))
        place.up()
        try:
            end = time.monotonic() + 120
            while server.total < PUBLICATIONS * PEOPLE and time.monotonic() < end:
                time.sleep(0.1)
            rows = json.loads(place.manage("shell", "--no-imports", "-c", LOOK))
        finally:
            place.down()
    late = sorted(seconds for _state, seconds in rows)
    print(f"first messages after {late[0]:.1f} to {late[-1]:.1f} s")
    assert len(late) == PUBLICATIONS
    assert late[0] >= 0
    assert late[-1] <= WITHIN
    assert set(server.taken.values()) == {PUBLICATIONS}
