"""What real servers say, and what comes of it: refusals of Exim and Postfix, their reports, and inboxes at Dovecot."""

import pytest

from channels import reports, settings_of
from channels.base import Blame, Job, NullFlight, Result
from channels.providers.smtp import Smtp
from channels.reports import boxes
from core.errors import FixSettings
from tests import mail_servers
from tests.contract.conformance import Conformance
from tests.unit.channels.test_reports import Scripted, dsn, group

REFS = [f"{number:x}-0123456789abcdef0123" for number in range(1, 9)]


def refused(port, address, ref=REFS[0], **more):
    """The outcome of one message to `address`."""
    given = {"host": "127.0.0.1", "port": port, "security": "none", "from_email": "news@shop.example", **more}
    provider = Smtp(settings_of.read(Smtp, {"reports_address": "reports@shop.example", "reports": "all", **given}))
    provider.deadline = 20
    try:
        (outcome,) = provider.send([Job(ref, address, Conformance.email())], NullFlight())
    finally:
        provider.close()
    return outcome


@pytest.fixture(scope="module")
def exim():
    with mail_servers.exim() as found:
        yield found


@pytest.fixture(scope="module")
def postfix():
    def answer(line):
        verb = line[:4].upper()
        if verb == "RCPT":
            return b"550 5.1.1 <late@late.example>: Recipient address rejected: User unknown\r\n"
        return b"221 bye\r\n" if verb == "QUIT" else b"250 ok\r\n"

    onward = Scripted(b"220 next\r\n", answer)
    with mail_servers.postfix(onward.port) as found:
        yield found
    onward.listening.close()


@pytest.fixture(scope="module")
def dovecot():
    with mail_servers.dovecot() as found:
        yield found


def reported(folder, ref):
    """The events of the report about `ref`, once it has come."""

    def look():
        for path in folder.rglob("*"):
            if path.is_file() and path.parent.name in {"new", "cur"}:
                found = [event for event in reports.read(path.read_bytes()) if event.ref == ref]
                if found:
                    return found
        return None

    return mail_servers.wait_until(look)


@pytest.mark.exim
def test_exims_refusal_to_relay_is_the_accounts(exim):
    outcome = refused(exim[0], "p@elsewhere.example")
    assert "relay not permitted" in outcome.detail
    assert (outcome.result, outcome.blame) == (Result.RETRY, Blame.ACCOUNT)


@pytest.mark.exim
def test_exims_unknown_user_is_the_mailboxs(exim):
    outcome = refused(exim[0], "nobody@home.example")
    assert (outcome.result, outcome.blame, outcome.code) == (Result.REJECTED, Blame.ENDPOINT, "550"), outcome


@pytest.mark.exim
def test_exims_reports_prove_and_bounce(exim):
    port, folder = exim
    assert refused(port, "late@late.example", REFS[1]).result == Result.ACCEPTED
    (event,) = reported(folder, REFS[1])
    assert (event.kind, event.permanent, event.fault) == ("bounced", True, "mailbox")
    assert refused(port, "ann@home.example", REFS[2]).result == Result.ACCEPTED
    (event,) = reported(folder, REFS[2])
    assert (event.kind, event.permanent) == ("delivered", False)


@pytest.mark.postfix
def test_postfixs_refusal_to_relay_is_the_accounts(postfix):
    outcome = refused(postfix[0], "p@elsewhere.example")
    assert outcome.code in {"5.7.1", "4.7.1"}
    assert "Relay access denied" in outcome.detail
    assert (outcome.result, outcome.blame) == (Result.RETRY, Blame.ACCOUNT)


@pytest.mark.postfix
def test_postfixs_unknown_user_is_the_mailboxs(postfix):
    outcome = refused(postfix[0], "nobody@home.example")
    assert (outcome.result, outcome.blame, outcome.code) == (Result.REJECTED, Blame.ENDPOINT, "5.1.1"), outcome


@pytest.mark.postfix
def test_postfixs_reports_prove_and_bounce(postfix):
    port, folder = postfix
    assert refused(port, "late@late.example", REFS[3]).result == Result.ACCEPTED
    (event,) = reported(folder, REFS[3])
    assert (event.kind, event.permanent, event.fault) == ("bounced", True, "mailbox")
    assert refused(port, "ann@home.example", REFS[4]).result == Result.ACCEPTED
    (event,) = reported(folder, REFS[4])
    assert (event.kind, event.permanent) == ("delivered", False)


@pytest.mark.dovecot
@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_an_inbox_at_dovecot_is_emptied_of_reports_only(dovecot, settings, protocol):
    settings.ALMANAC_ALLOWED_PRIVATE_HOSTS = ["127.0.0.1"]
    imap, pop3, mail, put = dovecot
    for path in mail.rglob("*.M.mx*"):
        path.unlink()
    boxes._left_in.clear()
    put(dsn(group()))
    put(b"Subject: A question\n\nWhere is my order?\n")
    address = f"{protocol}://news@127.0.0.1:{imap if protocol == 'imap' else pop3}/"
    found = []
    for _poll in range(2):
        box = boxes.open_box(address, "hush-hush")
        try:
            boxes.empty(box, lambda raw: bool(found.extend(reports.read(raw)) or reports.read(raw)))
        finally:
            box.close()
    assert [event.ref for event in found] == ["1a2b-0123456789abcdef0123"]
    left = [path for path in mail.rglob("*.M.mx*") if path.is_file()]
    assert [b"question" in path.read_bytes() for path in left] == [True]
    with pytest.raises(FixSettings):
        boxes.open_box(address, "another")
