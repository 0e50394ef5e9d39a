"""From an answer to a verdict.

In this order: a code together with words that change it; words of the account or of a policy (whatever code they come with:
a relay that refuses us must never close an address); a code that means one thing; the other words; 5.7 as a whole; the reply
code. What nothing is known of counts as the message's and closes nobody.
"""

import re
from dataclasses import dataclass
from functools import cache

from channels.refusals import table
from channels.refusals.table import Fault, Rule

__all__ = ["Fault", "Verdict", "enhanced_code", "judge", "sentence_of"]

_ONE = r"([245]\.[0-7]\.\d{1,3})(?![\d.]*\d)"
# Where a code stands as one: first; after a reply code (a quoted answer of another server); as qmail writes it; in brackets
# at the very end. A number with dots among words is an address or a version.
_PLACES = (
    re.compile(rf"\s*#?{_ONE}"),
    re.compile(rf"(?<![\d.])[245]\d\d[ -]+#?{_ONE}"),
    re.compile(rf"\(?#{_ONE}\)?"),
    re.compile(rf"\({_ONE}\)\W*\Z"),
)
_ADDRESS = re.compile(r"<[^<>\s]*@[^<>\s]*>|[^\s<>\"'(),:;=]+@[^\s<>\"'(),:;]+")
# Up to where Chinese words go on without a space: they are the server's.
_LINK = re.compile(r"(?<![a-z0-9])https?://[!-~]+", re.IGNORECASE)
_HOST = re.compile(r"\b(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z]\b\.?", re.IGNORECASE)
_NUMBERED = re.compile(r"[\[(<]?\b[\w.:+/=-]*\d[\w.:+/=-]*[\])>]?")
_SPACE = re.compile(r"[\s\u00a0]+")

SIGN_IN = frozenset({530, 534, 535, 538})
"""Replies that speak of the sign-in whatever is said with them (RFC 4954)."""
SHORT = 5
"""Words of so many letters at most must also end where they end: “spf” is not in “spfx”."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whose fault a refusal is. `closes`: the address is dead for good. `code` is what the server gave, or its reply code."""

    fault: Fault
    closes: bool
    passing: bool
    code: str


def enhanced_code(text: str, reply: int = 0) -> str:
    """The enhanced status code (RFC 3463) in a server's `text`, or nothing.

    With `reply` only a code of the same class counts, as RFC 2034 demands.
    """
    first = str(reply)[0] if reply else ""
    for place in _PLACES:
        found = place.match(text) if place is _PLACES[0] else place.search(text)
        if found and (not first or found[1].startswith(first)):
            return found[1]
    return ""


def judge(reply: int, text: str, *, stage: str = "rcpt", code: str = "") -> Verdict:
    """What ``reply text`` means, said at `stage` (``mail``, ``rcpt``, ``data``, ``dot`` or ``report``).

    `code` is the enhanced code when it came apart from the text, as in a report. A reply of 0 says nothing by itself.
    """
    code = code if re.fullmatch(_ONE, code) else enhanced_code(text, reply)
    passing = code.startswith("4") if code and not reply else 400 <= reply < 500
    rule = _rule(code.partition(".")[2], _plain(text))
    if rule:
        fault, closes = rule.fault, rule.closes
    elif code.startswith("5.7."):
        fault, closes = Fault.POLICY, False  # RFC 3463: security or policy, of whatever kind
    else:
        fault, closes = _by_reply(reply, stage)
    if stage == "mail" and fault == Fault.MAILBOX:
        fault = Fault.ACCOUNT  # before a recipient is named, nobody's mailbox can be meant but the sender's
    if reply in SIGN_IN and stage != "report":
        fault = Fault.ACCOUNT
    closes = closes and fault == Fault.MAILBOX and not passing
    return Verdict(fault, closes, passing, code or (str(reply) if reply else ""))


def _rule(code: str, said: str) -> Rule | None:
    for pair in table.pairs():
        if pair.code == code and pair.words in said:
            return pair
    spoken = next((rule for rule, pattern in _patterns() if pattern.search(said)), None)
    if spoken and spoken.fault in {Fault.ACCOUNT, Fault.POLICY}:
        return spoken
    coded = _codes().get(code)
    if coded and coded.closes and spoken and spoken.fault == Fault.MAILBOX and not spoken.closes:
        return spoken  # 5.1.1 or 5.2.1, and it is only full or has had enough for now
    return coded or spoken


def _by_reply(reply: int, stage: str) -> tuple[Fault, bool]:
    if reply == 421:
        return Fault.PROVIDER, False
    if reply in {521, 523} or reply in SIGN_IN:
        return Fault.ACCOUNT, False
    if reply == 556:
        return Fault.MAILBOX, True  # RFC 7504: the domain takes no mail
    if stage == "mail" and reply >= 500 and reply not in {552, 555}:
        return Fault.ACCOUNT, False
    return Fault.MESSAGE, False


@cache
def _codes() -> dict[str, Rule]:
    return {rule.code: rule for rule in table.codes()}


@cache
def _patterns() -> tuple[tuple[Rule, re.Pattern[str]], ...]:
    found = []
    for rule in table.words():
        end = r"(?![a-z0-9])" if len(rule.words) <= SHORT else ""
        found.append((rule, re.compile(rf"(?<![a-z0-9]){re.escape(rule.words)}{end}")))
    return tuple(found)


def _plain(text: str) -> str:
    """What was said, in lower case, without what others chose: addresses and links."""
    text = _LINK.sub(" ", _ADDRESS.sub(" ", text[:4000]))
    return _SPACE.sub(" ", text.replace("’", "'")).strip().lower()


def sentence_of(text: str) -> str:
    """`text` without whatever differs between two recipients, so that the same refusal can be known again.

    Addresses, hosts, links, and every word with a digit in it (queue ids, times, addresses of machines) are left out, except
    an enhanced code.
    """
    code = enhanced_code(text) or enhanced_code(re.sub(r"\A\d{3}[ -]?", "", text))
    said = _NUMBERED.sub(" ", _HOST.sub(" ", _plain(text))).replace("…", " ")
    return f"{code} {' '.join(re.findall(r'[^\W\d_]+', said))}".strip()
