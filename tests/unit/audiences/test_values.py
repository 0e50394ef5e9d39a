"""What cells say, by the rule of the whole column."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.audiences import values
from campaigns.audiences.values import Kind, Style


@pytest.mark.parametrize(
    ("cells", "separator", "expected"),
    [
        (["12", "0", "-3"], ",", [12, 0, -3]),
        (["1234.56", "7"], ",", [1234.56, 7]),
        (["1,234.56", "12.5"], ",", [1234.56, 12.5]),
        (["1.234,56", "12"], ";", [1234.56, 12]),
        (["12,5", "1.234"], ",", [12.5, 1234]),  # 12,5 leaves no doubt, so 1.234 is twelve hundred
        (["12.5", "1,234"], ",", [12.5, 1234]),
        (["1,234", "2,345"], ",", [1234, 2345]),
        (["1,234", "2,345"], ";", [1.234, 2.345]),
        (["1.234", "2.345"], ";", [1.234, 2.345]),  # a point is decimal until the column says otherwise
        (["0,125"], ",", [0.125]),
        (["1.234.567"], ",", [1234567]),
        (["$1,299.90", "$5"], ",", [1299.9, 5]),
        (["1 299,90 €", "5,00 €"], ";", [1299.9, 5.0]),
        (["EUR 12.50", "USD 3.00"], ",", [12.5, 3.0]),
        (["¥129,000", "￥1,000"], ",", [129000, 1000]),
        (["1’234.50", "10.00"], ",", [1234.5, 10.0]),
        (["1,29,900.00"], ",", [129900.0]),
        (["(12.50)", "3-", "−4"], ",", [-12.5, -3, -4]),
        (["1.5E+3"], ",", [1500.0]),
        (["R$ 10,50"], ";", [10.5]),
        (["￥１，２３４．５０", "９９"], ",", [1234.5, 99]),  # as a Chinese input method writes them
    ],
)
def test_numbers_as_shops_write_them(cells, separator, expected):
    style = values.guess("Total Spent", cells, separator)
    assert style.kind == Kind.NUMBER
    found = [values.read(cell, style) for cell in cells]
    assert found == expected
    assert [type(one) for one in found] == [type(one) for one in expected]


@pytest.mark.parametrize(
    ("heading", "cells"),
    [
        ("Zip", ["10115", "20095"]),
        ("Customer ID", ["1", "2"]),
        ("Phone", ["49170123456"]),
        ("Ref", ["00042", "1"]),
        ("Ref", ["1234567890123456"]),
        ("Ref", ["1,5", "1.5"]),
        ("Tier", ["gold", "1"]),
        ("When", ["01/02/2026", "03/04/2026"]),
        ("Version", ["1.2.3"]),
        ("Rate", ["12%"]),
        ("Empty", []),
    ],
)
def test_what_is_no_number_or_not_sure_stays_a_text(heading, cells):
    assert values.guess(heading, cells) == Style(Kind.TEXT)


@pytest.mark.parametrize(
    ("heading", "cells", "expected"),
    [
        ("Since", ["2026-11-27", "2026-1-5"], ["2026-11-27", "2026-01-05"]),
        (
            "Since",
            ["2026-11-27 09:30:00", "2026-11-27T09:30:00Z"],
            ["2026-11-27T09:30:00", "2026-11-27T09:30:00+00:00"],
        ),
        ("Since", ["27.11.2026", "1.2.2026 00:00"], ["2026-11-27", "2026-02-01"]),
        ("Since", ["27/11/2026", "01/02/2026"], ["2026-11-27", "2026-02-01"]),
        ("Since", ["11/27/2026", "01/02/2026 2:30 PM"], ["2026-11-27", "2026-01-02T14:30:00"]),
        ("Since", ["2026年11月27日"], ["2026-11-27"]),
        ("Date of birth", ["45000", "36526"], ["2023-03-15", "2000-01-01"]),
        ("VIP", ["yes", "No"], [True, False]),
        ("会员", ["是", "否"], [True, False]),
    ],
)
def test_dates_and_flags(heading, cells, expected):
    style = values.guess(heading, cells)
    assert [values.read(cell, style) for cell in cells] == expected


def test_impossible_days_are_no_dates():
    assert values.guess("Since", ["2026-02-30"]).kind == Kind.TEXT
    assert values.read("2026-02-30", Style(Kind.DATE)) is None


def test_a_spreadsheets_rewriting_is_recognised():
    # LibreOffice 7 and Excel 2019 show a 16-digit number in a general cell so.
    assert values.is_scientific("1.23457E+15")
    assert not values.is_scientific("E15")


@given(st.integers(-(10**12), 10**12), st.sampled_from([".", ","]))
def test_every_whole_number_survives_its_grouping(number, mark):
    group = "," if mark == "." else "."
    assert values.number(f"{number:,}".replace(",", group), mark) == number


@given(st.decimals(-(10**9), 10**9, places=2))
def test_money_survives_both_ways_of_writing(amount):
    english = f"{amount:,.2f}"
    german = english.translate(str.maketrans(",.", ".,"))
    assert values.number(english, ".") == values.number(german, ",") == float(amount)


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("12.50", "number", 12.5),
        ("1,250", "number", None),
        (True, "number", None),
        (3, "number", 3),
        ("yes", "flag", True),
        (1, "flag", None),
        ("2026-11-27", "date", "2026-11-27"),
        ("soon", "date", None),
        (7, "text", "7"),
        (["a"], "text", ["a"]),
        (["a"], "number", None),
    ],
)
def test_values_of_the_api_are_taken_as_json_and_iso_write_them(value, kind, expected):
    assert values.coerced(value, kind) == expected


@pytest.mark.parametrize("nothing", ["-", "–", "n/a", "N/A", "无"])
def test_what_stands_for_no_value_makes_no_column_of_numbers_a_text(nothing):
    assert values.guess("Spent", ["150", nothing]).kind == Kind.NUMBER
    assert values.guess("Spent", [nothing]) == Style(Kind.TEXT)
