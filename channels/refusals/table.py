"""The table as data: codes, words, pairs of both, real answers to try them on, and where each comes from."""

import csv
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent


class Fault(StrEnum):
    """Whose fault a refusal is."""

    MAILBOX = "mailbox"  # this address: it does not exist, is full, has moved
    MESSAGE = "message"  # this letter: its size, its content; or it is only put off
    ACCOUNT = "account"  # the sender or the account: relaying, sign-in, sender address, the account's own limits
    POLICY = "policy"  # reputation, block lists, authentication of the domain
    PROVIDER = "provider"  # the server: busy, full, broken


@dataclass(frozen=True, slots=True)
class Source:
    """Where a row was read, and of what date that is."""

    id: str
    name: str
    where: str
    date: date


@dataclass(frozen=True, slots=True)
class Rule:
    """A code, words, or both, and what they say. `code` is without its class: ``1.1`` stands for 5.1.1 and 4.1.1."""

    fault: Fault
    closes: bool
    source: str
    code: str = ""
    words: str = ""
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that a server gives, and what it has to be taken for."""

    source: str
    stage: str
    fault: Fault
    closes: bool
    said: str


def _rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="|", quoting=csv.QUOTE_NONE))


def _rules(name: str) -> tuple[Rule, ...]:
    return tuple(
        Rule(
            Fault(row["fault"]),
            row["closes"] == "yes",
            row["source"],
            row.get("code", ""),
            row.get("words", ""),
            row.get("meaning", ""),
        )
        for row in _rows(name)
    )


@cache
def sources() -> dict[str, Source]:
    """Sources by id."""
    return {
        row["id"]: Source(row["id"], row["name"], row["where"], date.fromisoformat(row["date"]))
        for row in _rows("sources.csv")
    }


@cache
def codes() -> tuple[Rule, ...]:
    """Enhanced codes that mean one thing, whatever is said with them."""
    return _rules("codes.csv")


@cache
def pairs() -> tuple[Rule, ...]:
    """Codes that mean something else when certain words come with them."""
    return _rules("pairs.csv")


@cache
def words() -> tuple[Rule, ...]:
    """Words in the order in which they are asked: the account's and the policy's first, for they close nobody."""
    return _rules("words.csv")


@cache
def answers() -> tuple[Answer, ...]:
    """Real answers, for the tests and the page of the documentation."""
    return tuple(
        Answer(row["source"], row["stage"], Fault(row["fault"]), row["closes"] == "yes", row["said"])
        for row in _rows("answers.csv")
    )
