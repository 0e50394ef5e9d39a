"""An e-mail as bytes, frozen once per part: only the slots are worked out per recipient.

Bodies are quoted-printable. A slot always stands on lines of its own between two soft line breaks, so splicing a value in
never makes a line too long (RFC 2045, 6.7), and no line of a body ever begins with a dot, so nothing has to be stuffed
(RFC 5321, 4.5.2). Header values lose every line break before they are written.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from email.utils import format_datetime

from channels.base import EmailPart
from core.errors import Invalid
from core.texts import Slot, Text

_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,75}\Z")
_OURS = frozenset(
    {"from", "to", "cc", "bcc", "subject", "date", "message-id", "reply-to", "sender", "mime-version"}
    | {"content-type", "content-transfer-encoding"}
)
_LINE_BREAKS = re.compile(r"[\r\n\x00\v\f\x1c-\x1e\x85\u2028\u2029]+")
_PLAIN_WORD = re.compile(r"[A-Za-z0-9 !#$%&'*+\-/=?^_`{|}~]*\Z")
_LONGEST_LINE = 900


def one_line(value: str) -> str:
    """`value` with every run of line breaks as one space: nothing in it can begin another header."""
    return _LINE_BREAKS.sub(" ", value).strip()


def header_value(value: str, *, used: int) -> bytes:
    """An unstructured header's value: as it stands when it is short ASCII, else as encoded words (RFC 2047), folded.

    `used` is the length of the header's name with its colon and space.
    """
    value = one_line(value)
    if value.isascii() and "=?" not in value:
        if used + len(value) <= 76:
            return value.encode()
        folded = _folded(value, used)
        if folded is not None:
            return folded
    words, chunk = [], b""
    for character in value:
        encoded = character.encode("utf-8", "replace")
        if len(chunk) + len(encoded) > 39:
            words.append(chunk)
            chunk = b""
        chunk += encoded
    words.append(chunk)
    return b"\r\n ".join(b"=?utf-8?B?" + base64.b64encode(word) + b"?=" for word in words)


def _folded(value: str, used: int) -> bytes | None:
    """ASCII words over several lines of at most 76 characters; None when a single word is too long for a line at all."""
    lines, line = [], ""
    for word in value.split(" "):
        if len(word) > _LONGEST_LINE:
            return None
        if line and used + len(line) + 1 + len(word) > 76:
            lines.append(line)
            line, used = word, 1
        else:
            line = f"{line} {word}" if line else word
    lines.append(line)
    return "\r\n ".join(lines).encode()


def mailbox(name: str, address: str) -> bytes:
    """``"Name" <address>`` for From and Reply-To."""
    name = one_line(name)
    if not name:
        return address.encode()
    if name.isascii() and "=?" not in name and len(name) <= 60:
        shown = name if _PLAIN_WORD.match(name) else '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return f"{shown} <{address}>".encode()
    return header_value(name, used=12) + b"\r\n <" + address.encode() + b">"


def quoted(text: str) -> bytes:
    """`text` as quoted-printable with CRLF; no line longer than 76, none beginning with a dot."""
    if text.isascii() and len(text) <= 72 and text.isprintable() and "=" not in text and not text.endswith(" "):
        return b"=2E" + text[1:].encode() if text.startswith(".") else text.encode()
    unix = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
    encoded = binascii.b2a_qp(unix, istext=True)
    if encoded.startswith(b".") or b"\n." in encoded:
        encoded = b"\n".join(_undotted(line) for line in encoded.split(b"\n"))
    start = encoded.rfind(b"\n") + 1
    if len(encoded) - start > 75:  # room for the soft break that follows when a slot is next
        cut = start + 70
        cut -= next((back for back in (1, 2) if encoded[cut - back : cut - back + 1] == b"="), 0)
        encoded = encoded[:cut] + b"=\n" + _undotted(encoded[cut:])
    return encoded.replace(b"\n", b"\r\n")


def _undotted(line: bytes) -> bytes:
    if not line.startswith(b"."):
        return line
    # A line may hold 76 characters with the "=" that breaks it: what would grow beyond that is broken once more.
    return b"=2E" + line[1:] if len(line) <= 74 else b"=2E=\n" + _undotted(line[1:])


class FrozenEmail:
    """One part as literals and slots, ready to be joined."""

    def __init__(self, part: EmailPart, *, from_name: str, from_email: str) -> None:
        digest = hashlib.sha256(repr(part).encode()).hexdigest()[:24]
        boundary = f"=_almanac_{digest}"  # "=_" occurs in no quoted-printable text
        self.from_email = from_email
        self._pieces: list[bytes] = []
        self._slots: list[tuple[int, int]] = []
        self._headers: list[bytes | tuple[bytes, Text]] = []
        self._header_block(part, from_name, from_email, boundary)
        self._body(part, boundary)

    def _header_block(self, part: EmailPart, from_name: str, from_email: str, boundary: str) -> None:
        fixed = [
            b"From: " + mailbox(from_name, from_email),
            b"MIME-Version: 1.0",
            b'Content-Type: multipart/alternative;\r\n boundary="' + boundary.encode() + b'"',
        ]
        if part.reply_to:
            fixed.append(b"Reply-To: " + mailbox("", one_line(part.reply_to)))
        self._headers.append(b"\r\n".join(fixed))
        for name, _text in part.headers:
            if not _HEADER_NAME.match(name) or name.lower() in _OURS:
                raise Invalid(f"“{name[:40]}” is not a header that a message may add.")
        for name, text in (("Subject", part.subject), *part.headers):
            if any(isinstance(piece, Slot) for piece in text.pieces):
                self._headers.append((name.encode() + b": ", text))
            else:
                self._headers.append(name.encode() + b": " + header_value(text.fill(()), used=len(name) + 2))

    def _body(self, part: EmailPart, boundary: str) -> None:
        mark = b"--" + boundary.encode()
        self._pieces.append(b"\r\n\r\n" + mark + _HEAD_TEXT)
        self._freeze(part.text)
        self._pieces.append(b"\r\n" + mark + _HEAD_HTML)
        self._freeze(part.html)
        self._pieces.append(b"\r\n" + mark + b"--\r\n")
        self._pieces, self._slots = _merged(self._pieces, self._slots)

    def _freeze(self, text: Text) -> None:
        for piece in text.pieces:
            if isinstance(piece, Slot):
                if self._pieces[-1] and not self._pieces[-1].endswith(b"\r\n"):
                    self._pieces.append(b"=\r\n")
                self._slots.append((len(self._pieces), piece.index))
                self._pieces += [b"", b"=\r\n"]
            else:
                self._pieces.append(quoted(piece))

    def message(self, *, ref: str, address: str, values: Sequence[str], date: bytes, message_id: str) -> bytes:
        """The whole message for one recipient, ending in CRLF."""
        head = [b"Date: " + date, b"To: " + address.encode(), b"Message-ID: <" + message_id.encode() + b">"]
        # Some relays write their own Message-ID over ours; by this one a report finds its delivery all the same.
        head.append(b"X-Almanac-Ref: " + ref.encode())
        for header in self._headers:
            if isinstance(header, tuple):
                name, text = header
                head.append(name + header_value(text.fill(values), used=len(name)))
            else:
                head.append(header)
        pieces = self._pieces.copy()
        known: dict[int, bytes] = {}
        for at, index in self._slots:
            value = known.get(index)
            if value is None:
                value = known[index] = quoted(values[index])
            pieces[at] = value
        return b"\r\n".join(head) + b"".join(pieces)


_HEAD_TEXT = b'\r\nContent-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
_HEAD_HTML = b'\r\nContent-Type: text/html; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'


def _merged(pieces: list[bytes], slots: list[tuple[int, int]]) -> tuple[list[bytes], list[tuple[int, int]]]:
    """Neighbouring literals joined, so that a message is a join of few pieces."""
    places = dict(slots)
    merged: list[bytes] = []
    moved: list[tuple[int, int]] = []
    for at, piece in enumerate(pieces):
        if at in places:
            moved.append((len(merged), places[at]))
            merged.append(b"")
        elif merged and (not moved or moved[-1][0] != len(merged) - 1):
            merged[-1] += piece
        else:
            merged.append(piece)
    return merged, moved


class Dates:
    """The Date header, worked out once a second."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._second: datetime | None = None
        self._text = b""

    def __call__(self) -> bytes:
        """The present moment as RFC 5322 writes it."""
        second = self._now().replace(microsecond=0)
        if second != self._second:
            self._second, self._text = second, format_datetime(second).encode()
        return self._text
