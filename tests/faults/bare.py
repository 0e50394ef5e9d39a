"""An installation without its web process, for tests that set their own scene inside it."""

import json
import os
import random
import subprocess
from pathlib import Path

from django.conf import settings

from config import processes
from tests.installation import MANAGE

WORKERS = 2

SET_UP = """
from django.utils import timezone
from core.models import Market, User
from campaigns.audiences.services import audiences, contacts, segments
from campaigns.planning.moments import Moment
from campaigns.planning.services import campaigns, publications as plans, stages
from campaigns.publishing.services import publications
from channels.services import accounts
from cms.services import messages

author, reviewer = (User.objects.create_user(name) for name in ("author", "reviewer"))
market = Market.objects.create(code="us", name="US", country="US", currency="USD", locales=["en"], is_default=True)
contacts.upsert({{"external_id": f"c{{n}}", "email": f"c{{n}}@shop.example", "first_name": f"N{{n}}", "consents": ["email"]}}
                for n in range({count}))
campaign = campaigns.create("Kill", market=market, by=author)
stage = stages.add(campaign, name="Now", by=author)
message = messages.create("M", {{"email": {{"subject": "Hi {{{{ first_name }}}}", "html": "<p>Hi {{{{ first_name }}}}</p>",
                                          "text": "Hi {{{{ first_name }}}}"}}}}, by=author)
account = accounts.create("smtp", "Mail", {{"host": "127.0.0.1", "port": {port}, "security": "none", "max_connections": 2,
                                           "from_email": "news@shop.example"}}, by=author)
audience = audiences.create("", [segments.create("All", {{"all": True}})])
publication = plans.plan(stage, "email", "message", message.translation_key, account, audience, Moment.now(), by=author)
publications.approve(publication, reviewer)
publications.schedule(publication, author)
print(publication.public_id)
"""

LEDGER = """
import json
from campaigns.planning.models import Publication
from campaigns.publishing import selectors
publication = Publication.objects.get()
rows = list(publication.deliveries.values_list("contact__external_id", "state", "reason"))
print(json.dumps({"state": publication.state, "ledger": selectors.ledger(publication), "rows": rows}))
"""


class Place:
    """An installation without its web process, whose workers die a lot."""

    def __init__(self, home: Path, env: dict[str, str]) -> None:
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ALMANAC_", "DATABASE_", "DJANGO_"))
        }
        self.env = {**clean, **env}
        self.home = home
        self.log = (home / "processes.log").open("ab")
        self.workers: list[subprocess.Popen] = []
        self.scheduler: subprocess.Popen | None = None

    def manage(self, *arguments: str, text: str | None = None, check: bool = True, timeout: float = 200) -> str:
        done = subprocess.run(
            [*MANAGE, *arguments], env=self.env, input=text, capture_output=True, text=True, timeout=timeout
        )
        assert not check or done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return done.stdout

    def start(self, command) -> subprocess.Popen:
        return subprocess.Popen(
            list(command), env=self.env, stdout=self.log, stderr=self.log, start_new_session=True, cwd=settings.BASE_DIR
        )

    def start_worker(self, number: int) -> subprocess.Popen:
        return self.start(processes.worker(number).command)

    def start_scheduler(self) -> subprocess.Popen:
        return self.start(processes.scheduler().command)

    def up(self) -> None:
        self.scheduler = self.start_scheduler()
        self.workers = [self.start_worker(number) for number in range(WORKERS)]

    def down(self) -> None:
        for process in [*self.workers, *filter(None, [self.scheduler])]:
            process.kill()
            process.wait()
        self.log.close()

    def kill_one(self, dice: random.Random) -> None:
        number = dice.randrange(WORKERS)
        self.workers[number].kill()
        self.workers[number].wait()
        self.workers[number] = self.start_worker(number)

    def state(self) -> dict:
        return json.loads(self.manage("shell", "--no-imports", "-c", LEDGER))
