"""What designers hand over: saved means that it can be approved, and what readers of it would miss is told."""

import io
import json

import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from wagtail.models import APIToken, Locale

from campaigns.publishing import compiler
from campaigns.publishing.services import publications, seals
from channels.base import Channel
from cms import advice, derive, emails, legal, mjml
from cms.models import BrandKit, Message, Picture
from cms.services import messages
from core.errors import Invalid
from core.models import TokenGrant
from core.roles import ensure_roles
from core.texts import Escape
from tests import ledgers
from tests.unit.cms.test_inlining import BITS

pytestmark = pytest.mark.django_db

SETTING = compiler.Setting(
    locale="en", from_email="", list_id="x.example", utm={}, our_hosts=frozenset({"shop.example"})
)


def message(home, **fields):
    made = Message(name="News", email_subject="S", locale=Locale.get_default(), **fields)
    made.full_clean(exclude=["translation_key", "latest_revision", "live_revision"])
    return made


def refusal(home, **fields):
    with pytest.raises(ValidationError) as refused:
        message(home, **fields)
    return refused.value.message_dict


def approved(item):
    return compiler.compile_rendition(derive.email(item), SETTING)


# --- Saved means that it can be approved -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "style", ["*zoom:1;color:red", "bold", "color:red;;", "{}", "color:red}", "mso-line-height-rule:exactly"]
)
def test_what_browsers_forgive_in_a_style_is_taken(home, style):
    item = message(home, email_html=f'<style>p{{margin:0;{style}}} p{{color:#123456}}</style><p style="{style}">Hi</p>')
    assert b"Hi" in approved(item).content


@pytest.mark.parametrize(
    ("field", "source", "says"),
    [
        (
            "email_html",
            "<p>a</p>\n<a href='https://[shop'>x</a>",
            "Line 2: The link “https://[shop” is not a whole address",
        ),
        ("email_html", "<p>a</p>\n<a href='/sale'>x</a>", "Line 2: The link “/sale” is not a whole address"),
        (
            "email_html",
            "<p>a</p>\n\n<p style='color:{{ first_name }}'>x</p>",
            "Line 3: A personal field stands in “style” of “<p>”",
        ),
        ("email_html", "<style>\np{color:{{ first_name }}}</style>", "Line 1: a field stands inside <style>"),
        ("email_html", "<p>a</p>\n<a title='x>y</a>", "Line 2: <a> cannot be read"),
        ("email_html", "<p>a</p>\n{% if first_name %}", "Line 2"),
        ("email_mjml", "<mj-text>\n\n<a href='https://[x'>b</a></mj-text>", "Line 4: The link “https://[x”"),
        (
            "email_mjml",
            "<mj-button href='https://a.example/{{ first_name }}'>b</mj-button>",
            "Line 2: A personal field stands in",
        ),
    ],
)
def test_what_cannot_be_approved_is_refused_when_it_is_saved(home, field, source, says):
    if field == "email_mjml":
        source = f"<mjml><mj-body><mj-section><mj-column>\n{source}</mj-column></mj-section></mj-body></mjml>"
    (sentence,) = refusal(home, **{field: source})[field]
    assert says in sentence


MJML_BITS = [
    "<mj-text>",
    "</mj-text>",
    "<mj-section>",
    "</mj-section>",
    "<mj-column>",
    "</mj-column>",
    "<mj-image src='https://a.example/x.png'/>",
    "<mj-raw>",
    "</mj-raw>",
    "<mj-button href='{{ view_url }}'>",
    "</mj-button>",
    "<mj-wrapper gap='5px'>",
    "</mj-wrapper>",
    "<mj-spacer height='",
    "'/>",
    "words",
]
SOURCES = st.lists(st.sampled_from(BITS + MJML_BITS), max_size=25).map("".join)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SOURCES, st.booleans())
def test_nothing_that_was_saved_fails_later(home, source, as_mjml):
    fields = {"email_html": source}
    if as_mjml:
        fields = {
            "email_mjml": f"<mjml><mj-body><mj-section><mj-column>{source}</mj-column></mj-section></mj-body></mjml>"
        }
    try:
        item = message(home, **fields)
    except ValidationError:
        return
    if not derive.lacks(item):
        approved(item)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("email_body", '<p>a <a href="ftp://a.example">x</a></p>', "The link “ftp://a.example” is not a whole address"),
        ("email_text", "See https://a.example/{{ first_name }}", "A link in the text holds a personal field"),
        ("push_title", "{{ unsubscribe_url }}", "unsubscribe_url"),
        ("push_body", "{{ unsubscribe_url }}", "unsubscribe_url"),
    ],
)
def test_everything_approval_compiles_is_proved_when_a_page_is_saved(promotion, field, value, says):
    setattr(promotion, field, value)
    with pytest.raises(ValidationError) as refused:
        promotion.full_clean()
    (sentence,) = refused.value.message_dict[field]
    assert says in sentence


def test_a_page_with_a_picture_that_is_gone_says_so(promotion):
    promotion.picture = picture("RGB")
    promotion.save()
    promotion.picture.renditions.all().delete()
    promotion.picture.file.storage.delete(promotion.picture.file.name)
    for channel in ("email", "social", "push"):
        with pytest.raises(Invalid, match="“Logo” cannot be read"):
            derive.MAKERS[Channel(channel)](promotion)
    with pytest.raises(ValidationError, match="“Logo” cannot be read"):
        promotion.full_clean()


def test_a_file_that_was_made_and_is_gone_is_made_again(promotion):
    promotion.picture = picture("RGB")
    promotion.save()
    for made in promotion.picture.renditions.all():
        made.file.storage.delete(made.file.name)
    (media,) = derive.social(promotion).media
    assert media.content[:2] == b"\xff\xd8"


TEXT_BITS = [
    "Hi",
    " ",
    "\n",
    "https://a.example/x",
    "https://[x",
    "{{ first_name }}",
    "{{ unsubscribe_url }}",
    "{{ offer.price }}",
]
TEXT_BITS += [
    "{% if first_name %}",
    "{% endif %}",
    "抢购",
    "a.de",
    "{{",
    "}}",
    "<b>",
    "&",
    "http://",
    ".",
    "{{ view_url }}",
]
TEXTS = st.lists(st.sampled_from(TEXT_BITS), max_size=6).map("".join)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_no_text_that_was_saved_fails_later(home, email, post, title, body):
    item = Message(name="News", email_subject="S", locale=home.locale)
    item.email_text, item.social_text, item.push_title, item.push_body = email, post, title, body
    try:
        item.full_clean(exclude=["translation_key", "latest_revision", "live_revision"])
    except ValidationError:
        return
    for channel, maker in derive.MAKERS.items():
        if not derive.lacks(item, channel):
            compiler.compile_rendition(maker(item), SETTING)


MANY_LINES = """<mjml>
<mj-head>
  <mj-title>News</mj-title>
  <mj-attributes>
    <mj-text color="#123456" />
  </mj-attributes>
</mj-head>
<mj-body>
  <mj-section>
    <mj-column>
      <mj-text>Hi {{ first_name|default("friend") }}</mj-text>
      <mj-social>
        <mj-social-element name="facebook" href="https://a.example">F</mj-social-element>
      </mj-social>
      <mj-navbar>
        <mj-navbar-link href="https://a.example">N</mj-navbar-link>
      </mj-navbar>
    </mj-column>
  </mj-section>
</mj-body>
</mjml>
"""


def test_a_real_form_saves_mjml_of_many_lines_and_it_can_be_approved(home, client, editor, reviewer, market):
    editor.groups.add(ensure_roles()["Editors"])
    client.force_login(editor)
    address = reverse("wagtailsnippets_cms_message:add")
    # The test client sends multipart/form-data; browsers write line ends as CR LF in it.
    fields = {name: "" for name in client.get(address).context["form"].fields if name != "comments"}
    fields |= {"name": "News", "email_subject": "News", "email_mjml": MANY_LINES.replace("\n", "\r\n")}
    fields |= {"email_body": "null", "comments-TOTAL_FORMS": "0", "comments-INITIAL_FORMS": "0"}
    answer = client.post(address, fields)
    assert answer.status_code == 302, answer.context["form"].errors
    made = Message.objects.get(name="News")
    publication = ledgers.publication(market, editor, content_kind="message", content_key=made.translation_key)
    publications.submit(publication, editor)
    publications.approve(publication, reviewer)
    (part,) = publication.seals.get().parts.all()
    assert b"#123456" in bytes(part.compiled)


# --- The API's messages ----------------------------------------------------------------------------------------------


@pytest.fixture
def ask(home, owner):
    token, key = APIToken.create_token(user=owner, name="test")
    TokenGrant.objects.create(token=token, scopes=["messages:write"])

    def post(renditions, raw=None):
        body = raw or json.dumps({"name": "N", "renditions": renditions})
        headers = {"Authorization": f"Bearer {key}"}
        return Client().post("/api/v1/messages", body, content_type="application/json", headers=headers)

    return post


@pytest.mark.parametrize(
    ("renditions", "field"),
    [
        ({"email": {"subject": "S", "text": "See https://a.example/{{ first_name }}"}}, "email.text"),
        ({"email": {"subject": "S", "html": "<a href='https://[x'>x</a>"}}, "email.html"),
        ({"email": {"subject": "S", "mjml": MANY_LINES.replace("https://a.example", "/x")}}, "email.mjml"),
        ({"push": {"title": "{{ unsubscribe_url }}"}}, "push.title"),
        ({"push": {"title": "T", "url": "https://[x"}}, "push.url"),
        ({"email": {"subject": "S\x00", "text": "T"}}, "email.subject"),
        ({"email": {"subject": "S", "html": "<p>\x00</p>"}}, "email.html"),
        ({"push": {"title": "T", "body": "\ud83d"}}, "push.body"),
    ],
)
def test_what_cannot_be_approved_is_refused_over_http(ask, renditions, field):
    answer = ask(renditions)
    assert answer.status_code == 422, answer.content
    assert field in answer.content.decode()


# --- Advice ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "field"),
    [
        ("*|FNAME|*", "first_name"),  # Mailchimp
        ("*|UNSUB|*", "unsubscribe_url"),
        ("*|ARCHIVE|*", "view_url"),
        ("%recipient.name%", "first_name"),  # Mailgun
        ("%unsubscribe_url%", "unsubscribe_url"),
        ("[NAME]", "first_name"),
        ("[firstname,fallback=friend]", "first_name"),  # Campaign Monitor
        ("{FIRST_NAME}", "first_name"),
        ("%%first_name%%", "first_name"),  # Salesforce
        ("%%view_email_url%%", "view_url"),
        ("%FIRSTNAME%", "first_name"),  # ActiveCampaign
        ('[[data:firstname:"friend"]]', "first_name"),  # Mailjet
        ("*|LNAME|*", "last_name"),
    ],
)
def test_a_field_of_another_program_is_told_with_ours(written, field):
    (sentence,) = advice.foreign_fields(f"<p>Hi</p>\n<p>Dear {written},</p>")
    assert sentence.startswith("Line 2: ")
    assert written in sentence
    assert "{{ " + field in sentence


@pytest.mark.parametrize(
    "text",
    ["50% off, 20% more", "[1] [see below] {a b}", "<!-- *|FNAME|* -->", "<style>a{color:red}</style>", "[link](x)"],
)
def test_words_are_no_fields(text):
    assert not [*advice.foreign_fields(text)]


@pytest.mark.parametrize(
    "written",
    [
        "{{ contact.FIRSTNAME }}",
        "{{contact.firstname}}",
        "{{ first_name|default:'' }}",
        "{{ FirstName }}",
        "{{ params.FNAME }}",
    ],
)
def test_a_field_of_another_program_in_our_braces_is_refused_with_ours_beside_it(home, written):
    (sentence,) = refusal(home, email_html=f"<p>Hi</p>\n<p>{written}</p>")["email_html"]
    assert '{{ first_name|default("friend") }}' in sentence


@pytest.mark.parametrize(
    ("source", "bare"),
    [
        ("Hi {{ first_name }}, welcome", True),
        ("Hi {{ contact.first_name|upper }}", True),
        ("Hi {{ first_name|default('') }}", True),
        ("Hi {{ first_name|default('you') }}", False),
        ("{% if first_name %}Hi {{ first_name }}{% endif %}", False),
        ("{% if attributes.x %}Hi {{ first_name }}{% endif %}", True),
        ("Hi", False),
    ],
)
def test_a_greeting_without_a_name_is_seen(source, bare):
    assert advice.without_default(source, Escape.TEXT) is bare


def test_the_api_answers_what_is_worth_a_look(ask):
    answer = ask({"email": {"subject": "S", "html": "<p>*|FNAME|*</p><img src='https://a.example/x'>"}})
    assert answer.status_code == 201, answer.content
    first, second = answer.json()["advice"]
    assert "*|FNAME|*" in first
    assert "alt" in second


def planned(market, by, **email):
    made = messages.create("N", {"email": {"subject": "S", **email}}, None)
    return ledgers.publication(market, by, content_kind="message", content_key=made.translation_key)


def test_a_field_of_another_program_is_told_before_approval(home, market, editor, client, owner):
    publication = planned(market, editor, html="<p>Hi</p>\n<p>Dear *|FNAME|*,</p>")
    assert any("Line 2: “*|FNAME|*” is a field of another program" in line for line in seals.advice(publication))
    client.force_login(owner)
    page = client.get(reverse("publishing_publication:detail", args=[publication.public_id])).content.decode()
    assert "“*|FNAME|*” is a field of another program" in page


@pytest.mark.parametrize(
    ("html", "nameless", "says"),
    [
        ("<p>Hi {{ first_name }}, welcome</p>", 2, "2 people of the audience have no first name"),
        ("<p>Hi {{ first_name }}, welcome</p>", 1, "1 person of the audience has no first name"),
        ("<p>Hi {{ first_name }}, welcome</p>", 0, ""),
        ("<p>Hi {{ first_name|default('you') }}, welcome</p>", 2, ""),
    ],
)
def test_people_without_a_name_are_counted_before_approval(home, market, editor, html, nameless, says):
    people = [ledgers.contact(number) for number in range(4)]
    for person in people[:nameless]:
        person.first_name = ""
        person.save()
    told = [line for line in seals.advice(planned(market, editor, html=html)) if "first name" in line]
    assert len(told) == bool(says)
    assert says in "".join(told)


def test_who_reads_another_language_is_counted_there(home, market, editor, chinese):
    publication = planned(market, editor, html="<p>Hi {{ first_name }}, welcome</p>")
    english = Message.objects.get(translation_key=publication.content_key)
    other = english.copy_for_translation(chinese)
    other.email_html = "<p>你好 {{ first_name|default('朋友') }}</p>"
    other.save()
    for number, code in enumerate(["en", "", "zh-hans", "de"]):
        person = ledgers.contact(number, locale=code)
        person.first_name = ""
        person.save()
    (told,) = [line for line in seals.advice(publication) if "first name" in line]
    assert told.startswith("en: 3 people")


def test_what_is_worth_a_look_is_said_when_it_is_saved_and_stands_in_its_tab(home, client, editor):
    editor.groups.add(ensure_roles()["Editors"])
    client.force_login(editor)
    fields = {"name": "News", "email_subject": "News", "email_html": "<p>*|FNAME|*</p>", "push_title": "{FNAME}"}
    fields |= {"email_body": "null", "comments-TOTAL_FORMS": "0", "comments-INITIAL_FORMS": "0"}
    page = client.post(reverse("wagtailsnippets_cms_message:add"), fields, follow=True).content.decode()
    assert "2 things are worth a look before it is approved" in page
    made = Message.objects.get(name="News")
    page = client.get(reverse("wagtailsnippets_cms_message:edit", args=[made.pk])).content.decode()
    email, push = page.split('class="al-advice"')[1:]
    assert "*|FNAME|*" in email.split("</details>")[0]
    assert "{FNAME}" in push.split("</details>")[0]


def test_the_preview_shows_it(home):
    item = Message(name="N", email_subject="S", email_html="<p>*|FNAME|*</p>", locale=home.locale)
    assert (
        "*|FNAME|*” is a field of another program" in item.make_preview_request(preview_mode="email").content.decode()
    )


# --- The law's words -------------------------------------------------------------------------------------------------

LINK = '<a href="{{ unsubscribe_url }}">away</a>'


@pytest.mark.parametrize(
    ("html", "found"),
    [
        (LINK, True),
        (f"<!-- {LINK} -->", False),
        (f"<!--[if mso]>{LINK}<![endif]-->", False),
        (f"{{% if first_name %}}{LINK}{{% endif %}}", False),
        (f'<div style="display: none">{LINK}</div>', False),
        ("<p>unsubscribe_url</p>", False),
        ("<p>{{ unsubscribe_url }}</p>", False),
        ("<a href='{{unsubscribe_url}}'>x</a>", True),
    ],
)
def test_a_link_is_what_everyone_can_click(html, found):
    assert legal.has_way_out(html) is found
    assert compiler.compile_rendition(emails_of(html), SETTING).content.count(b"Unsubscribe</a>") == (not found)


def emails_of(html):
    from cms.renditions import EmailRendition

    return EmailRendition("S", "", html, "T")


@pytest.mark.parametrize(
    ("html", "addresses", "links"),
    [
        ("<p>Hi</p>", 1, 1),
        (f"<p>Hi</p>{LINK}", 1, 1),
        (f"<p>Hi</p><p>12 Mill Lane,<br>PORTLAND</p>{LINK}", 0, 1),
        (f"<p>Hi</p><!-- 12 Mill Lane Portland {LINK} -->", 1, 1),
    ],
)
def test_what_the_law_asks_for_is_added_where_it_is_missing(home, html, addresses, links):
    kit = BrandKit(name="H", postal_address="12 Mill Lane\nPortland", site=home.get_site())
    made = emails.complete(f"<html><body>{html}</body></html>", kit, "en", "")
    shown = legal.re.sub(r"<!--.*?-->", "", made, flags=legal.re.DOTALL)
    assert shown.count("12 Mill Lane<br>") == addresses
    assert shown.count("{{ unsubscribe_url }}") == links
    assert made.rstrip().endswith("</body></html>")


def test_a_text_gets_the_address_where_it_has_only_the_link(home):
    kit = BrandKit(name="H", postal_address="12 Mill Lane", site=home.get_site())
    assert emails.complete_text("Hi {{ unsubscribe_url }}", kit, "en").endswith("\n\n--\nH\n12 Mill Lane\n")


# --- Pictures --------------------------------------------------------------------------------------------------------


def picture(mode, frames=1, form="PNG", alpha=0):
    buffer = io.BytesIO()
    colour = (9, 9, 9, alpha) if mode == "RGBA" else (9, 9, 9)
    images = [
        Image.new(mode, (200, 100), colour if not at else (200, 9, 9, 255)[: len(colour)]) for at in range(frames)
    ]
    images[0].save(buffer, form, **({"save_all": True, "append_images": images[1:]} if frames > 1 else {}))
    made = Picture(title="Logo")
    made.file = ContentFile(buffer.getvalue(), name=f"logo.{form.lower()}")
    made.save()
    return made


def test_a_logo_keeps_its_transparency(db):
    url, width, height = emails.picture_address(picture("RGBA"), "height-50")
    assert url.endswith(".png")
    assert (width, height) == (100, 50)
    assert emails.picture_address(picture("RGBA", alpha=255), "height-50")[0].endswith(".jpg")


def test_a_gif_keeps_its_frames_and_a_post_says_that_it_does_not(home):
    moving = picture("RGB", frames=3, form="GIF")
    url, width, height = emails.picture_address(moving, "width-100")
    assert url.endswith(".gif")
    assert (width, height) == (100, 50)
    with moving.file.open("rb") as file, Image.open(file) as opened:
        assert opened.n_frames > 1
    assert any("moves" in line for line in advice.of(Message(name="N", picture=moving, locale=home.locale)))


def test_a_picture_that_leads_somewhere_says_so_in_the_plain_text():
    from cms.markup import html_to_text

    html = '<a href="https://a.example/1"><img src="x" alt="Shop now"></a><p><a href="https://a.example/2"><img src="x"></a></p>'
    assert html_to_text(html) == "Shop now: https://a.example/1\n\nhttps://a.example/2\n"


def test_rendering_is_quick_enough_to_be_watched():
    rows = "<mj-section><mj-column><mj-text css-class='a'>Hi <b>you</b></mj-text></mj-column></mj-section>" * 100
    source = f"<mjml><mj-head><mj-style>.a b{{color:red}}</mj-style></mj-head><mj-body>{rows}</mj-body></mjml>"
    assert mjml.render(source).html.count("Hi <b>you</b>") == 100


def test_it_is_refused_as_a_sentence_never_as_a_fault():
    with pytest.raises(Invalid):
        mjml.render("<mjml>" * 50)
