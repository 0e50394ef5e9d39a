"""One page, every channel: what was written, what is derived, and one set of facts."""

import pytest
import time_machine
from django.core.exceptions import ValidationError

from cms import derive, limits, previews, selectors
from cms.models import Message
from core.errors import Invalid
from core.texts import Escape, parse
from tests.unit.cms.conftest import OPENS

pytestmark = pytest.mark.django_db


def rendition(page, channel, locale="en"):
    return selectors.rendition("page", page.translation_key, channel, locale)


def filled(source, page, escape=Escape.HTML):
    return parse(source, escape).render(previews.sample(page))


def test_everything_left_empty_is_derived_and_says_so(promotion):
    email, post, push = (rendition(promotion, channel) for channel in ("email", "social", "push"))
    assert email.subject == "Black Friday"
    assert email.preheader == "Four days, one price."
    assert email.derived == {"subject", "preheader", "html", "text"}
    assert post.text == "Black Friday\n\nFour days, one price."
    assert post.link == "http://127.0.0.1:8000/bf/"
    assert post.derived == {"text"}
    assert (push.title, push.body, push.url) == ("Black Friday", "Four days, one price.", "http://127.0.0.1:8000/bf/")
    assert push.derived == {"title", "body"}


def test_what_was_written_is_used(promotion):
    promotion.email_subject = "{{ first_name|default('Hello') }}, it begins"
    promotion.email_body = (
        "<p>Until {{ offer.ends }} &amp; not longer, {{ first_name|default(&quot;friend&quot;) }}</p>"
    )
    promotion.email_text = "Plain {{ offer.price }}"
    promotion.social_text = "{{ offer.price }} instead of {{ offer.regular_price }}"
    promotion.push_title, promotion.push_body = "Now", "{{ offer.price }}"
    promotion.full_clean()
    promotion.save()
    email = rendition(promotion, "email")
    assert email.subject == "{{ first_name|default('Hello') }}, it begins"
    assert '{{ first_name|default("friend") }}' in email.html
    assert email.text.startswith("Plain {{ offer.price }}")
    assert email.derived == {"preheader"}
    assert rendition(promotion, "social").text == "$169.00 instead of $249.00"
    assert rendition(promotion, "push").body == "{{ offer.price }}"


def test_the_same_facts_stand_on_every_channel(promotion):
    promotion.social_text = "{{ offer.price }} {{ offer.code }}"
    promotion.push_body = "{{ offer.price }} {{ offer.code }}"
    promotion.save()
    email, push = rendition(promotion, "email"), rendition(promotion, "push")
    texts = [filled(email.html, promotion), filled(email.text, promotion, Escape.TEXT)]
    texts += [rendition(promotion, "social").text, filled(push.body, promotion, Escape.TEXT)]
    for text in texts:
        assert "$169.00" in text
        assert "HEARTH26" in text


def test_an_e_mail_is_complete(promotion, photograph):
    promotion.picture = photograph
    promotion.save()
    email = rendition(promotion, "email")
    html = filled(email.html, promotion)
    assert html.lower().startswith("<!doctype html>")
    assert '<html lang="en"' in html
    assert "12 Mill Lane" in html
    assert "/u/preview" in html
    assert 'alt="Folded linen on a shelf"' in html
    assert "While stock lasts." in html
    assert 'href="http://127.0.0.1:8000/bf/"' in html
    assert "http://127.0.0.1:8000/media/" in html
    assert "fonts.googleapis" not in html
    assert "{{" not in html
    assert "[[" not in html
    assert len(html.encode()) < 102_000
    assert email.from_name == "Hearth & Linen"
    assert html.count("<body") == html.count("</body>") == 1
    assert html.count("<table") == html.count("</table>")


def test_a_title_cannot_smuggle_a_field(promotion):
    promotion.title = "Sale {{ attributes.secret }} <b>{% if x %}"
    promotion.save()
    for channel in ("email", "push"):
        found = rendition(promotion, channel)
        source = found.html if channel == "email" else found.title
        assert "attributes.secret" in source
        assert "{{ attributes" not in source
        parse(source, Escape.HTML)
    assert "<b>" not in rendition(promotion, "email").html.split("Sale")[1][:60]


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("email_subject", "{{ pasword }}", "pasword"),
        ("email_body", "<p>{{ first_name.x }}</p>", "first_name|field"),
        ("social_text", "Hi {{ first_name }}", "first_name"),
        ("push_body", "{% for a in b %}x{% endfor %}", "for"),
        ("email_text", "{{ 'x' * 999 }}", "mul"),
    ],
)
def test_an_unknown_place_is_refused_at_its_field(promotion, field, value, says):
    setattr(promotion, field, value)
    with pytest.raises(ValidationError) as refused:
        promotion.full_clean()
    (sentence,) = refused.value.message_dict[field]
    assert any(word in sentence for word in says.split("|")), sentence


def test_a_picture_goes_with_the_post_and_its_words(promotion, photograph):
    promotion.picture = photograph
    promotion.save()
    (media,) = rendition(promotion, "social").media
    assert media.mime_type == "image/jpeg"
    assert media.content[:2] == b"\xff\xd8"
    assert media.alt == "Folded linen on a shelf"


def test_an_unpublished_page_is_spoken_from_its_newest_draft(promotion):
    promotion.unpublish()
    promotion.title = "Draft title"
    promotion.save_revision()
    assert rendition(promotion, "push").title == "Draft title"
    assert not selectors.is_public("page", promotion.translation_key)


def test_a_published_page_is_spoken_as_published(promotion):
    promotion.save_revision().publish()
    promotion.title = "Not yet"
    promotion.save_revision()
    assert rendition(promotion, "push").title == "Black Friday"
    assert selectors.is_public("page", promotion.translation_key)
    assert selectors.offer_of("page", promotion.translation_key) == promotion.offer


def test_each_language_has_its_own_words(home, promotion, chinese):
    home.copy_for_translation(chinese).save_revision().publish()
    copy = promotion.copy_for_translation(chinese)
    copy.title, copy.social_text = "黑色星期五", "只要 {{ offer.price }}"
    copy.save_revision().publish()
    key = promotion.translation_key
    assert selectors.locales("page", key) == ["en", "zh-hans"]
    post = rendition(promotion, "social", "zh-hans")
    assert post.text == "只要 US$169.00"
    assert post.link == "http://127.0.0.1:8000/zh-hans/bf/"
    assert '<html lang="zh-Hans"' in rendition(promotion, "email", "zh-hans").html
    assert selectors.public_url("page", key, "zh-hans").endswith("/zh-hans/bf/")


def test_a_home_page_is_not_sent(home):
    with pytest.raises(Invalid, match="not meant to be sent"):
        rendition(home, "email")


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("hello", 5),
        ("你好", 4),
        ("café", 4),
        ("cafe\u0301", 4),
        ("👍", 2),
        ("👨‍👩‍👧‍👦", 2),
        ("🇨🇳", 2),
        ("see https://example.com/" + "a" * 90, 27),
        ("立即抢购https://shop.com/sale，全场五折" + "抢" * 120, 281),
        ("README.md", 23),
        ("https://example.com/販売", 27),
        ("see https://shop.kids/a", 27),  # a link of ours is posted as our tracked one
        ("“quotes” – dash…", 17),
    ],
)
def test_x_is_counted_as_x_counts(text, length, settings):
    settings.ALMANAC_BASE_URL = "https://news.shop.com"
    assert limits.x_length(text) == length


@pytest.mark.parametrize(("base", "weight"), [("https://news.shop.com", 23), ("http://127.0.0.1:8000", 64)])
def test_a_tracked_link_is_counted_as_it_will_stand_there(base, weight, settings):
    settings.ALMANAC_BASE_URL = base
    assert limits.x_length("看https://shop.example/sale。") == 2 + weight + 2
    assert limits.x_length("看", has_link=True) == 2 + 2 + weight


def test_a_post_is_never_cut_in_a_link():
    text = "好" * 100 + " https://shop.example/" + "a" * 80 + " 好" * 60
    assert limits.fit(text, has_link=False).endswith(("a…", "好…"))
    assert "https://shop.example/" + "a" * 80 in limits.fit(text, has_link=False) or "https" not in limits.fit(
        text, has_link=True
    )


def test_a_long_summary_is_cut_to_what_x_takes(promotion):
    promotion.summary = "word " * 59
    promotion.save()
    text = rendition(promotion, "social").text
    assert limits.x_length(text, has_link=True) <= limits.X_LIMIT
    assert text.endswith("…")


# --- Previews --------------------------------------------------------------------------------------------------------


def preview(item, mode):
    response = item.make_preview_request(preview_mode=mode)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize(
    ("mode", "shows"),
    [
        ("", ["Black Friday", "Linen bed set"]),
        ("email", ["Hello Maya", "&lt;table", "derived"]),
        ("email-text", ["$169.00", "HEARTH26", "12 Mill Lane"]),
        ("post", ["Only $169.00", "as X counts them", "@hearth-linen"]),
        ("push", ["Black Friday", "A tap leads to http://127.0.0.1:8000/bf/"]),
    ],
)
def test_every_channel_has_a_preview(promotion, mode, shows):
    promotion.email_subject, promotion.social_text = "Hello {{ first_name }}", "Only {{ offer.price }}"
    html = preview(promotion, mode)
    for words in shows:
        assert words in html, words


def test_the_preview_of_the_page_tells_the_price_of_now(promotion):
    with time_machine.travel(OPENS, tick=False):
        assert "$169.00" in preview(promotion, "")


def test_a_mistake_is_shown_where_the_preview_would_be(promotion):
    promotion.social_text = "{{ nonsense }}"
    html = preview(promotion, "post")
    assert "nonsense" in html
    assert 'role="alert"' in html


def test_a_post_that_is_too_long_says_so(promotion):
    promotion.social_text = "字" * 150
    assert "too long" in preview(promotion, "post")


def test_a_message_has_the_channel_previews(home):
    message = Message(
        name="Thanks", email_subject="Thank you", email_body="<p>Dear {{ first_name }}</p>", push_title="Hi"
    )
    message.locale = home.locale
    assert [mode for mode, _ in message.preview_modes] == ["email", "email-text", "post", "push"]
    assert "Dear Maya" in preview(message, "email")
    assert "Hi" in preview(message, "push")
    assert "has no post yet" in preview(message, "post")


def test_no_script_runs_in_a_preview(home):
    message = Message(name="X", locale=home.locale, email_subject="S", email_html="<p>Hi</p><script>alert(1)</script>")
    assert "&lt;script&gt; is not allowed" in preview(message, "email")
    assert 'sandbox="allow-same-origin"' in preview(
        Message(name="X", locale=home.locale, email_html="<p>Hi</p>"), "email"
    )
    with pytest.raises(ValidationError):
        message.full_clean()
    assert derive.email(message).subject == "S"


def test_an_offer_says_its_words_in_each_language(promotion):
    from campaigns.promotions.selectors import facts

    promotion.offer.translations = {"zh-hans": {"name": "亚麻床品套装", "legal_line": "售完为止。"}}
    chinese, english = facts(promotion.offer, "zh-hans"), facts(promotion.offer, "en")
    assert (chinese["name"], chinese["legal_line"]) == ("亚麻床品套装", "售完为止。")
    assert (english["name"], english["legal_line"]) == ("Linen bed set", "While stock lasts.")
    assert chinese["ends"] == "2026年11月30日 23:59（北美东部标准时间）"
    assert chinese["price"] == "US$169.00"
