"""A small installation of real processes (workers and scheduler, no web unless asked for) and a mail server that counts."""

import json
import os
import secrets
import sqlite3
import subprocess
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

from aiosmtpd.controller import Controller
from django.conf import settings

from config import processes
from tests.installation import MANAGE, free_port

SET_UP = """
from datetime import timedelta
from core import clock
from core.models import Market, User
from campaigns.audiences.services import audiences, contacts, segments
from campaigns.planning.moments import Moment
from campaigns.planning.services import campaigns, publications as plans, stages
from campaigns.publishing.services import publications
from channels.services import accounts
from cms.services import messages

author, reviewer = (User.objects.create_user(name) for name in ("author", "reviewer"))
market = Market.objects.create(code="us", name="US", country="US", currency="USD", locales=["en"], is_default=True)
contacts.upsert({"external_id": f"c{n}", "email": f"c{n}@shop.example", "first_name": f"N{n}", "consents": ["email"]}
                for n in range(COUNT))
campaign = campaigns.create("Small", market=market, by=author)
stage = stages.add(campaign, name="Now", by=author)
message = messages.create("M", {"email": {"subject": "Hi", "html": '<p>Hi <a href="https://shop.example/">x</a></p>',
                                          "text": "Hi https://shop.example/"}}, by=author)
account = accounts.create("smtp", "Mail", {"host": "127.0.0.1", "port": PORT, "security": "none", "max_connections": 2,
                                           "from_email": "news@shop.example"}, by=author)
audience = audiences.create("", [segments.create("All", {"all": True})])

def plan(moment):
    made = plans.plan(stage, "email", "message", message.translation_key, account, audience, moment, by=author)
    publications.approve(made, reviewer)
    publications.schedule(made, author)
    return made
"""

STATE = """
import json
from campaigns.planning.models import Publication
from campaigns.publishing import selectors
print(json.dumps([{"state": p.state, "reason": p.state_reason, "ledger": selectors.ledger(p)}
                  for p in Publication.objects.order_by("pk")]))
"""


class Mail:
    """Accepts everything; `taken` counts messages by recipient, noted before the answer goes out."""

    def __init__(self, delay: float = 0.0) -> None:
        self.delay = delay
        self.taken: Counter[str] = Counter()
        self.controller = Controller(self, hostname="127.0.0.1", port=free_port())
        self.port = self.controller.port

    async def handle_DATA(self, server, session, envelope):
        import asyncio

        await asyncio.sleep(self.delay)
        self.taken.update(envelope.rcpt_tos)
        return "250 2.0.0 taken"

    @property
    def total(self) -> int:
        return self.taken.total()

    def __enter__(self):
        self.controller.start()
        return self

    def __exit__(self, *_error):
        self.controller.stop()


class SmallPlace:
    """What a test does to it from outside."""

    def __init__(self, home: Path, **env: str) -> None:
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ALMANAC_", "DATABASE_", "DJANGO_"))
        }
        self.home = home
        self.env = {
            **clean,
            "ALMANAC_HOME": str(home),
            "ALMANAC_ALLOWED_PRIVATE_HOSTS": "127.0.0.1,localhost",
            "ALMANAC_SECRET_KEY": secrets.token_urlsafe(48),
            "ALMANAC_BASE_URL": "http://127.0.0.1:8000",
            **env,
        }
        self.output = Path(env.get("LOG_FOLDER", home)) / "processes.log"
        self.log = self.output.open("ab")
        self.running: list[subprocess.Popen] = []

    def manage(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run([*MANAGE, *arguments], env=self.env, capture_output=True, text=True, timeout=200)
        assert not check or done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return done.stdout

    def shell(self, code: str) -> str:
        return self.manage("shell", "--no-imports", "-c", code)

    def set_up(self, count: int, port: int, then: str) -> None:
        self.manage("migrate", "--verbosity", "0")
        self.shell(SET_UP.replace("COUNT", str(count)).replace("PORT", str(port)) + then)

    def start(self, command) -> subprocess.Popen:
        process = subprocess.Popen(
            list(command), env=self.env, stdout=self.log, stderr=self.log, start_new_session=True, cwd=settings.BASE_DIR
        )
        self.running.append(process)
        return process

    def up(self, workers: int = 1) -> None:
        self.start(processes.scheduler().command)
        for number in range(workers):
            self.start(processes.worker(number + 1).command)

    def down(self) -> None:
        for process in self.running:
            process.kill()
            process.wait()
        self.log.close()

    def publications(self) -> list[dict]:
        return json.loads(self.shell(STATE))

    def wait_for(self, states: list[str], seconds: float = 60.0) -> list[dict]:
        until = time.monotonic() + seconds
        while True:
            now = self.publications()
            if [one["state"] for one in now] == states:
                return now
            assert time.monotonic() < until, (now, self.said()[-3000:])
            time.sleep(0.3)

    def execute(self, statement: str) -> None:
        """One statement, straight to the database and at once: a shell takes seconds to start."""
        url = self.env.get("DATABASE_URL")
        if url:
            import psycopg

            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(statement)
        else:
            connection = sqlite3.connect(self.home / "almanac.sqlite3", timeout=60, isolation_level=None)
            connection.execute(statement)
            connection.close()

    def said(self) -> str:
        return self.output.read_text()

    def audit(self) -> list:
        return json.loads(self.manage("audit_ledger", "--json", check=False))["violations"]


@contextmanager
def small_place(home: Path, **env: str):
    home.mkdir(parents=True, exist_ok=True)
    place = SmallPlace(home, **env)
    try:
        yield place
    finally:
        place.down()


def production(database: str, broker: str) -> dict[str, str]:
    """The environment of the production profile."""
    return {
        "ALMANAC_PROFILE": "production",
        "DATABASE_URL": database,
        "ALMANAC_BROKER_URL": broker,
        "ALMANAC_QUEUE": f"almanac-{secrets.token_hex(4)}",
        "ALMANAC_BASE_URL": "https://shop.example",
        "ALMANAC_STAFF_MAIL_HOST": "127.0.0.1",
    }
