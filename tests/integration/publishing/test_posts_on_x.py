"""A promotion page's post: its picture with words for it, its link within what X allows, and no sooner sent than right."""

import pytest
from django.core.cache import cache
from django.core.files.base import ContentFile
from wagtail.models import Page, Site

from campaigns.planning.moments import Moment
from campaigns.planning.services import publications as plans
from campaigns.publishing.services import publications, seals
from channels.services import accounts
from cms import artwork, limits, selectors
from cms.models import BrandKit, HomePage, Picture, PromotionPage
from core.errors import Invalid

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(settings, tmp_path):
    settings.ALMANAC_BASE_URL = "https://news.shop.com"  # X takes no 127.0.0.1 for a link
    settings.MEDIA_ROOT = tmp_path / "media"
    cache.clear()  # it remembers renditions of the pictures of other tests
    site = Site.objects.get(is_default_site=True)
    home = Page.get_first_root_node().add_child(instance=HomePage(title="Home", slug="shop"))
    site.root_page = home
    site.save()
    BrandKit.for_site(site).save()
    picture = Picture(title="Linen", description="Folded linen on a shelf")
    picture.file = ContentFile(artwork.picture("linen"), name="linen.jpg")
    picture.save()
    yield home.add_child(instance=PromotionPage(title="Sale", slug="sale", summary="Four days.", picture=picture))
    cache.clear()


@pytest.fixture
def post(shop, page):
    account = accounts.create("x", "The shop on X", {"bearer_token": "token"}, by=shop.author)
    return plans.plan(shop.stage, "social", "page", page.translation_key, account, None, Moment.now(), by=shop.author)


def test_the_picture_goes_along_with_its_words_and_the_link_is_counted(post, page):
    page.social_text = "好" * 127 + "!"  # 255, and 25 for the empty line and the link: exactly what X allows
    page.save()
    (compiled,) = seals.compile_all(post).values()
    assert [(media.mime_type, media.alt) for media in compiled.media] == [("image/jpeg", "Folded linen on a shelf")]
    assert [url.split("?")[0] for url, _label in compiled.links] == [page.absolute_url]
    publications.submit(post, post.created_by)
    assert post.state == "submitted"


def test_one_character_more_is_refused_with_a_sentence(post, page):
    page.social_text = "好" * 128
    page.save()
    with pytest.raises(Invalid, match="281 characters long as X counts; 280 are allowed"):
        publications.submit(post, post.created_by)
    post.refresh_from_db()
    assert post.state == "planned"


def test_a_picture_without_words_is_refused_with_a_sentence(post, page):
    Picture.objects.update(description="")
    with pytest.raises(Invalid, match="no description"):
        publications.submit(post, post.created_by)


@pytest.mark.parametrize(
    "text",
    [
        *("plain", "你好", "👩‍👩‍👧 family", "🇨🇳", "naïve “quotes” …", "README.md"),
        *("see https://shop.example/x", "立即抢购https://shop.com/sale，全场五折", "https://shop.kids/a查看"),
    ],
)
def test_the_editor_counts_what_the_provider_will(post, page, text):
    """One letter less than too long for the editor is one letter less than too long for the provider."""
    page.social_text = text + "好" * ((280 - 25 - limits.x_length(text)) // 2)
    length = limits.x_length(page.social_text, has_link=True)
    assert length in {279, 280}
    page.save()
    seals.compile_all(post)
    page.social_text += "好"
    page.save()
    with pytest.raises(Invalid, match=f"{length + 2} characters long as X counts"):
        seals.compile_all(post)


def test_what_is_derived_always_fits(post, page):
    page.summary = "好" * 300
    page.save()
    rendition = selectors.rendition("page", page.translation_key, "social", "en")
    assert limits.x_length(rendition.text, has_link=True) <= 280
    publications.submit(post, post.created_by)
