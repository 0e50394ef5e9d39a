"""What is added to an address leaves everything else of it as it stood."""

import pytest

from campaigns.links import addresses, tokens

GBK = "%C4%E3%BA%C3"  # “你好” in GBK: decoded as UTF-8 and encoded again it would be six replacement characters


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://shop.example", "https://shop.example?al=t"),
        ("https://shop.example/?", "https://shop.example/?al=t"),
        ("https://shop.example/?flag", "https://shop.example/?flag&al=t"),
        ("https://shop.example/?flag&", "https://shop.example/?flag&al=t"),
        (f"https://shop.example/s?q={GBK}", f"https://shop.example/s?q={GBK}&al=t"),
        ("https://shop.example/?next=%2Fa%2fb", "https://shop.example/?next=%2Fa%2fb&al=t"),
        ("https://shop.example/?q=a+b%20c&e=&&=x", "https://shop.example/?q=a+b%20c&e=&&=x&al=t"),
        ("https://shop.example/?a=1;b=2", "https://shop.example/?a=1;b=2&al=t"),
        ("https://shop.example/?q=灯#top?x", "https://shop.example/?q=灯&al=t#top?x"),
        ("https://shop.example/#/route?x=1", "https://shop.example/?al=t#/route?x=1"),
        ("https://shop.example/#", "https://shop.example/?al=t#"),
        ("https://SHOP.example:443/A/../b?x", "https://SHOP.example:443/A/../b?x&al=t"),
        ("https://shop.example/?json={\"a\":[1]}|^", "https://shop.example/?json={\"a\":[1]}|^&al=t"),
    ],
)  # fmt: skip
def test_parameters_stand_between_query_and_fragment(url, expected):
    assert addresses.appended(url, {"al": "t"}) == expected


def test_what_is_added_is_encoded_and_nothing_added_changes_nothing():
    assert (
        addresses.appended("https://a.example/", {"utm_campaign": "a b&c"})
        == "https://a.example/?utm_campaign=a%20b%26c"
    )
    assert addresses.appended("https://a.example/?#", {}) == "https://a.example/?#"


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("https://a.example/?utm_source=spring", True),
        ("https://a.example/?UTM_Campaign=x", True),
        ("https://a.example/?utm%5Fmedium=x", True),
        ("https://a.example/?x=utm_source", False),
        ("https://a.example/#utm_source=x", False),
        (f"https://a.example/?{GBK}=1", False),
    ],
)
def test_the_marketers_own_campaign_is_recognised(url, own):
    assert addresses.has_campaign_of_its_own(url) is own


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("?a=1&amp;b=2", "?a=1&b=2"),
        ("?a=1&copy=2&reg=3&notit=4&para1", "?a=1&copy=2&reg=3&notit=4&para1"),
        ("?a=&notit;&nosuch;", "?a=&notit;&nosuch;"),
        ("?a=&copy;&eacute;&#233;&#xE9;", "?a=©ééé"),
        (" ?lt=&lt ", "?lt=<"),
        ("?a&b&", "?a&b&"),
    ],
)
def test_an_attribute_is_read_as_browsers_read_it(written, meant):
    # Right values: HTML Living Standard, 13.2.5.73 (named character reference state), read 2026-11-27.
    assert addresses.from_attribute(written) == meant


def test_hosts_are_compared_in_any_case_and_a_broken_address_leads_nowhere():
    assert addresses.leads_to("https://Shop.Example/x", {"shop.example"})
    assert not addresses.leads_to("https://shop.example.evil.example/", {"shop.example"})
    assert not addresses.leads_to("https://[broken", {"shop.example"})


def test_what_an_earlier_message_added_goes_when_its_address_is_copied():
    old = tokens.make("click", 7, 3)
    ours = f"utm_source=almanac&utm_medium=email&utm_campaign=old&al={old}"
    assert addresses.without_our_own(f"https://shop.example/a?x=%2F&{ours}#f") == "https://shop.example/a?x=%2F#f"
    assert addresses.without_our_own(f"https://shop.example/a?{ours}") == "https://shop.example/a"
    kept = "https://shop.example/a?utm_source=x&flag"
    assert addresses.without_our_own(f"{kept}&al={old}") == kept
    for url in (
        "https://shop.example/a?al=7",
        "https://shop.example/a?utm_source=almanac&b",
        "https://shop.example/?",
        kept,
    ):
        assert addresses.without_our_own(url) == url
