"""An SMTP client for many letters: several connections in one thread, pipelined where the server allows it.

Where PIPELINING (RFC 2920) is announced, one write carries the body of a letter together with MAIL, RCPT and DATA of the
next, so a letter costs one round trip. Else every command waits for its reply.

What is in doubt after a crash is one letter per connection at most: `flight.started` is called before the first byte of a
letter's body is written, `flight.answered` as soon as the reply to its final dot is read. Until that dot is written a server
must not deliver (RFC 5321, 4.1.1.4), so a connection that breaks earlier leaves nothing in doubt.
"""

import base64
import re
import selectors
import socket
import ssl
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from channels import refusals
from channels.base import HOLDS_ACCOUNT, Blame, Flight, Outcome, Result, safe_detail
from channels.refusals import Fault
from core.errors import AlmanacError, FixSettings, TryLater
from core.http import MAIL_PORTS, connect

CONNECT_SECONDS = 10.0
COMMAND_SECONDS = 300.0  # RFC 5321, 4.5.3.2
SILENT_LETTERS = 5
"""So many letters in a row whose answer is lost end the call: the next would fare no better."""
GOODBYES = 2
"""Connections, beyond those that are open at once, that a server may end without taking a letter before it counts as unwell."""
READ_SIZE = 65536
LARGEST_REPLY = 64 * 1024


@dataclass(frozen=True, slots=True)
class Server:
    """Where and how to sign in."""

    host: str
    port: int
    security: str
    username: str = ""
    password: str = ""
    ca_certificates: str = ""
    hello: str = "almanac.example"


@dataclass(slots=True)
class Letter:
    """One message for one recipient."""

    ref: str
    sender: str
    recipient: str
    body: bytes
    smtputf8: bool = False
    notify: str = ""
    tries: int = 0

    def envelope(self, session: "Session") -> list[bytes]:
        """MAIL, RCPT and DATA as this server understands them."""
        mail, rcpt = "", ""
        if self.smtputf8:
            mail += " SMTPUTF8"
            if "8BITMIME" in session.features:
                mail += " BODY=8BITMIME"
        if self.notify and "DSN" in session.features:
            mail += f" RET=HDRS ENVID={xtext(self.ref)}"
            rcpt += f" NOTIFY={self.notify}"
        return [
            f"MAIL FROM:<{self.sender}>{mail}\r\n".encode(),
            f"RCPT TO:<{self.recipient}>{rcpt}\r\n".encode(),
            b"DATA\r\n",
        ]


def xtext(text: str) -> str:
    """RFC 3461, 4: what is not printable ASCII, and ``+`` and ``=``, as ``+XX``."""
    return "".join(c if "!" <= c <= "~" and c not in "+=" else f"+{ord(c):02X}" for c in text if ord(c) < 256)


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete reply; `text` is all its lines, joined."""

    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """What was said, on one line."""
        return " ".join(self.lines)

    @property
    def enhanced(self) -> str:
        """The enhanced status code (RFC 3463), empty when the server gives none."""
        return refusals.enhanced_code(self.text, self.code)


class Broken(Exception):
    """The connection is of no more use."""


# --------------------------------------------------------------------------------------------------------------------
# What a reply means


TO_ONE = frozenset({"rcpt", "dot"})
"""Stages at which a server speaks of one recipient; what it says before, it says to everybody."""
_BLAMES = {
    Fault.MESSAGE: Blame.JOB,
    Fault.ACCOUNT: Blame.ACCOUNT,
    Fault.POLICY: Blame.POLICY,
    Fault.PROVIDER: Blame.PROVIDER,
}


def judge(stage: str, reply: Reply, letter: Letter) -> Outcome:
    """The outcome for `letter` after a negative `reply` at `stage` (mail, rcpt, data or dot).

    Whose fault it is says the table in `channels.refusals`. What is the account's, a policy's or the server's fault is never
    a rejection: the next letter would fare no better, and this one may yet go out.
    """
    verdict = refusals.judge(reply.code, reply.text, stage=stage)
    result, blame = Result.REJECTED, _BLAMES.get(verdict.fault, Blame.ENDPOINT if verdict.closes else Blame.JOB)
    if blame in HOLDS_ACCOUNT or verdict.passing:
        result = Result.RETRY
    if verdict.passing and blame == Blame.POLICY:
        blame = Blame.PROVIDER  # a throttle on the whole sender: it passes by waiting
    elif verdict.passing and blame not in HOLDS_ACCOUNT:
        blame = Blame.NOTHING
    elif blame == Blame.POLICY and stage not in TO_ONE:
        blame = Blame.ACCOUNT  # said before anybody was named: it is everybody's
    detail = safe_detail(f"{reply.code} {reply.text}", letter.recipient, letter.sender)
    return Outcome(letter.ref, result, code=verdict.code, detail=detail, blame=blame, personal=stage in TO_ONE)


# --------------------------------------------------------------------------------------------------------------------
# One connection


@dataclass(slots=True, eq=False)
class Session:
    """A signed-in connection and what it waits for."""

    sock: socket.socket
    features: dict[str, str] = field(default_factory=dict)
    expected: deque[tuple[str, Letter | None]] = field(default_factory=deque)
    commands: deque[tuple[str, bytes]] = field(default_factory=deque)  # not yet written: servers without PIPELINING
    out: bytearray = field(default_factory=bytearray)
    inbox: bytearray = field(default_factory=bytearray)
    lines: list[bytes] = field(default_factory=list)
    current: Letter | None = None  # its envelope is being agreed
    refused: Outcome | None = None  # what the envelope's first negative reply meant
    ready: Letter | None = None  # 354 was given: the body may go
    body_of: Letter | None = None  # its body is written or being written
    after_dot: int = 0  # bytes at the end of `out` that come after that body
    reset: bool = False
    delivered: int = 0
    until: float = 0.0

    @property
    def pipelining(self) -> bool:
        """Whether the server takes commands in groups."""
        return "PIPELINING" in self.features

    @property
    def idle(self) -> bool:
        """Whether a new envelope may be begun."""
        return self.current is None and self.ready is None and self.body_of is None

    @property
    def body_is_out(self) -> bool:
        """Whether the final dot has left."""
        return self.body_of is not None and len(self.out) <= self.after_dot

    def feed(self, data: bytes) -> Iterator[Reply]:
        """The replies that `data` completes."""
        self.inbox += data
        while (end := self.inbox.find(b"\n")) >= 0:
            line = bytes(self.inbox[:end]).rstrip(b"\r")
            del self.inbox[: end + 1]
            self.lines.append(line)
            if len(self.lines) > 200:
                raise Broken("the reply is too long")
            if line[3:4] == b"-":
                continue
            lines, self.lines = self.lines, []
            if not line[:3].isdigit():
                raise Broken("the server does not speak SMTP")
            yield Reply(int(line[:3]), tuple(part[4:].decode("utf-8", "replace").strip() for part in lines))
        if len(self.inbox) > LARGEST_REPLY:
            raise Broken("the reply is too long")

    def write(self) -> None:
        """Write what the socket takes."""
        while self.out:
            try:
                with memoryview(self.out) as view, view[:262144] as piece:
                    sent = self.sock.send(piece)
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                return
            except OSError as error:
                raise Broken(str(error)) from error
            del self.out[:sent]

    def read(self) -> bytes:
        """What has come; empty when nothing has. Raises `Broken` at the end of the stream."""
        data = b""
        while True:
            try:
                piece = self.sock.recv(READ_SIZE)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return data
            except OSError as error:
                if data:
                    return data
                raise Broken(str(error)) from error
            if not piece:
                if data:
                    return data
                raise Broken("the server closed the connection")
            data += piece
            if not isinstance(self.sock, ssl.SSLSocket):
                return data

    def close(self) -> None:
        """Drop the connection without a word."""
        self.sock.close()


class _Talk:
    """The blocking part: greeting, TLS and sign-in, under one deadline."""

    def __init__(self, server: Server, seconds: float) -> None:
        self.server = server
        self.until = time.monotonic() + seconds
        self.session = Session(
            connect(server.host, server.port, seconds=min(seconds, CONNECT_SECONDS), ports=MAIL_PORTS)
        )
        self._waiting: deque[Reply] = deque()

    def open(self) -> Session:
        try:
            if self.server.security == "tls":
                self._wrap()
            self._positive(self._reply(), "greeting")
            self._hello()
            if self.server.security == "starttls":
                self._starttls()
            if self.server.username:
                self._sign_in()
        except (ssl.SSLError, OSError, Broken) as error:
            self.session.close()
            if isinstance(error, ssl.SSLCertVerificationError):
                raise FixSettings(
                    f"The mail server's certificate is not trusted ({error.verify_message}). Check the host name, or give "
                    "the certificate authority in the account's settings.",
                    code="certificate",
                ) from error
            if isinstance(error, ssl.SSLError):
                raise FixSettings(
                    "TLS with the mail server did not come about. Check port and security: 587 goes with STARTTLS, 465 with "
                    "TLS.",
                    code="tls",
                ) from error
            raise TryLater(f"The mail server did not answer as it should ({safe_detail(error)[:120]}).") from error
        except BaseException:
            self.session.close()
            raise
        self.session.sock.setblocking(False)
        return self.session

    def _wrap(self) -> None:
        context = ssl.create_default_context(cadata=self.server.ca_certificates or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.session.sock.settimeout(self._left())
        self.session.sock = context.wrap_socket(self.session.sock, server_hostname=self.server.host)

    def _left(self) -> float:
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("no answer in time")
        return left

    def _command(self, line: str) -> Reply:
        self.session.sock.settimeout(self._left())
        self.session.sock.sendall(line.encode() + b"\r\n")
        return self._reply()

    def _reply(self) -> Reply:
        while not self._waiting:
            self.session.sock.settimeout(self._left())
            data = self.session.sock.recv(READ_SIZE)
            if not data:
                raise Broken("the server closed the connection")
            self._waiting.extend(self.session.feed(data))
        return self._waiting.popleft()

    def _positive(self, reply: Reply, stage: str) -> None:
        if reply.code < 400:
            return
        said = safe_detail(f"{reply.code} {reply.text}", self.server.username, self.server.password)
        if reply.code < 500:
            raise TryLater(f"The mail server is busy ({said}).", code=reply.enhanced or str(reply.code))
        raise FixSettings(
            f"The mail server refuses us at the {stage} ({said}).", code=reply.enhanced or str(reply.code)
        )

    def _hello(self) -> None:
        reply = self._command(f"EHLO {self.server.hello}")
        if reply.code >= 500:
            self._positive(self._command(f"HELO {self.server.hello}"), "greeting")
            self.session.features = {}
            return
        self._positive(reply, "greeting")
        offered = (line.split(" ", 1) for line in reply.lines[1:])
        self.session.features = {words[0].upper(): words[1] if len(words) > 1 else "" for words in offered}

    def _starttls(self) -> None:
        if "STARTTLS" not in self.session.features:
            raise FixSettings(
                "The mail server does not offer STARTTLS, so nothing was sent. Check host and port, or choose TLS on port 465.",
                code="starttls_missing",
            )
        self._positive(self._command("STARTTLS"), "STARTTLS")
        if self._waiting or self.session.inbox:
            raise Broken("there was more in clear after STARTTLS")  # RFC 3207: injected text must not survive
        self._wrap()
        self._hello()

    def _sign_in(self) -> None:
        offered = self.session.features.get("AUTH", "").upper().split()
        if "PLAIN" in offered:
            token = base64.b64encode(f"\0{self.server.username}\0{self.server.password}".encode()).decode()
            reply = self._command(f"AUTH PLAIN {token}")
        elif "LOGIN" in offered:
            reply = self._command("AUTH LOGIN")
            for word in (self.server.username, self.server.password):
                if reply.code == 334:
                    reply = self._command(base64.b64encode(word.encode()).decode())
        else:
            raise FixSettings(
                "The mail server offers no sign-in that we know (PLAIN, LOGIN). Check the security, or leave user name and "
                "password empty.",
                code="auth_missing",
            )
        if 400 <= reply.code < 500:  # also 454, “temporary authentication failure” (RFC 4954, 6)
            self._positive(reply, "sign-in")
        if reply.code != 235:
            said = safe_detail(f"{reply.code} {reply.text}", self.server.username, self.server.password)
            raise FixSettings(
                f"The mail server refuses user name or password ({said}). Enter them again in the account's settings.",
                code=reply.enhanced or str(reply.code),
            )


# --------------------------------------------------------------------------------------------------------------------
# Many connections


class Pool:
    """Connections to one server, kept between calls of `deliver`."""

    def __init__(self, server: Server, *, connections: int, seconds: float) -> None:
        self.server = server
        self.connections = connections
        self.seconds = seconds
        self._idle: list[Session] = []

    def open(self) -> Session:
        """A signed-in connection: a waiting one that still lives, or a new one."""
        while self._idle:
            session = self._idle.pop()
            try:
                if not session.read():
                    return session
            except Broken:
                pass
            session.close()  # it said goodbye (421) or is gone
        return _Talk(self.server, min(self.seconds, 60.0)).open()

    def give_back(self, session: Session) -> None:
        """Keep `session` for the next call."""
        self._idle.append(session)

    def close(self) -> None:
        """Say goodbye on every connection."""
        for session in self._idle:
            try:
                session.sock.settimeout(1.0)
                session.sock.sendall(b"QUIT\r\n")
            except OSError:
                pass
            session.close()
        self._idle.clear()

    def deliver(self, letters: Iterator[Letter], flight: Flight) -> Iterator[Outcome]:
        """Deliver `letters` and yield an outcome for each that was tried."""
        return _Delivery(self, letters, flight).run()


class _Delivery:
    """One call of `Pool.deliver`: an event loop over the connections."""

    def __init__(self, pool: Pool, letters: Iterator[Letter], flight: Flight) -> None:
        self.pool = pool
        self.letters = letters
        self.flight = flight
        self.selector = selectors.DefaultSelector()
        self.sessions: list[Session] = []
        self.again: deque[Letter] = deque()
        self.outcomes: list[Outcome] = []
        self.most = pool.connections
        self.stopped = False
        self.exhausted = False
        self.taken = 0
        self.goodbyes = 0  # connections that the server ended, since it last took a letter
        self.silent = 0  # letters in a row whose answer was lost
        self.failure: Exception | None = None  # why nothing more could be noted as started

    def run(self) -> Iterator[Outcome]:
        try:
            while True:
                # Answers are noted before more is started, so that never more than one letter a connection is in doubt;
                # they are yielded after it, so that the wire is busy while the caller works on them.
                told = self._tell()
                self._feed()
                self._start()
                told += self._tell()
                if told:
                    yield from told
                    continue
                if not any(not session.idle for session in self.sessions):
                    if self.failure is not None:
                        raise self.failure
                    if self._nothing_left():
                        return
                    continue
                self._wait()
        finally:
            for session in self.sessions:
                if session.idle and not session.expected and not session.out:
                    self.pool.give_back(session)
                else:
                    session.close()
            self.selector.close()

    def _tell(self) -> list[Outcome]:
        outcomes, self.outcomes = self.outcomes, []
        if outcomes:
            self.flight.answered(outcomes)
        return outcomes

    # --- giving out work

    def _nothing_left(self) -> bool:
        return self.stopped or (self.exhausted and not self.again)

    def _next(self) -> Letter | None:
        if self.stopped:
            return None
        if self.again:
            return self.again.popleft()
        if self.exhausted:
            return None
        if self.flight.should_stop():
            self.stopped = True
            return None
        letter = next(self.letters, None)
        self.exhausted = letter is None
        return letter

    def _feed(self) -> None:
        """Give every idle connection a letter, and open another connection while there are more letters than hands."""
        for session in list(self.sessions):
            if session.idle:
                letter = self._next()
                if letter is None:
                    return
                self._begin(session, letter)
        while len(self.sessions) < self.most:
            letter = self._next()
            if letter is None:
                return
            opened = self._open(letter)
            if opened is not None:
                self._begin(opened, letter)

    def _open(self, letter: Letter) -> Session | None:
        try:
            session = self.pool.open()
        except AlmanacError as error:
            if self.sessions:  # the server allows no more: go on with those that we have
                self.most = len(self.sessions)
                self.again.appendleft(letter)
                return None
            fix = isinstance(error, FixSettings)
            blame = Blame.ACCOUNT if fix else Blame.PROVIDER
            detail = safe_detail(error.message, letter.recipient, self.pool.server.password)
            self.outcomes.append(Outcome(letter.ref, Result.RETRY, code=error.code, detail=detail, blame=blame))
            self.stopped = True
            return None
        self.sessions.append(session)
        self.selector.register(session.sock, selectors.EVENT_READ, session)
        return session

    def _begin(self, session: Session, letter: Letter) -> None:
        """Send the envelope: as a group, or its first command."""
        if not self._can_take(session, letter):
            return
        self._put_envelope(session, letter)
        self._write(session)

    def _can_take(self, session: Session, letter: Letter) -> bool:
        if not letter.smtputf8 or "SMTPUTF8" in session.features:
            return True
        detail = "The address needs SMTPUTF8, which this mail server does not offer."
        self.outcomes.append(Outcome(letter.ref, Result.REJECTED, code="smtputf8", detail=detail, blame=Blame.JOB))
        return False

    def _put_envelope(self, session: Session, letter: Letter) -> None:
        session.current, session.refused = letter, None
        names = ["mail", "rcpt", "data"]
        lines = letter.envelope(session)
        if session.reset:
            names.insert(0, "rset")
            lines.insert(0, b"RSET\r\n")
            session.reset = False
        if session.pipelining:
            session.expected.extend((name, letter) for name in names)
            session.out += b"".join(lines)
        else:
            session.commands.extend(zip(names, lines, strict=True))
            name, line = session.commands.popleft()
            session.expected.append((name, letter))
            session.out += line

    def _command(self, session: Session) -> None:
        name, line = session.commands.popleft()
        session.expected.append((name, session.current))
        session.out += line
        self._write(session)

    def _start(self) -> None:
        """Write the bodies that were asked for, after noting that they start."""
        ready = [session for session in self.sessions if session.ready]
        if not ready:
            return
        if not self._may_start([session.ready.ref for session in ready if session.ready]):
            self.stopped = True
            for session in ready:  # DATA cannot be taken back, but without its final dot nothing is delivered
                session.ready = None
                self._drop(session)
            return
        for session in ready:
            letter, session.ready = session.ready, None
            assert letter is not None
            session.body_of, session.after_dot = letter, 0
            session.expected.append(("dot", letter))
            session.out += letter.body + b".\r\n"
            following = self._next() if session.pipelining else None
            if following is not None and self._can_take(session, following):
                before = len(session.out)
                self._put_envelope(session, following)
                session.after_dot = len(session.out) - before
            self._write(session)

    def _may_start(self, refs: list[str]) -> bool:
        """Note that these start. What cannot be noted does not start; what others have in the air is waited for all the
        same, and only then is the failure the caller's."""
        if self.failure is not None or self.flight.should_stop():
            return False
        try:
            self.flight.started(refs)
        except Exception as error:
            self.failure = error
            return False
        return True

    def _write(self, session: Session) -> None:
        """Write; the interest in writing follows what is left."""
        session.until = time.monotonic() + self._patience(session)
        try:
            session.write()
        except Broken as error:
            self._broken(session, str(error))
            return
        self._interest(session)

    def _interest(self, session: Session) -> None:
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if session.out else 0)
        if self.selector.get_key(session.sock).events != events:
            self.selector.modify(session.sock, events, session)

    def _patience(self, session: Session) -> float:
        return self.pool.seconds if session.body_of else min(COMMAND_SECONDS, self.pool.seconds)

    # --- what comes back

    def _wait(self) -> None:
        busy = [session for session in self.sessions if not session.idle]
        nearest = min(session.until for session in busy)
        # Woken at least four times a second, so that a stop is seen although nobody answers.
        session: Session
        for key, events in self.selector.select(max(0.0, min(nearest - time.monotonic(), 0.25))):
            session = key.data
            try:
                if events & selectors.EVENT_WRITE:
                    session.write()
                    self._interest(session)
                if events & selectors.EVENT_READ:
                    for reply in session.feed(session.read()):
                        self._reply(session, reply)
                        if session not in self.sessions:
                            break
            except Broken as error:
                if session in self.sessions:
                    self._broken(session, str(error))
        now = time.monotonic()
        for session in list(self.sessions):
            if not session.idle and session.until <= now:
                self._broken(session, "no answer in time", silent=True)

    def _reply(self, session: Session, reply: Reply) -> None:
        session.until = time.monotonic() + self._patience(session)
        if not session.expected:
            raise Broken(f"{reply.code} out of turn")
        stage, letter = session.expected.popleft()
        if stage == "rset":
            if session.commands:
                self._command(session)
            return
        assert letter is not None
        if reply.code == 421:
            self._goodbye(session, reply, letter, stage)
            return
        if stage == "dot":
            self._final(session, reply, letter)
        if stage == "data":
            self._data(session, reply, letter)
        elif stage == "none":
            self._settle(session, session.refused)
        elif stage in {"mail", "rcpt"} and reply.code >= 400:
            if session.refused is None:
                session.refused = judge(stage, reply, letter)
            if not session.pipelining:
                session.commands.clear()
                self._settle(session, session.refused)
        elif stage in {"mail", "rcpt"} and session.commands:
            self._command(session)

    def _data(self, session: Session, reply: Reply, letter: Letter) -> None:
        if reply.code == 354 and session.refused is None:
            session.current, session.ready = None, letter
        elif reply.code == 354:  # no recipient was taken, and yet it waits for a body: give it none
            session.expected.append(("none", letter))
            session.out += b".\r\n"
            self._write(session)
        else:
            self._settle(session, session.refused or judge("data", reply, letter))

    def _settle(self, session: Session, outcome: Outcome | None) -> None:
        """A letter that ended before its body was written."""
        session.current, session.refused, session.reset = None, None, True
        if outcome is not None:
            self.outcomes.append(outcome)
            if outcome.blame in {Blame.ACCOUNT, Blame.PROVIDER}:
                self.stopped = True

    def _final(self, session: Session, reply: Reply, letter: Letter) -> None:
        session.body_of, session.after_dot = None, 0
        self.silent = 0
        if reply.code < 400:
            session.delivered += 1
            self.taken, self.goodbyes = self.taken + 1, 0
            said = safe_detail(reply.text, letter.recipient)
            self.outcomes.append(
                Outcome(letter.ref, Result.ACCEPTED, _queue_id(said), code=str(reply.code), detail=said)
            )
            return
        outcome = judge("dot", reply, letter)
        self.outcomes.append(outcome)
        if outcome.blame in {Blame.ACCOUNT, Blame.PROVIDER}:
            self.stopped = True

    def _goodbye(self, session: Session, reply: Reply, letter: Letter, stage: str) -> None:
        """421: the server ends this connection, and has not taken `letter`."""
        behind, refused = session.current or session.ready, session.refused
        self._drop(session)
        self.goodbyes += 1
        if refused is not None and letter is behind:
            self.outcomes.append(refused)
            return
        if stage == "dot":
            self.flight.unstarted([letter.ref])
        detail = safe_detail(f"{reply.code} {reply.text}", letter.recipient, letter.sender)
        self._put_off(letter, reply.enhanced or "421", detail, once_more=letter.tries < 1, about_it=stage != "mail")
        if behind is not None and behind is not letter:  # only its envelope was on the way: no word about it
            self.again.append(behind)

    def _broken(self, session: Session, why: str, *, silent: bool = False) -> None:
        """Settle what a connection that is gone held: in doubt is only a letter whose final dot has left."""
        body, out = session.body_of, session.body_is_out
        letter = session.current or session.ready
        self._drop(session)
        detail = safe_detail(f"The connection was lost: {why}.")
        code = "timeout" if silent else "broken"
        self.goodbyes += 1
        if body is not None and out:
            self.outcomes.append(Outcome(body.ref, Result.AMBIGUOUS, code=code, detail=detail))
            self.silent += 1
            if self.silent >= SILENT_LETTERS:
                self.stopped = True
        elif body is not None and silent:
            self.outcomes.append(Outcome(body.ref, Result.RETRY, code=code, detail=detail, blame=Blame.PROVIDER))
            self.stopped = True
        elif body is not None:
            self.flight.unstarted([body.ref])
            self._put_off(body, code, detail, once_more=body.tries < 1, about_it=True)
        if letter is None:
            return
        if session.refused is not None:
            self.outcomes.append(session.refused)
        elif silent:
            self.outcomes.append(Outcome(letter.ref, Result.RETRY, code=code, detail=detail, blame=Blame.PROVIDER))
            self.stopped = True
        elif body is not None:  # only its envelope was on the way: no word about it
            self.again.append(letter)
        else:
            once_more = letter.tries < 1 and session.delivered > 0
            self._put_off(letter, code, detail, once_more=once_more, about_it=False)

    def _put_off(self, letter: Letter, code: str, detail: str, *, once_more: bool, about_it: bool) -> None:
        """A letter that was surely not taken when its connection ended: `once_more` over another connection, then later.

        A server may end a connection because it has had enough of it, because of this very letter (`about_it`: it had heard
        whom it is for), or because it is not well. Only the last is the account's trouble, and it shows in that nothing is
        taken over the other connections either.
        """
        if self.goodbyes <= self.most + GOODBYES and once_more:
            letter.tries += 1
            self.again.append(letter)
        elif self.goodbyes <= self.most + GOODBYES and (about_it or self.taken):
            self.outcomes.append(Outcome(letter.ref, Result.RETRY, code=code, detail=detail))
        else:
            self.outcomes.append(Outcome(letter.ref, Result.RETRY, code=code, detail=detail, blame=Blame.PROVIDER))
            self.stopped = True

    def _drop(self, session: Session) -> None:
        if session in self.sessions:
            self.sessions.remove(session)
            self.selector.unregister(session.sock)
        session.close()


def _queue_id(said: str) -> str:
    """The server's own name for the letter, where it tells one (“queued as 4XyZ”)."""
    found = re.search(r"queued as ([\w.-]{4,80})|\bid=([\w.-]{4,80})", said)
    return (found[1] or found[2]) if found else ""
