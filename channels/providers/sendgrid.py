"""E-mail over SendGrid's v3 API: our own thin client, many recipients in one call.

SendGrid takes no idempotency key, so a call whose answer is lost leaves its whole batch in doubt; the events that carry our
reference settle it. Its click, open and subscription tracking is switched off in every request: the links are ours.

Answers to ``mail/send``, and what they mean for every job of the call:

======================  =============================================================================================
202                     accepted
400, 413                surely not sent. One job: rejected. More: smaller calls until the bad one stands alone
401, 403                surely not sent; nobody will pass until the key is mended
429                     surely not sent; the whole account waits (Retry-After, or X-RateLimit-Reset)
5xx, no answer          in doubt: the API may have queued it before it failed; there is no further call
no connection           surely not sent
======================  =============================================================================================
"""

import json
import math
import secrets
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import groupby
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from django.utils.translation import gettext_lazy as _
from sendgrid.helpers.eventwebhook import EventWebhook

from channels.base import (
    COMPLAINED,
    UNSUBSCRIBED,
    Blame,
    Capabilities,
    Channel,
    EmailPart,
    Event,
    EventKind,
    Flight,
    Job,
    Outcome,
    Part,
    Provider,
    Result,
    safe_detail,
    setting,
)
from channels.refusals import Fault, judge
from channels.wire.mime import one_line
from channels.wire.sender import default_sender
from core import clock
from core.errors import FixSettings, Invalid, NotAllowed, TryLater
from core.http import AddressRefused, Answer, AnswerLost, Door, Unreachable, check_url
from core.texts import Slot, Text

Person = tuple[Job, dict[str, Any]]
"""A job and its personalization."""

LARGEST_SUBSTITUTIONS = 9_500  # SendGrid's limit is 10,000 bytes a personalization
TOO_OLD = timedelta(hours=24, minutes=5)  # SendGrid tries again for 24 hours, each time newly signed
TOO_EARLY = timedelta(minutes=5)

KINDS = {
    "processed": EventKind.QUEUED,
    "delivered": EventKind.DELIVERED,
    "deferred": EventKind.DEFERRED,
    "bounce": EventKind.BOUNCED,
    "blocked": EventKind.BOUNCED,
    "dropped": EventKind.REJECTED,  # why says `DROPPED`
    "open": EventKind.OPENED,
    "click": EventKind.CLICKED,
    "spamreport": EventKind.COMPLAINED,
    "unsubscribe": EventKind.UNSUBSCRIBED,
    "group_unsubscribe": EventKind.UNSUBSCRIBED,
}
# Why SendGrid says that it dropped a message without trying (Event Webhook Reference, “dropped”), and what follows: the fault
# as `channels.refusals` names it, or what the recipient had told SendGrid; and whether the address is dead.
DROPPED = {
    "invalid smtpapi header": (Fault.MESSAGE, False),
    "bounced address": (Fault.MAILBOX, True),
    "invalid": (Fault.MAILBOX, True),
    "unsubscribed address": (UNSUBSCRIBED, False),
    "spam reporting address": (COMPLAINED, False),
    "recipient list over package quota": (Fault.ACCOUNT, False),
    "spam content": (Fault.MESSAGE, False),
}
# SendGrid's own sorting of bounces, asked where our table knows neither code nor words.
CLASSES = {
    "invalid address": Fault.MAILBOX,
    "mailbox unavailable": Fault.MAILBOX,
    "content": Fault.MESSAGE,
    "reputation": Fault.POLICY,
    "frequency or volume too high": Fault.POLICY,
    "technical failure": Fault.PROVIDER,
    "technical": Fault.PROVIDER,
}
KEPT = (
    "event",
    "type",
    "status",
    "bounce_classification",
    "reason",
    "response",
    "attempt",
    "url",
    "useragent",
    "sg_machine_open",
    "timestamp",
)


@dataclass(frozen=True)
class SendGridSettings:
    """An API key, and the key that its events are signed with."""

    api_key: str = setting(_("API key"), secret=True, help_text=_("With the permission “Mail Send”."))
    base_url: str = setting(
        _("Address of the API"),
        default="https://api.sendgrid.com",
        help_text=_("https://api.eu.sendgrid.com for accounts in the European Union."),
    )
    webhook_public_key: str = setting(
        _("Event webhook: public key"),
        default="",
        aliases=("webhook_key", "public_key", "webhook_verification_key"),
        help_text=_("From Mail Settings, Event Webhook, Signature Verification. Without it no event is taken."),
    )
    former_webhook_public_key: str = setting(
        _("Event webhook: former public key"), default="", help_text=_("Also valid, while the key is being changed.")
    )
    from_email: str = setting(
        _("Sender address"), default="", help_text=_("A verified sender; used where the message names none.")
    )
    from_name: str = setting(_("Sender name"), default="")
    batch_size: int = setting(
        _("Recipients in one call"),
        default=200,
        help_text=_("1 to 1000. If the answer to a call is lost, so many are in doubt until SendGrid's events come."),
    )


class SendGrid(Provider):
    """Twilio SendGrid."""

    slug = "sendgrid"
    name = "SendGrid"
    capabilities = Capabilities(
        channel=Channel.EMAIL, batch_size=200, events=True, unconfirmed_after=timedelta(hours=24)
    )
    Settings = SendGridSettings
    settings: SendGridSettings

    def __init__(self, settings: SendGridSettings) -> None:
        super().__init__(settings)
        self._door = Door()
        self._frozen: dict[int, tuple[EmailPart, _Frozen]] = {}

    @classmethod
    def check_settings(cls, settings: SendGridSettings) -> None:
        """Refuse an address we do not call, a batch SendGrid does not take, a key that is none."""
        check_url(settings.base_url)
        if not 1 <= settings.batch_size <= 1000:
            raise Invalid("Recipients in one call must be a number from 1 to 1000.", field="batch_size")
        for name in ("webhook_public_key", "former_webhook_public_key"):
            if getattr(settings, name):
                try:
                    EventWebhook(_bare_key(getattr(settings, name)))
                except (ValueError, UnsupportedAlgorithm) as error:
                    raise Invalid(
                        "The public key of the event webhook is not one. Copy it again from SendGrid.", field=name
                    ) from error

    def check(self) -> str:
        """Ask which permissions the key has."""
        answer = self._call("GET", "/v3/scopes", None)
        if answer.status in {401, 403}:
            raise FixSettings("SendGrid does not take this API key. Make a new one with “Mail Send” and enter it here.")
        if answer.status >= 400:
            raise TryLater("SendGrid did not answer as it should. Try again in a few minutes.")
        if "mail.send" not in answer.json().get("scopes", []):
            raise FixSettings("This API key may not send. Give it the permission “Mail Send” in SendGrid.")
        return str(_("SendGrid took the key."))

    def lint(self, part: Part) -> list[str]:
        """What SendGrid would refuse."""
        if not isinstance(part, EmailPart):
            return [str(_("This account sends e-mail only."))]
        found = []
        if not part.subject.pieces:
            found.append(str(_("The subject is empty: SendGrid refuses such mail.")))
        if not part.html.pieces and not part.text.pieces:
            found.append(str(_("The message is empty: SendGrid refuses such mail.")))
        return found

    # --- sending

    def send(self, jobs: Iterable[Job], flight: Flight) -> Iterator[Outcome]:
        """Jobs of one part and in a row travel in one call; after a call that nobody answered there is no other."""
        for _part, group in groupby(jobs, key=lambda job: id(job.part)):
            for batch in _batches(group, min(self.settings.batch_size, 1000)):
                if flight.should_stop():
                    return
                people, poisoned = self._people(batch)
                if poisoned:
                    flight.answered(poisoned)
                    yield from poisoned
                while people:
                    people, go_on = yield from self._narrow(people, flight)
                    if not go_on or (people and flight.should_stop()):
                        return

    def _people(self, batch: Sequence[Job]) -> tuple[list[Person], list[Outcome]]:
        """The jobs as SendGrid takes them, and the outcomes of those that cannot become one."""
        people: list[Person] = []
        poisoned: list[Outcome] = []
        for job in batch:
            try:
                people.append((job, self._freeze(job.part).personalization(job)))
            except (Invalid, IndexError, ValueError, TypeError) as error:
                detail = error.message if isinstance(error, Invalid) else "The message cannot be made."
                poisoned.append(Outcome(job.ref, Result.REJECTED, code="render", detail=detail, blame=Blame.JOB))
        return people, poisoned

    def _narrow(self, people: list[Person], flight: Flight) -> Generator[Outcome, None, tuple[list[Person], bool]]:
        """One call for `people`; while it is refused because of one of them, calls for half of the suspects.

        Of suspects one half is asked about: accepted, the bad one is in the other half; refused, that other half is free. So
        it takes log2(n) calls and a few. Returns who is free to be sent now, and whether calls still make sense. Stopped in
        between, the suspects are left to the flight (`Flight.refused_together`).
        """
        suspects, asked = people, people
        free: list[Person] = []
        searching = False
        while True:
            flight.started([job.ref for job, _person in asked])
            outcomes, go_on = self._one_call(asked)
            if outcomes is None:
                free = suspects[len(asked) :] + free
                suspects, searching = asked, True
                flight.refused_together([job.ref for job, _person in suspects])
            else:
                flight.answered(outcomes)
                yield from outcomes
                suspects = suspects[len(asked) :]
                found = any(outcome.result == Result.REJECTED for outcome in outcomes)
                if found and searching:
                    flight.refused_together([])
                if not go_on or found or not suspects:
                    return suspects + free, go_on
            if flight.should_stop():
                return [], False
            asked = suspects[: max(1, len(suspects) // 2)]

    def _one_call(self, people: Sequence[tuple[Job, dict[str, Any]]]) -> tuple[list[Outcome] | None, bool]:
        """One POST, and whether another makes sense; None instead of outcomes: refused because of one of them."""

        def everyone(result: Result, blame: Blame = Blame.NOTHING, **more: Any) -> list[Outcome]:
            return [Outcome(job.ref, result, blame=blame, **more) for job, _person in people]

        body = self._freeze(people[0][0].part).request([person for _job, person in people])
        try:
            answer = self._call("POST", "/v3/mail/send", body)
        except AddressRefused as error:
            return everyone(Result.RETRY, Blame.ACCOUNT, code=error.code, detail=error.message[:500]), False
        except Unreachable as error:
            return everyone(Result.RETRY, Blame.PROVIDER, code=error.code, detail=error.message[:500]), False
        except AnswerLost as error:
            return everyone(Result.AMBIGUOUS, code=error.code, detail=error.message[:500]), False
        status = answer.status
        if 200 <= status < 300:
            message_id = answer.headers.get("x-message-id", "")
            return everyone(Result.ACCEPTED, provider_id=message_id, code=str(status)), True
        field, said = _complaint(answer)
        detail = safe_detail(said, self.settings.api_key, *(job.address for job, _person in people[:5]))
        if status in {401, 403}:
            return everyone(Result.RETRY, Blame.ACCOUNT, code=str(status), detail=detail), False
        if status == 429:
            at = answer.retry_at or _reset_at(answer)
            return everyone(Result.RETRY, Blame.PROVIDER, code="429", detail=detail, retry_at=at), False
        if status >= 500 or status < 400 or status == 408:
            return everyone(Result.AMBIGUOUS, code=str(status), detail=detail), False
        if len(people) > 1:
            return None, True
        blame = Blame.ENDPOINT if field.endswith(("to.0.email", ".to")) else Blame.JOB
        return everyone(Result.REJECTED, blame, code=str(status), detail=detail), True

    def _call(self, method: str, path: str, body: dict[str, Any] | None) -> Answer:
        return self._door.request(
            method,
            self.settings.base_url.rstrip("/").removesuffix("/v3") + path,
            headers={"Authorization": f"Bearer {self.settings.api_key}"},
            json=body,
            seconds=self.deadline,
        )

    def _freeze(self, part: Part) -> "_Frozen":
        found = self._frozen.get(id(part))
        if found is not None:
            return found[1]
        if not isinstance(part, EmailPart):
            raise Invalid("This account sends e-mail only.")
        frozen = _Frozen(part, self.settings)
        if len(self._frozen) > 200:
            self._frozen.clear()
        self._frozen[id(part)] = (part, frozen)
        return frozen

    # --- events

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[Event]:
        """Events of one signed call."""
        names = {name.lower(): value for name, value in headers.items()}
        signature = names.get("x-twilio-email-event-webhook-signature", "")
        timestamp = names.get("x-twilio-email-event-webhook-timestamp", "")
        self._verify(body, signature, timestamp)
        try:
            told = json.loads(body)
        except ValueError as error:
            raise Invalid("The body is not JSON.") from error
        if not isinstance(told, list):
            raise Invalid("The body is not a list of events.")
        return [event for item in told if isinstance(item, dict) and (event := _event(item)) is not None]

    def _verify(self, body: bytes, signature: str, timestamp: str) -> None:
        keys = [key for key in (self.settings.webhook_public_key, self.settings.former_webhook_public_key) if key]
        if not keys:
            raise NotAllowed("This account has no public key for SendGrid's events, so none is taken.")
        if not signature or not timestamp.isdigit() or len(timestamp) > 12:
            raise NotAllowed("The call is not signed.")
        try:
            text = body.decode()
        except UnicodeDecodeError as error:
            raise NotAllowed("The signature does not hold.") from error
        for key in keys:
            try:
                if EventWebhook(_bare_key(key)).verify_signature(text, signature, timestamp):
                    break
            except ValueError:  # a signature that is not base64, or not ECDSA
                continue
        else:
            raise NotAllowed("The signature does not hold.")
        signed_at = datetime.fromtimestamp(int(timestamp), UTC)
        if not clock.now() - TOO_OLD <= signed_at <= clock.now() + TOO_EARLY:
            raise NotAllowed("The call is too old.")

    def close(self) -> None:
        """Close the connections."""
        self._door.close()


class _Frozen:
    """A part as SendGrid takes it: literals once per call, slots as substitutions per recipient."""

    def __init__(self, part: EmailPart, settings: SendGridSettings) -> None:
        # The tags are unguessable, so that nothing a recipient wrote into a field is taken for one.
        nonce = secrets.token_hex(6)
        self._part = part
        self._tag = lambda index: f"-{nonce}.{index}-"
        in_body = sorted(
            {
                piece.index
                for text in (part.subject, part.text, part.html)
                for piece in text.pieces
                if isinstance(piece, Slot)
            }
        )
        self._in_body = [(self._tag(index), index) for index in in_body]
        sender = {"email": part.from_email or settings.from_email or default_sender()}
        if part.from_name or settings.from_name:
            sender["name"] = one_line(part.from_name or settings.from_name)
        content = [
            {"type": kind, "value": self._with_tags(text)}
            for kind, text in (("text/plain", part.text), ("text/html", part.html))
            if text.pieces
        ]
        self._request: dict[str, Any] = {
            "from": sender,
            "subject": one_line(self._with_tags(part.subject)),
            "content": content,
            "tracking_settings": {
                "click_tracking": {"enable": False, "enable_text": False},
                "open_tracking": {"enable": False},
                "subscription_tracking": {"enable": False},
            },
        }
        if part.reply_to:
            self._request["reply_to"] = {"email": one_line(part.reply_to)}

    def _with_tags(self, text: Text) -> str:
        return "".join(piece if isinstance(piece, str) else self._tag(piece.index) for piece in text.pieces)

    def request(self, people: list[dict[str, Any]]) -> dict[str, Any]:
        """The body of one call."""
        return {**self._request, "personalizations": people}

    def personalization(self, job: Job) -> dict[str, Any]:
        """What differs for this recipient. Raises `Invalid` when it is more than SendGrid takes."""
        values = {tag: job.values[index] for tag, index in self._in_body}
        letters = sum(map(len, values.values()))
        # A letter is four bytes at most, so that nearly nobody's have to be counted.
        if letters * 4 > LARGEST_SUBSTITUTIONS < sum(len(value.encode()) for value in values.values()):
            raise Invalid("The personal texts of this message are longer than SendGrid takes (10,000 bytes).")
        person: dict[str, Any] = {"to": [{"email": job.address}], "custom_args": {"almanac_ref": job.ref}}
        if values:
            person["substitutions"] = values
        if self._part.headers:
            person["headers"] = {name: one_line(text.fill(job.values)) for name, text in self._part.headers}
        return person


def _batches(jobs: Iterable[Job], size: int) -> Iterator[list[Job]]:
    batch: list[Job] = []
    for job in jobs:
        batch.append(job)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _bare_key(key: str) -> str:
    """The key without the lines of its PEM form, which SendGrid does not show but people add."""
    return "".join(line for line in key.split() if "-----" not in line and line not in {"PUBLIC", "BEGIN", "END"})


def _complaint(answer: Answer) -> tuple[str, str]:
    told = answer.json()
    errors = told.get("errors") if isinstance(told, dict) else None
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    return str(first.get("field") or ""), str(first.get("message") or f"HTTP {answer.status}")


def _reset_at(answer: Answer) -> datetime | None:
    value = answer.headers.get("x-ratelimit-reset", "")
    if not value.isdigit() or int(value) > 32503680000:
        return None
    return datetime.fromtimestamp(int(value), UTC)


def _event(item: Mapping[str, Any]) -> Event | None:
    """One event; None for kinds that say nothing about a delivery (group resubscribes, account status)."""
    name = str(item.get("event", ""))
    kind = KINDS.get(name)
    if kind is None:
        return None
    ref = str(item.get("almanac_ref", ""))
    stamp = item.get("timestamp")
    if not isinstance(stamp, int | float) or not math.isfinite(stamp) or not 0 < stamp < 32503680000:
        return None
    # Users report that sg_event_id changes when SendGrid repeats a call (sendgrid-nodejs#1435), so it cannot be the key.
    # What does not change is the fact itself: for which delivery, what, when, and the words that came with it.
    fact = [
        ref or item.get("sg_message_id", ""),
        name,
        int(stamp),
        item.get("url", ""),
        item.get("reason", ""),
        item.get("attempt", ""),
    ]
    fault, dead = _fault(name, item)
    return Event(
        key="fact:" + sha256(json.dumps(fact).encode()).hexdigest(),
        kind=kind,
        ref=ref,
        occurred_at=datetime.fromtimestamp(stamp, UTC),
        provider_id=str(item.get("sg_message_id", "")),
        reason=safe_detail(item.get("reason") or item.get("response") or ""),
        permanent=dead,
        fault=fault,
        machine=bool(item.get("sg_machine_open")),
        payload={
            key: item[key] if key not in {"reason", "response"} else safe_detail(item[key])
            for key in KEPT
            if key in item
        },
    )


def _fault(name: str, item: Mapping[str, Any]) -> tuple[str, bool]:
    """Whose fault a bounce or a drop is, and whether the address is dead; nothing for other events."""
    said = str(item.get("reason") or item.get("response") or "")
    if name == "dropped":
        why = said.strip().lower()
        known = next((meaning for words, meaning in DROPPED.items() if why.startswith(words)), None)
        return known or (Fault.MESSAGE, False)
    if name not in {"bounce", "blocked", "deferred"}:
        return "", False
    status = str(item.get("status") or "")
    reply = said[:3] if said[:3].isdigit() and said[3:4] in {" ", "-"} else ""
    verdict = judge(int(reply or 0), said[4:] if reply else said, stage="report", code=status)
    fault = verdict.fault
    sorted_as = CLASSES.get(str(item.get("bounce_classification") or "").lower())
    if fault == Fault.MESSAGE and sorted_as is not None:
        fault = sorted_as
    # What SendGrid calls blocked was refused for now and says nothing of the address, whatever its words.
    bounced = name == "bounce" and item.get("type", "bounce") == "bounce"
    return fault, bounced and verdict.closes and fault == Fault.MAILBOX and not status.startswith("4")
