"""Link sets are made once, lead where they were told, and nowhere else."""

from uuid import uuid4

import pytest

from campaigns.links import services
from campaigns.links.models import Link
from core.errors import Conflict, Invalid

URLS = [("https://shop.example/a?x=1", "Shop"), ("https://shop.example/b", "")]


@pytest.fixture(autouse=True)
def forget():
    services._known_target.cache_clear()


@pytest.mark.django_db
def test_links_are_numbered_from_0_and_looked_up():
    link_set = services.create_set(uuid4(), URLS)
    assert services.target(link_set.pk, 0) == "https://shop.example/a?x=1"
    assert services.target(link_set.pk, 1) == "https://shop.example/b"
    assert services.target(link_set.pk, 2) is None
    assert services.target(link_set.pk + 1, 0) is None


@pytest.mark.django_db
def test_asking_again_gives_the_same_set_and_other_links_are_a_conflict():
    owner = uuid4()
    first = services.create_set(owner, URLS)
    assert services.create_set(owner, URLS) == first
    with pytest.raises(Conflict):
        services.create_set(owner, URLS[:1])
    assert Link.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "//evil.example",
        "/path",
        "ftp://x/y",
        "https://",
        "https://a b/",
        "https://a/\r\nX: y",
        "",
    ],
)
def test_only_whole_web_addresses_can_be_links(url):
    with pytest.raises(Invalid):
        services.create_set(uuid4(), [("https://shop.example/", ""), (url, "")])
    assert not Link.objects.exists()


@pytest.mark.django_db
def test_a_target_is_asked_from_the_database_once(django_assert_num_queries):
    link_set = services.create_set(uuid4(), URLS)
    with django_assert_num_queries(1):
        for _ in range(5):
            services.target(link_set.pk, 0)


def test_addresses_are_absolute(settings):
    settings.ALMANAC_BASE_URL = "https://news.shop.example"
    assert services.click_url("tok", 3) == "https://news.shop.example/c/tok/3"
    assert services.open_url("tok") == "https://news.shop.example/o/tok.gif"
    assert services.unsubscribe_url("tok") == "https://news.shop.example/u/tok"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("url", "hosts", "passes"),
    [
        ("https://Shop.Example/a?utm_source=spring&x", {"shop.example"}, True),
        ("https://other.example/?utm_source=almanac", {"shop.example"}, False),
        ("https://other.example/?utm_source=almanac", None, True),
        ("https://other.example/?x_utm_source=almanac", None, False),
        ("http://127.0.0.1:8000/sale", None, True),
    ],
)
def test_a_link_knows_whether_its_target_may_learn_the_token(settings, url, hosts, passes):
    settings.ALMANAC_BASE_URL = "http://127.0.0.1:8000"
    link_set = services.create_set(uuid4(), [(url, "")], hosts)
    assert services.target_of(link_set.pk, 0) == services.Target(url, passes)
