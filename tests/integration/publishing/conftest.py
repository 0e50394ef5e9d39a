"""A shop with an audience, and a provider made of paper that keeps its own record: the ground truth."""

import sqlite3
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db import OperationalError

from campaigns.audiences.models import Contact
from campaigns.audiences.services import audiences, contacts, segments
from campaigns.planning.moments import Moment
from campaigns.planning.services import campaigns, stages
from campaigns.planning.services import publications as plans
from campaigns.publishing import audit, bells
from campaigns.publishing.services import events, likeness, publications, seals, sweeper, work
from channels import registry
from channels.base import Blame, Capabilities, Channel, Outcome, Provider, Result
from channels.models import ChannelAccount
from channels.services import accounts
from cms.services import messages
from core import installation


@dataclass(frozen=True)
class NoSettings:
    pass


class Paper(Provider):
    """Accepts everything but what `script` says otherwise for an address; `calls` is what arrived."""

    slug = "paper"
    name = "Paper"
    capabilities = Capabilities(channel=Channel.EMAIL, batch_size=1)
    Settings = NoSettings
    calls: list = []
    script: dict = {}
    before = None

    @classmethod
    def reset(cls):
        cls.calls, cls.script, cls.before = [], {}, None

    @classmethod
    def check_settings(cls, settings):
        pass

    def send(self, jobs, flight):
        for job in jobs:
            if flight.should_stop():
                return
            if type(self).before:
                type(self).before(job)
            flight.started([job.ref])
            rule = self.script.get(job.address)
            if isinstance(rule, Exception):
                type(self).calls.append(job)
                raise rule
            outcome = rule(job) if rule else Outcome(job.ref, Result.ACCEPTED, provider_id=f"id-{job.ref}")
            if outcome.result in {Result.ACCEPTED, Result.AMBIGUOUS}:
                type(self).calls.append(job)
            flight.answered([outcome])
            yield outcome


class ReplaySafe(Paper):
    slug = "paper-replay"
    capabilities = Capabilities(channel=Channel.EMAIL, batch_size=1, replay_safe=True, replay_window=timedelta(hours=1))


class PaperPush(Paper):
    slug = "paper-push"
    capabilities = Capabilities(channel=Channel.PUSH, batch_size=10, masked_on_device=True)


class PaperPost(Paper):
    slug = "paper-post"
    capabilities = Capabilities(channel=Channel.SOCIAL, max_text=280)


PAPERS = (Paper, ReplaySafe, PaperPush, PaperPost)


def answer(result, **fields):
    return lambda job: Outcome(job.ref, result, **fields)


REFUSED = answer(Result.REJECTED, code="550", blame=Blame.JOB)
DEAD = answer(Result.REJECTED, code="550 5.1.1", blame=Blame.ENDPOINT)
SILENT = answer(Result.AMBIGUOUS, code="timeout")
LATER = answer(Result.RETRY, code="450")
LOCKED_OUT = answer(Result.RETRY, code="535", detail="Bad password.", blame=Blame.ACCOUNT)
BUSY = answer(Result.RETRY, code="429", blame=Blame.PROVIDER)


def database_is_locked():
    """What Django raises when another process holds an SQLite database for too long."""
    cause = sqlite3.OperationalError("database is locked")
    cause.sqlite_errorcode = sqlite3.SQLITE_BUSY
    error = OperationalError("database is locked")
    error.__cause__ = cause
    return error


@pytest.fixture
def papers(settings, tmp_path):
    settings.ALMANAC_HOME = tmp_path
    seals.load_part.cache_clear()
    likeness._words.cache_clear()
    events._done.clear()
    installation._beaten.clear()
    rung = []
    bells.use(rung.append)
    for paper in PAPERS:
        paper.reset()
        registry.register(paper)
    yield rung
    for paper in PAPERS:
        registry.unregister(paper.slug)
    import importlib

    from campaigns.publishing import tasks

    importlib.reload(tasks)


class Shop:
    """Short words for what the tests of this folder set up and do."""

    def __init__(self, market, author, reviewer):
        self.market, self.author, self.reviewer = market, author, reviewer
        self.campaign = campaigns.create("Black Friday", market=market, by=author)
        self.stage = stages.add(self.campaign, name="Launch", by=author)
        self.everyone = segments.create("Everyone", {"all": True})

    def account(self, paper=Paper) -> ChannelAccount:
        return accounts.create(paper.slug, f"Paper {paper.slug}", {}, by=self.author)

    def people(self, count, *, consents=("email",), prefix="c", **fields):
        report = contacts.upsert(
            {
                "external_id": f"{prefix}{number}",
                "email": f"{prefix}{number}@shop.example",
                "first_name": f"Name{number}",
                "locale": "en",
                "consents": list(consents),
                **fields,
            }
            for number in range(count)
        )
        assert not report.refused, report
        return list(Contact.objects.filter(external_id__startswith=prefix).order_by("pk"))

    def message(self, **changes):
        email = {
            "subject": "Hello {{ first_name|default('friend') }}",
            "html": '<p>Dear {{ first_name }}, <a href="https://shop.example/sale">the sale</a> is on.</p>',
            "text": "Dear {{ first_name }}, see https://shop.example/sale.",
        }
        renditions = {
            "email": {**email, **changes},
            "social": {"text": "The sale is on https://shop.example/sale"},
            "push": {"title": "Sale", "body": "Now, {{ first_name }}", "url": "https://shop.example/sale"},
        }
        return messages.create("Sale", renditions, by=self.author)

    def plan(self, *, moment=None, account=None, channel="email", message=None, rule=None, audience=True):
        segment = segments.create("Some", rule) if rule else self.everyone
        message = message or self.message()
        return plans.plan(
            self.stage,
            channel,
            "message",
            message.translation_key,
            account or self.account(),
            audiences.create("", [segment]) if audience else None,
            moment or Moment.now(),
            by=self.author,
        )

    def approved(self, **options):
        publication = self.plan(**options)
        publications.approve(publication, self.reviewer)
        return publication

    def scheduled(self, **options):
        publication = self.approved(**options)
        publications.schedule(publication, self.author)
        return publication

    def work(self, publication, turns=1):
        """What bells would make a worker do."""
        for _turn in range(turns):
            sweeper.open_retries()
            for run in publication.runs.all():
                work.work(run.pk)
        sweeper.finish_all()
        publication.refresh_from_db()
        return publication

    def sent(self, **options):
        return self.work(self.scheduled(**options))


@pytest.fixture
def shop(papers, market, marketer, reviewer):
    return Shop(market, marketer, reviewer)


@pytest.fixture
def sound():
    """The audit finds nothing at the end of every test."""
    yield
    assert [violation.as_dict() for violation in audit.audit()] == []


def states(publication):
    return Counter(publication.deliveries.values_list("state", "reason"))
