"""Style rules moved to their elements: what holds for everyone is moved, the rest stays and still wins where it did."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cms import inlining, markup


def style_of(html, name="p"):
    return re.search(rf'<{name}\b[^>]*?style="([^"]*)"', html)[1]


@pytest.mark.parametrize("media", ["print", "(prefers-color-scheme: dark)", "only screen and (max-width: 9px)"])
def test_rules_for_some_stay_where_they_are(media):
    source = f'<style media="{media}">a{{display:none;color:#fff}}</style><a href="https://a.example">A</a>'
    assert inlining.inline(source) == source
    assert "https://a.example" in markup.html_to_text(inlining.inline(source))


@pytest.mark.parametrize("media", ["", ' media="all"', ' media="screen"', ' media="screen, print"', " media=''"])
def test_rules_for_everyone_are_moved(media):
    assert style_of(inlining.inline(f"<style{media}>p{{color:red}}</style><p>x</p>")) == "color:red"


@pytest.mark.parametrize(
    ("rule", "own", "style"),
    [
        (
            "p{background:#eee;background:linear-gradient(red,blue)}",
            "",
            "background:#eee;background:linear-gradient(red,blue)",
        ),
        ("p{color:red} p{color:blue}", "", "color:blue"),
        ("p{color:red} .a{color:blue}", "", "color:blue"),
        (".a{color:red} p{color:blue}", "", "color:red"),
        ("p{color:red;margin:0}", "color:blue", "margin:0;color:blue"),
        ("p{color:red!important}", "color:blue", "color:blue;color:red"),
        ("p{*zoom:1;color:red}", "", "color:red"),
        ("p{color:red}", "bold", "color:red;bold"),
        (":root{--c:#123456} p{color:var(--c)}", "", "color:#123456"),
        ("p{color:var(--none, navy)}", "", "color:navy"),
        ("p{color:var(--none);margin:0}", "", "margin:0"),
        ("p{--a:var(--b);--b:var(--a);color:var(--a);margin:0}", "", "margin:0"),
        ('p{font-family:"A B"}', "", "font-family:'A B'"),
        ("p:hover{color:red} p{margin:0}", "", "margin:0"),
        ("@media print{p{color:red}} p{margin:0}", "", "margin:0"),
    ],
)
def test_the_cascade_is_kept(rule, own, style):
    html = inlining.inline(f'<style>{rule}</style><p class="a" style="{own}">x</p>')
    assert style_of(html) == style


def test_what_changes_at_night_keeps_changing():
    html = inlining.inline(
        "<style>:root{--c:#fff} @media (prefers-color-scheme:dark){:root{--c:#000}} p{color:var(--c)}</style><p>x</p>"
    )
    assert style_of(html) == "color:#fff;color:var(--c)"


def test_what_used_to_win_over_a_moved_rule_still_does():
    html = inlining.inline(
        "<style>p{color:red} @media (max-width:9px){p{color:blue}} p:hover{color:lime}</style><p>x</p>"
    )
    assert "p{color:blue !important;}" in html
    assert "p:hover{color:lime !important;}" in html


@pytest.mark.parametrize(
    "kept",
    [
        "<![if !mso]><b>x</b><![endif]>",
        "<!--[if mso]><i>y</i><![endif]-->",
        "<!--[if !mso]><!--><b>x</b><!--<![endif]-->",
    ],
)
def test_conditional_comments_survive(kept):
    assert kept in inlining.inline(f"<style>p{{color:red}}</style><p>x</p>{kept}")


def test_a_style_told_to_few_is_noted_with_its_line():
    (note,) = inlining.notes("\n<style>\n@import url(https://a.example/x.css);\np{color:red}</style><p>x</p>")
    assert note.startswith("Line 3: @import")


BITS = [
    "<style>",
    "</style>",
    "<p class=a>",
    "</p>",
    "<td",
    " style='",
    '"',
    "color:red",
    "*zoom:1;",
    "{",
    "}",
    "(",
    ")",
    "@media ",
    "screen",
    "!important",
    "var(--a)",
    "--a:var(--a);",
    "<!--",
    "-->",
    "<![if !mso]>",
    "<![endif]>",
    ":not(",
    ":is(a",
    "::x",
    "{{ first_name }}",
    "{% if first_name %}",
    "{% endif %}",
    "url(",
    "\\",
    "/*",
    "*/",
    "&",
    "\x00",
    "é",
    "p",
    ",",
    ";",
    ":",
    "<a href=https://[>",
    "almanac-place-7x",
    "#",
    "[a=",
    "]",
    "\r\n",
    ">",
]
TEXTS = st.lists(st.sampled_from(BITS), max_size=30).map("".join)


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_no_text_raises_and_nothing_but_styles_changes(source):
    inlining.inline(source)
    inlining.inline(f"<style>{source}</style><p class=a style='x'>x</p>")
