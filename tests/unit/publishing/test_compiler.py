"""From a rendition to bytes and back: links are tracked, places are safe, and the same source gives the same bytes."""

import pytest

from campaigns.links import tokens
from campaigns.publishing import compiler, outcomes
from campaigns.publishing.compiler import Setting, compile_rendition, load
from channels.base import Capabilities, Channel, Media
from cms.renditions import EmailRendition, PushRendition, SocialRendition
from core import clock
from core.errors import Invalid

SETTING = Setting(
    locale="en",
    from_email="",
    list_id="black-friday.shop.example",
    utm={"utm_source": "almanac", "utm_medium": "email", "utm_campaign": "black-friday", "utm_content": "p1"},
    our_hosts=frozenset({"shop.example"}),
    facts={"price": "$ 9.00", "code": "BF"},
    view_url="https://shop.example/sale/",
)
PERSON = {
    "first_name": "<Ada>",
    "click_base": "https://a.example/c/T/",
    "open_url": "https://a.example/o/T.gif",
    "unsubscribe_url": "https://a.example/u/U",
}


def email(html="<p>Hi</p>", text="Hi", subject="S"):
    return compile_rendition(EmailRendition(subject, "", html, text), SETTING)


def loaded(compiled, assets=None):
    return load(compiled.content, part_id=1, link_set_id=1, assets=assets or {})


def filled(compiled, field="html"):
    part = loaded(compiled)
    return getattr(part.part, field).fill(part.values(PERSON))


def test_links_are_tracked_once_each_and_ours_carry_the_campaign():
    compiled = email(
        '<a href="https://shop.example/a?x=1&amp;y=2#top">1</a><a href="https://other.example/b">2</a>'
        "<A HREF='https://shop.example/a?x=1&y=2#top'>3</A>",
        "See https://other.example/b, or https://shop.example/c.",
    )
    urls = [url for url, _label in compiled.links]
    assert urls[0].startswith("https://shop.example/a?x=1&y=2&utm_source=almanac&")
    assert urls[0].endswith("#top")
    assert urls[1] == "https://other.example/b"
    assert len(urls) == 3
    html = filled(compiled)
    assert html.count('"https://a.example/c/T/0"') == 2
    assert filled(compiled, "text").startswith("See https://a.example/c/T/1, or https://a.example/c/T/2.")


@pytest.mark.parametrize(
    ("written", "target"),
    [
        ("?flag", "?flag&utm_source=almanac"),
        ("?q=%C4%E3%BA%C3&n=%2Fa%2f+b&e=#top", "?q=%C4%E3%BA%C3&n=%2Fa%2f+b&e=&utm_source=almanac"),
        ("?a=1&amp;copy=2&reg=3", "?a=1&copy=2&reg=3&utm_source=almanac"),
    ],
)
def test_a_query_stays_as_it_stands_and_ours_comes_behind_it(written, target):
    url, _label = email(f'<a href="https://shop.example/{written}">x</a>').links[0]
    assert url.startswith(f"https://shop.example/{target}")
    assert url.endswith("#top") is ("#top" in written)


def test_the_marketers_own_campaign_stays_alone():
    own = "https://shop.example/?utm_campaign=spring&x"
    assert email(f'<a href="{own}">x</a>').links[0][0] == own


def test_an_address_copied_from_an_earlier_message_is_told_or_loses_what_that_message_added():
    click, way_out = tokens.make("click", 7, 3), tokens.make("unsubscribe", 7, 3)
    copied = f"https://shop.example/?x&utm_source=almanac&utm_campaign=old&al={click}"
    html = f'<a href="{copied.replace("&", "&amp;")}">x</a>'
    for compiled in (email(html), compile_rendition(SocialRendition(f"看{copied}，快"), SETTING)):
        ((url, _label), *_more) = compiled.links
        assert url.startswith("https://shop.example/?x&utm_source=almanac&utm_medium=email&utm_campaign=black-friday")
        assert click not in url
    for own in (f"https://mail.example/c/{click}/0", f"https://mail.example/u/{way_out}"):
        with pytest.raises(Invalid, match="one person"):
            compile_rendition(SocialRendition(f"看{own}，快"), SETTING)


def test_a_link_inside_a_condition_is_tracked_too():
    compiled = email('{% if first_name %}<a href="https://shop.example/x">x</a>{% endif %}')
    assert 'href="https://a.example/c/T/0"' in filled(compiled)


def test_the_way_out_is_added_where_it_is_missing_and_only_there():
    assert filled(email("<body><p>Hi</p></body>")).count("https://a.example/u/U") == 1
    own = '<p>Hi</p><a href="{{ unsubscribe_url }}">away</a>'
    assert filled(email(own)).count("https://a.example/u/U") == 1
    hidden = '{% if first_name %}<a href="{{ unsubscribe_url }}">away</a>{% endif %}'
    assert filled(email(hidden)).count("https://a.example/u/U") == 2
    assert "https://a.example/u/U" in filled(email(), "text")


def test_the_offers_facts_are_frozen():
    part = loaded(email("<p>{{ offer.price }} {{ offer.code|lower }}</p>"))
    assert all("offer" not in expression.names() for expression in part.expressions)
    assert "$ 9.00 bf" in part.part.html.fill(part.values(PERSON))


def test_values_are_escaped_for_their_place():
    compiled = email("<p>{{ first_name }}</p>", "{{ first_name }}", "{{ first_name }}\r\nBcc: x")
    assert "<p>&lt;Ada&gt;</p>" in filled(compiled)
    assert filled(compiled, "text").startswith("<Ada>")
    part = loaded(compiled)
    assert part.part.subject.fill(part.values({**PERSON, "first_name": "a\r\nBcc: y"})) == "a Bcc: y Bcc: x"


def test_the_same_source_gives_the_same_bytes():
    assert email().sha256 == email().sha256 != email("<p>Ho</p>").sha256


@pytest.mark.parametrize(
    "html",
    [
        '<a href="https://shop.example/?n={{ first_name }}">x</a>',
        '<a href="{{ attributes.url }}">x</a>',
        '<a href="javascript:alert(1)">x</a>',
        '<a href="/relative">x</a>',
        '<img src="https://x.example/{{ first_name }}.png">',
        '<p style="color: {{ first_name }}">x</p>',
        '<p onclick="x()">x</p>',
        "<p class={{ first_name }}>x</p>",
        "<p {{ first_name }}>x</p>",
        "<p {% if first_name %}hidden{% endif %}>x</p>",
        "<script>alert(1)</script>",
        "<style>p { color: {{ first_name }} }</style>",
        "<iframe src='https://x.example'></iframe>",
        "<form action='https://x.example'></form>",
        "<base href='https://x.example'>",
        "{{ click_base }}",
        "{{ open_url }}",
    ],
)
def test_what_cannot_be_made_safe_is_refused_in_words(html):
    with pytest.raises(Invalid) as refused:
        email(html)
    assert len(refused.value.message) > 20


def test_a_personal_field_in_a_plain_texts_link_is_refused():
    with pytest.raises(Invalid, match="same for everyone"):
        email(text="https://shop.example/{{ first_name }}")


CHINESE = [  # issue 6: Chinese and Thai need no space around a link
    ("立即抢购", "https://shop.example/sale", "，全场五折，今晚截止。"),
    ("点击", "https://shop.example/sale", "查看"),
    ("详情：", "https://shop.example/sale", "。"),
    ("（", "https://shop.example/sale", "）"),
    ("“", "https://shop.example/sale", "”"),
    ("ซื้อที่", "https://shop.example/sale", "ลดราคา"),
    ("Now: (", "https://shop.example/sale", ")."),
    ("", "https://other.example/", "販売"),
]


@pytest.mark.parametrize(("before", "link", "behind"), CHINESE)
def test_a_link_in_running_text_ends_where_it_ends(before, link, behind):
    post = compile_rendition(SocialRendition(before + link + behind, ""), SETTING)
    mail = email(text=before + link + behind)
    for compiled in (post, mail):
        assert [url.split("?")[0] for url, _label in compiled.links] == [link]
    part = loaded(post)
    assert part.part_for(part.values(PERSON)).text == f"{before}https://a.example/c/T/0{behind}"
    assert filled(mail, "text").startswith(f"{before}https://a.example/c/T/0{behind}")


def test_a_place_behind_a_link_is_personal_only_as_a_part_of_it():
    assert filled(email(text="https://shop.example/a，{{ first_name }}"), "text").startswith(
        "https://a.example/c/T/0，<Ada>"
    )
    for part in ("/{{ first_name }}", ".{{ first_name }}", "?x={% if first_name %}1{% endif %}"):
        with pytest.raises(Invalid, match="same for everyone"):
            email(text=f"https://shop.example/a{part}")


def test_a_posts_own_link_is_added_though_a_longer_one_begins_like_it():
    compiled = compile_rendition(SocialRendition("https://shop.example/sale-2", "https://shop.example/sale"), SETTING)
    assert [url.split("?")[0] for url, _label in compiled.links] == [
        "https://shop.example/sale-2",
        "https://shop.example/sale",
    ]


def test_a_post_carries_its_link_and_pictures():
    media = Media(b"png", "image/png", "A chair", "chair.png")
    compiled = compile_rendition(SocialRendition("Now {{ not a place }}", "https://shop.example/s", (media,)), SETTING)
    import hashlib

    part = loaded(compiled, {hashlib.sha256(b"png").hexdigest(): b"png"})
    post = part.part_for(part.values(PERSON))
    assert post.text == "Now {{ not a place }}\n\nhttps://a.example/c/T/0"
    assert post.media == (media,)


def test_a_notification():
    compiled = compile_rendition(PushRendition("{{ first_name }}!", "Now", "https://shop.example/s"), SETTING)
    assert filled(compiled, "title") == "<Ada>!"
    assert filled(compiled, "url") == "https://a.example/c/T/0"
    with pytest.raises(Invalid):
        compile_rendition(PushRendition("a", "b", "javascript:x"), SETTING)


def test_an_older_versions_seal_is_refused():
    with pytest.raises(Invalid, match="another version"):
        load(email().content.replace(b'"v":1', b'"v":0'), part_id=1, link_set_id=1, assets={})


def test_replays_end():
    now = clock.now()
    masked = Capabilities(channel=Channel.PUSH, masked_on_device=True)
    assert outcomes.may_replay(masked, 1, now, now)
    assert not outcomes.may_replay(masked, outcomes.MAX_REPLAYS, now, now)
    assert not outcomes.may_replay(Capabilities(channel=Channel.EMAIL), 1, now, now)
    assert outcomes.pause_after(1) < outcomes.pause_after(3) <= outcomes.LONGEST_PAUSE == outcomes.pause_after(50)
    assert compiler.VERSION == 1
