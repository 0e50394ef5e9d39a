"""The demo shop is complete in both languages, and building it again changes nothing."""

import pytest

from cms import selectors
from cms.models import ContentPage, Message, Picture, PromotionPage
from cms.services import demo
from cms.services.demo_texts import PICTURES

pytestmark = pytest.mark.django_db


def test_the_demo_shop_is_whole_and_stays_as_it_is(market, owner, client):
    made = demo.build(market, owner)
    pages = [page.specific for page in PromotionPage.objects.all()]
    assert demo.build(market, owner) == made
    assert [page.specific for page in PromotionPage.objects.all()] == pages
    assert Picture.objects.count() == len(PICTURES)
    assert all(picture.description for picture in Picture.objects.all())

    for slug, key in made["pages"].items():
        assert selectors.locales("page", key) == ["en", "zh-hans"], slug
        for locale in ("en", "zh-hans"):
            page = selectors.find("page", key, locale)
            if page.live:
                assert (
                    client.get(
                        selectors.public_url("page", key, locale).removeprefix("http://127.0.0.1:8000")
                    ).status_code
                    == 200
                )
            if isinstance(page, ContentPage):
                for channel in ("email", "social", "push"):
                    assert selectors.rendition("page", key, channel, locale)
    assert not selectors.is_public("page", made["pages"]["lunar-new-year-2027"])
    for key in made["messages"].values():
        assert selectors.locales("message", key) == ["en", "zh-hans"]
        assert selectors.rendition("message", key, "email", "zh-hans").subject.startswith("谢谢")
    assert Message.objects.count() == 2
    assert made["offers"]["black-friday-2026"].code == "HEARTH26"
