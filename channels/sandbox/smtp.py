"""A real SMTP server (RFC 5321) with PIPELINING (2920), 8BITMIME, SMTPUTF8, SIZE, AUTH and enhanced status codes.

Strict where a lenient server would hide a mistake of ours: lines end in CRLF and nothing else, DATA is the last command of
a group, no line is longer than 998 octets. Replies of everything that came in one turn of the event loop leave together,
after one commit.
"""

import asyncio
import base64
import re
from collections.abc import Callable
from email.errors import HeaderParseError
from email.header import decode_header, make_header

from channels.sandbox.faults import Fault, Faults
from channels.sandbox.people import will
from channels.sandbox.store import Store

LARGEST = 25 * 1024 * 1024
LONGEST_COMMAND = 2048
LONGEST_LINE = 998
MOST_RECIPIENTS = 1000
_PATH = re.compile(rb"(?i)(FROM|TO):\s*<([^<>\s]*)>((?:\s+\S+)*)\s*\Z")
_WANTED = re.compile(rb"(?im)^(subject|message-id|x-almanac-ref):[ \t]*(.*(?:\r\n[ \t].*)*)")


class SmtpServer:
    """What all connections share."""

    def __init__(self, store: Store, faults: Faults, *, user: str, password: str) -> None:
        self.store = store
        self.faults = faults
        self.credentials = (user, password)
        self.require_auth = False
        self.deferred: set[str] = set()
        self._waiting: list[SmtpSession] = []

    def session(self) -> "SmtpSession":
        """A protocol for one connection."""
        return SmtpSession(self)

    def flush_soon(self, session: "SmtpSession") -> None:
        """Send the session's replies after the next commit."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        self._waiting.append(session)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        self.store.commit()
        for session in waiting:
            session.flush()


class SmtpSession(asyncio.Protocol):
    """One connection."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._replies: list[bytes] = []
        self._greeted = False
        self._signed_in = False
        self._in_data = False
        self._searched = 0
        self._paused = False
        self._closing = False
        self._flush_planned = False
        self._expects: Callable[[bytes], None] | None = None
        self._reset()

    def _reset(self) -> None:
        self._sender: str | None = None
        self._recipients: list[str] = []

    # -- the wire --

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        greeting = b"220 sandbox.almanac.example ESMTP Almanac sandbox: nothing leaves this machine"
        self._unless_harmed("connect", b"", lambda: self._say(greeting))
        self._plan_flush()

    def data_received(self, data: bytes) -> None:
        """Work through every complete line or message; replies go out together."""
        self._buffer += data
        self._work()

    def _work(self) -> None:
        while not self._paused and not self._closing:
            if not (self._take_message() if self._in_data else self._take_line()):
                break
        self._plan_flush()

    def _plan_flush(self) -> None:
        if not self._flush_planned and (self._replies or self._closing):
            self._flush_planned = True
            self._server.flush_soon(self)

    def flush(self) -> None:
        """Write the replies; everything they speak of is committed."""
        self._flush_planned = False
        if self._transport is None:
            return
        if self._replies:
            self._transport.write(b"\r\n".join(self._replies) + b"\r\n")
            self._replies = []
        if self._closing:
            self._transport.close()

    def _say(self, *lines: bytes) -> None:
        self._replies += [line[:3] + b"-" + line[4:] for line in lines[:-1]] + [lines[-1]]

    def _unless_harmed(self, stage: str, about: bytes, then: Callable[[], None]) -> None:
        """Do `then`, unless a fault comes first, late, or in its place."""
        fault = self._server.faults.take("smtp", stage, about)
        if fault is None:
            then()
        else:
            self._meet(fault, then)

    def _meet(self, fault: Fault, then: Callable[[], None]) -> None:
        if fault.delay:
            self._paused = True
            asyncio.get_running_loop().call_later(fault.delay, self._go_on, fault, then)
        else:
            self._answer_by(fault, then)

    def _answer_by(self, fault: Fault, then: Callable[[], None]) -> None:
        if fault.close:
            self._closing = True
        elif fault.status:
            code = str(fault.status)
            self._say(f"{code} {fault.message or code[0] + '.3.0 The sandbox was asked to answer this'}".encode())
            self._closing = fault.status == 421
        else:
            then()

    def _go_on(self, fault: Fault, then: Callable[[], None]) -> None:
        self._paused = False
        self._answer_by(fault, then)
        self._work()

    # -- commands --

    def _take_line(self) -> bool:
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) > LONGEST_COMMAND:
                self._say(b"500 5.5.2 Line too long")
                self._closing = True
            return False
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            self._say(b"500 5.5.2 Lines end in CRLF")
            self._closing = True
            return False
        line = line[:-2]
        if self._expects is not None:
            expects, self._expects = self._expects, None
            expects(line)
            return True
        verb, _, rest = line.partition(b" ")
        action = _VERBS.get(verb.upper())
        if action is None:
            self._say(b"500 5.5.1 Unknown command")
        else:
            action(self, rest)
        return True

    def _helo(self, rest: bytes) -> None:
        self._greeted = True
        self._reset()
        self._say(b"250 sandbox.almanac.example")

    def _ehlo(self, rest: bytes) -> None:
        if not rest.strip():
            self._say(b"501 5.5.4 Say who you are")
            return
        self._unless_harmed("ehlo", rest, self._introduce)

    def _introduce(self) -> None:
        self._greeted = True
        self._reset()
        self._say(
            b"250 sandbox.almanac.example",
            b"250 PIPELINING",
            b"250 8BITMIME",
            b"250 SMTPUTF8",
            b"250 SIZE " + str(LARGEST).encode(),
            b"250 AUTH PLAIN LOGIN",
            b"250 ENHANCEDSTATUSCODES",
        )

    def _auth(self, rest: bytes) -> None:
        kind, _, initial = rest.partition(b" ")
        if self._signed_in or self._sender is not None:
            self._say(b"503 5.5.1 Not now")
        elif kind.upper() == b"PLAIN":
            if initial:
                self._auth_plain(initial)
            else:
                self._expects = self._auth_plain
                self._say(b"334 ")
        elif kind.upper() == b"LOGIN":
            self._login_user = b""
            self._expects = self._auth_user
            if initial:
                self._expects = None
                self._auth_user(initial)
            else:
                self._say(b"334 VXNlcm5hbWU6")
        else:
            self._say(b"504 5.5.4 Known are PLAIN and LOGIN")

    def _auth_plain(self, line: bytes) -> None:
        _, _, pair = _decoded(line).partition(b"\0")
        user, _, password = pair.partition(b"\0")
        self._check_credentials(user, password)

    def _auth_user(self, line: bytes) -> None:
        self._login_user = _decoded(line)
        self._expects = lambda password: self._check_credentials(self._login_user, _decoded(password))
        self._say(b"334 UGFzc3dvcmQ6")

    def _check_credentials(self, user: bytes, password: bytes) -> None:
        """The sandbox's own user must know its password; others get in as they are, where nobody has to sign in."""
        own_user, own_password = (word.encode() for word in self._server.credentials)
        asked = self._server.require_auth or user == own_user
        right = (user, password) == (own_user, own_password) if asked else bool(user and password)
        self._unless_harmed("auth", user, lambda: self._end_sign_in(right))

    def _end_sign_in(self, right: bool) -> None:
        self._signed_in = right
        self._say(b"235 2.7.0 Signed in" if right else b"535 5.7.8 User name or password is wrong")

    def _mail(self, rest: bytes) -> None:
        match = _PATH.match(rest)
        if not self._greeted:
            self._say(b"503 5.5.1 Say EHLO first")
        elif self._server.require_auth and not self._signed_in:
            self._say(b"530 5.7.0 Sign in first")
        elif self._sender is not None:
            self._say(b"503 5.5.1 One sender at a time")
        elif match is None or match[1].upper() != b"FROM":
            self._say(b"501 5.5.4 Syntax: MAIL FROM:<address>")
        elif (wrong := _wrong_parameters(match[3])) is not None:
            self._say(wrong)
        else:
            sender = match[2].decode("utf-8", "replace")
            self._unless_harmed("mail", match[2], lambda: self._accept_sender(sender))

    def _accept_sender(self, sender: str) -> None:
        self._sender = sender
        self._say(b"250 2.1.0 OK")

    def _rcpt(self, rest: bytes) -> None:
        match = _PATH.match(rest)
        if self._sender is None:
            self._say(b"503 5.5.1 MAIL first")
        elif match is None or match[1].upper() != b"TO" or b"@" not in match[2] or match[3].strip():
            self._say(b"501 5.1.3 Syntax: RCPT TO:<address>")
        elif len(self._recipients) >= MOST_RECIPIENTS:
            self._say(b"452 4.5.3 Too many recipients")
        else:
            address = match[2].decode("utf-8", "replace")
            self._unless_harmed("rcpt", match[2], lambda: self._accept_recipient(address))

    def _accept_recipient(self, address: str) -> None:
        wish = will(address)
        if wish == "bounce":
            self._say(b"550 5.1.1 There is nobody of that name here")
        elif wish == "defer" and address not in self._server.deferred:
            self._server.deferred.add(address)
            self._say(b"451 4.3.0 Try again later")
        else:
            self._server.deferred.discard(address)
            self._recipients.append(address)
            self._say(b"250 2.1.5 OK")

    def _data(self, rest: bytes) -> None:
        if self._buffer:
            self._say(b"503 5.5.0 DATA must be the last command of a group")
            self._closing = True
        elif not self._recipients:
            self._say(b"503 5.5.1 RCPT first" if self._sender is None else b"554 5.5.1 No valid recipients")
        else:
            self._unless_harmed("data", self._recipients[0].encode(), self._await_message)

    def _await_message(self) -> None:
        self._in_data, self._searched = True, 0
        self._say(b"354 End with a dot on a line of its own")

    def _rset(self, rest: bytes) -> None:
        self._reset()
        self._say(b"250 2.0.0 OK")

    def _noop(self, rest: bytes) -> None:
        self._say(b"250 2.0.0 OK")

    def _vrfy(self, rest: bytes) -> None:
        self._say(b"252 2.5.0 Send it and see")

    def _starttls(self, rest: bytes) -> None:
        self._say(b"502 5.5.1 Not offered")

    def _quit(self, rest: bytes) -> None:
        self._say(b"221 2.0.0 Bye")
        self._closing = True

    # -- the message --

    def _take_message(self) -> bool:
        if self._buffer.startswith(b".\r\n"):
            end, skip = 0, 3
        else:
            found = self._buffer.find(b"\r\n.\r\n", max(0, self._searched - 4))
            if found < 0:
                self._searched = len(self._buffer)
                if self._searched > LARGEST:
                    self._say(b"552 5.3.4 Message too large")
                    self._closing = True
                return False
            end, skip = found + 2, found + 5
        message = bytes(self._buffer[:end])
        del self._buffer[:skip]
        self._in_data = False
        recipients = self._recipients
        self._reset()
        wrong = _wrong_message(message)
        if wrong is not None:
            self._say(wrong)
            return True
        fault = self._server.faults.take("smtp", "message", " ".join(recipients).encode())
        if fault is not None and (fault.status or (fault.close and not fault.record)):
            self._meet(fault, lambda: None)
            return True
        number = self._record(message, recipients)
        if fault is None:
            self._say(b"250 2.0.0 Taken as " + str(number).encode())
        else:
            self._meet(fault, lambda: self._say(b"250 2.0.0 Taken late, as " + str(number).encode()))
        return True

    def _record(self, message: bytes, recipients: list[str]) -> int:
        if message.startswith(b"..") or b"\r\n.." in message:
            message = (b"\r\n" + message).replace(b"\r\n..", b"\r\n.")[2:]
        head = message[: message.find(b"\r\n\r\n") + 2]
        found = {name.lower(): value for name, value in _WANTED.findall(head)}
        message_id = found.get(b"message-id", b"").strip().strip(b"<>").decode("utf-8", "replace")
        ref = found.get(b"x-almanac-ref", b"").strip().decode("utf-8", "replace") or message_id.partition("@")[0]
        subject = _subject(found.get(b"subject", b""))
        store = self._server.store
        payload = store.add_payload(message)
        for recipient in recipients:
            number = store.add(
                "smtp", "email", recipient, payload=payload, ref=ref, subject=subject, provider_id=message_id
            )
        return number


_VERBS = {
    b"HELO": SmtpSession._helo,
    b"EHLO": SmtpSession._ehlo,
    b"AUTH": SmtpSession._auth,
    b"MAIL": SmtpSession._mail,
    b"RCPT": SmtpSession._rcpt,
    b"DATA": SmtpSession._data,
    b"RSET": SmtpSession._rset,
    b"NOOP": SmtpSession._noop,
    b"VRFY": SmtpSession._vrfy,
    b"STARTTLS": SmtpSession._starttls,
    b"QUIT": SmtpSession._quit,
}


def _decoded(line: bytes) -> bytes:
    try:
        return base64.b64decode(line.strip(), validate=True)
    except ValueError:
        return b""


def _wrong_parameters(words: bytes) -> bytes | None:
    for word in words.upper().split():
        name, _, value = word.partition(b"=")
        if name == b"SIZE" and value.isdigit():
            if int(value) > LARGEST:
                return b"552 5.3.4 Message too large"
        elif not (name == b"BODY" and value in {b"7BIT", b"8BITMIME"}) and word != b"SMTPUTF8":
            return b"555 5.5.4 Unknown parameter"
    return None


def _wrong_message(message: bytes) -> bytes | None:
    breaks = message.count(b"\r\n")
    if message.count(b"\n") != breaks or message.count(b"\r") != breaks:
        return b"554 5.6.0 Lines end in CRLF"
    lines = message.split(b"\r\n")
    if max(map(len, lines)) > LONGEST_LINE and any(len(line) - line.startswith(b"..") > LONGEST_LINE for line in lines):
        return b"554 5.6.0 A line is longer than 998 octets"
    return None


def _subject(value: bytes) -> str:
    text = value.replace(b"\r\n", b"").decode("utf-8", "replace").strip()
    if "=?" not in text:
        return text
    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, UnicodeDecodeError, ValueError):
        return text
