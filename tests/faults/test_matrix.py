"""The matrix in docs/explanation/faults.md is whole and true: every fault has a row, every test it names is there."""

import re
from functools import cache

import pytest

from core import failpoints
from tests.faults.harness.place import ROOT

PAGE = ROOT / "docs" / "explanation" / "faults.md"
ROW = re.compile(r"^\| ([FA]\d+) \|(.*)$", re.MULTILINE)
TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")
EVERY = [f"F{number}" for number in range(1, 35)] + [f"A{number}" for number in range(1, 12)]


def rows() -> dict[str, str]:
    return dict(ROW.findall(PAGE.read_text()))


@cache
def functions(path: str) -> frozenset[str]:
    file = ROOT / path if "/" in path else ROOT / "tests" / "faults" / path
    return frozenset(re.findall(r"^def (test_\w+)\(", file.read_text(), re.MULTILINE))


def test_every_fault_and_every_public_failure_has_a_row():
    assert list(rows()) == EVERY


@pytest.mark.parametrize("fault", EVERY)
def test_the_tests_of_a_row_are_there(fault):
    named = TEST.findall(rows()[fault])
    assert named, f"{fault} names no test"
    missing = [f"{path}::{name}" for path, name in named if name not in functions(path)]
    assert missing == []


def test_every_scenario_stands_in_the_matrix():
    """A test of the suite that no row names would be kept up for nobody."""
    named = {name for _path, name in TEST.findall(PAGE.read_text())}
    harness = {"test_matrix.py", "test_harness.py"}
    written = {
        name
        for path in (ROOT / "tests" / "faults").glob("test_*.py")
        if path.name not in harness
        for name in functions(path.name)
    }
    assert written - named == set()


def test_every_failpoint_in_the_code_is_explained():
    code = re.compile(r"failpoints\.reached\((.*?)\)\n")
    places = set()
    for room in ("core", "campaigns", "channels", "cms", "config"):
        for path in (ROOT / room).rglob("*.py"):
            if path.name != "failpoints.py":
                for argument in code.findall(path.read_text()):
                    places |= set(re.findall(r'"(\w+)"', argument))
    explained = set(re.findall(r"^\| `(\w+)` \|", PAGE.read_text(), re.MULTILINE))
    assert places, "no place at all"
    assert places == explained
    assert failpoints.VARIABLE in PAGE.read_text()
