"""One offer in two languages: its words are entered once, and stand on the page, in the e-mail, the post and the push."""

import pytest
from django.urls import reverse
from wagtail.models import Locale, Page

from campaigns.promotions.models import Offer
from cms import previews, selectors
from cms.models import HomePage, PromotionPage
from core.texts import Escape, parse

FORM = {
    "name": "Linen bed set",
    "currency": "USD",
    "regular_price": "249",
    "price": "169",
    "starts": "2026-01-27 00:00",
    "ends": "2036-12-01 00:00",
    "timezone": "America/New_York",
    "legal_line": "While stock lasts.",
    "translation_zh_hans_name": "亚麻床品套装",
    "translation_zh_hans_legal_line": "售完为止。",
}


@pytest.fixture
def admin(client, owner):
    client.force_login(owner)
    return client


def test_words_are_entered_beside_the_figures_and_can_be_taken_back(admin):
    page = admin.get(reverse("promotions_offer:add")).content.decode()
    assert page.index('name="legal_line"') < page.index('name="translation_zh_hans_legal_line"')
    assert "Legal line in Simplified Chinese" in page
    assert admin.post(reverse("promotions_offer:add"), FORM).status_code == 302
    offer = Offer.objects.get()
    assert offer.translations == {"zh-hans": {"name": "亚麻床品套装", "legal_line": "售完为止。"}}

    edit = reverse("promotions_offer:edit", args=[offer.pk])
    assert 'value="亚麻床品套装"' in admin.get(edit).content.decode()
    assert admin.post(edit, {**FORM, "translation_zh_hans_legal_line": " "}).status_code == 302
    offer.refresh_from_db()
    assert offer.translations == {"zh-hans": {"name": "亚麻床品套装"}}
    assert admin.post(edit, {**FORM, "translation_zh_hans_name": "好" * 201}).status_code == 200
    offer.refresh_from_db()
    assert offer.translations == {"zh-hans": {"name": "亚麻床品套装"}}


def test_languages_that_the_form_does_not_show_are_kept(admin, market):
    admin.post(reverse("promotions_offer:add"), FORM)
    offer = Offer.objects.get()
    offer.translations["fr"] = {"name": "Parure de lit"}
    offer.save()
    admin.post(reverse("promotions_offer:edit", args=[offer.pk]), FORM)
    offer.refresh_from_db()
    assert offer.translations["fr"] == {"name": "Parure de lit"}


def test_one_offer_stands_in_two_languages_on_every_channel(admin, client):
    admin.post(reverse("promotions_offer:add"), FORM)
    offer = Offer.objects.get()
    chinese = Locale.objects.get_or_create(language_code="zh-hans")[0]
    home = Page.get_first_root_node().add_child(instance=HomePage(title="Home", slug="shop"))
    words = "{{ offer.name }}: {{ offer.price }}. {{ offer.legal_line }}"
    english_page = home.add_child(
        instance=PromotionPage(
            title="Sale", slug="sale", summary="S", offer=offer, email_text=words, social_text=words,
            push_title="{{ offer.name }}", push_body=words,
        )
    )  # fmt: skip
    chinese_page = english_page.copy_for_translation(chinese, copy_parents=True)
    chinese_page.get_latest_revision_as_object().save_revision().publish()

    key = english_page.translation_key
    for code, said in (("en", ("Linen bed set", "While stock lasts.")), ("zh-hans", ("亚麻床品套装", "售完为止。"))):
        page = selectors.find("page", key, code)
        context = previews.sample(page)
        email = selectors.rendition("page", key, "email", code)
        push = selectors.rendition("page", key, "push", code)
        shown = [
            page.make_preview_request(preview_mode="").content.decode(),
            parse(email.html, Escape.HTML).render(context),
            parse(email.text, Escape.TEXT).render(context),
            selectors.rendition("page", key, "social", code).text,
            parse(push.title, Escape.TEXT).render(context) + parse(push.body, Escape.TEXT).render(context),
        ]
        for number, text in enumerate(shown):
            for word in said:
                assert word in text, (code, number, word)
