"""What a mail server's “no” means: every row of the table on the answer it was read from, and what must never be a code."""

import re

import pytest

from channels import refusals
from channels.refusals import Fault, enhanced_code, judge, page, table
from core import clock


def split(said):
    """Reply code and text of an answer as it is written down; several lines are joined as the client joins them."""
    found = re.match(r"(\d{3})[ -](.*)", said)
    return (int(found[1]), re.sub(r"(?<=\s)\d{3}[ -](?=\S)", "", found[2])) if found else (0, said)


@pytest.mark.parametrize("answer", table.answers(), ids=lambda answer: f"{answer.source}: {answer.said[:60]}")
def test_real_answers_mean_what_their_source_says(answer):
    reply, text = split(answer.said)
    verdict = judge(reply, text, stage=answer.stage)
    assert (verdict.fault, verdict.closes) == (answer.fault, answer.closes)


def test_there_are_enough_of_them_and_of_everybody():
    told = {answer.source for answer in table.answers()}
    assert len(table.answers()) >= 200
    assert told >= {"postfix", "exim", "opensmtpd", "sendmail", "courier", "qmail"}
    assert told >= {"gmail", "microsoft", "yahoo", "icloud", "tencent", "netease", "unitedinternet", "mailru", "yandex"}
    assert len({answer.said for answer in table.answers()}) == len(table.answers())


def test_every_row_has_a_source_and_every_source_a_date():
    rows = [*table.codes(), *table.pairs(), *table.words(), *table.answers()]
    assert {row.source for row in rows} <= set(table.sources())
    assert all(
        source.where.startswith("http") and source.date <= clock.now().date() for source in table.sources().values()
    )


def test_no_rule_is_hidden_by_an_earlier_one():
    """A later row whose words hold an earlier row's can never be reached: it would say something that is not so."""
    seen = []
    for rule in table.words():
        earlier = next((other for other in seen if other.words in rule.words and other.fault != rule.fault), None)
        assert earlier is None or len(earlier.words) <= 5 or not rule.words.startswith(earlier.words), (earlier, rule)
        seen.append(rule)
    assert len({rule.code for rule in table.codes()}) == len(table.codes())
    assert len({rule.words for rule in table.words()}) == len(table.words())


def test_only_words_of_a_mailbox_close():
    for rule in (*table.codes(), *table.pairs(), *table.words()):
        assert not rule.closes or rule.fault == Fault.MAILBOX


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("5.1.1 No such user", "5.1.1"),
        ("#5.1.1 no such user", "5.1.1"),
        ("sorry, no mailbox here by that name (#5.1.1)", "5.1.1"),
        ("sorry, no mailbox here by that name. (#5.1.1 - chkuser)", "5.1.1"),
        ("no such user (5.1.1)", "5.1.1"),
        ("host mx.shop.example[192.0.2.44] said: 550 5.1.1 unknown (in reply to RCPT TO command)", "5.1.1"),
        ("5.4.316 Message expired", "5.4.316"),
        ("refused by 192.0.2.44", ""),
        ("refused by [5.1.1.44]", ""),
        ("5.1.1.44 is not welcome", ""),
        ("Exim 4.97.1 says no", ""),
        ("our filter, version 5.7.26, says no", ""),
        ("filter 5.7.26", ""),
        ("5.9.1 no such subject", ""),
        ("4.1.1 another class than the reply", ""),
        ("", ""),
    ],
)
def test_a_code_is_one_where_it_stands_as_one(text, code):
    assert enhanced_code(text, 550) == code


@pytest.mark.parametrize(
    "text",
    [
        "relay not permitted",
        "5.1.1 Relaying denied",
        "5.1.1 authentication required",
        "5.1.1 blocked using rbl.example",
    ],
)
@pytest.mark.parametrize("reply", [450, 550, 553, 554])
def test_whatever_code_it_comes_with_a_refusal_of_us_closes_nobody(reply, text):
    verdict = judge(reply, text)
    assert verdict.fault in {Fault.ACCOUNT, Fault.POLICY}
    assert not verdict.closes


def test_a_passing_refusal_never_closes():
    for answer in table.answers():
        reply, text = split(answer.said)
        if 500 <= reply < 600:
            assert not judge(reply - 100, text.replace("5.", "4.", 1), stage=answer.stage).closes


def test_what_is_not_known_closes_nobody():
    for reply in (*range(500, 556), *range(557, 600)):
        assert not judge(reply, "no").closes


def test_words_of_others_are_not_the_servers():
    assert judge(550, "<spamhaus@rbl.example>: User unknown").closes
    assert judge(550, "User unknown, see https://x.example/relay-access-denied").closes
    assert judge(
        550, "见https://x.example/relay-access-denied，User unknown"
    ).closes  # no space around a link in Chinese


def test_the_same_refusal_is_known_again_at_another_domain():
    one = refusals.sentence_of("550 5.7.1 <ann@a.example>: not today, mx1.a.example [192.0.2.1] id=4XyZ12 at 10:01")
    other = refusals.sentence_of("550 5.7.1 <bob@b.example>: not today, mx7.b.example [2001:db8::7] id=9QqR88 at 11:59")
    assert one == other == "5.7.1 not today id at" or one == other
    assert one != refusals.sentence_of("550 5.1.1 <ann@a.example>: no such user")
    assert refusals.sentence_of("550 5.1.1 …: gone") == refusals.sentence_of("550 5.1.1 <a@b.example>: gone")


def test_the_page_of_the_documentation_is_current():
    """Else run ``python -m channels.refusals.page``."""
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.page(text) == text
