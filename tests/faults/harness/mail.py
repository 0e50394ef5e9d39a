"""A mail server that counts: what it has answered 250 for after the final dot is the ground truth."""

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults.harness import record
from tests.faults.harness.loop import Served, reset
from tests.faults.harness.record import Record, Taken


@dataclass(frozen=True, slots=True)
class Reply:
    """What comes instead of the usual. `taken`: the message is recorded whatever the words say (after the dot only)."""

    words: bytes = b""
    taken: bool = False
    hang: bool = False
    close: bool = False
    delay: float = 0.0


Rule = Callable[[str, str], Reply | None]
"""Asked with the stage (connect, mail, rcpt, data, dot) and the address; None is the usual answer."""

SLOW = 0.02
_REF = re.compile(rb"^Message-ID: <([^@>]+)@", re.MULTILINE | re.IGNORECASE)
_SUBJECT = re.compile(rb"^Subject: (.*?)\r$", re.MULTILINE | re.IGNORECASE)


class MailServer(Served):
    """Takes everything, each message after `delay` seconds, unless `rule` says otherwise."""

    def __init__(self, folder: Path, delay: float = SLOW, rule: Rule | None = None, name: str = "mail") -> None:
        super().__init__()
        self.delay = delay
        self.rule = rule
        self.record = Record(folder / f"{name}.record")
        self.stages: Counter[str] = Counter()
        self.times: dict[str, list[float]] = {"connect": [], "dot": []}
        """When each connection and each final dot came."""
        self.last = b""
        """The message that was taken last, as it came over the wire."""

    @property
    def total(self) -> int:
        """How many messages were taken."""
        return len(self.record)

    @property
    def settings(self) -> dict[str, object]:
        """For a channel account of the provider `smtp`."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "security": "none",
            "max_connections": 2,
            "from_email": "news@shop.example",
        }

    async def _asked(self, stage: str, address: str, writer: asyncio.StreamWriter) -> Reply | None:
        self.stages[stage] += 1
        if stage in self.times:
            self.times[stage].append(record.now())
        reply = self.rule(stage, address) if self.rule else None
        if reply is None:
            return None
        if reply.delay:
            await asyncio.sleep(reply.delay)
        if reply.hang and not reply.taken:
            await asyncio.sleep(3600)
        if reply.close and not reply.taken:
            reset(writer)
            raise ConnectionAbortedError
        return reply

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak SMTP."""

        def say(line: bytes) -> None:
            writer.write(line + b"\r\n")

        reply = await self._asked("connect", "", writer)
        say(reply.words if reply else b"220 counting ESMTP")
        begun = False
        recipients: list[str] = []
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                say(b"250-counting\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME")
            elif verb == b"MAIL":
                recipients = []
                reply = await self._asked("mail", "", writer)
                begun = reply is None or reply.words.startswith(b"2")
                say(reply.words if reply else b"250 2.1.0 OK")
            elif verb == b"RCPT" and not begun:
                say(b"503 5.5.1 MAIL first")  # pipelined behind a MAIL that was refused (RFC 2920, 3.1)
            elif verb == b"RCPT":
                address = line.split(b"<")[1].split(b">")[0].decode()
                reply = await self._asked("rcpt", address, writer)
                if reply is None or reply.words.startswith(b"2"):
                    recipients.append(address)
                say(reply.words if reply else b"250 2.1.5 OK")
            elif verb == b"DATA":
                reply = await self._asked("data", recipients[0] if recipients else "", writer)
                if reply is not None or not recipients:
                    say(reply.words if reply else b"554 5.5.1 No valid recipients")
                    continue
                say(b"354 go on")
                await writer.drain()
                if not await self._message(reader, writer, recipients):
                    return
                begun, recipients = False, []
            elif verb == b"QUIT":
                say(b"221 bye")
                break
            else:
                if verb == b"RSET":
                    begun, recipients = False, []
                say(b"250 2.0.0 OK")
            await writer.drain()

    async def _message(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, recipients: list[str]) -> bool:
        lines = []
        while (piece := await reader.readline()) != b".\r\n":
            if not piece:
                return False  # cut off in the middle: nothing was taken
            lines.append(piece)
        if self.delay:
            await asyncio.sleep(self.delay)
        reply = await self._asked("dot", recipients[0], writer)
        if reply is None or reply.taken or reply.words.startswith(b"2"):
            self._take(b"".join(lines), recipients)
        if reply is not None and reply.hang:
            await asyncio.sleep(3600)
        if reply is not None and reply.close:
            reset(writer)
            return False
        writer.write((reply.words if reply and reply.words else b"250 2.0.0 taken") + b"\r\n")
        return True

    def _take(self, message: bytes, recipients: list[str]) -> None:
        self.last = message
        head = message.split(b"\r\n\r\n", 1)[0] + b"\r\n"
        ref, subject = _REF.search(head), _SUBJECT.search(head)
        self.record.take(
            *(
                Taken(
                    ref=ref[1].decode() if ref else "",
                    address=address,
                    subject=subject[1].decode() if subject else "",
                    at=record.now(),
                )
                for address in recipients
            )
        )
