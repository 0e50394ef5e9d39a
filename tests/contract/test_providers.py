"""The four providers keep the contract, and what is special to each."""

import base64
import hmac
import json
import socket
import threading
import time
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy

import pytest

from channels import registry, settings_of
from channels.base import Blame, EmailPart, Job, Media, NullFlight, PostPart, PushPart, Result
from channels.providers.fcm import Fcm
from channels.providers.sendgrid import SendGrid
from channels.providers.smtp import Smtp
from channels.providers.x import X
from channels.sandbox.sendgrid import signed
from channels.sandbox.store import Store
from core import clock
from core.errors import Missing, NotAllowed
from core.texts import Slot, Text
from tests.contract.conformance import ALWAYS, Conformance, Watched

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
EMAIL = EmailPart(
    subject=Text(("Hello ", Slot(0), " – Größe 50 %")),
    html=Text(("<p>Dear ", Slot(0), ',</p>\n.\n<a href="', Slot(1), '">Sale</a>' + " a long line" * 40)),
    text=Text(("Dear ", Slot(0), ",\n.\n..\n", Slot(1), "\n")),
    from_name="Shop, “The Best”",
    from_email="news@shop.example",
    reply_to="help@shop.example",
    headers=(
        ("List-Unsubscribe", Text(("<", Slot(1), ">"))),
        ("List-Unsubscribe-Post", Text.of("List-Unsubscribe=One-Click")),
    ),
)


def test_every_provider_has_its_conformance_class():
    """A provider without one fails here: inherit `Conformance` in a test class and name the provider in it."""
    tested = {sub.provider for sub in Conformance.__subclasses__()}
    assert {kind.slug for kind in registry.all_providers()} <= {kind.slug for kind in tested if kind}


def test_a_provider_without_a_class_would_be_noticed(monkeypatch):
    class Pigeon(Smtp):
        slug = "pigeon"

    registry.register(Pigeon)
    try:
        with pytest.raises(AssertionError):
            test_every_provider_has_its_conformance_class()
    finally:
        registry.unregister("pigeon")


SECRET = "a-secret-for-reports"


def report_of(*refs):
    """One message with a report for each of `refs`, forwarded as it came."""
    reports = b"".join(f"--d\r\nContent-Type: message/rfc822\r\n\r\n{dsn(ref)}\r\n".encode() for ref in refs)
    return b"MIME-Version: 1.0\r\nContent-Type: multipart/digest; boundary=d\r\n\r\n" + reports + b"--d--\r\n"


def dsn(ref, action="delivered", status="2.0.0"):
    return "\r\n".join(
        [
            "From: MAILER-DAEMON@mx.example",
            "MIME-Version: 1.0",
            "Content-Type: multipart/report; report-type=delivery-status; boundary=r",
            "",
            "--r",
            "Content-Type: text/plain",
            "",
            "As you asked.",
            "--r",
            "Content-Type: message/delivery-status",
            "",
            "Reporting-MTA: dns; mx.example",
            f"Original-Envelope-Id: {ref}",
            "",
            "Final-Recipient: rfc822; p@home.example",
            f"Action: {action}",
            f"Status: {status}",
            "",
            "--r--",
        ]
    )


class TestSmtp(Conformance):
    provider = Smtp
    service = "smtp"
    throttle = {"stage": "mail", "status": 421, "message": "4.7.0 Too many messages"}
    throttle_tells_when = False
    at_once = 8

    def settings(self):
        keys = self.sandbox.keys
        return self.sandbox.account_settings("smtp", username=keys.smtp_user, password=keys.smtp_password)

    def denied_provider(self):
        return self.open(password="not-the-password")

    def part(self):
        return EMAIL

    def address(self, number):
        return f"person{number}@home.example"

    def dead_address(self):
        return "bounce@home.example"

    def copies(self):
        return self.sandbox.copies(self.service)

    def elsewhere(self, port):
        return {"port": port}

    # --- special to SMTP

    def arrived(self):
        return message_from_bytes(self.bytes(), policy=policy.default)

    def bytes(self):
        (arrival,) = self.sandbox.arrivals("smtp")
        return self.sandbox.raw(arrival)

    def test_the_message_reads_as_it_was_written(self):
        job = replace(self.jobs(1)[0], values=(".Zoë\n= <b>&amp;</b> 你好", "https://shop.example/c/abc/0?al=x=y"))
        self.send([job])
        message = self.arrived()
        assert message["From"] == '"Shop, “The Best”" <news@shop.example>'
        assert message["To"] == job.address
        assert message["Subject"] == "Hello .Zoë = <b>&amp;</b> 你好 – Größe 50 %"
        assert message["Reply-To"] == "help@shop.example"
        assert message["List-Unsubscribe"] == "<https://shop.example/c/abc/0?al=x=y>"
        assert message["Message-ID"].startswith(f"<{job.ref}@")
        assert message["Date"].datetime.tzinfo
        assert message.get_content_type() == "multipart/alternative"
        for kind, text in (("plain", EMAIL.text), ("html", EMAIL.html)):
            assert message.get_body((kind,)).get_content().replace("\r\n", "\n").rstrip("\n") == text.fill(
                job.values
            ).rstrip("\n")

    def test_no_line_is_too_long_or_begins_with_a_dot(self):
        self.send([replace(self.jobs(1)[0], values=("x" * 500 + ".", "." * 300))])
        body = self.bytes()
        lines = body.split(b"\r\n\r\n", 1)[1].split(b"\r\n")
        assert max(map(len, lines)) <= 76
        assert not any(line.startswith(b".") for line in lines)
        assert b"\n" not in body.replace(b"\r\n", b"") and b"\r" not in body.replace(b"\r\n", b"")

    @pytest.mark.parametrize(
        "breaks", ["\r\nBcc: victim@x.example", "\n\nbody", "\r.\r\nMAIL FROM:<a@b.example>", "\x00"]
    )
    def test_a_value_cannot_begin_a_header_or_another_message(self, breaks):
        self.send([replace(self.jobs(1)[0], values=(f"Eve{breaks}", f"https://x.example/{breaks}"))])
        (arrived,) = self.sandbox.arrivals("smtp")
        message = self.arrived()
        assert message["Bcc"] is None
        assert "victim" not in arrived.recipient
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"

    @pytest.mark.parametrize("name", ["Subject", "To", "X Y", "X:Y", "Content-Type"])
    def test_a_header_of_ours_cannot_be_replaced(self, name):
        part = replace(EMAIL, headers=((name, Text.of("v")),))
        (outcome,) = self.send([replace(self.jobs(1)[0], part=part)])
        assert (outcome.result, outcome.code) == (Result.REJECTED, "render")

    @pytest.mark.parametrize(
        "address", ["", "no-at", "a b@c.example", "a@b.example>\r\nDATA", "a@b@c", "<a@b.example>"]
    )
    def test_what_is_no_address_is_not_sent_to(self, address):
        (outcome,) = self.send([replace(self.jobs(1)[0], address=address)])
        assert (outcome.result, outcome.blame) == (Result.REJECTED, Blame.ENDPOINT)
        assert self.copies() == {}

    def test_addresses_in_other_scripts_are_sent_to(self):
        self.send([replace(self.jobs(1)[0], address="用户@例子.example")])
        assert self.sandbox.arrivals()[0].recipient == "用户@xn--fsqu00a.example"

    @pytest.mark.parametrize(
        ("where", "status", "text", "result", "blame"),
        [
            ("rcpt", 550, "5.1.1 No such user", Result.REJECTED, Blame.ENDPOINT),
            ("rcpt", 550, "User unknown", Result.REJECTED, Blame.ENDPOINT),
            ("rcpt", 550, "relay not permitted", Result.RETRY, Blame.ACCOUNT),
            ("rcpt", 554, "5.7.1 <a@b.example>: Relay access denied", Result.RETRY, Blame.ACCOUNT),
            ("rcpt", 550, "5.1.1 Relaying denied", Result.RETRY, Blame.ACCOUNT),
            ("rcpt", 550, "no", Result.REJECTED, Blame.JOB),
            ("rcpt", 550, "refused by 192.0.2.44", Result.REJECTED, Blame.JOB),
            ("rcpt", 550, "sorry, no mailbox here by that name (#5.1.1)", Result.REJECTED, Blame.ENDPOINT),
            ("rcpt", 552, "5.2.2 Mailbox full", Result.REJECTED, Blame.JOB),
            ("rcpt", 556, "5.1.10 Domain does not accept mail (nullMX)", Result.REJECTED, Blame.ENDPOINT),
            ("rcpt", 550, "5.7.1 Blocked by policy", Result.RETRY, Blame.POLICY),
            ("rcpt", 450, "4.7.25 Client host rejected: cannot find your hostname", Result.RETRY, Blame.PROVIDER),
            ("rcpt", 450, "4.2.0 Greylisted", Result.RETRY, Blame.NOTHING),
            ("mail", 550, "5.7.1 Sender not allowed", Result.RETRY, Blame.ACCOUNT),
            ("mail", 550, "5.7.1 messages from [192.0.2.44] weren't sent: block list", Result.RETRY, Blame.ACCOUNT),
            ("mail", 501, "5.1.7 Bad sender address syntax", Result.RETRY, Blame.ACCOUNT),
            ("mail", 552, "5.3.4 Too big", Result.REJECTED, Blame.JOB),
            ("mail", 451, "4.3.0 Later", Result.RETRY, Blame.NOTHING),
            ("data", 554, "5.5.1 No", Result.REJECTED, Blame.JOB),
            ("message", 552, "5.3.4 Too big", Result.REJECTED, Blame.JOB),
            ("message", 451, "4.3.0 Later", Result.RETRY, Blame.NOTHING),
            ("message", 550, "5.7.26 Unauthenticated", Result.RETRY, Blame.POLICY),
            ("message", 550, "5.1.1 No such user", Result.REJECTED, Blame.ENDPOINT),
        ],
    )
    def test_replies_mean(self, where, status, text, result, blame):
        self.service_fails(stage=where, status=status, message=text)
        (outcome,) = self.send(self.jobs(1))
        assert (outcome.result, outcome.blame) == (result, blame)

    def test_after_a_refusal_the_connection_goes_on(self):
        self.service_fails(stage="rcpt", status=550, message="5.1.1 No", times=5)
        self.service_fails(stage="connect", status=421, message="One is enough", after=1, times=100)
        outcomes = self.send(self.jobs(40), provider=self.open(max_connections=1))
        results = [outcome.result for outcome in outcomes]
        assert results.count(Result.REJECTED) == 5
        assert results.count(Result.ACCEPTED) == 35

    def test_a_goodbye_after_some_letters_is_ordinary(self):
        self.service_fails(stage="mail", status=421, message="4.7.0 Enough for this connection", after=10)
        outcomes = self.send(self.jobs(30), provider=self.open(max_connections=1))
        assert {outcome.result for outcome in outcomes} == {Result.ACCEPTED}
        assert set(self.copies().values()) == {1}

    @pytest.mark.parametrize("stage", ["rcpt", "data", "message"])
    @pytest.mark.parametrize("number", [1, 20])
    def test_a_goodbye_to_one_letter_is_about_that_letter(self, stage, number):
        """Each 421 to one recipient made the whole account wait for 30 s."""
        jobs = self.jobs(number)
        poison = jobs[number // 2]
        self.service_fails(stage=stage, status=421, message="4.7.0 Not to this one", match=poison.address, times=100)
        outcomes = {outcome.ref: outcome for outcome in self.send(jobs, provider=self.open(max_connections=2))}
        put_off = outcomes.pop(poison.ref)
        assert (put_off.result, put_off.blame, put_off.code) == (Result.RETRY, Blame.NOTHING, "4.7.0")
        assert {outcome.result for outcome in outcomes.values()} <= {Result.ACCEPTED}
        assert len(outcomes) == number - 1
        assert all(times == 1 for times in self.copies().values())

    def test_goodbyes_to_everybody_make_the_account_wait(self):
        self.service_fails(stage="rcpt", status=421, message="4.3.2 Shutting down", times=ALWAYS)
        outcomes = self.send(self.jobs(40), provider=self.open(max_connections=2))
        assert outcomes[-1].blame == Blame.PROVIDER
        assert len(outcomes) <= 10

    def test_answers_that_keep_getting_lost_end_the_call(self):
        self.service_fails(close=True, times=ALWAYS)
        outcomes = self.send(self.jobs(40), provider=self.open(max_connections=1))
        assert [outcome.result for outcome in outcomes] == [Result.AMBIGUOUS] * 5

    def test_one_lost_answer_leaves_one_letter_in_doubt(self):
        self.service_fails(close=True, after=10)
        outcomes = self.send(self.jobs(40), provider=self.open(max_connections=1))
        results = [outcome.result for outcome in outcomes]
        assert results.count(Result.AMBIGUOUS) == 1
        assert results.count(Result.ACCEPTED) == 39
        assert set(self.copies().values()) == {1}

    def test_a_connection_lost_before_the_body_leaves_none(self):
        self.service_fails(stage="data", close=True)
        flight_outcomes = self.send(self.jobs(1))
        assert [outcome.result for outcome in flight_outcomes] == [Result.RETRY]

    def test_in_doubt_are_at_most_the_letters_in_flight(self):
        """What a crash would leave: started and not answered, at any moment."""

        class Counting(Watched):
            most = 0

            def started(self, refs):
                super().started(refs)
                self.most = max(self.most, len(self.started_refs) - len(self.answered_refs))

        flight = Counting()
        self.send(self.jobs(200), flight=flight, provider=self.open(max_connections=4))
        assert 1 <= flight.most <= 4


class TestReportsToSmtp(Conformance):
    """The promises of a webhook, for an SMTP account that was given a secret for reports."""

    provider = None

    @pytest.fixture(autouse=True)
    def _only_events(self, request):
        if not any(word in request.node.name for word in ("call_is", "same_fact", "without_a_key")):
            pytest.skip("the rest is TestSmtp's")

    def _needs_events(self):
        """It has them."""

    def open(self, **changes):
        return smtp_to(2525, **{"reports_secret": SECRET, **changes})

    def signed_webhook(self, refs, *, at=None):
        stamp = str(int((at or clock.now()).timestamp()))
        body = report_of(*refs)
        mac = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, "sha256").hexdigest()
        return body, {"X-Almanac-Timestamp": stamp, "X-Almanac-Signature": mac}

    def test_without_a_key_no_call_is_taken(self):
        body, headers = self.signed_webhook(["a"])
        with pytest.raises(Missing):
            self.open(reports_secret="").parse_webhook(body, headers)
        with pytest.raises(NotAllowed):
            self.open(reports_secret="another-secret-for-reports").parse_webhook(body, headers)


class PlainServer:
    """An SMTP server as the test writes it: answers by verb, no more. Real sockets."""

    def __init__(self, replies):
        self.replies = replies
        self.said = []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as file:
                file.write(b"220 plain\r\n")
                file.flush()
                data = False
                for line in file:
                    self.said.append(line)
                    if data and line != b".\r\n":
                        continue
                    verb = b"." if data else line[:4].upper().strip()
                    data = verb == b"DATA"
                    file.write(self.replies.get(verb, b"250 Ok\r\n"))
                    file.flush()
                    if verb == b"QUIT":
                        break


@pytest.fixture
def plain():
    servers = []

    def start(**replies):
        known = {b"DATA": b"354 Go\r\n", **{name.encode(): value for name, value in replies.items()}}
        servers.append(PlainServer(known))
        return servers[-1]

    yield start
    for server in servers:
        server.listening.close()


def smtp_to(port, **more):
    provider = Smtp(settings_of.read(Smtp, {"host": "127.0.0.1", "port": port, "security": "none", **more}))
    provider.deadline = 5
    return provider


def smtp_jobs(number):
    return [Job(f"r{n}", f"p{n}@home.example", EMAIL, (f"N{n}", "https://x.example/")) for n in range(number)]


def test_smtp_without_pipelining_waits_for_every_reply(plain):
    server = plain()
    provider = smtp_to(server.port, max_connections=1)
    outcomes = list(provider.send(smtp_jobs(3), NullFlight()))
    provider.close()
    assert [outcome.result for outcome in outcomes] == [Result.ACCEPTED] * 3


def test_smtp_goes_no_further_in_clear_when_starttls_is_not_offered(plain):
    server = plain(EHLO=b"250-plain\r\n250 AUTH PLAIN LOGIN\r\n")
    provider = smtp_to(server.port, security="starttls", username="me", password="hush-hush")
    (outcome,) = provider.send(smtp_jobs(1), NullFlight())
    assert (outcome.result, outcome.blame, outcome.code) == (Result.RETRY, Blame.ACCOUNT, "starttls_missing")
    assert not any(line[:4].upper() in {b"AUTH", b"MAIL", b"RCPT"} for line in server.said)


def test_smtp_asks_for_reports_where_the_server_offers_them(plain):
    server = plain(EHLO=b"250-plain\r\n250 DSN\r\n")
    provider = smtp_to(server.port, max_connections=1)
    list(provider.send(smtp_jobs(1), NullFlight()))
    provider.close()
    said = b"".join(server.said)
    assert b"MAIL FROM:<news@shop.example> RET=HDRS ENVID=r0\r\n" in said
    assert b"RCPT TO:<p0@home.example> NOTIFY=FAILURE,DELAY\r\n" in said


def test_smtp_over_tls_checks_the_certificate(tmp_path):
    """STARTTLS and TLS against a real server with its own authority: trusted when it is given, refused when not."""
    import ssl

    from aiosmtpd.controller import Controller
    from aiosmtpd.handlers import Sink

    certificate, key = own_certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    for security, more in (
        ("starttls", {"tls_context": context, "require_starttls": True}),
        ("tls", {"ssl_context": context}),
    ):
        server = Controller(Sink(), hostname="127.0.0.1", port=free_port(), **more)
        server.start()
        try:
            trusting = smtp_to(
                server.port, host="localhost", security=security, ca_certificates=certificate.read_text()
            )
            results = [outcome.result for outcome in trusting.send(smtp_jobs(12), NullFlight())]
            trusting.close()
            assert results == [Result.ACCEPTED] * 12
            (refused,) = smtp_to(server.port, host="localhost", security=security).send(smtp_jobs(1), NullFlight())
            assert (refused.result, refused.blame, refused.code) == (Result.RETRY, Blame.ACCOUNT, "certificate")
        finally:
            server.stop()


@contextmanager
def answering(body):
    """An HTTP server that answers every call with `body`; gives its port and the calls."""
    calls = []
    listening = socket.create_server(("127.0.0.1", 0))

    def run():
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                calls.append(connection.recv(65536))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    threading.Thread(target=run, daemon=True).start()
    yield listening.getsockname()[1], calls
    listening.close()


@pytest.mark.parametrize(("slug", "version"), [("sendgrid", "/v3"), ("x", "/2/"), ("fcm", "/v1")])
def test_an_address_that_names_the_version_is_the_same(sandbox, slug, version):
    given = sandbox.account_settings(slug)
    kind = registry.provider_class(slug)
    provider = kind(settings_of.read(kind, {**given, "base_url": given["base_url"] + version}))
    assert provider.check()
    provider.close()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def own_certificate(folder):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(True, False, False, False, False, True, True, False, False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, private


class TestSendGrid(Conformance):
    provider = SendGrid
    service = "sendgrid"
    at_once = 5

    def settings(self):
        return self.sandbox.account_settings("sendgrid")

    def small_batches(self):
        return {"batch_size": 5}

    def part(self):
        return EMAIL

    def address(self, number):
        return f"person{number}@home.example"

    def dead_address(self):
        return "no-domain@"

    def copies(self):
        return self.sandbox.copies(self.service)

    def signed_webhook(self, refs, *, at=None):
        at = at or clock.now()
        body = json.dumps([self.event(ref, sg_event_id=f"{ref}-{at.timestamp()}") for ref in refs]).encode()
        headers = signed(body, self.sandbox.keys, at=int(at.timestamp()))
        return body, {name: value for name, value in headers.items() if "Webhook" in name}

    def event(self, ref, **more):
        return {
            "almanac_ref": ref,
            "event": "delivered",
            "email": "p@home.example",
            "timestamp": 1795000000,
            "sg_message_id": "m1",
            **more,
        }

    def without_webhook_key(self):
        return {"webhook_public_key": ""}

    # --- special to SendGrid

    def test_the_request_is_what_sendgrid_takes(self):
        job = replace(self.jobs(1)[0], values=("Zoë -0- %name%", "https://shop.example/c/1/0"))
        self.send([job])
        (arrival,) = self.sandbox.arrivals("sendgrid")
        assert arrival.ref == job.ref
        assert arrival.subject == "Hello Zoë -0- %name% – Größe 50 %"
        data, person = json.loads(self.sandbox.raw(arrival)), arrival.detail["personalization"]
        assert person["headers"]["List-Unsubscribe"] == "<https://shop.example/c/1/0>"
        assert person["custom_args"] == {"almanac_ref": job.ref}
        content = {part["type"]: part["value"] for part in data["content"]}
        for tag, value in person["substitutions"].items():
            content = {kind: text.replace(tag, value) for kind, text in content.items()}
        assert content == {"text/plain": EMAIL.text.fill(job.values), "text/html": EMAIL.html.fill(job.values)}
        tracking = data["tracking_settings"]
        assert {tracking[name]["enable"] for name in tracking} == {False}
        assert set(tracking) == {"click_tracking", "open_tracking", "subscription_tracking"}

    def test_a_thousand_travel_in_one_call(self):
        provider, calls = self.counted(batch_size=1000)
        self.send(self.jobs(1000), provider=provider)
        assert len(calls) == 1
        assert len(self.copies()) == 1000

    def counted(self, **changes):
        """A provider, and a list that grows with each of its calls."""
        provider, calls = self.open(**changes), []
        call = provider._call

        def counting(*arguments):
            calls.append(arguments)
            return call(*arguments)

        provider._call = counting
        return provider, calls

    def test_one_bad_address_is_found_by_halving(self):
        jobs = self.jobs(200)
        jobs[77] = replace(jobs[77], address="no-domain@")
        provider, calls = self.counted()
        outcomes = {outcome.ref: outcome.result for outcome in self.send(jobs, provider=provider)}
        assert outcomes.pop(jobs[77].ref) == Result.REJECTED
        assert set(outcomes.values()) == {Result.ACCEPTED}
        assert len(calls) <= 2 * 8 + 1
        assert set(self.copies().values()) == {1}

    @pytest.mark.parametrize("status", [500, 502, 503])
    def test_an_error_of_the_server_is_in_doubt(self, status):
        self.service_fails(status=status)
        assert {outcome.result for outcome in self.send(self.jobs(3))} == {Result.AMBIGUOUS}

    def test_after_a_call_without_an_answer_there_is_no_other(self):
        self.service_fails(status=500, times=ALWAYS)
        outcomes = self.send(self.jobs(30), provider=self.open(batch_size=10))
        assert [outcome.result for outcome in outcomes] == [Result.AMBIGUOUS] * 10

    def test_long_personal_texts_are_refused_before_sendgrid_does(self):
        (outcome,) = self.send([replace(self.jobs(1)[0], values=("x" * 20_000, "u"))])
        assert (outcome.result, outcome.blame) == (Result.REJECTED, Blame.JOB)

    def test_two_keys_hold_while_one_is_being_changed(self):
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        other = ec.generate_private_key(ec.SECP256R1()).public_key()
        pem = other.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
        body, headers = self.signed_webhook(["a"])
        own = self.settings()["webhook_public_key"]
        assert self.open(webhook_public_key=pem, former_webhook_public_key=own).parse_webhook(body, headers)

    @pytest.mark.parametrize(
        ("told", "kind", "permanent", "fault"),
        [
            ({"event": "bounce", "type": "bounce", "status": "5.1.1"}, "bounced", True, "mailbox"),
            ({"event": "bounce", "type": "bounce", "reason": "500 unknown recipient"}, "bounced", True, "mailbox"),
            ({"event": "bounce", "type": "bounce", "status": "5.2.2", "reason": "full"}, "bounced", False, "mailbox"),
            ({"event": "bounce", "type": "bounce", "reason": "550 no"}, "bounced", False, "message"),
            (
                {"event": "bounce", "reason": "550 no", "bounce_classification": "Reputation"},
                "bounced",
                False,
                "policy",
            ),
            (
                {"event": "bounce", "type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 Relay access denied"},
                "bounced",
                False,
                "account",
            ),
            ({"event": "bounce", "type": "blocked", "status": "5.7.1"}, "bounced", False, "policy"),
            ({"event": "bounce", "type": "blocked", "reason": "550 User unknown"}, "bounced", False, "mailbox"),
            ({"event": "blocked", "reason": "554 5.7.1 blocked using rbl.example"}, "bounced", False, "policy"),
            ({"event": "bounce", "type": "bounce", "status": "5.7.1"}, "bounced", False, "policy"),
            ({"event": "deferred"}, "deferred", False, "message"),
            ({"event": "spamreport"}, "complained", False, ""),
            ({"event": "dropped", "reason": "Bounced Address"}, "rejected", True, "mailbox"),
            ({"event": "dropped", "reason": "Invalid"}, "rejected", True, "mailbox"),
            ({"event": "dropped", "reason": "Invalid SMTPAPI header"}, "rejected", False, "message"),
            ({"event": "dropped", "reason": "Unsubscribed Address"}, "rejected", False, "unsubscribed"),
            ({"event": "dropped", "reason": "Spam Reporting Address"}, "rejected", False, "complained"),
            (
                {"event": "dropped", "reason": "Spam Content (if Spam Checker app is enabled)"},
                "rejected",
                False,
                "message",
            ),
            ({"event": "dropped", "reason": "Recipient List over Package Quota"}, "rejected", False, "account"),
            ({"event": "dropped", "reason": "Something new"}, "rejected", False, "message"),
        ],
    )
    def test_events_mean(self, told, kind, permanent, fault):
        """As the Event Webhook Reference of Twilio describes them (read 2026-11-27)."""
        body = json.dumps([self.event("r", **told)]).encode()
        (event,) = self.open().parse_webhook(body, signed(body, self.sandbox.keys, at=int(time.time())))
        assert (event.kind, event.permanent, event.fault) == (kind, permanent, fault)
        assert "email" not in event.payload


class TestX(Conformance):
    provider = X
    service = "x"
    sends_one_at_a_time = True

    def settings(self):
        return self.sandbox.account_settings("x")

    def part(self):
        return PostPart("Our sale begins now https://shop.example/c/1/0")

    def address(self, number):
        return ""

    def copies(self):
        return dict(Counter(json.loads(self.sandbox.raw(post))["text"] for post in self.sandbox.arrivals("x")))

    def keys(self, jobs):
        return [job.part.text for job in jobs]

    def test_a_picture_travels_with_its_description(self):
        job = self.jobs(1)[0]
        picture = Media(PNG, "image/png", "A red chair", "chair.png")
        (outcome,) = self.send([replace(job, part=replace(job.part, media=(picture,)))])
        assert outcome.result == Result.ACCEPTED, outcome
        (post,) = self.sandbox.arrivals("x")
        (number,) = json.loads(self.sandbox.raw(post))["media"]["media_ids"]
        with closing(Store(self.sandbox.folder / "arrivals.sqlite3", read_only=True)) as store:
            kept = store.media(number)
        assert (kept.mime_type, kept.alt, kept.content) == ("image/png", "A red chair", PNG)

    def test_trouble_with_a_picture_leaves_nothing_in_doubt(self):
        job = self.jobs(1)[0]
        self.service_fails(stage="/2/media/upload", status=503)
        picture = Media(PNG, "image/png", "A red chair", "chair.png")
        (outcome,) = self.send([replace(job, part=replace(job.part, media=(picture,)))])
        assert (outcome.result, outcome.blame) == (Result.RETRY, Blame.PROVIDER)

    def test_the_same_text_again_is_refused_as_duplicate(self):
        job = self.jobs(1)[0]
        self.send([job])
        (outcome,) = self.send([job])
        assert (outcome.result, outcome.code) == (Result.REJECTED, "duplicate_content")

    def test_a_post_in_doubt_is_read_back(self):
        provider = self.open()
        began = clock.now() - timedelta(minutes=1)
        landed, never = self.jobs(2)
        self.service_fails(close=True)
        (outcome,) = self.send([landed], provider=provider)
        assert outcome.result == Result.AMBIGUOUS
        assert provider.look_up(landed, began).result == Result.ACCEPTED
        assert provider.look_up(never, began) is None

    def test_what_x_made_a_link_of_is_found_again_in_the_post(self):
        provider, began = self.open(), clock.now() - timedelta(minutes=1)
        part = PostPart("立即抢购https://shop.com/sale，全场五折。README.md")
        self.service_fails(close=True)
        job = replace(self.jobs(1)[0], part=part)
        assert self.send([job], provider=provider)[0].result == Result.AMBIGUOUS
        assert provider.look_up(job, began).result == Result.ACCEPTED

    def test_posts_that_differ_in_their_last_link_are_told_apart(self):
        provider, began = self.open(), clock.now() - timedelta(minutes=1)
        job = self.jobs(1)[0]
        self.service_fails(close=True)
        landed, other = (replace(job, part=PostPart(f"Sale https://t.company.com/{name}")) for name in "ab")
        self.send([landed], provider=provider)
        assert provider.look_up(landed, began).result == Result.ACCEPTED
        assert provider.look_up(other, began) is None

    def test_an_oauth2_token_alone_is_enough(self):
        with answering(b'{"data": {"id": "7", "text": "t"}}') as (port, calls):
            provider = X(settings_of.read(X, {"bearer_token": "oauth-2-token", "base_url": f"http://127.0.0.1:{port}"}))
            (outcome,) = provider.send(self.jobs(1), NullFlight())
            provider.close()
        assert (outcome.result, outcome.provider_id) == (Result.ACCEPTED, "7")
        assert calls[0].startswith(b"POST /2/tweets ")
        assert b"authorization: bearer oauth-2-token" in calls[0].lower()

    @pytest.mark.parametrize(
        ("text", "length"),
        [
            ("abc", 3),
            ("你好", 4),
            ("see https://shop.com/" + "x" * 200, 4 + 23),
            ("立即抢购https://shop.com/sale，全场五折" + "抢" * 120, 281),
            ("x" * 257 + " README.md", 281),
            ("https://shop.kids/a", 19),
            ("é", 1),
            ("🙂", 2),
            ("👩‍👩‍👧", 2),
            ("🇨🇳", 2),
        ],
    )
    def test_length_is_counted_as_x_does(self, text, length):
        provider = self.open()
        more = "x" * (280 - length) + " " * (length < 281)
        (told,) = provider.lint(PostPart(text=more + text))
        assert "281 characters long as X counts" in told
        assert length == 281 or provider.lint(PostPart(text=more[1:] + text)) == []


class TestFcm(Conformance):
    provider = Fcm
    service = "fcm"
    at_once = 16

    def service_fails(self, **fault):
        # By itself a fault would hit the sign-in, which comes first.
        super().service_fails(**({} if "stage" in fault else {"match": "messages:send"}), **fault)

    def settings(self):
        return self.sandbox.account_settings("fcm")

    def part(self):
        return PushPart(
            title=Text(("Hello ", Slot(0))),
            body=Text.of("The sale is open."),
            url=Text((Slot(1),)),
            image_url="https://shop.example/chair.png",
            collapse_id="sale",
            ttl=timedelta(hours=2),
        )

    def address(self, number):
        return f"device-token-{number:06d}"

    def dead_address(self):
        return "dead-device-token-1"

    def copies(self):
        return self.sandbox.copies("fcm")

    def elsewhere(self, port):
        return {
            "base_url": f"http://127.0.0.1:{port}",
            "service_account": "",
            "access_token": "a-test-token",
            "project_id": "p",
        }

    def test_the_notification_is_what_devices_take(self):
        job = self.jobs(1)[0]
        self.send([job])
        (arrival,) = self.sandbox.arrivals("fcm")
        message = json.loads(self.sandbox.raw(arrival))["message"]
        assert message["notification"] == {
            "title": f"Hello {job.values[0]}",
            "body": "The sale is open.",
            "image": "https://shop.example/chair.png",
        }
        assert message["data"]["url"] == job.values[1]
        assert message["android"]["collapse_key"] == "sale"
        assert message["android"]["ttl"] == "7200s"
        assert message["apns"]["headers"]["apns-collapse-id"] == "sale"

    def test_a_refused_sign_in_blames_the_account(self):
        self.service_fails(stage="/token", status=401, times=100)
        (outcome,) = self.send(self.jobs(1))
        assert (outcome.result, outcome.blame) == (Result.RETRY, Blame.ACCOUNT)

    def test_an_unreachable_sign_in_blames_the_service(self):
        info = json.loads(self.settings()["service_account"])
        info["token_uri"] = f"http://127.0.0.1:{free_port()}/token"
        (outcome,) = self.send(self.jobs(1), provider=self.open(service_account=info))
        assert (outcome.result, outcome.blame) == (Result.RETRY, Blame.PROVIDER)

    def test_elsewhere_the_token_is_not_asked_of_google(self):
        info = json.loads(self.settings()["service_account"])
        info["token_uri"] = "https://oauth2.googleapis.com/token"
        (outcome,) = self.send(self.jobs(1), provider=self.open(service_account=info))
        # The sandbox, unlike an emulator, takes its own tokens only: that it refuses ours shows that it was asked.
        assert (outcome.blame, outcome.code) == (Blame.ACCOUNT, "UNAUTHENTICATED")

    @pytest.mark.parametrize("status", [500, 503])
    def test_a_busy_service_is_tried_again(self, status):
        self.service_fails(status=status, retry_after=20)
        (outcome,) = self.send(self.jobs(1))
        assert (outcome.result, outcome.blame) == (Result.RETRY, Blame.PROVIDER)
        assert outcome.retry_at > clock.now()
