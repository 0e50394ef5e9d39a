"""Reports as servers send them, and the inboxes they lie in."""

import socket
import threading

import pytest

from channels import reports, settings_of
from channels.base import EventKind
from channels.providers.smtp import Smtp
from channels.reports import boxes
from channels.services import accounts
from channels.services import reports as services
from core.errors import AlmanacError, FixSettings, Invalid, TryLater

REF = "1a2b-0123456789abcdef0123"
OTHER = "1a2c-0123456789abcdef0123"


def dsn(*recipients, envelope=REF, returned="", extra=""):
    """A DSN with the groups of fields given."""
    groups = "\n\n".join(recipients)
    about = f"Original-Envelope-Id: {envelope}\n" if envelope else ""
    tail = f"--b\nContent-Type: text/rfc822-headers\n\n{returned}\n\n" if returned else ""
    return (
        "From: MAILER-DAEMON@mx.example\nDate: Fri, 27 Nov 2020 10:00:00 +0000\n"
        f"{extra}MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
        "--b\nContent-Type: text/plain\n\nYour mail could not be delivered.\n\n"
        f"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n{about}"
        f"Arrival-Date: Fri, 27 Nov 2020 09:59:00 +0000\n\n{groups}\n\n{tail}--b--\n"
    ).encode()


def group(action="failed", status="5.1.1", said="smtp; 550 5.1.1 <p@home.example>: User unknown", **more):
    fields = {"Final-Recipient": "rfc822; p@home.example", "Action": action, "Status": status, **more}
    if said:
        fields["Diagnostic-Code"] = said
    return "\n".join(f"{name}: {value}" for name, value in fields.items())


def one(raw):
    (event,) = reports.read(raw)
    return event


@pytest.mark.parametrize(
    ("fields", "kind", "permanent", "fault"),
    [
        (group(), "bounced", True, "mailbox"),
        (group(status="5.0.0", said="smtp; 550 relay not permitted"), "bounced", False, "account"),
        (group(status="5.7.1", said="smtp; 554 5.7.1 blocked using rbl.example"), "bounced", False, "policy"),
        (group(status="5.1.1", said="smtp; 550 5.1.1 Relaying denied"), "bounced", False, "account"),
        (group(status="5.2.2", said="smtp; 552 5.2.2 Mailbox full"), "bounced", False, "mailbox"),
        (group(status="5.1.10", said="smtp; 556 5.1.10 null MX"), "bounced", True, "mailbox"),
        (group(status="5.0.0", said='X-Postfix; unknown user: "p"'), "bounced", True, "mailbox"),
        (group(status="5.3.4", said="smtp; 552 5.3.4 too big"), "bounced", False, "message"),
        (group("delayed", "4.4.1", "smtp; 451 4.4.1 no answer"), "deferred", False, ""),
        (group("delivered", "2.0.0", ""), "delivered", False, ""),
        (group("relayed", "2.0.0", ""), "sent", False, ""),
        (group("expanded (to list)", "2.0.0", ""), "sent", False, ""),
    ],
)
def test_a_status_says_what_became_of_it(fields, kind, permanent, fault):
    event = one(dsn(fields))
    assert (event.kind, event.permanent, event.fault, event.ref) == (kind, permanent, fault, REF)
    assert "p@home.example" not in event.reason + repr(event.payload)
    assert event.occurred_at.year == 2020


@pytest.mark.parametrize(
    "raw",
    [
        dsn(group(), envelope="", returned=f"Message-ID: <{REF}@shop.example>"),
        dsn(group(), envelope="", returned=f"X-Almanac-Ref: {REF}\nMessage-ID: <0100@relay.example>"),
        dsn(group(), envelope="", extra=f"In-Reply-To: <{REF}@shop.example>\n"),
        dsn(group(), envelope=REF.replace("-", "+2D")),
    ],
    ids=["message id", "our header, where a relay wrote its own id", "in reply to", "xtext"],
)
def test_the_delivery_is_found_however_it_is_named(raw):
    assert one(raw).ref == REF


def test_a_report_about_somebody_elses_mail_is_none():
    assert reports.read(dsn(group(), envelope="")) == []
    assert reports.read(dsn(group(), envelope="", returned="Message-ID: <1@elsewhere.example>")) == []
    assert reports.read(b"Subject: Out of office\n\nBack on Monday.\n") == []
    assert reports.read(b"") == []


def test_the_same_report_again_is_the_same_fact():
    first, again = one(dsn(group())), one(dsn(group(), extra="X-Other: 1\n"))
    assert first.key == again.key
    assert first.key != one(dsn(group(), envelope=OTHER)).key
    assert first.key != one(dsn(group("delayed", "4.4.1"))).key


def test_a_reason_that_stands_only_in_the_words_for_people_is_read():
    """As Exim 4.96 reports what its own routers refuse."""
    raw = dsn(group(status="5.0.0", said="")).replace(
        b"Your mail could not be delivered.",
        b"The following address(es) failed:\n\n  p@home.example\n    {said}\n\nBye",
    )
    dead, relay = (one(raw.replace(b"{said}", said)) for said in (b"Unrouteable address", b"550 relay not permitted"))
    assert (dead.permanent, dead.fault) == (True, "mailbox")
    assert (relay.permanent, relay.fault) == (False, "account")


def test_several_recipients_and_a_digest():
    assert len({event.key for event in reports.read(dsn(group(), group("delayed", "4.2.2")))}) == 2


def test_a_complaint():
    raw = (
        "From: fbl@mailbox.example\nMIME-Version: 1.0\n"
        "Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n"
        "--b\nContent-Type: text/plain\n\nThis is an abuse report.\n\n"
        "--b\nContent-Type: message/feedback-report\n\nFeedback-Type: {kind}\nUser-Agent: SomeGenerator/1.0\nVersion: 1\n\n"
        f"--b\nContent-Type: message/rfc822\n\nMessage-ID: <{REF}@shop.example>\nSubject: Sale\n\nBuy\n\n--b--\n"
    )
    event = one(raw.replace("{kind}", "abuse").encode())
    assert (event.kind, event.ref) == (EventKind.COMPLAINED, REF)
    assert one(raw.replace("{kind}", "opt-out").encode()).kind == EventKind.UNSUBSCRIBED
    assert reports.read(raw.replace("{kind}", "not-spam").encode()) == []
    assert reports.read(raw.replace("{kind}", "auth-failure").encode()) == []


QMAIL = f"""From: MAILER-DAEMON@mx.example
To: news@shop.example
Subject: failure notice

Hi. This is the qmail-send program at mx.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<p@home.example>:
{{said}}

--- Below this line is a copy of the message.

Return-Path: <news@shop.example>
Message-ID: <{REF}@shop.example>
Subject: no such user

Text
"""


def test_a_bounce_in_words_only_goes_through_the_same_table():
    dead = one(QMAIL.format(said="Sorry, no mailbox here by that name. (#5.1.1)").encode())
    assert (dead.kind, dead.permanent, dead.fault, dead.ref) == ("bounced", True, "mailbox", REF)
    relay = one(
        QMAIL.format(said="192.0.2.4 does not like recipient.\nRemote host said: 550 relay not permitted").encode()
    )
    assert (relay.permanent, relay.fault) == (False, "account")
    unclear = one(QMAIL.format(said="Something went wrong.").encode())
    assert (unclear.permanent, unclear.fault) == (False, "message"), "the copy's words are not the server's"


def test_whatever_comes_is_read_without_an_error():
    for raw in (b"\xff" * 50, b"Content-Type: multipart/report; boundary=\n\n", dsn(group())[:400], dsn("", "")):
        reports.read(raw)


# --- Inboxes ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def maildir(settings, tmp_path):
    settings.ALMANAC_MAILDIR_ROOT = str(tmp_path)
    folder = tmp_path / "reports"
    for name in ("new", "cur", "tmp"):
        (folder / name).mkdir(parents=True)
    return folder


def smtp(**more):
    return {"host": "127.0.0.1", "port": 2525, "security": "none", "from_email": "news@shop.example", **more}


def test_a_maildir_is_emptied_of_reports_and_of_nothing_else(maildir, db):
    (maildir / "new" / "1.report").write_bytes(dsn(group()))
    (maildir / "new" / "2.human").write_bytes(b"Subject: A question\n\nWhere is my order?\n")
    account = accounts.create("smtp", "Shop", smtp(reports_inbox=f"maildir:{maildir}"), None)
    assert services.poll_all() == 1
    assert [path.name for path in maildir.rglob("*") if path.is_file()] == ["2.human:2,S"]
    event = account.events.get()
    assert (event.kind, event.ref, event.permanent, event.fault) == ("bounced", REF, True, "mailbox")
    (maildir / "new" / "3.again").write_bytes(dsn(group()))
    services.poll_all()
    assert account.events.count() == 1, "the same fact once"


def test_a_crash_between_keeping_and_removing_loses_nothing(maildir, db, monkeypatch):
    (maildir / "new" / "1.report").write_bytes(dsn(group()))
    account = accounts.create("smtp", "Shop", smtp(reports_inbox=f"maildir:{maildir}"), None)
    with monkeypatch.context() as patched:
        patched.setattr(boxes._Maildir, "done", lambda *_args: (_ for _ in ()).throw(OSError("gone")))
        assert services.poll_all() == 0
    assert account.events.count() == 1
    assert services.poll_all() == 1
    assert account.events.count() == 1
    assert not list((maildir / "new").iterdir())


@pytest.mark.parametrize("path", ["/etc", "{root}/../elsewhere", "{root}/link"])
def test_a_form_is_no_way_into_other_folders(maildir, path):
    (maildir.parent / "link").symlink_to("/etc")
    with pytest.raises(Invalid):
        settings_of.read(Smtp, smtp(reports_inbox="maildir:" + path.replace("{root}", str(maildir.parent))))


def test_a_link_in_a_maildir_is_not_followed(maildir, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(dsn(group()))
    (maildir / "new" / "1.link").symlink_to(secret)
    box = boxes.open_box(f"maildir:{maildir}", "")
    assert list(box.messages(10)) == []


def test_without_a_root_no_maildir_is_read(settings):
    settings.ALMANAC_MAILDIR_ROOT = ""
    with pytest.raises(Invalid, match="ALMANAC_MAILDIR_ROOT"):
        boxes.check_inbox("maildir:/var/mail/x")


@pytest.mark.parametrize(
    "address", ["", "imaps://host/", "http://u@host/", "imaps://u:pw@host/", "imaps://u@host:x/", "u@host"]
)
def test_what_is_no_inbox_is_refused(address):
    with pytest.raises(Invalid):
        boxes.check_inbox(address)


def test_an_inbox_on_a_private_address_is_refused_unless_it_is_named(settings):
    settings.ALMANAC_ALLOWED_PRIVATE_HOSTS = []
    with pytest.raises(AlmanacError):
        boxes.check_inbox("imaps://u@127.0.0.1/")
    with pytest.raises(AlmanacError):
        boxes.open_box("imap://u@localhost:4143/", "pw")


class Scripted:
    """A server of one connection that answers by the first words of a command."""

    def __init__(self, greeting, answer):
        self.said = []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self.run, args=(greeting, answer), daemon=True).start()

    def run(self, greeting, answer):
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as file:
                file.write(greeting)
                file.flush()
                for line in file:
                    self.said.append(line.decode().strip())
                    said = answer(line.decode().strip())
                    if said is None:
                        break
                    file.write(said)
                    file.flush()


MAILS = [dsn(group()).replace(b"\n", b"\r\n"), b"Subject: A question\r\n\r\nWhere?\r\n"]


def pop3(line):
    verb, _space, rest = line.partition(" ")
    match verb.upper():
        case "UIDL":
            return b"+OK\r\n1 aaa\r\n2 bbb\r\n.\r\n"
        case "LIST":
            return b"+OK\r\n1 500\r\n2 60\r\n.\r\n"
        case "RETR":
            return b"+OK\r\n" + MAILS[int(rest) - 1] + b".\r\n"
        case "PASS":
            return b"+OK\r\n" if rest == "right" else b"-ERR no\r\n"
        case _:
            return b"+OK\r\n"


@pytest.fixture
def on_loopback(settings):
    settings.ALMANAC_ALLOWED_PRIVATE_HOSTS = ["127.0.0.1", "localhost"]
    boxes._left_in.clear()


def test_pop_removes_reports_and_reads_the_rest_once(on_loopback):
    server = Scripted(b"+OK ready\r\n", pop3)
    address = f"pop3://news@127.0.0.1:{server.port}"
    for expected in (1, 1):
        box = boxes.open_box(address, "right")
        assert boxes.empty(box, lambda raw: bool(reports.read(raw))) == expected
        box.close()
    assert server.said.count("RETR 2") == 1, "a person's mail is not fetched again and again"
    assert "DELE 1" in server.said
    assert "DELE 2" not in server.said
    with pytest.raises(FixSettings) as refused:
        boxes.open_box(address, "wrong-password")
    assert "wrong-password" not in refused.value.message


def test_an_inbox_that_is_not_there_is_tried_later(on_loopback):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    for scheme in ("pop3", "imap", "imaps"):
        with pytest.raises(TryLater):
            boxes.open_box(f"{scheme}://u@127.0.0.1:{port}/", "pw")


def test_one_account_that_cannot_be_read_does_not_keep_the_others(maildir, db, settings):
    settings.ALMANAC_ALLOWED_PRIVATE_HOSTS = ["127.0.0.1"]
    accounts.create("smtp", "Broken", smtp(reports_inbox="pop3://u@127.0.0.1:1"), None)
    accounts.create("smtp", "Shop", smtp(reports_inbox=f"maildir:{maildir}"), None)
    (maildir / "new" / "1").write_bytes(dsn(group()))
    assert services.poll_all() == 1


def test_a_message_names_itself_for_relays_that_rename_it():
    from channels.wire.mime import FrozenEmail
    from tests.contract.conformance import Conformance

    frozen = FrozenEmail(Conformance.email(), from_name="", from_email="news@shop.example")
    raw = frozen.message(ref=REF, address="p@x.example", values=(), date=b"now", message_id=f"{REF}@shop.example")
    assert f"X-Almanac-Ref: {REF}\r\n".encode() in raw
