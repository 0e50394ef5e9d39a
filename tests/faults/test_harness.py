"""The suite's own tools: the comparison finds what it must, the proxy harms as it says, the fakes keep their record."""

import socket
import time

import pytest

from tests.faults.harness.compare import unexplained
from tests.faults.harness.mail import MailServer, Reply
from tests.faults.harness.proxy import ChaosProxy
from tests.faults.harness.record import Record, Taken


def taken(ref, address="a@shop.example"):
    return Taken(ref, address, "Hi", time.time())


def row(ref, state="accepted", reason=""):
    return {"ref": ref, "address": "a@shop.example", "state": state, "reason": reason}


@pytest.mark.parametrize(
    ("messages", "rows", "words"),
    [
        ([taken("r1"), taken("r1")], [row("r1")], "taken 2 times"),
        ([], [row("r1")], "nothing was taken"),
        ([taken("r1")], [row("r1", "pending")], "is pending"),
        ([taken("r1")], [row("r1", "rejected", "refused")], "is rejected (refused)"),
        ([taken("r1")], [], "nobody sent it"),
        ([taken("")], [row("r1", "unknown")], "without reference"),
        ([], [row("r1", "attempting")], "still attempting"),
    ],
)
def test_what_does_not_fit_is_found(messages, rows, words):
    (found,) = unexplained(messages, rows)
    assert words in found


def test_what_fits_is_not():
    messages = [taken("r1"), taken("r2"), taken("r5"), taken("r5")]
    rows = [row("r1"), row("r2", "unknown"), row("r3", "unknown"), row("r4", "skipped", "no_consent"), row("r5")]
    assert unexplained(messages, rows, twice_allowed=["r5"]) == []


def test_the_record_outlives_the_object(tmp_path):
    first = Record(tmp_path / "record")
    first.take(taken("r1"))
    first.close()
    second = Record(tmp_path / "record")
    second.take(taken("r2"))
    assert [one.ref for one in second.read()] == ["r1", "r2"]
    second.close()


def talk(port, words=b"", seconds=1.0):
    """What comes back within `seconds`."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as wire:
        if words:
            wire.sendall(words)
        found = b""
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end and (piece := wire.recv(4096)):
                found += piece
        except TimeoutError:
            pass
        return found


MESSAGE = (
    b"EHLO me\r\nMAIL FROM:<a@shop.example>\r\nRCPT TO:<b@shop.example>\r\nDATA\r\n"
    b"Message-ID: <ref-1@shop.example>\r\nSubject: Hi\r\n\r\nHello\r\n.\r\nQUIT\r\n"
)


def test_the_mail_server_takes_a_message_and_notes_it(tmp_path):
    with MailServer(tmp_path) as server:
        assert b"221" in talk(server.port, MESSAGE)
        (one,) = server.record.read()
    assert (one.ref, one.address, one.subject) == ("ref-1", "b@shop.example", "Hi")


def test_the_mail_server_can_take_it_and_say_nothing(tmp_path):
    with MailServer(
        tmp_path, rule=lambda stage, _to: Reply(taken=True, hang=True) if stage == "dot" else None
    ) as server:
        said = talk(server.port, MESSAGE)
        assert server.total == 1
    assert b"354" in said and b"taken" not in said


def test_the_mail_server_takes_nothing_behind_a_refused_sender(tmp_path):
    with MailServer(tmp_path, rule=lambda stage, _to: Reply(b"451 4.3.2 Later") if stage == "mail" else None) as server:
        said = talk(server.port, MESSAGE)
        assert server.total == 0
    assert b"451" in said and b"503" in said and b"354" not in said


def test_the_proxy_harms_as_it_is_told(tmp_path):
    with MailServer(tmp_path) as server, ChaosProxy(server.port) as proxy:
        assert talk(proxy.port, MESSAGE).startswith(b"220")
        proxy.latency = 0.3
        begun = time.monotonic()
        talk(proxy.port, b"QUIT\r\n", seconds=3)
        assert time.monotonic() - begun >= 0.3
        proxy.heal()
        proxy.cut_after = 10
        with pytest.raises(ConnectionResetError):
            talk(proxy.port)
        proxy.heal()
        proxy.rate = 10
        assert 1 <= len(talk(proxy.port, seconds=1.0)) <= 15
        proxy.heal()
        proxy.blackhole()
        assert talk(proxy.port, seconds=0.5) == b""
        proxy.heal()
        assert talk(proxy.port, b"QUIT\r\n").startswith(b"220")
        proxy.shut()
        with pytest.raises(ConnectionRefusedError):
            talk(proxy.port)
        proxy.open()
        assert talk(proxy.port, b"QUIT\r\n").startswith(b"220")
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as wire:
            assert wire.recv(3) == b"220"
            proxy.reset()
            with pytest.raises(ConnectionResetError):
                while wire.recv(100):
                    pass
