"""The number under a post while it is written: the server's, so that there is one way to count."""

import pytest
from django.urls import reverse

from cms import limits

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("text", "length"),  # with the empty line and the link that are added
    [
        ("", 0),
        ("好" * 140, 305),
        ("立即抢购https://shop.com/sale，全场五折" + "抢" * 120, 306),
        ("README.md", 48),
        ("a\r\nb", 28),
    ],
)
def test_it_is_what_x_will_count(client, owner, settings, text, length):
    settings.ALMANAC_BASE_URL = "https://news.shop.com"
    client.force_login(owner)
    answer = client.post(reverse("cms_post_length"), {"text": text})
    assert answer.json() == {"length": length}
    assert not text or length == limits.x_length(text.replace("\r\n", "\n"), has_link=True)


def test_a_text_far_too_long_is_counted_at_once(client, owner):
    client.force_login(owner)
    assert client.post(reverse("cms_post_length"), {"text": "a._" * 50_000}).json()["length"] > 100_000


def test_only_people_at_work_may_ask_and_only_in_a_post(client, owner):
    assert client.post(reverse("cms_post_length"), {"text": "a"}).status_code == 302
    client.force_login(owner)
    assert client.get(reverse("cms_post_length")).status_code == 405
