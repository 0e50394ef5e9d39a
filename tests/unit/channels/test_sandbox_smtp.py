"""The sandbox's mail server, spoken to by the standard library's client and by hand."""

import base64
import smtplib
import socket
import threading
import time
from contextlib import contextmanager

import pytest

LETTER = b"Subject: =?utf-8?B?aMOpbGxv?=\r\nMessage-ID: <ref-1@shop.example>\r\n\r\nHello\r\n"


@pytest.fixture
def client(sandbox):
    with smtplib.SMTP("127.0.0.1", sandbox.smtp_port, timeout=10) as connection:
        yield connection


@contextmanager
def wire(port):
    """A connection whose replies are read one by one."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock, sock.makefile("rb") as replies:

        def reply():
            line = replies.readline()
            while line[3:4] == b"-":
                line = replies.readline()
            return line.decode().strip()

        assert reply().startswith("220")
        yield sock.sendall, reply


def test_what_arrives_is_kept_byte_by_byte(sandbox, client):
    body = LETTER + b"..two dots\r\n.\r\nlast\r\n"
    client.sendmail("news@shop.example", ["anna@mail.example"], body)
    (arrival,) = sandbox.arrivals("smtp")
    assert (arrival.recipient, arrival.ref, arrival.subject) == ("anna@mail.example", "ref-1", "héllo")
    assert sandbox.raw(arrival) == body


def test_a_group_of_commands_is_answered_in_order(sandbox):
    envelope = b"MAIL FROM:<a@shop.example> SIZE=100 BODY=8BITMIME\r\nRCPT TO:<%s@mail.example>\r\nDATA\r\n"
    with wire(sandbox.smtp_port) as (write, reply):
        write(b"EHLO shop.example\r\n")
        assert reply().startswith("250")
        write(envelope % b"anna")
        assert [reply()[:3] for _ in range(3)] == ["250", "250", "354"]
        write(LETTER + b".\r\n" + envelope % b"bert")
        assert [reply()[:3] for _ in range(4)] == ["250", "250", "250", "354"]
        write(b".\r\nQUIT\r\n")
        assert [reply()[:3] for _ in range(2)] == ["250", "221"]
    assert [arrival.recipient for arrival in sandbox.arrivals()] == ["anna@mail.example", "bert@mail.example"]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"MAIL FROM:<a@b.example>\n", "500"),
        (b"RCPT TO:<a@b.example>\r\n", "503"),
        (b"MAIL FROM:a@b.example\r\n", "501"),
        (b"MAIL FROM:<a@b.example> RET=HDRS\r\n", "555"),
        (b"NONSENSE\r\n", "500"),
        (b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nSubject: early\r\n", "503"),
        (b"MAIL FROM:<a@b.example>\r\nDATA\r\n", "554"),
    ],
)
def test_mistakes_on_the_wire_are_not_forgiven(sandbox, sent, code):
    with wire(sandbox.smtp_port) as (write, reply):
        write(b"EHLO shop.example\r\n")
        reply()
        write(sent)
        commands = 1 if sent.count(b"\r\n") < 2 else sent.count(b"\r\n") - (b"Subject" in sent)
        assert [reply()[:3] for _ in range(commands)][-1] == code
    assert sandbox.count() == 0


@pytest.mark.parametrize("body", [b"a\nb\r\n", b"a\rb\r\n", b"x" * 999 + b"\r\n"])
def test_bodies_that_break_the_rules_are_refused(sandbox, body):
    with wire(sandbox.smtp_port) as (write, reply):
        write(b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n")
        assert [reply()[:3] for _ in range(4)][-1] == "354"
        write(LETTER + body + b".\r\n")
        assert reply().startswith("554 5.6.0")
    assert sandbox.count() == 0


def test_magic_recipients(sandbox, client):
    with pytest.raises(smtplib.SMTPRecipientsRefused) as bounce:
        client.sendmail("a@shop.example", ["bounce+1@mail.example"], LETTER)
    assert bounce.value.recipients["bounce+1@mail.example"][0] == 550
    with pytest.raises(smtplib.SMTPRecipientsRefused) as defer:
        client.sendmail("a@shop.example", ["defer@mail.example"], LETTER)
    assert defer.value.recipients["defer@mail.example"][0] == 451
    client.sendmail("a@shop.example", ["defer@mail.example"], LETTER)
    assert [arrival.recipient for arrival in sandbox.arrivals()] == ["defer@mail.example"]


def test_signing_in(sandbox, client):
    sandbox.set(smtp_require_auth=True)
    with pytest.raises(smtplib.SMTPSenderRefused):
        client.sendmail("a@shop.example", ["anna@mail.example"], LETTER)
    with pytest.raises(smtplib.SMTPAuthenticationError) as wrong:
        client.login("sandbox", "a wrong one")
    assert wrong.value.smtp_code == 535
    client.login(sandbox.keys.smtp_user, sandbox.keys.smtp_password)
    client.sendmail("a@shop.example", ["anna@mail.example"], LETTER)
    assert sandbox.count("smtp") == 1


def test_signing_in_step_by_step(sandbox):
    user, password = (base64.b64encode(word.encode()) for word in ("sandbox", sandbox.keys.smtp_password))
    with wire(sandbox.smtp_port) as (write, reply):
        write(b"EHLO x\r\nAUTH LOGIN\r\n")
        assert reply().startswith("250") and reply().startswith("334")
        write(user + b"\r\n")
        assert reply().startswith("334")
        write(password + b"\r\n")
        assert reply().startswith("235")


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "message"])
def test_a_fault_hits_once_and_where_it_was_asked(sandbox, client, stage):
    sandbox.fail("smtp", stage=stage, status=452)
    with pytest.raises(smtplib.SMTPException) as error:
        client.sendmail("a@shop.example", ["anna@mail.example"], LETTER)
    assert "452" in str(error.value)
    client.rset()
    client.sendmail("a@shop.example", ["anna@mail.example"], LETTER)
    assert sandbox.count() == 1


@pytest.mark.parametrize("record", [True, False])
def test_closing_without_an_answer(sandbox, client, record):
    sandbox.fail("smtp", close=True, record=record)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.sendmail("a@shop.example", ["anna@mail.example"], LETTER)
    assert sandbox.count() == int(record)


def test_a_late_answer(sandbox, client):
    sandbox.fail("smtp", delay=0.5)
    before = time.monotonic()
    client.sendmail("a@shop.example", ["anna@mail.example"], LETTER)
    assert time.monotonic() - before >= 0.5
    assert sandbox.count() == 1


def send_many(port, count, taken, prefix):
    """Messages over one connection, grouped; notes each that was answered with 250."""
    envelope = b"MAIL FROM:<a@shop.example>\r\nRCPT TO:<anna@mail.example>\r\nDATA\r\n"
    filling = (b"0123456789abcdef" * 4 + b"\r\n") * 30
    try:
        with wire(port) as (write, reply):
            write(b"EHLO x\r\n")
            reply()
            write(envelope)
            for number in range(count):
                assert [reply()[:3] for _ in range(3)] == ["250", "250", "354"]
                ref = f"{prefix}-{number}"
                write(b"Message-ID: <" + ref.encode() + b"@x>\r\n\r\n" + filling + b".\r\n" + envelope)
                if not reply().startswith("250"):
                    return
                taken.append(ref)
    except (OSError, AssertionError):
        return


def test_what_was_taken_outlives_sigkill(sandbox):
    taken = []
    threads = [
        threading.Thread(target=send_many, args=(sandbox.smtp_port, 100_000, taken, f"t{number}"))
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    sandbox.wait_for(300)
    sandbox.kill()
    for thread in threads:
        thread.join(10)
    sandbox.start()
    kept = sandbox.refs("smtp")
    assert len(taken) >= 200
    assert set(taken) <= set(kept)
    assert len(kept) == len(set(kept))
    assert len(kept) - len(taken) <= 4  # at most what was in flight on each connection


def test_it_takes_more_than_a_thousand_messages_a_second(sandbox):
    """A sanity figure, far below what it does (several thousand): it must not be the brake of what is tested with it."""
    taken = []
    threads = [threading.Thread(target=send_many, args=(sandbox.smtp_port, 500, taken, f"t{n}")) for n in range(4)]
    before = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(taken) == sandbox.count("smtp") == 2000
    assert 2000 / (time.monotonic() - before) > 1000
