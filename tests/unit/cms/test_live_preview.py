"""The preview beside the form: what it shows of a page or message that is being written."""

import pytest
from django.urls import reverse

from core.roles import ensure_roles


@pytest.fixture
def desk(client, editor, home):
    editor.groups.add(ensure_roles()["Editors"])
    client.force_login(editor)
    return client


@pytest.fixture
def new_page(home):
    return reverse("wagtailadmin_pages:preview_on_add", args=["cms", "promotionpage", home.pk])


def form(**fields):
    """What a new promotion page's form sends."""
    return {"body-count": "0", "title": "", "slug": "", "locale": "", **fields}


def shown(client, address, mode):
    return client.get(address, {"mode": mode, "in_preview_panel": "true"}).content.decode()


def test_a_page_that_was_never_saved_is_shown_on_every_channel(desk, new_page):
    told = desk.post(
        new_page,
        form(
            email_subject="{{ first_name|default('Hello') }}, it begins",
            email_text="Come in.",
            social_text="We open.",
            push_title="Now",
        ),
    ).json()
    assert told == {"is_valid": True, "is_available": True, "mistakes": []}
    assert "Maya, it begins" in shown(desk, new_page, "email")
    assert "Come in." in shown(desk, new_page, "email-text")
    assert "We open." in shown(desk, new_page, "post")
    assert "Now" in shown(desk, new_page, "push")
    assert "<h1" in shown(desk, new_page, "")


def test_what_is_half_typed_is_told_on_its_channel_and_the_others_go_on(desk, new_page):
    told = desk.post(new_page, form(title="Sale", email_subject="Hi {{ fir", social_text="We open.")).json()
    assert told["is_valid"]
    html = shown(desk, new_page, "email")
    assert "<dt>Subject</dt>" in html
    assert "“{{ fir” is not closed. End it with }}." in html
    assert "We open." in shown(desk, new_page, "post")


def test_what_is_half_typed_is_not_saved(desk, new_page, home):
    address = reverse("wagtailadmin_pages:add", args=["cms", "promotionpage", home.pk])
    answer = desk.post(address, form(title="Sale", slug="sale", email_subject="Hi {{ fir"))
    assert answer.status_code == 200
    assert "is not closed" in answer.content.decode()
    assert not home.get_children().exists()


def test_what_keeps_the_preview_back_is_said_in_a_sentence(desk, new_page, offer):
    fields = form(title="Only $169.00", offer=offer.pk)
    told = desk.post(new_page, fields).json()
    assert not told["is_valid"]
    assert told["mistakes"] == [
        "Title: Leave the price out: the page shows it from the offer, and only while it holds."
    ]


def test_a_new_message_is_shown_too(desk):
    address = reverse("wagtailsnippets_cms_message:preview_on_add")
    told = desk.post(address, {"name": "Note", "email_text": "Good evening", "email_mjml": "<mjml><mj-bo"}).json()
    assert told["is_valid"]
    assert "<dt>MJML source</dt>" in shown(desk, address, "email")
    desk.post(address, {"name": "Note", "email_text": "Good evening"})
    assert "Good evening" in shown(desk, address, "email-text")


def test_a_subject_is_shown_before_there_is_a_text_and_the_preview_says_what_is_missing(desk, new_page):
    desk.post(new_page, form(title="Sale", email_subject="It begins", email_body="null"))
    html = shown(desk, new_page, "email")
    assert "<h1>It begins</h1>" in html
    assert "“Sale” has no e-mail yet: write its text." in html
    desk.post(new_page, form(title="Sale", email_body="null"))
    assert "There is nothing to show yet" in shown(desk, new_page, "email")
