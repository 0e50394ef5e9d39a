"""What every provider must do, as a test class to inherit.

A provider's class names it and says how its service misbehaves; the promises are tested here, once for all:

    class TestPigeon(Conformance):
        provider = Pigeon
        service = "pigeon"               # the sandbox's name of the service that faults are set for

        def settings(self): …            # settings that reach the service
        def part(self): …                # something to say
        def address(self, number): …     # the number-th recipient
        def copies(self): …              # ground truth: how many copies arrived, by delivery reference

`service_fails(…)` sets a fault (see `channels.sandbox.faults`); a service that the sandbox does not play brings its own. A
provider with events also gives `signed_webhook` and `without_webhook_key`.
"""

import errno
import re
import socket
import time
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import timedelta
from itertools import count

import pytest

from channels import settings_of
from channels.base import Blame, Capabilities, EmailPart, Job, PostPart, PushPart, Result
from core import clock
from core.errors import Missing, NotAllowed
from core.texts import Text

_numbers = count(1)
ALWAYS = 1_000_000


class Watched:
    """A flight that remembers, and can be told to stop after some starts."""

    def __init__(self, *, stop_after=None, truth=None):
        self.started_refs = []
        self.answered_refs = []
        self.stop_after = stop_after
        self.truth = truth
        self.arrived_before_start = []

    def started(self, refs):
        if self.truth is not None:
            arrived = self.truth()
            self.arrived_before_start += [ref for ref in refs if arrived.get(ref)]
        self.started_refs += refs

    def answered(self, outcomes):
        self.answered_refs += [outcome.ref for outcome in outcomes]

    def unstarted(self, refs):
        self.started_refs = [ref for ref in self.started_refs if ref not in refs]

    def refused_together(self, refs):
        self.unstarted(refs)
        self.suspects = list(refs)

    def should_stop(self):
        return self.stop_after is not None and len(self.started_refs) >= self.stop_after


class Conformance:
    provider = None
    service = ""
    throttle = {"status": 429, "retry_after": 30}
    denied = {"status": 401}
    sends_one_at_a_time = False  # a post: one job a call, and every text differs
    throttle_tells_when = True
    at_once = 1  # jobs that may be started before the first answer

    # --- what a provider's class gives

    def settings(self):
        raise NotImplementedError

    def part(self):
        raise NotImplementedError

    def address(self, number):
        raise NotImplementedError

    def dead_address(self):
        """An address that the service itself calls dead."""
        raise NotImplementedError

    def copies(self):
        raise NotImplementedError

    def service_fails(self, **fault):
        self.sandbox.fail(self.service, **fault)

    # --- scaffolding

    @pytest.fixture(autouse=True)
    def _service(self, sandbox):
        self.sandbox = sandbox
        self.opened = []
        yield
        for provider in self.opened:
            provider.close()

    def open(self, **changes):
        provider = self.provider(settings_of.read(self.provider, {**self.settings(), **changes}))
        provider.deadline = 10.0
        self.opened.append(provider)
        return provider

    def jobs(self, number):
        part = self.part()
        made = []
        for _ in range(number):
            n = next(_numbers)
            one = replace(part, text=f"{part.text} {n}") if isinstance(part, PostPart) else part
            made.append(Job(f"ref{n:06d}x", self.address(n), one, self.values(n)))
        return made

    def values(self, number):
        return (f"Customer {number}", f"https://shop.example/c/{number}/0")

    def send(self, jobs, *, flight=None, provider=None):
        flight = flight or Watched()
        outcomes = list((provider or self.open()).send(jobs, flight))
        refs = [outcome.ref for outcome in outcomes]
        assert len(refs) == len(set(refs)), "a job has two outcomes"
        assert set(flight.started_refs) <= set(refs), "a started job has no outcome"
        assert len(flight.started_refs) == len(set(flight.started_refs)), "a job was started twice"
        assert sorted(flight.answered_refs) == sorted(refs), "the flight was not told every answer"
        for outcome in outcomes:
            self.check_words(outcome, jobs)
        return outcomes

    def check_words(self, outcome, jobs):
        """No secret, no address; within the columns of the ledger."""
        own = settings_of.read(self.provider, self.settings())
        secrets = [getattr(own, field.name) for field in self.provider.setting_fields() if field.metadata.get("secret")]
        said = outcome.detail + outcome.code + outcome.provider_id
        assert len(outcome.detail) <= 500
        assert len(outcome.code) <= 60
        assert "\n" not in outcome.detail
        for hidden in [*secrets, *(job.address for job in jobs)]:
            assert not hidden or hidden not in said

    # --- the promises

    def test_it_is_described(self):
        assert isinstance(self.provider.capabilities, Capabilities)
        assert re.fullmatch(r"[a-z0-9][a-z0-9-]*", self.provider.slug)
        for field in self.provider.setting_fields():
            assert field.metadata.get("label"), f"{field.name} has no label: make it with setting()"

    def test_jobs_are_accepted_once(self):
        jobs = self.jobs(1 if self.sends_one_at_a_time else 25)
        outcomes = self.send(jobs)
        assert {outcome.result for outcome in outcomes} == {Result.ACCEPTED}
        assert sorted(outcome.ref for outcome in outcomes) == sorted(job.ref for job in jobs)
        assert self.copies() == dict.fromkeys(self.keys(jobs), 1)

    def keys(self, jobs):
        """What `copies` counts by: our reference, where it travels with the message."""
        return [job.ref for job in jobs]

    def test_a_job_is_started_before_the_service_can_act_on_it(self):
        flight = Watched(truth=self.copies)
        jobs = self.jobs(1 if self.sends_one_at_a_time else 10)
        self.send(jobs, flight=flight)
        assert sorted(flight.started_refs) == sorted(job.ref for job in jobs)
        assert flight.arrived_before_start == []

    def test_two_calls_of_one_provider_work(self):
        provider = self.open()
        for _ in range(2):
            (outcome,) = self.send(self.jobs(1), provider=provider)
            assert outcome.result == Result.ACCEPTED

    def test_nothing_to_send_is_no_error(self):
        assert self.send([]) == []

    def test_a_dead_address_is_rejected_and_blamed(self):
        if self.provider.capabilities.channel == "social":
            pytest.skip("a post has no address")
        good, bad, also_good = self.jobs(3)
        bad = replace(bad, address=self.dead_address())
        outcomes = {outcome.ref: outcome for outcome in self.send([good, bad, also_good])}
        assert outcomes[bad.ref].result == Result.REJECTED
        assert outcomes[bad.ref].blame == Blame.ENDPOINT
        assert {outcomes[job.ref].result for job in (good, also_good)} == {Result.ACCEPTED}

    def test_a_poisoned_job_does_not_stop_the_others(self):
        part = self.part()
        if isinstance(part, PostPart):
            pytest.skip("a post has no values")
        jobs = self.jobs(3)
        jobs[1] = replace(jobs[1], values=())  # the slots of the part stand on nothing
        outcomes = {outcome.ref: outcome for outcome in self.send(jobs)}
        assert outcomes[jobs[1].ref].result == Result.REJECTED
        assert outcomes[jobs[1].ref].blame == Blame.JOB
        assert outcomes[jobs[0].ref].result == outcomes[jobs[2].ref].result == Result.ACCEPTED

    def test_a_throttle_holds_the_whole_account(self):
        self.service_fails(times=ALWAYS, **self.throttle)
        before = clock.now()
        jobs = self.jobs(3)
        outcomes = self.send(jobs)
        assert outcomes
        assert {outcome.result for outcome in outcomes} == {Result.RETRY}
        assert {outcome.blame for outcome in outcomes} == {Blame.PROVIDER}
        if self.throttle_tells_when:
            at = outcomes[0].retry_at
            assert before + timedelta(seconds=25) <= at <= clock.now() + timedelta(seconds=35)
        assert self.copies() == {}

    def test_refused_credentials_blame_the_account(self):
        outcomes = self.send(self.jobs(3), provider=self.denied_provider())
        assert outcomes
        assert {outcome.result for outcome in outcomes} == {Result.RETRY}, "deliveries wait, they are not failed"
        assert {outcome.blame for outcome in outcomes} == {Blame.ACCOUNT}
        assert self.copies() == {}

    def denied_provider(self):
        """A provider whose credentials the service refuses."""
        self.service_fails(times=ALWAYS, **self.denied)
        return self.open()

    def test_no_connection_means_retry(self):
        with socket.create_server(("127.0.0.1", 0)) as unused:
            port = unused.getsockname()[1]
        outcomes = self.send(self.jobs(2), provider=self.open(**self.elsewhere(port)))
        assert outcomes
        assert {outcome.result for outcome in outcomes} == {Result.RETRY}
        assert {outcome.blame for outcome in outcomes} == {Blame.PROVIDER}

    def elsewhere(self, port):
        """Settings that point at `port` of this machine."""
        return {"base_url": f"http://127.0.0.1:{port}"}

    def test_a_lost_answer_is_ambiguous(self):
        self.service_fails(close=True)
        (outcome,) = self.send(self.jobs(1))
        if self.provider.capabilities.replay_safe:
            assert outcome.result in {Result.AMBIGUOUS, Result.RETRY}
        else:
            assert outcome.result == Result.AMBIGUOUS
        assert list(self.copies().values()) == [1]

    def test_a_silent_service_is_left_at_the_deadline(self):
        self.service_fails(delay=8.0)
        provider = self.open()
        provider.deadline = 0.7
        began = time.monotonic()
        (outcome,) = self.send(self.jobs(1), provider=provider)
        assert time.monotonic() - began < 5
        assert outcome.result == Result.AMBIGUOUS

    def test_a_stop_is_honoured_between_jobs(self):
        jobs = self.jobs(200)
        flight = Watched(stop_after=1)
        self.send(jobs, flight=flight, provider=self.open(**self.small_batches()))
        assert 1 <= len(flight.started_refs) <= self.at_once

    def small_batches(self):
        return {}

    def test_a_stop_before_the_first_job_starts_none(self):
        flight = Watched(stop_after=0)
        assert self.send(self.jobs(3), flight=flight) == []
        assert self.copies() == {}

    def test_a_start_that_cannot_be_noted_leaves_nothing_in_doubt(self):
        """The journal's disk is full: what it cannot take does not begin, and what is in the air is waited for."""

        class Full(Watched):
            starts = 0

            def started(self, refs):
                self.starts += 1
                if self.starts == 3:
                    raise OSError(errno.ENOSPC, "No space left on device")
                super().started(refs)

        flight, provider, jobs = Full(), self.open(), self.jobs(12)
        with suppress(OSError):
            for first in (0, 4, 8):  # one call may take all of them
                list(provider.send(jobs[first : first + 4], flight))
        assert flight.starts == 3
        assert set(flight.started_refs) == set(flight.answered_refs)
        assert set(self.copies()) == set(self.keys([job for job in jobs if job.ref in flight.started_refs]))

    def test_another_kind_of_part_is_refused_and_not_raised(self):
        wrong = PostPart("A post") if not isinstance(self.part(), PostPart) else self.email()
        job = replace(self.jobs(1)[0], part=wrong)
        (outcome,) = self.send([job])
        assert (outcome.result, outcome.blame) == (Result.REJECTED, Blame.JOB)
        assert self.open().lint(wrong)

    @staticmethod
    def email():
        return EmailPart(Text.of("S"), Text.of("<p>H</p>"), Text.of("T"), "Shop", "news@shop.example")

    def test_what_it_would_take_passes_its_lint(self):
        assert self.open().lint(self.part()) == []

    def test_limits_are_told_before_sending(self):
        part = self.part()
        if isinstance(part, EmailPart):
            broken = replace(part, subject=Text(()))
        elif isinstance(part, PushPart):
            broken = replace(part, body=Text.of("x" * ((self.provider.capabilities.max_text or 4000) + 1)))
        else:
            broken = replace(part, text="x" * ((self.provider.capabilities.max_text or 100_000) + 1))
        found = self.open().lint(broken)
        assert found
        assert all(sentence.endswith(".") for sentence in found)

    def test_settings_survive_being_stored(self):
        settings = settings_of.read(self.provider, self.settings())
        assert self.provider.Settings(**asdict(settings)) == settings

    def test_an_account_can_be_tried(self):
        try:
            assert self.open().check()
        except Missing:
            pytest.skip("the service offers nothing to try")

    # --- events

    def signed_webhook(self, refs, *, at=None, altered=None):
        """Body and headers of a signed call that tells a delivery of each of `refs`; `at` is when it was signed."""
        raise NotImplementedError

    def _needs_events(self):
        if not self.provider.capabilities.events:
            pytest.skip("the service sends no events")

    def test_without_events_a_webhook_is_missing(self):
        if self.provider.capabilities.events:
            pytest.skip("the service sends events")
        with pytest.raises(Missing):
            self.open().parse_webhook(b"[]", {})

    def test_a_signed_call_is_read(self):
        self._needs_events()
        body, headers = self.signed_webhook(["a", "b"])
        events = self.open().parse_webhook(body, headers)
        assert [event.ref for event in events] == ["a", "b"]
        assert len({event.key for event in events}) == 2
        assert all(event.occurred_at.tzinfo for event in events)

    def test_the_same_fact_has_the_same_key(self):
        self._needs_events()
        provider = self.open()
        (first,) = provider.parse_webhook(*self.signed_webhook(["a"]))
        (again,) = provider.parse_webhook(*self.signed_webhook(["a"], at=clock.now() + timedelta(seconds=30)))
        assert first.key == again.key

    @pytest.mark.parametrize("change", ["one byte", "a byte more", "cut off", "empty", "line ends"])
    def test_an_altered_call_is_refused(self, change):
        self._needs_events()
        body, headers = self.signed_webhook(["a"])
        altered = {
            "one byte": body.replace(b"a", b"b", 1),
            "a byte more": body + b" ",
            "cut off": body[:-1],
            "empty": b"",
            "line ends": body + b"\r\n",
        }[change]
        with pytest.raises(NotAllowed):
            self.open().parse_webhook(altered, headers)

    def test_an_unsigned_call_is_refused(self):
        self._needs_events()
        body, headers = self.signed_webhook(["a"])
        with pytest.raises(NotAllowed):
            self.open().parse_webhook(body, {})
        for name in headers:
            for value in ("", "x", "0", "AAAA"):
                with pytest.raises(NotAllowed):
                    self.open().parse_webhook(body, {**headers, name: value})

    @pytest.mark.parametrize("days", [-365, -2, 2])
    def test_a_stale_call_is_refused(self, days):
        self._needs_events()
        body, headers = self.signed_webhook(["a"], at=clock.now() + timedelta(days=days))
        with pytest.raises(NotAllowed):
            self.open().parse_webhook(body, headers)

    def test_without_a_key_no_call_is_taken(self):
        self._needs_events()
        body, headers = self.signed_webhook(["a"])
        with pytest.raises(NotAllowed):
            self.open(**self.without_webhook_key()).parse_webhook(body, headers)

    def without_webhook_key(self):
        raise NotImplementedError
