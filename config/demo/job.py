"""The main job, once: write, plan, publish, watch, review. Every figure is compared with what it must be.

It works from outside: over the API with two service accounts, and by playing recipients of what the sandbox received.
"""

import functools
import io
import json
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from wagtail.models import APIToken, Page

from campaigns.links import services as links
from campaigns.links import tokens
from campaigns.measurement.selectors import campaign_results
from campaigns.measurement.services import reviews
from campaigns.planning.models import Campaign
from campaigns.planning.services import targets
from channels.models import ChannelAccount
from channels.sandbox import control, player
from channels.sandbox.store import Arrival
from config import processes
from config.demo.place import Place
from core import clock
from core.errors import AlmanacError, Conflict, TryLater
from core.http import Door
from core.models import User
from core.services import create_token
from core.signing import BadToken

PROMOTION = "black-friday-"
SEND_SECONDS = 120.0
WATCH_SECONDS = 60.0
READERS = 3
"""How many readers open, click and visit; the first of them buys, and another one leaves."""
ORDER_MINOR = 12_900
TARGETS = {"uv": 4, "orders": 1, "gmv": 10_000}


class Api:
    """Our own API, as a program would use it."""

    def __init__(self, base_url: str, token: str) -> None:
        self.base_url = base_url
        self.token = token
        self.door = Door()

    def __call__(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """The answer's JSON; raises `Conflict` with the problem's words when it is none of the good ones."""
        answer = self.door.request(
            method, f"{self.base_url}/api/v1/{path}", json=body, headers={"Authorization": f"Bearer {self.token}"}
        )
        found: dict[str, Any] = answer.json()
        if answer.status >= 400:
            raise Conflict(f"{method} {path} was answered {answer.status}: {found.get('detail', '')}")
        return found


class Job(threading.Thread):
    """Does the job; `summary` is complete once the thread has ended, `news` are sentences for whoever waits."""

    def __init__(self, place: Place, is_alive: Callable[[], bool]) -> None:
        super().__init__(name="demo-job", daemon=True)
        self.place = place
        self.children_live = is_alive
        self.news: deque[str] = deque()
        self.checks: list[dict[str, Any]] = []
        self.summary: dict[str, Any] = {"ok": False, "checks": self.checks}

    def run(self) -> None:
        """The whole job; whatever goes wrong is told in the summary."""
        began = time.monotonic()
        try:
            self._whole_job()
            self.summary["ok"] = all(check["ok"] for check in self.checks)
        except AlmanacError as error:
            self.summary["error"] = error.message
        except Exception as error:
            self.summary["error"] = f"{type(error).__name__}: {error}"
        finally:
            self.summary["seconds"] = round(time.monotonic() - began, 1)
            APIToken.objects.filter(name__startswith="demo-job-", revoked_at=None).update(revoked_at=clock.now())
            connection.close()

    # --- Little helpers ---

    def check(self, what: str, actual: object, expected: object) -> None:
        """Note one figure."""
        self.checks.append({"what": what, "expected": expected, "actual": actual, "ok": actual == expected})

    def wait(self, what: str, seconds: float, condition: Callable[[], Any]) -> Any:
        """The first true value of `condition`; raises `TryLater` when it never comes."""
        until = time.monotonic() + seconds
        while True:
            if found := condition():
                return found
            if time.monotonic() > until:
                raise TryLater(f"Waited {seconds:g} s in vain for {what}.")
            time.sleep(0.25)

    def _wait_for_the_web(self) -> None:
        """For as long as the processes live: how long they need is the machine's business."""
        began = told = time.monotonic()
        while not processes.answers(self.place.base_url):
            if not self.children_live():
                raise TryLater("The processes ended before the web process answered.")
            if time.monotonic() - told >= processes.TELL_EVERY:
                told = time.monotonic()
                self.news.append(f"The web process is starting, for {told - began:.0f} s now …")
            time.sleep(0.25)

    # --- The job ---

    def _whole_job(self) -> None:
        self._wait_for_the_web()
        self.author = Api(self.place.base_url, create_token("demo-job-author", ["*"]))
        self.reviewer = Api(self.place.base_url, create_token("demo-job-reviewer", ["*"]))
        with control.opened() as store:
            self.before = store.last_id() if store else 0
        campaign = self._plan()
        self._publish()
        self._compare_with_the_truth()
        self._play_and_watch(campaign)
        self._review(campaign)
        self._audit()

    def _plan(self) -> str:
        """A campaign for today with the demo's promotion page on every channel."""
        self.news.append("Planning: the promotion as e-mail over SMTP and SendGrid, post and push …")
        page = Page.objects.filter(slug__startswith=PROMOTION).order_by("pk").first()
        if page is None:
            raise Conflict("The demo's promotion page is gone; begin with a new ALMANAC_HOME.")
        now = clock.now()
        name = f"Demo run of {now:%Y-%m-%d %H:%M:%S}"
        campaign = self.author("POST", "campaigns", {"name": name, "anchor": f"{now:%Y-%m-%d}"})
        planned = Campaign.objects.get(public_id=campaign["id"])
        for metric, value in TARGETS.items():
            targets.set(planned, metric, value, by=User.objects.get(username="marketer"))
        stage = self.author("POST", f"campaigns/{campaign['id']}/stages", {"name": "Launch"})
        english = self._segment("Reads English", {"field": "locale", "op": "eq", "value": "en"})
        others = self._segment("Reads another language", {"not": {"field": "locale", "op": "eq", "value": "en"}})
        everyone = self._segment("Everybody", {"all": True})
        plans = {
            "smtp": ("email", english),
            "sendgrid": ("email", others),
            "x": ("social", None),
            "fcm": ("push", everyone),
        }
        self.publications: dict[str, str] = {}
        for provider, (channel, segment) in plans.items():
            account = ChannelAccount.objects.get(provider=provider, is_sandbox=True)
            body: dict[str, Any] = {
                "stage": stage["id"],
                "content": str(page.translation_key),
                "channel": channel,
                "account": str(account.public_id),
                "moment": {"now": True},
            }
            if segment:
                body["audience"] = {"include": [segment], "exclude": []}
            self.publications[provider] = self.author("POST", "publications", body)["id"]
        self.summary["campaign"] = campaign["slug"]
        return str(campaign["id"])

    def _segment(self, name: str, rule: Mapping[str, Any]) -> str:
        return str(self.author("POST", "segments", {"name": f"{name} (demo run)", "rule": rule})["id"])

    def _publish(self) -> None:
        """Submit, approve by the other account, schedule, and wait until every message is accounted for."""
        self.news.append("Publishing …")
        for publication in self.publications.values():
            self.reviewer("POST", f"publications/{publication}/approve")
            self.author("POST", f"publications/{publication}/schedule")
        self.told: dict[str, dict[str, Any]] = {}
        for provider, publication in self.publications.items():
            self.told[provider] = self.wait(
                f"the publication over {provider}", SEND_SECONDS, functools.partial(self._if_done, publication)
            )
            ledger = self.told[provider]["ledger"]
            self.check(f"{provider}: the ledger adds up", sum(ledger.values()) - ledger["targeted"], ledger["targeted"])
            self.check(f"{provider}: nothing in doubt", ledger["unknown"] + ledger["unconfirmed"], 0)
        self.summary["ledger"] = {provider: told["ledger"] for provider, told in self.told.items()}

    def _if_done(self, publication: str) -> dict[str, Any] | None:
        told = self.author("GET", f"publications/{publication}")
        if told["state"] in {"held", "failed", "cancelled"}:
            raise Conflict(f"A publication is {told['state']}: {told['state_reason']}")
        return told if told["state"] == "done" else None

    def _compare_with_the_truth(self) -> None:
        """What the sandbox received is the truth: each accepted delivery once, and nothing else."""
        with control.opened() as store:
            arrived = [one for one in store.arrivals() if one.id > self.before] if store else []
        for provider, told in self.told.items():
            copies = Counter(one.ref for one in arrived if one.service == provider)
            self.check(f"{provider}: messages that arrived", sum(copies.values()), told["ledger"]["accepted"])
            self.check(f"{provider}: duplicates", sum(number - 1 for number in copies.values()), 0)
        self.arrived = [one for one in arrived if one.service == "smtp"]

    def _play_and_watch(self, campaign: str) -> None:
        """Some readers open, click and visit; one buys; one leaves. The results follow."""
        self.news.append("Being the recipients: opening, clicking, buying, leaving …")
        readers, leaver = self.arrived[:READERS], self.arrived[READERS]
        # People need some seconds to read; whoever clicks at once is taken for a scanner until the page's script has run.
        visits = [self._read(reader) for reader in readers]
        buyer = visits[0]
        order = {
            "external_id": f"demo-{self.summary['campaign']}",
            "currency": "USD",
            "total_minor": ORDER_MINOR,
            "click_token": buyer.token,
        }
        for _ in range(3):
            self.author("POST", "orders", order)
        player.unsubscribe(leaver)
        expected = {"clicks": READERS, "uv": READERS, "orders": 1, "gmv_minor": ORDER_MINOR, "unsubscribes": 1}

        def seen() -> dict[str, Any] | None:
            self.results = self.author("GET", f"campaigns/{campaign}/results")
            found = {name: self.results["attributed"][name] for name in expected}
            self.summary["results"] = found
            return found if found == expected else None

        self.news.append("Watching the results follow …")
        try:
            self.wait("the results", WATCH_SECONDS, seen)
        except TryLater:
            self.news.append("The results did not become what they must be.")
        for name, value in expected.items():
            self.check(f"results: {name}", self.results["attributed"][name], value)

    def _read(self, message: Arrival) -> player.Visit:
        """Open the mail and follow its first tracked link, with a browser that runs the page's script."""
        player.open_mail(message)
        found = next(link for link in player.find(message.id).links if self._leads_home(link.url))
        return player.click(message, found.number)

    def _leads_home(self, url: str) -> bool:
        """Whether a tracked link of a message leads to a page of our own, which tells of the visit."""
        *_, token, number = urlsplit(url).path.split("/")
        try:
            ref = tokens.read("click", token)
        except BadToken:
            return False
        target = links.target(ref.link_set_id, int(number))
        return target is not None and target.startswith(self.place.base_url)

    def _review(self, slug: str) -> None:
        """Freeze the first review; its numbers are those just seen."""
        campaign = Campaign.objects.get(public_id=slug)
        by = User.objects.get(username="reviewer")
        review = reviews.freeze(campaign, findings="Made by the demo run.", decisions="", by=by)
        self.check("review: revenue", review.numbers["attributed"]["gmv_minor"], ORDER_MINOR)
        parts = campaign_results(campaign).drivers()[0]["parts"]
        self.check("drivers: the parts add up to the cent", sum(parts.values()), ORDER_MINOR - TARGETS["gmv"])
        self.summary["drivers"] = parts
        self.summary["review"] = str(review.public_id)

    def _audit(self) -> None:
        """`audit_ledger` prints nothing."""
        out = io.StringIO()
        try:
            call_command("audit_ledger", "--json", stdout=out)
        except SystemExit as ended:
            self.check("audit_ledger: exit code", ended.code, 0)
        found = json.loads(out.getvalue())
        self.check("audit_ledger: violations", len(found["violations"]), 0)
        self.summary["home"] = str(settings.ALMANAC_HOME)
