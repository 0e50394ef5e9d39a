"""Inboxes that reports arrive in: IMAP, POP3, or a maildir on this machine.

Reports of ours are taken out once they are kept; whatever else lies there stays and is marked as seen. Nothing is lost by a
crash in between: the same report read again makes no second event.

Addresses, as an account gives them: ``imaps://user@mail.example.com/INBOX``, ``imap+starttls://…``, ``pop3s://…``,
``pop3+starttls://…``, ``imap://`` and ``pop3://`` in clear (for a machine of your own), ``maildir:/path``.
"""

import imaplib
import poplib
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from django.conf import settings

from channels.base import safe_detail
from core.errors import FixSettings, Invalid, TryLater
from core.http import checked_addresses, connect

PORTS = {"imaps": 993, "imap": 143, "imap+starttls": 143, "pop3s": 995, "pop3": 110, "pop3+starttls": 110}
ALLOWED = frozenset(PORTS.values())
SECONDS = 20.0
LARGEST = 2 * 1024 * 1024


class Box(Protocol):
    """An open inbox."""

    def messages(self, most: int) -> Iterator[tuple[str, bytes]]:
        """Messages that were not looked at before, at most so many, each with a name for `done`."""

    def done(self, taken: Iterable[str], left: Iterable[str]) -> None:
        """Remove `taken` for good; `left` stays and is not given again."""

    def close(self) -> None:
        """Sign out."""


def check_inbox(address: str) -> None:
    """Refuse an address that cannot be an inbox; raises `core.errors.Invalid` or `AddressRefused`."""
    parts = _parts(address)
    if parts.scheme == "maildir":
        _folder(parts)
    elif re.fullmatch(r"[\d.:a-fA-F]+", parts.hostname or ""):
        checked_addresses(parts.hostname or "", parts.port or PORTS[parts.scheme], ports=ALLOWED)


def open_box(address: str, password: str) -> Box:
    """Sign in. Raises `FixSettings` for what a person has to mend, `TryLater` for what passes."""
    parts = _parts(address)
    try:
        if parts.scheme == "maildir":
            return _Maildir(_folder(parts))
        return _Imap(parts, password) if parts.scheme.startswith("imap") else _Pop(parts, password)
    except (imaplib.IMAP4.error, poplib.error_proto) as error:
        raise FixSettings(
            f"The inbox of the reports refuses us ({safe_detail(error, password)[:200]}). Check its address and password.",
            code="reports_refused",
        ) from error
    except ssl.SSLError as error:
        raise FixSettings("TLS with the inbox of the reports did not come about.", code="reports_tls") from error
    except OSError as error:
        raise TryLater(f"The inbox of the reports cannot be reached ({safe_detail(error)[:120]}).") from error


def _parts(address: str) -> SplitResult:
    wrong = Invalid(
        "The inbox of the reports is written as imaps://user@host/INBOX, pop3s://user@host or maildir:/path.",
        field="reports_inbox",
    )
    try:
        parts = urlsplit(address.strip())
        _port = parts.port
    except ValueError as error:
        raise wrong from error
    if parts.password:
        raise Invalid("The password of the inbox has a field of its own.", field="reports_inbox")
    if parts.scheme == "maildir":
        return parts
    if parts.scheme not in PORTS or not parts.hostname or not parts.username:
        raise wrong
    return parts


def _folder(parts: SplitResult) -> Path:
    """The maildir, which has to lie below the folder that the installation allows: a form is no way into every file."""
    root = settings.ALMANAC_MAILDIR_ROOT
    if not root:
        raise Invalid(
            "No maildir is read on this installation. Set ALMANAC_MAILDIR_ROOT to the folder that holds it.",
            field="reports_inbox",
        )
    folder = Path(unquote(parts.path)).resolve()
    if not folder.is_relative_to(Path(root).resolve()):
        raise Invalid("The maildir lies outside of ALMANAC_MAILDIR_ROOT.", field="reports_inbox")
    return folder


# --- IMAP (RFC 3501) --------------------------------------------------------------------------------------------------


class _ImapClear(imaplib.IMAP4):
    def _create_socket(self, timeout: float | None) -> socket.socket:
        return connect(self.host, self.port, seconds=SECONDS, ports=ALLOWED)


class _ImapTls(imaplib.IMAP4_SSL):
    def _create_socket(self, timeout: float | None) -> socket.socket:
        plain = connect(self.host, self.port, seconds=SECONDS, ports=ALLOWED)
        return self.ssl_context.wrap_socket(plain, server_hostname=self.host)


class _Imap:
    """One folder of an IMAP account; only what is not yet seen is read."""

    def __init__(self, parts: SplitResult, password: str) -> None:
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        context = ssl.create_default_context()
        self.client: imaplib.IMAP4
        if parts.scheme == "imaps":
            self.client = _ImapTls(host, port, ssl_context=context, timeout=SECONDS)
        else:
            self.client = _ImapClear(host, port, timeout=SECONDS)
        self.client.sock.settimeout(SECONDS)
        try:
            if parts.scheme == "imap+starttls":
                self.client.starttls(ssl_context=context)
            self.client.login(unquote(parts.username or ""), password)
            folder = unquote(parts.path.strip("/")) or "INBOX"
            quoted = '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'
            answer, said = self.client.select(quoted)
            if answer != "OK":
                raise imaplib.IMAP4.error(f"no folder {folder}: {said}")
        except BaseException:
            self.client.shutdown()
            raise

    def messages(self, most: int) -> Iterator[tuple[str, bytes]]:
        _answer, found = self.client.uid("SEARCH", "UNSEEN", "SMALLER", str(LARGEST))
        for uid in (found[0] or b"").split()[:most]:
            _answer, parts = self.client.uid("FETCH", uid.decode(), "(BODY.PEEK[])")
            body = next((part[1] for part in parts if isinstance(part, tuple)), b"")
            yield uid.decode(), body

    def done(self, taken: Iterable[str], left: Iterable[str]) -> None:
        kept, removed = ",".join(left), ",".join(taken)
        if kept:
            self.client.uid("STORE", kept, "+FLAGS.SILENT", r"(\Seen)")
        if removed:
            self.client.uid("STORE", removed, "+FLAGS.SILENT", r"(\Seen \Deleted)")
            self.client.expunge()

    def close(self) -> None:
        try:
            self.client.logout()
        except (OSError, imaplib.IMAP4.error):
            self.client.shutdown()


# --- POP3 (RFC 1939) --------------------------------------------------------------------------------------------------


class _PopClear(poplib.POP3):
    def _create_socket(self, timeout: float | None) -> socket.socket:
        return connect(self.host, self.port, seconds=SECONDS, ports=ALLOWED)


class _PopTls(poplib.POP3_SSL):
    def _create_socket(self, timeout: float | None) -> socket.socket:
        plain = connect(self.host, self.port, seconds=SECONDS, ports=ALLOWED)
        return ssl.create_default_context().wrap_socket(plain, server_hostname=self.host)


_left_in: dict[str, set[str]] = {}
"""What lies in POP inboxes and is no report: POP knows no flags, so it is kept in mind while the process lives."""


class _Pop:
    """A POP3 account."""

    def __init__(self, parts: SplitResult, password: str) -> None:
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        context = ssl.create_default_context()
        self.name = f"{parts.username}@{host}:{port}"
        self.client: Any
        if parts.scheme == "pop3s":
            self.client = _PopTls(host, port, timeout=SECONDS, context=context)
        else:
            self.client = _PopClear(host, port, timeout=SECONDS)
        self.client.sock.settimeout(SECONDS)
        try:
            if parts.scheme == "pop3+starttls":
                self.client.stls(context=context)
            self.client.user(unquote(parts.username or ""))
            self.client.pass_(password)
        except BaseException:
            self.client.close()
            raise
        self.numbers: dict[str, int] = {}

    def messages(self, most: int) -> Iterator[tuple[str, bytes]]:
        seen = _left_in.setdefault(self.name, set())
        names = [line.decode("utf-8", "replace").split(" ", 1) for line in self.client.uidl()[1]]
        sizes = {int(number): int(size) for number, size in (line.split()[:2] for line in self.client.list()[1])}
        seen &= {name for _number, name in names}
        fresh = [(int(number), name) for number, name in names if name not in seen]
        for number, name in fresh[:most]:
            if sizes.get(number, 0) > LARGEST:
                seen.add(name)
                continue
            self.numbers[name] = number
            yield name, b"\r\n".join(self.client.retr(number)[1]) + b"\r\n"

    def done(self, taken: Iterable[str], left: Iterable[str]) -> None:
        for name in taken:
            self.client.dele(self.numbers[name])
        _left_in.setdefault(self.name, set()).update(left)

    def close(self) -> None:
        try:
            self.client.quit()  # only now does the server remove what was marked
        except (OSError, poplib.error_proto):
            self.client.close()


# --- Maildir ----------------------------------------------------------------------------------------------------------


class _Maildir:
    """A maildir: what is new is read; ours is removed, the rest moves to ``cur`` as seen."""

    def __init__(self, folder: Path) -> None:
        if not (folder / "new").is_dir():
            raise FixSettings("There is no maildir at the path of the reports' inbox.", code="reports_maildir")
        self.folder = folder

    def messages(self, most: int) -> Iterator[tuple[str, bytes]]:
        names = sorted(path.name for path in (self.folder / "new").iterdir() if not path.name.startswith("."))
        for name in names[:most]:
            path = self.folder / "new" / name
            try:
                if path.is_symlink() or not path.is_file():
                    continue  # nothing but mail is read, wherever a link leads
                with path.open("rb") as file:
                    yield name, file.read(LARGEST + 1)
            except FileNotFoundError:
                continue  # another process was faster

    def done(self, taken: Iterable[str], left: Iterable[str]) -> None:
        for name in taken:
            (self.folder / "new" / name).unlink(missing_ok=True)
        (self.folder / "cur").mkdir(exist_ok=True)
        for name in left:
            try:
                (self.folder / "new" / name).rename(self.folder / "cur" / f"{name}:2,S")
            except FileNotFoundError:
                continue

    def close(self) -> None:
        """Nothing to give back."""


def empty(box: Box, take: Callable[[bytes], bool], *, most: int = 200, seconds: float = 120.0) -> int:
    """Read what is new, hand each message to `take`, which answers whether it was a report of ours; returns how many were.

    A message is removed after `take` has returned, and only then. Ends after `most` messages or `seconds`.
    """
    until = time.monotonic() + seconds
    taken: list[str] = []
    left: list[str] = []
    try:
        for name, raw in box.messages(most):
            (taken if take(raw) else left).append(name)
            if time.monotonic() > until:
                break
        box.done(taken, left)
    except (imaplib.IMAP4.error, poplib.error_proto, OSError) as error:
        raise TryLater(f"The inbox of the reports broke off ({safe_detail(error)[:120]}).") from error
    return len(taken)
