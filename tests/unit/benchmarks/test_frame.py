"""The frame of `python -m benchmarks`: turns, ratios, exit codes, JSON, the table."""

import json
import subprocess
import sys
from contextlib import contextmanager

import pytest

from benchmarks import frame, page, tools
from benchmarks.frame import Benchmark, Missing, Pair


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(frame, "busy", lambda: 0.25)


def benchmark(ours, reference, floor=0.5, **more):
    calls = []

    @contextmanager
    def opened(short):
        figures = iter(ours), iter(reference)

        def side(name, values):
            def run():
                calls.append(name)
                return next(values)

            return run

        yield Pair(side("ours", figures[0]), side("reference", figures[1]))

    return Benchmark("b", "what", "its reference", floor, 0.9, opened, **more), calls


def test_the_two_sides_run_in_turns_at_least_three_times_and_the_median_counts():
    made, calls = benchmark([50, 80, 100], [100, 100, 100], pairs=1)
    measured = frame.run(made, short=False)
    assert calls == ["reference", "ours"] * 3
    assert measured.as_json() == {
        "name": "b",
        "reference": "its reference",
        "ratio": 0.8,
        "spread": 0.625,
        "floor": 0.5,
        "ambition": 0.9,
        "ok": True,
    }
    assert measured.load == 0.25 and "load  25%" in measured.line() and "floor 0.5" in measured.line()


def test_below_the_floor_is_1_and_a_reference_that_is_not_installed_is_2_and_names_the_package():
    fine = frame.run(benchmark([9] * 3, [10] * 3)[0], short=False)
    slow = frame.run(benchmark([1] * 3, [10] * 3)[0], short=False)

    @contextmanager
    def absent(short):
        raise Missing("smtp-source", "postfix")
        yield

    missing = frame.run(Benchmark("c", "w", "r", 1, None, absent), short=False)
    assert [frame.exit_code(found) for found in ([fine], [fine, slow], [fine, missing], [slow, missing])] == [
        0,
        1,
        2,
        1,
    ]
    assert "postfix" in missing.line() and missing.as_json()["ratio"] is None


def test_the_short_form_runs_once_and_judges_plans_and_not_figures():
    made, calls = benchmark([1], [10])
    measured = frame.run(made, short=True)
    assert measured.ok and calls == ["reference", "ours"]

    @contextmanager
    def scans(short):
        raise AssertionError("SCAN publishing_attempt")
        yield

    broken = frame.run(Benchmark("c", "w", "r", 1, None, scans), short=True)
    assert not broken.ok and "SCAN" in broken.line() and frame.exit_code([broken]) == 1


def test_a_program_that_is_not_there_is_missing():
    with pytest.raises(Missing, match="package nothing-of-ours"):
        tools.program("almanac-is-not-a-program", "nothing-of-ours")


def test_the_page_keeps_the_lines_of_what_was_not_run():
    one = frame.run(benchmark([8] * 3, [10] * 3)[0], short=False)
    text = f"before\n{page.BEGIN}\n\n| `a` | old |\n| `b` | old |\n\n{page.END}\nafter"
    written = page.page(text, one, "two cores")
    assert "| `a` | old |" in written and written.count("| `b` |") == 1 and "**0.80**" in written
    assert written.startswith("before") and written.endswith("after") and "The machine: two cores." in written


def test_every_case_is_found_and_the_command_refuses_a_name_that_there_is_not():
    assert {"email_sqlite_1", "email_sqlite_2", "email_postgres_2", "email_stateless"} <= set(frame.registered())
    done = subprocess.run([sys.executable, "-m", "benchmarks", "nothing"], capture_output=True, text=True)
    assert done.returncode == 2 and "email_sqlite_1" in done.stderr


def test_json_is_all_that_is_printed(monkeypatch, capsys):
    from benchmarks import __main__ as command

    monkeypatch.setattr(frame, "registered", lambda: {"b": benchmark([8] * 3, [10] * 3)[0]})
    monkeypatch.setattr(sys, "argv", ["benchmarks", "b", "--json"])
    assert command.main() == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == ["b"]
