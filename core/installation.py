"""Is this database the one that was confirmed, or a copy of it? A copy sends nothing until a person confirms.

Four things betray a copy:

- the *database* is another one (PostgreSQL: system identifier, database name and oid; SQLite: path and inode);
- the installation answers at another *address*;
- the database lacks what this machine or a running process remembers that it had reached (`core.witness`): it went back,
  as a restored backup does;
- nobody has beaten for longer than ``ALMANAC_OVERDUE_SECONDS``, and this machine has never seen the database.

None of them asks in which order or how fast processes run; only the last asks a clock, and only on a machine that knows
nothing, and then looks on for a while before it believes it. A container that is deployed again with the same database
and the same address is no copy: neither host name nor process is part of the fingerprint. What was found is kept in the
row (`held_reason`) and told at once; a person confirms it.
"""

import ipaddress
import json
import logging
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import ProgrammingError, connection, transaction
from django.db.models import Sum
from django.db.models.functions import Coalesce
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.log_actions import log as log_action

from core import alerts, clock, heartbeat, obstacles, releases, witness
from core.errors import Conflict
from core.models import Installation, User, Witness
from core.witness import Life, Mark

log = logging.getLogger(__name__)

BEAT_EVERY = heartbeat.BEAT_EVERY
LOOK_ON_FOR = 120.0
"""Seconds a machine that knows nothing of a silent database waits for a sign of others before it has it held."""

SENTENCES: Mapping[str, str | Promise] = {
    "copied": gettext_lazy("This database looks like a copy of another one. Confirm that it shall send."),
    "moved": gettext_lazy("The address of this installation has changed. Confirm that it shall send."),
    "restored": gettext_lazy(
        "This database is older than this machine remembers: it looks like a restored backup. Confirm it."
    ),
    "silent": gettext_lazy(
        "This database has been silent for a long time and is new to this machine. Confirm that it shall send."
    ),
    "no_address": gettext_lazy(
        "This process was not told the address of the installation. Start it with the same ALMANAC_BASE_URL as the others."
    ),
    "older": gettext_lazy(
        "This process is of an earlier release than the database. It begins nothing new: start the new release, and end this one."
    ),
}
OF_THIS_PROCESS = frozenset({"no_address", "older"})
"""What keeps one process from sending and says nothing against the installation: it is never kept in the row."""

_IDENTITY_KEPT = 30.0
_identity: tuple[float, tuple[Any, ...], dict[str, str]] | None = None
_beaten: dict[str, float] = {}
_lock = threading.Lock()
_lives: dict[tuple[int, Path], Life] = {}
_looking_on: dict[Path, tuple[int, float]] = {}
_last_folder: Path | None = None


# --- Who we are ------------------------------------------------------------------------------------------------------


def database_identity() -> dict[str, str]:
    """What tells this database from every other, and from its own copies."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT oid::text, datname FROM pg_database WHERE datname = current_database()")
            oid, name = cursor.fetchone()
            identity = {"vendor": "postgresql", "oid": oid, "name": name}
            # Only where it may not be asked: a connection that breaks here must not pass for another database.
            try:
                with transaction.atomic():
                    cursor.execute("SELECT system_identifier::text FROM pg_control_system()")
                    identity["system"] = cursor.fetchone()[0]
            except ProgrammingError:
                log.debug("The database's system identifier may not be asked for.")
        return identity
    path = Path(str(connection.settings_dict["NAME"]))
    try:
        inode = str(path.stat().st_ino)
    except OSError:
        inode = ""
    return {"vendor": connection.vendor, "path": os.path.realpath(path), "inode": inode}


def is_same_database(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether two identities are of one database. What only one of them knows (a right that was given or taken, a link in
    the path that was followed or not) does not tell them apart."""
    return bool(one) and all(_spelled(name, one[name]) == _spelled(name, other[name]) for name in one.keys() & other)


def _spelled(name: str, value: str) -> str:
    return os.path.realpath(value) if name == "path" else value


def spelled_address(url: str) -> str:
    """An address in one spelling; empty for one of this machine itself (127.0.0.1, localhost), at whatever port: that
    says nothing, and every process of an installation has to say the same, whichever port it was told."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    try:
        is_here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_here = host in {"", "localhost"} or host.endswith(".localhost")
    if is_here:
        return ""
    port = "" if parts.port in {None, {"http": 80, "https": 443}.get(parts.scheme)} else f":{parts.port}"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}{parts.path.rstrip('/')}"


def fingerprint() -> dict[str, Any]:
    """The database's identity (asked for every half a minute) and the address, as they are now."""
    global _identity
    known = _identity
    where = connection.settings_dict
    key = (connection.vendor, where["NAME"], where.get("HOST"), where.get("PORT"))
    if known is None or known[1] != key or time.monotonic() - known[0] > _IDENTITY_KEPT:
        known = _identity = (time.monotonic(), key, database_identity())
    return {"database": known[2], "base_url": spelled_address(settings.ALMANAC_BASE_URL)}


def this() -> Installation:
    """The one row; made at the first start, which needs no confirmation."""
    row = Installation.objects.filter(pk=1).first()
    if row is None:
        now = clock.now()
        row, _made = Installation.objects.get_or_create(
            pk=1, defaults={"fingerprint": fingerprint(), "heartbeat_at": now, "confirmed_at": now}
        )
    return row


# --- May it send -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """What was found when it was asked whether this installation may send: why not, if so, and what that was read from."""

    reason: str
    """A code of `SENTENCES`; empty when it may."""
    life: Life
    row: Installation


def standing() -> Standing:
    """Whether anything may be handed to a provider: files first, then one look at the row and one at the witnesses."""
    life, remembered, row = _look()
    reason = row.held_reason or _mismatch(row) or _went_back(row, remembered) or _is_looking_on(life)
    return Standing(reason, life, row)


def may_send() -> tuple[bool, str]:
    """Whether anything may be handed to a provider, and otherwise a sentence that says why not."""
    reason = why_held()
    return not reason, sentence(reason)


def why_held() -> str:
    """The code of `SENTENCES` for why nothing may be handed to a provider; empty when it may."""
    return standing().reason or ("older" if releases.is_older() else "")


def sentence(reason: str) -> str:
    """The sentence for a code; what is no code (kept by an earlier release) stays as it is."""
    return str(SENTENCES.get(reason, reason))


def beat(kind: str) -> None:
    """Say that a process of `kind` is alive; looks for the signs of a copy first. Cheap to call often."""
    now = time.monotonic()
    with _lock:
        if now - _beaten.get(kind, -BEAT_EVERY) < BEAT_EVERY:
            return
        _beaten[kind] = now
    heartbeat.note(kind)
    check_and_beat()


def check_and_beat() -> None:
    """Look for the signs of a copy, keep and tell what was found; otherwise note, here and there, that it goes on."""
    with _life().beating:
        life, remembered, row = _look()
        if row.held_reason:
            return  # the age of the last beat is evidence that a person may want to see
        found = _mismatch(row) or _went_back(row, remembered)
        if not found and _silent(row, life, remembered) and not _others_are_at_work(life.folder):
            if not _looked_on_long_enough(life.folder):
                return
            found = "silent"
        if found in OF_THIS_PROCESS:
            return
        try:
            mark = None if found else life.advance(row.term)
        except witness.Lost:
            found, mark = "restored", None
        if mark is None:
            _hold(row, found)
            return
        now = clock.now()
        # By itself, so that a process that is stopped here holds no lock that others wait for.
        Installation.objects.filter(pk=1, heartbeat_at__lt=now).update(heartbeat_at=now)
        transaction.on_commit(partial(_note, life, mark, remembered), robust=True)


def about_to_send(asked: Standing | None = None) -> None:
    """Count a slice that is about to be handed to a provider; call it last in the transaction that writes it down.

    The file has it once that is committed, before the provider is called: whoever restores a state without this slice is
    found out even if no heartbeat came in between. `asked` is what `standing` found in the same transaction: the row is not
    read again then. Raises `Conflict` when the database has forgotten this process, or is of a later release.
    """
    if releases.is_older():
        raise Conflict(sentence("older"), code="installation")
    life, row = (asked.life, asked.row) if asked else _look()[::2]
    if life.mark is None:
        return  # no heartbeat yet: there is nothing to be compared with
    try:
        mark = life.advance(row.term)
    except witness.Lost as error:
        raise Conflict(sentence("restored"), code="installation") from error
    transaction.on_commit(partial(life.remember, mark), robust=True)


def confirm(by: User) -> None:
    """A person says: this is the installation that shall send."""
    _life_here, remembered, row = _look()
    now = clock.now()
    terms = [mark.term for mark in remembered.values()]
    # Later than every term before it, also than those that only other machines remember: hence the clock.
    term = max(int(now.timestamp()), row.term + 1, *(term + 1 for term in terms))
    Installation.objects.filter(pk=1).update(
        fingerprint=fingerprint(),
        heartbeat_at=now,
        confirmed_at=now,
        confirmed_by=by,
        held_reason="",
        term=term,
    )
    log_action(row, "almanac.confirm_installation", user=by, data={"was": sentence(row.held_reason)})
    # What an earlier release has kept beside the database counts no more either.
    transaction.on_commit(lambda: _earlier_witness(row).unlink(missing_ok=True), robust=True)


# --- The signs -------------------------------------------------------------------------------------------------------


def _mismatch(row: Installation) -> str:
    now = fingerprint()
    if not is_same_database(row.fingerprint.get("database", {}), now["database"]):
        return "copied"
    known, here = spelled_address(row.fingerprint.get("base_url", "")), now["base_url"]
    if known == here:
        return ""
    return "moved" if here else "no_address"


def _went_back(row: Installation, remembered: Mapping[UUID, Mark]) -> str:
    if remembered:
        return "restored" if witness.is_behind(row.term, remembered) else ""
    # Releases before 0.2 wrote the time of their last beat, after the row; it is compared until the first beat of this one.
    before = _beaten_before(row)
    return "restored" if before is not None and row.heartbeat_at < before else ""


def _silent(row: Installation, life: Life, remembered: Mapping[UUID, Mark]) -> str:
    if remembered or life.has_beaten or _beaten_before(row) is not None:
        return ""
    return "silent" if clock.now() - row.heartbeat_at > settings.ALMANAC_OVERDUE_AFTER else ""


def _others_are_at_work(folder: Path) -> bool:
    """Whether somebody has beaten since this process first looked: a clock that was set may make a busy database look
    silent to a machine that is new to it."""
    beats = Witness.objects.aggregate(all=Coalesce(Sum("number"), 0))["all"]
    first, _since = _looking_on.setdefault(folder, (beats, time.monotonic()))
    return bool(beats != first)


def _is_looking_on(life: Life) -> str:
    return "silent" if life.folder in _looking_on and not life.has_beaten else ""


def _looked_on_long_enough(folder: Path) -> bool:
    return time.monotonic() - _looking_on[folder][1] >= LOOK_ON_FOR


# --- What is remembered ----------------------------------------------------------------------------------------------


def _folder(row: Installation) -> Path:
    return Path(settings.ALMANAC_HOME) / "witnesses" / str(row.public_id)


def _life() -> Life:
    """This process, as of the database that it saw last; a forked child is another one."""
    folder = _last_folder or _folder(this())
    with _lock:
        life = _lives.get((os.getpid(), folder))
        if life is None:
            life = _lives[os.getpid(), folder] = Life(folder)
        return life


def _look() -> tuple[Life, dict[UUID, Mark], Installation]:
    """This process, what is remembered, and the row, read in this order: what a file says was committed when it was written,
    so a healthy row has it whenever it is read after.

    Where the files are stands in the row, and is known from the look before; when it is another row by now, again.
    """
    global _last_folder
    while True:
        life = _life()
        remembered = _remembered(life)
        row = this()
        if _folder(row) == _last_folder:
            return life, remembered, row
        _last_folder = _folder(row)


def _remembered(life: Life) -> dict[UUID, Mark]:
    """What files and this process say that the database had reached. Ask before the database is."""
    own = life.mark
    found = witness.read(life.folder)
    return found if own is None else {**found, life.id: own}


def _note(life: Life, mark: Mark, seen: Mapping[UUID, Mark]) -> None:
    if life.remember(mark):
        life.tidy(seen, mark)


def _earlier_witness(row: Installation) -> Path:
    return Path(settings.ALMANAC_HOME) / f"installation-{row.public_id}.json"


def _beaten_before(row: Installation) -> datetime | None:
    try:
        return datetime.fromisoformat(json.loads(_earlier_witness(row).read_text())["beaten_at"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


# --- Telling ---------------------------------------------------------------------------------------------------------


def _hold(row: Installation, reason: str) -> None:
    """Keep what was found, unless a person has confirmed since `row` was read; whoever was first tells it."""
    if Installation.objects.filter(pk=1, held_reason="", term=row.term).update(held_reason=reason):
        log.error("This installation sends nothing from now on (%s). %s", reason, sentence(reason))
        transaction.on_commit(partial(_mail, reason), robust=True)


def _mail(reason: str) -> None:
    news = alerts.News(
        gettext_lazy("Almanac sends nothing until you look"),
        SENTENCES[reason],
        f"{settings.ALMANAC_BASE_URL}{_address()}",
    )
    alerts.tell(news, permission="core.change_installation")


def _address() -> str:
    try:
        return reverse("installation")
    except NoReverseMatch:
        return ""


def obstacle() -> obstacles.Obstacle | None:
    """What the screens and the API say while it is held."""
    reason = why_held()
    if not reason:
        return None
    return obstacles.Obstacle(
        code="held",
        sentence=f"{_('This installation sends nothing now.')} {sentence(reason)}",
        step=_("Look at it under Reports → Installation."),
        who=_("An administrator can confirm it."),
        address=_address(),
        permission="core.change_installation",
    )
