# ruff: noqa: E501
"""MJML as designers hand it over; the reference is npm `mjml` 5.4.1, rendered by mrml 0.2.4 after our own reading."""

import re

import pytest

from cms import inlining, mjml
from core.errors import Invalid


def section(inside, head=""):
    return f"<mjml><mj-head>{head}</mj-head><mj-body><mj-section><mj-column>\n{inside}\n</mj-column></mj-section></mj-body></mjml>"


def test_line_ends_of_a_browsers_form_change_nothing():
    source = section(
        "<mj-social>\n<mj-social-element name='facebook' href='#'>F</mj-social-element>\n</mj-social>\n"
        "<mj-navbar>\n<mj-navbar-link href='#'>N</mj-navbar-link>\n</mj-navbar>\n"
        "<mj-accordion>\n<mj-accordion-element>\n<mj-accordion-title>A</mj-accordion-title>\n"
        "<mj-accordion-text>B</mj-accordion-text>\n</mj-accordion-element>\n</mj-accordion>",
        "\n<mj-title>T</mj-title>\n<mj-style>\n.a { color: red }\n</mj-style>\n",
    )
    assert mjml.render(source.replace("\n", "\r\n")).html == mjml.render(source).html


def text_of(source, words="Hi"):
    html = mjml.render(source).html
    return re.search(rf'<div style="([^"]*)">{words}</div>', html)[1]


@pytest.mark.parametrize(
    ("head", "tag", "has"),
    [
        ("<mj-class name='a' color='red'/><mj-class name='b' color='blue'/>", "mj-class='a b'", "color:blue"),
        ("<mj-class name='a' color='red'/><mj-class name='b' color='blue'/>", "mj-class='b a'", "color:red"),
        ("<mj-all color='green'/><mj-text color='red'/>", "", "color:red"),
        ("<mj-text color='red'/><mj-class name='a' color='blue'/>", "mj-class='a'", "color:blue"),
        ("<mj-class name='a' color='blue'/>", "mj-class='a' color='#010203'", "color:#010203"),
        ("<mj-text color='red'/><mj-text font-size='20px'/>", "", "font-size:20px"),
    ],
)
def test_defaults_are_resolved_as_mjml_does(head, tag, has):
    source = section(f"<mj-text {tag}>Hi</mj-text>", f"<mj-attributes>{head}</mj-attributes>")
    assert has in text_of(source)


def test_a_class_can_hold_defaults_for_the_tags_inside():
    source = (
        "<mjml><mj-head><mj-attributes><mj-class name='x'><mj-text color='purple'/></mj-class></mj-attributes></mj-head>"
        "<mj-body><mj-section mj-class='x'><mj-column><mj-text>Hi</mj-text></mj-column></mj-section></mj-body></mjml>"
    )
    rendered = mjml.render(source)
    assert "color:purple" in text_of(source)
    assert not rendered.notes


def test_what_mrml_drops_is_there():
    wrapped = (
        "<mjml><mj-head><mj-style inline='inline'>.z div{letter-spacing:3px}</mj-style></mj-head><mj-body>"
        "<mj-wrapper gap='12px'><mj-section><mj-column><mj-image src='https://a.example/1.png' sizes='50vw'/></mj-column>"
        "</mj-section><mj-section css-class='own'><mj-column><mj-text css-class='z'>Hi</mj-text></mj-column></mj-section>"
        "</mj-wrapper></mj-body></mjml>"
    )
    html = inlining.inline(mjml.render(wrapped).html)
    assert re.search(r'class="own" style="[^"]*margin-top:12px', html)
    assert 'sizes="50vw"' in html
    assert re.search(r'<img [^>]*alt=""', html)
    assert "letter-spacing:3px" in html.split("<body")[1]
    assert "almanac-" not in html


def test_an_icon_keeps_its_picture_beside_what_mrml_drops():
    icon = "<mj-social-element name='facebook' href='https://a.example' sizes='50vw' srcset='https://a.example/2.png 2x' alt='F'/>"
    html = mjml.render(section(f"<mj-social>{icon}</mj-social>")).html
    (picture,) = re.findall(r"<img [^>]*>", html)
    assert 'alt="F" sizes="50vw" srcset="https://a.example/2.png 2x"' in picture
    assert 'src="https://www.mailjet.com/' in picture


def test_what_rides_on_a_value_is_escaped_and_may_hold_a_place():
    inside = (
        "<mj-button href='https://a.example' title='For {{ first_name }} &quot;&gt;'>B</mj-button>"
        r"<mj-social><mj-social-element name='facebook' border='1px \1 &quot;red'>F</mj-social-element></mj-social>"
        "<mj-table cellspacing='1.2.3'><tr><td>1</td></tr></mj-table>"
    )
    html = mjml.render(section(inside)).html
    assert 'href="https://a.example" title="For {{ first_name }} &quot;&gt;"' in html
    assert r";border:1px \1 'red" in html
    assert "almanac-" not in html


def test_two_menus_open_apart():
    menu = "<mj-navbar hamburger='hamburger'><mj-navbar-link href='/x'>N</mj-navbar-link></mj-navbar>"
    html = mjml.render(section(menu * 2)).html
    ids = re.findall(r'<input id="([^"]*)"', html)
    assert len(set(ids)) == 2
    assert re.findall(r'<label [^>]*for="([^"]*)"', html) == ids


def test_a_picture_is_no_wider_than_its_column():
    columns = "<mj-column><mj-image src='https://a.example/1.png' width='184px' padding='0 25px'/></mj-column>" * 3
    html = mjml.render(f"<mjml><mj-body><mj-section>{columns}</mj-section></mj-body></mjml>").html
    assert html.count('width="150"') == 3


def test_columns_of_a_group_are_on_a_phone_as_wide_as_mjml_makes_them():
    """Whole per cents where no width was written, as of npm mjml 5.4.1; the public gallery's ugg-royale.mjml has seven."""
    columns = (
        "<mj-column><mj-text>a</mj-text></mj-column>" * 6 + "<mj-column width='20%'><mj-text>b</mj-text></mj-column>"
    )
    html = mjml.render(f"<mjml><mj-body><mj-section><mj-group>{columns}</mj-group></mj-section></mj-body></mjml>").html
    assert re.findall(r"vertical-align:top;width:([\d.]+%);", html) == ["14%"] * 6 + ["20%"]
    assert re.findall(r"vertical-align:top;width:([\d.]+px);", html) == ["86px"] * 6 + ["120px"]


def test_html_inside_a_tag_stays_as_it_was_written():
    inside = "<b>a<br>b &nbsp; &copy;</b><![if !mso]><i>c</i><![endif]><p>unclosed"
    assert inside in mjml.render(section(f"<mj-text>{inside}</mj-text>")).html


def test_a_condition_may_stand_around_a_section_of_a_wrapper():
    source = (
        "<mjml><mj-body><mj-wrapper>{% if first_name %}<mj-section><mj-column><mj-text>Hi</mj-text></mj-column></mj-section>"
        "{% endif %}</mj-wrapper></mj-body></mjml>"
    )
    html = mjml.render(source).html
    assert "<![endif]-->{% if first_name %}<!--[if mso | IE]>" in html
    assert "<![endif]-->{% endif %}<!--[if mso | IE]>" in html


@pytest.mark.parametrize(
    ("inside", "says"),
    [
        ("<mj-txt>a</mj-txt>", "Line 2: MJML has no tag <mj-txt>. Did you mean <mj-text>?"),
        ("<p>a</p>", "Line 2: <p> cannot stand inside <mj-column>"),
        ("<mj-section></mj-section>", "Line 2: <mj-section> cannot stand inside <mj-column>"),
        ("\n<mj-text>a</mj-txt>", "Line 3: <mj-text> is not closed"),
        ("<mj-text>\n<script>x</script></mj-text>", "Line 3: <script> is not allowed"),
        ("<mj-button href='javascript:x()'>a</mj-button>", "Line 2: the address in “href” of <mj-button>"),
        ("<mj-navbar><mj-raw>a</mj-raw></mj-navbar>", "Line 2: <mj-raw> inside <mj-navbar> is not available"),
        ("{{ first_name }}", "Line 2: a field stands between the tags"),
        ("<mj-include path='x'/>", "Line 2: <mj-include> is not available"),
        ("<mj-carousel><mj-carousel-image src='a'/></mj-carousel>" * 2, "a second <mj-carousel>"),
    ],
)
def test_what_cannot_be_rendered_is_refused_by_line_and_tag(inside, says):
    with pytest.raises(Invalid) as refused:
        mjml.render(section(inside))
    assert says in refused.value.message


@pytest.mark.parametrize(
    ("inside", "says"),
    [
        (
            "<mj-text colour='red'>a</mj-text>",
            "Line 2: <mj-text> has no attribute “colour”; it is left out. Did you",
        ),
        ("<mj-text color='red' color='blue'>a</mj-text>", "Line 2: <mj-text> has “color” twice; the first counts."),
        ("<mj-text mj-class='none'>a</mj-text>", "Line 2: there is no <mj-class name=“none”>."),
        (
            "<mj-divider padding='3% 25px'/>",
            "Line 2: “padding” of <mj-divider> is in %, and widths are reckoned in pixels. Write px.",
        ),
        ("<mj-button title='T'>a</mj-button>", "Line 2: “title” of <mj-button> is left out, since it has no “href”."),
        (
            "</mj-column></mj-section><mj-section gutter='9px'><mj-column>",
            "Line 2: “gutter” of <mj-section> is left out. Give the columns a padding instead.",
        ),
        ("stray", "“stray” stands between the tags and is not shown"),
    ],
)
def test_what_is_left_out_is_told(inside, says):
    assert any(says in note for note in mjml.render(section(inside)).notes)
