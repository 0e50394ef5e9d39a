"""A small, quick SMTP server: PIPELINING, 8BITMIME, SMTPUTF8, AUTH PLAIN and LOGIN (any password). Keeps what it takes."""

import asyncio
import base64
import contextlib
import re
from email.header import decode_header, make_header

from channels.sandbox.faults import Fault, Faults
from channels.sandbox.store import Row, Store

_PATH = re.compile(rb"<([^>]*)>")
_SUBJECT = re.compile(rb"^Subject:[ \t]*((?:[^\r\n]|\r\n[ \t])*)", re.IGNORECASE | re.MULTILINE)
_MESSAGE_ID = re.compile(rb"^Message-ID:[ \t]*<([^>\r\n]*)>", re.IGNORECASE | re.MULTILINE)


class SmtpServer:
    """Shared by all connections: groups what arrives within one turn of the loop into one transaction."""

    def __init__(self, store: Store, faults: Faults, loop: asyncio.AbstractEventLoop) -> None:
        self.store = store
        self.faults = faults
        self.loop = loop
        self._waiting: list[tuple[list[Row], _Connection, bytes]] = []
        self.number = 0

    def connection(self) -> "_Connection":
        """A protocol for one connection."""
        return _Connection(self)

    def keep(self, rows: list[Row], connection: "_Connection", reply: bytes) -> None:
        """Keep `rows`, then answer; the answer is given only after the commit."""
        if not self._waiting:
            self.loop.call_soon(self._flush)
        self._waiting.append((rows, connection, reply))

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        self.store.add([row for rows, _connection, _reply in waiting for row in rows])
        for _rows, connection, reply in waiting:
            connection.done(reply)


class _Connection(asyncio.Protocol):
    def __init__(self, server: SmtpServer) -> None:
        self.server = server
        self.inbox = bytearray()
        self.login = ""
        self.sender = b""
        self.recipients: list[str] = []
        self.in_data = False
        self.in_auth = ""
        self.held = False  # a reply is being waited for: what came meanwhile stays in the inbox

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._say("connect", b"220 sandbox ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self.inbox += data
        self._work()

    def _work(self) -> None:
        while not self.held and not self.transport.is_closing():
            if self.in_data:
                end = 0 if self.inbox.startswith(b".\r\n") else self.inbox.find(b"\r\n.\r\n")
                if end < 0:
                    return
                length = 3 if end == 0 and self.inbox.startswith(b".\r\n") else end + 5
                body = bytes(self.inbox[: length - 3])
                del self.inbox[:length]
                self.in_data = False
                self._take(body.replace(b"\r\n..", b"\r\n."))
                continue
            end = self.inbox.find(b"\r\n")
            if end < 0:
                return
            line = bytes(self.inbox[:end])
            del self.inbox[: end + 2]
            self._command(line)

    def _command(self, line: bytes) -> None:
        if self.in_auth:
            self._auth_step(line)
            return
        verb = line[:4].upper()
        if verb == b"MAIL":
            path = _PATH.search(line)
            self.sender, self.recipients = (path[1] if path else b""), []
            self._say("mail", b"250 2.1.0 Ok\r\n", line)
        elif verb == b"RCPT":
            path = _PATH.search(line)
            if self._say("rcpt", b"250 2.1.5 Ok\r\n", line) and path:
                self.recipients.append(path[1].decode("utf-8", "replace"))
        elif verb == b"DATA":
            if not self.recipients:
                self._write(b"503 5.5.1 No valid recipients\r\n")
            elif self._say("data", b"354 End data with <CR><LF>.<CR><LF>\r\n"):
                self.in_data = True
        elif verb in {b"EHLO", b"HELO"}:
            self._say(
                "ehlo",
                b"250-sandbox\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n"
                b"250 AUTH PLAIN LOGIN\r\n",
            )
        elif verb == b"AUTH":
            self._auth(line)
        elif verb == b"RSET":
            self.recipients = []
            self._write(b"250 2.0.0 Ok\r\n")
        elif verb == b"NOOP":
            self._write(b"250 2.0.0 Ok\r\n")
        elif verb == b"QUIT":
            self._write(b"221 2.0.0 Bye\r\n")
            self.transport.close()
        else:
            self._write(b"502 5.5.2 Not known here\r\n")

    def _auth(self, line: bytes) -> None:
        words = line.split()
        if len(words) == 3 and words[1].upper() == b"PLAIN":
            with contextlib.suppress(ValueError):
                self.login = base64.b64decode(words[2]).split(b"\0")[1].decode("utf-8", "replace")
            self._say("auth", b"235 2.7.0 Welcome\r\n")
        elif len(words) == 2 and words[1].upper() == b"LOGIN":
            self.in_auth = "user"
            self._write(b"334 VXNlcm5hbWU6\r\n")
        else:
            self._write(b"504 5.5.4 Not known here\r\n")

    def _auth_step(self, line: bytes) -> None:
        if self.in_auth == "user":
            with contextlib.suppress(ValueError):
                self.login = base64.b64decode(line).decode("utf-8", "replace")
            self.in_auth = "password"
            self._write(b"334 UGFzc3dvcmQ6\r\n")
        else:
            self.in_auth = ""
            self._say("auth", b"235 2.7.0 Welcome\r\n")

    def _take(self, body: bytes) -> None:
        fault = self.server.faults.take("smtp:dot", " ".join(self.recipients))
        if fault is not None and fault.status:
            self._fail(fault)
            return
        head = body.split(b"\r\n\r\n", 1)[0]
        subject, message_id = _SUBJECT.search(head), _MESSAGE_ID.search(head)
        ref = message_id[1].decode("utf-8", "replace").split("@")[0] if message_id else ""
        self.server.number += 1
        name = f"{self.server.number:08X}"
        rows: list[Row] = [
            ("email", "smtp", self.login, recipient, ref, _decoded(subject[1] if subject else b""), name, body)
            for recipient in self.recipients
        ]
        self.recipients = []
        reply = f"250 2.0.0 Ok: queued as {name}\r\n".encode()
        if fault is not None and fault.lost:
            self.server.store.add(rows)
            self.transport.abort()
            return
        if fault is not None and fault.delay:
            self.held = True
            self.server.loop.call_later(fault.delay, self.server.keep, rows, self, reply)
            return
        self.held = True
        self.server.keep(rows, self, reply)

    def done(self, reply: bytes) -> None:
        """The rows are kept: answer, and go on with what came meanwhile."""
        self.held = False
        self._write(reply)
        self._work()

    def _say(self, stage: str, reply: bytes, said: bytes = b"") -> bool:
        """Answer `reply` unless a fault is due; tells whether it was the ordinary answer."""
        fault = self.server.faults.take(f"smtp:{stage}", said.decode("utf-8", "replace"))
        if fault is None:
            self._write(reply)
            return True
        if fault.lost:
            self.transport.abort()
            return False
        if fault.delay:
            self.held = True
            self.server.loop.call_later(fault.delay, self.done, reply)
            return not fault.status
        self._fail(fault)
        return False

    def _fail(self, fault: Fault) -> None:
        self._write(f"{fault.status} {fault.text or 'No'}\r\n".encode())
        if fault.status == 421:
            self.transport.close()

    def _write(self, reply: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(reply)


def _decoded(subject: bytes) -> str:
    try:
        return str(make_header(decode_header(subject.decode("utf-8", "replace").replace("\r\n", ""))))
    except (ValueError, LookupError):
        return subject.decode("utf-8", "replace")
