"""The provider contract: what a channel is given, and what it must say back.

A provider gets `Job`s (who) that point at a `Part` (what) and answers one `Outcome` per job. It tells `Flight` what it is
about to hand over and what was answered, job by job, so that after a crash we know which few jobs are in doubt.

A provider knows nothing of campaigns, contacts or Celery. It may import this module and `core`, nothing else of ours.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Protocol

from django.utils.functional import Promise

from core.errors import Missing
from core.texts import Text

# --------------------------------------------------------------------------------------------------------------------
# What is said: parts


class Channel(StrEnum):
    """The media a provider can serve."""

    EMAIL = "email"
    SOCIAL = "social"
    PUSH = "push"


@dataclass(frozen=True, slots=True)
class Media:
    """A picture that travels with a post or is named by a notification."""

    content: bytes
    mime_type: str
    alt: str
    filename: str


@dataclass(frozen=True, slots=True)
class EmailPart:
    """One e-mail for everyone of a (locale, arm). `headers` are sent as they stand; their values may hold slots."""

    subject: Text
    html: Text
    text: Text
    from_name: str
    from_email: str
    reply_to: str = ""
    headers: tuple[tuple[str, Text], ...] = ()


@dataclass(frozen=True, slots=True)
class PostPart:
    """One post on a social account."""

    text: str
    media: tuple[Media, ...] = ()


@dataclass(frozen=True, slots=True)
class PushPart:
    """One notification."""

    title: Text
    body: Text
    url: Text
    image_url: str = ""
    collapse_id: str = ""
    ttl: timedelta = timedelta(hours=24)


Part = EmailPart | PostPart | PushPart


@dataclass(frozen=True, slots=True)
class Job:
    """One delivery to attempt.

    ref       our delivery reference: opaque, unique per delivery, the same for every attempt; travels with the message
              where the provider allows, and comes back in its events. Also the idempotency key where one is taken.
    address   where to: an e-mail address, a device token, or "" for the account itself (a post)
    part      what to say
    values    what stands in the part's slots, already escaped for their place
    """

    ref: str
    address: str
    part: Part
    values: tuple[str, ...] = ()


# --------------------------------------------------------------------------------------------------------------------
# What came of it: outcomes


class Result(StrEnum):
    """What became of one job, as far as the provider's answer tells."""

    ACCEPTED = "accepted"  # the provider took responsibility
    REJECTED = "rejected"  # surely not sent, and trying again would not help
    RETRY = "retry"  # surely not sent; try again, not before `retry_at`
    AMBIGUOUS = "ambiguous"  # perhaps sent: never try again without evidence


class Blame(StrEnum):
    """What a rejection or a retry says about the rest."""

    NOTHING = ""
    ENDPOINT = "endpoint"  # the address or token is dead: suppress it
    JOB = "job"  # this one message is poisoned; others may pass
    ACCOUNT = "account"  # credentials or settings: nobody will pass until a person mends them
    PROVIDER = "provider"  # the service is down or throttles: the whole account waits


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer for one job. `detail` holds the provider's words without address or secret, at most 500 characters."""

    ref: str
    result: Result
    provider_id: str = ""
    code: str = ""
    detail: str = ""
    blame: Blame = Blame.NOTHING
    retry_at: datetime | None = None


class Flight(Protocol):
    """Whom a provider tells what is in the air. Calls are cheap; `started` returns only when it is noted."""

    def started(self, refs: Sequence[str]) -> None:
        """From now on these jobs may reach the provider."""

    def answered(self, outcomes: Sequence[Outcome]) -> None:
        """These jobs were answered."""

    def unstarted(self, refs: Sequence[str]) -> None:
        """These were started and surely not taken: they count as never started, and may be started again."""

    def refused_together(self, refs: Sequence[str]) -> None:
        """A call with these was refused because of one of them, not yet known which: surely none was taken.

        They count as never started and may be started again, in smaller calls. What is not found out before `should_stop`
        yields no outcome: whoever calls `send` keeps these as suspects and goes on with half of them.
        """

    def should_stop(self) -> bool:
        """True when no further job may be started (pause, cancel, a lost lease): stop before the next call."""


class NullFlight:
    """A flight nobody watches: test sends and previews."""

    def started(self, refs: Sequence[str]) -> None:
        """Note nothing."""

    def answered(self, outcomes: Sequence[Outcome]) -> None:
        """Note nothing."""

    def unstarted(self, refs: Sequence[str]) -> None:
        """Note nothing."""

    def refused_together(self, refs: Sequence[str]) -> None:
        """Note nothing."""

    def should_stop(self) -> bool:
        """Never."""
        return False


# --------------------------------------------------------------------------------------------------------------------
# What comes back later: events


class EventKind(StrEnum):
    """Event kinds as django-anymail names them."""

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    DEFERRED = "deferred"
    BOUNCED = "bounced"
    REJECTED = "rejected"
    FAILED = "failed"
    OPENED = "opened"
    CLICKED = "clicked"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing a provider says happened to a delivery.

    `key` is unique per fact, made of what does not change when the provider repeats itself. `permanent` tells a hard
    bounce from a soft one.
    """

    key: str
    kind: EventKind
    ref: str
    occurred_at: datetime
    provider_id: str = ""
    reason: str = ""
    permanent: bool = False
    machine: bool = False
    payload: Mapping[str, Any] = field(default_factory=dict)


# --------------------------------------------------------------------------------------------------------------------
# What may be shown of it

_ADDRESS = re.compile(r"[^\s<>\"'(),:;]+@[^\s<>\"'(),:;]+")
_LONG_WORD = re.compile(r"[A-Za-z0-9_\-+/=:.]{60,}")


def safe_detail(words: object, *hidden: str) -> str:
    """A provider's words without addresses, tokens and the `hidden` strings, on one line, at most 500 characters."""
    text = str(words)[:4000]
    for secret in hidden:
        if len(secret) > 3:
            text = text.replace(secret, "…")
    text = _LONG_WORD.sub("…", _ADDRESS.sub("…", text))
    return " ".join(text.split())[:500]


# --------------------------------------------------------------------------------------------------------------------
# Who says it: providers


@dataclass(frozen=True)
class Capabilities:
    """What a provider can do; everything else asks here instead of knowing names."""

    channel: Channel
    replay_safe: bool = False  # the same ref sent again has no second effect
    replay_window: timedelta | None = None
    masked_on_device: bool = False  # a second copy replaces the first on the screen
    batch_size: int = 1  # jobs in one call
    events: bool = False  # sends signed events to our webhook
    max_text: int | None = None  # characters of a post or a notification body
    max_media: int = 0
    media_types: frozenset[str] = frozenset()
    unconfirmed_after: timedelta = timedelta(hours=24)  # unknown without evidence becomes unconfirmed


def setting(
    label: str | Promise,
    *,
    default: Any = None,
    secret: bool = False,
    help_text: str | Promise = "",
    choices: Sequence[str] = (),
    aliases: Sequence[str] = (),
    long: bool = False,
) -> Any:
    """A field of a provider's settings dataclass, with what the admin form and the API need to know of it.

    `aliases` are other names that the API takes for it, as the provider's own files and docs call it; `long` is for texts
    of several lines.
    """
    metadata = {
        "label": label,
        "secret": secret,
        "help_text": help_text,
        "choices": tuple(choices),
        "aliases": tuple(aliases),
        "long": long,
    }
    return field(metadata=metadata) if default is None else field(default=default, metadata=metadata)


class Provider(ABC):
    """One integration. Subclass it in ``channels/providers/<slug>.py``; it is found by its module.

    Settings is a frozen dataclass whose fields are made with `setting`; from it come the admin form, the API's schema and
    the encryption of secrets.
    """

    slug: ClassVar[str]
    name: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    Settings: ClassVar[type[Any]]
    deadline: float = 30.0
    """Seconds that one call may take in all, from connecting to the last byte of the answer."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    @classmethod
    def setting_fields(cls) -> tuple[Any, ...]:
        """The dataclass fields of `Settings`, in order."""
        return fields(cls.Settings)

    @classmethod  # noqa: B027 - most need no more than their kinds
    def check_settings(cls, settings: Any) -> None:
        """Refuse settings that cannot work, with a sentence: raises `core.errors.Invalid`."""

    def check(self) -> str:
        """Sign in without sending anything and say in a sentence what was found.

        Raises `core.errors.FixSettings` or `TryLater`. Providers that cannot try this raise `core.errors.Missing`.
        """
        raise Missing(f"{self.name} has no way to try an account without sending.")

    def lint(self, part: Part) -> list[str]:
        """Sentences about what this provider would refuse in `part`; empty when it would take it."""
        return []

    @abstractmethod
    def send(self, jobs: Iterable[Job], flight: Flight) -> Iterator[Outcome]:
        """Attempt `jobs` in order and yield one `Outcome` for each that was started.

        Tell `flight.started` before the first byte that could make the provider act, and `flight.answered` as answers
        come. Check `flight.should_stop()` before starting more. A job never started yields nothing. No exception may
        leave this generator for a job that was started: its outcome is AMBIGUOUS then. Every call has a total deadline.
        """

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[Event]:
        """Verify and read a webhook call. Raises `core.errors.NotAllowed` when the signature does not hold.

        Providers without events raise `core.errors.Missing`.
        """
        raise Missing(f"{self.name} sends no events.")

    def look_up(self, job: Job, since: datetime) -> Outcome | None:
        """Evidence for a job in doubt, by reading back from the provider; None when it offers none."""
        return None

    def close(self) -> None:  # noqa: B027 - most providers hold nothing
        """Give back connections."""
