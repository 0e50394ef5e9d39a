"""Where a link ends in a text, in every script, wherever texts are searched for links."""

import pytest

from core import links


# The text with its links in angle brackets. Cases are of issue 6 and of reports on other tools: links in running Chinese,
# Japanese, Thai and Korean (no space around them), Arabic, quotation marks, brackets, Markdown.
@pytest.mark.parametrize(
    "marked",
    [
        "立即抢购<https://shop.example/sale>，全场五折，今晚截止。",
        "点击<https://shop.example/sale>查看",
        "详情：<https://shop.example/sale>。",
        "（<https://shop.example/sale>）",
        "「<https://shop.example/sale>」、『<http://shop.example>』",
        "“<https://shop.example/sale>”",
        "“<https://shop.example>”…",
        "<https://shop.example/sale>ลดราคา",
        "詳しくは<https://shop.example/sale>まで",
        "<https://shop.example/sale>에서",
        "السعر <https://shop.example/sale>، اليوم",
        "السعر<https://shop.example/sale>اليوم",
        "<https://shop.example/sale>!",
        "<https://shop.example/sale>... and <https://shop.example/b>?",
        "<https://shop.example/sale>~",
        "(see <https://shop.example/sale>).",
        "<https://en.wikipedia.org/wiki/Foo_(bar)>, and more",
        "[a](<https://shop.example/sale>)",
        "[<https://shop.example/a>](<https://shop.example/b>)",
        "'<https://shop.example/a>','<https://shop.example/b>'",
        "<https://shop.example/a>,<https://shop.example/b>",
        "<https://shop.example/o'neill>",
        "**<https://shop.example/sale>**",
        "<https://example.com/>販売",
        "<https://example.com/%E8%B2%A9%E5%A3%B2>。",
        "<https://shop.example/vente-été?größe=m#Ü>",
        "<https://shop.example/Товары>.",
        "<https://münchen.de/straße>.",
        "<https://münchen.example>立即",
        "<https://shop.example>查看",
        "<https://shop.com>查看",
        "<https://中文.中国/a>查看",
        "<https://例え.テスト/a>",
        "<https://مثال.السعودية/a>",
        "<https://shop.kids/a>",
        "<https://shop.example?a[]=1&b=2#top>",
        "<https://shop.example/?flag&x=%C4%E3>",
        "<http://localhost:8000/a,b;c=1>,",
        "<http://[::1]:8080/x>",
        "<https://user:word@shop.example:8443/x>",
        "<HTTPS://Shop.Example/A>",
        "<https://web.archive.org/web/2020/https://shop.example/a>",
        "<https://shop.example/a>\n<https://shop.example/b>\t<https://shop.example/c>",
        "shop.example, README.md and https:// are none; nor is xhttps://shop.example",
        "ftp://shop.example mailto:a@shop.example",
    ],
)
def test_where_a_link_ends(marked):
    text = marked.replace("<", "").replace(">", "")
    found = links.find(text)
    assert [link.url for link in found] == [part.split(">")[0] for part in marked.split("<")[1:]]
    assert all(text[link.start : link.end] == link.url for link in found)


@pytest.mark.parametrize("sign", '，。：；！？、（）「」『』【】《》〈〉…—“”‘’«»‹›·〜～　\u200b\u200e\u00a0<>"`{}|^\\')
def test_no_link_goes_on_behind_a_sign_that_stands_in_no_address(sign):
    (link,) = links.find(f"x https://shop.example/sale{sign}查看更多 more")
    assert link.url == "https://shop.example/sale"


def test_long_texts_are_searched_at_once():
    assert len(links.find("(https://shop.example/(a" * 500)) == 500
    assert links.find("https://!" * 5000) == []
    assert len(links.find("https://shop.example/" + "(a" * 5000)) == 1
