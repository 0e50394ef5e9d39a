"""Messages made through the service and the API, and what other rooms read of them."""

import json

import pytest
from django.test import Client
from wagtail.models import APIToken

from cms import selectors
from cms.models import BrandKit, Message
from cms.services import messages
from core.errors import Invalid, Missing
from core.models import TokenGrant

pytestmark = pytest.mark.django_db

EMAIL = {
    "subject": "Hello {{ first_name|default('friend') }}",
    "html": "<p>Hi {{ first_name }}, <a href='https://shop.example/'>look</a></p>",
}


@pytest.fixture
def brand():
    from wagtail.models import Site

    kit = BrandKit.for_site(Site.objects.get(is_default_site=True))
    kit.name, kit.postal_address, kit.reply_to = "Hearth & Linen", "12 Mill Lane\nPortland", "hello@shop.example"
    kit.save()
    return kit


def email_of(message):
    return selectors.rendition("message", message.translation_key, "email", "en")


def test_a_message_holds_what_was_handed_in(owner):
    message = messages.create(
        "News",
        {
            "email": EMAIL,
            "social": {"text": "Out now"},
            "push": {"title": "T", "body": "B", "url": "https://s.example/p"},
        },
        owner,
    )
    assert message.live
    assert message.latest_revision.user == owner
    assert selectors.find("message", message.translation_key) == message
    assert selectors.locales("message", message.translation_key) == ["en"]
    assert selectors.title("message", message.translation_key) == "News"
    assert selectors.is_public("message", message.translation_key)
    push = selectors.rendition("message", message.translation_key, "push", "en")
    assert (push.title, push.body, push.url) == ("T", "B", "https://s.example/p")
    post = selectors.rendition("message", message.translation_key, "social", "en")
    assert post.text == "Out now"


def test_an_e_mail_from_a_fragment_is_complete(owner, brand):
    rendition = email_of(messages.create("News", {"email": EMAIL}, owner))
    assert rendition.subject == EMAIL["subject"]
    assert rendition.html.startswith("<!doctype html>")
    assert "Hi {{ first_name }}," in rendition.html
    assert "{{ unsubscribe_url }}" in rendition.html
    assert "12 Mill Lane" in rendition.html
    assert "Hearth &amp; Linen" in rendition.html
    assert (rendition.from_name, rendition.reply_to) == ("Hearth & Linen", "hello@shop.example")


def test_plain_text_is_derived_and_says_so(owner, brand):
    rendition = email_of(messages.create("News", {"email": EMAIL}, owner))
    assert "Hi {{ first_name }}, look: https://shop.example/" in rendition.text
    assert "{{ unsubscribe_url }}" in rendition.text
    assert "text" in rendition.derived


def test_a_written_text_stays_and_gets_the_legal_foot(owner, brand):
    rendition = email_of(messages.create("News", {"email": {**EMAIL, "text": "Just text"}}, owner))
    assert rendition.text.startswith("Just text")
    assert rendition.text.count("{{ unsubscribe_url }}") == 1
    assert "12 Mill Lane" in rendition.text
    assert "text" not in rendition.derived


def test_a_text_alone_becomes_an_e_mail_in_the_brands_dress(owner, brand):
    rendition = email_of(
        messages.create("News", {"email": {"subject": "S", "text": "One <b>\n\nTwo {{ first_name }}"}}, owner)
    )
    assert "One &lt;b&gt;" in rendition.html
    assert "Two {{ first_name }}" in rendition.html
    assert rendition.html.count("{{ unsubscribe_url }}") == 1


def test_mjml_is_rendered_with_its_places_as_written(owner, brand):
    source = (
        '<mjml><mj-body><mj-section><mj-column><mj-text>Dear {{ first_name|default("friend") }}'
        "{% if offer.code %}: {{ offer.code }}{% endif %}</mj-text>"
        "<mj-button href='{{ view_url }}'>Go</mj-button></mj-column></mj-section></mj-body></mjml>"
    )
    html = email_of(messages.create("News", {"email": {"subject": "S", "mjml": source}}, owner)).html
    assert 'Dear {{ first_name|default("friend") }}{% if offer.code %}: {{ offer.code }}{% endif %}' in html
    assert 'href="{{ view_url }}"' in html
    assert "fonts.googleapis.com" not in html
    assert html.count("{{ unsubscribe_url }}") == 1


def test_style_rules_move_to_their_elements(owner, brand):
    source = (
        "<html><head><style>p{color:#123456} @media (max-width:9px){#a{color:red}}</style></head>"
        '<body><p id="a">Hi {% if first_name %}{{ first_name|default("x") }}{% endif %}</p></body></html>'
    )
    html = email_of(messages.create("News", {"email": {"subject": "S", "html": source}}, owner)).html
    assert 'style="color: #123456' in html or 'style="color:#123456' in html.replace(": ", ":")
    assert '{% if first_name %}{{ first_name|default("x") }}{% endif %}' in html
    assert "{#" not in html


@pytest.mark.parametrize(
    ("renditions", "says"),
    [
        ({}, "at least one"),
        ({"fax": {"text": "x"}}, "fax"),
        ({"email": {"subject": "S", "html": "<p>{{ password }}</p>"}}, "password"),
        ({"email": {"subject": "{{ first_name.__class__ }}", "html": "<p>x</p>"}}, "email.subject"),
        ({"email": {"subject": "S", "html": "<p>x</p><script>alert(1)</script>"}}, "<script>"),
        ({"email": {"subject": "S", "html": "<p onclick='x()'>x</p>"}}, "onclick"),
        ({"email": {"subject": "S", "html": "<a href='javascript:x()'>x</a>"}}, "https://"),
        ({"email": {"subject": "S", "html": "<p>{% for a in b %}{% endfor %}</p>"}}, "for"),
        ({"email": {"subject": "S", "mjml": "<mjml><mj-body><mj-txt>a</mj-txt></mj-body></mjml>"}}, "<mj-text>"),
        (
            {"email": {"subject": "S", "mjml": "<mjml><mj-body><mj-section><p>a</p></mj-section></mj-body></mjml>"}},
            "<p>",
        ),
        ({"email": {"subject": "S", "mjml": "<mjml><mj-body><mj-section></mj-body></mjml>"}}, "has to be closed"),
        (
            {
                "email": {
                    "subject": "S",
                    "mjml": "<mjml><mj-head><mj-include path='/etc/passwd' /></mj-head><mj-body /></mjml>",
                }
            },
            "mj-include",
        ),
        ({"email": {"subject": "S", "mjml": "<p>no</p>"}}, "<p>"),
        ({"email": {"subject": "S", "mjml": "<mjml><mj-body/></mjml>", "html": "<p>x</p>"}}, "not as both"),
        ({"email": {"html": "<p>x</p>"}}, "subject"),
        ({"email": {"subject": "S"}}, "html, mjml or text"),
        ({"social": {"text": "Hi {{ first_name }}"}}, "first_name"),
        ({"push": {"title": "T", "url": "javascript:alert(1)"}}, "push.url"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_a_sentence(owner, renditions, says):
    with pytest.raises(Invalid, match=says.replace("|", "\\|")):
        messages.create("News", renditions, owner)
    assert not Message.objects.exists()


def test_a_language_it_does_not_exist_in_is_missing(owner):
    message = messages.create("News", {"email": EMAIL}, owner)
    with pytest.raises(Missing):
        selectors.rendition("message", message.translation_key, "email", "zh-hans")


def test_a_channel_nothing_was_written_for_is_invalid(owner):
    message = messages.create("News", {"email": EMAIL}, owner)
    with pytest.raises(Invalid, match="notification"):
        selectors.rendition("message", message.translation_key, "push", "en")


@pytest.fixture
def token(owner):
    made, key = APIToken.create_token(user=owner, name="test")
    TokenGrant.objects.create(token=made, scopes=["messages:write"])
    return key


def post(token, body, **headers):
    return Client().post(
        "/api/v1/messages",
        json.dumps(body),
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}", **headers},
    )


def test_the_api_makes_a_message_and_answers_its_id(token, brand):
    answer = post(token, {"name": "News", "renditions": {"email": EMAIL, "push": {"title": "T", "body": "B"}}})
    assert answer.status_code == 201, answer.content
    message = Message.objects.get(translation_key=answer.json()["id"])
    assert message.email_subject == EMAIL["subject"]
    assert answer.json()["channels"] == ["email", "push"]


def test_the_api_answers_a_repeated_key_alike(token, brand):
    body = {"name": "News", "renditions": {"social": {"text": "x"}}}
    first, second = post(token, body, **{"Idempotency-Key": "k"}), post(token, body, **{"Idempotency-Key": "k"})
    assert first.json() == second.json()
    assert Message.objects.count() == 1


def test_the_api_says_what_is_wrong(token):
    answer = post(token, {"name": "News", "renditions": {"email": {"subject": "S", "html": "{{ secret }}"}}})
    assert answer.status_code == 422
    assert "email.html" in answer.json()["detail"]
    assert "secret" in answer.json()["detail"]
